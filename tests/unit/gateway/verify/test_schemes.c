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

/* A routes file that names one of these goes on working. */
static void names_are_listed_in_order_and_none_disappears(void **state)
{
    static const char *const known[] = {"none",    "standard", "github", "stripe", "slack",
                                        "shopify", "twilio",   "gitlab", "meta",   "zoom",
                                        "hmac",    "bearer",   "basic",  "header"};
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

/* What is read comes from somewhere, and what is looked for in the signed header is not empty. */
static void a_row_has_what_its_kinds_need(void **state)
{
    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool sends_secret = scheme->content == SCHEME_SENDS_SECRET;
        bool has_time_header =
            scheme->content == SCHEME_SIGNS_ID_TIME_BODY || scheme->content == SCHEME_SIGNS_V0_TIME_BODY;

        assert_int_not_equal(scheme->content, SCHEME_SIGNS_NOTHING);
        assert_int_equal(sends_secret, scheme->key == SCHEME_KEY_TOKEN || scheme->key == SCHEME_KEY_PASSWORD);
        assert_int_equal(scheme->header == NULL, (scheme->needs & SCHEME_HEADER) != 0);
        assert_int_equal(scheme->time_header != NULL, has_time_header);
        assert_int_equal(scheme->signed_id != NULL, scheme->content == SCHEME_SIGNS_ID_TIME_BODY);
        assert_int_equal((scheme->takes & SCHEME_TOLERANCE) != 0,
                         has_time_header || scheme->content == SCHEME_SIGNS_T_BODY);
        assert_int_equal((scheme->needs & SCHEME_USER) != 0, scheme->key == SCHEME_KEY_PASSWORD);
        assert_int_equal((scheme->takes & SCHEME_VERIFY_TOKEN) != 0,
                         scheme->challenge == SCHEME_CHALLENGE_SUBSCRIBE);
        assert_int_equal(scheme->sent.event == NULL, scheme->sent.kind == NULL);
        assert_non_null(scheme->sent.body);
    }
}

/* So that a request that is signed by us has its id where a route without `id` looks for it. */
static void the_id_is_sent_in_the_header_that_is_read(void **state)
{
    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);

        if (scheme->id.kind == EVENT_ID_HEADER) {
            assert_non_null(scheme->sent.id);
            assert_int_equal(strcasecmp(scheme->sent.id, scheme->id.text), 0);
            assert_int_equal(strspn(scheme->id.text, "-abcdefghijklmnopqrstuvwxyz"), strlen(scheme->id.text));
        }
    }
}

static void schemes_with_a_time_tolerate_300_s(void **state)
{
    (void)state;
    for (int i = VERIFY_NONE; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool timed = i == VERIFY_STANDARD || i == VERIFY_STRIPE || i == VERIFY_SLACK || i == VERIFY_ZOOM;
        struct verify_rule rule = scheme_rule(scheme);

        assert_int_equal((scheme->takes & SCHEME_TOLERANCE) != 0, timed);
        assert_int_equal(rule.tolerance_s, timed ? 300 : 0);
        assert_int_equal(rule.scheme, i);
        assert_int_equal(rule.key_count, 0);
    }
}

/* A captured request must not replace another event by its id. */
static void an_id_that_is_not_signed_keeps_the_first(void **state)
{
    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool signed_id =
            scheme->id.kind == EVENT_ID_POINTER || scheme->id.kind == EVENT_ID_BODY || i == VERIFY_STANDARD;

        assert_int_equal(scheme->keep, signed_id ? ENVELOPE_KEEP_NEWEST : ENVELOPE_KEEP_FIRST);
        assert_int_equal(scheme->needs_id_rule, scheme->id.kind == EVENT_ID_ANY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_has_a_row_and_a_name_of_its_own),
        cmocka_unit_test(names_are_listed_in_order_and_none_disappears),
        cmocka_unit_test(a_row_has_what_its_kinds_need),
        cmocka_unit_test(the_id_is_sent_in_the_header_that_is_read),
        cmocka_unit_test(schemes_with_a_time_tolerate_300_s),
        cmocka_unit_test(an_id_that_is_not_signed_keeps_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
