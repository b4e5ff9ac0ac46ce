/* SPDX-License-Identifier: MIT */
#include "accept.h"

#include "clock.h"
#include "event_id.h"
#include "event_lines.h"
#include "event_order.h"
#include "gateway/sources/source.h"
#include "gateway/verify/challenge.h"
#include "gateway/verify/verify.h"
#include "kept_headers.h"
#include "log.h"
#include "metrics.h"
#include "received_at.h"

/* Most of an inflated body, in times of the source's max_body: JSON usually shrinks to a tenth. */
#define INFLATED_MOST 16

/* False: *reply says why. */
static bool encode(const struct source *source, const struct request *request, const struct event_id *id,
                   const struct event_order *order, int64_t received_us, struct buf *properties,
                   struct reply *reply)
{
    struct envelope envelope = {
        .id = {id->text, id->len},
        .source = source->name,
        .method = request->method,
        .path = request->path,
        .query = source->drop_query ? SPAN_LITERAL("") : request->query,
        .remote = request->remote,
        .keep = id->keep,
        .has_order = order->found,
        .order = order->value,
        .received_us = received_us,
    };
    struct buf text = {0};
    struct error error;
    enum error_code code = ERROR_NONE;
    bool fine = kept_headers_select(request, &source->verify, &text, &envelope, reply);

    if (fine) {
        code = envelope_encode(&envelope, properties, &error);
    }
    buf_free(&text);
    if (code == ERROR_MEMORY) {
        return reply_outcome(reply, OUTCOME_MEMORY);
    }
    if (code != ERROR_NONE) {
        return reply_refuse(reply, REPLY_MALFORMED, "%s", error.text);
    }
    return fine;
}

#define METRIC(name, label)                                             \
    [name] = {"sluice_gateway_unverified_total", "cause=\"" label "\"", \
              "Requests refused with 401 (memory: with 503), by cause.", METRIC_COUNTER, 0},
static struct metric causes[] = {VERIFY_CAUSES(METRIC)};
#undef METRIC

#define CAUSES (sizeof causes / sizeof causes[0])

static _Atomic int64_t logged_at[CAUSES]; /* monotonic; 0: never */

void accept_register(void)
{
    metrics_register(causes + 1, CAUSES - 1); /* all but "none" */
    received_at_register();
}

/* Counts the failure and logs it: as a warning with the count so far, at most once in 10 s per cause,
 * otherwise at debug. The log has the cause because the reply does not. It never holds a header's value. */
static void record_unverified(enum verify_cause cause, struct span source, struct span remote)
{
    bool due = log_is_due(&logged_at[cause]);

    metric_add(&causes[cause], 1);
    if (due || log_enabled(LOG_DEBUG)) {
        log_write(due ? LOG_WARNING : LOG_DEBUG, "not-verified",
                  LOG_FIELDS(log_text("cause", verify_cause_label(cause)), log_span("source", source),
                             log_number("so_far", metric_get(&causes[cause])), log_span("remote", remote)));
    }
}

#define SHOWN_EVERY_S 10 /* as log_is_due */

/* Writes the challenge, which is the secret of the source's events, to the log, from which the operator
 * copies it. A stranger could send any number of them, so those that come too fast are refused: the provider
 * is not told that its secret has been taken note of when it has not. A secret that the source has already is
 * not shown: the log redacts it. */
static void show_secret(struct span source, const struct request *request, struct reply *reply)
{
    static _Atomic int64_t shown_at;

    if (log_enabled(LOG_WARNING) && log_is_due(&shown_at)) {
        log_warning("challenge-secret", log_span("source", source), log_text("secret", reply->text),
                    log_span("remote", request->remote),
                    log_text("message", "if you have asked the provider for it just now, write it into the "
                                        "source's secret file and send SIGHUP; else ignore it"));
        return;
    }
    (void)reply_refuse(reply, REPLY_THROTTLED,
                       "a secret is written to the log at most once in %d s; send it again later",
                       SHOWN_EVERY_S);
    reply->wait_s = SHOWN_EVERY_S;
}

