/* SPDX-License-Identifier: MIT */
#include "histogram.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 4
#define TIMES 10000

static void assert_renders(const struct histogram *h, const char *text)
{
    struct buf out = {0};

    histogram_render(h, &out);
    assert_string_equal(buf_text(&out), text);
    buf_free(&out);
}

static void a_value_counts_up_to_the_bound_that_it_equals(void **state)
{
    struct histogram h = {
        .name = "wait_seconds", .unit = HISTOGRAM_SECONDS, .bounds = {5000, 1000000, 60000000}};

    (void)state;
    assert_renders(&h, "wait_seconds_bucket{le=\"0.005\"} 0\n"
                       "wait_seconds_bucket{le=\"1\"} 0\n"
                       "wait_seconds_bucket{le=\"60\"} 0\n"
                       "wait_seconds_bucket{le=\"+Inf\"} 0\n"
                       "wait_seconds_sum 0\n"
                       "wait_seconds_count 0\n");
    histogram_observe(&h, 0);
    histogram_observe(&h, 5000);     /* exactly the first bound */
    histogram_observe(&h, 5001);     /* just above it */
    histogram_observe(&h, 60000000); /* exactly the last one */
    histogram_observe(&h, 60000001);
    histogram_observe(&h, 3600000000);
    assert_renders(&h, "wait_seconds_bucket{le=\"0.005\"} 2\n"
                       "wait_seconds_bucket{le=\"1\"} 3\n"
                       "wait_seconds_bucket{le=\"60\"} 4\n"
                       "wait_seconds_bucket{le=\"+Inf\"} 6\n"
                       "wait_seconds_sum 3720.010002\n"
                       "wait_seconds_count 6\n");
}

static void a_negative_value_counts_as_0(void **state)
{
    struct histogram h = {.name = "wait_seconds", .unit = HISTOGRAM_SECONDS, .bounds = {1000000}};

    (void)state;
    histogram_observe(&h, -5000000); /* the clocks of two machines differ */
    histogram_observe(&h, INT64_MIN);
    assert_renders(&h, "wait_seconds_bucket{le=\"1\"} 2\n"
                       "wait_seconds_bucket{le=\"+Inf\"} 2\n"
                       "wait_seconds_sum 0\n"
                       "wait_seconds_count 2\n");
}

static void counts_are_shown_as_they_are(void **state)
{
    struct histogram h = {.name = "batch_events", .unit = HISTOGRAM_COUNT, .bounds = {1, 10}};

    (void)state;
    histogram_observe(&h, 1);
    histogram_observe(&h, 1000);
    assert_renders(&h, "batch_events_bucket{le=\"1\"} 1\n"
                       "batch_events_bucket{le=\"10\"} 1\n"
                       "batch_events_bucket{le=\"+Inf\"} 2\n"
                       "batch_events_sum 1001\n"
                       "batch_events_count 2\n");
}

static void all_bounds_may_be_used(void **state)
{
    struct histogram h = {.name = "many", .unit = HISTOGRAM_COUNT};
    struct buf out = {0};

    (void)state;
    for (int64_t i = 0; i < HISTOGRAM_BOUNDS_MAX; i++) {
        h.bounds[i] = i + 1;
        histogram_observe(&h, i + 1);
    }
    histogram_observe(&h, HISTOGRAM_BOUNDS_MAX + 1);
    histogram_render(&h, &out);
    assert_non_null(strstr(buf_text(&out), "many_bucket{le=\"16\"} 16\nmany_bucket{le=\"+Inf\"} 17\n"));
    buf_free(&out);
}

static void *observe_many(void *histogram)
{
    for (int i = 0; i < TIMES; i++) {
        histogram_observe(histogram, i % 2 == 0 ? 1 : 3);
    }
    return NULL;
}

static void no_observation_of_several_threads_is_lost(void **state)
{
    static struct histogram h = {.name = "shared", .unit = HISTOGRAM_COUNT, .bounds = {2}};
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, observe_many, &h), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_renders(&h, "shared_bucket{le=\"2\"} 20000\n"
                       "shared_bucket{le=\"+Inf\"} 40000\n"
                       "shared_sum 80000\n"
                       "shared_count 40000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_counts_up_to_the_bound_that_it_equals),
        cmocka_unit_test(a_negative_value_counts_as_0),
        cmocka_unit_test(counts_are_shown_as_they_are),
        cmocka_unit_test(all_bounds_may_be_used),
        cmocka_unit_test(no_observation_of_several_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
