/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "clock.h"
#include "receiver.h"

#include <civetweb.h>
#include <inttypes.h>

#define BODY_US (10 * CLOCK_US_PER_S)  /* for a whole body; senders give up sooner */
#define UNREAD_US (1 * CLOCK_US_PER_S) /* for discarding bytes after a refusal */
#define UNREAD_BYTES (64 * 1024)
#define PIECE (64 * 1024) /* growth of a chunked body's memory */

static bool refuse_large(struct reply *reply, int64_t most)
{
    return reply_refuse(reply, REPLY_TOO_LARGE,
                        "the body has more than the %" PRId64 " bytes that are allowed", most);
}

static bool refuse_short(struct reply *reply, struct slow_senders_watch *watch, const struct buf *body)
{
    if (slow_senders_ended_for_others(watch)) {
        return reply_refuse(reply, REPLY_CROWDED, BODY_CROWDED_OUT);
    }
    if (receiver_is_late()) {
        return reply_refuse(
            reply, REPLY_SLOW_SENDER,
            "the body was not there in time: %zu bytes came; at most %d s between two of them "
            "and %d s in all are allowed",
            body->len, RECEIVER_QUIET_MS / 1000, (int)(BODY_US / CLOCK_US_PER_S));
    }
    return reply_refuse(reply, REPLY_SHORT, "the body ended early: %zu bytes came", body->len);
}

static bool read_length(struct mg_connection *connection, int64_t length, struct slow_senders_watch *watch,
                        struct buf *body, struct reply *reply)
{
    int got;

    if (!buf_reserve(body, (size_t)length)) {
        return reply_refuse(reply, REPLY_MEMORY, "no memory for a body of %" PRId64 " bytes", length);
    }
    got = mg_read(connection, body->data, (size_t)length);
    body->len = got > 0 ? (size_t)got : 0;
    return (int64_t)body->len == length || refuse_short(reply, watch, body);
}

static bool refuse_chunks(struct reply *reply, struct slow_senders_watch *watch, const struct buf *body,
                          int64_t most)
{
    switch (receiver_chunks()) {
    case CHUNKS_BAD:
        return reply_refuse(reply, REPLY_MALFORMED,
                            "after %zu bytes of the body, the chunks are not as RFC 9112 writes them",
                            body->len);
    case CHUNKS_LARGE:
        return refuse_large(reply, most);
    case CHUNKS_MORE:
    case CHUNKS_END:
        break;
    }
    return refuse_short(reply, watch, body);
}

static bool read_chunks(struct mg_connection *connection, int64_t most, struct slow_senders_watch *watch,
                        struct buf *body, struct reply *reply)
{
    while (receiver_chunks() != CHUNKS_LARGE) {
        int got;

        if (!buf_reserve(body, PIECE)) {
            return reply_refuse(reply, REPLY_MEMORY, "no memory for a body of more than %zu bytes",
                                body->len);
        }
        got = mg_read(connection, body->data + body->len, PIECE);
        if (got == 0 && receiver_chunks() == CHUNKS_END) {
            return true;
        }
        if (got <= 0) {
            return refuse_chunks(reply, watch, body, most);
        }
        body->len += (size_t)got;
        if (body->len > (size_t)most) { /* it arrived with the head, before the limit was set */
            break;
        }
    }
    return refuse_large(reply, most);
}

bool body_read(struct mg_connection *connection, int64_t most, const struct body_length *framing,
               struct slow_senders_watch *watch, struct buf *body, struct reply *reply)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    int64_t until = clock_monotonic_us() + BODY_US;
    bool fine;

    if (body_length_is_none(framing)) {
        return true;
    }
    if (framing->expect_continue) {
        (void)mg_write(connection, go_on, sizeof go_on - 1);
    }
    receiver_expect(watch, until, most);
    if (framing->body == BODY_LENGTH_GIVEN) {
        fine = read_length(connection, framing->length, watch, body, reply);
    } else {
        fine = read_chunks(connection, most, watch, body, reply);
    }
    receiver_rest();
    return fine;
}

void body_throw_away(struct slow_senders_watch *watch)
{
    receiver_drop(watch, UNREAD_BYTES, clock_monotonic_us() + UNREAD_US);
}
