/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include "field.h"
#include "trace_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct envelope full(void)
{
    return (struct envelope){
        .id = SPAN_LITERAL("evt_1"),
        .source = SPAN_LITERAL("github"),
        .method = SPAN_LITERAL("POST"),
        .path = SPAN_LITERAL("/orders%2F1"),
        .query = SPAN_LITERAL("a=1&b"),
        .content_type = SPAN_LITERAL("application/json"),
        .remote = SPAN_LITERAL("192.0.2.1"),
        .traceparent = SPAN_LITERAL("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .keep = ENVELOPE_KEEP_FIRST,
        .received_us = INT64_C(1795474981123456),
        .attempt = 3,
        .headers = {{SPAN_LITERAL("content-type"), SPAN_LITERAL("application/json")},
                    {SPAN_LITERAL("x-caf\xc3\xa9"), SPAN_LITERAL("a \"quoted\\\" \xe2\x82\xac\n")}},
        .header_count = 2,
    };
}

static struct envelope least(void)
{
    return (struct envelope){.id = SPAN_LITERAL("x"),
                             .source = SPAN_LITERAL("default"),
                             .method = SPAN_LITERAL("GET"),
                             .path = SPAN_LITERAL("/")};
}

static void encode(const struct envelope *e, struct buf *out)
{
    struct error error = {0};

    if (envelope_encode(e, out, &error) != ERROR_NONE) {
        fail_msg("%s", error.text);
    }
}

static void check_equal(const struct envelope *a, const struct envelope *b)
{
    assert_true(span_equal(a->id, b->id));
    assert_true(span_equal(a->source, b->source));
    assert_true(span_equal(a->method, b->method));
    assert_true(span_equal(a->path, b->path));
    assert_true(span_equal(a->query, b->query));
    assert_true(span_equal(a->content_type, b->content_type));
    assert_true(span_equal(a->remote, b->remote));
    assert_true(span_equal(a->traceparent, b->traceparent));
    assert_true(span_equal(a->carried_parent, b->carried_parent));
    assert_true(span_equal(a->carried_state, b->carried_state));
    assert_int_equal(a->keep, b->keep);
    assert_int_equal(a->received_us, b->received_us);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->replayed_us, b->replayed_us);
    assert_int_equal(a->has_order, b->has_order);
    if (a->has_order) {
        assert_int_equal(a->order, b->order);
    }
    assert_int_equal(a->header_count, b->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        assert_true(span_equal(a->headers[i].name, b->headers[i].name));
        assert_true(span_equal(a->headers[i].value, b->headers[i].value));
    }
}

/* A golden file: the bytes of one released version, in hex. */
static void read_golden(const char *name, struct buf *out)
{
    char path[256];
    unsigned byte;
    FILE *file;

    (void)snprintf(path, sizeof path, "tests/unit/golden/%s", name);
    file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s can't be opened: run from the top of the checkout", path);
        return;
    }
    while (fscanf(file, "%2x", &byte) == 1) {
        buf_append_char(out, (char)byte);
    }
    (void)fclose(file);
}

static void check_golden(const char *name, const struct envelope *e)
{
    struct buf golden = {0}, encoded = {0};
    struct envelope decoded;

    read_golden(name, &golden);
    assert_int_equal(envelope_decode(buf_span(&golden), &decoded, NULL), ERROR_NONE);
    check_equal(&decoded, e);
    encode(e, &encoded);
    if (!span_equal(buf_span(&encoded), buf_span(&golden))) {
        for (size_t i = 0; i < encoded.len; i++) {
            (void)fprintf(stderr, "%02x%s", (unsigned char)encoded.data[i], i % 32 == 31 ? "\n" : "");
        }
        fail_msg("%s: it is written in other bytes than those released", name);
    }
    buf_free(&golden);
    buf_free(&encoded);
}

