/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "clock.h"
#include "metrics.h"
#include "secret.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STAMP_LEN 27 /* 2026-11-23T22:43:01.123456Z */

/* A pipe that replaces standard error during a test. */
static int saved_stderr = -1;
static int reader = -1;
static struct buf seen;

static int set_up(void **state)
{
    int ends[2];

    (void)state;
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        return -1;
    }
    reader = ends[0];
    saved_stderr = dup(STDERR_FILENO);
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_stop();
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    (void)close(reader);
    buf_free(&seen);
    return 0;
}

static void start(enum log_level least)
{
    struct error error;

    assert_int_equal(log_start(least, &error), ERROR_NONE);
}

/* Reads what was written to standard error so far. */
static void read_some(void)
{
    char chunk[65536];
    ssize_t got;

    while ((got = read(reader, chunk, sizeof chunk)) > 0) {
        buf_append(&seen, chunk, (size_t)got);
    }
}

/* Waits for more output. */
static void read_more(void)
{
    struct pollfd fd = {.fd = reader, .events = POLLIN};

    assert_int_equal(poll(&fd, 1, 10000), 1);
    read_some();
}

static void wait_for(const char *text)
{
    while (strstr(buf_text(&seen), text) == NULL) {
        read_more();
    }
}

/* Asserts that the output is one line, which after its timestamp is this. */
static void assert_line(const char *expected)
{
    log_stop();
    read_some();
    assert_true(strlen(buf_text(&seen)) > STAMP_LEN + 1);
    assert_int_equal(seen.data[4], '-');
    assert_int_equal(seen.data[10], 'T');
    assert_int_equal(seen.data[STAMP_LEN - 1], 'Z');
    assert_string_equal(seen.data + STAMP_LEN + 1, expected);
    buf_clear(&seen);
}

static size_t count(const char *needle)
{
    size_t n = 0;

    for (const char *at = buf_text(&seen); (at = strstr(at, needle)) != NULL; at++) {
        n++;
    }
    return n;
}

static void a_line_is_time_level_event_and_fields(void **state)
{
    (void)state;
    start(LOG_INFO);
    log_info("stored", log_text("source", "default"), log_span("id", SPAN_LITERAL("evt_1")),
             log_number("rows", 3));
    assert_line("info stored source=default id=evt_1 rows=3\n");
}

static void numbers_print_from_the_least_to_the_greatest(void **state)
{
    (void)state;
    start(LOG_INFO);
    log_error("numbers", log_number("a", INT64_MIN), log_number("b", INT64_MAX), log_number("c", 0),
              log_number("d", -10));
    assert_line("error numbers a=-9223372036854775808 b=9223372036854775807 c=0 d=-10\n");
}

static void no_value_can_forge_a_line_or_a_field(void **state)
{
    (void)state;
    start(LOG_INFO);
    log_warning("odd", log_text("a", "x\n2026 info fake"), log_text("b", "q\"\\"), log_text("c", "k=v"),
                log_text("d", ""), log_text("e", "caf\xc3\xa9\x7f\x1b"), log_span("f", SPAN_LITERAL("n\0")),
                log_text("g", "/plain/%20?~"));
    assert_line("warning odd a=\"x\\x0a2026 info fake\" b=\"q\\\"\\\\\" c=\"k=v\" d=\"\" "
                "e=\"caf\\xc3\\xa9\\x7f\\x1b\" f=\"n\\x00\" g=/plain/%20?~\n");
}

static void a_long_value_is_cut(void **state)
{
    char value[1100], expected[1200];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    start(LOG_INFO);
    log_info("long", log_text("exact", value + (sizeof value - 1 - 1024)));
    (void)snprintf(expected, sizeof expected, "info long exact=%.1024s\n", value);
    assert_line(expected);
    start(LOG_INFO);
    log_info("long", log_text("over", value + (sizeof value - 1 - 1025)), log_number("next", 1));
    (void)snprintf(expected, sizeof expected, "info long over=%.1024s... next=1\n", value);
    assert_line(expected);
}

static void a_long_value_is_cut_at_a_character(void **state)
{
    char value[1100], expected[1200];

    (void)state;
    (void)snprintf(value, sizeof value, "%01022d\xe6\xbc\xa2", 0);
    start(LOG_INFO);
    log_info("long", log_text("over", value), log_number("next", 1));
    (void)snprintf(expected, sizeof expected, "info long over=%01022d... next=1\n", 0);
    assert_line(expected);
    (void)snprintf(value, sizeof value, "%01021d\xe6\xbc\xa2 and more", 0);
    start(LOG_INFO);
    log_info("long", log_text("over", value), log_number("next", 1));
    (void)snprintf(expected, sizeof expected, "info long over=\"%01021d\\xe6\\xbc\\xa2\"... next=1\n", 0);
    assert_line(expected);
}

