/* SPDX-License-Identifier: MIT */
#include "exposition.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 63

static struct span take_line(struct span *rest)
{
    const char *end = memchr(rest->data, '\n', rest->len);
    struct span line = {rest->data, end == NULL ? rest->len : (size_t)(end - rest->data)};
    size_t taken = line.len + (end != NULL);

    *rest = (struct span){rest->data + taken, rest->len - taken};
    return line;
}

/* The number of bytes before the first of `ends` that isn't between quotes. */
static size_t length_to(struct span text, const char *ends)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < text.len; i++) {
        if (quoted && text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && strchr(ends, text.data[i]) != NULL) {
            break;
        }
    }
    return i < text.len ? i : text.len;
}

static struct span after(struct span text, size_t taken)
{
    return (struct span){text.data + taken, text.len - taken};
}

/* A timestamp may follow the number. */
static bool read_number(struct span text, double *number)
{
    struct span trimmed = text_trim(text);
    char copy[NUMBER_MAX + 1];
    char *end;

    if (trimmed.len == 0 || trimmed.len > NUMBER_MAX) {
        return false;
    }
    (void)text_copy(copy, sizeof copy, trimmed);
    *number = strtod(copy, &end);
    return end != copy && (*end == '\0' || *end == ' ');
}

static bool read_sample(struct span line, struct sample *sample)
{
    size_t len = length_to(line, "{ ");
    struct span rest = after(line, len);

    *sample = (struct sample){.name = {line.data, len}};
    if (len == 0 || rest.len == 0 || line.data[0] == '#') {
        return false;
    }
    if (rest.data[0] == '{') {
        rest = after(rest, 1);
        len = length_to(rest, "}");
        if (len == rest.len) {
            return false;
        }
        sample->labels = (struct span){rest.data, len};
        rest = after(rest, len + 1);
    }
    return read_number(rest, &sample->value);
}

bool exposition_next(struct span *rest, struct sample *sample)
{
    while (rest->len > 0) {
        if (read_sample(take_line(rest), sample)) {
            return true;
        }
    }
    return false;
}

/* Appends a quoted value without its quotes and escapes. */
static void unescape(struct buf *out, struct span quoted)
{
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        char c = quoted.data[i];

        if (c == '\\' && i + 2 < quoted.len) {
            c = quoted.data[++i];
            if (c == 'n') {
                c = '\n';
            }
        }
        buf_append_char(out, c);
    }
}

bool exposition_label(const struct sample *sample, const char *label, char *value, size_t size)
{
    struct span rest = sample->labels;
    struct buf plain = {0};
    bool found = false;

    while (rest.len > 0 && !found) {
        size_t len = length_to(rest, ",");
        struct span pair = text_trim((struct span){rest.data, len});
        size_t name_len = length_to(pair, "=");

        found = name_len + 2 < pair.len && pair.data[name_len + 1] == '"' &&
                span_equal((struct span){pair.data, name_len}, span_of(label));
        if (found) {
            unescape(&plain, after(pair, name_len + 1));
        }
        rest = after(rest, len < rest.len ? len + 1 : len);
    }
    (void)text_copy(value, size, buf_span(&plain));
    buf_free(&plain);
    return found;
}
