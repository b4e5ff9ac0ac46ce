/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_RECEIVER_H
#define SLUICE_GATEWAY_HTTP_RECEIVER_H

/* Reads senders' connections in civetweb's place. The gateway defines recv and poll, and lib/shim defines
 * SSL_read and SSL_pending; civetweb calls them instead of the libraries' functions. Civetweb sees none of a
 * sender's bytes: for each head, whether it is correct, incomplete or no HTTP at all, it gets a fixed GET
 * request without a body, so that it calls the handler for every one. The handler reads the real head and the
 * body here. So no parser but ours decides where a request ends.
 *
 * One civetweb thread serves a connection from beginning to end, so all state is thread-local. On other
 * threads these functions behave like the libraries'. Call each function only on a thread that serves a
 * connection. */

#include "buf.h"
#include "slow_senders.h"

#define RECEIVER_QUIET_MS 5000       /* the longest pause within a head or a body */
#define RECEIVER_WHOLE_MS 10000      /* the longest time for a whole head; senders give up sooner */
#define RECEIVER_CIVETWEB_BYTES 4096 /* for civetweb's own buffer: the fixed request fits */

/* What became of a head. */
enum receiver_head {
    RECEIVER_COMPLETE, /* it has ended, or cannot be a head: see head_is_complete */
    RECEIVER_LATE,     /* the rest did not arrive in time */
    RECEIVER_ENDED,    /* the connection ended within it */
    RECEIVER_FULL,     /* it is longer than the limit */
    RECEIVER_MEMORY,   /* there is no memory for it */
};

/* Call when a connection was accepted and its TLS handshake is complete. head_most: limit of each head, in
 * bytes. */
void receiver_begin(size_t head_most);
/* Call when the connection has ended. */
void receiver_end(void);
/* The connection's descriptor; -1 until civetweb has first read from it. */
int receiver_descriptor(void);
/* The sender's address as peer_name gives it; valid until the connection ends. */
struct span receiver_peer(void);
/* Call once in the handler. Sets *head to what has arrived of the request's head; it stays valid until the
 * handler returns. */
enum receiver_head receiver_take_head(struct span *head);

/* The handler waits for more bytes: until until_us (monotonic), with no pause longer than RECEIVER_QUIET_MS.
 */
void receiver_expect(struct slow_senders_watch *watch, int64_t until_us);
/* Returns received bytes that have not been used yet, and waits when there are none. *bytes may be changed by
 * the caller. 0: the connection ended, or the wait is over. */
size_t receiver_look(char **bytes);
/* The first `len` of the bytes that receiver_look returned are used up. */
void receiver_use(size_t len);
/* True when the wait is over: the last pause was too long, or the whole took too long. */
bool receiver_is_late(void);
/* The handler no longer waits for the body. */
void receiver_rest(void);

#endif
