/* SPDX-License-Identifier: MIT */
#include "runbook.h"

#include "asset.h"
#include "text.h"

#include <string.h>

#define LINE_MOST 4096

void runbook_append_anchor(struct buf *out, struct span heading)
{
    for (size_t i = 0; i < heading.len; i++) {
        char c = heading.data[i];

        if (c >= 'A' && c <= 'Z') {
            buf_append_char(out, (char)(c - 'A' + 'a'));
        } else if (c == ' ') {
            buf_append_char(out, '-');
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
            buf_append_char(out, c);
        }
    }
}

/* The length of the text up to the next heading of level 2 or 3 that begins a line, but the first line. */
static size_t section_length(struct span text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i - 1] == '\n' && (text_begins((struct span){text.data + i, text.len - i}, "## ") ||
                                         text_begins((struct span){text.data + i, text.len - i}, "### "))) {
            return i;
        }
    }
    return text.len;
}

static void append_section(struct buf *out, struct span text)
{
    const char *end = memchr(text.data, '\n', text.len);
    struct span line = {text.data, end == NULL ? text.len : (size_t)(end - text.data)};
    struct span rest = {text.data + line.len, text.len - line.len};
    size_t level = strspn(line.data, "#");
    struct span title = text_trim((struct span){line.data + level, line.len - level});

    if (level > 1) {
        buf_printf(out, "<h%zu id=\"", level);
        runbook_append_anchor(out, title);
        buf_append_text(out, "\">");
        (void)html_text(out, title, 0);
        buf_printf(out, "</h%zu>\n", level);
    }
    buf_append_text(out, "<pre>");
    (void)html_lines(out, rest, LINE_MOST, rest.len);
    buf_append_text(out, "</pre>\n");
}

void runbook_append(struct buf *out, struct span markdown)
{
    while (markdown.len > 0) {
        size_t len = section_length(markdown);

        append_section(out, (struct span){markdown.data, len});
        markdown = (struct span){markdown.data + len, markdown.len - len};
    }
}

void runbook_write(struct page *page)
{
    buf_append_text(&page->body, "<p>docs/operations.md of this release.</p>\n<div class=\"runbook\">\n");
    runbook_append(&page->body, (struct span){(const char *)asset_runbook, asset_runbook_len});
    buf_append_text(&page->body, "</div>\n");
}
