/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include "log.h"
#include "metrics.h"
#include "request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

struct row {
    const char *label;
    int status;
    unsigned retry_after_s;
    bool close;
};

#define REPLY_ROW(name, label, status, retry_after, close) [name] = {label, status, retry_after, close},
static const struct row rows[] = {REPLIES(REPLY_ROW)};
#undef REPLY_ROW

#define KINDS (sizeof rows / sizeof rows[0])

#define REPLY_METRIC(name, label, status, retry_after, close)                                       \
    [name] = {"sluice_gateway_replies_total", "outcome=\"" label "\"",                              \
              "Replies to requests, by outcome: queued is an event that the broker has confirmed; " \
              "challenge and server are no events; all others are refusals.",                       \
              METRIC_COUNTER, 0},
static struct metric counters[] = {REPLIES(REPLY_METRIC)};
#undef REPLY_METRIC

#define OUTCOME_ROW(with, name, label, status, retry_after, close, sentence, readiness) \
    [OUTCOME_##name] = {REPLY_##name, sentence, readiness},
static const struct {
    enum reply_kind kind;
    const char *sentence, *readiness;
} outcomes[] = {OUTCOMES(OUTCOME_ROW, )};
#undef OUTCOME_ROW

static _Atomic int64_t logged_at[KINDS]; /* monotonic; 0: never */

static const char *reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 417:
        return "Expectation Failed";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Service Unavailable";
    }
}

void reply_register(void)
{
    metrics_register(counters, KINDS);
}

void reply_accept(struct reply *reply, const char *id, const struct reply_answer *answer)
{
    reply->kind = REPLY_QUEUED;
    reply->answer = answer;
    (void)snprintf(reply->text, sizeof reply->text, "%s", id);
}

bool reply_may_answer(int status)
{
    return status == 200 || status == 201 || status == 202 || status == 204;
}

bool reply_is_bare(int status)
{
    return status == 204;
}

bool reply_refuse(struct reply *reply, enum reply_kind kind, const char *format, ...)
{
    va_list arguments;

    reply->kind = kind;
    reply->allow = 0;
    reply->wait_s = 0;
    reply->answer = NULL;
    reply->demand = NULL;
    va_start(arguments, format);
    (void)text_format(reply->text, sizeof reply->text, format, arguments);
    va_end(arguments);
    return false;
}

bool reply_outcome(struct reply *reply, enum outcome outcome)
{
    return reply_refuse(reply, outcomes[outcome].kind, "%s", outcomes[outcome].sentence);
}

const char *reply_label(enum outcome outcome)
{
    return rows[outcomes[outcome].kind].label;
}

const char *reply_readiness(enum outcome outcome)
{
    const char *readiness = outcomes[outcome].readiness;

    return readiness == NULL ? reply_label(outcome) : readiness;
}

void reply_challenge(struct reply *reply, const char *type, const char *format, ...)
{
    va_list arguments;

    reply->kind = REPLY_CHALLENGE;
    reply->echo = REPLY_ECHO_TEXT;
    reply->type = type;
    va_start(arguments, format);
    (void)vsnprintf(reply->text, sizeof reply->text, format, arguments);
    va_end(arguments);
}

void reply_return(struct reply *reply, enum reply_echo echo, const char *name, struct span text)
{
    reply->kind = REPLY_CHALLENGE;
    reply->echo = echo;
    reply->type = "text/plain";
    reply->name = name;
    reply->per_minute = 0;
    (void)text_copy(reply->text, sizeof reply->text, text);
}

bool reply_closes(enum reply_kind kind)
{
    return rows[kind].close;
}

int reply_status(enum reply_kind kind)
{
    return rows[kind].status;
}

/* The content type of a reply that is not a source's own. */
static const char *own_type(const struct reply *reply)
{
    return reply->kind == REPLY_CHALLENGE && reply->echo != REPLY_ECHO_MEMBER ? reply->type
                                                                              : "application/json";
}

static void append_challenge(const struct reply *reply, struct buf *body)
{
    switch (reply->echo) {
    case REPLY_ECHO_TEXT:
        buf_append_text(body, reply->text);
        break;
    case REPLY_ECHO_MEMBER:
        buf_append_text(body, "{");
        buf_append_json(body, span_of(reply->name));
        buf_append_text(body, ": ");
        buf_append_json(body, span_of(reply->text));
        buf_append_text(body, "}");
        break;
    case REPLY_ECHO_HEADER:
    case REPLY_ECHO_ORIGIN:
        break;
    }
}

