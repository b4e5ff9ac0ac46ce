/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "gateway/sources/routes_file.h"
#include "gateway/verify/schemes.h"
#include "scheme_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME "check"

/* RabbitMQ's default of max_message_size since 4.0. A larger message closes the gateway's channel, so that
 * other events lose their confirms, too. */
#define BROKER_MESSAGE_DEFAULT (16 << 20)

static bool is_above_default(const struct source *source)
{
    return source->max_body > BROKER_MESSAGE_DEFAULT;
}

/* Prints what else matters to a gateway: sources without verification, bodies that a broker may refuse, and
 * delays that DELAYS must have. */
static void tell(const char *file, const struct routes *routes)
{
    report_line("%s: fine, %zu source%s", file, routes->count, routes->count == 1 ? "" : "s");
    for (size_t i = 0; i < routes->count; i++) {
        if (routes->sources[i].verify.scheme == VERIFY_NONE) {
            report_line("sources[%zu] %s: takes events from anybody", i, routes->sources[i].name_text);
        }
        if (is_above_default(&routes->sources[i])) {
            report_line(
                "sources[%zu] %s: max_body %" PRId64 " bytes: RabbitMQ's max_message_size (16 MiB by "
                "default since 4.0) must be at least as large, QUEUE_MAX_BYTES several times as large",
                i, routes->sources[i].name_text, routes->sources[i].max_body);
        }
    }
    for (size_t i = 0; i < routes->delays.count; i++) {
        report_line("delay %" PRId64 "s: must be one of DELAYS, which sluice setup declares",
                    routes->delays.seconds[i]);
    }
}

/* The same as one JSON object. routes: NULL when there are complaints, one on each line. */
static void tell_json(const char *file, const struct routes *routes, struct buf *complaints)
{
    cJSON *object = cJSON_CreateObject(), *sources, *delays, *errors;
    char *rest = NULL;

    (void)cJSON_AddStringToObject(object, "file", file);
    (void)cJSON_AddBoolToObject(object, "fine", routes != NULL);
    sources = cJSON_AddArrayToObject(object, "sources");
    for (size_t i = 0; routes != NULL && i < routes->count; i++) {
        const struct source *s = &routes->sources[i];
        cJSON *source = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(source, "name", s->name_text);
        (void)cJSON_AddStringToObject(source, "scheme", scheme_of(s->verify.scheme)->name);
        record_add_count(source, "max_body", s->max_body);
        (void)cJSON_AddBoolToObject(source, "above_brokers_default", is_above_default(s));
        (void)cJSON_AddItemToArray(sources, source);
    }
    delays = cJSON_AddArrayToObject(object, "delays_s");
    for (size_t i = 0; routes != NULL && i < routes->delays.count; i++) {
        (void)cJSON_AddItemToArray(delays, cJSON_CreateNumber((double)routes->delays.seconds[i]));
    }
    errors = cJSON_AddArrayToObject(object, "errors");
    (void)buf_text(complaints);
    for (char *line = complaints->len == 0 ? NULL : strtok_r(complaints->data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        (void)cJSON_AddItemToArray(errors, cJSON_CreateString(line));
    }
    record_print(NAME, object);
}

static enum exit_code print_schemes(void)
{
    struct buf out = {0};

    scheme_table(&out);
    (void)fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    return EXIT_DONE;
}
struct check {
    const char *file;
    bool without_secrets;
    bool print_schemes, json;
};

static const struct option_rule rules[] = {
    {"FILE", OPTION_OPERAND, offsetof(struct check, file), NULL, NULL, 0, 0},
    {"--without-secrets", OPTION_FLAG, offsetof(struct check, without_secrets), NULL,
     "don't read the secrets, which may be missing on this machine", 0, 0},
    {"--print-schemes", OPTION_FLAG, offsetof(struct check, print_schemes), NULL,
     "print the verification schemes as a table instead", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct check, json), NULL, "as one JSON object, with the errors", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct check check = {0};
    struct routes_options options = {.max_body = -1};
    struct buf complaints = {0};
    struct routes *routes;

    (void)settings;
    if (!options_read(NAME, rules, &check, count, arguments)) {
        return EXIT_USAGE;
    }
    if (check.print_schemes) {
        return print_schemes();
    }
    if (check.file == NULL) {
        report_problem(NAME, "one FILE is needed; see sluice check --help");
        return EXIT_USAGE;
    }
    options.file = check.file;
    options.secrets = !check.without_secrets;
    options.label = options.file;
    routes = routes_read(&options, &complaints);
    if (check.json) {
        tell_json(options.file, routes, &complaints);
    } else if (routes == NULL) {
        report_complaints(NAME, &complaints);
    } else {
        tell(options.file, routes);
    }
    buf_free(&complaints);
    source_release(routes);
    return routes == NULL ? EXIT_SETTINGS : EXIT_DONE;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "FILE [--without-secrets] [--json] | --print-schemes",
    .summary = "check a routes file as the gateway would, offline",
    .help = "Reads a routes file (GATEWAY_ROUTES) and the secrets that it names, as the gateway does when\n"
            "it starts, and reports every error with its JSON path. Connects to no server.\n",
    .options = rules,
    .notes = "Exit code 78 when there is an error.\n",
    .settings = settings_none,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
