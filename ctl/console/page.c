/* SPDX-License-Identifier: MIT */
#include "page.h"

#include "clock.h"
#include "ctl/look/reader.h"
#include "secret.h"

#include <poll.h>
#include <string.h>

/* Nobody has asked anything, so what a server has sent is the end of the connection. */
static bool is_alive(const PGconn *connection)
{
    struct pollfd fd = {.fd = PQsocket(connection), .events = POLLIN};

    return PQstatus(connection) == CONNECTION_OK && poll(&fd, 1, 0) == 0;
}

PGconn *page_database(struct page *page)
{
    PGconn **c = page->connection;
    struct error error;

    if (*c != NULL && !is_alive(*c)) {
        PQfinish(*c);
        *c = NULL;
    }
    if (*c == NULL && reader_open(c, &page->settings->status.database, "console", &error) != ERROR_NONE) {
        PQfinish(*c);
        *c = NULL;
        page_problem(page, &error);
    }
    return *c;
}

void page_say_problem(struct page *page, unsigned status, const char *text)
{
    page->status = status;
    html_print(&page->body, "<p class=\"problem\" role=\"alert\">%s</p>\n", text);
}

void page_problem(struct page *page, const struct error *error)
{
    struct buf text = {0};
    unsigned status = 500;

    switch (error->code) {
    case ERROR_UNREACHABLE:
    case ERROR_TIMEOUT:
    case ERROR_CLOSED:
    case ERROR_REFUSED:
    case ERROR_MEMORY:
        status = 503;
        break;
    case ERROR_MALFORMED:
    case ERROR_LIMIT:
        status = 400;
        break;
    case ERROR_NONE:
    case ERROR_SYSTEM:
    case ERROR_NOT_FOUND:
    case ERROR_SETTING:
    case ERROR_NEWER:
    case ERROR_BUG:
        break;
    }
    buf_append_text(&text, error->text);
    secret_redact(&text, 0);
    page_say_problem(page, status, buf_text(&text));
    buf_free(&text);
}

void page_url(const struct page *page, struct buf *url, const char *path)
{
    buf_append_text(url, page->settings->prefix);
    buf_append_text(url, path);
}

void page_table_begin(struct page *page, const char *caption, const char *const heads[])
{
    html_print(&page->body,
               "<div class=\"scroll\" role=\"region\" aria-label=\"%s\" tabindex=\"0\"><table>"
               "<caption>%s</caption>\n<thead><tr>",
               caption, caption);
    for (size_t i = 0; heads[i] != NULL; i++) {
        html_print(&page->body, "<th scope=\"col\">%s</th>", heads[i]);
    }
    buf_append_text(&page->body, "</tr></thead>\n<tbody>\n");
}

void page_table_end(struct page *page)
{
    buf_append_text(&page->body, "</tbody></table></div>\n");
}

/* A name by which the browser may keep the token. */
void page_token(struct page *page)
{
    buf_append_text(&page->body,
                    page->settings->token[0] == '\0'
                        ? "<p>This console only reads: CONSOLE_TOKEN isn't set.</p>\n"
                        : "<p><input name=\"user\" value=\"sluice console\" autocomplete=\"username\" hidden>"
                          "<label>Token (CONSOLE_TOKEN) <input type=\"password\" name=\"token\""
                          " autocomplete=\"current-password\" required></label></p>\n");
}

static void append_navigation(const struct page *page, const char *path, struct buf *out)
{
    buf_append_text(out, "<nav aria-label=\"Pages\"><ul>\n");
    for (const struct page_row *row = pages; row->path != NULL; row++) {
        if (row->listed) {
            html_print(out, "<li><a href=\"%s%s\" aria-current=\"%s\">%s</a></li>\n", page->settings->prefix,
                       row->path, strcmp(row->path, path) == 0 ? "page" : "false", row->title);
        }
    }
    buf_append_text(out, "</ul></nav>\n");
}

void page_frame(const struct page *page, const char *path, const char *title, int64_t now_us, struct buf *out)
{
    const char *prefix = page->settings->prefix;

    html_print(out,
               "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n"
               "<title>%s - Sluice</title>\n<link rel=\"stylesheet\" href=\"%s/style.css\">\n"
               "<script src=\"%s/script.js\" defer></script></head>\n<body>\n"
               "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n",
               title, prefix, prefix);
    append_navigation(page, path, out);
    buf_append_text(
        out, "<p id=\"refreshing\" hidden><button type=\"button\" id=\"pause\">Pause refreshing</button>"
             " <span id=\"refreshed\" role=\"status\"></span></p>\n</header>\n");
    html_print(out, "<main id=\"main\" tabindex=\"-1\">\n<h1>%s</h1>\n", title);
    buf_append_span(out, buf_span(&page->body));
    buf_append_text(out, "</main>\n<footer><p>Sluice " SLUICE_VERSION ", page written at ");
    clock_append(out, now_us);
    html_print(out, ". %s</p></footer>\n</body></html>\n",
               page->settings->token[0] == '\0' ? "This console only reads."
                                                : "Changing anything needs the token.");
}
