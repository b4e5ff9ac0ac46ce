/* SPDX-License-Identifier: MIT */
#include "gateway/verify/schemes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static void every_scheme_has_a_row_and_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = VERIFY_NONE; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);

        assert_int_equal(scheme->scheme, i);
        assert_ptr_equal(scheme_named(span_of(scheme->name)), scheme);
        assert_int_equal(scheme->key != SCHEME_KEY_NONE, i != VERIFY_NONE);
        assert_int_equal(scheme->needs & ~scheme->takes, 0);
    }
    assert_null(scheme_named(SPAN_LITERAL("GitHub")));
    assert_null(scheme_named(SPAN_LITERAL("")));
}

/* A routes file with any of these names must continue to work. */
static void names_are_listed_in_order_and_none_disappears(void **state)
{
    static const char *const known[] = {"none",   "standard", "github", "stripe", "slack", "shopify",
                                        "twilio", "gitlab",   "meta",   "zoom",   "hmac",  "ed25519",
                                        "ecdsa",  "bearer",   "basic",  "header"};
    struct buf out = {0}, expected = {0};

    (void)state;
    for (int i = 0; i < SCHEME_COUNT; i++) {
        buf_printf(&expected, "%s%s", i > 0 ? ", " : "", scheme_of((enum verify_scheme)i)->name);
    }
    scheme_names(&out);
    assert_string_equal(buf_text(&out), buf_text(&expected));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_non_null(scheme_named(span_of(known[i])));
    }
    buf_free(&out);
    buf_free(&expected);
}

/* Every scheme has a header to read, and what is searched in it is not empty. */
static void every_row_has_the_members_that_its_kinds_require(void **state)
{
    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool sends_secret = scheme->content == SCHEME_SENDS_SECRET;
        bool has_time_header =
            scheme->content == SCHEME_SIGNS_ID_TIME_BODY || scheme->content == SCHEME_SIGNS_V0_TIME_BODY;

        assert_int_not_equal(scheme->content, SCHEME_SIGNS_NOTHING);
        assert_int_equal(sends_secret, scheme->key == SCHEME_KEY_TOKEN || scheme->key == SCHEME_KEY_PASSWORD);
        assert_int_equal(scheme->reads[SCHEME_READS_PROOF] == NULL, (scheme->takes & SCHEME_HEADER) != 0);
        assert_int_equal(scheme->reads[SCHEME_READS_TIME] != NULL, has_time_header);
        assert_int_equal(scheme->reads[SCHEME_READS_ID] != NULL,
                         scheme->content == SCHEME_SIGNS_ID_TIME_BODY);
        assert_int_equal((scheme->takes & SCHEME_TOLERANCE) != 0,
                         has_time_header || scheme->content == SCHEME_SIGNS_T_BODY ||
                             scheme->content == SCHEME_SIGNS_DECLARED);
        assert_int_equal((scheme->takes & SCHEME_TIME) != 0, scheme->content == SCHEME_SIGNS_DECLARED);
        for (int what = 0; what < SCHEME_READS; what++) { /* other names for all headers, or for none */
            assert_int_equal(scheme->or_reads[what] != NULL,
                             i == VERIFY_STANDARD && scheme->reads[what] != NULL);
        }
        assert_int_equal((scheme->needs & SCHEME_USER) != 0, scheme->key == SCHEME_KEY_PASSWORD);
        assert_int_equal((scheme->takes & SCHEME_VERIFY_TOKEN) != 0,
                         scheme->challenge == SCHEME_CHALLENGE_SUBSCRIBE);
        assert_int_equal(scheme->sent.event == NULL, scheme->sent.kind == NULL);
        assert_non_null(scheme->sent.body);
    }
}

/* So that `sluice send --sign` puts the id where a source without `id` expects it. */
static void the_id_is_sent_in_the_header_that_is_read(void **state)
{
    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);

        if (scheme->id[0].kind == EVENT_ID_HEADER) {
            assert_non_null(scheme->sent.id);
            assert_int_equal(strcasecmp(scheme->sent.id, scheme->id[0].text), 0);
            assert_int_equal(strspn(scheme->id[0].text, "-abcdefghijklmnopqrstuvwxyz"),
                             strlen(scheme->id[0].text));
        }
    }
}

static void schemes_with_a_timestamp_tolerate_300_s(void **state)
{
    (void)state;
    for (int i = VERIFY_NONE; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool timed = i == VERIFY_STANDARD || i == VERIFY_STRIPE || i == VERIFY_SLACK || i == VERIFY_ZOOM;
        struct verify_rule rule = scheme_rule(scheme);

        assert_int_equal((scheme->takes & SCHEME_TOLERANCE) != 0,
                         timed || scheme->content == SCHEME_SIGNS_DECLARED);
        assert_int_equal(rule.tolerance_s, timed ? 300 : 0);
        assert_int_equal(rule.scheme, i);
        assert_int_equal(rule.key_count, 0);
    }
}

/* A captured request, sent with another event's id, must not replace that event. */
static void keep_defaults_to_first_when_the_id_is_not_signed(void **state)
{
    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool signed_id = scheme->id[0].kind == EVENT_ID_POINTER || scheme->id[0].kind == EVENT_ID_BODY ||
                         i == VERIFY_STANDARD;

        assert_int_equal(scheme->keep, signed_id ? ENVELOPE_KEEP_NEWEST : ENVELOPE_KEEP_FIRST);
        assert_int_equal(scheme->needs_id_rule, scheme->id[0].kind == EVENT_ID_END);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_has_a_row_and_a_name_of_its_own),
        cmocka_unit_test(names_are_listed_in_order_and_none_disappears),
        cmocka_unit_test(every_row_has_the_members_that_its_kinds_require),
        cmocka_unit_test(the_id_is_sent_in_the_header_that_is_read),
        cmocka_unit_test(schemes_with_a_timestamp_tolerate_300_s),
        cmocka_unit_test(keep_defaults_to_first_when_the_id_is_not_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
