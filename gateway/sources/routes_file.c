/* SPDX-License-Identifier: MIT */
#include "routes_file.h"

#include "clock.h"
#include "gateway/event/json_scan.h"
#include "gateway/verify/schemes.h"
#include "regular_file.h"
#include "routes_id.h"
#include "routes_order.h"
#include "routes_signed.h"
#include "routes_verify.h"
#include "text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MOST (64 << 20) /* the maximum of GATEWAY_MAX_BODY */
#define ANSWER_MOST 4096
#define TYPE_MOST 100

/* --- the file ------------------------------------------------------------------------ */

static bool read_file(const char *name, struct buf *text, const struct json_settings *root)
{
    struct error error;
    FILE *file = regular_file_stream(name, &error);
    bool failure;
    size_t got;

    if (file == NULL) {
        json_settings_complain(root, "%s", error.text);
        return false;
    }
    if (buf_reserve(text, ROUTES_FILE_MAX + 1)) {
        got = fread(text->data, 1, ROUTES_FILE_MAX + 1, file);
        text->len = got;
    }
    failure = ferror(file) != 0;
    (void)fclose(file);
    if (text->failed || failure) {
        json_settings_complain(root, "cannot be read");
        return false;
    }
    if (text->len > ROUTES_FILE_MAX) {
        json_settings_complain(root, "is too long: at most 1MiB is read");
        return false;
    }
    return true;
}

/* Parses the text. cJSON accepts malformed JSON, recurses without a limit and cuts strings at \u0000, so the
 * text is checked for all three first. NULL after a complaint. */
static cJSON *parse(struct span text, const struct json_settings *root)
{
    struct json_scan c = {text.data, text.data + text.len};
    bool whole = text.len > 0 && json_scan_value(&c) && json_scan_peek(&c) == '\0' && c.at == c.end;
    const char *wrong = whole ? memmem(text.data, text.len, "\\u0000", 6) : c.at;
    cJSON *json = whole && wrong == NULL ? cJSON_ParseWithLengthOpts(text.data, text.len, &wrong, 0) : NULL;

    if (json == NULL) {
        size_t line = 1;

        for (const char *at = text.data; wrong != NULL && at < wrong; at++) {
            line += *at == '\n';
        }
        json_settings_complain(root, "is not valid JSON, in or after line %zu", line);
    }
    return json;
}

/* --- a source -------------------------------------------------------------------------- */

static void take_name(const struct json_settings *p, struct source *source)
{
    const char *text;

    if (!json_settings_text(p, 1, ENVELOPE_SOURCE_MAX, &text)) {
        return;
    }
    if (!envelope_source_valid(span_of(text))) {
        json_settings_complain(
            p, "is not a valid name: use lower-case letters, digits and -, no - first, at most %d bytes",
            ENVELOPE_SOURCE_MAX);
        return;
    }
    (void)snprintf(source->name_text, sizeof source->name_text, "%s", text);
    source->name = span_of(source->name_text);
}

/* Returns NULL, or what is wrong with path as the end of a sentence. */
static const char *path_wrong(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] < 0x21 || path.data[i] > 0x7e || path.data[i] == '?' || path.data[i] == '#') {
            return "holds a byte that is not allowed in a path; percent-encode it";
        }
        if (path.data[i] == '*' && (i + 1 < path.len || path.data[i - 1] != '/')) {
            return "has a * that is not part of a /* at its end";
        }
    }
    return source_doubt(path) == NULL
               ? NULL
               : "holds %2e, // or a segment of dots: requests with such paths are refused";
}

static void take_path(const struct json_settings *p, struct source *source)
{
    const char *text, *wrong;
    size_t len;

    if (!json_settings_text(p, 1, ROUTE_PATH_MAX, &text)) {
        return;
    }
    len = strlen(text);
    wrong = text[0] != '/' ? "doesn't begin with /" : path_wrong((struct span){text, len});
    if (wrong != NULL) {
        json_settings_complain(p, "%s", wrong);
        return;
    }
    source->prefix = text[len - 1] == '*';
    source->path = strndup(text, len - (source->prefix ? 1 : 0));
    if (source->path == NULL) {
        json_settings_complain(p, "could not be stored: no memory");
    }
}

/* POST, and GET for a scheme whose challenge is a GET request. */
static unsigned default_methods(const struct scheme *scheme)
{
    unsigned post = request_method(SPAN_LITERAL("POST"));

    return scheme != NULL && scheme->challenge == SCHEME_CHALLENGE_SUBSCRIBE
               ? post | request_method(SPAN_LITERAL("GET"))
               : post;
}

