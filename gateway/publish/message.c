/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "bundle.h"
#include "message_counts.h"

#include <string.h>

/* So that many sources at once don't make each event look at all the others. */
#define LOOK_AHEAD 256

static struct span body_of(const struct pending *e)
{
    return buf_span(&e->body.bytes);
}

static size_t record_size(const struct pending *e)
{
    return bundle_record_size(buf_span(&e->properties), body_of(e));
}

/* Releases the events at the head of the line whose waiters have given up. */
static struct pending *first_unanswered(struct pending **line)
{
    struct pending *e = *line;

    while (e != NULL && !pending_is_unanswered(e)) {
        *line = e->next;
        pending_release(e);
        e = *line;
    }
    return e;
}

static bool may_share(const struct pending *a, const struct pending *b)
{
    return strcmp(a->source, b->source) == 0 && strcmp(a->exchange, b->exchange) == 0;
}

/* Moves what may share the message's bundle from the line to the message. */
static void add_company(struct message *m, struct pending **line, size_t most_events, size_t most_bytes)
{
    size_t bytes = 1 + record_size(m->first); /* with the version */
    struct pending *last = m->first;

    for (size_t looked = 0; looked < LOOK_AHEAD && m->events < most_events && *line != NULL; looked++) {
        struct pending *e = *line;

        if (pending_is_unanswered(e) && may_share(m->first, e) && bytes + record_size(e) <= most_bytes) {
            *line = e->next;
            e->next = NULL;
            last->next = e;
            last = e;
            bytes += record_size(e);
            m->events++;
        } else {
            line = &e->next;
        }
    }
    if (m->events > 1) {
        m->bytes = bytes;
    }
}

struct message message_take(struct pending **line, size_t most_events, size_t most_bytes)
{
    struct message m = {.first = first_unanswered(line)};

    if (m.first == NULL) {
        return m;
    }
    *line = m.first->next;
    m.first->next = NULL;
    m.events = 1;
    m.bytes = body_of(m.first).len;
    add_company(&m, line, most_events, most_bytes < BUNDLE_BYTES_MAX ? most_bytes : BUNDLE_BYTES_MAX);
    return m;
}

bool message_encode(const struct message *m, struct buf *properties, struct buf *body)
{
    buf_clear(properties);
    buf_clear(body);
    bundle_properties(buf_span(&m->first->properties), m->events, properties);
    (void)buf_reserve(body, m->bytes);
    bundle_begin(body);
    for (const struct pending *e = m->first; e != NULL; e = e->next) {
        bundle_append(body, buf_span(&e->properties), body_of(e));
    }
    return !properties->failed && !body->failed;
}

void message_note_published(const struct message *m, int64_t now_us)
{
    for (struct pending *e = m->first; e != NULL; e = e->next) {
        e->published_us = now_us;
    }
    message_counts_published(m->bytes, m->events);
}

void message_count_settled(const struct pending *first, enum confirm_outcome outcome)
{
    for (const struct pending *e = first; e != NULL; e = e->next) {
        message_counts_settled(outcome, e->published_us);
    }
}

void message_complete(struct pending *first, enum outcome outcome)
{
    for (struct pending *e = first; e != NULL; e = e->next) {
        pending_complete(e, outcome);
    }
}

void message_finish(struct pending *first, enum outcome outcome)
{
    while (first != NULL) {
        struct pending *e = first;

        first = e->next;
        pending_finish(e, outcome);
    }
}

void message_forget_content(struct pending *first)
{
    for (struct pending *e = first; e != NULL; e = e->next) {
        buf_free(&e->properties);
        body_free(&e->body);
    }
}
