/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "gateway/sources/routes_file.h"
#include "gateway/verify/schemes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "route"

/* Prints a line; to not NULL: adds it to this object instead. */
static void say(cJSON *to, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(cJSON *to, const char *name, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int len;

    va_start(arguments, format);
    len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return;
    }
    if (to == NULL) {
        report_line("%-10s %s", name, text);
    } else {
        (void)cJSON_AddStringToObject(to, name, text);
    }
    free(text);
}

static void tell_verify(cJSON *to, const struct source *s)
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
    say(to, "verify", "%s", buf_text(&line));
    buf_free(&line);
}

static void tell_challenge(cJSON *to, const struct declared_challenge *challenge)
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
    say(to, "challenge", "%s%s", buf_text(&line), challenge->log ? ", written to the log" : "");
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

static void tell_id(cJSON *to, const struct event_id_rule *rules)
{
    struct buf line = {0};

    for (const struct event_id_rule *rule = rules;; rule++) {
        buf_append_text(&line, rule == rules ? "" : ", else ");
        append_rule(rule, &line);
        if (rule->kind == EVENT_ID_END || always_fits(rule->kind)) {
            break;
        }
    }
    say(to, "id", "%s", buf_text(&line));
    buf_free(&line);
}

static const char *keep_name(enum envelope_keep keep)
{
    return keep == ENVELOPE_KEEP_FIRST ? "first" : "newest";
}

/* In one word when it is the same for all rules of the id, else for each of them. */
static void tell_keep(cJSON *to, const struct event_id_rule *rules)
{
    struct buf line = {0};
    bool same = true;

    for (const struct event_id_rule *rule = rules; rule->kind != EVENT_ID_END; rule++) {
        same &= rule->keep == rules->keep;
        buf_printf(&line, "%s%s by ", rule == rules ? "" : ", ", keep_name(rule->keep));
        append_rule(rule, &line);
    }
    say(to, "keep", "%s", same ? keep_name(rules->keep) : buf_text(&line));
    buf_free(&line);
}

static void tell_order(cJSON *to, const struct event_order_rule *rule)
{
    switch (rule->kind) {
    case EVENT_ORDER_NONE:
        break;
    case EVENT_ORDER_HEADER:
        say(to, "order", "header %s", rule->text);
        break;
    case EVENT_ORDER_POINTER:
        say(to, "order", "%s in the JSON body", rule->text);
        break;
    }
}

static void tell_limits(const struct source *s)
{
    if (s->max_body >= 0) {
        say(NULL, "max_body", "%" PRId64 " bytes, else 413", s->max_body);
    }
    if (s->rate.per_second > 0) {
        say(NULL, "rate", "%" PRId64 " a second, %" PRId64 " at once, else 429", s->rate.per_second,
            s->rate.burst);
    }
    if (s->delay_us > 0) {
        say(NULL, "delay", "%" PRId64 " s", s->delay_us / CLOCK_US_PER_S);
    }
    if (s->drop_query) {
        say(NULL, "query", "dropped");
    }
    if (s->answers) {
        say(NULL, "reply", "%d, %s, %zu bytes", s->answer.status, s->answer.type, strlen(s->answer.body));
    }
}

/* The same as numbers; null where the gateway's settings decide. */
static void add_limits(cJSON *to, const struct source *s)
{
    bool limited = s->rate.per_second > 0;

    record_add_count(to, "max_body", s->max_body);
    record_add_count(to, "rate_per_second", limited ? s->rate.per_second : -1);
    record_add_count(to, "rate_at_once", limited ? s->rate.burst : -1);
    record_add_count(to, "delay_s", s->delay_us > 0 ? s->delay_us / CLOCK_US_PER_S : -1);
    (void)cJSON_AddBoolToObject(to, "query_dropped", s->drop_query);
    if (s->answers) {
        say(to, "reply", "%d, %s, %zu bytes", s->answer.status, s->answer.type, strlen(s->answer.body));
    }
}

