/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_REPLY_H
#define SLUICE_GATEWAY_REPLY_H

/* The only owner of HTTP statuses and of the bodies of replies. Every request ends
 * in one of these outcomes; each is counted, under its label, in
 * sluice_gateway_replies_total. */

#include "buf.h"

#include <stdint.h>

/* X(name, label, status, retry_after, close): retry_after in seconds (0: none; it is spread
 * by half to either side, so that senders refused together don't come back together); close:
 * the connection can't go on, since where the next request begins isn't certain, or
 * shall not. */
#define REPLIES(X)                                                                               \
    X(REPLY_QUEUED, "queued", 200, 0, false)                                                     \
    X(REPLY_CHALLENGE, "challenge", 200, 0, false)           /* a handshake, nothing queued */   \
    X(REPLY_CHALLENGE_JSON, "challenge-json", 200, 0, false) /* the same */                      \
    X(REPLY_MALFORMED, "malformed", 400, 0, true)                                                \
    X(REPLY_SHORT, "short", 400, 0, true) /* the body ended early */                             \
    X(REPLY_BAD_ID, "bad-id", 400, 0, false)                                                     \
    X(REPLY_UNVERIFIED, "unverified", 401, 0, false)                                             \
    X(REPLY_UNKNOWN, "unknown", 404, 0, true) /* no source has this path */                      \
    X(REPLY_METHOD, "method", 405, 0, true)                                                      \
    X(REPLY_SLOW_SENDER, "slow-sender", 408, 0, true)                                            \
    X(REPLY_TOO_LARGE, "too-large", 413, 0, true)                                                \
    X(REPLY_LONG_TARGET, "long-target", 414, 0, true)                                            \
    X(REPLY_EXPECTATION, "expectation", 417, 0, true)                                            \
    X(REPLY_THROTTLED, "throttled", 429, 1, false) /* over the source's rate */                  \
    X(REPLY_HEADERS, "headers", 431, 0, true)      /* too many, or too large */                  \
    X(REPLY_BUSY, "busy", 503, 1, false)           /* too many wait already */                   \
    X(REPLY_CROWDED, "crowded", 503, 1, true)      /* too slow while others wait for a thread */ \
    X(REPLY_MEMORY, "memory", 503, 5, true)                                                      \
    X(REPLY_AWAY, "away", 503, 5, false)             /* no connection to the broker */           \
    X(REPLY_UNDECLARED, "undeclared", 503, 5, false) /* a delay isn't declared there */          \
    X(REPLY_SLOW, "slow", 503, 5, false)             /* older confirms don't come */             \
    X(REPLY_LATE, "late", 503, 5, false)             /* no confirm in time */                    \
    X(REPLY_LOST, "lost", 503, 5, false)             /* connection lost before the confirm */    \
    X(REPLY_UNROUTABLE, "unroutable", 503, 5, false) /* returned: no queue takes it */           \
    X(REPLY_BLOCKED, "blocked", 503, 30, false)      /* the broker has an alarm */               \
    X(REPLY_FULL, "full", 503, 30, false)            /* nack: the queue is full */               \
    X(REPLY_DRAINING, "draining", 503, 5, true)                                                  \
    X(REPLY_VERSION, "http-version", 505, 0, true)

#define REPLY_ENUMERATOR(name, label, status, retry_after, close) name,
enum reply_kind { REPLIES(REPLY_ENUMERATOR) };
#undef REPLY_ENUMERATOR

/* What a source says instead of our own words about a queued event. */
struct reply_answer {
    int status;              /* one that reply_may_answer */
    const char *type, *body; /* content type, and text without a NUL; not owned */
};

struct reply {
    enum reply_kind kind;
    char text[512]; /* REPLY_QUEUED: the event's id; a challenge: the body; else a sentence for the sender,
                       cut to fit */
    unsigned allow; /* REPLY_METHOD: the methods that would do (see request_method); 0: all */
    int64_t wait_s; /* REPLY_THROTTLED: when there is room again */
    const struct reply_answer *answer; /* REPLY_QUEUED: the source's own, or NULL */
};

struct reply_form {
    bool head;       /* the request was HEAD: no body, but its length */
    bool close;      /* say so (a kind that closes says so anyway) */
    uint32_t random; /* spreads Retry-After */
};

/* Before threads start. */
void reply_register(void);
/* An event is queued. answer (NULL: our own words) must outlive the reply. */
void reply_accept(struct reply *reply, const char *id, const struct reply_answer *answer);
/* A handshake's answer: REPLY_CHALLENGE as plain text, REPLY_CHALLENGE_JSON as the JSON that it is. */
void reply_challenge(struct reply *reply, enum reply_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* True for the statuses that a source may answer with: those that tell senders not to send again. */
bool reply_may_answer(int status);
/* True for the one of them that has no body. */
bool reply_is_bare(int status);
/* Fills *reply and returns false, so that a check that fails can end with `return reply_refuse(...)`. */
bool reply_refuse(struct reply *reply, enum reply_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The outcome that fits what civetweb refuses by itself with this status. */
enum reply_kind reply_of_library(int status);
bool reply_closes(enum reply_kind kind);
int reply_status(enum reply_kind kind);
/* Appends the whole reply, head and body. Pure. */
void reply_build(const struct reply *reply, struct reply_form form, struct buf *out);
/* Counts it, and logs a refusal: each at debug; besides, per kind at most once in 10 s, at
 * warning what is ours (503) and at info what is the sender's. */
void reply_record(const struct reply *reply, struct span remote);

#endif
