/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_BODY_H
#define SLUICE_GATEWAY_HTTP_BODY_H

/* Reads a request's body as its head announced it (body_length), within limits and deadlines. Both functions
 * wait for the sender; other threads can end the wait through watch, which belongs to this thread's request.
 */

#include "body_length.h"
#include "slow_senders.h"

struct mg_connection;

/* Appends the body to *body, which must be empty. False, with *reply set, when the body has more than `most`
 * bytes, ended early or arrived too slowly, or when there is no memory for it. */
bool body_read(struct mg_connection *connection, int64_t most, const struct body_length *framing,
               struct slow_senders_watch *watch, struct buf *body, struct reply *reply);
/* Discards some of what a refused sender still sends, for at most a second: closing a connection with unread
 * bytes resets it, and the reply may be lost. */
void body_throw_away(struct slow_senders_watch *watch);

/* The reply to a sender that was too slow while others waited for its thread. */
#define BODY_CROWDED_OUT "others wait, and the request came too slowly; send it again later"

#endif
