/* SPDX-License-Identifier: MIT */
#include "tabulate.h"

#include "report.h"

#include <assert.h>

#define COLUMNS_MAX 16
#define GAP 2

/* Length in bytes of the UTF-8 character at text. The server sends UTF-8. */
static size_t character(const char *text)
{
    size_t len = 1;

    while (((unsigned char)text[len] & 0xc0) == 0x80) {
        len++;
    }
    return len;
}

static bool is_control(const char *text, size_t len)
{
    unsigned char first = (unsigned char)text[0];

    return first < 0x20 || first == 0x7f ||
           (len == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0); /* C1, as UTF-8 */
}

static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text += character(text)) {
        count++;
    }
    return count;
}

size_t tabulate_append(struct buf *out, const char *text, size_t most)
{
    size_t all = characters(text);
    bool cut = most > 2 && all > most;
    size_t shown = cut ? most - 2 : all;

    for (size_t i = 0; i < shown; i++) {
        size_t len = character(text);

        if (is_control(text, len)) {
            buf_append_char(out, '?');
        } else {
            buf_append(out, text, len);
        }
        text += len;
    }
    buf_append_text(out, cut ? ".." : "");
    return cut ? most : all;
}

static size_t width_of(const char *text, size_t most)
{
    size_t width = characters(text);

    return most > 2 && width > most ? most : width;
}

static void append_blanks(struct buf *line, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_char(line, ' ');
    }
}

static void append_cell(struct buf *line, const struct tabulate_column *column, const char *text,
                        size_t width)
{
    size_t blanks = width - width_of(text, column->most);

    append_blanks(line, column->to_right ? blanks : 0);
    (void)tabulate_append(line, text, column->most);
    append_blanks(line, (column->to_right ? 0 : blanks) + GAP);
}

static void print(struct buf *line)
{
    while (line->len > 0 && line->data[line->len - 1] == ' ') {
        line->len--;
    }
    report_line("%s", buf_text(line));
    buf_clear(line);
}

void tabulate(const struct tabulate_column *columns, size_t count, const PGresult *result)
{
    size_t widths[COLUMNS_MAX];
    struct buf line = {0};

    assert(count <= COLUMNS_MAX && (int)count <= PQnfields(result));
    for (size_t c = 0; c < count; c++) {
        widths[c] = characters(columns[c].title);
        for (int row = 0; row < PQntuples(result); row++) {
            size_t width = width_of(PQgetvalue(result, row, (int)c), columns[c].most);

            widths[c] = width > widths[c] ? width : widths[c];
        }
        append_cell(&line, &columns[c], columns[c].title, widths[c]);
    }
    print(&line);
    for (int row = 0; row < PQntuples(result); row++) {
        for (size_t c = 0; c < count; c++) {
            append_cell(&line, &columns[c], PQgetvalue(result, row, (int)c), widths[c]);
        }
        print(&line);
    }
    buf_free(&line);
}
