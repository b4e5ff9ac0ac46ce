/* SPDX-License-Identifier: MIT */
#include "gateway/verify/schemes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_scheme_has_a_row_and_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = VERIFY_NONE; i <= VERIFY_HEADER; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);

        assert_int_equal(scheme->scheme, i);
        assert_ptr_equal(scheme_named(span_of(scheme->name)), scheme);
        assert_int_equal(scheme->key != SCHEME_KEY_NONE, i != VERIFY_NONE);
        assert_int_equal(scheme->needs & ~scheme->takes, 0);
    }
    assert_null(scheme_named(SPAN_LITERAL("GitHub")));
    assert_null(scheme_named(SPAN_LITERAL("")));
}

static void names_are_listed_in_order(void **state)
{
    struct buf out = {0};

    (void)state;
    scheme_names(&out);
    assert_string_equal(buf_text(&out),
                        "none, standard, github, stripe, slack, shopify, twilio, gitlab, meta, "
                        "zoom, hmac, bearer, basic, header");
    buf_free(&out);
}

static void schemes_with_a_time_tolerate_300_s(void **state)
{
    (void)state;
    for (int i = VERIFY_NONE; i <= VERIFY_HEADER; i++) {
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
    for (int i = VERIFY_STANDARD; i <= VERIFY_HEADER; i++) {
        const struct scheme *scheme = scheme_of((enum verify_scheme)i);
        bool signed_id =
            scheme->id.kind == EVENTID_POINTER || scheme->id.kind == EVENTID_BODY || i == VERIFY_STANDARD;

        assert_int_equal(scheme->keep, signed_id ? ENVELOPE_KEEP_NEWEST : ENVELOPE_KEEP_FIRST);
        assert_int_equal(scheme->needs_id_rule, scheme->id.kind == EVENTID_ANY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_has_a_row_and_a_name_of_its_own),
        cmocka_unit_test(names_are_listed_in_order),
        cmocka_unit_test(schemes_with_a_time_tolerate_300_s),
        cmocka_unit_test(an_id_that_is_not_signed_keeps_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
