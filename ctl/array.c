/* SPDX-License-Identifier: MIT */
#include "array.h"

void array_append(struct buf *array, struct span element)
{
    buf_append_char(array, array->len == 0 ? '{' : ',');
    buf_append_char(array, '"');
    for (size_t i = 0; i < element.len; i++) {
        if (element.data[i] == '"' || element.data[i] == '\\') {
            buf_append_char(array, '\\');
        }
        buf_append_char(array, element.data[i]);
    }
    buf_append_char(array, '"');
}

void array_end(struct buf *array)
{
    buf_append_text(array, array->len == 0 ? "{}" : "}");
}