static void version_1_is_read_and_written_as_it_was_released(void **state)
{
    struct envelope f = full(), l = least(), t = full();

    (void)state;
    check_golden("envelope-1-full.hex", &f);
    check_golden("envelope-1-least.hex", &l);
    t.carried_parent = t.traceparent;
    t.carried_state = SPAN_LITERAL("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
    check_golden("envelope-1-trace.hex", &t);
}

static void version_2_has_an_order(void **state)
{
    struct envelope f = full(), l = least();

    (void)state;
    f.has_order = l.has_order = true;
    f.order = INT64_C(1795474981123456);
    l.order = INT64_MIN;
    check_golden("envelope-2-full.hex", &f);
    check_golden("envelope-2-least.hex", &l);
}

static void version_3_is_stored_again_with_an_order_or_without(void **state)
{
    struct envelope f = full(), l = least();

    (void)state;
    f.keep = l.keep = ENVELOPE_KEEP_AGAIN;
    f.has_order = true;
    f.order = INT64_C(1795474981123456);
    f.replayed_us = INT64_C(1795474981123457);
    check_golden("envelope-3-full.hex", &f);
    check_golden("envelope-3-least.hex", &l);
}

/* So that subscribers which know versions 1 and 2 alone read a replay. */
static void when_an_event_was_replayed_needs_no_later_version(void **state)
{
    struct envelope e = least(), without = least(), decoded;
    struct buf out = {0}, ordinary = {0};

    (void)state;
    e.replayed_us = 5;
    encode(&e, &out);
    encode(&without, &ordinary);
    assert_int_equal(out.len, ordinary.len + 1 + strlen("sluice-replayed") + 1 + 8);
    assert_int_equal(envelope_decode(buf_span(&out), &decoded, NULL), ERROR_NONE);
    assert_int_equal(decoded.replayed_us, 5);
    assert_int_equal(decoded.keep, ENVELOPE_KEEP_NEWEST);
    assert_non_null(memmem(out.data, out.len, "sluice-versionl\0\0\0\0\0\0\0\1", 23));
    buf_free(&out);
    buf_free(&ordinary);
}

static void what_is_kept_is_one_of_three_names(void **state)
{
    static const enum envelope_keep all[] = {ENVELOPE_KEEP_NEWEST, ENVELOPE_KEEP_FIRST, ENVELOPE_KEEP_AGAIN};
    enum envelope_keep keep;

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        keep = all[(i + 1) % 3];
        assert_true(envelope_keep_read(span_of(envelope_keep_name(all[i])), &keep));
        assert_int_equal(keep, all[i]);
    }
    assert_false(envelope_keep_read(SPAN_LITERAL("agai"), &keep));
    assert_false(envelope_keep_read(SPAN_LITERAL(""), &keep));
    assert_int_equal(keep, ENVELOPE_KEEP_AGAIN);
    assert_string_equal(envelope_keep_name((enum envelope_keep)9), "");
}

#define PARENT_REST "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define PARENT "00" PARENT_REST

static void a_valid_trace_is_carried_where_propagators_look(void **state)
{
    struct envelope e = full(), decoded;
    struct buf text = {0}, out = {0};

    (void)state;
    e.headers[e.header_count++] =
        (struct envelope_header){SPAN_LITERAL("tracestate"), SPAN_LITERAL("a=1, b=2")};
    envelope_carry_trace(&e, &text);
    encode(&e, &out);
    assert_int_equal(envelope_decode(buf_span(&out), &decoded, NULL), ERROR_NONE);
    assert_true(span_equal(decoded.carried_parent, SPAN_LITERAL(PARENT)));
    assert_true(span_equal(decoded.carried_state, SPAN_LITERAL("a=1, b=2")));
    buf_free(&text);
    buf_free(&out);
}

