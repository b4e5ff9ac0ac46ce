/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_REPLY_H
#define SLUICE_GATEWAY_REPLY_H

/* All replies of the gateway: their HTTP statuses, headers and bodies. Every request ends in one reply kind,
 * and each is counted under its label in sluice_gateway_replies_total. */

#include "buf.h"

#include <stdint.h>

/* The outcomes of publishing an event. Each row defines OUTCOME_name and the reply REPLY_name. ROW(with,
 * name, label, status, retry_after, close, sentence, readiness): with: passed through to ROW; label, status,
 * retry_after, close: as in REPLIES; sentence: the reply's text (NULL: the event is queued); readiness: the
 * admin listener's text while this outcome applies to all events (NULL: the label). */
#define OUTCOMES(ROW, with)                                                                                 \
    /* confirmed by the broker and not returned: the only success */                                        \
    ROW(with, QUEUED, "queued", 200, 0, false, NULL, NULL)                                                  \
    /* not published: no connection to the broker */                                                        \
    ROW(with, AWAY, "away", 503, 5, false, "the broker cannot be reached; send the event again later",      \
        "broker away")                                                                                      \
    /* not published: an exchange for a delay does not exist on the broker */                               \
    ROW(with, UNDECLARED, "undeclared", 503, 5, false,                                                      \
        "the broker is not set up for this gateway; send the event again later",                            \
        "delay not declared: name it in DELAYS, run sluice setup")                                          \
    /* the broker has an alarm; an event published just before it may be stored */                          \
    ROW(with, BLOCKED, "blocked", 503, 30, false,                                                           \
        "the broker accepts no events for now; send the event again later", "broker blocked")               \
    /* not published: older confirms are missing, or too many are outstanding */                            \
    ROW(with, SLOW, "slow", 503, 5, false, "the broker is slow; send the event again later", "broker slow") \
    /* not published: the broker closed the connection because of one like it */                            \
    ROW(with, OVERSIZE, "oversize", 503, 30, false,                                                         \
        "the event is larger than the broker's max_message_size; send the event again later", NULL)         \
    /* not published: no memory */                                                                          \
    ROW(with, MEMORY, "memory", 503, 5, true, "no memory for the event; send the event again later", NULL)  \
    /* returned: no queue is bound for it */                                                                \
    ROW(with, UNROUTABLE, "unroutable", 503, 5, false,                                                      \
        "the broker has no queue for the event: run `sluice setup`, then send the event again", NULL)       \
    /* nacked, which doesn't say why: a queue is full, or not available */                                  \
    ROW(with, NACKED, "nacked", 503, 30, false,                                                             \
        "the broker refused the event: a queue is full, or not available; send the event again later",      \
        "broker refuses")                                                                                   \
    /* the connection ended before the confirm: it may be stored */                                         \
    ROW(with, LOST, "lost", 503, 5, false,                                                                  \
        "the connection to the broker was lost before the confirm; send the event again", NULL)             \
    /* the deadline passed before the confirm: it may be stored */                                          \
    ROW(with, LATE, "late", 503, 5, false,                                                                  \
        "the broker did not confirm the event in time; send the event again", NULL)

#define OUTCOME_ENUMERATOR(with, name, ...) OUTCOME_##name,
enum outcome { OUTCOMES(OUTCOME_ENUMERATOR, ) };
#undef OUTCOME_ENUMERATOR

