/* SPDX-License-Identifier: MIT */
#include "ctl/recover/page_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_next(const char *header, const char *wanted)
{
    struct span next;

    assert_true(page_link_next(span_of(header), &next));
    assert_true(span_equal(next, span_of(wanted)));
}

static void assert_none(const char *header)
{
    struct span next;

    assert_false(page_link_next(span_of(header), &next));
}

static void the_cursor_of_the_next_page_is_found_wherever_it_stands(void **state)
{
    (void)state;
    assert_next("<https://api.github.com/x?per_page=100&cursor=v1_12>; rel=\"next\"", "v1_12");
    assert_next("<https://h/x?cursor=a>; rel=\"first\", <https://h/x?cursor=b&y=1>; rel=\"next\"", "b");
    assert_next("<https://h/x?cursor=b%3D>; rel=next, <https://h/x?cursor=a>; rel=\"prev\"", "b%3D");
    assert_next("<https://h/x?precursor=a&cursor=b>; rel=\"next\"", "b");
}

static void there_is_none_without_a_next_link_or_in_what_is_no_link(void **state)
{
    (void)state;
    assert_none("");
    assert_none("<https://h/x?cursor=a>; rel=\"first\"");
    assert_none("<https://h/x?cursor=a; rel=\"next\"");
    assert_none("rel=\"next\"");
    assert_none("<");
    assert_none("<>,");
}

static void a_next_link_without_a_cursor_is_told_from_none(void **state)
{
    (void)state;
    assert_next("<https://h/x?page=2>; rel=\"next\"", "");
    assert_next("<https://h/x>; rel=\"next\"", "");
    assert_next("<https://h/x?cursor=>; rel=\"next\"", "");
}

static void a_cursor_that_would_change_the_request_is_not_taken(void **state)
{
    (void)state;
    assert_next("<https://h/x?cursor=a b>; rel=\"next\"", "");
    assert_next("<https://h/x?cursor=a#b>; rel=\"next\"", "");
    assert_next("<https://h/x?cursor=a\x01>; rel=\"next\"", "");
    assert_next("<https://h/x?cursor=\xc3\xa9>; rel=\"next\"", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cursor_of_the_next_page_is_found_wherever_it_stands),
        cmocka_unit_test(there_is_none_without_a_next_link_or_in_what_is_no_link),
        cmocka_unit_test(a_next_link_without_a_cursor_is_told_from_none),
        cmocka_unit_test(a_cursor_that_would_change_the_request_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