static void without_a_valid_traceparent_nothing_is_carried(void **state)
{
    struct envelope e = full();
    struct buf text = {0};

    (void)state;
    e.headers[0] = (struct envelope_header){SPAN_LITERAL("tracestate"), SPAN_LITERAL("a=1")};
    e.carried_parent = e.carried_state = SPAN_LITERAL("of an earlier event");
    e.traceparent = SPAN_LITERAL("00-1-2-3");
    envelope_carry_trace(&e, &text);
    assert_int_equal(e.carried_parent.len, 0);
    assert_int_equal(e.carried_state.len, 0);
    e.traceparent = SPAN_LITERAL(PARENT);
    e.headers[0].value = SPAN_LITERAL("not a list");
    envelope_carry_trace(&e, &text);
    assert_true(span_equal(e.carried_parent, SPAN_LITERAL(PARENT)));
    assert_int_equal(e.carried_state.len, 0);
    buf_free(&text);
}

/* Encodes the least event with these text headers beside its own, and decodes it. */
static struct envelope decode_with(const char *parent, const char *trace_state, struct buf *out)
{
    const struct span placeholder = SPAN_LITERAL(PARENT);
    struct envelope e = least(), decoded;

    e.carried_parent = placeholder;
    e.carried_state = SPAN_LITERAL("k=v");
    encode(&e, out);
    /* Of the same length, so that the table's length stays. */
    assert_int_equal(strlen(parent), placeholder.len);
    assert_int_equal(strlen(trace_state), 3);
    memcpy(memmem(out->data, out->len, PARENT, placeholder.len), parent, placeholder.len);
    memcpy(memmem(out->data, out->len, "k=v", 3), trace_state, 3);
    assert_int_equal(envelope_decode(buf_span(out), &decoded, NULL), ERROR_NONE);
    return decoded;
}

