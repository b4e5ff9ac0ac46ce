/* SPDX-License-Identifier: MIT */
#include "bundle.h"

#include "envelope.h"
#include "properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/unit/golden/bundle-1.hex"

static struct buf envelope_of(const char *id)
{
    const struct envelope e = {.source = SPAN_LITERAL("default"),
                               .id = span_of(id),
                               .method = SPAN_LITERAL("POST"),
                               .path = SPAN_LITERAL("/"),
                               .received_us = 1700000000000000};
    struct buf properties = {0};

    assert_int_equal(envelope_encode(&e, &properties, NULL), ERROR_NONE);
    return properties;
}

struct sample {
    struct buf properties, body, event[2];
};

/* A bundle of two events, the first without a body. */
static struct sample sample_made(void)
{
    struct sample s = {.event = {envelope_of("a"), envelope_of("b")}};

    bundle_begin(&s.body);
    bundle_append(&s.body, buf_span(&s.event[0]), (struct span){NULL, 0});
    bundle_append(&s.body, buf_span(&s.event[1]), SPAN_LITERAL("{\0}"));
    bundle_properties(buf_span(&s.event[0]), 2, &s.properties);
    return s;
}

static void sample_free(struct sample *s)
{
    buf_free(&s->properties);
    buf_free(&s->body);
    buf_free(&s->event[0]);
    buf_free(&s->event[1]);
}

static void its_events_come_out_as_they_went_in(void **state)
{
    struct sample s = sample_made();
    struct bundle bundle;
    struct span properties, body;

    (void)state;
    assert_true(bundle_is(buf_span(&s.properties)));
    assert_int_equal(bundle_open(&bundle, buf_span(&s.properties), buf_span(&s.body), NULL), ERROR_NONE);
    assert_int_equal(bundle.events, 2);
    assert_int_equal(bundle.delivery_count, 0);
    assert_int_equal(bundle.deaths.len, 0);
    assert_true(bundle_next(&bundle, &properties, &body));
    assert_true(span_equal(properties, buf_span(&s.event[0])));
    assert_int_equal(body.len, 0);
    assert_true(bundle_next(&bundle, &properties, &body));
    assert_true(span_equal(properties, buf_span(&s.event[1])));
    assert_true(span_equal(body, SPAN_LITERAL("{\0}")));
    assert_false(bundle_next(&bundle, &properties, &body));
    sample_free(&s);
}

static void it_takes_the_bytes_that_were_told(void **state)
{
    struct sample s = sample_made();

    (void)state;
    assert_int_equal(s.body.len, 1 + bundle_record_size(buf_span(&s.event[0]), (struct span){NULL, 0}) +
                                     bundle_record_size(buf_span(&s.event[1]), SPAN_LITERAL("{\0}")));
    sample_free(&s);
}

static void a_worker_of_an_earlier_release_leaves_it_to_a_later_one(void **state)
{
    struct sample s = sample_made();
    struct envelope e;
    struct error error;

    (void)state;
    assert_int_equal(envelope_decode(buf_span(&s.properties), &e, &error), ERROR_NEWER);
    sample_free(&s);
}

static void it_has_the_message_id_of_its_first_event(void **state)
{
    struct sample s = sample_made();
    struct properties parts;

    (void)state;
    assert_int_equal(properties_read(buf_span(&s.properties), &parts, NULL), ERROR_NONE);
    assert_true(span_equal(parts.message_id, SPAN_LITERAL("a")));
    assert_true(span_equal(parts.content_type, SPAN_LITERAL("application/vnd.sluice.bundle")));
    sample_free(&s);
}

/* Whatever a sender says of itself: its content type, and a header of that name. */
static void an_envelope_is_no_bundle(void **state)
{
    const struct envelope e = {.source = SPAN_LITERAL("default"),
                               .id = SPAN_LITERAL("a"),
                               .method = SPAN_LITERAL("POST"),
                               .path = SPAN_LITERAL("/"),
                               .content_type = SPAN_LITERAL("application/vnd.sluice.bundle"),
                               .header_count = 1,
                               .headers = {{SPAN_LITERAL("sluice-bundle"), SPAN_LITERAL("2")}}};
    struct buf properties = {0};

    (void)state;
    assert_int_equal(envelope_encode(&e, &properties, NULL), ERROR_NONE);
    assert_false(bundle_is(buf_span(&properties)));
    assert_false(bundle_is(SPAN_LITERAL("")));
    assert_false(bundle_is(SPAN_LITERAL("\x20\0\0\0")));
    buf_free(&properties);
}

