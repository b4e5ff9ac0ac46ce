/* SPDX-License-Identifier: MIT */
#include "declaration.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

bool declaration_has(const struct declaration *d, enum declaration_kind kind)
{
    for (size_t i = 0; i < d->part_count; i++) {
        if (d->parts[i].kind == kind) {
            return true;
        }
    }
    return false;
}

const char *declaration_key(const struct declaration *d, struct span secret, struct buf *key)
{
    size_t skip = d->secret_prefix == NULL ? 0 : strlen(d->secret_prefix);

    if (skip > 0 && !text_begins(secret, d->secret_prefix)) {
        return "does not begin with the secret_prefix of its route";
    }
    secret = (struct span){secret.data + skip, secret.len - skip};
    if (secret.len == 0) {
        return "is empty after its prefix";
    }
    buf_reserve(key, secret.len + 1); /* so that no copy is left behind */
    switch (d->secret) {
    case DECLARATION_SECRET_TEXT:
        buf_append_span(key, secret);
        return NULL;
    case DECLARATION_SECRET_BASE64:
        return text_read_base64(secret, key) || key->failed ? NULL : "is not base64";
    case DECLARATION_SECRET_HEX:
        return text_read_hex(secret, key) || key->failed ? NULL : "is not hex";
    }
    return NULL;
}

static void append_part(const struct declaration_part *part, struct buf *out)
{
#define NAME(enumerator, name) [enumerator] = (name),
    static const char *const names[] = {DECLARATION_PARTS(NAME)};
#undef NAME

    switch (part->kind) {
    case DECLARATION_TEXT:
        buf_printf(out, "\"%s\"", part->text);
        break;
    case DECLARATION_HEADER:
        buf_printf(out, "header %s", part->text);
        break;
    case DECLARATION_POINTER:
        buf_printf(out, "%s in the body", part->text);
        break;
    case DECLARATION_TIME:
    case DECLARATION_ID:
    case DECLARATION_METHOD:
    case DECLARATION_URL:
    case DECLARATION_HOST:
    case DECLARATION_PATH:
    case DECLARATION_QUERY:
    case DECLARATION_BODY:
        buf_append_text(out, names[part->kind]);
        break;
    }
}

void declaration_append(const struct declaration *d, struct buf *out)
{
    for (size_t i = 0; i < d->part_count; i++) {
        buf_append_text(out, i > 0 ? ", " : "");
        append_part(&d->parts[i], out);
    }
    if (d->part_count == 0) {
        buf_append_text(out, "body");
    }
}

void declaration_free(struct declaration *d)
{
    for (size_t i = 0; i < DECLARATION_PARTS_MAX; i++) {
        free(d->parts[i].text);
    }
    free(d->time_header);
    free(d->time_field);
    free(d->time_pointer);
    free(d->pointer);
    free(d->next_item);
    free(d->field);
    free(d->secret_prefix);
    *d = (struct declaration){.part_count = 0};
}
