/* SPDX-License-Identifier: MIT */
#include "github_api.h"

#include "clock.h"
#include "ctl/http.h"
#include "ctl/report.h"
#include "page_link.h"
#include "rate_limit.h"
#include "secret.h"
#include "signals.h"
#include "text.h"
#include "url.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_MS 30000L
#define ANSWER_MAX (4u << 20)     /* a page of 100 attempts has some 40 kB */
#define LIMITED_MOST 5            /* refusals of one request by rate limits */
#define BETWEEN_US CLOCK_US_PER_S /* GitHub's documents ask for it */

struct github_api {
    struct github_api_options options;
    struct http *http;
    struct buf authorization;
    int64_t patience_us; /* what is left of it */
    int64_t owed_us;     /* the wait that the last reply demands before the next request */
    int64_t due_us;      /* monotonic: not to ask before */
};

bool github_api_url_safe(const char *text)
{
    static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};
    struct url url = url_split(text);
    struct span hosts = url_hosts(text);

    if (span_equal(url.scheme, SPAN_LITERAL("https"))) {
        return hosts.len > 0;
    }
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        size_t len = strlen(here[i]);

        if (span_equal(url.scheme, SPAN_LITERAL("http")) && text_begins(hosts, here[i]) &&
            (hosts.len == len || hosts.data[len] == ':')) {
            return true;
        }
    }
    return false;
}

static bool go_on(void *context)
{
    (void)context;
    return !signals_drain_requested();
}

enum error_code github_api_open(struct github_api **api, const struct github_api_options *options,
                                struct error *error)
{
    const struct http_options http = {.url = options->url,
                                      .schemes = "http,https",
                                      .total_ms = TOTAL_MS,
                                      .answer_max = ANSWER_MAX,
                                      .go_on = go_on};
    struct github_api *a = calloc(1, sizeof *a);
    enum error_code code;

    *api = NULL;
    if (a == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for GitHub's API");
    }
    a->options = *options;
    a->patience_us = options->patience_us;
    buf_printf(&a->authorization, "Bearer %s", options->token);
    code = http_open(&a->http, &http, error);
    if (code != ERROR_NONE || a->authorization.failed) {
        github_api_close(a);
        return code != ERROR_NONE ? code : error_set(error, ERROR_MEMORY, "no memory for GitHub's API");
    }
    *api = a;
    return ERROR_NONE;
}

void github_api_close(struct github_api *a)
{
    if (a != NULL) {
        http_close(a->http);
        if (a->authorization.len > 0) {
            secret_wipe(a->authorization.data, a->authorization.len);
        }
        buf_free(&a->authorization);
        free(a);
    }
}

/* --- waiting ---------------------------------------------------------------- */

static int64_t number_header(const struct http *http, const char *name)
{
    struct buf value = {0};
    int64_t number = -1;

    if (http_reply_header(http, name, &value) && !text_number(text_trim(buf_span(&value)), 12, &number)) {
        number = -1;
    }
    buf_free(&value);
    return number;
}

static struct rate_limit_reply limits_of(const struct github_api *a, const struct http_reply *reply)
{
    return (struct rate_limit_reply){
        .status = reply->status,
        .retry_after_s = number_header(a->http, "retry-after"),
        .remaining = number_header(a->http, "x-ratelimit-remaining"),
        .reset_s = number_header(a->http, "x-ratelimit-reset"),
        .says_so = reply->body.len > 0 && memmem(reply->body.data, reply->body.len, "rate limit", 10) != NULL,
    };
}

/* Waits until due_us, or for a signal. */
static void wait_until_due(const struct github_api *a)
{
    int64_t left_us;

    while (!signals_drain_requested() && (left_us = a->due_us - clock_monotonic_us()) > 0) {
        struct pollfd drain = {.fd = signals_drain_fd(), .events = POLLIN};
        int64_t turn_us = left_us > 60 * CLOCK_US_PER_S ? 60 * CLOCK_US_PER_S : left_us;

        (void)poll(&drain, 1, (int)(turn_us / CLOCK_US_PER_MS) + 1);
    }
}

/* Takes the wait that is owed from the patience. ERROR_LIMIT when that doesn't last. */
static enum error_code take_patience(struct github_api *a, struct error *error)
{
    int64_t wait_us = a->owed_us;

    if (wait_us == 0) {
        return ERROR_NONE;
    }
    if (wait_us > a->patience_us) {
        return error_set(error, ERROR_LIMIT,
                         "GitHub's rate limit is used up for %" PRId64 " s; --max-wait leaves %" PRId64
                         " s: run it again later",
                         wait_us / CLOCK_US_PER_S, a->patience_us / CLOCK_US_PER_S);
    }
    report_problem(a->options.subcommand, "GitHub's rate limit: waiting %" PRId64 " s",
                   wait_us / CLOCK_US_PER_S);
    a->patience_us -= wait_us;
    a->owed_us = 0;
    a->due_us = clock_monotonic_us() + wait_us;
    return ERROR_NONE;
}

/* --- requests --------------------------------------------------------------- */

static void add_headers(struct github_api *a)
{
    http_header(a->http, "Authorization", buf_text(&a->authorization));
    http_header(a->http, "Accept", "application/vnd.github+json");
    http_header(a->http, "X-GitHub-Api-Version", "2022-11-28");
    http_header(a->http, "User-Agent", "sluice/" SLUICE_VERSION);
}

/* Sends a request once, after the waits that are due. */
static enum error_code request_once(struct github_api *a, const char *method, const char *path,
                                    struct http_reply *reply, bool *limited, struct error *error)
{
    struct rate_limit_reply limits;
    enum error_code code = take_patience(a, error);

