/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include "text.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static const char *const names[LEDGER_FACTS] = {
    [LEDGER_SENT] = "sent",
    [LEDGER_ACKED] = "acked",
    [LEDGER_REFUSED] = "refused",
    [LEDGER_UNKNOWN] = "unknown",
};

/* Takes the text before the next tab, or all of it. */
static struct span take_field(struct span *rest, bool *more)
{
    const char *tab = rest->len == 0 ? NULL : memchr(rest->data, '\t', rest->len);
    struct span field = *rest;

    *more = tab != NULL;
    if (tab != NULL) {
        field.len = (size_t)(tab - rest->data);
        *rest = (struct span){tab + 1, rest->len - field.len - 1};
    } else {
        *rest = (struct span){rest->data + rest->len, 0};
    }
    return field;
}

static bool is_sha256(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("0123456789abcdef", s.data[i]) == NULL || s.data[i] == '\0') {
            return false;
        }
    }
    return s.len == LEDGER_SHA256_HEX;
}

bool ledger_parse(struct span text, struct ledger_line *line)
{
    struct span fields[4];
    bool more = true;
    size_t fact = 0;

    for (size_t i = 0; i < 4; i++) {
        if (!more) {
            return false;
        }
        fields[i] = take_field(&text, &more);
    }
    while (fact < LEDGER_FACTS && !span_equal(fields[0], span_of(names[fact]))) {
        fact++;
    }
    if (more || fact == LEDGER_FACTS || fields[1].len == 0 || fields[2].len == 0 ||
        !span_is_text(fields[1]) || !span_is_text(fields[2]) || !is_sha256(fields[3])) {
        return false;
    }
    *line = (struct ledger_line){
        .fact = (enum ledger_fact)fact, .source = fields[1], .id = fields[2], .sha256 = fields[3]};
    return true;
}

void ledger_append(struct buf *out, const struct ledger_line *line)
{
    buf_append_text(out, names[line->fact]);
    buf_append_char(out, '\t');
    buf_append_span(out, line->source);
    buf_append_char(out, '\t');
    buf_append_span(out, line->id);
    buf_append_char(out, '\t');
    buf_append_span(out, line->sha256);
    buf_append_char(out, '\n');
}

enum ledger_fact ledger_outcome(long status)
{
    if (status >= 200 && status <= 299) {
        return LEDGER_ACKED;
    }
    return status >= 400 && status <= 499 ? LEDGER_REFUSED : LEDGER_UNKNOWN;
}

void ledger_sha256(struct span body, char hex[LEDGER_SHA256_HEX + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    (void)SHA256((const unsigned char *)body.data, body.len, digest);
    text_write_hex(digest, sizeof digest, hex);
    hex[LEDGER_SHA256_HEX] = '\0';
}
