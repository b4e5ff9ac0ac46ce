/* SPDX-License-Identifier: MIT */
#include "death.h"

#include "field.h"
#include "text.h"

#include <string.h>
#include <time.h>

#define NAME_SHOWN 100 /* bytes shown of a reason and of a queue's name */

struct death {
    struct span queue, reason;
    int64_t at_s; /* since 1970; 0: unknown */
};

static struct death read_death(struct span table)
{
    struct field_cursor c = {table.data, table.len, false};
    struct death death = {.queue = {"", 0}};
    struct field f;

    while (field_take(&c, &f)) {
        if (f.kind == FIELD_TEXT && span_equal(f.name, SPAN_LITERAL("queue"))) {
            death.queue = f.bytes;
        } else if (f.kind == FIELD_TEXT && span_equal(f.name, SPAN_LITERAL("reason"))) {
            death.reason = f.bytes;
        } else if (f.kind == FIELD_NUMBER && span_equal(f.name, SPAN_LITERAL("time"))) {
            death.at_s = f.number;
        }
    }
    return death;
}

/* The broker's own names are short; a forged header may have a long one. */
static void append_name(struct buf *out, struct span name)
{
    buf_append(out, name.data, span_cut(name, NAME_SHOWN));
}

static bool is_shard_of(struct span name, const char *queue)
{
    size_t len = strlen(queue);

    return text_begins(name, queue) && (name.len == len || (name.len > len && name.data[len] == '.'));
}

void death_append_reason(struct buf *out, struct span deaths, const char *queue)
{
    struct field_cursor c = {deaths.data, deaths.len, false};
    struct death told = {0};
    struct field f;
    char when[32];
    struct tm utc;
    time_t at;

    while (field_take_element(&c, &f)) {
        struct death death = f.kind == FIELD_TABLE ? read_death(f.bytes) : (struct death){0};
        bool wanted = is_shard_of(death.queue, queue);

        if (wanted || told.reason.len == 0) {
            told = death;
        }
        if (wanted) {
            break;
        }
    }
    if (told.reason.len == 0 || !span_is_text(told.reason) || !span_is_text(told.queue)) {
        buf_append_text(out, "the broker gave it up and doesn't say why");
        return;
    }
    buf_append_text(out, "the broker gave it up: ");
    append_name(out, told.reason);
    buf_append_text(out, " in ");
    append_name(out, told.queue);
    at = (time_t)told.at_s;
    if (told.at_s > 0 && gmtime_r(&at, &utc) != NULL &&
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc) > 0) {
        buf_append_text(out, " at ");
        buf_append_text(out, when);
    }
}
