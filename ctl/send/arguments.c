/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "ctl/report.h"
#include "gateway/verify/scheme_rows.h"
#include "headers.h"

#include <string.h>

#define SCHEME_NAME(enumerator, name, ...) " " name
#define SCHEME_NAMES SCHEMES_WITH_SECRETS(SCHEME_NAME)

const struct option_rule arguments_rules[] = {
    {"--url", OPTION_TEXT, offsetof(struct arguments, url), "URL", "the gateway (http://127.0.0.1:8080)", 0,
     0},
    {"--path", OPTION_TEXT, offsetof(struct arguments, path), "PATH", "path and query (/, or the route's)", 0,
     0},
    {"--method", OPTION_TEXT, offsetof(struct arguments, method), "METHOD",
     "(POST, or one that the route allows)", 0, 0},
    {"--data", OPTION_TEXT, offsetof(struct arguments, data), "STRING", "the body", 0, 0},
    {"--file", OPTION_TEXT, offsetof(struct arguments, file), "FILE",
     "the body, byte for byte; - is standard input", 0, 0},
    {"--header", OPTION_TEXTS, offsetof(struct arguments, given_headers), "'NAME: VALUE'",
     "a header of the event; may be repeated", 0, 0},
    {"--id", OPTION_TEXT, offsetof(struct arguments, id), "ID",
     "sent as webhook-id, or where the scheme and the route look for it", 0, 0},
    {"--lines", OPTION_TEXT, offsetof(struct arguments, lines), "FILE",
     "a file with one event in each line: {\"headers\": {...}, \"body\": \"...\"}", 0, 0},
    {"--id-header", OPTION_TEXT, offsetof(struct arguments, id_header), "NAME",
     "of those headers the one that is sent as webhook-id too\n(X-GitHub-Delivery; none when an event lacks "
     "it)",
     0, 0},
    {"--ledger", OPTION_TEXT, offsetof(struct arguments, ledger), "FILE",
     "append each event and its outcome to FILE, for sluice verify", 0, 0},
    {"--source", OPTION_TEXT, offsetof(struct arguments, source), "NAME",
     "the events' source, for the ledger (default, or the route's)", 0, 0},
    {"--json", OPTION_FLAG, offsetof(struct arguments, json), NULL, "each reply as a JSON object on a line",
     0, 0},
    {"", OPTION_REMARK, 0, NULL,
     "\nTo try a route with an event that is signed as the provider does, with a sample body and id:\n", 0,
     0},
    {"--route", OPTION_TEXT, offsetof(struct arguments, route), "NAME",
     "take scheme, secret, path and all else from this source of the\nroutes file; of several secrets the "
     "first",
     0, 0},
    {"--routes", OPTION_TEXT, offsetof(struct arguments, routes), "FILE",
     "the routes file; default: GATEWAY_ROUTES", 0, 0},
    {"", OPTION_REMARK, 0, NULL, "\nOr without the routes file:\n", 0, 0},
    {"--sign", OPTION_TEXT, offsetof(struct arguments, sign.scheme), "SCHEME", "one of" SCHEME_NAMES, 0, 0},
    {"--secret-file", OPTION_TEXT, offsetof(struct arguments, sign.secret_file), "FILE",
     "the secret, also instead of the route's, or", 0, 0},
    {"--secret-env", OPTION_TEXT, offsetof(struct arguments, sign.secret_env), "NAME",
     "the environment variable that holds it", 0, 0},
    {"", OPTION_REMARK, 0, NULL, "  --header NAME           as the route says it (hmac, header)\n", 0, 0},
    {"--algorithm", OPTION_TEXT, offsetof(struct arguments, sign.algorithm), "NAME",
     "as the route says it (hmac)", 0, 0},
    {"--encoding", OPTION_TEXT, offsetof(struct arguments, sign.encoding), "NAME",
     "as the route says it (hmac)", 0, 0},
    {"--prefix", OPTION_TEXT, offsetof(struct arguments, sign.prefix), "TEXT", "as the route says it (hmac)",
     0, 0},
    {"--user", OPTION_TEXT, offsetof(struct arguments, sign.user), "NAME", "as the route says it (basic)", 0,
     0},
    {"--members", OPTION_TEXT, offsetof(struct arguments, members), "JSON",
     "or all members of the route's \"verify\", without scheme and secrets:\n'\"header\": \"X-Sum\", "
     "\"signed\": [\"time\", \"body\"], \"time\": {\"header\": \"X-Time\"}'",
     0, 0},
    {"--id-rule", OPTION_TEXT, offsetof(struct arguments, id_rule), "JSON",
     "the route's \"id\", with --members ({\"header\": \"webhook-id\"})", 0, 0},
    OPTION_END,
};