static void a_secret_is_blanked_whether_plain_quoted_or_at_the_cut(void **state)
{
    struct error error;
    char value[1100];

    (void)state;
    assert_int_equal(secret_register(SPAN_LITERAL("hunter2"), &error), ERROR_NONE);
    assert_int_equal(secret_register(SPAN_LITERAL("with \"quotes\"\n"), &error), ERROR_NONE);
    start(LOG_INFO);
    log_info("a", log_text("plain", "<hunter2>"), log_text("quoted", "is with \"quotes\"\n!"));
    assert_line("info a plain=<[redacted]> quoted=\"is [redacted]!\"\n");

    memset(value, 'v', sizeof value);
    (void)memcpy(value + 1020, "hunter2", sizeof "hunter2");
    start(LOG_INFO);
    log_info("b", log_text("cut", value));
    log_stop();
    read_some();
    assert_int_equal(count("hunt"), 0);
    assert_int_equal(count("[red..."), 1);
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    start(LOG_WARNING);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARNING));
    log_debug("no", log_number("n", 1));
    log_info("no", log_number("n", 2));
    log_write(LOG_INFO, "no", LOG_FIELDS(log_number("n", 3)));
    log_warning("yes", log_number("n", 4));
    assert_line("warning yes n=4\n");
    start(LOG_DEBUG);
    log_debug("yes", log_number("n", 5));
    assert_line("debug yes n=5\n");
}

static void levels_are_known_by_name(void **state)
{
    enum log_level level = LOG_ERROR;

    (void)state;
    assert_true(log_level_of("debug", &level) && level == LOG_DEBUG);
    assert_true(log_level_of("info", &level) && level == LOG_INFO);
    assert_true(log_level_of("warning", &level) && level == LOG_WARNING);
    assert_true(log_level_of("error", &level) && level == LOG_ERROR);
    assert_false(log_level_of("", &level));
    assert_false(log_level_of("INFO", &level));
    assert_int_equal(level, LOG_ERROR);
}

static void the_format_can_be_json(void **state)
{
    enum log_format format = LOG_LOGFMT;

    (void)state;
    assert_true(log_format_of("json", &format) && format == LOG_JSON);
    log_use_format(format);
    start(LOG_INFO);
    log_info("stored", log_text("source", "default"), log_number("rows", 3));
    log_stop();
    read_some();
    assert_non_null(strstr(buf_text(&seen),
                           "Z\",\"level\":\"info\",\"event\":\"stored\",\"source\":\"default\","
                           "\"rows\":3}\n"));
    buf_clear(&seen);
    assert_true(log_format_of("logfmt", &format) && format == LOG_LOGFMT);
    log_use_format(format);
    assert_false(log_format_of("JSON", &format));
}

static void lines_before_the_start_and_after_the_end_are_written_at_once(void **state)
{
    (void)state;
    start(LOG_INFO);
    log_stop();
    log_info("outside", log_number("n", 1));
    read_some();
    assert_line("info outside n=1\n");
    log_stop();
}

static void lines_come_without_a_stop(void **state)
{
    (void)state;
    start(LOG_INFO);
    log_info("slow", log_number("n", 1));
    wait_for("slow n=1\n");
    log_error("fast", log_number("n", 2));
    wait_for("fast n=2\n");
    log_info("again", log_number("n", 3));
    wait_for("again n=3\n");
}

static void *log_many(void *name)
{
    for (int i = 0; i < 500; i++) {
        log_info("many", log_text("thread", name), log_number("n", i));
    }
    return NULL;
}

static void lines_of_several_threads_stay_whole_and_in_their_order(void **state)
{
    static char names[][8] = {"one", "two", "three", "four"};
    pthread_t threads[4];

    (void)state;
    start(LOG_INFO);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        wait_for("n=499\n");
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        char line[64];
        const char *at = NULL;

        (void)snprintf(line, sizeof line, " info many thread=%s n=499\n", names[i]);
        wait_for(line);
        at = buf_text(&seen);
        for (int n = 0; n < 500; n++) {
            (void)snprintf(line, sizeof line, "Z info many thread=%s n=%d\n", names[i], n);
            at = strstr(at, line);
            assert_non_null(at);
        }
    }
    assert_int_equal(count("\n"), 2000);
}