/* Answers a challenge that the source declares. False when the request is none. */
static bool answer_declared(const struct source *source, const struct request *request, struct span body,
                            enum declared_challenge_proof proof, struct reply *reply)
{
    const struct declared_challenge *challenge = &source->verify.challenge;

    if (challenge->place == DECLARED_CHALLENGE_NONE ||
        !declared_challenge_answer(challenge, request, body, proof, source_takes(source, request), reply)) {
        return false;
    }
    reply->per_minute = source->rate.per_second * 60;
    if (challenge->log && reply->kind == REPLY_CHALLENGE) {
        show_secret(source->name, request, reply);
    }
    return true;
}

static enum declared_challenge_proof proof_of(enum verify_cause cause)
{
    switch (cause) {
    case VERIFY_FINE:
        return DECLARED_CHALLENGE_PROVEN;
    case VERIFY_MISSING:
        return DECLARED_CHALLENGE_UNPROVEN;
    case VERIFY_DUPLICATE:
    case VERIFY_MIXED:
    case VERIFY_MALFORMED:
    case VERIFY_TIME:
    case VERIFY_OLD:
    case VERIFY_EARLY:
    case VERIFY_MISMATCH:
    case VERIFY_MEMORY:
        break;
    }
    return DECLARED_CHALLENGE_REFUTED;
}

/* Verifies the request, and answers it if it is a challenge. Sets *cause to why it is not verified. */
static enum challenge_outcome judge(const struct source *source, const struct request *request,
                                    struct body_text *body, int64_t now_s, enum verify_cause *cause,
                                    struct reply *reply)
{
    const struct verify_rule *rule = &source->verify;
    enum challenge_outcome outcome = challenge_begin(rule, request, reply);
    enum declared_challenge_proof proof = DECLARED_CHALLENGE_UNCHECKED;
    const struct secret_key *key = NULL;

    *cause = VERIFY_MISMATCH;
    if (outcome != CHALLENGE_NONE) {
        return outcome;
    }
    if (rule->scheme != VERIFY_NONE) {
        key = verify_key(rule, request, body->body, now_s, cause);
        proof = proof_of(*cause);
    }
    if (answer_declared(source, request, body->body, proof, reply)) {
        return CHALLENGE_ANSWERED;
    }
    if (rule->scheme == VERIFY_NONE) {
        return CHALLENGE_NONE;
    }
    return key == NULL ? CHALLENGE_REFUSED : challenge_answer(rule, key, body, reply);
}

/* Returns false with *reply set when the request is refused, and when it was a challenge and is answered. */
static bool is_verified(const struct source *source, const struct request *request, struct body_text *body,
                        int64_t now_s, struct reply *reply)
{
    enum verify_cause cause;

    switch (judge(source, request, body, now_s, &cause, reply)) {
    case CHALLENGE_NONE:
        return source_takes(source, request) || source_refuse_method(source, reply);
    case CHALLENGE_ANSWERED:
        log_info("handshake", log_span("source", source->name),
                 log_number("status", reply_status(reply->kind)));
        return false;
    case CHALLENGE_REFUSED:
        break;
    }
    if (!source_takes(source, request) && cause == VERIFY_MISSING) {
        return source_refuse_method(source, reply);
    }
    record_unverified(cause, source->name, request->remote);
    if (cause == VERIFY_MEMORY) {
        return reply_outcome(reply, OUTCOME_MEMORY);
    }
    (void)reply_refuse(reply, REPLY_UNVERIFIED, "the request could not be verified");
    reply->demand = verify_demand(&source->verify);
    return false;
}

bool accept_begin(struct accept *accept, const struct request *request, struct reply *reply)
{
    accept->routes = source_hold();
    accept->source = source_meet(accept->routes, request, reply);
    return accept->source != NULL;
}

void accept_end(struct accept *accept, enum reply_kind kind)
{
    if (accept->source != NULL) {
        source_counts_reply(accept->source->counts, kind, clock_wall_us());
    }
    source_release(accept->routes);
}

