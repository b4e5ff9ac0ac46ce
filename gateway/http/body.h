/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_BODY_H
#define SLUICE_GATEWAY_HTTP_BODY_H

/* Reads a request's body as its head announced it (body_length), within limits and deadlines. Both functions
 * wait for the sender; other threads can end the wait through watch, which belongs to this thread's request.
 */

#include "body_length.h"
#include "chunks.h"
#include "gateway/body_memory.h"
#include "slow_senders.h"

/* How far a body has been read. */
struct body_reader {
    enum body_length_kind kind;
    uint64_t left; /* BODY_LENGTH_GIVEN */
    struct chunks chunks;
    enum chunks_result state; /* CHUNKS_END: no byte of the body is left to be read */
};

void body_begin(struct body_reader *reader, const struct body_length *framing);
/* Sets the limit of the body, in bytes. False, with *reply set, when its length is known to be greater. */
bool body_limit(struct body_reader *reader, int64_t most, struct reply *reply);
/* Announces a body whose length is known to the budget (body_announce); chunks take theirs as they arrive.
 * False, with *reply set, when the budget is used up or there is no memory. Call before "100 Continue" is
 * sent. */
bool body_make_room(const struct body_reader *reader, struct body *body, struct reply *reply);
/* Appends the body to *body, which must be empty. False, with *reply set, when the body has more than the
 * limit, ended early or arrived too slowly, or when there is no memory for it. */
bool body_read(struct body_reader *reader, struct slow_senders_watch *watch, struct body *body,
               struct reply *reply);
/* Discards some of what a refused sender still sends, for at most a second: closing a connection with unread
 * bytes resets it, and the reply may be lost. */
void body_throw_away(struct body_reader *reader, struct slow_senders_watch *watch);

/* The reply to a sender that was too slow while others waited for its thread. */
#define BODY_CROWDED_OUT "others wait, and the request came too slowly; send it again later"

#endif
