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

static struct metric odd[] = {
    {"odd_cpu_seconds_total", NULL, "One\nline, with a \\ and a \"quote\".", METRIC_SECONDS_TOTAL, 1500000},
    {"odd_ready", NULL, "Unknown at first.", METRIC_ESTIMATE, -1},
    {"odd_last_timestamp_seconds", NULL, "Never at first.", METRIC_TIMESTAMP, 0},
};
static struct histogram waits = {
    .name = "odd_wait_seconds", .help = "Waits.", .unit = HISTOGRAM_SECONDS, .bounds = {1000}};

/* The members of a family, of which the first `members` exist. */
static size_t members;
static const char *const member_names[] = {"github", "a\"b\\c\nd", "\xff\xfe", ""};
static _Atomic int64_t member_values[4][4];

static void each_member(metric_show *show, void *context)
{
    for (size_t i = 0; i < members; i++) {
        show(context, span_of(member_names[i]), member_values[i]);
    }
}

static const struct metric_column columns[] = {
    {"odd_refused_total", "cause=\"late\"", "Refused ones.", METRIC_COUNTER},
    {NULL, "cause=\"never\"", NULL, METRIC_COUNTER},
    {"odd_refused_total", "cause=\"full\"", NULL, METRIC_COUNTER},
    {"odd_seen_timestamp_seconds", NULL, "Last one.", METRIC_TIMESTAMP},
};
static const struct metric_family family = {"source", columns, 4, each_member};

/* What is rendered after the metrics of other tests. */
static void assert_ends(const char *begin, const char *text)
{
    struct buf out = {0};
    const char *found;

    metrics_render(&out);
    found = strstr(buf_text(&out), begin);
    assert_non_null(found);
    assert_string_equal(found, text);
    buf_free(&out);
}

#define ODD_HEAD                                                              \
    "# HELP odd_cpu_seconds_total One\\nline, with a \\\\ and a \"quote\".\n" \
    "# TYPE odd_cpu_seconds_total counter\n"                                  \
    "odd_cpu_seconds_total 1.5\n"
#define READY_HEAD "# HELP odd_ready Unknown at first.\n# TYPE odd_ready gauge\n"
#define LAST_HEAD \
    "# HELP odd_last_timestamp_seconds Never at first.\n# TYPE odd_last_timestamp_seconds gauge\n"
#define WAITS                                                             \
    "# HELP odd_wait_seconds Waits.\n# TYPE odd_wait_seconds histogram\n" \
    "odd_wait_seconds_bucket{le=\"0.001\"} 0\n"                           \
    "odd_wait_seconds_bucket{le=\"+Inf\"} 0\n"                            \
    "odd_wait_seconds_sum 0\n"                                            \
    "odd_wait_seconds_count 0\n"
#define REFUSED_HEAD "# HELP odd_refused_total Refused ones.\n# TYPE odd_refused_total counter\n"
#define SEEN_HEAD "# HELP odd_seen_timestamp_seconds Last one.\n# TYPE odd_seen_timestamp_seconds gauge\n"

static void what_is_not_known_has_no_row(void **state)
{
    (void)state;
    metrics_register(odd, 3);
    metrics_register_histogram(&waits);
    metrics_register_histogram(&waits); /* already registered */
    metrics_register_family(&family);
    metrics_register_family(&family);
    assert_ends("# HELP odd_cpu", ODD_HEAD READY_HEAD LAST_HEAD WAITS REFUSED_HEAD SEEN_HEAD);
    metric_set(&odd[1], 0);
    metric_set(&odd[2], 1700000000250000);
    assert_ends("# HELP odd_cpu", ODD_HEAD READY_HEAD
                "odd_ready 0\n" LAST_HEAD
                "odd_last_timestamp_seconds 1700000000.25\n" WAITS REFUSED_HEAD SEEN_HEAD);
}