static void a_strangers_invalid_trace_is_ignored_and_makes_no_event_malformed(void **state)
{
    struct buf out = {0};
    struct envelope e;

    (void)state;
    e = decode_with("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "k=v", &out);
    assert_int_equal(e.carried_parent.len, 0);
    assert_int_equal(e.carried_state.len, 0);
    buf_clear(&out);
    e = decode_with(PARENT, "kkk", &out);
    assert_true(span_equal(e.carried_parent, SPAN_LITERAL(PARENT)));
    assert_int_equal(e.carried_state.len, 0);
    buf_free(&out);
}

static void an_invalid_trace_is_not_encoded(void **state)
{
    struct envelope e = least(), without = least();
    struct buf out = {0}, same = {0};

    (void)state;
    e.carried_parent = SPAN_LITERAL("00-1-2-3");
    e.carried_state = SPAN_LITERAL("k=v");
    encode(&e, &out);
    encode(&without, &same);
    assert_true(span_equal(buf_span(&out), buf_span(&same)));
    e.carried_parent = SPAN_LITERAL(PARENT);
    e.carried_state = SPAN_LITERAL("kkk");
    buf_clear(&out);
    encode(&e, &out);
    assert_null(memmem(out.data, out.len, "tracestate", strlen("tracestate")));
    assert_non_null(memmem(out.data, out.len, PARENT, strlen(PARENT)));
    buf_free(&out);
    buf_free(&same);
}

static void properties_cut_anywhere_are_malformed_and_never_crash(void **state)
{
    struct envelope e = full(), decoded;
    struct buf out = {0};

    (void)state;
    encode(&e, &out);
    for (size_t len = 0; len < out.len; len++) {
        char *exact = malloc(len + 1); /* exactly sized: the sanitizer sees a read past the end */

        assert_non_null(exact);
        memcpy(exact, out.data, len);
        /* The decoder doesn't read what follows the id: timestamp and app_id. */
        if (envelope_decode((struct span){exact, len}, &decoded, NULL) == ERROR_NONE) {
            assert_true(len >= out.len - 8 - 7);
        }
        free(exact);
    }
    buf_free(&out);
}

static void any_bytes_are_decoded_without_harm(void **state)
{
    struct envelope e = full(), decoded;
    struct buf out = {0};

    (void)state;
    encode(&e, &out);
    srand(11);
    for (int i = 0; i < 20000; i++) {
        size_t at = (size_t)rand() % out.len;
        char was = out.data[at];

        out.data[at] = (char)rand();
        if (envelope_decode(buf_span(&out), &decoded, NULL) == ERROR_NONE) {
            assert_true(envelope_source_valid(decoded.source));
            assert_true(decoded.id.len >= 1 && decoded.id.len <= ENVELOPE_ID_MAX);
        }
        out.data[at] = was;
    }
    buf_free(&out);
}

/* Encodes properties with these headers, as another program might. */
static void put_properties(struct buf *out, void (*put_fields)(struct buf *out), struct span id)
{
    size_t table;

    field_put_integer(out, 1 << 14 | 1 << 13 | 1 << 12 | 1 << 11 | 1 << 10 | 1 << 9 | 1 << 8 | 1 << 7, 2);
    field_put_short_string(out, SPAN_LITERAL("gzip"));
    table = field_begin_table(out);
    put_fields(out);
    field_end_table(out, table);
    field_put_integer(out, 2, 1);
    field_put_integer(out, 0, 1);
    field_put_short_string(out, SPAN_LITERAL("17"));
    field_put_short_string(out, SPAN_LITERAL("reply"));
    field_put_short_string(out, SPAN_LITERAL("60000"));
    field_put_short_string(out, id);
}

static void put_typed(struct buf *out, const char *name, char type, uint64_t value, size_t bytes)
{
    field_put_short_string(out, span_of(name));
    buf_append_char(out, type);
    field_put_integer(out, value, bytes);
}

static void put_empty_table(struct buf *out, const char *name)
{
    put_typed(out, name, 'F', 0, 4);
}

static void put_texts(struct buf *out)
{
    field_put_text(out, SPAN_LITERAL("sluice-path"), SPAN_LITERAL("/"));
    field_put_text(out, SPAN_LITERAL("sluice-method"), SPAN_LITERAL("GET"));
    field_put_text(out, SPAN_LITERAL("sluice-source"), SPAN_LITERAL("default"));
    field_put_text(out, SPAN_LITERAL("sluice-keep"), SPAN_LITERAL("newest"));
}

/* Our headers, mixed with fields of every AMQP type. */
static void as_a_broker_passes_it_on(struct buf *out)
{
    put_typed(out, "x-bool", 't', 1, 1);
    put_typed(out, "sluice-version", 'b', 1, 1);
    put_typed(out, "x-u8", 'B', 1, 1);
    put_typed(out, "sluice-attempt", 's', 2, 2);
    put_typed(out, "x-u16", 'u', 1, 2);
    put_typed(out, "x-delivery-count", 'I', 5, 4);
    put_typed(out, "x-u32", 'i', 1, 4);
    put_typed(out, "x-u64", 'L', 1, 8);
    put_typed(out, "sluice-received", 'T', 1000000, 8);
    put_typed(out, "x-float", 'f', 0, 4);
    put_typed(out, "x-double", 'd', 0, 8);
    put_typed(out, "x-decimal", 'D', 0, 5);
    put_typed(out, "x-void", 'V', 0, 0);
    put_typed(out, "x-bytes", 'x', 0, 4);
    field_put_short_string(out, SPAN_LITERAL("x-death"));
    buf_append(out, "A\0\0\0\4t\1s\0" /* the number's second byte is missing */, 9);
    put_empty_table(out, "sluice-headers");
    put_texts(out);
}

static void what_a_broker_adds_and_reorders_is_read_past(void **state)
{
    struct envelope e;
    struct error error = {0};
    struct buf out = {0};

    (void)state;
    put_properties(&out, as_a_broker_passes_it_on, SPAN_LITERAL("id"));
    if (envelope_decode(buf_span(&out), &e, &error) != ERROR_NONE) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(e.delivery_count, 5);
    assert_true(span_equal(e.deaths, (struct span){"t\1s\0", 4}));
    assert_int_equal(e.attempt, 2);
    assert_int_equal(e.received_us, 1000000);
    assert_true(span_equal(e.id, SPAN_LITERAL("id")));
    assert_int_equal(e.query.len, 0);
    assert_non_null(e.query.data);
    buf_free(&out);
}

static void the_elements_of_an_array_are_taken_until_one_is_cut_short(void **state)
{
    struct field_cursor c = {"t\1S\0\0\0\2hiF\0\0\0\0s\0", 2 + 7 + 5 + 2, false};
    struct field f;

    (void)state;
    assert_true(field_take_element(&c, &f));
    assert_int_equal(f.kind, FIELD_NUMBER);
    assert_int_equal(f.number, 1);
    assert_true(field_take_element(&c, &f));
    assert_int_equal(f.kind, FIELD_TEXT);
    assert_true(span_equal(f.bytes, SPAN_LITERAL("hi")));
    assert_int_equal(f.name.len, 0);
    assert_true(field_take_element(&c, &f));
    assert_int_equal(f.kind, FIELD_TABLE);
    assert_false(field_take_element(&c, &f));
    assert_true(c.broken);
    c = (struct field_cursor){"", 0, false};
    assert_false(field_take_element(&c, &f));
    assert_false(c.broken);
}

static void check_malformed(void (*put_fields)(struct buf *out), const char *hint)
{
    struct envelope e;
    struct error error = {0};
    struct buf out = {0};

    put_properties(&out, put_fields, SPAN_LITERAL("id"));
    assert_int_equal(envelope_decode(buf_span(&out), &e, &error), ERROR_MALFORMED);
    if (strstr(error.text, hint) == NULL) {
        fail_msg("'%s' does not say '%s'", error.text, hint);
    }
    buf_free(&out);
}

static void put_numbers(struct buf *out, int64_t version)
{
    field_put_number(out, "sluice-version", version);
    field_put_number(out, "sluice-received", 1);
    field_put_number(out, "sluice-attempt", 0);
}

static void no_version(struct buf *out)
{
    put_texts(out);
    field_put_number(out, "sluice-received", 1);
    field_put_number(out, "sluice-attempt", 0);
    put_empty_table(out, "sluice-headers");
}

static void headers_of_another_type(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 1);
    field_put_text(out, SPAN_LITERAL("sluice-headers"), SPAN_LITERAL("x"));
}

