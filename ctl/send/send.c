/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include "backoff.h"
#include "buf.h"
#include "clock.h"
#include "complete.h"
#include "ctl/ledger.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "gateway/verify/schemes.h"
#include "members.h"
#include "post.h"
#include "read.h"
#include "regular_file.h"
#include "route.h"
#include "sign.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME ARGUMENTS_SUBCOMMAND
#define TOTAL_MS 30000L
#define ANSWER_MAX 65536

struct send {
    struct arguments options;
    struct sign *sign;  /* NULL: nothing is signed */
    struct route route; /* its source is NULL without --route and --members */
    struct complete_options complete;
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

/* id: the reply's, else the event's, else empty. */
static void tell(const struct send *s, const struct http_reply *reply, const char *id)
{
    if (s->options.json) {
        cJSON *object = cJSON_CreateObject();

        record_add_count(object, "status", reply->status > 0 ? reply->status : -1);
        (void)cJSON_AddItemToObject(object, "id",
                                    id[0] == '\0' ? cJSON_CreateNull() : cJSON_CreateString(id));
        if (reply->problem[0] != '\0') {
            (void)cJSON_AddStringToObject(object, "problem", reply->problem);
        }
        record_print(NAME, object);
    } else {
        report_line("%03ld %s%s%s", reply->status, id[0] == '\0' ? "-" : id,
                    reply->problem[0] == '\0' ? "" : " ", reply->problem);
    }
}

/* Posts one event and writes its lines to the ledger and to standard output. Takes no ownership. With an
 * empty id the gateway chooses one. */
static enum error_code send_event(struct send *s, struct post_request *request, struct error *error)
{
    struct http_reply reply = {0};
    struct completed completed = {0};
    struct buf id = {0}, answered = {0};
    char sha256[LEDGER_SHA256_HEX + 1];
    enum error_code code = ERROR_NONE;

    buf_append_text(&id, request->id);
    if (id.len == 0 && (s->ledger != NULL || s->complete.scheme != NULL)) {
        make_id(&id);
    }
    request->id = buf_text(&id);
    code = complete_request(&s->complete, request, &completed, error);
    if (code != ERROR_NONE) {
        goto done;
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
    tell(s, &reply, buf_text(&answered));
    code = write_ledger(s, ledger_outcome(reply.status), buf_span(&answered), sha256, error);
done:
    buf_free(&reply.body);
    complete_free(&completed);
    buf_free(&answered);
    buf_free(&id);
    return code;
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
        code = read_whole(s->options.file, &body, error);
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

/* Takes from the source what is signed, and where the id is. */
static void take_source(struct send *s)
{
    struct sign_options *sign = &s->options.sign;

    s->complete.id = s->route.source->id;
    s->complete.scheme = scheme_of(s->route.source->verify.scheme);
    if (s->complete.scheme->key == SCHEME_KEY_NONE) {
        return;
    }
    sign->rule = &s->route.source->verify;
    if (sign->secret_file == NULL && sign->secret_env == NULL) {
        sign->secret_file = s->route.secret_file;
        sign->secret_env = s->route.secret_env;
    }
}

/* Takes path, method, source and what is signed from the route. */
static enum error_code take_route(struct send *s, struct error *error)
{
    struct arguments *o = &s->options;
    struct buf complaints = {0};
    bool found = route_open(&s->route, o->routes, o->route, &complaints);

    if (!found) {
        report_complaints(NAME, &complaints);
        buf_free(&complaints);
        return error_set(error, ERROR_SETTING, "--route %s can't be used", o->route);
    }
    buf_free(&complaints);
    o->path = o->path == NULL ? s->route.source->path : o->path;
    o->method = o->method == NULL ? buf_text(&s->route.method) : o->method;
    o->source = o->source == NULL ? s->route.source->name_text : o->source;
    take_source(s);
    return route_check_path(&s->route, o->path, error);
}

/* Takes what is signed from the members on the command line. */
static enum error_code take_members(struct send *s, struct error *error)
{
    const struct arguments *o = &s->options;
    const struct members_options members = {o->sign.scheme, o->members, o->id_rule};
    struct buf complaints = {0};
    bool fine = members_open(&s->route, &members, &complaints);

    if (!fine) {
        report_complaints(NAME, &complaints);
    }
    buf_free(&complaints);
    if (!fine) {
        return error_set(error, ERROR_SETTING, "--members can't be used");
    }
    take_source(s);
    return ERROR_NONE;
}

static enum error_code open_sign(struct send *s, struct error *error)
{
    enum error_code code = sign_open(&s->sign, &s->options.sign, error);
    const cJSON *header;

    if (code != ERROR_NONE) {
        return code;
    }
    cJSON_ArrayForEach(header, s->options.headers)
    {
        if (sign_sets(s->sign, header->string)) {
            return error_set(error, ERROR_SETTING,
                             "--header %s: can't be set: it is part of what the scheme %s signs or sends%s",
                             header->string, sign_scheme(s->sign)->name,
                             "; --id sets the id, --secret-file another secret");
        }
    }
    s->complete.sign = s->sign;
    s->complete.scheme = sign_scheme(s->sign);
    return ERROR_NONE;
}

static enum error_code prepare(struct send *s, struct error *error)
{
    struct arguments *o = &s->options;
    enum error_code code = ERROR_NONE;

    if (o->route != NULL) {
        code = take_route(s, error);
    } else if (o->members != NULL) {
        code = take_members(s, error);
    }
    if (code == ERROR_NONE && (s->options.sign.scheme != NULL || s->options.sign.rule != NULL)) {
        code = open_sign(s, error);
    }
    o->path = o->path == NULL ? "/" : o->path;
    o->method = o->method == NULL ? "POST" : o->method;
    o->source = o->source == NULL ? "default" : o->source;
    s->complete.headers = s->options.headers;
    s->complete.url = o->url;
    s->complete.sample = s->complete.scheme != NULL && o->data == NULL && o->file == NULL && o->lines == NULL;
    return code;
}

static enum error_code send_all(struct send *s, struct error *error)
{
    const struct http_options http = {
        .url = s->options.url, .schemes = "http,https", .total_ms = TOTAL_MS, .answer_max = ANSWER_MAX};
    enum error_code code = http_open(&s->http, &http, error);

    code = code == ERROR_NONE ? prepare(s, error) : code;
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
    route_close(&s->route);
    http_close(s->http);
    return code;
}

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct route_settings *settings = any_settings;
    struct send s = {.options = {.url = "http://127.0.0.1:8080",
                                 .id = "",
                                 .id_header = "X-GitHub-Delivery",
                                 .routes = settings->routes}};
    struct error error = {0};
    enum error_code code = ERROR_NONE;
    bool usable = arguments_read(&s.options, count, arguments);

    if (usable) {
        code = send_all(&s, &error);
    }
    arguments_free(&s.options);
    if (!usable) {
        return EXIT_USAGE;
    }
    if (code != ERROR_NONE) {
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
    .options = arguments_rules,
    .notes = "Twilio and some others sign the URL: --url must then be the gateway's public URL, or the route "
             "have it.\n"
             "\n"
             "Exit code 1 when any reply was not 2xx, 69 when there was no reply.\n",
    .settings = settings_route,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