static void tell(cJSON *to, const struct source *s)
{
    struct buf methods = {0};

    request_append_methods(s->methods, &methods);
    say(to, "source", "%s", s->name_text);
    say(to, "path", "%s%s", s->path, s->prefix ? "*" : "");
    say(to, "methods", "%s", buf_text(&methods));
    buf_free(&methods);
    tell_verify(to, s);
    tell_challenge(to, &s->verify.challenge);
    tell_id(to, s->id);
    tell_keep(to, s->id);
    tell_order(to, &s->order);
    if (to == NULL) {
        tell_limits(s);
    } else {
        add_limits(to, s);
    }
}

static void tell_refusal(cJSON *to, const struct reply *reply)
{
    if (to == NULL) {
        report_line("%d %s", reply_status(reply->kind), reply->text);
    } else {
        record_add_count(to, "status", reply_status(reply->kind));
        (void)cJSON_AddStringToObject(to, "error", reply->text);
    }
    if (reply->allow != 0) {
        struct buf methods = {0};

        request_append_methods(reply->allow, &methods);
        say(to, "methods", "%s", buf_text(&methods));
        buf_free(&methods);
    }
}

static enum exit_code show(const char *file, const struct request *request, bool json)
{
    const struct routes_options options = {.file = file, .label = file, .max_body = -1};
    struct buf complaints = {0};
    const struct source *source;
    struct routes *routes;
    struct reply reply;
    cJSON *to = json ? cJSON_CreateObject() : NULL;

    routes = file[0] == '\0' ? source_default(0, -1) : routes_read(&options, &complaints);
    if (routes == NULL) {
        report_problem(NAME, "%s is not valid: run sluice check to see why", file);
        buf_free(&complaints);
        cJSON_Delete(to);
        return EXIT_SETTINGS;
    }
    source = source_meet(routes, request, &reply);
    (void)cJSON_AddBoolToObject(to, "found", source != NULL);
    if (source != NULL) {
        tell(to, source);
    } else {
        tell_refusal(to, &reply);
    }
    if (json) {
        record_print(NAME, to);
    }
    source_release(routes);
    return source == NULL ? EXIT_NO : EXIT_DONE;
}

struct route {
    const char *method, *path, *file;
    bool json;
};

static const struct option_rule rules[] = {
    {"METHOD", OPTION_OPERAND, offsetof(struct route, method), NULL, NULL, 0, 0},
    {"PATH", OPTION_OPERAND, offsetof(struct route, path), NULL, NULL, 0, 0},
    {"--routes", OPTION_TEXT, offsetof(struct route, file), "FILE",
     "the routes file; default: GATEWAY_ROUTES, if it is set", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct route, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct route_settings *settings = any_settings;
    struct route route = {.file = settings->routes};
    struct request request = {.query = SPAN_LITERAL("")};

    if (!options_read(NAME, rules, &route, count, arguments)) {
        return EXIT_USAGE;
    }
    if (route.path == NULL) {
        report_problem(NAME, "a method and a path are needed; see sluice route --help");
        return EXIT_USAGE;
    }
    request.method = span_of(route.method);
    request.path = (struct span){route.path, strcspn(route.path, "?")};
    if (request.path.len == 0 || request.path.data[0] != '/') {
        report_problem(NAME, "%s: a path must begin with /", route.path);
        return EXIT_USAGE;
    }
    return show(route.file, &request, route.json);
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "METHOD PATH [--routes FILE] [--json]",
    .summary = "show which source a request matches, and what it requires",
    .help = "Finds the source for a request as the gateway does, and prints what the source requires of\n"
            "it. Reads no secrets and connects to no server. What isn't printed (max_body, delay) follows\n"
            "the gateway's settings.\n",
    .options = rules,
    .notes = "Exit code 1 when no source matches.\n",
    .settings = settings_route,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
