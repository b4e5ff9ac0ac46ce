/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_BODY_H
#define SLUICE_GATEWAY_HTTP_BODY_H

/* Reads the body of a request, within limits and deadlines, as its head says (body_length). Each waits for
 * the sender; watch is the one of this thread's request, by which others may end the wait. */

#include "body_length.h"
#include "slow_senders.h"

struct mg_connection;

/* Appends the body to *body, which is empty before. False, with the refusal in *reply: it has more than
 * `most` bytes, it ended early, it came too slowly, or there is no memory for it. */
bool body_read(struct mg_connection *connection, int64_t most, const struct body_length *framing,
               struct slow_senders_watch *watch, struct buf *body, struct reply *reply);
/* Takes some of what a refused sender goes on sending, for a second at most: a connection closed with unread
 * bytes is reset, and the reply may be lost with it. */
void body_throw_away(struct slow_senders_watch *watch);

/* What a sender is told that was too slow while others waited for its thread. */
#define BODY_CROWDED_OUT "others wait, and the request came too slowly; send it again later"

#endif