/* All that stands before the headers, and their table, for field_end_table. */
static size_t begin_headers(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 1);
    field_put_short_string(out, SPAN_LITERAL("sluice-headers"));
    buf_append_char(out, 'F');
    return field_begin_table(out);
}

static void number_among_headers(struct buf *out)
{
    size_t table = begin_headers(out);

    field_put_number(out, "n", 1);
    field_end_table(out, table);
}

static void too_many_headers(struct buf *out)
{
    size_t table = begin_headers(out);

    for (int i = 0; i <= ENVELOPE_HEADERS_MAX; i++) {
        field_put_text(out, SPAN_LITERAL("h"), SPAN_LITERAL("v"));
    }
    field_end_table(out, table);
}

static void cut_headers(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 1);
    put_typed(out, "sluice-headers", 'F', 1, 4);
    buf_append_char(out, 9);
}

static void strange_keep(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 1);
    field_put_text(out, SPAN_LITERAL("sluice-keep"), SPAN_LITERAL("last"));
}

static void again_in_version_2(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 2);
    put_empty_table(out, "sluice-headers");
    field_put_number(out, "sluice-order", 7);
    field_put_text(out, SPAN_LITERAL("sluice-keep"), SPAN_LITERAL("again"));
}

static void unknown_type(struct buf *out)
{
    put_texts(out);
    put_typed(out, "x", '?', 0, 1);
}

static void order_is_missing(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 2);
    put_empty_table(out, "sluice-headers");
}

