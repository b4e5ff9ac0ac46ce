/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "clock.h"
#include "receiver.h"

#include <inttypes.h>

#define BYTES_PER_S (1 << 20)          /* a large body may take longer, at this rate */
#define UNREAD_US (1 * CLOCK_US_PER_S) /* for discarding bytes after a refusal */
#define UNREAD_BYTES (64 * 1024)

void body_begin(struct body_reader *reader, const struct body_length *framing)
{
    *reader = (struct body_reader){.kind = framing->body, .state = CHUNKS_END};
    switch (framing->body) {
    case BODY_LENGTH_NONE:
        break;
    case BODY_LENGTH_GIVEN:
        reader->left = (uint64_t)framing->length;
        reader->state = framing->length > 0 ? CHUNKS_MORE : CHUNKS_END;
        break;
    case BODY_LENGTH_CHUNKED:
        chunks_begin(&reader->chunks, UINT64_MAX);
        reader->state = CHUNKS_MORE;
        break;
    }
}

static bool refuse_large(struct reply *reply, uint64_t most)
{
    return reply_refuse(reply, REPLY_TOO_LARGE,
                        "the body has more than the %" PRIu64 " bytes that are allowed", most);
}

bool body_limit(struct body_reader *reader, int64_t most, struct reply *reply)
{
    reader->chunks.limit = (uint64_t)most;
    return reader->left <= (uint64_t)most || refuse_large(reply, (uint64_t)most);
}

/* Reads the next bytes. *used of them belong to the body; moves the *kept bytes of data to the front. */
static void take(struct body_reader *reader, char *bytes, size_t len, size_t *used, size_t *kept)
{
    if (reader->kind == BODY_LENGTH_CHUNKED) {
        reader->state = chunks_read(&reader->chunks, bytes, len, used, kept);
        return;
    }
    *used = *kept = len < reader->left ? len : (size_t)reader->left;
    reader->left -= *used;
    reader->state = reader->left == 0 ? CHUNKS_END : CHUNKS_MORE;
}

/* The time for the whole body. */
static int64_t seconds_for(const struct body_reader *reader)
{
    uint64_t most = reader->kind == BODY_LENGTH_CHUNKED ? reader->chunks.limit : reader->left;

    return RECEIVER_WHOLE_MS / 1000 + (int64_t)(most / BYTES_PER_S);
}

static bool refuse_short(struct reply *reply, struct slow_senders_watch *watch, size_t len, int64_t seconds)
{
    if (slow_senders_ended_for_others(watch)) {
        return reply_refuse(reply, REPLY_CROWDED, BODY_CROWDED_OUT);
    }
    if (receiver_is_late()) {
        return reply_refuse(
            reply, REPLY_SLOW_SENDER,
            "the body was not there in time: %zu bytes came; at most %d s between two of them "
            "and %" PRId64 " s in all are allowed",
            len, RECEIVER_QUIET_MS / 1000, seconds);
    }
    return reply_refuse(reply, REPLY_SHORT, "the body ended early: %zu bytes came", len);
}

/* Sets *reply unless there is room for len more bytes. */
static bool has_room(enum body_room room, const struct body *body, size_t len, struct reply *reply)
{
    switch (room) {
    case BODY_ROOM:
        return true;
    case BODY_ROOM_BUSY:
        return reply_refuse(reply, REPLY_BUSY,
                            "the bodies of other requests fill the memory for bodies (%" PRId64
                            " bytes); send the event again later",
                            body->memory->most);
    case BODY_ROOM_NONE:
        break;
    }
    return reply_refuse(reply, REPLY_MEMORY, "no memory for a body of %zu bytes", body->bytes.len + len);
}

bool body_make_room(const struct body_reader *reader, struct body *body, struct reply *reply)
{
    return has_room(body_announce(body, (size_t)reader->left), body, (size_t)reader->left, reply);
}

static bool read_data(struct body_reader *reader, struct slow_senders_watch *watch, struct body *body,
                      struct reply *reply)
{
    int64_t seconds = seconds_for(reader);

    receiver_expect(watch, clock_monotonic_us() + seconds * CLOCK_US_PER_S);
    while (reader->state == CHUNKS_MORE) {
        size_t used, kept, len;
        char *bytes;

        len = receiver_look(&bytes);
        if (len == 0) {
            return refuse_short(reply, watch, body->bytes.len, seconds);
        }
        take(reader, bytes, len, &used, &kept);
        if (!has_room(body_reserve(body, kept), body, kept, reply)) {
            return false;
        }
        buf_append(&body->bytes, bytes, kept);
        receiver_use(used);
    }
    return true;
}

bool body_read(struct body_reader *reader, struct slow_senders_watch *watch, struct body *body,
               struct reply *reply)
{
    bool fine = read_data(reader, watch, body, reply);

    receiver_rest();
    if (!fine) {
        return false;
    }
    switch (reader->state) {
    case CHUNKS_BAD:
        return reply_refuse(reply, REPLY_MALFORMED,
                            "after %zu bytes of the body, the chunks are not as RFC 9112 writes them",
                            body->bytes.len);
    case CHUNKS_LARGE:
        return refuse_large(reply, reader->chunks.limit);
    case CHUNKS_MORE:
    case CHUNKS_END:
        break;
    }
    return true;
}

void body_throw_away(struct body_reader *reader, struct slow_senders_watch *watch)
{
    size_t dropped = 0;
    char *bytes;

    receiver_expect(watch, clock_monotonic_us() + UNREAD_US);
    while (reader->state != CHUNKS_END && dropped < UNREAD_BYTES) {
        size_t len = receiver_look(&bytes), used = len, kept;

        if (len == 0) {
            break;
        }
        if (reader->state == CHUNKS_MORE) {
            take(reader, bytes, len, &used, &kept);
        }
        receiver_use(used);
        dropped += used;
    }
    receiver_rest();
}