static void append_challenge_headers(const struct reply *reply, struct buf *out)
{
    switch (reply->echo) {
    case REPLY_ECHO_TEXT:
    case REPLY_ECHO_MEMBER:
        break;
    case REPLY_ECHO_HEADER:
        buf_printf(out, "%s: %s\r\n", reply->name, reply->text);
        break;
    case REPLY_ECHO_ORIGIN:
        buf_printf(out, "WebHook-Allowed-Origin: %s\r\n", reply->text);
        if (reply->per_minute > 0) {
            buf_printf(out, "WebHook-Allowed-Rate: %" PRId64 "\r\n", reply->per_minute);
        } else {
            buf_append_text(out, "WebHook-Allowed-Rate: *\r\n");
        }
        break;
    }
}

static void append_own_body(const struct reply *reply, struct buf *body)
{
    bool queued = reply->kind == REPLY_QUEUED;

    if (reply_is_bare(rows[reply->kind].status)) {
        return;
    }
    if (reply->kind == REPLY_CHALLENGE) {
        append_challenge(reply, body);
        return;
    }
    buf_append_text(body, queued ? "{\"id\": " : "{\"error\": ");
    buf_append_json(body, span_of(reply->text));
    buf_append_text(body, queued ? ", \"status\": \"queued\"}\n" : "}\n");
}

/* The value of Retry-After: whole seconds, spread. For REPLY_THROTTLED never less than wait_s. */
static unsigned retry_after(const struct reply *reply, uint32_t random)
{
    unsigned least = rows[reply->kind].retry_after_s / 2, seconds;

    if (reply->kind == REPLY_THROTTLED) {
        least = (unsigned)reply->wait_s;
        return least + random % (least + 1);
    }
    seconds = least + random % (rows[reply->kind].retry_after_s + 1);
    return seconds > 0 ? seconds : 1;
}

/* RFC 9110, 5.6.7: the same in every locale. */
static void append_date(int64_t now_s, struct buf *out)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t now = (time_t)now_s;
    struct tm t;

    if (gmtime_r(&now, &t) != NULL) {
        buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday,
                   months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    }
}

#define USUAL_BYTES 384 /* of a reply */

void reply_build(const struct reply *reply, struct reply_form form, struct buf *out)
{
    const struct row *row = &rows[reply->kind];
    const struct reply_answer *answer = reply->kind == REPLY_QUEUED ? reply->answer : NULL;
    int status = answer == NULL ? row->status : answer->status;
    struct buf body = {0};

    if (answer == NULL) {
        append_own_body(reply, &body);
    } else {
        buf_append_text(&body, answer->body);
    }
    (void)buf_reserve(out, USUAL_BYTES);
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    append_date(form.now_s, out);
    if (!reply_is_bare(status)) {
        buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                   answer == NULL ? own_type(reply) : answer->type, body.len);
    }
    if (answer != NULL || reply->kind == REPLY_CHALLENGE) {
        buf_append_text(out, "X-Content-Type-Options: nosniff\r\n");
    }
    if (reply->kind == REPLY_CHALLENGE) {
        append_challenge_headers(reply, out);
    }
    if (row->retry_after_s > 0) {
        buf_printf(out, "Retry-After: %u\r\n", retry_after(reply, form.random));
    }
    if (reply->kind == REPLY_METHOD || reply->kind == REPLY_SERVER) {
        buf_append_text(out, "Allow: ");
        request_append_methods(reply->allow == 0 ? REQUEST_METHODS_ALL : reply->allow, out);
        buf_append_text(out, "\r\n");
    }
    if (reply->kind == REPLY_UNVERIFIED && reply->demand != NULL) { /* RFC 9110, 15.5.2 */
        buf_printf(out, "WWW-Authenticate: %s\r\n", reply->demand);
    }
    buf_append_text(out, form.close || row->close ? "Connection: close\r\n\r\n"
                                                  : "Connection: keep-alive\r\n\r\n");
    if (!form.head) {
        buf_append_span(out, buf_span(&body));
    }
    out->failed |= body.failed;
    buf_free(&body);
}

void reply_record(const struct reply *reply, struct span remote)
{
    const struct row *row = &rows[reply->kind];
    struct metric *counter = &counters[reply->kind];

    metric_add(counter, 1);
    if (row->status < 300) {
        return;
    }
    log_debug("refused", log_text("reason", row->label), log_number("status", row->status),
              log_span("remote", remote));
    if (log_is_due(&logged_at[reply->kind])) {
        log_write(row->status == 503 ? LOG_WARNING : LOG_INFO, "refusing",
                  LOG_FIELDS(log_text("reason", row->label), log_number("status", row->status),
                             log_number("so_far", metric_get(counter)), log_text("example", reply->text),
                             log_span("remote", remote)));
    }
}
