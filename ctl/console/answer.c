/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include "asset.h"
#include "clock.h"
#include "log.h"
#include "page.h"

#include <string.h>

/* The path without CONSOLE_PREFIX, which a proxy may have taken off or not. */
static struct span path_of(const struct answer_request *r)
{
    struct span path = {r->target, strcspn(r->target, "?")};
    size_t len = strlen(r->settings->prefix);

    if (path.len > len && strncmp(path.data, r->settings->prefix, len) == 0 && path.data[len] == '/') {
        path = (struct span){path.data + len, path.len - len};
    }
    return path;
}

static struct span query_of(const struct answer_request *r)
{
    const char *mark = strchr(r->target, '?');

    return span_of(mark == NULL ? NULL : mark + 1);
}

static const struct page_row *find_page(struct span path)
{
    for (const struct page_row *row = pages; row->path != NULL; row++) {
        if (span_equal(span_of(row->path), path)) {
            return row;
        }
    }
    return NULL;
}

static void answer_html(struct page *page, const char *path, const char *title, struct answer *answer)
{
    answer->status = page->body.failed ? 500 : page->status;
    answer->type = "text/html; charset=utf-8";
    page_frame(page, path, title, clock_wall_us(), &answer->body);
    buf_free(&page->body);
}

void answer_problem(const struct answer_request *request, unsigned status, const char *text,
                    struct answer *answer)
{
    struct page page = {.settings = request->settings};

    page_say_problem(&page, status, text);
    answer_html(&page, "", "Not answered", answer);
}

static void refuse(const struct answer_request *request, unsigned status, const char *text,
                   struct answer *answer)
{
    static _Atomic int64_t logged_us;

    if (log_is_due(&logged_us)) {
        log_warning("console-refused", log_number("status", status), log_text("reason", text));
    }
    answer_problem(request, status, text, answer);
}

bool answer_at_once(const struct answer_request *request, struct answer *answer)
{
    const char *refusal = gate_refusal(&request->headers, request->settings->host);
    struct span path = path_of(request);
    const struct page_row *row = find_page(path);
    struct asset asset;

    if (asset_find(path, &asset)) {
        answer->status = request->headers.post ? 405 : 200;
        answer->type = asset.type;
        buf_append(&answer->body, asset.content, asset.len);
    } else if (refusal != NULL) {
        refuse(request, 403, refusal, answer);
    } else if (row == NULL) {
        answer_problem(request, 404, "There is no page at this path.", answer);
    } else if (request->headers.post && request->settings->token[0] == '\0') {
        refuse(request, 403, "This console only reads: CONSOLE_TOKEN isn't set.", answer);
    } else {
        return false;
    }
    return true;
}

static void write_page(const struct answer_request *request, const struct page_row *row, struct page *page,
                       struct answer *answer)
{
    if (page->form != NULL && !gate_token_fits(request->settings->token, query_get(page->form, "token"))) {
        refuse(request, 403, "The token is wrong, so nothing was changed.", answer);
        return;
    }
    if (page->form != NULL && !row->posts) {
        answer_problem(request, 405, "This page takes no form.", answer);
        return;
    }
    row->write(page);
    if (page->download != NULL) {
        answer->status = page->body.failed ? 500 : page->status;
        answer->type = "text/plain; charset=utf-8";
        answer->download = page->download;
        answer->body = page->body;
    } else {
        answer_html(page, row->path, row->title, answer);
    }
}

void answer_by_page(const struct answer_request *request, PGconn **connection, struct answer *answer)
{
    struct query query = {0}, form = {0};
    struct page page = {
        .settings = request->settings, .query = &query, .connection = connection, .status = 200};

    page.form = request->headers.post ? &form : NULL;
    if (!query_read(&query, query_of(request)) || !query_read(&form, buf_span(&request->form))) {
        answer_problem(
            request, 400,
            "The parameters can't be read: at most 32 are allowed, percent-encoded UTF-8 without NUL.",
            answer);
    } else {
        write_page(request, find_page(path_of(request)), &page, answer);
    }
    query_free(&query);
    query_free(&form);
}
