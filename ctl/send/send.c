/* SPDX-License-Identifier: MIT */
#include "backoff.h"
#include "buf.h"
#include "clock.h"
#include "ctl/ledger.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "gateway/verify/scheme_rows.h"
#include "post.h"
#include "regular_file.h"
#include "sign.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "send"
#define TOTAL_MS 30000L
#define ANSWER_MAX 65536

struct options {
    const char *url, *path, *method, *id, *data, *file, *lines, *id_header, *ledger, *source;
};

struct send {
    struct options options;
    struct sign_options sign_options;
    struct sign *sign; /* NULL: nothing is signed */
    struct http *http;
    FILE *ledger;
    long posted, replies, accepted;
};

/* Generates an id: the ledger needs one before the reply arrives. */
static void make_id(struct buf *id)
{
    buf_printf(id, "sluice-send-%" PRIx64 "-%08" PRIx32 "%08" PRIx32, (uint64_t)clock_wall_us(),
               backoff_random(), backoff_random());
}

static enum error_code write_ledger(struct send *s, enum ledger_fact fact, struct span id, const char *sha256,
                                    struct error *error)
{
    struct ledger_line line = {fact, span_of(s->options.source), id, span_of(sha256)};
    struct buf text = {0};
    bool written;

    if (s->ledger == NULL) {
        return ERROR_NONE;
    }
    ledger_append(&text, &line);
    written = !text.failed && fwrite(text.data, 1, text.len, s->ledger) == text.len && fflush(s->ledger) == 0;
    buf_free(&text);
    return written ? ERROR_NONE
                   : error_set(error, ERROR_SYSTEM, "%s: %s", s->options.ledger, strerror(errno));
}

/* The id in the gateway's reply, or "" when it has none. */
static void reply_id(struct span reply, struct buf *id)
{
    cJSON *answer = cJSON_ParseWithLength(reply.data, reply.len);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "id"));

    buf_append_text(id, text == NULL ? "" : text);
    cJSON_Delete(answer);
}

/* Signs the request as the provider would, with a sample body if none was given. The request then points into
 * *headers, *path and *body, which the caller owns. */
static enum error_code sign_request(const struct send *s, struct post_request *request, cJSON **headers,
                                    struct buf *path, struct buf *body, struct error *error)
{
    const struct options *o = &s->options;
    struct sign_event event = {span_of(request->id), request->body, o->url, clock_wall_us() / CLOCK_US_PER_S};
    enum error_code code;

    if (o->data == NULL && o->file == NULL && o->lines == NULL) {
        sign_body(s->sign, event.id, body);
        event.body = buf_span(body);
    }
    buf_append_text(path, request->path);
    *headers = request->headers == NULL ? cJSON_CreateObject() : cJSON_Duplicate(request->headers, true);
    if (*headers == NULL || body->failed || path->failed) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    code = sign_headers(s->sign, &event, path, *headers, error);
    request->id = ""; /* sign_headers or sign_body has added it */
    request->headers = *headers;
    request->path = buf_text(path);
    request->body = event.body;
    return code;
}

/* Posts one event and writes its lines to the ledger and to standard output. Takes no ownership. With an
 * empty id the gateway chooses one. */
static enum error_code send_event(struct send *s, struct post_request *request, struct error *error)
{
    struct http_reply reply = {0};
    struct buf id = {0}, answered = {0}, path = {0}, body = {0};
    char sha256[LEDGER_SHA256_HEX + 1];
    enum error_code code = ERROR_NONE;
    cJSON *headers = NULL;

    buf_append_text(&id, request->id);
    if (id.len == 0 && (s->ledger != NULL || s->sign != NULL)) {
        make_id(&id);
    }
    request->id = buf_text(&id);
    if (s->sign != NULL) {
        code = sign_request(s, request, &headers, &path, &body, error);
        if (code != ERROR_NONE) {
            goto done;
        }
    }
    ledger_sha256(request->body, sha256);
    code = write_ledger(s, LEDGER_SENT, buf_span(&id), sha256, error);
    if (code != ERROR_NONE) {
        goto done;
    }
    post_event(s->http, request, &reply);
    s->posted++;
    s->replies += reply.status > 0;
    s->accepted += ledger_outcome(reply.status) == LEDGER_ACKED;
    reply_id(buf_span(&reply.body), &answered);
    if (answered.len == 0) {
        buf_append_span(&answered, buf_span(&id));
    }
    report_line("%03ld %s%s%s", reply.status, answered.len == 0 ? "-" : buf_text(&answered),
                reply.problem[0] == '\0' ? "" : " ", reply.problem);
    code = write_ledger(s, ledger_outcome(reply.status), buf_span(&answered), sha256, error);
done:
    buf_free(&reply.body);
    cJSON_Delete(headers);
    buf_free(&path);
    buf_free(&body);
    buf_free(&answered);
    buf_free(&id);
    return code;
}

