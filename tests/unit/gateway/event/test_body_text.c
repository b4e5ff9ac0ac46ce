/* SPDX-License-Identifier: MIT */
#include "gateway/event/body_text.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static struct body_memory memory = {.most = INT64_MAX};

#define GZIP (15 + 16)
#define ZLIB 15
#define RAW (-15)
#define LIMIT (1 << 20)

static const char json[] = "{\"id\":\"evt_1\"}";

/* Appends the text, compressed with these windowBits of zlib. */
static void compress_into(struct buf *out, const char *text, size_t len, int window)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)len};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(out, deflateBound(&stream, len) + 32));
    stream.next_out = (Bytef *)out->data + out->len;
    stream.avail_out = (uInt)(out->capacity - out->len);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len = out->capacity - stream.avail_out;
    (void)deflateEnd(&stream);
}

static void compress_json(struct buf *out, int window)
{
    compress_into(out, json, sizeof json - 1, window);
}

/* The flaw; asserts that a body with one is read as it came, or as nothing without memory, and any other as
 * `expected`. */
static enum body_text_flaw read_as(const char *const *headers, struct span body, size_t limit,
                                   struct span expected)
{
    struct request r = make_request("POST", "/", headers);
    struct body_text text = body_text_of(&r, body, limit, &memory);
    struct span got = body_text_read(&text);
    enum body_text_flaw flaw = text.flaw;
    struct buf why = {0};

    assert_true(span_equal(got, flaw == BODY_TEXT_NO_FLAW || flaw == BODY_TEXT_MEMORY ? expected : body));
    assert_true(span_equal(body_text_read(&text), got));
    body_text_append_flaw(&text, &why);
    assert_int_equal(why.len > 0, flaw != BODY_TEXT_NO_FLAW);
    buf_free(&why);
    body_text_free(&text);
    return flaw;
}

#define ENCODED(coding) HEADERS("Content-Encoding", coding)

static void each_coding_is_inflated_in_any_case(void **state)
{
    static const char *const gzip[] = {"gzip", "x-gzip", "GZip", "X-GZIP", "identity, gzip", " ,\tgzip ,"};
    struct buf zipped = {0}, zlib = {0};

    (void)state;
    compress_json(&zipped, GZIP);
    compress_json(&zlib, ZLIB);
    for (size_t i = 0; i < sizeof gzip / sizeof gzip[0]; i++) {
        assert_int_equal(read_as(ENCODED(gzip[i]), buf_span(&zipped), LIMIT, span_of(json)),
                         BODY_TEXT_NO_FLAW);
    }
    assert_int_equal(read_as(ENCODED("Deflate"), buf_span(&zlib), LIMIT, span_of(json)), BODY_TEXT_NO_FLAW);
    buf_free(&zipped);
    buf_free(&zlib);
}

static void a_body_without_a_coding_is_its_own_text(void **state)
{
    struct buf zipped = {0};

    (void)state;
    compress_json(&zipped, GZIP);
    assert_int_equal(read_as(HEADERS("a", "b"), buf_span(&zipped), 0, buf_span(&zipped)), BODY_TEXT_NO_FLAW);
    assert_int_equal(read_as(ENCODED("identity"), span_of(json), 0, span_of(json)), BODY_TEXT_NO_FLAW);
    assert_int_equal(read_as(ENCODED(""), span_of(json), 0, span_of(json)), BODY_TEXT_NO_FLAW);
    assert_int_equal(read_as(HEADERS("a", "b"), (struct span){NULL, 0}, 0, (struct span){NULL, 0}),
                     BODY_TEXT_NO_FLAW);
    buf_free(&zipped);
}

static void several_codings_and_unknown_ones_are_not_decoded(void **state)
{
    static const char *const codings[] = {"br",       "zstd", "gzip, gzip", "deflate,gzip",
                                          "gzip;q=1", "gzi",  "gzipp"};
    struct buf zipped = {0};

    (void)state;
    compress_json(&zipped, GZIP);
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        assert_int_equal(read_as(ENCODED(codings[i]), buf_span(&zipped), LIMIT, span_of("")),
                         BODY_TEXT_CODING);
    }
    assert_int_equal(read_as(HEADERS("Content-Encoding", "gzip", "content-encoding", "gzip"),
                             buf_span(&zipped), LIMIT, span_of("")),
                     BODY_TEXT_CODING);
    buf_free(&zipped);
}

static void gzip_of_several_members_is_one_text(void **state)
{
    struct buf zipped = {0};

    (void)state;
    compress_into(&zipped, json, 5, GZIP);
    compress_into(&zipped, "", 0, GZIP);
    compress_into(&zipped, json + 5, sizeof json - 6, GZIP);
    assert_int_equal(read_as(ENCODED("gzip"), buf_span(&zipped), LIMIT, span_of(json)), BODY_TEXT_NO_FLAW);
    buf_append_text(&zipped, "more");
    assert_int_equal(read_as(ENCODED("gzip"), buf_span(&zipped), LIMIT, span_of("")), BODY_TEXT_CORRUPT);
    buf_free(&zipped);
}

