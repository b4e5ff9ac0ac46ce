/* SPDX-License-Identifier: MIT */
#include "process.h"

#include "clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/metric_row.h"

static void the_kernel_is_asked_at_each_rendering(void **state)
{
    struct rlimit limit;
    double before = metric_row("process_open_fds"), used = metric_row("process_cpu_seconds_total");
    int fd = dup(0);

    (void)state;
    assert_true(before >= 3);
    assert_true(metric_row("process_open_fds") == before + 1);
    assert_int_equal(close(fd), 0);
    assert_true(metric_row("process_open_fds") == before);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(metric_row("process_max_fds") == (double)limit.rlim_cur);
    assert_true(metric_row("process_resident_memory_bytes") >= 100000);
    assert_true(metric_row("process_resident_memory_bytes") < 1e12);
    assert_true(metric_row("process_cpu_seconds_total") > used);
    assert_true(metric_row("process_cpu_seconds_total") < 3600);
}

static void the_start_stays_what_it_was(void **state)
{
    double started = metric_row("process_start_time_seconds");
    double now = (double)clock_wall_us() / 1e6;

    (void)state;
    assert_true(started <= now && started > now - 60);
    assert_true(metric_row("process_start_time_seconds") == started);
}

static void the_release_is_a_label(void **state)
{
    struct buf out = {0};

    (void)state;
    metrics_render(&out);
    assert_non_null(strstr(buf_text(&out), "\nsluice_build_info{version=\"" SLUICE_VERSION "\"} 1\n"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_is_asked_at_each_rendering),
        cmocka_unit_test(the_start_stays_what_it_was),
        cmocka_unit_test(the_release_is_a_label),
    };
    process_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