/* Sorts the values of --header: with a colon it is a header of the event, else the name of the signature's.
 * False after a complaint. */
static bool sort_headers(struct arguments *a)
{
    const struct option_texts *given = &a->given_headers;
    struct error error;

    a->headers = cJSON_CreateObject();
    for (size_t i = 0; i < given->count; i++) {
        if (strchr(given->values[i], ':') == NULL && a->sign.scheme != NULL) {
            if (!headers_name_valid(given->values[i])) {
                report_problem(ARGUMENTS_SUBCOMMAND,
                               "--header '%s' is neither the name of a header nor 'Name: value'",
                               given->values[i]);
                return false;
            }
            a->sign.header = given->values[i];
        } else if (headers_add_line(a->headers, given->values[i], &error) != ERROR_NONE) {
            report_problem(ARGUMENTS_SUBCOMMAND, "%s", error.text);
            return false;
        }
    }
    return true;
}

/* False after a complaint. */
static bool check_members(const struct arguments *a)
{
    const struct sign_options *sign = &a->sign;

    if (a->members == NULL && a->id_rule != NULL) {
        report_problem(ARGUMENTS_SUBCOMMAND, "--id-rule needs --members");
        return false;
    }
    if (a->members != NULL && (sign->scheme == NULL || sign->header != NULL || sign->algorithm != NULL ||
                               sign->encoding != NULL || sign->prefix != NULL || sign->user != NULL)) {
        report_problem(ARGUMENTS_SUBCOMMAND,
                       "--members needs --sign SCHEME, and takes all else: leave out --route, --header NAME, "
                       "--algorithm, --encoding, --prefix and --user");
        return false;
    }
    return true;
}

bool arguments_read(struct arguments *a, int count, char **arguments)
{
    const struct sign_options *sign = &a->sign;

    if (!options_read(ARGUMENTS_SUBCOMMAND, arguments_rules, a, count, arguments)) {
        return false;
    }
    if ((a->data != NULL) + (a->file != NULL) + (a->lines != NULL) > 1) {
        report_problem(ARGUMENTS_SUBCOMMAND, "--data, --file and --lines exclude each other");
        return false;
    }
    if (sign->scheme == NULL && a->route == NULL && (sign->secret_file != NULL || sign->secret_env != NULL)) {
        report_problem(ARGUMENTS_SUBCOMMAND, "a secret needs --sign SCHEME or --route NAME");
        return false;
    }
    if (a->route != NULL && (sign->scheme != NULL || sign->algorithm != NULL || sign->encoding != NULL ||
                             sign->prefix != NULL || sign->user != NULL)) {
        report_problem(ARGUMENTS_SUBCOMMAND,
                       "--route takes the scheme and its options from the routes file: leave out --sign, "
                       "--algorithm, --encoding, --prefix and --user");
        return false;
    }
    if (a->route != NULL && a->routes[0] == '\0') {
        report_problem(ARGUMENTS_SUBCOMMAND, "--route needs a routes file: --routes FILE, or GATEWAY_ROUTES");
        return false;
    }
    return sort_headers(a) && check_members(a);
}

void arguments_free(struct arguments *a)
{
    cJSON_Delete(a->headers);
}