static void every_cut_is_truncated_and_every_changed_byte_is_found_or_harmless(void **state)
{
    struct buf zipped = {0};

    (void)state;
    compress_json(&zipped, GZIP);
    for (size_t len = 0; len < zipped.len; len++) {
        assert_int_equal(read_as(ENCODED("gzip"), (struct span){zipped.data, len}, LIMIT, span_of("")),
                         BODY_TEXT_TRUNCATED);
    }
    for (size_t i = 0; i < zipped.len; i++) {
        enum body_text_flaw flaw;

        zipped.data[i] ^= 0x55;
        /* Gzip's time, extra flags and system (bytes 4 to 9) are not checked. */
        flaw = read_as(ENCODED("gzip"), buf_span(&zipped), LIMIT, span_of(json));
        assert_int_equal(flaw == BODY_TEXT_NO_FLAW, i >= 4 && i <= 9);
        zipped.data[i] ^= 0x55;
    }
    buf_free(&zipped);
}

/* Raw deflate could be JSON as well, so the unsigned header would decide which id is found. */
static void deflate_without_zlibs_header_is_not_inflated(void **state)
{
    struct buf raw = {0}, zipped = {0};

    (void)state;
    compress_json(&raw, RAW);
    compress_json(&zipped, GZIP);
    assert_int_equal(read_as(ENCODED("deflate"), buf_span(&raw), LIMIT, span_of("")), BODY_TEXT_CORRUPT);
    assert_int_equal(read_as(ENCODED("gzip"), buf_span(&raw), LIMIT, span_of("")), BODY_TEXT_CORRUPT);
    assert_int_equal(read_as(ENCODED("deflate"), buf_span(&zipped), LIMIT, span_of("")), BODY_TEXT_CORRUPT);
    buf_free(&raw);
    buf_free(&zipped);
}

/* A bomb costs no more memory than the limit. */
static void the_limit_is_exact_and_bounds_the_memory(void **state)
{
    enum { SIZE = 64 << 20 };
    char *zeros = calloc(1, SIZE);
    struct buf bomb = {0};
    struct request r = make_request("POST", "/", ENCODED("gzip"));
    struct body_text text;

    (void)state;
    assert_non_null(zeros);
    compress_into(&bomb, zeros, SIZE, GZIP);
    for (size_t limit = 0; limit < 3; limit++) {
        assert_int_equal(read_as(ENCODED("gzip"), buf_span(&bomb), limit, span_of("")), BODY_TEXT_TOO_LARGE);
    }
    assert_int_equal(read_as(ENCODED("gzip"), buf_span(&bomb), SIZE - 1, span_of("")), BODY_TEXT_TOO_LARGE);
    text = body_text_of(&r, buf_span(&bomb), SIZE, &memory);
    assert_int_equal(body_text_read(&text).len, SIZE);
    assert_int_equal(text.flaw, BODY_TEXT_NO_FLAW);
    assert_true(text.inflated.bytes.capacity <= SIZE);
    body_text_free(&text);
    buf_free(&bomb);
    free(zeros);
}

static void the_budget_of_all_bodies_bounds_it_too(void **state)
{
    static const char zeros[100000];
    struct buf body = {0};

    (void)state;
    compress_into(&body, zeros, sizeof zeros, GZIP);
    memory.most = 4096L * 24;
    assert_int_equal(read_as(ENCODED("gzip"), buf_span(&body), sizeof zeros, span_of("")), BODY_TEXT_MEMORY);
    memory.most = 4096L * 25;
    assert_int_equal(
        read_as(ENCODED("gzip"), buf_span(&body), sizeof zeros, (struct span){zeros, sizeof zeros}),
        BODY_TEXT_NO_FLAW);
    assert_int_equal(memory.taken, 0);
    memory.most = INT64_MAX;
    buf_free(&body);
}

/* Else the bodies whose texts find no room could fill the budget, so that none is read. */
static void a_text_that_is_refused_gives_back_its_body_too(void **state)
{
    static const char zeros[100000];
    struct request r = make_request("POST", "/", ENCODED("gzip"));
    struct body_memory small = {.most = 4096L * 25};
    struct body body = {.memory = &small};
    struct body_text text;

    (void)state;
    assert_int_equal(body_reserve(&body, 4096), BODY_ROOM);
    compress_into(&body.bytes, zeros, sizeof zeros, GZIP);
    text = body_text_of(&r, buf_span(&body.bytes), sizeof zeros, &small);
    text.inflated.origin = &body;
    assert_int_equal(body_text_read(&text).len, 0);
    assert_int_equal(text.flaw, BODY_TEXT_MEMORY);
    assert_null(body.bytes.data);
    assert_int_equal(small.taken, 0);
    body_text_free(&text);
    body_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_coding_is_inflated_in_any_case),
        cmocka_unit_test(a_body_without_a_coding_is_its_own_text),
        cmocka_unit_test(several_codings_and_unknown_ones_are_not_decoded),
        cmocka_unit_test(gzip_of_several_members_is_one_text),
        cmocka_unit_test(every_cut_is_truncated_and_every_changed_byte_is_found_or_harmless),
        cmocka_unit_test(deflate_without_zlibs_header_is_not_inflated),
        cmocka_unit_test(the_limit_is_exact_and_bounds_the_memory),
        cmocka_unit_test(the_budget_of_all_bodies_bounds_it_too),
        cmocka_unit_test(a_text_that_is_refused_gives_back_its_body_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