static void a_family_shows_each_member_that_there_is_now(void **state)
{
    (void)state;
    members = 2;
    atomic_store(&member_values[0][0], 1);
    atomic_store(&member_values[0][2], 2);
    atomic_store(&member_values[1][3], 5000000);
    assert_ends("# HELP odd_refused",
                REFUSED_HEAD "odd_refused_total{source=\"github\",cause=\"late\"} 1\n"
                             "odd_refused_total{source=\"a\\\"b\\\\c\\nd\",cause=\"late\"} 0\n"
                             "odd_refused_total{source=\"github\",cause=\"full\"} 2\n"
                             "odd_refused_total{source=\"a\\\"b\\\\c\\nd\",cause=\"full\"} 0\n" SEEN_HEAD
                             "odd_seen_timestamp_seconds{source=\"a\\\"b\\\\c\\nd\"} 5\n");
    members = 0;
    assert_ends("# HELP odd_refused", REFUSED_HEAD SEEN_HEAD);
}

static void a_member_whose_name_is_not_text_does_not_spoil_the_rest(void **state)
{
    struct buf out = {0};

    (void)state;
    members = 4;
    metrics_render(&out);
    assert_true(span_is_text(buf_span(&out)));
    assert_non_null(strstr(buf_text(&out), "odd_refused_total{source=\"??\",cause=\"full\"} 0\n"));
    assert_non_null(strstr(buf_text(&out), "odd_refused_total{source=\"\",cause=\"full\"} 0\n"));
    members = 0;
    buf_free(&out);
}

static void the_list_names_each_metric_once_with_its_labels(void **state)
{
    struct buf out = {0};

    (void)state;
    metrics_list(&out);
    assert_string_equal(buf_text(&out),
                        "sluice_test_events_total\tcounter\toutcome=queued,refused\tEvents.\n"
                        "sluice_test_open\tgauge\t\tOpen ones.\n"
                        "sluice_test_other\tgauge\t\tAnother.\n"
                        "odd_cpu_seconds_total\tcounter\t\tOne\nline, with a \\ and a \"quote\".\n"
                        "odd_ready\tgauge\t\tUnknown at first.\n"
                        "odd_last_timestamp_seconds\tgauge\t\tNever at first.\n"
                        "odd_wait_seconds\thistogram\t\tWaits.\n"
                        "odd_refused_total\tcounter\tsource cause=late,full\tRefused ones.\n"
                        "odd_seen_timestamp_seconds\tgauge\tsource\tLast one.\n");
    buf_free(&out);
}

static void refresh(void)
{
    metric_set(&odd[1], 42);
}

static void values_may_be_set_just_before_they_are_shown(void **state)
{
    struct buf out = {0};

    (void)state;
    metric_set(&odd[1], -1);
    metrics_before_render(refresh);
    metrics_render(&out);
    metrics_before_render(NULL);
    assert_non_null(strstr(buf_text(&out), "\nodd_ready 42\n"));
    buf_free(&out);
}

static void seconds_have_no_trailing_zeros(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "0"},         {1, "0.000001"},  {500000, "0.5"},      {1000000, "1"},
        {10000000, "10"}, {1100000, "1.1"}, {999999, "0.999999"}, {INT64_MAX, "9223372036854.775807"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        metric_append_seconds(&out, cases[i].us);
        assert_string_equal(buf_text(&out), cases[i].text);
        buf_free(&out);
    }
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
        cmocka_unit_test(what_is_not_known_has_no_row),
        cmocka_unit_test(a_family_shows_each_member_that_there_is_now),
        cmocka_unit_test(a_member_whose_name_is_not_text_does_not_spoil_the_rest),
        cmocka_unit_test(the_list_names_each_metric_once_with_its_labels),
        cmocka_unit_test(values_may_be_set_just_before_they_are_shown),
        cmocka_unit_test(seconds_have_no_trailing_zeros),
        cmocka_unit_test(no_addition_of_several_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
