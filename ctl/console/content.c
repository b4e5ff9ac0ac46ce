/* SPDX-License-Identifier: MIT */
#include "content.h"

#include "ctl/database.h"
#include "event.h"
#include "pretty.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX ((size_t)65536) /* bytes of a body on the page */
#define LINE_MAX_SHOWN ((size_t)4096)
#define VALUE_MAX ((size_t)4096) /* of a header */
#define CURL_BODY_MAX ((size_t)2000)
#define READ_MAX "1048576" /* bytes of a body that are read for the page */
#define JSON_MAX "262144"  /* bytes of a body that is shown as JSON */

static const char asked[] =
    "select method, path, query, octet_length(body), body is null, substr(body, 1, " READ_MAX "),"
    " case when octet_length(body) <= " JSON_MAX " then webhook_text(body, content_type, headers) end,"
    " case when octet_length(body) <= " JSON_MAX " then webhook_json(body, content_type, headers)::text end,"
    " case when octet_length(body) <= " JSON_MAX " then webhook_payload_error(body, content_type, headers)"
    " else 'over " JSON_MAX " bytes' end"
    " from webhooks_raw where id = $1 and source = $2";
enum column { METHOD, PATH, QUERY, BYTES, EXPIRED, BODY, TEXT, PAYLOAD, PAYLOAD_ERROR };

static const char asked_headers[] =
    "select name, value from webhooks_raw, jsonb_each_text(headers) as h (name, value)"
    " where id = $1 and source = $2 order by name collate \"C\"";
enum header_column { NAME, VALUE };

/* Appends the bytes of a bytea. */
static void append_bytes(struct buf *out, const char *bytea)
{
    size_t len = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)bytea, &len);

    if (bytes == NULL) {
        out->failed = true;
    } else {
        buf_append(out, bytes, len);
    }
    PQfreemem(bytes);
}

static void write_headers(struct page *page, const PGresult *headers)
{
    static const char *const heads[] = {"Name", "Value", NULL};

    buf_append_text(&page->body, "<h2>Headers</h2>\n");
    page_table_begin(page, "Kept headers; signatures and tokens are not kept", heads);
    for (int row = 0; row < PQntuples(headers); row++) {
        size_t left;

        html_print(&page->body, "<tr><th scope=\"row\">%s</th><td>", PQgetvalue(headers, row, NAME));
        left = html_text(&page->body, span_of(PQgetvalue(headers, row, VALUE)), VALUE_MAX);
        if (left > 0) {
            html_print(&page->body, "<span class=\"mark\">… %zu bytes more</span>", left);
        }
        buf_append_text(&page->body, "</td></tr>\n");
    }
    page_table_end(page);
}

/* Writes text into a box that scrolls. total: bytes of the whole, of which text may be the beginning. */
static void write_box(struct page *page, const char *label, struct span text, size_t total)
{
    size_t left;

    html_print(&page->body, "<pre tabindex=\"0\" role=\"region\" aria-label=\"%s\">", label);
    left = html_lines(&page->body, text, LINE_MAX_SHOWN, SHOWN_MAX) + total - text.len;
    buf_append_text(&page->body, "</pre>\n");
    if (left > 0) {
        html_print(&page->body, "<p>The next %zu bytes aren't shown: download the body.</p>\n", left);
    }
}

static void write_body(struct page *page, const PGresult *r, struct span body, const char *url)
{
    html_print(&page->body, "<h2>Body</h2>\n<p>%s bytes. <a href=\"%s\">Download the exact bytes</a></p>\n",
               PQgetvalue(r, 0, BYTES), url);
    write_box(page, "Body as text", body, (size_t)atoll(PQgetvalue(r, 0, BYTES)));
}

static void write_json(struct page *page, const PGresult *r)
{
    struct buf pretty = {0};

    buf_append_text(&page->body, "<h2>Body as JSON</h2>\n");
    if (pretty_json(&pretty, span_of(PQgetvalue(r, 0, TEXT)))) {
        write_box(page, "Body as JSON", buf_span(&pretty), pretty.len);
    } else if (pretty_json(&pretty, span_of(PQgetvalue(r, 0, PAYLOAD)))) {
        buf_append_text(&page->body, "<p>The body is a form.</p>\n");
        write_box(page, "Form as JSON", buf_span(&pretty), pretty.len);
    } else {
        html_print(&page->body, "<p>Not shown: %s.</p>\n", PQgetvalue(r, 0, PAYLOAD_ERROR));
    }
    buf_free(&pretty);
}

