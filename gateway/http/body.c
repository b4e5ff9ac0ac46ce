/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "clock.h"

#include <civetweb.h>
#include <inttypes.h>

#define QUIET_US ((int64_t)BODY_QUIET_MS * CLOCK_US_PER_MS)
#define BODY_US (10 * CLOCK_US_PER_S)  /* for a whole body; senders give up sooner */
#define UNREAD_US (1 * CLOCK_US_PER_S) /* for what is thrown away after a refusal */
#define UNREAD_BYTES (64 * 1024)
#define PIECE (64 * 1024) /* a chunked body's memory grows by */

static bool refuse_short(struct reply *reply, struct slow_senders_watch *watch, const struct buf *body,
                         int64_t begun_us, int64_t until_us)
{
    int64_t now = clock_monotonic_us();

    if (slow_senders_ended_for_others(watch)) {
        return reply_refuse(reply, REPLY_CROWDED, BODY_CROWDED_OUT);
    }
    if (now >= until_us || now - begun_us >= QUIET_US) {
        return reply_refuse(
            reply, REPLY_SLOW_SENDER,
            "the body was not there in time: %zu bytes came; at most %d s between two of them "
            "and %d s in all are allowed",
            body->len, BODY_QUIET_MS / 1000, (int)(BODY_US / CLOCK_US_PER_S));
    }
    return reply_refuse(reply, REPLY_SHORT,
                        "the body ended early or its chunks are malformed: %zu bytes came", body->len);
}

static bool read_length(struct mg_connection *connection, int64_t length, int64_t until_us,
                        struct slow_senders_watch *watch, struct buf *body, struct reply *reply)
{
    int64_t begun = clock_monotonic_us();
    int got;

    if (!buf_reserve(body, (size_t)length)) {
        return reply_refuse(reply, REPLY_MEMORY, "no memory for a body of %" PRId64 " bytes", length);
    }
    got = mg_read(connection, body->data, (size_t)length);
    body->len = got > 0 ? (size_t)got : 0;
    return (int64_t)body->len == length || refuse_short(reply, watch, body, begun, until_us);
}

static bool read_chunks(struct mg_connection *connection, int64_t most, int64_t until_us,
                        struct slow_senders_watch *watch, struct buf *body, struct reply *reply)
{
    for (;;) {
        int64_t begun = clock_monotonic_us();
        size_t room = (size_t)most + 1 - body->len; /* one byte more tells that it is too much */
        int got;

        room = room < PIECE ? room : PIECE;
        if (!buf_reserve(body, room)) {
            return reply_refuse(reply, REPLY_MEMORY, "no memory for a body of more than %zu bytes",
                                body->len);
        }
        got = mg_read(connection, body->data + body->len, room);
        if (got == 0) {
            return true;
        }
        if (got < 0) {
            return refuse_short(reply, watch, body, begun, until_us);
        }
        body->len += (size_t)got;
        if (body->len > (size_t)most) {
            return reply_refuse(reply, REPLY_TOO_LARGE,
                                "the body has more than the %" PRId64 " bytes that are allowed", most);
        }
    }
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
    slow_senders_expect(watch, until);
    if (framing->body == BODY_LENGTH_GIVEN) {
        fine = read_length(connection, framing->length, until, watch, body, reply);
    } else {
        fine = read_chunks(connection, most, until, watch, body, reply);
    }
    slow_senders_rest(watch);
    return fine;
}

void body_throw_away(struct mg_connection *connection, struct slow_senders_watch *watch)
{
    int64_t until = clock_monotonic_us() + UNREAD_US;
    char bytes[4096];
    int got = 1;

    slow_senders_expect(watch, until);
    for (int all = 0; got > 0 && all < UNREAD_BYTES && clock_monotonic_us() < until; all += got) {
        got = mg_read(connection, bytes, sizeof bytes);
    }
}
