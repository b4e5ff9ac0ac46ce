/* SPDX-License-Identifier: MIT */
#include "replicas.h"

#include "clock.h"
#include "ctl/http.h"
#include "resolve.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MS 2000L
#define ALL_US (10 * CLOCK_US_PER_S)
#define ANSWER_MAX ((size_t)16 << 20)
#define PORT_DIGITS 5
#define HOST_MAX 255

/* One entry of the setting. */
struct entry {
    char host[HOST_MAX + 1];
    int64_t port;
};

/* One line that can't send commands to a terminal. */
static void set_state(struct replica *replica, struct span text)
{
    const char *end = text.len == 0 ? NULL : memchr(text.data, '\n', text.len);
    struct span line = {text.data, end == NULL ? text.len : (size_t)(end - text.data)};
    size_t len = text_copy(replica->state, sizeof replica->state, line);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)replica->state[i] < ' ' || replica->state[i] == 0x7f) {
            replica->state[i] = '?';
        }
    }
}

/* Takes both answers of a replica, or says why there are none. */
static void take_answers(struct replica *replica, struct http *http)
{
    struct http_reply ready, metrics;
    struct buf refused = {0};

    http_send(http, "GET", "/ready", SPAN_LITERAL(""), &ready);
    set_state(replica, ready.status == 0 ? span_of(ready.problem) : buf_span(&ready.body));
    replica->ready = ready.status >= 200 && ready.status <= 299;
    replica->answered = ready.status != 0;
    buf_free(&ready.body);
    if (!replica->answered) {
        return;
    }
    http_send(http, "GET", "/metrics", SPAN_LITERAL(""), &metrics);
    replica->answered = metrics.status >= 200 && metrics.status <= 299 && !metrics.cut;
    if (replica->answered) {
        replica->metrics = metrics.body;
        return;
    }
    replica->ready = false;
    buf_printf(&refused, "/metrics: status %ld%s", metrics.status, metrics.cut ? ", cut after 16 MiB" : "");
    set_state(replica, metrics.status == 0 ? span_of(metrics.problem) : buf_span(&refused));
    buf_free(&refused);
    buf_free(&metrics.body);
}

static void ask(struct replica *replica)
{
    struct http_options options = {.schemes = "http", .total_ms = ANSWER_MS, .answer_max = ANSWER_MAX};
    struct buf url = {0};
    struct http *http = NULL;
    struct error error;

    buf_printf(&url, "http://%s", replica->address);
    options.url = buf_text(&url);
    if (http_open(&http, &options, &error) == ERROR_NONE) {
        take_answers(replica, http);
    } else {
        set_state(replica, span_of(error.text));
    }
    http_close(http);
    buf_free(&url);
}

static bool read_entry(struct span text, struct entry *entry)
{
    struct span host = text, port;

    while (host.len > 0 && host.data[host.len - 1] != ':') {
        host.len--;
    }
    port = (struct span){text.data + host.len, text.len - host.len};
    if (host.len < 2 || !text_number(port, PORT_DIGITS, &entry->port) || entry->port < 1 ||
        entry->port > 65535) {
        return false;
    }
    host.len--;
    if (host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = (struct span){host.data + 1, host.len - 2};
    }
    return host.len > 0 && text_copy(entry->host, sizeof entry->host, host) == host.len;
}

static struct replica *add(struct replicas *replicas, const char *host, int64_t port)
{
    struct replica *replica;

    if (replicas->count == REPLICAS_MAX) {
        return NULL;
    }
    replica = &replicas->list[replicas->count++];
    (void)snprintf(replica->address, sizeof replica->address, strchr(host, ':') == NULL ? "%s:%d" : "[%s]:%d",
                   host, (int)port);
    return replica;
}

/* Adds a replica for each address of the entry. */
static enum error_code find(struct replicas *replicas, const struct entry *entry, struct error *error)
{
    struct addresses addresses = {0};
    struct error unknown;
    enum error_code code =
        resolve(entry->host, clock_monotonic_us() + ANSWER_MS * CLOCK_US_PER_MS, &addresses, &unknown);
    struct replica *replica = NULL;

    for (size_t i = 0; code == ERROR_NONE && i < addresses.count; i++) {
        replica = add(replicas, addresses.text[i], entry->port);
        if (replica == NULL) {
            break;
        }
    }
    if (code != ERROR_NONE) {
        replica = add(replicas, entry->host, entry->port);
        if (replica != NULL) {
            set_state(replica, span_of(unknown.text));
        }
    }
    return replica != NULL ? ERROR_NONE
                           : error_set(error, ERROR_SETTING, "more than %d admin ports: %s is one too many",
                                       REPLICAS_MAX, entry->host);
}

static void ask_all(struct replicas *replicas)
{
    int64_t deadline_us = clock_monotonic_us() + ALL_US;

    for (size_t i = 0; i < replicas->count; i++) {
        struct replica *replica = &replicas->list[i];

        if (replica->state[0] != '\0') {
            continue;
        }
        if (clock_monotonic_us() < deadline_us) {
            ask(replica);
        } else {
            set_state(replica, SPAN_LITERAL("not asked: the ones before it took 10 s"));
        }
    }
}

enum error_code replicas_ask(struct replicas *replicas, const char *admins, struct error *error)
{
    enum error_code code = ERROR_NONE;

    while (code == ERROR_NONE && *admins != '\0') {
        size_t len = strcspn(admins, ",");
        struct span text = text_trim((struct span){admins, len});
        struct entry entry;

        code = read_entry(text, &entry) ? find(replicas, &entry, error)
                                        : error_set(error, ERROR_SETTING,
                                                    "%.*s: not host:port, as GATEWAY_ADMINS and "
                                                    "WORKER_ADMINS need it",
                                                    (int)text.len, text.data);
        admins += len + (admins[len] == ',');
    }
    if (code == ERROR_NONE) {
        ask_all(replicas);
    }
    return code;
}

void replicas_free(struct replicas *replicas)
{
    for (size_t i = 0; i < replicas->count; i++) {
        buf_free(&replicas->list[i].metrics);
    }
    *replicas = (struct replicas){0};
}

size_t replicas_answered(const struct replicas *replicas)
{
    size_t answered = 0;

    for (size_t i = 0; i < replicas->count; i++) {
        answered += replicas->list[i].answered;
    }
    return answered;
}

size_t replicas_ready(const struct replicas *replicas)
{
    size_t ready = 0;

    for (size_t i = 0; i < replicas->count; i++) {
        ready += replicas->list[i].ready;
    }
    return ready;
}
