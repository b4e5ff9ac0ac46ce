/* SPDX-License-Identifier: MIT */
#include "balance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    const struct suspect *a = left, *b = right;
    int order = strcmp(a->id, b->id);

    if (order == 0) {
        order = strcmp(a->source, b->source);
    }
    return order != 0 ? order : strcmp(a->sha256, b->sha256);
}

/* Not strndup: under strict_string_checks, ASan demands a NUL after the span. */
static char *copy(struct span span)
{
    char *text = malloc(span.len + 1);

    if (text != NULL) {
        memcpy(text, span.data, span.len);
        text[span.len] = '\0';
    }
    return text;
}

enum error_code balance_suspect(struct balance *b, const struct ledger_line *line, struct span found,
                                struct error *error)
{
    struct suspect *suspect;

    if (b->count == b->capacity) {
        size_t capacity = b->capacity == 0 ? 64 : b->capacity * 2;
        struct suspect *grown = reallocarray(b->suspects, capacity, sizeof *grown);

        if (grown == NULL) {
            return error_set(error, ERROR_MEMORY, "no memory for %zu events that differ", capacity);
        }
        b->suspects = grown;
        b->capacity = capacity;
    }
    suspect = &b->suspects[b->count];
    *suspect = (struct suspect){.acked = line->fact == LEDGER_ACKED};
    suspect->source = copy(line->source);
    suspect->id = copy(line->id);
    (void)snprintf(suspect->sha256, sizeof suspect->sha256, "%.*s", (int)found.len, found.data);
    b->count++;
    if (suspect->source == NULL || suspect->id == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for an event that differs");
    }
    return ERROR_NONE;
}

void balance_sort(struct balance *b)
{
    size_t kept = 0;

    if (b->count == 0) {
        return;
    }
    qsort(b->suspects, b->count, sizeof b->suspects[0], compare);
    for (size_t i = 1; i < b->count; i++) {
        if (compare(&b->suspects[kept], &b->suspects[i]) == 0) {
            b->suspects[kept].acked += b->suspects[i].acked;
            free(b->suspects[i].source);
            free(b->suspects[i].id);
        } else {
            b->suspects[++kept] = b->suspects[i];
        }
    }
    b->count = kept + 1;
}

/* Compares a line with a suspect, in the order of compare(). */
static int compare_line(const struct ledger_line *line, const struct suspect *suspect)
{
    int order = span_compare(line->id, span_of(suspect->id));

    if (order == 0) {
        order = span_compare(line->source, span_of(suspect->source));
    }
    return order != 0 ? order : span_compare(line->sha256, span_of(suspect->sha256));
}

void balance_show(struct balance *b, const struct ledger_line *line)
{
    size_t low = 0, high = b->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_line(line, &b->suspects[middle]);

        if (order == 0) {
            b->suspects[middle].facts[line->fact]++;
            return;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
}

enum balance_verdict balance_verdict(const struct suspect *suspect)
{
    size_t sent = suspect->facts[LEDGER_SENT], refused = suspect->facts[LEDGER_REFUSED];

    /* Sent more often than refused: the outcome of one is unknown because its sender was killed. */
    if (suspect->facts[LEDGER_ACKED] > 0 || suspect->facts[LEDGER_UNKNOWN] > 0 || sent > refused) {
        return BALANCE_ACCOUNTED;
    }
    return refused > 0 ? BALANCE_REFUSED : BALANCE_FOREIGN;
}

void balance_free(struct balance *b)
{
    for (size_t i = 0; i < b->count; i++) {
        free(b->suspects[i].source);
        free(b->suspects[i].id);
    }
    free(b->suspects);
    *b = (struct balance){0};
}
