/* SPDX-License-Identifier: MIT */
#include "ctl/console/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void only_names_that_nobody_else_can_point_here_are_answered(void **state)
{
    static const struct {
        const char *host;
        bool fine;
    } cases[] = {
        {"localhost", true},
        {"LOCALHOST:8083", true},
        {"127.0.0.1:8083", true},
        {"10.0.0.1", true},
        {"[::1]:8083", true},
        {"[::1]", true},
        {"sluice.example:80", true},
        {"Sluice.Example", true},
        {"evil.example", false},
        {"127.0.0.1.evil", false},
        {"localhost.evil:8083", false},
        {"", false},
        {":8083", false},
        {"[::1", false},
        {"[evil.example]", false},
        {"1.2.3", false},
        {"[]", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct gate_request request = {.host = cases[i].host};

        assert_int_equal(gate_refusal(&request, "sluice.example") == NULL, cases[i].fine);
    }
    assert_non_null(gate_refusal(&(struct gate_request){.host = "sluice.example"}, ""));
}

static void a_form_must_come_from_the_console_itself(void **state)
{
    static const struct {
        const char *fetch_site, *origin;
        bool fine;
    } cases[] = {
        {"same-origin", NULL, true},
        {"same-origin", "null", true}, /* browsers say so, since the pages send no referrer */
        {"cross-site", "http://127.0.0.1:8083", false},
        {"same-site", NULL, false},
        {"none", NULL, false},
        {"", "http://127.0.0.1:8083", false},
        {NULL, "http://127.0.0.1:8083", true},
        {NULL, "https://127.0.0.1:8083", true},
        {NULL, "http://127.0.0.1:8084", false},
        {NULL, "http://127.0.0.1", false},
        {NULL, "ftp://127.0.0.1:8083", false},
        {NULL, "http://evil.example", false},
        {NULL, "null", false},
        {NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gate_request request = {true, "127.0.0.1:8083", cases[i].origin, cases[i].fetch_site};

        assert_int_equal(gate_refusal(&request, "") == NULL, cases[i].fine);
        request.post = false; /* anybody may link to a page */
        assert_null(gate_refusal(&request, ""));
    }
}

static void only_the_token_itself_fits(void **state)
{
    (void)state;
    assert_true(gate_token_fits("0123456789abcdef", "0123456789abcdef"));
    assert_false(gate_token_fits("0123456789abcdef", "0123456789abcdeF"));
    assert_false(gate_token_fits("0123456789abcdef", "0123456789abcde"));
    assert_false(gate_token_fits("0123456789abcdef", "0123456789abcdef0"));
    assert_false(gate_token_fits("0123456789abcdef", ""));
    assert_false(gate_token_fits("0123456789abcdef", NULL));
    assert_false(gate_token_fits("", ""));
    assert_false(gate_token_fits("", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_that_nobody_else_can_point_here_are_answered),
        cmocka_unit_test(a_form_must_come_from_the_console_itself),
        cmocka_unit_test(only_the_token_itself_fits),
    };

    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