/* The sum of the counts in all "log-dropped" lines. */
static int64_t said_dropped(void)
{
    static const char said[] = " warning log-dropped lines=";
    int64_t sum = 0;

    for (const char *at = buf_text(&seen); (at = strstr(at, said)) != NULL;) {
        at += sizeof said - 1;
        sum += strchr(at, '\n') != NULL ? strtoll(at, NULL, 10) : 0;
    }
    return sum;
}

static void a_stalled_reader_stalls_nobody_and_the_loss_is_counted(void **state)
{
    int64_t dropped_before = log_dropped();
    int64_t began = clock_monotonic_us();
    char expected[64];
    struct buf rendered = {0};
    int64_t dropped;

    (void)state;
    start(LOG_INFO);
    for (int i = 0; i < 60000; i++) {
        log_info("flood", log_text("filler", "0123456789012345678901234567890123456789"), log_number("n", i));
    }
    assert_true(clock_monotonic_us() - began < 20 * CLOCK_US_PER_S);
    dropped = log_dropped() - dropped_before;
    assert_true(dropped > 1000);
    metrics_render(&rendered);
    (void)snprintf(expected, sizeof expected, "sluice_log_dropped_total %lld\n", (long long)log_dropped());
    assert_non_null(strstr(buf_text(&rendered), expected));
    buf_free(&rendered);
    while (said_dropped() < dropped) {
        read_more();
    }
    assert_int_equal(said_dropped(), dropped);
    assert_int_equal(count("flood"), 60000 - dropped);
}

static void stopping_against_a_stalled_reader_ends_within_its_limit(void **state)
{
    int64_t dropped_before = log_dropped();
    int64_t began;

    (void)state;
    start(LOG_INFO);
    for (int i = 0; i < 3000; i++) {
        log_info("flood", log_text("filler", "0123456789012345678901234567890123456789"), log_number("n", i));
    }
    began = clock_monotonic_us();
    log_stop();
    assert_true(clock_monotonic_us() - began < 5 * CLOCK_US_PER_S);
    read_some();
    assert_int_equal(count("flood"), 3000 - (log_dropped() - dropped_before));
}

static void a_reader_that_went_away_is_survived(void **state)
{
    int64_t dropped_before = log_dropped();

    (void)state;
    (void)close(reader);
    reader = -1;
    start(LOG_INFO);
    log_info("nobody", log_number("n", 1));
    log_stop();
    log_info("nobody", log_number("n", 2));
    assert_int_equal(log_dropped() - dropped_before, 2);
}

static void a_second_start_is_a_bug(void **state)
{
    struct error error;

    (void)state;
    start(LOG_INFO);
    assert_int_equal(log_start(LOG_INFO, &error), ERROR_BUG);
}

#define REDIRECTED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void a_line_that_may_be_provoked_is_due_once_in_a_while(void **state)
{
    _Atomic int64_t one = 0, other = 0;

    (void)state;
    assert_true(log_is_due(&one));
    assert_false(log_is_due(&one));
    assert_true(log_is_due(&other));
    one -= 10 * CLOCK_US_PER_S;
    assert_true(log_is_due(&one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REDIRECTED(a_line_is_time_level_event_and_fields),
        REDIRECTED(numbers_print_from_the_least_to_the_greatest),
        REDIRECTED(no_value_can_forge_a_line_or_a_field),
        REDIRECTED(a_long_value_is_cut),
        REDIRECTED(a_long_value_is_cut_at_a_character),
        REDIRECTED(a_secret_is_blanked_whether_plain_quoted_or_at_the_cut),
        REDIRECTED(lines_below_the_level_are_not_written),
        cmocka_unit_test(levels_are_known_by_name),
        REDIRECTED(the_format_can_be_json),
        cmocka_unit_test(a_line_that_may_be_provoked_is_due_once_in_a_while),
        REDIRECTED(lines_before_the_start_and_after_the_end_are_written_at_once),
        REDIRECTED(lines_come_without_a_stop),
        REDIRECTED(lines_of_several_threads_stay_whole_and_in_their_order),
        REDIRECTED(a_stalled_reader_stalls_nobody_and_the_loss_is_counted),
        REDIRECTED(stopping_against_a_stalled_reader_ends_within_its_limit),
        REDIRECTED(a_reader_that_went_away_is_survived),
        REDIRECTED(a_second_start_is_a_bug),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* as signals_install_drain does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
