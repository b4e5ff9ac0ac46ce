/* SPDX-License-Identifier: MIT */
#include "http.h"

#include "regular_file.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L

struct http {
    struct http_options options;
    CURL *curl;
    struct curl_slist *headers; /* for the next request */
    bool no_memory;             /* adding a header failed */
};

/* Receives the body of a reply. */
struct answer {
    struct http_reply *reply;
    size_t max;
};

bool http_start(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void http_stop(void)
{
    curl_global_cleanup();
}

enum error_code http_open(struct http **http, const struct http_options *options, struct error *error)
{
    struct http *h;
    enum error_code code = regular_file_check("BROKER_CA", options->ca == NULL ? "" : options->ca, error);

    *http = NULL;
    if (code != ERROR_NONE) {
        return code;
    }
    h = calloc(1, sizeof *h);
    if (h != NULL) {
        h->options = *options;
        h->curl = curl_easy_init();
    }
    if (h == NULL || h->curl == NULL) {
        http_close(h);
        return error_set(error, ERROR_MEMORY, "libcurl: out of memory");
    }
    *http = h;
    return ERROR_NONE;
}

void http_close(struct http *http)
{
    if (http != NULL) {
        curl_easy_cleanup(http->curl);
        curl_slist_free_all(http->headers);
        free(http);
    }
}

void http_header(struct http *http, const char *name, const char *value)
{
    struct buf line = {0};
    struct curl_slist *grown;

    if (value == NULL) {
        buf_printf(&line, "%s:", name);
    } else {
        /* curl wants "name;" for an empty value. */
        buf_printf(&line, value[0] == '\0' ? "%s;%s" : "%s: %s", name, value);
    }
    grown = line.failed ? NULL : curl_slist_append(http->headers, buf_text(&line));
    buf_free(&line);
    http->headers = grown == NULL ? http->headers : grown;
    http->no_memory = http->no_memory || grown == NULL;
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    struct buf *body = &answer->reply->body;
    size_t len = size * count, room = answer->max - body->len;

    buf_append(body, data, len < room ? len : room);
    answer->reply->cut = answer->reply->cut || len > room;
    return body->failed ? 0 : len;
}

/* Sets the libcurl options that can fail. */
static CURLcode set_options(struct http *http, const char *method, const char *url)
{
    const struct http_options *o = &http->options;
    const struct {
        CURLoption option;
        const char *value;
    } texts[] = {
        {CURLOPT_URL, url},
        {CURLOPT_CUSTOMREQUEST, method},
        {CURLOPT_PROTOCOLS_STR, o->schemes},
        {CURLOPT_NOPROXY, "*"},
        {CURLOPT_PASSWORD, o->password},
        {CURLOPT_CAINFO, o->ca == NULL || o->ca[0] == '\0' ? NULL : o->ca},
    };
    CURLcode result = curl_easy_setopt(http->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

    for (size_t i = 0; result == CURLE_OK && i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].value != NULL) {
            result = curl_easy_setopt(http->curl, texts[i].option, texts[i].value);
        }
    }
    return result;
}

static void set_body(CURL *curl, const char *method, struct span body)
{
    if (strcmp(method, "HEAD") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (body.len > 0 || strcmp(method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.len == 0 ? "" : body.data);
    }
}

static int ask_to_go_on(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                        curl_off_t up)
{
    const struct http_options *o = context;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return !o->go_on(o->context);
}

static CURLcode perform(struct http *http, const char *method, const char *url, struct span body,
                        struct answer *answer)
{
    CURL *curl = http->curl;
    CURLcode result;

    /* This keeps the connection open. */
    curl_easy_reset(curl);
    result = http->no_memory ? CURLE_OUT_OF_MEMORY : set_options(http, method, url);
    if (result != CURLE_OK) {
        return result;
    }
    set_body(curl, method, body);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* past a deadline, not to wait for its resolver */
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, http->options.total_ms);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, answer->reply->problem);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (http->options.go_on != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_to_go_on);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &http->options);
    }
    return curl_easy_perform(curl);
}

void http_send(struct http *http, const char *method, const char *path, struct span body,
               struct http_reply *reply)
{
    const char *base = http->options.url;
    size_t len = strlen(base);
    struct answer answer = {reply, http->options.answer_max};
    struct buf url = {0};
    CURLcode result;

    _Static_assert(sizeof reply->problem >= CURL_ERROR_SIZE, "problem must hold libcurl's message");
    *reply = (struct http_reply){0};
    while (path[0] != '\0' && len > 0 && base[len - 1] == '/') {
        len--;
    }
    buf_append(&url, base, len);
    buf_append_text(&url, path);
    result = url.failed ? CURLE_OUT_OF_MEMORY : perform(http, method, buf_text(&url), body, &answer);
    if (result == CURLE_OK) {
        reply->problem[0] = '\0';
        (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    } else if (reply->problem[0] == '\0') {
        (void)snprintf(reply->problem, sizeof reply->problem, "%s", curl_easy_strerror(result));
    }
    reply->timed_out = result == CURLE_OPERATION_TIMEDOUT;
    buf_free(&url);
    curl_slist_free_all(http->headers);
    http->headers = NULL;
    http->no_memory = false;
}

bool http_reply_header(const struct http *http, const char *name, struct buf *value)
{
    struct curl_header *header;

    if (curl_easy_header(http->curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return false;
    }
    if (header->amount > 1) {
        (void)curl_easy_header(http->curl, name, header->amount - 1, CURLH_HEADER, -1, &header);
    }
    buf_append_text(value, header->value);
    return true;
}

void http_append_escaped(struct buf *out, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);

    if (escaped == NULL) {
        out->failed = true;
    } else {
        buf_append_text(out, escaped);
    }
    curl_free(escaped);
}

void http_append_unescaped(struct buf *out, const char *text)
{
    char *plain = curl_easy_unescape(NULL, text, 0, NULL);

    if (plain == NULL) {
        out->failed = true;
    } else {
        buf_append_text(out, plain);
    }
    curl_free(plain);
}