static enum error_code read_file(const char *name, struct buf *out, struct error *error)
{
    bool standard = strcmp(name, "-") == 0;
    struct error refusal = {.text = ""};
    FILE *file = standard ? stdin : regular_file_stream(name, &refusal);
    char block[16384];
    size_t got;
    bool failed;

    if (file == NULL) {
        return error_set(error, refusal.code, "%s %s", name, refusal.text);
    }
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        buf_append(out, block, got);
    }
    failed = ferror(file) != 0;
    if (!standard) {
        (void)fclose(file);
    }
    if (failed || out->failed) {
        return error_set(error, ERROR_SYSTEM, "%s: can't be read completely", name);
    }
    return ERROR_NONE;
}

static enum error_code send_one(struct send *s, struct error *error)
{
    struct post_request request = {.path = s->options.path,
                                   .method = s->options.method,
                                   .id = s->options.id,
                                   .body = span_of(s->options.data)};
    struct buf body = {0};
    enum error_code code = ERROR_NONE;

    if (s->options.file != NULL) {
        code = read_file(s->options.file, &body, error);
        request.body = buf_span(&body);
    }
    if (code == ERROR_NONE) {
        code = send_event(s, &request, error);
    }
    buf_free(&body);
    return code;
}

/* Sends one line of a file of events: {"headers": {...}, "body": "..."}. */
static enum error_code send_line(struct send *s, struct span text, long number, struct error *error)
{
    cJSON *line = cJSON_ParseWithLength(text.data, text.len);
    const cJSON *headers = cJSON_GetObjectItemCaseSensitive(line, "headers");
    const char *body = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "body"));
    const char *id;
    enum error_code code;

    if (body == NULL || post_text_hides_nul(text)) {
        code = error_set(error, ERROR_MALFORMED,
                         "%s: line %ld isn't {\"headers\": {...}, \"body\": \"...\"} without \\u0000",
                         s->options.lines, number);
    } else {
        id = cJSON_GetStringValue(cJSON_GetObjectItem(headers, s->options.id_header));
        code = send_event(s,
                          &(struct post_request){.path = s->options.path,
                                                 .method = s->options.method,
                                                 .id = id == NULL ? "" : id,
                                                 .headers = headers,
                                                 .body = span_of(body)},
                          error);
    }
    cJSON_Delete(line);
    return code;
}

static enum error_code send_lines(struct send *s, struct error *error)
{
    struct error refusal;
    FILE *file = regular_file_stream(s->options.lines, &refusal);
    enum error_code code = ERROR_NONE;
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;

    if (file == NULL) {
        return error_set(error, refusal.code, "%s %s", s->options.lines, refusal.text);
    }
    for (long number = 1; code == ERROR_NONE && (len = getline(&text, &capacity, file)) >= 0; number++) {
        code = send_line(s, (struct span){text, (size_t)len}, number, error);
    }
    if (code == ERROR_NONE && ferror(file)) {
        code = error_set(error, ERROR_SYSTEM, "%s: can't be read completely", s->options.lines);
    }
    free(text);
    (void)fclose(file);
    return code;
}

#define SCHEME_NAME(enumerator, name, ...) " " name
#define SCHEME_NAMES SCHEMES_WITH_SECRETS(SCHEME_NAME)

