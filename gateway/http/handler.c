/* SPDX-License-Identifier: MIT */
#include "handler.h"

#include "backoff.h"
#include "body.h"
#include "clock.h"
#include "gateway/event/accept.h"
#include "head.h"
#include "metrics.h"
#include "receiver.h"
#include "target.h"

#include <civetweb.h>
#include <string.h>

static struct histogram request_seconds = {
    .name = "sluice_gateway_request_seconds",
    .help =
        "Seconds from the end of a request's head to the end of its reply; the body and the broker's confirm "
        "are in it.",
    .unit = HISTOGRAM_SECONDS,
    .bounds = {1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000,
               10000000, 30000000},
};

void handler_register(void)
{
    metrics_register_histogram(&request_seconds);
}

/* One request and its reply. */
struct exchange {
    struct mg_connection *connection;
    struct slow_senders_watch watch;
    int64_t head_us; /* monotonic: when the head was there, or was given up */
    struct request request;
    struct body_length framing;
    struct body_reader reader;
    struct accept accept;
    struct reply reply;
};

/* --- the head -------------------------------------------------------------------------- */

/* True when the head did not arrive completely. */
static bool refuse_head(enum receiver_head arrival, struct span head, const struct slow_senders_watch *watch,
                        struct reply *reply)
{
    switch (arrival) {
    case RECEIVER_COMPLETE:
        return false;
    case RECEIVER_LATE:
        (void)reply_refuse(reply, REPLY_SLOW_SENDER,
                           "the headers were not there in time: %zu bytes came; at most %d s between two of "
                           "them and %d s in all are allowed",
                           head.len, RECEIVER_QUIET_MS / 1000, RECEIVER_WHOLE_MS / 1000);
        return true;
    case RECEIVER_ENDED:
        if (slow_senders_ended_head_for_others(watch->descriptor)) {
            (void)reply_refuse(reply, REPLY_CROWDED, BODY_CROWDED_OUT);
        } else {
            (void)reply_refuse(reply, REPLY_SHORT, "the headers ended early: %zu bytes came", head.len);
        }
        return true;
    case RECEIVER_FULL:
        (void)reply_refuse(reply,
                           memchr(head.data, '\n', head.len) == NULL ? REPLY_LONG_TARGET : REPLY_HEADERS,
                           "the request line and the headers have more than %zu bytes", head.len);
        return true;
    case RECEIVER_MEMORY:
        return !reply_outcome(reply, OUTCOME_MEMORY);
    }
    return false;
}

static bool read_head(const struct handler_service *service, struct exchange *x)
{
    struct span head;
    enum receiver_head arrival = receiver_take_head(&head);

    x->head_us = clock_monotonic_us();
    if (refuse_head(arrival, head, &x->watch, &x->reply) ||
        !head_parse(head, service->max_header_bytes, &x->request, &x->reply) ||
        !body_length_check(&x->request, &x->framing, &x->reply)) {
        return false;
    }
    body_begin(&x->reader, &x->framing);
    proxies_apply(&service->proxies, &x->request);
    return body_length_expect(&x->request, &x->framing, &x->reply);
}

/* --- the body and the event ------------------------------------------------------------ */

static void send_continue(const struct exchange *x)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (x->framing.expect_continue) {
        (void)mg_write(x->connection, go_on, sizeof go_on - 1);
    }
}

/* Asks the broker's gate, and takes the memory, before the body is read. most: limit of the body in bytes. */
static bool read_body(const struct handler_service *service, struct exchange *x, int64_t most,
                      struct body *body)
{
    if (x->reader.state == CHUNKS_END) {
        return true;
    }
    if (!body_limit(&x->reader, most, &x->reply) ||
        !accept_is_open(service->publishers, service->load, &x->reply) ||
        !body_make_room(&x->reader, body, &x->reply)) {
        return false;
    }
    send_continue(x);
    return body_read(&x->reader, &x->watch, body, &x->reply);
}

static void make_event(const struct handler_service *service, struct exchange *x)
{
    struct body body = {.memory = &service->load->bodies};

    if (accept_begin(&x->accept, &x->request, &x->reply) &&
        read_body(service, x, x->accept.source->max_body, &body)) {
        accept_event(&x->accept, service->publishers, service->load, &x->request, &body, &x->reply);
    }
    body_free(&body);
}

/* OPTIONS * is about the whole server, so it is no event. */
static void answer_for_server(const struct handler_service *service, struct exchange *x)
{
    struct body body = {.memory = &service->load->bodies};

    if (read_body(service, x, service->max_body, &body)) {
        x->reply = (struct reply){.kind = REPLY_SERVER};
    }
    body_free(&body);
}

/* --- the reply -------------------------------------------------------------------- */

/* request: as far as it could be read. */
static void send_reply(struct mg_connection *connection, const struct request *request,
                       const struct reply *reply, bool close)
{
    struct reply_form form = {
        .head = request_is(request->method, "HEAD"),
        .close = close,
        .random = reply->kind == REPLY_QUEUED ? 0 : backoff_random(),
        .now_s = clock_wall_us() / CLOCK_US_PER_S,
    };
    struct buf out = {0};

    reply_build(reply, form, &out);
    /* A write fails when the sender has gone: nobody waits for what it has sent after this request. */
    if (out.failed || mg_write(connection, out.data, out.len) < (int)out.len || close) {
        mg_disable_connection_keep_alive(connection);
    }
    buf_free(&out);
    reply_record(reply, request->remote);
}

void handler_serve(const struct handler_service *service, struct mg_connection *connection)
{
    struct exchange x = {
        .connection = connection,
        .watch = {.descriptor = receiver_descriptor()},
        .request = {.remote = receiver_peer(), .https = mg_get_request_info(connection)->is_ssl != 0},
        .reader = {.state = CHUNKS_BAD}, /* until the head is read, nobody knows where the body ends */
    };
    bool admitted = load_begin(service->load);

    slow_senders_begin(&x.watch);
    if (read_head(service, &x)) {
        if (!admitted) {
            (void)reply_refuse(&x.reply, REPLY_DRAINING,
                               "the gateway is shutting down; send the event again");
        } else if (span_equal(x.request.path, span_of(TARGET_SERVER))) {
            answer_for_server(service, &x);
        } else {
            make_event(service, &x);
        }
    }
    send_reply(connection, &x.request, &x.reply,
               x.reader.state != CHUNKS_END || !x.framing.keep_alive || reply_closes(x.reply.kind) ||
                   !load_keeps_alive(service->load));
    histogram_observe(&request_seconds, clock_monotonic_us() - x.head_us);
    accept_end(&x.accept, x.reply.kind);
    body_throw_away(&x.reader, &x.watch);
    slow_senders_end(&x.watch);
    load_end(service->load);
}

void handler_library_failed(struct mg_connection *connection, int status, const char *message)
{
    const struct request request = {.remote = receiver_peer()};
    struct reply reply;

    (void)reply_refuse(&reply, REPLY_LIBRARY, "the HTTP server failed: %d %s", status, message);
    send_reply(connection, &request, &reply, true);
}
