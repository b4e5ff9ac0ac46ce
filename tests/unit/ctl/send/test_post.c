/* SPDX-License-Identifier: MIT */
#include "ctl/send/post.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void an_escaped_nul_is_seen_and_an_escaped_backslash_is_none(void **state)
{
    (void)state;
    assert_true(post_text_hides_nul(SPAN_LITERAL("{\"body\":\"a\\u0000b\"}")));
    assert_true(post_text_hides_nul(SPAN_LITERAL("\\u0000")));
    assert_true(post_text_hides_nul(SPAN_LITERAL("\\\\\\u0000")));
    assert_false(post_text_hides_nul(SPAN_LITERAL("\\\\u0000")));
    assert_false(post_text_hides_nul(SPAN_LITERAL("\\u0001\\u000")));
    assert_false(post_text_hides_nul(SPAN_LITERAL("u0000")));
    assert_false(post_text_hides_nul(SPAN_LITERAL("")));
    assert_false(post_text_hides_nul(SPAN_LITERAL("\\")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_escaped_nul_is_seen_and_an_escaped_backslash_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
