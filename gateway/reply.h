/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_REPLY_H
#define SLUICE_GATEWAY_REPLY_H

/* The only owner of HTTP statuses and of the bodies of replies. Every request ends
 * in one of these outcomes; each is counted, under its label, in
 * sluice_gateway_replies_total. */

#include "buf.h"

#include <stdint.h>

/* What a publisher finds, each described in this one place. A row makes OUTCOME_name, for the code that finds
 * it, and REPLY_name, for the sender. ROW(with, name, label, status, retry_after, close, sentence,
 * readiness): with: passed on to ROW; label, status, retry_after, close: as in REPLIES; sentence: the
 * sender's (NULL: the event is queued); readiness: what the admin listener says while this keeps all events
 * out (NULL: the label). */
#define OUTCOMES(ROW, with)                                                                               \
    /* confirmed by the broker and not returned: the only yes */                                          \
    ROW(with, QUEUED, "queued", 200, 0, false, NULL, NULL)                                                \
    /* not published: no connection to the broker */                                                      \
    ROW(with, AWAY, "away", 503, 5, false, "the broker is away; send it again later", "broker away")      \
    /* not published: the broker lacks an exchange that events are to enter by */                         \
    ROW(with, UNDECLARED, "undeclared", 503, 5, false,                                                    \
        "this gateway is not set up yet; send it again later",                                            \
        "delay not declared: name it in DELAYS, run sluice setup")                                        \
    /* the broker has an alarm: if the event was published just before, it may be stored */               \
    ROW(with, BLOCKED, "blocked", 503, 30, false,                                                         \
        "the broker takes nothing at present; send it again later", "broker blocked")                     \
    /* not published: older confirms don't come, or too many are outstanding */                           \
    ROW(with, SLOW, "slow", 503, 5, false, "the broker is slow at present; send it again later", NULL)    \
    /* not published */                                                                                   \
    ROW(with, MEMORY, "memory", 503, 5, true, "no memory for the event; send it again later", NULL)       \
    /* returned: no queue takes it */                                                                     \
    ROW(with, UNROUTABLE, "unroutable", 503, 5, false,                                                    \
        "no queue takes the event; has `sluice setup` been run?", NULL)                                   \
    /* nack: a queue is full */                                                                           \
    ROW(with, FULL, "full", 503, 30, false, "the queue is full; send it again later", NULL)               \
    /* the connection ended before the confirm: it may be stored */                                       \
    ROW(with, LOST, "lost", 503, 5, false, "the broker was lost before its confirm; send it again", NULL) \
    /* the deadline passed before the confirm: it may be stored */                                        \
    ROW(with, LATE, "late", 503, 5, false, "the broker's confirm did not come in time; send it again", NULL)

#define OUTCOME_ENUMERATOR(with, name, ...) OUTCOME_##name,
enum outcome { OUTCOMES(OUTCOME_ENUMERATOR, ) };
#undef OUTCOME_ENUMERATOR

#define REPLY_TO_OUTCOME(X, name, label, status, retry_after, close, sentence, readiness) \
    X(REPLY_##name, label, status, retry_after, close)

/* X(name, label, status, retry_after, close): retry_after in seconds (0: none; it is spread
 * by half to either side, so that senders refused together don't come back together); close:
 * the connection can't go on, since where the next request begins isn't certain, or
 * shall not. */
#define REPLIES(X)                                                                               \
    OUTCOMES(REPLY_TO_OUTCOME, X)                                                                \
    X(REPLY_CHALLENGE, "challenge", 200, 0, false) /* a handshake, nothing queued */             \
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
    const char *type;                  /* REPLY_CHALLENGE: of the body; static */
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
/* Refuses, as reply_refuse does, in the words of the table. Not for OUTCOME_QUEUED. */
bool reply_outcome(struct reply *reply, enum outcome outcome);
/* What the admin listener says while this keeps all events out. */
const char *reply_readiness(enum outcome outcome);
/* A handshake's answer, a body of this content type (static). */
void reply_challenge(struct reply *reply, const char *type, const char *format, ...)
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
