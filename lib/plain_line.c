/* SPDX-License-Identifier: MIT */
#include "plain_line.h"

#include "text.h"

static const char *byte_order_mark(struct span text)
{
    if (text_begins(text, "\xEF\xBB\xBF")) {
        return "0xEF 0xBB 0xBF, UTF-8";
    }
    if (text_begins(text, "\xFF\xFE") || text_begins(text, "\xFE\xFF")) {
        return text.data[0] == '\xFF' ? "0xFF 0xFE, UTF-16" : "0xFE 0xFF, UTF-16";
    }
    return NULL;
}

static const char *line_byte(char c)
{
    switch (c) {
    case '\0':
        return "a NUL";
    case '\r':
        return "a carriage return";
    case '\n':
        return "a newline";
    default:
        return NULL;
    }
}

static const char *blank(char c)
{
    return c == ' ' ? "a blank" : c == '\t' ? "a tab" : NULL;
}

/* name: what the sentence is about. mend: the end of the sentence. */
static enum error_code check(struct span text, bool blanks, const char *name, const char *mend,
                             struct error *error)
{
    const char *mark = byte_order_mark(text);

    if (mark != NULL) {
        return error_set(error, ERROR_SETTING, "%s begins with a byte order mark (%s): %s", name, mark, mend);
    }
    for (size_t i = 0; i < text.len; i++) {
        bool edge = i == 0 || i + 1 == text.len;
        const char *what = line_byte(text.data[i]);

        what = what == NULL && edge && !blanks ? blank(text.data[i]) : what;
        if (what != NULL) {
            return error_set(error, ERROR_SETTING, "%s has %s (0x%02X) %s%zu of %zu: %s", name, what,
                             (unsigned)(unsigned char)text.data[i],
                             i == 0             ? "at its beginning, byte "
                             : i + 1 < text.len ? "at byte "
                                                : "at its end, byte ",
                             i + 1, text.len, mend);
        }
    }
    return ERROR_NONE;
}

enum error_code plain_line_in_file(struct span text, const char *path, struct error *error)
{
    return check(text, false, path,
                 "write the file again, without it and with at most one newline: printf %s 'TEXT' > FILE",
                 error);
}

enum error_code plain_line_in_variable(struct span text, const char *name, struct error *error)
{
    return check(text, true, name, "set the variable without it", error);
}
