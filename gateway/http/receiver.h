/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_RECEIVER_H
#define SLUICE_GATEWAY_HTTP_RECEIVER_H

/* Reads senders' connections for civetweb. The gateway defines recv and poll, and lib/shim defines SSL_read;
 * civetweb calls them instead of the libraries' functions, and they pass the bytes of a sender's connection
 * through request_stream. One civetweb thread serves a connection from beginning to end, so all state is
 * thread-local. On other threads these functions behave like the libraries'.
 *
 * Call each function only on a thread that serves a connection. */

#include "body_length.h"
#include "request_stream.h"
#include "slow_senders.h"

#define RECEIVER_QUIET_MS 5000 /* the longest pause within a request: civetweb's request_timeout_ms */

/* Call when a connection was accepted and its TLS handshake is complete. */
void receiver_begin(void);
/* Call when the connection has ended. */
void receiver_end(void);
/* Call when civetweb has read a request's head. Counts requests, because bytes of later requests may have
 * arrived with it. False when civetweb and the stream may disagree about the end of the head (see
 * request_stream_agrees): refuse the request. */
MUST_CHECK bool receiver_request(void);

/* The handler waits for the request's body until until_us (monotonic), with no pause longer than
 * RECEIVER_QUIET_MS. most: limit for a chunked body, in bytes. */
void receiver_expect(struct slow_senders_watch *watch, int64_t until_us, int64_t most);
/* True when the wait is over: the last pause was too long, or until_us has passed. */
bool receiver_is_late(void);
/* The handler no longer waits for the body. */
void receiver_rest(void);
/* The state of the request's chunked body. */
enum chunks_result receiver_chunks(void);
/* Receives and discards the rest of the request's body, at most `most` bytes, until until_us. */
void receiver_drop(struct slow_senders_watch *watch, size_t most, int64_t until_us);

#endif
