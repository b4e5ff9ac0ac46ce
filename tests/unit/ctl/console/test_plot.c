/* SPDX-License-Identifier: MIT */
#include "ctl/console/plot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                         \
    "<svg class=\"plot\" viewBox=\"0 -2 300 64\" preserveAspectRatio=\"none\" aria-hidden=\"true\" " \
    "focusable=\"false\">"

static void assert_plot(const struct plot_point *points, size_t count, const char *expected)
{
    struct buf out = {0};

    plot_append(&out, "Queue <1>", "/s", points, count, 0, 100);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void a_line_goes_up_to_the_largest_value_and_has_gaps_where_nothing_is_known(void **state)
{
    static const struct plot_point points[] = {{0, 1}, {25, 4}, {50, -1}, {75, 2.5}, {100, 0}};

    (void)state;
    assert_plot(points, 5,
                "<figure><figcaption>Queue &lt;1&gt;: 0/s, at most 4/s</figcaption>" HEAD
                "<polyline points=\"0.0,45.0 75.0,0.0\"/><polyline points=\"225.0,22.5 300.0,60.0\"/>"
                "</svg></figure>\n");
}

static void points_before_the_plot_are_left_out_and_a_gap_may_end_it(void **state)
{
    static const struct plot_point points[] = {{-5, 1}, {50, 0.5}, {100, -1}};

    (void)state;
    assert_plot(points, 3,
                "<figure><figcaption>Queue &lt;1&gt;: unknown, at most 1/s</figcaption>" HEAD
                "<polyline points=\"150.0,30.0\"/></svg></figure>\n");
}

static void nothing_and_zeros_are_plotted_too(void **state)
{
    static const struct plot_point zeros[] = {{0, 0}, {100, 0}};

    (void)state;
    assert_plot(NULL, 0,
                "<figure><figcaption>Queue &lt;1&gt;: unknown, at most unknown</figcaption>" HEAD
                "</svg></figure>\n");
    assert_plot(zeros, 2,
                "<figure><figcaption>Queue &lt;1&gt;: 0/s, at most 0/s</figcaption>" HEAD
                "<polyline points=\"0.0,60.0 300.0,60.0\"/></svg></figure>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_goes_up_to_the_largest_value_and_has_gaps_where_nothing_is_known),
        cmocka_unit_test(points_before_the_plot_are_left_out_and_a_gap_may_end_it),
        cmocka_unit_test(nothing_and_zeros_are_plotted_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
