/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_PATIENCE_H
#define SLUICE_GATEWAY_PUBLISH_PATIENCE_H

/* How long a publisher keeps a connection that brings no good: one on which nothing is answered, or on which
 * the broker only refuses. Another connection may lead to a node that can do better: RabbitMQ keeps a channel
 * whose node has lost the queue's leader, and nacks everything on it until that node is back.
 *
 * It is 2 s at first, or half a second less than a request waits for its confirm if that is more, and doubles
 * with each connection that was given up, up to 8 s, so that a full queue costs few connections. After a
 * stored message it is 2 s again, or twice the time that its confirm took if that is more, so that a slow
 * broker is left once only. One nack is no trouble: the next message tells more.
 *
 * Silence has two causes. Either this node is gone, and another connection helps; or this node lives, and the
 * one with the queue's leader is silent. Then the others need some seconds to choose a new leader, and tell
 * it to the channels that there are; a new channel would not learn of it until the silent node counts as
 * down, after a minute. So the node is asked for a sign of life, and as long as it gives one, 10 s are
 * allowed. Pure; times are monotonic microseconds. */

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t first_us;         /* the shortest time that is allowed */
    int64_t limit_us;         /* the time that is allowed now */
    int64_t answered_us;      /* the last answer; 0: none on this connection */
    int64_t writing_us;       /* spent on writing since then, when no answer is read */
    int64_t refused_since_us; /* the first nack since the last stored message; 0: none on this connection */
    unsigned refusals;        /* nacks since then */
    int64_t asked_us;         /* when the node was asked for a sign of life; 0: not since the last answer */
    int64_t alive_us;         /* the last question that it has answered; likewise */
};

/* confirm_timeout_us: how long a request waits for its confirm. */
void patience_init(struct patience *p, int64_t confirm_timeout_us);
/* The broker has stored a message that was published at published_us, or has refused one. */
void patience_stored(struct patience *p, int64_t published_us, int64_t now_us);
void patience_refused(struct patience *p, int64_t now_us);
/* A message was written, which took so long: a large one takes seconds on a slow link. */
void patience_wrote(struct patience *p, int64_t took_us);
/* True when the broker has only refused for more than 1 s: events had better take another publisher. */
bool patience_is_refused(const struct patience *p, int64_t now_us);
/* True when the node should be asked for a sign of life: nothing has been answered for a second. It is then
 * taken for asked. replied: whether it has answered the last question. Times as for patience_ends. */
bool patience_asks(struct patience *p, bool replied, int64_t oldest_us, int64_t since_us, int64_t now_us);
/* True, with *error set to ERROR_TIMEOUT, when the connection is to be given up: for the time above nothing
 * was answered, or everything was refused; or one message has waited for 30 s (or the first time above, if it
 * is longer), while others were answered. The next connection is then kept longer. oldest_us: when the oldest
 * unanswered message was published, INT64_MAX: there is none. since_us: when the broker's last alarm ended;
 * earlier times don't count. */
bool patience_ends(struct patience *p, int64_t oldest_us, int64_t since_us, int64_t now_us,
                   struct error *error);
/* The connection has ended, for any reason. */
void patience_forget(struct patience *p);

#endif
