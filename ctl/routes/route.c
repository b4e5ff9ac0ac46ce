/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "describe.h"
#include "gateway/sources/routes_file.h"

#include <string.h>

#define NAME "route"

/* Prints a line; to not NULL: adds it to this object instead. */
static void say(void *to, const char *name, const char *text)
{
    if (to == NULL) {
        report_line("%-10s %s", name, text);
    } else {
        (void)cJSON_AddStringToObject(to, name, text);
    }
}

/* The limits as numbers; null where the gateway's settings decide. */
static void add_limits(cJSON *to, const struct source *s)
{
    bool limited = s->rate.per_second > 0;

    record_add_count(to, "max_body", s->max_body);
    record_add_count(to, "rate_per_second", limited ? s->rate.per_second : -1);
    record_add_count(to, "rate_at_once", limited ? s->rate.burst : -1);
    record_add_count(to, "delay_s", s->delay_us > 0 ? s->delay_us / CLOCK_US_PER_S : -1);
    (void)cJSON_AddBoolToObject(to, "query_dropped", s->drop_query);
}

static void tell(cJSON *to, const struct source *s)
{
    describe_source(s, say, to);
    if (to == NULL) {
        describe_limits(s, say, to);
    } else {
        add_limits(to, s);
    }
    describe_reply(s, say, to);
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
        say(to, "methods", buf_text(&methods));
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
