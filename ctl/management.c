/* SPDX-License-Identifier: MIT */
#include "management.h"

#include "secret.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L
#define TOTAL_MS 10000L
#define ANSWER_MAX (16u << 20) /* a list of connections is about 2 kB for each */

struct management {
    CURL *curl;
    struct curl_slist *headers;
    char *base; /* the URL without a final '/' */
    struct buf answer;
    char curl_error[CURL_ERROR_SIZE];
};

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct buf *answer = context;

    if (answer->len + size * count > ANSWER_MAX) {
        return 0;
    }
    buf_append(answer, data, size * count);
    return answer->failed ? 0 : size * count;
}

enum error_code management_open(struct management **management, const char *url, const char *password,
                                const char *ca, struct error *error)
{
    struct management *m = calloc(1, sizeof *m);
    size_t len = strlen(url);

    *management = NULL;
    if (m == NULL) {
        goto no_memory;
    }
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    m->base = strndup(url, len);
    m->curl = curl_easy_init();
    m->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (m->base == NULL || m->curl == NULL || m->headers == NULL) {
        goto no_memory;
    }
    if (curl_easy_setopt(m->curl, CURLOPT_PASSWORD, password) != CURLE_OK ||
        curl_easy_setopt(m->curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
        curl_easy_setopt(m->curl, CURLOPT_NOPROXY, "*") != CURLE_OK ||
        curl_easy_setopt(m->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
        (ca[0] != '\0' && curl_easy_setopt(m->curl, CURLOPT_CAINFO, ca) != CURLE_OK)) {
        goto no_memory;
    }
    (void)curl_easy_setopt(m->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    (void)curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(m->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(m->curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    (void)curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, m->curl_error);
    (void)curl_easy_setopt(m->curl, CURLOPT_WRITEFUNCTION, take_answer);
    (void)curl_easy_setopt(m->curl, CURLOPT_WRITEDATA, &m->answer);
    (void)curl_easy_setopt(m->curl, CURLOPT_HTTPHEADER, m->headers);
    *management = m;
    return ERROR_NONE;

no_memory:
    management_close(m);
    return error_set(error, ERROR_MEMORY, "management API: out of memory");
}

void management_close(struct management *management)
{
    if (management == NULL) {
        return;
    }
    curl_easy_cleanup(management->curl);
    curl_slist_free_all(management->headers);
    buf_free(&management->answer);
    free(management->base);
    free(management);
}

/* The server's own words: {"error": ..., "reason": ...}. */
static enum error_code refused(struct management *m, const char *method, const char *url, long status,
                               struct error *error)
{
    cJSON *answer = cJSON_ParseWithLength(m->answer.data, m->answer.len);
    const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "reason"));
    enum error_code code = ERROR_REFUSED;

    if (status == 404) {
        code = ERROR_NOT_FOUND;
    } else if (status >= 500) {
        code = ERROR_UNREACHABLE;
    }
    error_set(error, code, "management API: %s %s: status %ld%s%s", method, url, status,
              reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
    cJSON_Delete(answer);
    return code;
}

static enum error_code request(struct management *m, const char *method, const char *path, const char *body,
                               struct error *error)
{
    struct buf url = {0};
    enum error_code code = ERROR_NONE;
    long status = 0;
    CURLcode result;

    buf_clear(&m->answer);
    m->curl_error[0] = '\0';
    buf_printf(&url, "%s%s", m->base, path);
    if (curl_easy_setopt(m->curl, CURLOPT_URL, buf_text(&url)) != CURLE_OK ||
        curl_easy_setopt(m->curl, CURLOPT_CUSTOMREQUEST, method) != CURLE_OK) {
        code = error_set(error, ERROR_MEMORY, "management API: out of memory");
        goto done;
    }
    if (body == NULL) {
        (void)curl_easy_setopt(m->curl, CURLOPT_HTTPGET, 1L);
    } else {
        (void)curl_easy_setopt(m->curl, CURLOPT_POSTFIELDS, body);
    }
    result = curl_easy_perform(m->curl);
    (void)curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK) {
        code = error_set(error, result == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_UNREACHABLE,
                         "management API: %s %s: %s", method, buf_text(&url),
                         m->curl_error[0] == '\0' ? curl_easy_strerror(result) : m->curl_error);
    } else if (status < 200 || status > 299) {
        code = refused(m, method, buf_text(&url), status, error);
    }
done:
    buf_free(&url);
    return code;
}

enum error_code management_get(struct management *management, const char *path, cJSON **answer,
                               struct error *error)
{
    enum error_code code = request(management, "GET", path, NULL, error);

    *answer = NULL;
    if (code != ERROR_NONE) {
        return code;
    }
    *answer = cJSON_ParseWithLength(management->answer.data, management->answer.len);
    if (*answer == NULL) {
        return error_set(error, ERROR_MALFORMED, "management API: GET %s%s: the answer isn't JSON",
                         management->base, path);
    }
    return ERROR_NONE;
}

enum error_code management_put(struct management *management, const char *path, const cJSON *body,
                               struct error *error)
{
    char *text = cJSON_PrintUnformatted(body);
    enum error_code code;

    if (text == NULL) {
        return error_set(error, ERROR_MEMORY, "management API: out of memory");
    }
    code = request(management, "PUT", path, text, error);
    secret_wipe(text, strlen(text));
    cJSON_free(text);
    return code;
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
    const char *host = strstr(broker_url, "://");
    const char *slash = strchr(host == NULL ? broker_url : host + 3, '/');
    char *plain = curl_easy_unescape(NULL, slash == NULL ? "/" : slash + 1, 0, NULL);
    char *escaped = plain == NULL ? NULL : curl_easy_escape(NULL, plain, 0);

    if (escaped != NULL) {
        buf_append_text(segment, escaped);
        buf_append_text(name, plain);
    }
    curl_free(escaped);
    curl_free(plain);
}
