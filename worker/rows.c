/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include "field.h"

#define NULL_LENGTH UINT32_MAX

static bool is_ordered(const struct event *event)
{
    return event->envelope.has_order && event->envelope.keep == ENVELOPE_KEEP_NEWEST;
}

static bool fits_after(const struct event *event, const struct event *before)
{
    int sources = span_compare(before->envelope.source, event->envelope.source);

    return event->state == EVENT_WAITING && !event->single && event->envelope.keep == before->envelope.keep &&
           is_ordered(event) == is_ordered(before) &&
           (sources < 0 || (sources == 0 && span_compare(before->envelope.id, event->envelope.id) < 0));
}

static size_t bytes_of(const struct event *event)
{
    return event->delivery->properties.len + event->delivery->body.len;
}

size_t rows_run(struct event *const *events, size_t count)
{
    size_t run = 1, bytes = bytes_of(events[0]);

    if (events[0]->single || events[0]->envelope.keep == ENVELOPE_KEEP_AGAIN) {
        return 1;
    }
    while (run < count && run < ROWS_MOST && fits_after(events[run], events[run - 1])) {
        bytes += bytes_of(events[run]);
        if (bytes > ROWS_BYTES) {
            break;
        }
        run++;
    }
    return run < ROWS_LEAST ? 1 : run;
}

void rows_begin(struct rows *rows, const uint32_t types[], size_t columns, size_t count)
{
    for (size_t i = 0; i < columns; i++) {
        struct buf *column = &rows->columns[i];

        buf_clear(column);
        field_put_integer(column, 1, 4); /* dimensions */
        field_put_integer(column, 1, 4); /* there may be nulls */
        field_put_integer(column, types[i], 4);
        field_put_integer(column, count, 4);
        field_put_integer(column, 1, 4); /* the first index */
    }
}

void rows_add(struct rows *rows, const struct span values[], size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        field_put_integer(&rows->columns[i], values[i].data == NULL ? NULL_LENGTH : values[i].len, 4);
        buf_append_span(&rows->columns[i], values[i]);
    }
}

void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < ROWS_COLUMNS; i++) {
        buf_free(&rows->columns[i]);
    }
}