static bool refuse_busy(const struct load *load, struct reply *reply)
{
    return reply_refuse(reply, REPLY_BUSY,
                        "%d requests are already waiting for the broker; send the event again later",
                        load->in_flight_max);
}

bool accept_is_open(struct publishers *publishers, const struct load *load, struct reply *reply)
{
    struct gate_state gate = publishers_look(publishers);

    if (!gate.open) {
        return reply_outcome(reply, gate.why);
    }
    return !load_is_full(load) || refuse_busy(load, reply);
}

/* Checked last, so that a request that is refused for another reason does not use up the source's rate. */
static bool is_in_rate(struct source *source, struct reply *reply)
{
    int64_t wait_us = rate_take(&source->rate, clock_monotonic_us());

    if (wait_us > 0) {
        (void)reply_refuse(reply, REPLY_THROTTLED,
                           "this source is limited to %lld events a second; send the event again later",
                           (long long)source->rate.per_second);
        reply->wait_s = (wait_us + CLOCK_US_PER_S - 1) / CLOCK_US_PER_S;
    }
    return wait_us == 0;
}

/* Call between load_enter and load_leave. Takes over properties and body. */
static void publish(const struct accept *accept, struct publishers *publishers, const struct request *request,
                    const struct event_id *id, struct buf *properties, struct body *body, struct reply *reply)
{
    struct source *source = accept->source;
    struct gate_state gate = publishers_look(publishers);
    struct event_lines lines;
    enum outcome outcome;

    if (!gate.open) {
        (void)reply_outcome(reply, gate.why);
        return;
    }
    if (!is_in_rate(source, reply)) {
        return;
    }
    event_lines_begin(&lines, request, source->name, id, body->bytes.len);
    outcome = publishers_publish(publishers, source->exchange, source->name, properties, body);
    event_lines_end(&lines, outcome);
    if (outcome != OUTCOME_QUEUED) {
        (void)reply_outcome(reply, outcome);
        return;
    }
    reply_accept(reply, id->text, source->answers ? &source->answer : NULL);
}

/* Takes the order of an event of which the newest is kept, and counts those that have none. */
static bool take_order(const struct source *source, const struct request *request, struct body_text *body,
                       const struct event_id *id, struct event_order *order, struct reply *reply)
{
    *order = (struct event_order){.found = false};
    if (source->order.kind == EVENT_ORDER_NONE || id->keep == ENVELOPE_KEEP_FIRST) {
        return true;
    }
    if (!event_order_take(&source->order, request, body, order, reply)) {
        return false;
    }
    if (!order->found) {
        source_counts_unordered(source->counts);
    }
    return true;
}

/* Verifies the request and takes its id and order. False with *reply set. */
static bool identify(const struct source *source, const struct request *request, struct body *body,
                     int64_t now_us, int64_t received_us, struct event_id *id, struct event_order *order,
                     struct reply *reply)
{
    struct body_text text =
        body_text_of(request, buf_span(&body->bytes), INFLATED_MOST * (size_t)source->max_body, body->memory);
    bool fine;

    text.inflated.origin = body;
    event_order_begin(&source->order, &text);
    fine = is_verified(source, request, &text, now_us / CLOCK_US_PER_S, reply) &&
           event_id_take(source->id, request, &text, received_us, id, reply) &&
           take_order(source, request, &text, id, order, reply);
    body_text_free(&text);
    return fine;
}

void accept_event(const struct accept *accept, struct publishers *publishers, struct load *load,
                  const struct request *request, struct body *body, struct reply *reply)
{
    struct source *source = accept->source;
    const int64_t now_us = clock_wall_us(), received_us = received_at_take(now_us);
    struct buf properties = {0};
    struct event_order order;
    struct event_id id;

    if (!identify(source, request, body, now_us, received_us, &id, &order, reply)) {
        return;
    }
    if (encode(source, request, &id, &order, received_us, &properties, reply) &&
        (load_enter(load) || refuse_busy(load, reply))) {
        publish(accept, publishers, request, &id, &properties, body, reply);
        load_leave(load);
    }
    buf_free(&properties);
}
