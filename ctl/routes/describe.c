/* SPDX-License-Identifier: MIT */
#include "describe.h"

#include "clock.h"
#include "gateway/verify/schemes.h"

#include <inttypes.h>
#include <string.h>

static void tell_verify(const struct hearer *to, const struct source *s)
{
    const struct verify_rule *rule = &s->verify;
    const struct scheme *scheme = scheme_of(rule->scheme);
    struct buf line = {0};

    buf_append_text(&line, scheme->name);
    if (rule->scheme == VERIFY_NONE) {
        buf_append_text(&line, ": any sender is accepted");
    }
    if (rule->header != NULL) {
        buf_printf(&line, ", header %s", rule->header);
    }
    if ((scheme->takes & SCHEME_ALGORITHM) != 0) {
        buf_printf(&line, ", %s in %s", secret_key_algorithm_name(rule->algorithm),
                   encoding_name(rule->encoding));
    } else if ((scheme->takes & SCHEME_ENCODING) != 0) {
        buf_printf(&line, ", in %s", encoding_name(rule->encoding));
    }
    if (rule->prefix != NULL) {
        buf_printf(&line, " after \"%s\"", rule->prefix);
    }
    if (rule->declaration.field != NULL) {
        buf_printf(&line, " in the field %s", rule->declaration.field);
    }
    if (rule->declaration.part_count > 0) {
        buf_append_text(&line, ", signed: ");
        declaration_append(&rule->declaration, &line);
    }
    if (rule->user != NULL) {
        buf_printf(&line, ", user %s", rule->user);
    }
    if (rule->tolerance_s > 0) {
        buf_printf(&line, ", at most %" PRId64 " s old", rule->tolerance_s);
    }
    hearer_tell(to, "verify", "%s", buf_text(&line));
    buf_free(&line);
}

static void tell_challenge(const struct hearer *to, const struct declared_challenge *challenge)
{
    const char *name = challenge->name;
    struct buf line = {0};

    switch (challenge->place) {
    case DECLARED_CHALLENGE_NONE:
        return;
    case DECLARED_CHALLENGE_QUERY:
        buf_printf(&line, "GET or POST with %s in the query", name);
        break;
    case DECLARED_CHALLENGE_HEADER:
        buf_printf(&line, "GET or POST with the header %s", name);
        break;
    case DECLARED_CHALLENGE_POINTER:
        buf_printf(&line, "POST with %s in the JSON body", name);
        break;
    case DECLARED_CHALLENGE_CLOUDEVENTS:
        buf_append_text(&line, "OPTIONS with the header webhook-request-origin");
        break;
    case DECLARED_CHALLENGE_HEAD:
        buf_append_text(&line, "HEAD");
        break;
    }
    if (challenge->mark_header != NULL) {
        buf_printf(&line, " and the header %s: %s", challenge->mark_header, challenge->mark_value);
    }
    hearer_tell(to, "challenge", "%s%s", buf_text(&line), challenge->log ? ", written to the log" : "");
    buf_free(&line);
}

static void append_rule(const struct event_id_rule *rule, struct buf *out)
{
    switch (rule->kind) {
    case EVENT_ID_HEADER:
        buf_printf(out, "header %s", rule->text);
        break;
    case EVENT_ID_POINTER:
        buf_printf(out, "%s in the JSON body", rule->text[0] == '\0' ? "the whole" : rule->text);
        break;
    case EVENT_ID_BODY:
        buf_append_text(out, "the body's SHA-256");
        break;
    case EVENT_ID_FRESH:
        buf_append_text(out, "a fresh UUID");
        break;
    case EVENT_ID_END:
        buf_append_text(out, "400");
        break;
    }
}

static bool always_fits(enum event_id_kind kind)
{
    return kind == EVENT_ID_BODY || kind == EVENT_ID_FRESH;
}

static void tell_id(const struct hearer *to, const struct event_id_rule *rules)
{
    struct buf line = {0};

    for (const struct event_id_rule *rule = rules;; rule++) {
        buf_append_text(&line, rule == rules ? "" : ", else ");
        append_rule(rule, &line);
        if (rule->kind == EVENT_ID_END || always_fits(rule->kind)) {
            break;
        }
    }
    hearer_tell(to, "id", "%s", buf_text(&line));
    buf_free(&line);
}

/* In one word when it is the same for all rules of the id, else for each of them. */
static void tell_keep(const struct hearer *to, const struct event_id_rule *rules)
{
    struct buf line = {0};
    bool same = true;

    for (const struct event_id_rule *rule = rules; rule->kind != EVENT_ID_END; rule++) {
        same &= rule->keep == rules->keep;
        buf_printf(&line, "%s%s by ", rule == rules ? "" : ", ", envelope_keep_name(rule->keep));
        append_rule(rule, &line);
    }
    hearer_tell(to, "keep", "%s", same ? envelope_keep_name(rules->keep) : buf_text(&line));
    buf_free(&line);
}

static void tell_order(const struct hearer *to, const struct event_order_rule *rule)
{
    switch (rule->kind) {
    case EVENT_ORDER_NONE:
        break;
    case EVENT_ORDER_HEADER:
        hearer_tell(to, "order", "header %s", rule->text);
        break;
    case EVENT_ORDER_POINTER:
        hearer_tell(to, "order", "%s in the JSON body", rule->text);
        break;
    }
}

void describe_source(const struct source *source, hearer_take *take, void *to)
{
    const struct hearer hearer = {take, to};
    struct buf methods = {0};

    request_append_methods(source->methods, &methods);
    hearer_tell(&hearer, "source", "%s", source->name_text);
    hearer_tell(&hearer, "path", "%s%s", source->path, source->prefix ? "*" : "");
    hearer_tell(&hearer, "methods", "%s", buf_text(&methods));
    buf_free(&methods);
    tell_verify(&hearer, source);
    tell_challenge(&hearer, &source->verify.challenge);
    tell_id(&hearer, source->id);
    tell_keep(&hearer, source->id);
    tell_order(&hearer, &source->order);
}

void describe_limits(const struct source *source, hearer_take *take, void *to)
{
    const struct hearer hearer = {take, to};

    if (source->max_body >= 0) {
        hearer_tell(&hearer, "max_body", "%" PRId64 " bytes, else 413", source->max_body);
    }
    if (source->rate.per_second > 0) {
        hearer_tell(&hearer, "rate", "%" PRId64 " a second, %" PRId64 " at once, else 429",
                    source->rate.per_second, source->rate.burst);
    }
    if (source->delay_us > 0) {
        hearer_tell(&hearer, "delay", "%" PRId64 " s", source->delay_us / CLOCK_US_PER_S);
    }
    if (source->drop_query) {
        hearer_tell(&hearer, "query", "dropped");
    }
}

void describe_reply(const struct source *source, hearer_take *take, void *to)
{
    const struct hearer hearer = {take, to};

    if (source->answers) {
        hearer_tell(&hearer, "reply", "%d, %s, %zu bytes", source->answer.status, source->answer.type,
                    strlen(source->answer.body));
    }
}
