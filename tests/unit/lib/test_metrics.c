/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct metric first[] = {
    {"sluice_test_events_total", "outcome=\"queued\"", "Events.", METRIC_COUNTER, 0},
    {"sluice_test_events_total", "outcome=\"refused\"", "Not shown.", METRIC_COUNTER, 0},
    {"sluice_test_open", NULL, "Open ones.", METRIC_GAUGE, 0},
};
static struct metric second[] = {{"sluice_test_other", NULL, "Another.", METRIC_GAUGE, 7}};

static void all_metrics_render_in_the_text_format(void **state)
{
    struct buf out = {0};

    (void)state;
    metrics_register(first, 3);
    metrics_register(second, 1);
    metrics_register(first, 3); /* already registered */
    metric_add(&first[0], 2);
    metric_add(&first[0], 1);
    metric_set(&first[2], -5);
    metrics_render(&out);
    assert_string_equal(buf_text(&out), "# HELP sluice_test_events_total Events.\n"
                                        "# TYPE sluice_test_events_total counter\n"
                                        "sluice_test_events_total{outcome=\"queued\"} 3\n"
                                        "sluice_test_events_total{outcome=\"refused\"} 0\n"
                                        "# HELP sluice_test_open Open ones.\n"
                                        "# TYPE sluice_test_open gauge\n"
                                        "sluice_test_open -5\n"
                                        "# HELP sluice_test_other Another.\n"
                                        "# TYPE sluice_test_other gauge\n"
                                        "sluice_test_other 7\n");
    buf_free(&out);
}

static void *add_many(void *counter)
{
    for (int i = 0; i < 10000; i++) {
        metric_add(counter, 1);
    }
    return NULL;
}

static void no_addition_of_several_threads_is_lost(void **state)
{
    pthread_t threads[4];
    int64_t before = metric_get(&first[1]);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &first[1]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(metric_get(&first[1]) - before, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_metrics_render_in_the_text_format),
        cmocka_unit_test(no_addition_of_several_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