static enum error_code opened(const struct sample *s, size_t body_len)
{
    struct bundle bundle;

    return bundle_open(&bundle, buf_span(&s->properties), (struct span){s->body.data, body_len}, NULL);
}

static void one_cut_short_anywhere_is_malformed(void **state)
{
    struct sample s = sample_made();

    (void)state;
    for (size_t len = 0; len < s.body.len; len++) {
        assert_int_equal(opened(&s, len), ERROR_MALFORMED);
    }
    assert_int_equal(opened(&s, s.body.len), ERROR_NONE);
    buf_append(&s.body, "\0\0\0\1", 4); /* the properties of a third event, without their byte */
    assert_int_equal(opened(&s, s.body.len), ERROR_MALFORMED);
    sample_free(&s);
}

static void one_of_a_later_version_is_newer_and_one_of_none_is_malformed(void **state)
{
    struct sample s = sample_made();

    (void)state;
    s.body.data[0] = 2;
    assert_int_equal(opened(&s, s.body.len), ERROR_NEWER);
    s.body.data[0] = (char)0xff;
    assert_int_equal(opened(&s, s.body.len), ERROR_NEWER);
    s.body.data[0] = 0;
    assert_int_equal(opened(&s, s.body.len), ERROR_MALFORMED);
    sample_free(&s);
}

static void one_with_another_number_of_events_is_malformed(void **state)
{
    static const int64_t told[] = {-1, 0, 1, 3};
    struct sample s = sample_made();

    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        buf_clear(&s.properties);
        bundle_properties(buf_span(&s.event[0]), (size_t)told[i], &s.properties);
        assert_true(bundle_is(buf_span(&s.properties)));
        assert_int_equal(opened(&s, s.body.len), ERROR_MALFORMED);
    }
    sample_free(&s);
}

static void as_many_events_as_are_allowed_are_and_no_more(void **state)
{
    struct sample s = sample_made();

    (void)state;
    buf_clear(&s.body);
    bundle_begin(&s.body);
    for (size_t i = 1; i <= BUNDLE_EVENTS_MAX + 1; i++) {
        bundle_append(&s.body, SPAN_LITERAL(""), SPAN_LITERAL(""));
        buf_clear(&s.properties);
        bundle_properties(buf_span(&s.event[0]), i, &s.properties);
        assert_int_equal(opened(&s, s.body.len), i <= BUNDLE_EVENTS_MAX ? ERROR_NONE : ERROR_MALFORMED);
    }
    sample_free(&s);
}

static void append_hex(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(out, "%02x%s", (unsigned char)bytes.data[i], i % 32 == 31 ? "\n" : "");
    }
    buf_append_char(out, '\n');
}

/* A worker must read what any released gateway wrote: these bytes never change. */
static void its_bytes_are_those_of_the_golden_file(void **state)
{
    struct sample s = sample_made();
    struct buf hex = {0};
    char golden[4096];
    FILE *file = fopen(GOLDEN, "re");
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(golden, 1, sizeof golden - 1, file);
    (void)fclose(file);
    golden[len] = '\0';
    append_hex(&hex, buf_span(&s.properties));
    append_hex(&hex, buf_span(&s.body));
    assert_string_equal(buf_text(&hex), golden);
    buf_free(&hex);
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_events_come_out_as_they_went_in),
        cmocka_unit_test(it_takes_the_bytes_that_were_told),
        cmocka_unit_test(a_worker_of_an_earlier_release_leaves_it_to_a_later_one),
        cmocka_unit_test(it_has_the_message_id_of_its_first_event),
        cmocka_unit_test(an_envelope_is_no_bundle),
        cmocka_unit_test(one_cut_short_anywhere_is_malformed),
        cmocka_unit_test(one_of_a_later_version_is_newer_and_one_of_none_is_malformed),
        cmocka_unit_test(one_with_another_number_of_events_is_malformed),
        cmocka_unit_test(as_many_events_as_are_allowed_are_and_no_more),
        cmocka_unit_test(its_bytes_are_those_of_the_golden_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
