/* SPDX-License-Identifier: MIT */
#include "target.h"

#include "envelope.h"
#include "text.h"

#include <string.h>
#include <strings.h>

static bool is_printing(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x21 || s.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* --- host and port (RFC 3986, 3.2.2) ---------------------------------------------------------- */

/* Without the comma, which that RFC allows: here it is the mark of two Host headers that a proxy has joined.
 */
static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+;=", c) != NULL);
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool escape = s.data[i] == '%' && s.len - i > 2 && text_hex_digit(s.data[i + 1]) >= 0 &&
                      text_hex_digit(s.data[i + 2]) >= 0;

        if (!escape && !is_name_byte(s.data[i])) {
            return false;
        }
    }
    return true;
}

static bool is_ip_literal(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_name_byte(s.data[i]) && s.data[i] != ':') {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_host(struct span s)
{
    const char *end = s.len == 0 ? NULL : memchr(s.data, s.data[0] == '[' ? ']' : ':', s.len);
    struct span host = s, port = {"", 0};

    if (s.len > 0 && s.data[0] == '[') {
        if (end == NULL) {
            return false;
        }
        host = (struct span){s.data + 1, (size_t)(end - s.data) - 1};
        end++;
        if (end < s.data + s.len && *end != ':') {
            return false;
        }
        port = (struct span){end, (size_t)(s.data + s.len - end)};
    } else if (end != NULL) {
        host.len = (size_t)(end - s.data);
        port = (struct span){end, s.len - host.len};
    }
    if (port.len > 0 && !text_is_digits((struct span){port.data + 1, port.len - 1})) {
        return false;
    }
    return s.len > 0 && s.data[0] == '[' ? is_ip_literal(host) : is_name(host);
}

static bool read_host(struct request *r, struct reply *reply)
{
    size_t hosts = request_find(r, "host", &r->host);

    if (hosts > 1 || (hosts == 0 && !r->http_1_0)) {
        return reply_refuse(reply, REPLY_MALFORMED, "the request has %zu Host headers; send one", hosts);
    }
    return is_host(r->host) || reply_refuse(reply, REPLY_MALFORMED, "Host is not a name and a port");
}

/* --- the target ------------------------------------------------------------------------- */

static bool refuse_target(struct reply *reply)
{
    return reply_refuse(reply, REPLY_MALFORMED,
                        "the target is neither a path nor a URL that begins with http:// or https://");
}

static void split(struct span target, struct request *r)
{
    const char *mark = target.len == 0 ? NULL : memchr(target.data, '?', target.len);

    r->path = target;
    r->query = (struct span){"", 0};
    if (mark != NULL) {
        r->path.len = (size_t)(mark - target.data);
        r->query = (struct span){mark + 1, target.len - r->path.len - 1};
    }
}

static size_t scheme_length(struct span target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);

        if (target.len > len && strncasecmp(target.data, schemes[i], len) == 0) {
            return len;
        }
    }
    return 0;
}

/* RFC 9112, 3.2.2: its host replaces Host. */
static bool read_url(struct span target, size_t scheme, struct request *r, struct reply *reply)
{
    struct span host = {target.data + scheme, 0}, rest;

    while (scheme + host.len < target.len && strchr("/?#", host.data[host.len]) == NULL) {
        host.len++;
    }
    if (host.len == 0 || !is_host(host)) {
        return refuse_target(reply);
    }
    rest = (struct span){host.data + host.len, target.len - scheme - host.len};
    split(rest, r);
    if (r->path.len == 0) {
        bool server = rest.len == 0 && request_is(r->method, "OPTIONS");

        r->path = span_of(server ? TARGET_SERVER : "/");
    }
    r->host = host;
    return r->path.data[0] != '#' || refuse_target(reply);
}

bool target_read(struct span target, struct request *r, struct reply *reply)
{
    size_t scheme = scheme_length(target);

    if (!read_host(r, reply)) {
        return false;
    }
    if (target.len > ENVELOPE_TARGET_MAX) {
        return reply_refuse(reply, REPLY_LONG_TARGET, "the URL has %zu bytes; at most %d are allowed",
                            target.len, ENVELOPE_TARGET_MAX);
    }
    if (!is_printing(target)) {
        return reply_refuse(reply, REPLY_MALFORMED,
                            "the URL holds a byte outside 0x21 to 0x7e; percent-encode it");
    }
    if (scheme > 0) {
        return read_url(target, scheme, r, reply);
    }
    split(target, r);
    if (span_equal(target, span_of(TARGET_SERVER)) && request_is(r->method, "OPTIONS")) {
        return true;
    }
    return (target.len > 0 && target.data[0] == '/') || refuse_target(reply);
}
