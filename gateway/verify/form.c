/* SPDX-License-Identifier: MIT */
#include "form.h"

#include "text.h"

#include <string.h>

static struct span until(struct span text, char end)
{
    const char *at = text.len == 0 ? NULL : memchr(text.data, end, text.len);

    return (struct span){text.data, at == NULL ? text.len : (size_t)(at - text.data)};
}

static struct span behind(struct span text, size_t len)
{
    return len == 0 ? text : (struct span){text.data + len, text.len - len}; /* data may be NULL */
}

bool form_next(struct span *rest, struct span *name, struct span *value)
{
    struct span pair = {"", 0};

    while (pair.len == 0 && rest->len > 0) {
        pair = until(*rest, '&');
        *rest = behind(*rest, pair.len + (pair.len < rest->len));
    }
    *name = until(pair, '=');
    *value = behind(pair, name->len + (name->len < pair.len));
    return pair.len > 0;
}

void form_decode(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.data[i] == '%' && text.len - i > 2 && text_hex_digit(text.data[i + 1]) >= 0 &&
                      text_hex_digit(text.data[i + 2]) >= 0;

        if (escape) {
            buf_append_char(out,
                            (char)(text_hex_digit(text.data[i + 1]) << 4 | text_hex_digit(text.data[i + 2])));
            i += 2;
        } else if (text.data[i] == '+') {
            buf_append_char(out, ' ');
        } else {
            buf_append_char(out, text.data[i]);
        }
    }
}
