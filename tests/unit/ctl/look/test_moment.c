/* SPDX-License-Identifier: MIT */
#include "ctl/look/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static void a_time_is_read(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-11-23T12:13:20Z", 1763900000 * S},
        {"2025-11-23t12:13:20z", 1763900000 * S},
        {"2025-11-23 12:13:20Z", 1763900000 * S},
        {"2025-11-23T12:13:20.5Z", 1763900000 * S + S / 2},
        {"2025-11-23T12:13:20.000001Z", 1763900000 * S + 1},
        {"2025-11-23T12:13:20.0000019Z", 1763900000 * S + 1},
        {"2025-11-23T14:13:20+02:00", 1763900000 * S},
        {"2025-11-23T06:43:20-05:30", 1763900000 * S},
        {"2024-02-29T00:00:00Z", 1709164800 * S},
        {"2016-12-31T23:59:60Z", 1483228800 * S},
        {"1969-12-31T23:59:59Z", -1 * S},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct moment moment;

        assert_true(moment_read(cases[i].text, &moment));
        assert_true(moment.given);
        assert_int_equal(moment_us(&moment, 7), cases[i].us);
    }
}

static void an_age_is_counted_from_now(void **state)
{
    struct moment moment;

    (void)state;
    assert_true(moment_read("90s", &moment));
    assert_int_equal(moment_us(&moment, 1000 * S), 910 * S);
    assert_true(moment_read("2h", &moment));
    assert_int_equal(moment_us(&moment, 1000 * S), 1000 * S - 7200 * S);
}

static void nothing_else_is_read(void **state)
{
    static const char *const texts[] = {
        "",
        "now",
        "2",
        "-2h",
        "2025-11-23",
        "2025-11-23T12:13:20",
        "2025-11-23T12:13Z",
        "2025-11-23T12:13:20.Z",
        "2025-13-23T12:13:20Z",
        "2025-00-23T12:13:20Z",
        "2025-02-29T12:13:20Z",
        "2025-04-31T12:13:20Z",
        "2025-11-00T12:13:20Z",
        "2025-11-23T24:13:20Z",
        "2025-11-23T12:60:20Z",
        "2025-11-23T12:13:61Z",
        "2025-11-23T12:13:20Zz",
        "2025-11-23T12:13:20+2:00",
        "2025-11-23T12:13:20+24:00",
        "2025-11-23T12:13:20+02:00 ",
        "+025-11-23T12:13:20Z",
        " 2025-11-23T12:13:20Z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct moment moment;

        assert_false(moment_read(texts[i], &moment));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_read),
        cmocka_unit_test(an_age_is_counted_from_now),
        cmocka_unit_test(nothing_else_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