static void take_methods(const struct json_settings *p, const struct scheme *scheme, struct source *source)
{
    int count = p->value == NULL ? 0 : json_settings_items(p, 1, REQUEST_METHODS);

    source->methods = p->value == NULL ? default_methods(scheme) : 0;
    for (int i = 0; i < count; i++) {
        struct json_settings item = json_settings_item(p, i);
        const char *text;
        unsigned method;

        if (!json_settings_text(&item, 1, 16, &text)) {
            continue;
        }
        method = request_method(span_of(text));
        if (method == 0) {
            struct buf all = {0};

            request_append_methods(REQUEST_METHODS_ALL, &all);
            json_settings_complain(&item, "\"%s\" is none of: %s", text, buf_text(&all));
            buf_free(&all);
        } else if ((source->methods & method) != 0) {
            json_settings_complain(&item, "\"%s\" is listed twice", text);
        }
        source->methods |= method;
    }
}

static void take_rate(const struct json_settings *p, struct source *source)
{
    static const char *const members[] = {"per_second", "burst", NULL};
    struct json_settings per_second, burst;

    if (!json_settings_is_object(p, members)) {
        return;
    }
    per_second = json_settings_member(p, "per_second");
    burst = json_settings_member(p, "burst");
    (void)json_settings_integer(&per_second, 1, RATE_MOST, &source->rate.per_second);
    source->rate.burst = source->rate.per_second;
    if (burst.value != NULL) {
        (void)json_settings_integer(&burst, 1, RATE_MOST, &source->rate.burst);
    }
}

static char *copied(const struct json_settings *p, size_t most, const char *otherwise)
{
    return p->value == NULL ? json_settings_stored(p, otherwise) : json_settings_copy(p, 0, most);
}

static void take_answer(const struct json_settings *p, struct source *source)
{
    static const char *const members[] = {"status", "body", "type", NULL};
    struct json_settings status, body, type;
    int64_t number = 0;

    if (!json_settings_is_object(p, members)) {
        return;
    }
    status = json_settings_member(p, "status");
    body = json_settings_member(p, "body");
    type = json_settings_member(p, "type");
    if (json_settings_integer(&status, 100, 599, &number) && !reply_may_answer((int)number)) {
        json_settings_complain(&status,
                               "does not tell senders that the event is stored: use 200, 201, 202 or 204");
    }
    source->answer_body = copied(&body, ANSWER_MOST, "");
    source->answer_type = copied(&type, TYPE_MOST, "text/plain; charset=utf-8");
    for (const char *c = source->answer_type; c != NULL && *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            json_settings_complain(&type, "holds a byte that is not allowed in a header");
            break;
        }
    }
    if (reply_is_bare((int)number) && body.value != NULL && body.value->valuestring != NULL &&
        body.value->valuestring[0] != '\0') {
        json_settings_complain(&body, "is not allowed with this status, which has no body");
    }
    source->answers = true;
    source->answer = (struct reply_answer){(int)number, source->answer_type, source->answer_body};
}

static void take_delay(const struct json_settings *p, const struct routes_options *options,
                       struct routes *routes, struct source *source)
{
    int64_t us = options->delay_us;

    if (p->value != NULL) {
        if (!json_settings_quantity(p, CONFIG_DURATION, 0, TOPOLOGY_DELAY_MOST_S * CLOCK_US_PER_S, &us)) {
            return;
        }
        if (delays_wrong(us) != NULL) {
            json_settings_complain(p, "%s", delays_wrong(us));
            return;
        }
    }
    if (!source_set_delay(routes, source, us)) {
        json_settings_complain(p, "is one delay too many: at most %d different delays are allowed",
                               TOPOLOGY_DELAYS_MAX);
    }
}

static void take_source(const struct json_settings *p, const struct routes_options *options,
                        struct routes *routes, struct source *source)
{
    static const char *const members[] = {"name",       "path",  "methods",  "verify", "id",
                                          "keep",       "order", "max_body", "rate",   "delay",
                                          "drop_query", "reply", NULL};
    const struct scheme *scheme;
    struct json_settings name, path, methods, verify, id, keep, order, max_body, rate, delay, drop_query,
        reply;