    *reply = (struct http_reply){0};
    if (code != ERROR_NONE) {
        return code;
    }
    wait_until_due(a);
    if (!signals_drain_requested()) {
        add_headers(a);
        http_send(a->http, method, path, (struct span){"", 0}, reply);
    }
    if (signals_drain_requested()) {
        return error_set(error, ERROR_TIMEOUT, "GitHub: %s %s: interrupted", method, path);
    }
    if (reply->status == 0) {
        return error_set(error, reply->timed_out ? ERROR_TIMEOUT : ERROR_UNREACHABLE, "GitHub: %s %s%s: %s",
                         method, a->options.url, path, reply->problem);
    }
    limits = limits_of(a, reply);
    a->owed_us = rate_limit_wait_us(&limits, clock_wall_us());
    *limited = rate_limit_refused(&limits);
    return ERROR_NONE;
}

/* Sends a request, again after each rate limit. The caller frees reply->body, also after an error. */
static enum error_code request(struct github_api *a, const char *method, const char *path,
                               struct http_reply *reply, struct error *error)
{
    for (int refusals = 0;; refusals++) {
        bool limited = false;
        enum error_code code = request_once(a, method, path, reply, &limited, error);

        if (code != ERROR_NONE || !limited) {
            return code;
        }
        if (refusals == LIMITED_MOST) {
            return error_set(error, ERROR_LIMIT, "GitHub: %s %s: refused %d times for a rate limit", method,
                             path, refusals + 1);
        }
        buf_free(&reply->body);
    }
}

/* Sets an error from GitHub's message: {"message": ...}. */
static enum error_code refuse(const struct http_reply *reply, const char *path, struct error *error)
{
    cJSON *answer = cJSON_ParseWithLength(reply->body.data, reply->body.len);
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "message"));
    enum error_code code = ERROR_MALFORMED;
    const char *hint = "";

    if (reply->status == 401 || reply->status == 403) {
        code = ERROR_REFUSED;
        hint = "; the token must be valid, with write access to the webhook";
    } else if (reply->status == 404) {
        code = ERROR_NOT_FOUND;
        hint = "; either there is no such webhook, or the token may not see it";
    } else if (reply->status >= 300 && reply->status <= 399) {
        hint = "; has it been renamed?";
    } else if (reply->status >= 500) {
        code = ERROR_UNREACHABLE;
    }
    (void)error_set(error, code, "GitHub: %s: status %ld%s%.200s%s", path, reply->status,
                    message == NULL ? "" : ": ", message == NULL ? "" : message, hint);
    cJSON_Delete(answer);
    return code;
}

/* Appends the cursor of the next page; nothing when there is none. A link that can't be followed is an error:
 * what it leads to would be taken for recovered. */
static enum error_code read_next(struct github_api *a, struct buf *next, struct error *error)
{
    struct buf link = {0};
    struct span cursor;
    enum error_code code = ERROR_NONE;

    if (http_reply_header(a->http, "link", &link) && page_link_next(buf_span(&link), &cursor)) {
        buf_append_span(next, cursor);
        if (cursor.len == 0) {
            code = error_set(error, ERROR_MALFORMED,
                             "GitHub: the link to the next page has no cursor that can be followed: %.200s",
                             buf_text(&link));
        }
    }
    buf_free(&link);
    return code;
}

enum error_code github_api_list(struct github_api *a, const char *cursor, struct buf *page, struct buf *next,
                                struct error *error)
{
    struct http_reply reply;
    struct buf path = {0};
    enum error_code code;

    buf_printf(&path, "/%s/hooks/%" PRId64 "/deliveries?per_page=100%s%s", a->options.owner, a->options.hook,
               cursor[0] == '\0' ? "" : "&cursor=", cursor);
    code = request(a, "GET", buf_text(&path), &reply, error);
    if (code == ERROR_NONE && reply.status != 200) {
        code = refuse(&reply, buf_text(&path), error);
    } else if (code == ERROR_NONE && reply.cut) {
        code = error_set(error, ERROR_LIMIT, "GitHub: %s: more than %u bytes", buf_text(&path), ANSWER_MAX);
    }
    buf_clear(page);
    buf_clear(next);
    if (code == ERROR_NONE) {
        buf_append_span(page, buf_span(&reply.body));
        code = read_next(a, next, error);
    }
    buf_free(&reply.body);
    buf_free(&path);
    return code;
}

enum error_code github_api_redeliver(struct github_api *a, const char *id, bool *accepted,
                                     struct error *error)
{
    struct http_reply reply;
    struct buf path = {0};
    int64_t next_us;
    enum error_code code;

    buf_printf(&path, "/%s/hooks/%" PRId64 "/deliveries/%s/attempts", a->options.owner, a->options.hook, id);
    code = request(a, "POST", buf_text(&path), &reply, error);
    *accepted = code == ERROR_NONE && reply.status >= 200 && reply.status <= 299;
    if (code == ERROR_NONE && !*accepted) {
        code = refuse(&reply, buf_text(&path), error);
        if (code == ERROR_MALFORMED || code == ERROR_NOT_FOUND) {
            code = ERROR_NONE; /* this delivery can't be sent again: too old, for example */
        }
    }
    next_us = clock_monotonic_us() + BETWEEN_US;
    a->due_us = a->due_us > next_us ? a->due_us : next_us;
    buf_free(&reply.body);
    buf_free(&path);
    return code;
}
