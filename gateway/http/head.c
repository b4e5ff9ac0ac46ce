/* SPDX-License-Identifier: MIT */
#include "head.h"

#include "envelope.h"
#include "target.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

#define VERSION_LEN 8 /* HTTP/1.1 */

/* RFC 9110, 5.6.2. */
static bool is_token_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_byte(s.data[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_version(struct span s)
{
    return s.len == VERSION_LEN && text_begins(s, "HTTP/") && is_digit(s.data[5]) && s.data[6] == '.' &&
           is_digit(s.data[7]);
}

static struct span last_bytes(struct span s, size_t count)
{
    return s.len < count ? s : (struct span){s.data + s.len - count, count};
}

/* --- where the head ends ---------------------------------------------------------------- */

size_t head_empty_lines(struct span bytes)
{
    size_t len = 0;

    while (bytes.len - len >= 2 && memcmp(bytes.data + len, "\r\n", 2) == 0) {
        len += 2;
    }
    return len;
}

/* Something else than HTTP, such as a TLS handshake, may never send a line end. */
static bool cannot_begin(struct span bytes)
{
    bool maybe_empty_line = bytes.len == 1 && bytes.data[0] == '\r';

    return bytes.len > 0 && !is_token_byte(bytes.data[0]) && !maybe_empty_line;
}

bool head_is_complete(struct head_scan *scan, struct span bytes)
{
    if (cannot_begin(bytes)) {
        scan->at = bytes.len;
        return true;
    }
    while (scan->at < bytes.len) {
        const char *end = memchr(bytes.data + scan->at, '\n', bytes.len - scan->at);
        struct span line = {bytes.data + scan->line, 0};
        bool is_first = scan->line == 0;

        if (end == NULL) {
            scan->at = bytes.len;
            break;
        }
        line.len = (size_t)(end - line.data);
        line.len -= line.len > 0 && end[-1] == '\r';
        scan->at = scan->line = (size_t)(end - bytes.data) + 1;
        if (line.len == 0 || (is_first && !is_version(last_bytes(line, VERSION_LEN)))) {
            return true;
        }
    }
    return false;
}

/* --- lines ------------------------------------------------------------------------------ */

static bool refuse(struct reply *reply, const char *sentence)
{
    (void)reply_refuse(reply, REPLY_MALFORMED, "%s", sentence);
    return false;
}

/* Takes the next line, without its CR and LF. */
static bool take_line(struct span *rest, struct span *line, struct reply *reply)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);

    if (end == NULL || end == rest->data || end[-1] != '\r') {
        return refuse(reply, "a line of the head does not end in CR and LF");
    }
    *line = (struct span){rest->data, (size_t)(end - rest->data) - 1};
    *rest = (struct span){end + 1, rest->len - line->len - 2};
    return true;
}

static bool read_version(struct span text, struct request *r, struct reply *reply)
{
    if (!is_version(text)) {
        return refuse(reply, "the request line is not a method, a target and HTTP/1.1, each after one space");
    }
    if (text.data[5] != '1') {
        return reply_refuse(reply, REPLY_VERSION, "only HTTP/1.1 and HTTP/1.0 are understood here");
    }
    r->http_1_0 = text.data[7] == '0';
    return true;
}

static bool read_request_line(struct span line, struct request *r, struct span *target, struct reply *reply)
{
    const char *space = line.len == 0 ? NULL : memchr(line.data, ' ', line.len);
    struct span rest, version = last_bytes(line, VERSION_LEN);

    if (space == NULL) {
        return read_version((struct span){"", 0}, r, reply);
    }
    r->method = (struct span){line.data, (size_t)(space - line.data)};
    rest = (struct span){space + 1, line.len - r->method.len - 1};
    if (!is_token(r->method) || rest.len < VERSION_LEN + 2 || rest.data[rest.len - VERSION_LEN - 1] != ' ') {
        return read_version((struct span){"", 0}, r, reply);
    }
    *target = (struct span){rest.data, rest.len - VERSION_LEN - 1};
    if (!read_version(version, r, reply)) {
        return false;
    }
    return request_method(r->method) != 0 ||
           reply_refuse(reply, REPLY_NOT_IMPLEMENTED, "the method is none of those that are served here");
}

/* RFC 9110, 5.5: a tab is allowed, and so are the bytes from 0x80. */
static bool is_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (((unsigned char)s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool read_header(struct span line, struct request *r, struct reply *reply)
{
    const char *colon = memchr(line.data, ':', line.len);
    struct request_header h = {.name = {line.data, colon == NULL ? 0 : (size_t)(colon - line.data)}};

    if (colon == NULL || !is_token(h.name)) {
        return refuse(reply, "a header is folded, or its name is not a token followed by a colon");
    }
    if (h.name.len > REQUEST_NAME_MAX) {
        return reply_refuse(reply, REPLY_HEADERS, "a header's name has %zu bytes; at most %d are allowed",
                            h.name.len, REQUEST_NAME_MAX);
    }
    h.value = (struct span){colon + 1, line.len - h.name.len - 1};
    if (!is_value(h.value)) {
        return refuse(reply, "a header's value holds a control character");
    }
    h.value = text_trim(h.value);
    if (r->header_count == REQUEST_HEADERS_MAX) {
        return reply_refuse(reply, REPLY_HEADERS, "the request has more than the %d headers that are allowed",
                            REQUEST_HEADERS_MAX);
    }
    r->headers[r->header_count++] = h;
    return true;
}

static bool read_headers(struct span rest, int64_t most, struct request *r, struct reply *reply)
{
    int64_t bytes = 0;
    struct span line = {"", 0};

    for (;;) {
        if (!take_line(&rest, &line, reply)) {
            return false;
        }
        if (line.len == 0) {
            break;
        }
        if (!read_header(line, r, reply)) {
            return false;
        }
        bytes +=
            (int64_t)(r->headers[r->header_count - 1].name.len + r->headers[r->header_count - 1].value.len);
    }
    return bytes <= most ||
           reply_refuse(reply, REPLY_HEADERS,
                        "the headers have %" PRId64 " bytes; at most %" PRId64 " are allowed", bytes, most);
}

bool head_parse(struct span head, int64_t most, struct request *r, struct reply *reply)
{
    struct span line = {"", 0}, target = {"", 0};

    r->header_count = 0;
    return take_line(&head, &line, reply) && read_request_line(line, r, &target, reply) &&
           read_headers(head, most, r, reply) && target_read(target, r, reply);
}