    if (!json_settings_is_object(p, members)) {
        return;
    }
    name = json_settings_member(p, "name"), path = json_settings_member(p, "path");
    methods = json_settings_member(p, "methods"), verify = json_settings_member(p, "verify"),
    id = json_settings_member(p, "id");
    keep = json_settings_member(p, "keep"), order = json_settings_member(p, "order"),
    max_body = json_settings_member(p, "max_body"), rate = json_settings_member(p, "rate");
    delay = json_settings_member(p, "delay"), drop_query = json_settings_member(p, "drop_query");
    reply = json_settings_member(p, "reply");
    take_name(&name, source);
    take_path(&path, source);
    scheme = routes_verify_read(&verify, options->secrets, source);
    take_methods(&methods, scheme, source);
    routes_id_read(&id, &keep, scheme, source);
    if (scheme != NULL) {
        routes_signed_id(&verify, source);
    }
    if (order.value != NULL) {
        routes_order_read(&order, source);
    }
    source->max_body = options->max_body;
    if (max_body.value != NULL) {
        (void)json_settings_quantity(&max_body, CONFIG_BYTES, 0, BODY_MOST, &source->max_body);
    }
    if (rate.value != NULL) {
        take_rate(&rate, source);
    }
    take_delay(&delay, options, routes, source);
    if (drop_query.value != NULL) {
        (void)json_settings_truth(&drop_query, &source->drop_query);
    }
    if (reply.value != NULL) {
        take_answer(&reply, source);
    }
}

/* --- all sources ------------------------------------------------------------------------ */

static void find_repeats(const struct json_settings *list, const struct routes *routes)
{
    for (size_t i = 0; i < routes->count; i++) {
        const struct source *s = &routes->sources[i];
        struct json_settings item = json_settings_item(list, (int)i);
        struct json_settings name = json_settings_member(&item, "name"),
                             path = json_settings_member(&item, "path");
        bool name_told = false, path_told = false;

        for (size_t j = 0; j < i; j++) {
            const struct source *before = &routes->sources[j];

            if (!name_told && s->name.len > 0 && span_equal(s->name, before->name)) {
                json_settings_complain(&name, "is also the name of sources[%zu]", j);
                name_told = true;
            }
            if (!path_told && s->path != NULL && before->path != NULL && s->prefix == before->prefix &&
                strcmp(s->path, before->path) == 0) {
                json_settings_complain(&path, "is also the path of sources[%zu]", j);
                path_told = true;
            }
        }
    }
}

static struct routes *take_sources(const struct json_settings *root, const struct routes_options *options)
{
    static const char *const members[] = {"$schema", "sources", NULL};
    struct routes *routes;
    struct json_settings list;
    int count;

    if (!json_settings_is_object(root, members)) {
        return NULL;
    }
    list = json_settings_member(root, "sources");
    count = json_settings_items(&list, 1, ROUTE_SOURCES_MAX);
    routes = count == 0 ? NULL : source_table((size_t)count);
    if (count > 0 && routes == NULL) {
        json_settings_complain(root, "could not be stored: no memory");
    }
    for (int i = 0; routes != NULL && i < count; i++) {
        struct json_settings item = json_settings_item(&list, i);

        take_source(&item, options, routes, &routes->sources[i]);
    }
    if (routes != NULL) {
        routes->listed = true;
        find_repeats(&list, routes);
    }
    return routes;
}

/* The fingerprint by which operators compare gateways: what sha256sum prints of the file. */
static void take_fingerprint(struct span file, struct routes *routes)
{
    unsigned char digest[(ROUTES_SHA256_SIZE - 1) / 2];

    if (EVP_Digest(file.data, file.len, digest, NULL, EVP_sha256(), NULL) == 1) {
        text_write_hex(digest, sizeof digest, routes->sha256);
    }
}

struct routes *routes_read(const struct routes_options *options, struct buf *complaints)
{
    const struct complaints to = {complaints, options->label};
    struct json_settings root = {.complaints = &to};
    struct routes *routes = NULL;
    struct buf text = {0};
    size_t before = complaints->len;
    cJSON *json = NULL;

    if (options->files != NULL) {
        watched_files_add(options->files, options->file);
    }
    if (read_file(options->file, &text, &root)) {
        json = parse(buf_span(&text), &root);
    }
    if (json != NULL && options->files != NULL) {
        watched_files_add_secrets(options->files, json);
    }
    if (json != NULL) {
        root.value = json;
        routes = take_sources(&root, options);
    }
    if (routes != NULL) {
        take_fingerprint(buf_span(&text), routes);
    }
    cJSON_Delete(json);
    buf_free(&text);
    if (complaints->len > before || complaints->failed) {
        source_release(routes);
        return NULL;
    }
    return routes;
}
