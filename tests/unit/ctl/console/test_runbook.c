/* SPDX-License-Identifier: MIT */
#include "ctl/console/runbook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_heading_has_the_anchor_that_links_to_it_have(void **state)
{
    static const char *const cases[][2] = {{"503s", "503s"},
                                           {"Rotate a webhook's secret", "rotate-a-webhooks-secret"},
                                           {"Start, stop, upgrade, scale", "start-stop-upgrade-scale"},
                                           {"TLS under_compose - x", "tls-under_compose---x"},
                                           {"", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        runbook_append_anchor(&out, span_of(cases[i][0]));
        assert_string_equal(buf_text(&out), cases[i][1]);
        buf_free(&out);
    }
}

static void each_heading_begins_a_section_and_text_stays_text(void **state)
{
    struct buf out = {0};

    (void)state;
    runbook_append(&out, SPAN_LITERAL("# Top\nintro\n## A <b>\n    # code\n#### four\n### Sub\nx\n## Last"));
    assert_string_equal(buf_text(&out),
                        "<pre>\nintro\n</pre>\n"
                        "<h2 id=\"a-b\">A &lt;b&gt;</h2>\n<pre>\n    # code\n#### four\n</pre>\n"
                        "<h3 id=\"sub\">Sub</h3>\n<pre>\nx\n</pre>\n"
                        "<h2 id=\"last\">Last</h2>\n<pre></pre>\n");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heading_has_the_anchor_that_links_to_it_have),
        cmocka_unit_test(each_heading_begins_a_section_and_text_stays_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