static void write_curl(struct page *page, const PGresult *r, const PGresult *headers, struct span body)
{
    bool short_enough =
        body.len <= CURL_BODY_MAX && (body.len == 0 || memchr(body.data, '\0', body.len) == NULL);
    struct buf line = {0}, word = {0};
    bool typed = false;

    buf_append_text(&line, "curl -X ");
    pretty_shell(&line, span_of(PQgetvalue(r, 0, METHOD)));
    for (int row = 0; row < PQntuples(headers); row++) {
        const char *name = PQgetvalue(headers, row, NAME);

        typed = typed || strcasecmp(name, "content-type") == 0;
        if (strcasecmp(name, "content-length") != 0 && strcasecmp(name, "host") != 0) {
            buf_clear(&word);
            buf_printf(&word, "%s: %s", name, PQgetvalue(headers, row, VALUE));
            buf_append_text(&line, " -H ");
            pretty_shell(&line, buf_span(&word));
        }
    }
    /* Else curl says that it is a form. With --data-raw an @ is no file. With -g brackets and braces in the
     * URL are no patterns. */
    buf_append_text(&line, typed ? " -g" : " -g -H 'Content-Type:'");
    buf_append_text(&line, short_enough ? " --data-raw " : " --data-binary ");
    pretty_shell(&line, short_enough ? body : span_of("@body.txt"));
    buf_clear(&word);
    buf_printf(&word, "http://127.0.0.1:8080%s%s%s", PQgetvalue(r, 0, PATH),
               PQgetvalue(r, 0, QUERY)[0] == '\0' ? "" : "?", PQgetvalue(r, 0, QUERY));
    buf_append_char(&line, ' ');
    pretty_shell(&line, buf_span(&word));
    html_print(&page->body,
               "<h2>Send it again</h2>\n<p>For bash%s. Put the gateway's address for 127.0.0.1:8080.</p>\n",
               short_enough ? "" : ", after the body was downloaded");
    html_print(&page->body,
               "<pre id=\"curl\" tabindex=\"0\" role=\"region\" aria-label=\"curl line\">%s</pre>\n",
               buf_text(&line));
    buf_append_text(&page->body, "<p><button type=\"button\" data-copy=\"curl\" hidden>Copy</button></p>\n");
    buf_free(&line);
    buf_free(&word);
}

static void write_all(struct page *page, const PGresult *r, const PGresult *headers, const char *source,
                      const char *id)
{
    struct buf body = {0}, url = {0};

    append_bytes(&body, PQgetvalue(r, 0, BODY));
    event_url(page, &url, EVENT_BODY_PATH, source, id);
    write_headers(page, headers);
    write_body(page, r, buf_span(&body), buf_text(&url));
    write_json(page, r);
    write_curl(page, r, headers, buf_span(&body));
    html_print(&page->body,
               "<p>A source that verifies refuses this, since signatures are not kept: <code>sluice send "
               "--route %s</code> "
               "signs anew.</p>\n",
               source);
    page->body.failed = page->body.failed || body.failed;
    buf_free(&body);
    buf_free(&url);
}

void content_write(struct page *page, PGconn *database, const char *source, const char *id)
{
    const char *const parameters[] = {id, source};
    PGresult *r = NULL, *headers = NULL;
    struct error error = {0};
    enum error_code code = database_query(database, &r, asked, 2, parameters, &error);

    if (code == ERROR_NONE) {
        code = database_query(database, &headers, asked_headers, 2, parameters, &error);
    }
    if (code != ERROR_NONE) {
        page_problem(page, &error);
    } else if (PQntuples(r) == 1 && PQgetvalue(r, 0, EXPIRED)[0] == 't') {
        buf_append_text(
            &page->body,
            "<h2>Body</h2>\n<p>Body and headers have expired: they can't be shown or sent again. Above "
            "are the body's size and SHA-256.</p>\n");
    } else if (PQntuples(r) == 1) {
        write_all(page, r, headers, source, id);
    }
    PQclear(r);
    PQclear(headers);
}