static void order_is_text(struct buf *out)
{
    order_is_missing(out);
    field_put_text(out, SPAN_LITERAL("sluice-order"), SPAN_LITERAL("1"));
}

static void an_order_of_version_1(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 1);
    put_empty_table(out, "sluice-headers");
    field_put_number(out, "sluice-order", 7);
}

/* Workers of version 1 ignore it, too. */
static void in_version_1_a_strangers_order_is_ignored(void **state)
{
    struct buf out = {0};
    struct envelope e;

    (void)state;
    put_properties(&out, an_order_of_version_1, SPAN_LITERAL("x"));
    assert_int_equal(envelope_decode(buf_span(&out), &e, NULL), ERROR_NONE);
    assert_false(e.has_order);
    buf_free(&out);
}

static void path_is_no_text(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 1);
    put_empty_table(out, "sluice-headers");
    field_put_text(out, SPAN_LITERAL("sluice-path"), SPAN_LITERAL("/\xff"));
}

static void earlier_version(struct buf *out)
{
    put_texts(out);
    put_numbers(out, 0);
    put_empty_table(out, "sluice-headers");
}

/* The version may be anywhere in the table, and the other members may have any type. */
static void a_later_version_is_newer_whatever_else_it_holds(void **state)
{
    struct buf headers = {0}, out = {0};
    struct envelope e;
    struct error error;

    (void)state;
    field_put_text(&headers, SPAN_LITERAL("sluice-keep"), SPAN_LITERAL("in a way of version 4"));
    field_put_text(&headers, SPAN_LITERAL("sluice-received"), SPAN_LITERAL("text"));
    field_put_number(&headers, "sluice-version", ENVELOPE_VERSION + 1);
    field_put_integer(&out, 1 << 13, 2);
    field_put_integer(&out, headers.len, 4);
    buf_append_span(&out, buf_span(&headers));
    assert_int_equal(envelope_decode(buf_span(&out), &e, &error), ERROR_NEWER);
    assert_non_null(strstr(error.text, "version 4; this program supports up to 3"));
    buf_free(&headers);
    buf_free(&out);
}

static void what_no_gateway_wrote_is_malformed_and_says_why(void **state)
{
    (void)state;
    check_malformed(no_version, "is missing");
    check_malformed(earlier_version, "version 0");
    check_malformed(headers_of_another_type, "is missing or has the wrong type");
    check_malformed(number_among_headers, "not text");
    check_malformed(too_many_headers, "more than 64");
    check_malformed(cut_headers, "sluice-headers is truncated");
    check_malformed(strange_keep, "neither newest nor first nor again");
    check_malformed(again_in_version_2, "which only version 3 may have");
    check_malformed(unknown_type, "unknown type");
    check_malformed(path_is_no_text, "not UTF-8");
    check_malformed(order_is_missing, "sluice-order is missing");
    check_malformed(order_is_text, "sluice-order is missing or has the wrong type");
}

static void check_refused(const struct envelope *e, enum error_code code, const char *hint)
{
    struct error error = {0};
    struct buf out = {0};

    buf_append_text(&out, "kept");
    assert_int_equal(envelope_encode(e, &out, &error), code);
    if (strstr(error.text, hint) == NULL) {
        fail_msg("'%s' does not say '%s'", error.text, hint);
    }
    assert_true(span_equal(buf_span(&out), SPAN_LITERAL("kept")));
    buf_free(&out);
}

#define CHECK_REFUSED(code, hint, ...)       \
    do {                                     \
        struct envelope changed = full();    \
        __VA_ARGS__;                         \
        check_refused(&changed, code, hint); \
    } while (0)

static char big[ENVELOPE_TARGET_MAX + 1];

