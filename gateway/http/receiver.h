/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_RECEIVER_H
#define SLUICE_GATEWAY_HTTP_RECEIVER_H

/* What civetweb receives, before it sees it. The gateway has its own recv and poll, and its own SSL_read
 * (through lib/shim), which civetweb calls instead of the libraries'. They pass what comes on a sender's
 * connection through request_stream. Civetweb serves a connection with one thread from its first to its last
 * moment, so all state is the thread's; on other threads they are as in their libraries.
 *
 * Each function is for a thread that serves a connection. */

#include "body_length.h"
#include "request_stream.h"
#include "slow_senders.h"

#define RECEIVER_QUIET_MS 5000 /* the longest pause within a request: civetweb's request_timeout_ms */

/* A connection has been accepted, and its TLS handshake made. */
void receiver_begin(void);
/* It has ended. */
void receiver_end(void);
/* civetweb has read a head: requests are counted, as bytes of later ones may have come with it. */
void receiver_request(void);

/* The body of the request is waited for until until_us (monotonic), and no pause may be longer than
 * RECEIVER_QUIET_MS. `most`: of a chunked body. */
void receiver_expect(struct slow_senders_watch *watch, int64_t until_us, int64_t most);
/* True when it is no longer waited for: the last pause was too long, or until_us has passed. */
bool receiver_is_late(void);
/* It isn't waited for any more. */
void receiver_rest(void);
/* What became of the request's chunked body, so far. */
enum chunks_result receiver_chunks(void);
/* Receives and drops up to `most` bytes, until until_us. */
void receiver_drop(struct slow_senders_watch *watch, size_t most, int64_t until_us);

#endif
