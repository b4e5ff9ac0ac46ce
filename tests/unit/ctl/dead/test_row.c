/* SPDX-License-Identifier: MIT */
#include "ctl/dead/row.h"

#include "envelope.h"
#include "field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Presence bits of AMQP's basic properties. */
#define HEADERS_ONLY 0x2000

static const struct envelope usual = {
    .id = {"evt_1", 5},
    .source = {"github", 6},
    .method = {"POST", 4},
    .path = {"/hooks", 6},
    .content_type = {"text/plain", 10},
    .remote = {"192.0.2.1", 9},
    .keep = ENVELOPE_KEEP_FIRST,
    .received_us = 1763900000000001,
    .attempt = 3,
    .headers = {{{"x-a", 3}, {"\xc3\xa9\"", 3}}},
    .header_count = 1,
};

/* Appends properties with only the broker's header x-death. */
static void put_deaths(struct buf *out, struct span reason, struct span queue)
{
    size_t headers, array, entry;

    field_put_integer(out, HEADERS_ONLY, 2);
    headers = field_begin_table(out);
    field_put_short_string(out, SPAN_LITERAL("x-death"));
    buf_append_char(out, 'A');
    array = field_begin_table(out);
    buf_append_char(out, 'F');
    entry = field_begin_table(out);
    field_put_text(out, SPAN_LITERAL("reason"), reason);
    field_put_text(out, SPAN_LITERAL("queue"), queue);
    field_end_table(out, entry);
    field_end_table(out, array);
    field_end_table(out, headers);
}

/* Makes the row and checks that its texts are valid and that the body is not null. */
static void make(struct deadrow *row, const struct broker_delivery *d, const char *sqlstate)
{
    assert_int_equal(deadrow_make(row, d, (struct span){"", 0}, sqlstate, NULL), ERROR_NONE);
    for (int i = 0; i < DEADROW_COLUMNS; i++) {
        if (row->values[i] != NULL && row->formats[i] == 0) {
            assert_true(span_is_text(span_of(row->values[i])));
        }
    }
    assert_non_null(row->values[DEADROW_BODY]);
    assert_int_equal(row->lengths[DEADROW_BODY], d->body.len);
}

static void an_envelope_becomes_the_columns_of_its_row(void **state)
{
    struct buf properties = {0};
    struct deadrow row;

    (void)state;
    assert_int_equal(envelope_encode(&usual, &properties, NULL), ERROR_NONE);
    make(&row,
         &(struct broker_delivery){.routing_key = SPAN_LITERAL("github"),
                                   .properties = buf_span(&properties),
                                   .body = SPAN_LITERAL("a\0b")},
         "");
    assert_string_equal(row.values[DEADROW_SOURCE], "github");
    assert_string_equal(row.values[DEADROW_ID], "evt_1");
    assert_string_equal(row.values[DEADROW_KEEP], "first");
    assert_string_equal(row.values[DEADROW_METHOD], "POST");
    assert_string_equal(row.values[DEADROW_PATH], "/hooks");
    assert_string_equal(row.values[DEADROW_QUERY], "");
    assert_string_equal(row.values[DEADROW_HEADERS], "{\"x-a\":\"\xc3\xa9\\\"\"}");
    assert_string_equal(row.values[DEADROW_CONTENT_TYPE], "text/plain");
    assert_string_equal(row.values[DEADROW_REMOTE], "192.0.2.1");
    assert_null(row.values[DEADROW_TRACEPARENT]);
    assert_memory_equal(row.values[DEADROW_BODY], "a\0b", 3);
    assert_null(row.values[DEADROW_PROPERTIES]);
    assert_string_equal(row.values[DEADROW_ATTEMPTS], "4");
    assert_string_equal(row.values[DEADROW_REASON], "the broker gave it up and doesn't say why");
    assert_string_equal(row.values[DEADROW_WORKER], "sluice dead collect");
    assert_string_equal(row.values[DEADROW_RECEIVED], "1763900000000001");
    assert_null(row.values[DEADROW_ORDER]);
    deadrow_free(&row);
    buf_free(&properties);
}

static void an_event_keeps_its_order(void **state)
{
    struct envelope ordered = usual;
    struct buf properties = {0};
    struct deadrow row;

    (void)state;
    ordered.has_order = true;
    ordered.order = -7;
    assert_int_equal(envelope_encode(&ordered, &properties, NULL), ERROR_NONE);
    make(&row, &(struct broker_delivery){.properties = buf_span(&properties), .body = {NULL, 0}}, "");
    assert_string_equal(row.values[DEADROW_ORDER], "-7");
    deadrow_free(&row);
    buf_free(&properties);
}

