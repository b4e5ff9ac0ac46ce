/* SPDX-License-Identifier: MIT */
#include "buf.h"
#include "ctl/http.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"

#include <string.h>

#define NAME "ready"
#define TOTAL_MS 2000L
#define ANSWER_MAX 4096

struct ready {
    struct http_options options;
    bool json;
};

static void print_json(const char *url, struct http_reply *reply, bool ready)
{
    cJSON *object = cJSON_CreateObject();
    bool answered = reply->status != 0;

    (void)cJSON_AddStringToObject(object, "url", url);
    (void)cJSON_AddBoolToObject(object, "ready", ready);
    record_add_count(object, "status", answered ? reply->status : -1);
    record_add_body(object, answered ? "state" : "problem",
                    answered ? (struct span){reply->body.data, strcspn(buf_text(&reply->body), "\n")}
                             : span_of(reply->problem));
    record_print(NAME, object);
}

static enum exit_code ask(struct http *http, const char *url, bool json)
{
    struct http_reply reply;
    bool ready;

    http_send(http, "GET", "", SPAN_LITERAL(""), &reply);
    ready = reply.status >= 200 && reply.status <= 299;
    if (json) {
        print_json(url, &reply, ready);
    } else if (reply.status == 0) {
        report_problem(NAME, "%s: %s", url, reply.problem);
    } else {
        report_line("%.*s", (int)strcspn(buf_text(&reply.body), "\n"), buf_text(&reply.body));
    }
    buf_free(&reply.body);
    return ready ? EXIT_DONE : EXIT_NO;
}

static const struct option_rule rules[] = {
    {"URL", OPTION_OPERAND, offsetof(struct ready, options.url), NULL, NULL, 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct ready, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct ready r = {.options = {.schemes = "http", .total_ms = TOTAL_MS, .answer_max = ANSWER_MAX}};
    struct http *http = NULL;
    struct error error = {0};
    enum exit_code code;

    (void)settings;
    if (!options_read(NAME, rules, &r, count, arguments)) {
        return EXIT_USAGE;
    }
    if (r.options.url == NULL) {
        report_problem(NAME, "one URL is needed; see sluice ready --help");
        return EXIT_USAGE;
    }
    if (http_open(&http, &r.options, &error) != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    code = ask(http, r.options.url, r.json);
    http_close(http);
    return code;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "URL [--json]",
    .summary = "ask an admin listener whether its program is ready; for health checks",
    .help = "Gets URL (http only), such as http://127.0.0.1:8081/ready, within 2 s and prints the first\n"
            "line of the answer. Exit code 0 when the status is 2xx, otherwise 1.\n",
    .options = rules,
    .settings = settings_none,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
