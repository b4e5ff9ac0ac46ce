/* SPDX-License-Identifier: MIT */
#include "sources.h"

#include "ctl/routes/describe.h"
#include "events.h"
#include "gateway/sources/routes_file.h"

#include <string.h>

static void write_line(void *to, const char *name, const char *text)
{
    html_print(to, "<dt>%s</dt><dd>%s</dd>\n", name, text);
}

static void write_source(struct page *page, const struct source *s)
{
    struct buf url = {0};

    html_print(&page->body, "<h2>%s</h2>\n<dl>\n", s->name_text);
    describe_source(s, write_line, &page->body);
    describe_limits(s, write_line, &page->body);
    describe_reply(s, write_line, &page->body);
    page_url(page, &url, EVENTS_PATH);
    query_append(&url, "source", s->name_text);
    html_print(&page->body, "</dl>\n<p><a href=\"%s\">Events of %s</a></p>\n", buf_text(&url), s->name_text);
    buf_free(&url);
}

/* Which source a request matches, as the gateway finds it. */
static void write_match(struct page *page, const struct routes *routes, const char *method, const char *path)
{
    const struct request request = {
        .method = span_of(method), .path = {path, strcspn(path, "?")}, .query = SPAN_LITERAL("")};
    struct reply reply;
    const struct source *source = source_meet(routes, &request, &reply);

    if (path[0] != '/') {
        html_print(&page->body, "<p role=\"status\">%s: a path must begin with /.</p>\n", path);
    } else if (source != NULL) {
        html_print(&page->body, "<p role=\"status\">%s %s matches the source %s.</p>\n", method, path,
                   source->name_text);
    } else {
        html_print(&page->body, "<p role=\"status\">%s %s matches no source: %d %s</p>\n", method, path,
                   reply_status(reply.kind), reply.text);
    }
}

static void write_routes(struct page *page, const struct routes *routes)
{
    const char *path = query_get(page->query, "path"), *method = query_get(page->query, "method");

    method = method == NULL ? "POST" : method;
    html_print(&page->body,
               "<form class=\"filter\" method=\"get\">\n"
               "<label>Method <input name=\"method\" value=\"%s\" required></label>\n"
               "<label>Path <input name=\"path\" value=\"%s\" placeholder=\"/github\" required></label>\n"
               "<p><button>Which source takes it?</button></p>\n</form>\n",
               method, path == NULL ? "" : path);
    if (path != NULL) {
        write_match(page, routes, method, path);
    }
    for (size_t i = 0; i < routes->count; i++) {
        write_source(page, &routes->sources[i]);
    }
    buf_append_text(&page->body,
                    "<p class=\"quiet\">What isn't shown (max_body, delay) follows the gateway's "
                    "settings.</p>\n");
}

void sources_write(struct page *page)
{
    const char *file = page->settings->routes;
    const struct routes_options options = {.file = file, .label = file, .max_body = -1};
    struct buf complaints = {0};
    struct routes *routes = file[0] == '\0' ? source_default(0, -1) : routes_read(&options, &complaints);

    if (routes == NULL) {
        page->status = 500;
        buf_append_text(&page->body,
                        "<p class=\"problem\" role=\"alert\">The routes file is not valid: a gateway goes on "
                        "with the one before, and can't start with this one.</p>\n<pre tabindex=\"0\">");
        (void)html_lines(&page->body, buf_span(&complaints), complaints.len, complaints.len);
        buf_append_text(&page->body, "</pre>\n");
    } else if (file[0] == '\0') {
        buf_append_text(&page->body,
                        "<p>No routes file is given (GATEWAY_ROUTES is empty here). This is what a gateway "
                        "does without one:</p>\n");
        write_routes(page, routes);
    } else {
        html_print(&page->body, "<p>What the routes file %s says now. A gateway reads it at SIGHUP.</p>\n",
                   file);
        write_routes(page, routes);
    }
    source_release(routes);
    buf_free(&complaints);
}
