/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_MESSAGE_H
#define SLUICE_GATEWAY_PUBLISH_MESSAGE_H

/* Which of the waiting events go to the broker together, as one message: an event alone goes as it is,
 * several go as a bundle (lib/bundle). No event waits for others to come. The publisher's thread only. */

#include "confirm.h"
#include "pending.h"

#include <stddef.h>

struct message {
    struct pending *first; /* linked by next; one reference of each is the message's. NULL: there is none */
    size_t events;
    size_t bytes; /* of the body to publish */
};

/* Takes the first event of the line and, if most_events is above 1, later ones of the same exchange and
 * source, as long as they fit into a bundle and the bundle's body into most_bytes. Of the line, only the next
 * few hundred events are looked at. Events whose waiters have given up are released, not taken. */
struct message message_take(struct pending **line, size_t most_events, size_t most_bytes);
/* Writes what to publish for a message of several events, in place of what the bufs hold. False for lack of
 * memory. */
bool message_encode(const struct message *message, struct buf *properties, struct buf *body);
/* Counts the events as published now (monotonic), and later, from the first one on, as answered. */
void message_note_published(const struct message *message, int64_t now_us);
void message_count_settled(const struct pending *first, enum confirm_outcome outcome);
/* Sets the outcome of each event of a message, from its first one on. */
void message_complete(struct pending *first, enum outcome outcome);
/* message_complete, and drops the message's references. */
void message_finish(struct pending *first, enum outcome outcome);
/* Frees the properties and bodies: the broker's connection has taken them. */
void message_forget_content(struct pending *first);

#endif
