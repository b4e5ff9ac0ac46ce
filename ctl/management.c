/* SPDX-License-Identifier: MIT */
#include "management.h"

#include "broker.h"
#include "http.h"
#include "secret.h"
#include "secret_file.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 8 /* as many as BROKER_URL may name */
#define TOTAL_MS 10000L
#define ANSWER_MAX (16u << 20) /* a list of connections takes about 2 kB for each */

struct management {
    struct buf urls[SERVERS_MAX]; /* one for each server of the URL */
    struct http *http[SERVERS_MAX];
    size_t servers;
    size_t at;           /* the one that answered last */
    char *base;          /* the URL without a final '/' */
    struct buf password; /* the clients refer to it */
};

static enum error_code open_all(struct management *m, struct http_options *options, struct error *error)
{
    size_t count = url_servers(m->base);
    enum error_code code = ERROR_NONE;

    if (count > SERVERS_MAX) {
        return error_set(error, ERROR_SETTING,
                         "BROKER_MANAGEMENT_URL=%.200s names %zu servers, and may name %d", m->base, count,
                         SERVERS_MAX);
    }
    while (code == ERROR_NONE && m->servers < count) {
        url_of_server(m->base, m->servers, &m->urls[m->servers]);
        options->url = buf_text(&m->urls[m->servers]);
        code = http_open(&m->http[m->servers], options, error);
        m->servers++;
    }
    return code;
}

enum error_code management_open(struct management **management, const char *url, const char *password,
                                const char *ca, struct error *error)
{
    struct management *m = calloc(1, sizeof *m);
    size_t len = strlen(url);
    enum error_code code = ERROR_NONE;

    *management = NULL;
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    if (m != NULL) {
        m->base = strndup(url, len);
    }
    if (m == NULL || m->base == NULL) {
        code = error_set(error, ERROR_MEMORY, "management API: out of memory");
    } else {
        struct http_options options = {
            .schemes = "http,https", .ca = ca, .total_ms = TOTAL_MS, .answer_max = ANSWER_MAX};

        secret_file_read(BROKER_PASSWORD, password, &m->password);
        options.password = buf_text(&m->password);
        code = open_all(m, &options, error);
    }
    if (code != ERROR_NONE) {
        management_close(m);
        return code;
    }
    *management = m;
    return ERROR_NONE;
}

void management_close(struct management *management)
{
    if (management != NULL) {
        for (size_t i = 0; i < management->servers; i++) {
            http_close(management->http[i]);
            buf_free(&management->urls[i]);
        }
        free(management->base);
        secret_file_forget(&management->password);
        free(management);
    }
}

/* Sets an error from the server's message: {"error": ..., "reason": ...}. */
static enum error_code refused(const struct http_reply *reply, const char *what, struct error *error)
{
    cJSON *answer = cJSON_ParseWithLength(reply->body.data, reply->body.len);
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "reason"));
    enum error_code code = ERROR_REFUSED;

    if (reply->status == 404) {
        code = ERROR_NOT_FOUND;
    } else if (reply->status >= 500) {
        code = ERROR_UNREACHABLE;
    }
    error_set(error, code, "management API: %s: status %ld%s%s", what, reply->status,
              reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
    cJSON_Delete(answer);
    return code;
}

/* Converts a reply into an error code. what: method and URL, for the message. */
static enum error_code judge(const struct http_reply *reply, const char *what, struct error *error)
{
    if (reply->status == 0) {
        return error_set(error, reply->timed_out ? ERROR_TIMEOUT : ERROR_UNREACHABLE,
                         "management API: %s: %s", what, reply->problem);
    }
    if (reply->status < 200 || reply->status > 299) {
        return refused(reply, what, error);
    }
    if (reply->cut) {
        return error_set(error, ERROR_LIMIT, "management API: %s: the answer has more than %u bytes", what,
                         ANSWER_MAX);
    }
    return ERROR_NONE;
}

/* The caller must free reply->body, also after an error. */
static enum error_code request(struct management *m, const char *method, const char *path, const char *body,
                               struct http_reply *reply, struct error *error)
{
    struct buf what = {0};
    enum error_code code;

    for (size_t tried = 1;; tried++) {
        http_header(m->http[m->at], "Content-Type", "application/json");
        http_send(m->http[m->at], method, path, span_of(body), reply);
        if (reply->status != 0 || tried >= m->servers) {
            break;
        }
        buf_free(&reply->body);
        m->at = (m->at + 1) % m->servers;
    }
    buf_printf(&what, "%s %s%s", method, m->base, path);
    code = judge(reply, buf_text(&what), error);
    buf_free(&what);
    return code;
}

enum error_code management_get(struct management *management, const char *path, cJSON **answer,
                               struct error *error)
{
    struct http_reply reply;
    enum error_code code = request(management, "GET", path, NULL, &reply, error);

    *answer = NULL;
    if (code == ERROR_NONE) {
        *answer = cJSON_ParseWithLength(reply.body.data, reply.body.len);
        if (*answer == NULL) {
            code = error_set(error, ERROR_MALFORMED, "management API: GET %s%s: the answer isn't JSON",
                             management->base, path);
        }
    }
    buf_free(&reply.body);
    return code;
}

/* Sends the body, and takes no answer but the status. */
static enum error_code send_body(struct management *management, const char *method, const char *path,
                                 const cJSON *body, struct error *error)
{
    char *text = cJSON_PrintUnformatted(body);
    struct http_reply reply;
    enum error_code code;

    if (text == NULL) {
        return error_set(error, ERROR_MEMORY, "management API: out of memory");
    }
    code = request(management, method, path, text, &reply, error);
    buf_free(&reply.body);
    secret_wipe(text, strlen(text));
    cJSON_free(text);
    return code;
}

enum error_code management_put(struct management *management, const char *path, const cJSON *body,
                               struct error *error)
{
    return send_body(management, "PUT", path, body, error);
}

enum error_code management_post(struct management *management, const char *path, const cJSON *body,
                                struct error *error)
{
    return send_body(management, "POST", path, body, error);
}

enum error_code management_list(struct management *management, const char *kind, const char *vhost,
                                cJSON **list, struct error *error)
{
    struct buf path = {0};
    enum error_code code;

    buf_printf(&path, "/api/%s/%s", kind, vhost);
    code = management_get(management, buf_text(&path), list, error);
    buf_free(&path);
    return code == ERROR_NOT_FOUND ? ERROR_NONE : code;
}

const cJSON *management_named(const cJSON *list, const char *name)
{
    const cJSON *entry;

    cJSON_ArrayForEach(entry, list)
    {
        const char *its = management_text(entry, "name");

        if (its != NULL && strcmp(its, name) == 0) {
            return entry;
        }
    }
    return NULL;
}

const char *management_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

void management_vhost(const char *broker_url, struct buf *segment, struct buf *name)
{
    struct span path = url_split(broker_url).rest;

    http_append_unescaped(name, path.len > 0 && path.data[0] == '/' ? path.data + 1 : "/");
    http_append_escaped(segment, buf_text(name));
}
