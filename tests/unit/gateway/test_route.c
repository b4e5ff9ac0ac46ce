/* SPDX-License-Identifier: MIT */
#include "../../../gateway/route.h"

#include "make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void without_routes_every_request_belongs_to_default(void **state)
{
    const struct source *source = route_find(SPAN_LITERAL("PUT"), SPAN_LITERAL("/any/path"));

    (void)state;
    assert_true(span_equal(source->name, SPAN_LITERAL("default")));
    assert_true(envelope_source_valid(source->name));
    assert_int_equal(source->keep, ENVELOPE_KEEP_NEWEST);
    assert_ptr_equal(route_find(SPAN_LITERAL("GET"), SPAN_LITERAL("/")), source);
}

static void scheme_none_believes_everybody_and_reads_no_header(void **state)
{
    struct request r = make_request("POST", "/", HEADERS("X-Signature", "wrong"));
    const struct verify_rule none = {.scheme = VERIFY_NONE};
    enum verify_cause cause;

    (void)state;
    assert_true(verify_request(&none, &r, SPAN_LITERAL("body"), 0, &cause));
    assert_int_equal(cause, VERIFY_FINE);
    assert_false(verify_reads(&none, SPAN_LITERAL("x-github-event")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_routes_every_request_belongs_to_default),
        cmocka_unit_test(scheme_none_believes_everybody_and_reads_no_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
