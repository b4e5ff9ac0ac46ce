/* SPDX-License-Identifier: MIT */
#include "field.h"

void field_put_integer(struct buf *out, uint64_t value, size_t bytes)
{
    char big_endian[8];

    for (size_t i = 0; i < bytes; i++) {
        big_endian[i] = (char)(value >> (8 * (bytes - 1 - i)));
    }
    buf_append(out, big_endian, bytes);
}

void field_put_short_string(struct buf *out, struct span text)
{
    field_put_integer(out, text.len, 1);
    buf_append_span(out, text);
}

void field_put_text(struct buf *out, struct span name, struct span value)
{
    field_put_short_string(out, name);
    buf_append_char(out, 'S');
    field_put_integer(out, value.len, 4);
    buf_append_span(out, value);
}

void field_put_number(struct buf *out, const char *name, int64_t value)
{
    field_put_short_string(out, span_of(name));
    buf_append_char(out, 'l');
    field_put_integer(out, (uint64_t)value, 8);
}

size_t field_begin_table(struct buf *out)
{
    field_put_integer(out, 0, 4);
    return out->len;
}

void field_end_table(struct buf *out, size_t begin)
{
    size_t len = out->len - begin;

    if (out->failed) {
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        out->data[begin - 4 + i] = (char)(len >> (8 * (3 - i)));
    }
}

struct span field_take_bytes(struct field_cursor *c, uint64_t len)
{
    struct span taken = {c->at, (size_t)len};

    if (c->broken || len > c->left) {
        c->broken = true;
        return (struct span){"", 0};
    }
    c->at += len;
    c->left -= (size_t)len;
    return taken;
}

uint64_t field_take_integer(struct field_cursor *c, size_t bytes)
{
    struct span s = field_take_bytes(c, bytes);
    uint64_t value = 0;

    for (size_t i = 0; i < s.len; i++) {
        value = value << 8 | (unsigned char)s.data[i];
    }
    return value;
}

struct span field_take_short_string(struct field_cursor *c)
{
    return field_take_bytes(c, field_take_integer(c, 1));
}

static int64_t sign_extend(uint64_t value, size_t bytes)
{
    unsigned unused = 8 * (8 - (unsigned)bytes);

    return (int64_t)(value << unused) >> unused;
}

static void take_value(struct field_cursor *c, char type, struct field *f)
{
    f->kind = FIELD_OTHER;
    switch (type) {
    case 'b':
        f->kind = FIELD_NUMBER, f->number = sign_extend(field_take_integer(c, 1), 1);
        break;
    case 's':
        f->kind = FIELD_NUMBER, f->number = sign_extend(field_take_integer(c, 2), 2);
        break;
    case 'I':
        f->kind = FIELD_NUMBER, f->number = sign_extend(field_take_integer(c, 4), 4);
        break;
    case 'l':
    case 'L': /* unsigned; none of the fields we read needs the 64th bit */
    case 'T':
        f->kind = FIELD_NUMBER, f->number = (int64_t)field_take_integer(c, 8);
        break;
    case 'B':
    case 't':
        f->kind = FIELD_NUMBER, f->number = (int64_t)field_take_integer(c, 1);
        break;
    case 'u':
        f->kind = FIELD_NUMBER, f->number = (int64_t)field_take_integer(c, 2);
        break;
    case 'i':
        f->kind = FIELD_NUMBER, f->number = (int64_t)field_take_integer(c, 4);
        break;
    case 'S':
    case 'x':
        f->kind = FIELD_TEXT, f->bytes = field_take_bytes(c, field_take_integer(c, 4));
        break;
    case 'F':
        f->kind = FIELD_TABLE, f->bytes = field_take_bytes(c, field_take_integer(c, 4));
        break;
    case 'A':
        f->kind = FIELD_ARRAY, f->bytes = field_take_bytes(c, field_take_integer(c, 4));
        break;
    case 'f':
        (void)field_take_bytes(c, 4);
        break;
    case 'd':
        (void)field_take_bytes(c, 8);
        break;
    case 'D':
        (void)field_take_bytes(c, 5);
        break;
    case 'V':
        break;
    default:
        c->broken = true; /* the length is unknown, so the rest can't be read */
    }
}

bool field_take(struct field_cursor *c, struct field *f)
{
    *f = (struct field){0};
    if (c->left == 0 || c->broken) {
        return false;
    }
    f->name = field_take_short_string(c);
    take_value(c, (char)field_take_integer(c, 1), f);
    return !c->broken;
}

bool field_take_element(struct field_cursor *c, struct field *f)
{
    *f = (struct field){0};
    if (c->left == 0 || c->broken) {
        return false;
    }
    take_value(c, (char)field_take_integer(c, 1), f);
    return !c->broken;
}