static void what_does_not_fit_the_format_is_refused_by_name_and_limit(void **state)
{
    (void)state;
    memset(big, 'x', sizeof big);
    CHECK_REFUSED(ERROR_LIMIT, "the id has 0 bytes; 1 to 255", changed.id.len = 0);
    CHECK_REFUSED(ERROR_LIMIT, "the id has 256 bytes", changed.id = (struct span){big, 256});
    CHECK_REFUSED(ERROR_MALFORMED, "the id is not UTF-8", changed.id = SPAN_LITERAL("\xed\xa0\x80"));
    CHECK_REFUSED(ERROR_LIMIT, "sluice-source has 64 bytes", changed.source = (struct span){big, 64});
    CHECK_REFUSED(ERROR_MALFORMED, "the source 'Ab'", changed.source = SPAN_LITERAL("Ab"));
    CHECK_REFUSED(ERROR_LIMIT, "sluice-path has 16385", changed.path = (struct span){big, sizeof big});
    CHECK_REFUSED(ERROR_LIMIT, "content_type has", changed.content_type = (struct span){big, sizeof big});
    CHECK_REFUSED(ERROR_LIMIT, "sluice-received -1", changed.received_us = -1);
    CHECK_REFUSED(ERROR_LIMIT, "sluice-received", changed.received_us = INT64_MAX);
    CHECK_REFUSED(ERROR_LIMIT, "sluice-attempt -1", changed.attempt = -1);
    CHECK_REFUSED(ERROR_LIMIT, "sluice-attempt 1000001", changed.attempt = 1000001);
    CHECK_REFUSED(ERROR_LIMIT, "a header's name has 0", changed.headers[0].name.len = 0);
    CHECK_REFUSED(ERROR_LIMIT, "a header's value", changed.headers[0].value = (struct span){big, sizeof big});
    CHECK_REFUSED(ERROR_LIMIT, "the kept headers have",
                  changed.headers[0].value = changed.headers[1].value = (struct span){big, 9000});
    CHECK_REFUSED(ERROR_MALFORMED, "a header's value is not UTF-8",
                  changed.headers[0].value = SPAN_LITERAL("\xff"));
}

/* Every member at its limit. */
static struct envelope largest(void)
{
    static char name[ENVELOPE_HEADERS_MAX], parent[TRACE_PARENT_MAX], trace_state[TRACE_STATE_MAX];
    struct envelope e = full();

    memset(big, 'x', sizeof big);
    memset(name, 'n', sizeof name);
    e.id = (struct span){big, ENVELOPE_ID_MAX};
    e.source = (struct span){big, ENVELOPE_SOURCE_MAX};
    e.path = e.query = (struct span){big, ENVELOPE_TARGET_MAX};
    e.method = e.remote = e.traceparent = (struct span){big, 255};
    e.content_type = (struct span){big, ENVELOPE_CONTENT_TYPE_MAX};
    e.keep = ENVELOPE_KEEP_NEWEST;
    e.has_order = true;
    e.order = INT64_MAX;
    e.replayed_us = INT64_MAX;
    e.header_count = ENVELOPE_HEADERS_MAX;
    for (size_t i = 0; i < ENVELOPE_HEADERS_MAX; i++) {
        e.headers[i] = (struct envelope_header){{&name[i], 1}, {"", 0}};
    }
    e.headers[0].value = (struct span){big, ENVELOPE_HEADER_BYTES_MAX - ENVELOPE_HEADERS_MAX};
    memset(parent, 'p', sizeof parent);
    memcpy(parent, "01" PARENT_REST "-", strlen("01" PARENT_REST "-"));
    e.carried_parent = (struct span){parent, sizeof parent};
    memset(trace_state, 'v', sizeof trace_state);
    memcpy(trace_state, "a=", 2);
    memcpy(trace_state + 255, ",b=", 3);
    e.carried_state = (struct span){trace_state, sizeof trace_state};
    return e;
}