static const struct option_rule rules[] = {
    {"--url", OPTION_TEXT, offsetof(struct send, options.url), "URL", "the gateway (http://127.0.0.1:8080)",
     0, 0},
    {"--path", OPTION_TEXT, offsetof(struct send, options.path), "PATH", "path and query (/)", 0, 0},
    {"--method", OPTION_TEXT, offsetof(struct send, options.method), "METHOD", "(POST)", 0, 0},
    {"--data", OPTION_TEXT, offsetof(struct send, options.data), "STRING", "the body", 0, 0},
    {"--file", OPTION_TEXT, offsetof(struct send, options.file), "FILE",
     "the body, byte for byte; - is standard input", 0, 0},
    {"--id", OPTION_TEXT, offsetof(struct send, options.id), "ID", "sent as webhook-id", 0, 0},
    {"--lines", OPTION_TEXT, offsetof(struct send, options.lines), "FILE",
     "a file with one event in each line: {\"headers\": {...}, \"body\": \"...\"}", 0, 0},
    {"--id-header", OPTION_TEXT, offsetof(struct send, options.id_header), "NAME",
     "of those headers the one that is sent as webhook-id too\n(X-GitHub-Delivery; none when an event lacks "
     "it)",
     0, 0},
    {"--ledger", OPTION_TEXT, offsetof(struct send, options.ledger), "FILE",
     "append each event and its outcome to FILE, for sluice verify", 0, 0},
    {"--source", OPTION_TEXT, offsetof(struct send, options.source), "NAME",
     "the events' source, for the ledger (default)", 0, 0},
    {"", OPTION_REMARK, 0, NULL,
     "\nTo try a route with an event that is signed as the provider does, with a sample body and id:\n", 0,
     0},
    {"--sign", OPTION_TEXT, offsetof(struct send, sign_options.scheme), "SCHEME", "one of" SCHEME_NAMES, 0,
     0},
    {"--secret-file", OPTION_TEXT, offsetof(struct send, sign_options.secret_file), "FILE", "the secret, or",
     0, 0},
    {"--secret-env", OPTION_TEXT, offsetof(struct send, sign_options.secret_env), "NAME",
     "the environment variable that holds it", 0, 0},
    {"--header", OPTION_TEXT, offsetof(struct send, sign_options.header), "NAME",
     "as the route says it (hmac, header)", 0, 0},
    {"--algorithm", OPTION_TEXT, offsetof(struct send, sign_options.algorithm), "NAME",
     "as the route says it (hmac)", 0, 0},
    {"--encoding", OPTION_TEXT, offsetof(struct send, sign_options.encoding), "NAME",
     "as the route says it (hmac)", 0, 0},
    {"--prefix", OPTION_TEXT, offsetof(struct send, sign_options.prefix), "TEXT",
     "as the route says it (hmac)", 0, 0},
    {"--user", OPTION_TEXT, offsetof(struct send, sign_options.user), "NAME", "as the route says it (basic)",
     0, 0},
    OPTION_END,
};

static bool read_options(struct send *s, int count, char **arguments)
{
    const struct options *o = &s->options;
    const struct sign_options *sign = &s->sign_options;

    if (!options_read(NAME, rules, s, count, arguments)) {
        return false;
    }
    if ((o->data != NULL) + (o->file != NULL) + (o->lines != NULL) > 1) {
        report_problem(NAME, "--data, --file and --lines exclude each other");
        return false;
    }
    if (sign->scheme == NULL && (sign->secret_file != NULL || sign->secret_env != NULL)) {
        report_problem(NAME, "a secret needs --sign SCHEME");
        return false;
    }
    return true;
}

static enum error_code send_all(struct send *s, struct error *error)
{
    const struct http_options http = {
        .url = s->options.url, .schemes = "http,https", .total_ms = TOTAL_MS, .answer_max = ANSWER_MAX};
    enum error_code code = http_open(&s->http, &http, error);

    if (code == ERROR_NONE && s->sign_options.scheme != NULL) {
        code = sign_open(&s->sign, &s->sign_options, error);
    }
    if (code == ERROR_NONE && s->options.ledger != NULL) {
        s->ledger = fopen(s->options.ledger, "ab");
        if (s->ledger == NULL) {
            code = error_set(error, ERROR_SETTING, "%s: %s", s->options.ledger, strerror(errno));
        }
    }
    if (code == ERROR_NONE) {
        code = s->options.lines == NULL ? send_one(s, error) : send_lines(s, error);
    }
    if (s->ledger != NULL && fclose(s->ledger) != 0 && code == ERROR_NONE) {
        code = error_set(error, ERROR_SYSTEM, "%s: %s", s->options.ledger, strerror(errno));
    }
    sign_close(s->sign);
    http_close(s->http);
    return code;
}

static enum exit_code run(const void *settings, int count, char **arguments)
{
    struct send s = {.options = {.url = "http://127.0.0.1:8080",
                                 .path = "/",
                                 .method = "POST",
                                 .id = "",
                                 .id_header = "X-GitHub-Delivery",
                                 .source = "default"}};
    struct error error = {0};

    (void)settings;
    if (!read_options(&s, count, arguments)) {
        return EXIT_USAGE;
    }
    if (send_all(&s, &error) != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    if (s.posted > 0 && s.replies == 0) {
        return EXIT_UNREACHABLE;
    }
    return s.accepted == s.posted ? EXIT_DONE : EXIT_NO;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[OPTION VALUE]...",
    .summary = "post one event, or a file of them, and print the replies",
    .help =
        "Posts to the gateway and prints one line for each reply: the status (000: no reply) and the id.\n",
    .options = rules,
    .notes = "Twilio signs the URL: --url must then be the gateway's public URL.\n"
             "\n"
             "Exit code 1 when any reply was not 2xx, 69 when there was no reply.\n",
    .settings = settings_none,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