#define REPLY_TO_OUTCOME(X, name, label, status, retry_after, close, sentence, readiness) \
    X(REPLY_##name, label, status, retry_after, close)

/* X(name, label, status, retry_after, close): retry_after in seconds (0: no header), spread by up to half in
 * either direction so that senders refused together do not come back together. close: the connection is
 * closed after the reply, because the start of the next request is unknown or to free the thread. */
#define REPLIES(X)                                                              \
    OUTCOMES(REPLY_TO_OUTCOME, X)                                               \
    X(REPLY_CHALLENGE, "challenge", 200, 0, false) /* nothing is queued */      \
    X(REPLY_SERVER, "server", 204, 0, false)       /* OPTIONS *: no event */    \
    X(REPLY_MALFORMED, "malformed", 400, 0, true)                               \
    X(REPLY_SHORT, "short", 400, 0, true) /* the connection ended early */      \
    X(REPLY_BAD_ID, "bad-id", 400, 0, false)                                    \
    X(REPLY_UNVERIFIED, "unverified", 401, 0, false)                            \
    X(REPLY_UNKNOWN, "unknown", 404, 0, true) /* no source has this path */     \
    X(REPLY_METHOD, "method", 405, 0, true)                                     \
    X(REPLY_SLOW_SENDER, "slow-sender", 408, 0, true)                           \
    X(REPLY_TOO_LARGE, "too-large", 413, 0, true)                               \
    X(REPLY_LONG_TARGET, "long-target", 414, 0, true)                           \
    X(REPLY_EXPECTATION, "expectation", 417, 0, true)                           \
    X(REPLY_THROTTLED, "throttled", 429, 1, false) /* over the source's rate */ \
    X(REPLY_HEADERS, "headers", 431, 0, true)      /* too many, or too large */ \
    X(REPLY_NOT_IMPLEMENTED, "not-implemented", 501, 0, true)                   \
    X(REPLY_BUSY, "busy", 503, 1, false)      /* too many wait already */       \
    X(REPLY_CROWDED, "crowded", 503, 1, true) /* too slow while others wait */  \
    X(REPLY_DRAINING, "draining", 503, 5, true)                                 \
    X(REPLY_LIBRARY, "library", 503, 5, true) /* civetweb failed */             \
    X(REPLY_VERSION, "http-version", 505, 0, true)

#define REPLY_ENUMERATOR(name, label, status, retry_after, close) name,
enum reply_kind { REPLIES(REPLY_ENUMERATOR) };
#undef REPLY_ENUMERATOR

/* A source's own reply to a queued event, in place of the default one. */
struct reply_answer {
    int status;              /* one that reply_may_answer accepts */
    const char *type, *body; /* content type, and text without a NUL; not owned */
};

/* How the text of a challenge is returned. */
enum reply_echo {
    REPLY_ECHO_TEXT,   /* it is the body */
    REPLY_ECHO_MEMBER, /* as the one member of a JSON object */
    REPLY_ECHO_HEADER, /* as the value of a header; there is no body */
    REPLY_ECHO_ORIGIN, /* as WebHook-Allowed-Origin, with WebHook-Allowed-Rate; there is no body */
};

struct reply {
    enum reply_kind kind;
    char text[512]; /* REPLY_QUEUED: the event's id; a challenge: its text; else a sentence for the sender,
                       cut to fit */
    unsigned allow; /* REPLY_METHOD and REPLY_SERVER: the allowed methods (see request_method); 0: all */
    int64_t wait_s; /* REPLY_THROTTLED: seconds until the next event is allowed */
    const struct reply_answer *answer; /* REPLY_QUEUED: the source's own, or NULL */
    enum reply_echo echo;              /* REPLY_CHALLENGE, and for it: */
    const char *type;                  /* of a body that is the text; static */
    const char *name;                  /* of the member or the header; not owned */
    int64_t per_minute;                /* REPLY_ECHO_ORIGIN: the allowed events a minute; 0: any number */
    const char *demand;                /* REPLY_UNVERIFIED: the value of WWW-Authenticate; static */
};

struct reply_form {
    bool head;       /* the request was HEAD: Content-Length without a body */
    bool close;      /* send "Connection: close" (always sent for a kind that closes) */
    uint32_t random; /* spreads Retry-After */
    int64_t now_s;   /* for the Date header: seconds since 1970 */
};

/* Before threads start. */
void reply_register(void);
/* Sets *reply to REPLY_QUEUED. answer (NULL: the default reply) must outlive the reply. */
void reply_accept(struct reply *reply, const char *id, const struct reply_answer *answer);
/* As reply_refuse, with the sentence of the table. Not for OUTCOME_QUEUED. Returns false. */
bool reply_outcome(struct reply *reply, enum outcome outcome);
/* The label that an outcome's reply is counted under. Static. */
const char *reply_label(enum outcome outcome);
/* The admin listener's text while this outcome applies to all events. Static. */
const char *reply_readiness(enum outcome outcome);
/* Sets *reply to the answer to a provider's challenge: a body of this content type, which is static. */
void reply_challenge(struct reply *reply, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a challenge that is returned as it came: at most 511 bytes of printable ASCII. name: of the
 * member or the header; it must outlive the reply. */
void reply_return(struct reply *reply, enum reply_echo echo, const char *name, struct span text);
/* True for the statuses that a source may reply with to a queued event: those that tell the sender not to
 * retry. */
bool reply_may_answer(int status);
/* True for those of them that have no body. */
bool reply_is_bare(int status);
/* Fills *reply and returns false, so that a check that fails can end with `return reply_refuse(...)`. */
bool reply_refuse(struct reply *reply, enum reply_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool reply_closes(enum reply_kind kind);
int reply_status(enum reply_kind kind);
/* Appends the whole reply: status line, headers, body. Pure. */
void reply_build(const struct reply *reply, struct reply_form form, struct buf *out);
/* Counts the reply. Logs every refusal at debug, and per kind at most one in 10 s: as a warning when the
 * cause is on the gateway's side (503), at info when it is on the sender's. */
void reply_record(const struct reply *reply, struct span remote);

#endif