static void the_largest_event_is_as_large_as_the_brokers_frames_must_be(void **state)
{
    struct envelope e = largest(), decoded;
    struct buf out = {0};

    (void)state;
    encode(&e, &out);
    assert_int_equal(out.len, ENVELOPE_PROPERTIES_MAX);
    assert_int_equal(envelope_decode(buf_span(&out), &decoded, NULL), ERROR_NONE);
    check_equal(&decoded, &e);
    buf_free(&out);
}

static void an_over_long_content_type_travels_among_the_headers(void **state)
{
    struct envelope e = full(), decoded;
    struct buf out = {0};

    (void)state;
    memset(big, 'x', sizeof big);
    e.content_type = e.headers[0].value = (struct span){big, 300};
    encode(&e, &out);
    assert_int_equal(envelope_decode(buf_span(&out), &decoded, NULL), ERROR_NONE);
    assert_true(span_equal(decoded.content_type, e.content_type));
    buf_free(&out);
}

static void a_source_is_a_routing_key_of_63_bytes_at_most(void **state)
{
    (void)state;
    memset(big, 'x', sizeof big);
    assert_true(envelope_source_valid(SPAN_LITERAL("a")));
    assert_true(envelope_source_valid(SPAN_LITERAL("0-a9")));
    assert_true(envelope_source_valid((struct span){big, 63}));
    assert_false(envelope_source_valid((struct span){big, 64}));
    assert_false(envelope_source_valid(SPAN_LITERAL("")));
    assert_false(envelope_source_valid(SPAN_LITERAL("-a")));
    assert_false(envelope_source_valid(SPAN_LITERAL("a.b")));
    assert_false(envelope_source_valid(SPAN_LITERAL("A")));
    assert_false(envelope_source_valid(SPAN_LITERAL("a{")));
}

static void headers_become_one_json_object_of_strings(void **state)
{
    struct envelope f = full(), l = least();
    struct buf out = {0};

    (void)state;
    envelope_append_headers_json(&f, &out);
    assert_string_equal(buf_text(&out), "{\"content-type\":\"application/json\",\"x-caf\xc3\xa9\":"
                                        "\"a \\\"quoted\\\\\\\" \xe2\x82\xac\\u000a\"}");
    buf_clear(&out);
    envelope_append_headers_json(&l, &out);
    assert_string_equal(buf_text(&out), "{}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_read_and_written_as_it_was_released),
        cmocka_unit_test(version_2_has_an_order),
        cmocka_unit_test(version_3_is_stored_again_with_an_order_or_without),
        cmocka_unit_test(when_an_event_was_replayed_needs_no_later_version),
        cmocka_unit_test(what_is_kept_is_one_of_three_names),
        cmocka_unit_test(a_valid_trace_is_carried_where_propagators_look),
        cmocka_unit_test(without_a_valid_traceparent_nothing_is_carried),
        cmocka_unit_test(a_strangers_invalid_trace_is_ignored_and_makes_no_event_malformed),
        cmocka_unit_test(an_invalid_trace_is_not_encoded),
        cmocka_unit_test(properties_cut_anywhere_are_malformed_and_never_crash),
        cmocka_unit_test(any_bytes_are_decoded_without_harm),
        cmocka_unit_test(what_a_broker_adds_and_reorders_is_read_past),
        cmocka_unit_test(the_elements_of_an_array_are_taken_until_one_is_cut_short),
        cmocka_unit_test(a_later_version_is_newer_whatever_else_it_holds),
        cmocka_unit_test(in_version_1_a_strangers_order_is_ignored),
        cmocka_unit_test(what_no_gateway_wrote_is_malformed_and_says_why),
        cmocka_unit_test(what_does_not_fit_the_format_is_refused_by_name_and_limit),
        cmocka_unit_test(the_largest_event_is_as_large_as_the_brokers_frames_must_be),
        cmocka_unit_test(an_over_long_content_type_travels_among_the_headers),
        cmocka_unit_test(a_source_is_a_routing_key_of_63_bytes_at_most),
        cmocka_unit_test(headers_become_one_json_object_of_strings),
    };

    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
