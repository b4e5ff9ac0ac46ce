/* SPDX-License-Identifier: MIT */
#include "post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L
#define TOTAL_MS 30000L
#define BODY_MAX 65536

struct post {
    CURL *curl;
    char *base; /* the URL without a final '/' */
};

enum error_code post_open(struct post **post, const char *url, struct error *error)
{
    struct post *p = calloc(1, sizeof *p);
    size_t len = strlen(url);

    *post = NULL;
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    if (p != NULL) {
        p->base = strndup(url, len);
        p->curl = curl_easy_init();
    }
    if (p == NULL || p->base == NULL || p->curl == NULL) {
        post_close(p);
        return error_set(error, ERROR_MEMORY, "libcurl: out of memory");
    }
    *post = p;
    return ERROR_NONE;
}

void post_close(struct post *post)
{
    if (post != NULL) {
        curl_easy_cleanup(post->curl);
        free(post->base);
        free(post);
    }
}

bool post_text_hides_nul(struct span text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] != '\\') {
            continue;
        }
        if (text.len - i >= 6 && memcmp(text.data + i, "\\u0000", 6) == 0) {
            return true;
        }
        i++; /* what is escaped begins no escape of its own */
    }
    return false;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct buf *body = context;
    size_t len = size * count;

    if (body->len < BODY_MAX) {
        buf_append(body, data, len < BODY_MAX - body->len ? len : BODY_MAX - body->len);
    }
    return len;
}

/* Appends "name: value"; curl wants "name;" for an empty value. False when there is no memory. */
static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
    struct buf line = {0};
    struct curl_slist *grown;

    buf_printf(&line, value[0] == '\0' ? "%s;%s" : "%s: %s", name, value);
    grown = line.failed ? NULL : curl_slist_append(*headers, buf_text(&line));
    buf_free(&line);
    if (grown == NULL) {
        return false;
    }
    *headers = grown;
    return true;
}

static bool add_headers(struct curl_slist **headers, const struct post_request *request)
{
    bool typed = false, good = true;
    struct curl_slist *grown;
    const cJSON *header;

    cJSON_ArrayForEach(header, request->headers)
    {
        if (cJSON_IsString(header)) {
            typed = typed || strcasecmp(header->string, "content-type") == 0;
            good = good && add_header(headers, header->string, header->valuestring);
        }
    }
    if (request->id[0] != '\0') {
        good = good && add_header(headers, "webhook-id", request->id);
    }
    if (!typed && request->body.len == 0) {
        /* Or curl says that a form follows. */
        grown = good ? curl_slist_append(*headers, "Content-Type:") : NULL;
        good = grown != NULL;
        *headers = good ? grown : *headers;
    } else if (!typed) {
        bool json = request->body.data[0] == '{' || request->body.data[0] == '[';

        good = good &&
               add_header(headers, "Content-Type", json ? "application/json" : "application/octet-stream");
    }
    return good;
}

static CURLcode prepare(struct post *post, const struct post_request *request, struct curl_slist *headers,
                        struct post_reply *reply)
{
    struct buf url = {0};
    CURLcode result;

    /* Keeps the connection. */
    curl_easy_reset(post->curl);
    buf_printf(&url, "%s%s%s", post->base, request->path[0] == '/' ? "" : "/", request->path);
    result = curl_easy_setopt(post->curl, CURLOPT_URL, buf_text(&url));
    buf_free(&url);
    if (result == CURLE_OK) {
        result = curl_easy_setopt(post->curl, CURLOPT_CUSTOMREQUEST, request->method);
    }
    if (result == CURLE_OK) {
        result = curl_easy_setopt(post->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    }
    if (result == CURLE_OK) {
        result = curl_easy_setopt(post->curl, CURLOPT_NOPROXY, "*");
    }
    if (strcmp(request->method, "HEAD") == 0) {
        (void)curl_easy_setopt(post->curl, CURLOPT_NOBODY, 1L);
    } else if (request->body.len > 0 || strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(post->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        (void)curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS,
                               request->body.len == 0 ? "" : request->body.data);
    }
    (void)curl_easy_setopt(post->curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(post->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(post->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(post->curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    (void)curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(post->curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(post->curl, CURLOPT_WRITEDATA, &reply->body);
    return result;
}

void post_event(struct post *post, const struct post_request *request, struct post_reply *reply)
{
    struct curl_slist *headers = NULL;
    CURLcode result = CURLE_OUT_OF_MEMORY;

    *reply = (struct post_reply){0};
    if (add_headers(&headers, request)) {
        result = prepare(post, request, headers, reply);
    }
    if (result == CURLE_OK) {
        result = curl_easy_perform(post->curl);
    }
    if (result == CURLE_OK) {
        (void)curl_easy_getinfo(post->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    } else {
        (void)snprintf(reply->problem, sizeof reply->problem, "%s", curl_easy_strerror(result));
    }
    curl_slist_free_all(headers);
}