static void a_message_that_comes_again_is_the_same_row(void **state)
{
    struct buf first = {0}, again = {0};
    struct deadrow rows[2];

    (void)state;
    put_deaths(&first, SPAN_LITERAL("delivery_limit"), SPAN_LITERAL("webhooks.ingest"));
    put_deaths(&again, SPAN_LITERAL("delivery_limit"), SPAN_LITERAL("another"));
    make(&rows[0], &(struct broker_delivery){.properties = buf_span(&first), .body = {NULL, 0}}, "");
    make(&rows[1], &(struct broker_delivery){.properties = buf_span(&again), .body = {NULL, 0}}, "");
    assert_int_equal(rows[0].lengths[DEADROW_PROPERTIES], rows[1].lengths[DEADROW_PROPERTIES]);
    assert_memory_equal(rows[0].values[DEADROW_PROPERTIES], rows[1].values[DEADROW_PROPERTIES],
                        (size_t)rows[0].lengths[DEADROW_PROPERTIES]);
    deadrow_free(&rows[0]);
    deadrow_free(&rows[1]);
    buf_free(&first);
    buf_free(&again);
}

static void what_is_no_envelope_keeps_its_properties_as_bytes_and_its_routing_key_if_that_is_text(
    void **state)
{
    const struct {
        struct span routing_key;
        const char *source;
    } cases[] = {
        {SPAN_LITERAL("stranger"), "stranger"},
        {SPAN_LITERAL("gr\xc3\xbc"), "gr\xc3\xbc"},
        {SPAN_LITERAL("gr\xfc"), "unknown"},
        {SPAN_LITERAL("a\0b"), "unknown"},
        {SPAN_LITERAL(""), ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct deadrow row;

        make(&row,
             &(struct broker_delivery){.routing_key = cases[i].routing_key,
                                       .properties = SPAN_LITERAL("\0\0\xff"),
                                       .body = {NULL, 0}},
             "");
        assert_string_equal(row.values[DEADROW_SOURCE], cases[i].source);
        assert_string_equal(row.values[DEADROW_ID], "");
        assert_string_equal(row.values[DEADROW_HEADERS], "{}");
        assert_null(row.values[DEADROW_KEEP]);
        assert_null(row.values[DEADROW_RECEIVED]);
        assert_int_equal(row.lengths[DEADROW_PROPERTIES], 3);
        assert_int_equal(row.formats[DEADROW_PROPERTIES], 1);
        assert_non_null(
            strstr(row.values[DEADROW_REASON], "and it is not an envelope: one of sluice-version"));
        deadrow_free(&row);
    }
}

static void a_reason_that_others_wrote_is_text_of_at_most_500_bytes(void **state)
{
    struct buf longest = {0}, properties = {0};
    const struct span reasons[] = {SPAN_LITERAL("\xff\xfe"), SPAN_LITERAL("nul\0"), {"", 0}};
    struct deadrow row;

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        buf_clear(&properties);
        put_deaths(&properties, reasons[i], SPAN_LITERAL("webhooks.ingest"));
        make(&row, &(struct broker_delivery){.properties = buf_span(&properties)}, "");
        assert_non_null(strstr(row.values[DEADROW_REASON], "doesn't say why; and it is not an envelope"));
        deadrow_free(&row);
    }
    for (int i = 0; i < 30000; i++) {
        buf_append_text(&longest, "\xf0\x9f\x98\x80");
    }
    for (size_t shift = 0; shift < 4; shift++) {
        buf_clear(&properties);
        put_deaths(&properties, (struct span){longest.data + 4 * shift, longest.len - 4 * shift},
                   (struct span){"abcdefghijkl", shift + 1});
        make(&row, &(struct broker_delivery){.properties = buf_span(&properties)}, "");
        assert_in_range(strlen(row.values[DEADROW_REASON]), 100, 500);
        assert_non_null(strstr(row.values[DEADROW_REASON], "and it is not an envelope"));
        deadrow_free(&row);
    }
    buf_free(&properties);
    buf_free(&longest);
}

static void a_row_that_was_refused_has_nothing_but_the_sqlstate_for_its_reason(void **state)
{
    struct buf properties = {0};
    struct deadrow row;

    (void)state;
    put_deaths(&properties, SPAN_LITERAL("delivery_limit"), SPAN_LITERAL("webhooks.ingest"));
    make(&row, &(struct broker_delivery){.properties = buf_span(&properties)}, "22021");
    assert_string_equal(row.values[DEADROW_REASON], "SQLSTATE 22021");
    deadrow_free(&row);
    buf_free(&properties);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_becomes_the_columns_of_its_row),
        cmocka_unit_test(an_event_keeps_its_order),
        cmocka_unit_test(a_message_that_comes_again_is_the_same_row),
        cmocka_unit_test(
            what_is_no_envelope_keeps_its_properties_as_bytes_and_its_routing_key_if_that_is_text),
        cmocka_unit_test(a_reason_that_others_wrote_is_text_of_at_most_500_bytes),
        cmocka_unit_test(a_row_that_was_refused_has_nothing_but_the_sqlstate_for_its_reason),
    };

    return cmocka_run_group_tests_name("deadrow", tests, NULL, NULL);
}
