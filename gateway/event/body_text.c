/* SPDX-License-Identifier: MIT */
#include "body_text.h"

#include "text.h"

#define ZLIB_CONST
#include <limits.h>
#include <string.h>
#include <zlib.h>

#define CHUNK 16384

/* zlib's windowBits: the largest window, with zlib's own header or with that of gzip. */
#define WINDOW_ZLIB 15
#define WINDOW_GZIP (15 + 16)

struct body_text body_text_of(const struct request *request, struct span body, size_t limit,
                              struct body_memory *memory)
{
    return (struct body_text){
        .request = request, .body = body, .limit = limit, .inflated = {.memory = memory}};
}

/* --- codings -------------------------------------------------------------------------- */

/* Cuts the first element off a list, without the white space around it. False at the end of the list. */
static bool next_element(struct span *list, struct span *element)
{
    const char *comma;

    if (list->len == 0) {
        return false;
    }
    comma = memchr(list->data, ',', list->len);
    *element = (struct span){list->data, comma == NULL ? list->len : (size_t)(comma - list->data)};
    list->data += element->len + (comma != NULL);
    list->len -= element->len + (comma != NULL);
    *element = text_trim(*element);
    return true;
}

/* Returns the number of codings, without "identity", and sets *coding to the last; empty when there is none.
 */
static size_t find_codings(const struct request *request, struct span *coding)
{
    size_t count = 0;

    *coding = (struct span){"", 0};
    for (size_t i = 0; i < request->header_count; i++) {
        struct span list = request->headers[i].value, element;

        if (!request_is(request->headers[i].name, "content-encoding")) {
            continue;
        }
        while (next_element(&list, &element)) {
            if (element.len > 0 && !request_is(element, "identity")) {
                *coding = element;
                count++;
            }
        }
    }
    return count;
}

/* --- inflating ------------------------------------------------------------------------- */

/* One call of inflate, with room for more output. Returns its result; Z_MEM_ERROR when there is no memory for
 * the output. Sets *full when there is more output than the limit allows. */
static int step(z_stream *stream, size_t limit, struct body *to, bool *full)
{
    struct buf *out = &to->bytes;
    Bytef spare;
    size_t room = limit - out->len < CHUNK ? limit - out->len : CHUNK;
    int result;

    if (body_reserve(to, room) != BODY_ROOM) {
        return Z_MEM_ERROR;
    }
    stream->next_out = room > 0 ? (Bytef *)out->data + out->len : &spare;
    stream->avail_out = room > 0 ? (uInt)room : 1;
    result = inflate(stream, Z_NO_FLUSH);
    if (room > 0) {
        out->len += room - stream->avail_out;
    } else {
        *full = stream->avail_out == 0;
    }
    return result;
}

/* The whole of the stream's input. Gzip may have several members, one after another (RFC 1952, 2.2). */
static enum body_text_flaw inflate_all(z_stream *stream, bool gzip, size_t limit, struct body *out)
{
    for (;;) {
        bool full = false;
        int result = step(stream, limit, out, &full);

        if (full) {
            return BODY_TEXT_TOO_LARGE;
        }
        if (result == Z_STREAM_END && stream->avail_in == 0) {
            return BODY_TEXT_NO_FLAW;
        }
        if (result == Z_STREAM_END && gzip) {
            result = inflateReset(stream);
        }
        if (result != Z_OK) {
            return result == Z_BUF_ERROR   ? BODY_TEXT_TRUNCATED
                   : result == Z_MEM_ERROR ? BODY_TEXT_MEMORY
                                           : BODY_TEXT_CORRUPT;
        }
    }
}

static enum body_text_flaw inflate_body(struct span body, bool gzip, size_t limit, struct body *out)
{
    z_stream stream = {.next_in = (const Bytef *)body.data, .avail_in = (uInt)body.len};
    enum body_text_flaw flaw;

    if (body.len > UINT_MAX) {
        return BODY_TEXT_TOO_LARGE;
    }
    if (inflateInit2(&stream, gzip ? WINDOW_GZIP : WINDOW_ZLIB) != Z_OK) {
        return BODY_TEXT_MEMORY;
    }
    flaw = inflate_all(&stream, gzip, limit, out);
    (void)inflateEnd(&stream);
    return flaw;
}

static void decode(struct body_text *t)
{
    struct span coding;
    size_t codings = find_codings(t->request, &coding);

    if (codings == 0) {
        return;
    }
    if (codings == 1 && (request_is(coding, "gzip") || request_is(coding, "x-gzip"))) {
        t->flaw = inflate_body(t->body, true, t->limit, &t->inflated);
    } else if (codings == 1 && request_is(coding, "deflate")) {
        t->flaw = inflate_body(t->body, false, t->limit, &t->inflated);
    } else {
        t->flaw = BODY_TEXT_CODING;
    }
    if (t->flaw != BODY_TEXT_NO_FLAW) {
        body_free(&t->inflated);
    }
    if (t->flaw == BODY_TEXT_MEMORY) {
        t->body = (struct span){"", 0}; /* its origin is refused with the text */
    }
}

/* --- the text -------------------------------------------------------------------------- */

struct span body_text_read(struct body_text *t)
{
    if (!t->is_read) {
        decode(t);
        t->is_read = true;
    }
    return t->inflated.bytes.data == NULL ? t->body : buf_span(&t->inflated.bytes);
}

enum json_pointer_result body_text_find(struct body_text *t, struct span pointer, struct span *raw)
{
    struct json_pointer_want wants[2] = {{.pointer = pointer}, t->also};
    bool both = t->also.pointer.data != NULL && !t->also_read;

    json_pointer_find_all(body_text_read(t), wants, both ? 2 : 1);
    if (both) {
        t->also = wants[1];
        t->also_read = true;
    }
    *raw = wants[0].raw;
    return wants[0].result;
}

const struct json_pointer_want *body_text_also(struct body_text *t)
{
    if (!t->also_read) {
        json_pointer_find_all(body_text_read(t), &t->also, 1);
        t->also_read = true;
    }
    return &t->also;
}

void body_text_append_flaw(const struct body_text *t, struct buf *out)
{
    struct span coding;

    switch (t->flaw) {
    case BODY_TEXT_NO_FLAW:
        return;
    case BODY_TEXT_CODING:
        if (find_codings(t->request, &coding) > 1) {
            buf_append_text(out, ": the body has more than one Content-Encoding");
        } else {
            buf_printf(out, ": the body's Content-Encoding is %.*s", (int)coding.len, coding.data);
        }
        buf_append_text(out, "; only gzip or deflate can be read");
        return;
    case BODY_TEXT_CORRUPT:
        buf_append_text(out, ": the body is not valid in its Content-Encoding");
        return;
    case BODY_TEXT_TRUNCATED:
        buf_append_text(out, ": the body ends before the data of its Content-Encoding");
        return;
    case BODY_TEXT_TOO_LARGE:
        buf_printf(out, ": the inflated body exceeds %zu bytes", t->limit);
        return;
    case BODY_TEXT_MEMORY:
        buf_append_text(out, ": no memory to inflate the body");
        return;
    }
}

void body_text_free(struct body_text *t)
{
    body_free(&t->inflated);
}
