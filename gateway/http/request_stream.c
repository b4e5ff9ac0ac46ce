/* SPDX-License-Identifier: MIT */
#include "request_stream.h"

#include "buf.h"
#include "text.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18 /* as body_length allows */

void request_stream_begin(struct request_stream *s)
{
    *s = (struct request_stream){.at = REQUEST_STREAM_HEAD};
}

/* --- a head -------------------------------------------------------------------------- */

static void begin_line(struct request_stream *s)
{
    s->in_value = s->after_cr = s->blank_name = s->blanks = false;
    s->name_len = s->value_len = s->bytes = 0;
}

static void take_name_byte(struct request_stream *s, char byte)
{
    if (byte == ':') {
        s->in_value = true;
    } else if (byte == ' ' || byte == '\t') {
        s->blank_name = true;
    } else if (s->name_len < sizeof s->name) {
        s->name[s->name_len++] = byte;
    }
}

/* Drops what does not fit: a value that fills the buffer is already too long to be valid. */
static void append_value(struct request_stream *s, char byte)
{
    if (s->value_len < sizeof s->value) {
        s->value[s->value_len++] = byte;
    }
}

static void take_value_byte(struct request_stream *s, char byte)
{
    if (byte == ' ' || byte == '\t') {
        s->blanks = s->blanks || s->value_len > 0;
        return;
    }
    if (s->blanks) {
        append_value(s, ' ');
        s->blanks = false;
    }
    append_value(s, byte);
}

static bool is_named(const struct request_stream *s, const char *name)
{
    return s->name_len == strlen(name) && strncasecmp(s->name, name, s->name_len) == 0;
}

static void end_field(struct request_stream *s)
{
    struct span value = {s->value, s->value_len};
    bool length = is_named(s, "content-length"), coding = is_named(s, "transfer-encoding");
    int64_t number = 0;

    if (!length && !coding) {
        return;
    }
    s->doubtful = s->doubtful || s->blank_name || s->chunked || s->has_length;
    if (coding) {
        s->chunked = true;
        s->doubtful = s->doubtful || value.len != strlen("chunked") ||
                      strncasecmp(value.data, "chunked", value.len) != 0;
    } else {
        s->has_length = true;
        s->doubtful = s->doubtful || !text_number(value, LENGTH_DIGITS_MAX, &number);
        s->length = (uint64_t)number;
    }
}

static void end_head(struct request_stream *s)
{
    bool doubtful = s->doubtful, chunked = s->chunked;
    uint64_t length = s->has_length ? s->length : 0;

    s->heads++;
    s->result = CHUNKS_MORE;
    s->begun = s->doubtful = s->chunked = s->has_length = false;
    if (doubtful) {
        s->at = REQUEST_STREAM_STOPPED;
    } else if (chunked) {
        chunks_begin(&s->chunks);
        s->at = REQUEST_STREAM_CHUNKS;
    } else if (length > 0) {
        s->left = length;
        s->at = REQUEST_STREAM_BODY;
    }
}

/* Lines before the first that isn't empty don't end the head: civetweb skips one of them, and head_check
 * refuses more. */
static void end_line(struct request_stream *s)
{
    bool empty = s->bytes == 0;

    if (!empty && s->begun) {
        end_field(s);
    }
    s->begun = s->begun || !empty;
    begin_line(s);
    if (empty && s->begun) {
        end_head(s);
    }
}

static void take_head_byte(struct request_stream *s, char byte)
{
    if (byte == '\n' && s->after_cr) {
        end_line(s);
        return;
    }
    s->doubtful = s->doubtful || byte == '\n' || s->after_cr;
    s->after_cr = byte == '\r';
    if (s->after_cr) {
        return;
    }
    s->doubtful =
        s->doubtful || (s->bytes == 0 && s->begun && (byte == ' ' || byte == '\t')); /* a folded line */
    s->bytes++;
    if (s->in_value) {
        take_value_byte(s, byte);
    } else {
        take_name_byte(s, byte);
    }
}

/* --- the stream ---------------------------------------------------------------------- */

static size_t take_body(struct request_stream *s, size_t len)
{
    size_t part = s->left < len ? (size_t)s->left : len;

    s->left -= part;
    s->at = s->left == 0 ? REQUEST_STREAM_HEAD : REQUEST_STREAM_BODY;
    return part;
}

static size_t take_chunks(struct request_stream *s, char *bytes, size_t len, size_t *kept)
{
    size_t used;

    s->result = chunks_read(&s->chunks, bytes, len, &used, kept);
    switch (s->result) {
    case CHUNKS_MORE:
        break;
    case CHUNKS_END:
        s->at = REQUEST_STREAM_HEAD;
        break;
    case CHUNKS_BAD:
    case CHUNKS_LARGE:
        s->at = REQUEST_STREAM_STOPPED;
        break;
    }
    return used;
}

size_t request_stream_take(struct request_stream *s, char *bytes, size_t len)
{
    size_t in = 0, out = 0;

    while (in < len && s->at != REQUEST_STREAM_STOPPED) {
        size_t used = 1, kept = 1;

        switch (s->at) {
        case REQUEST_STREAM_HEAD:
            take_head_byte(s, bytes[in]);
            break;
        case REQUEST_STREAM_BODY:
            used = kept = take_body(s, len - in);
            break;
        case REQUEST_STREAM_CHUNKS:
            used = take_chunks(s, bytes + in, len - in, &kept);
            break;
        case REQUEST_STREAM_STOPPED:
            break;
        }
        if (out != in) {
            memmove(bytes + out, bytes + in, kept);
        }
        in += used;
        out += kept;
    }
    return out;
}

/* Only the last head can have stopped the stream. If its chunks did, the head itself was fine. */
bool request_stream_agrees(const struct request_stream *s, uint64_t heads)
{
    bool stopped_by_head = s->at == REQUEST_STREAM_STOPPED && s->result == CHUNKS_MORE;

    return heads < s->heads || (heads == s->heads && !stopped_by_head);
}
