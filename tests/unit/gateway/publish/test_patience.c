/* SPDX-License-Identifier: MIT */
#include "gateway/publish/patience.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S(seconds) ((int64_t)((seconds)*CLOCK_US_PER_S))
#define NONE INT64_MAX
#define FINE ""
#define SILENT "the broker has answered nothing for 2000 ms"
#define REFUSED "the broker has only refused for 2000 ms: a queue is full, or not available"

static struct patience patience;
static bool replied;

static int begin(void **state)
{
    (void)state;
    replied = false;
    patience_init(&patience, S(2) + 500 * CLOCK_US_PER_MS);
    return 0;
}

/* What is wrong with the connection; "": nothing. `since_us`: the end of the last alarm. */
static const char *trouble_since(int64_t oldest_us, int64_t since_us, int64_t now_us)
{
    static struct error error;
    bool ends;

    error.text[0] = '\0';
    ends = patience_ends(&patience, oldest_us, since_us, now_us, &error);
    assert_int_equal(ends, error.text[0] != '\0');
    return error.text;
}

static const char *trouble(int64_t oldest_us, int64_t now_us)
{
    return trouble_since(oldest_us, 0, now_us);
}

static void without_messages_silence_is_no_trouble(void **state)
{
    (void)state;
    assert_string_equal(trouble(NONE, S(1000)), FINE);
    patience_stored(&patience, S(1), S(1));
    assert_string_equal(trouble(NONE, S(1000)), FINE);
}

static void a_message_without_any_answer_for_two_seconds_is_silence(void **state)
{
    (void)state;
    assert_string_equal(trouble(S(10), S(12)), FINE);
    assert_string_equal(trouble(S(10), S(12) + 1), SILENT);
}

static void an_answer_to_another_message_ends_the_silence(void **state)
{
    (void)state;
    patience_stored(&patience, S(11), S(11));
    assert_string_equal(trouble(S(10), S(13)), FINE);
    assert_string_equal(trouble(S(10), S(13) + 1), SILENT);
}

static void two_seconds_of_nothing_but_refusals_are_trouble_even_when_nobody_sends(void **state)
{
    (void)state;
    patience_refused(&patience, S(10));
    patience_refused(&patience, S(11));
    assert_string_equal(trouble(NONE, S(12)), FINE);
    assert_string_equal(trouble(NONE, S(12) + 1), REFUSED);
    patience_stored(&patience, S(12), S(12));
    assert_string_equal(trouble(NONE, S(1000)), FINE);
}

static void after_a_second_of_refusals_another_publisher_is_better(void **state)
{
    (void)state;
    assert_false(patience_is_refused(&patience, S(1000)));
    patience_refused(&patience, S(10));
    patience_refused(&patience, S(11));
    assert_false(patience_is_refused(&patience, S(11)));
    assert_true(patience_is_refused(&patience, S(11) + 1));
    patience_forget(&patience);
    assert_false(patience_is_refused(&patience, S(1000)));
}

static void a_slow_broker_has_twice_as_long_as_its_last_confirm_took(void **state)
{
    (void)state;
    patience_stored(&patience, S(10), S(13));
    assert_string_equal(trouble(S(20), S(26)), FINE);
    assert_string_equal(trouble(S(20), S(26) + 1), "the broker has answered nothing for 6000 ms");
    patience_stored(&patience, S(30), S(36));
    assert_string_equal(trouble(S(40), S(48)), FINE);
    patience_stored(&patience, S(50), S(51));
    assert_string_equal(trouble(S(60), S(62) + 1), SILENT);
}

static void the_time_in_which_a_large_message_is_written_does_not_count(void **state)
{
    (void)state;
    patience_wrote(&patience, S(3));
    assert_string_equal(trouble(S(10), S(13)), FINE);
    assert_string_equal(trouble(S(10), S(15)), FINE);
    assert_string_equal(trouble(S(10), S(15) + 1), SILENT);
    begin(NULL);
    patience_wrote(&patience, S(3));
    patience_refused(&patience, S(11));
    patience_stored(&patience, S(11), S(11));
    assert_string_equal(trouble(S(10), S(13) + 1), SILENT);
    begin(NULL);
    patience_wrote(&patience, S(3));
    patience_forget(&patience);
    assert_string_equal(trouble(S(10), S(12) + 1), SILENT);
}

static void a_single_refusal_is_no_trouble(void **state)
{
    (void)state;
    patience_refused(&patience, S(10));
    assert_false(patience_is_refused(&patience, S(1000)));
    assert_string_equal(trouble(NONE, S(1000)), FINE);
    patience_stored(&patience, S(1000), S(1000));
    patience_refused(&patience, S(1010));
    assert_string_equal(trouble(NONE, S(2000)), FINE);
    patience_refused(&patience, S(2000));
    assert_string_equal(trouble(NONE, S(2000)), REFUSED);
}

static void a_request_that_may_wait_longer_is_waited_for(void **state)
{
    (void)state;
    patience_init(&patience, S(30));
    assert_string_equal(trouble(S(10), S(39) + 500 * CLOCK_US_PER_MS), FINE);
    assert_string_equal(trouble(S(10), S(39) + 500 * CLOCK_US_PER_MS + 1),
                        "the broker has answered nothing for 29500 ms");
    patience_init(&patience, S(60));
    assert_string_equal(trouble(S(10), S(69) + 500 * CLOCK_US_PER_MS), FINE);
    patience_stored(&patience, S(69), S(69));
    assert_string_equal(trouble(S(10), S(69) + 500 * CLOCK_US_PER_MS + 1),
                        "the broker has not confirmed a message for 59 s");
    patience_init(&patience, 100 * CLOCK_US_PER_MS);
    assert_string_equal(trouble(S(10), S(12)), FINE);
    assert_string_equal(trouble(S(10), S(12) + 1), SILENT);
}

static void the_time_of_an_alarm_does_not_count(void **state)
{
    (void)state;
    patience_refused(&patience, S(9));
    patience_refused(&patience, S(9));
    assert_string_equal(trouble_since(S(10), S(60), S(62)), FINE);
    assert_string_equal(trouble_since(S(10), S(60), S(62) + 1), REFUSED);
    begin(NULL);
    assert_string_equal(trouble_since(S(10), S(60), S(62)), FINE);
    assert_string_equal(trouble_since(S(10), S(60), S(62) + 1), SILENT);
}

static void one_message_without_an_answer_for_30_s_is_trouble_even_among_others(void **state)
{
    (void)state;
    for (int s = 11; s <= 40; s++) {
        patience_stored(&patience, S(s), S(s));
        assert_string_equal(trouble(S(10), S(s)), FINE);
    }
    assert_string_equal(trouble(S(10), S(40) + 1), "the broker has not confirmed a message for 30 s");
}

static void each_connection_given_up_makes_the_next_last_longer_until_something_is_stored(void **state)
{
    static const char *const silences[] = {SILENT, "the broker has answered nothing for 4000 ms",
                                           "the broker has answered nothing for 8000 ms",
                                           "the broker has answered nothing for 8000 ms"};
    const int64_t limits[] = {S(2), S(4), S(8), S(8)};

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        assert_string_equal(trouble(S(10), S(10) + limits[i]), FINE);
        assert_string_equal(trouble(S(10), S(10) + limits[i] + 1), silences[i]);
        patience_forget(&patience);
    }
    patience_stored(&patience, S(20), S(20));
    assert_string_equal(trouble(S(20), S(22) + 1), SILENT);
}

#define PATIENCE_TEST(test) cmocka_unit_test_setup(test, begin)

/* Asks at `at_us` as a publisher does, and the node replies at once if it lives. */
static void ask(int64_t oldest_us, int64_t at_us, bool lives)
{
    if (patience_asks(&patience, replied, oldest_us, 0, at_us)) {
        replied = lives;
    }
    (void)patience_asks(&patience, replied, oldest_us, 0, at_us);
}

static void a_node_is_asked_for_a_sign_of_life_each_second_from_the_first_second_of_silence_on(void **state)
{
    (void)state;
    assert_false(patience_asks(&patience, false, NONE, 0, S(100)));
    assert_false(patience_asks(&patience, false, S(10), 0, S(11) - 1));
    assert_true(patience_asks(&patience, false, S(10), 0, S(11)));
    assert_false(patience_asks(&patience, false, S(10), 0, S(12.5)));
    assert_true(patience_asks(&patience, true, S(10), 0, S(12.5)));
    assert_false(patience_asks(&patience, true, S(10), 0, S(13)));
    assert_true(patience_asks(&patience, true, S(10), 0, S(13.5)));
    patience_stored(&patience, S(10), S(14));
    assert_false(patience_asks(&patience, true, S(13), 0, S(14.5)));
    assert_true(patience_asks(&patience, true, S(13), 0, S(15)));
}

static void a_node_that_lives_has_ten_seconds_to_find_another_leader(void **state)
{
    (void)state;
    for (int half = 0; half < 20; half++) {
        ask(S(10), S(10) + half * S(0.5), true);
        assert_string_equal(trouble(S(10), S(10) + half * S(0.5)), FINE);
    }
    assert_string_equal(trouble(S(10), S(20) + 1), "the broker has answered nothing for 10000 ms");
}

static void a_node_that_dies_meanwhile_is_left_two_seconds_after_its_last_sign_of_life(void **state)
{
    (void)state;
    ask(S(10), S(11), true);
    ask(S(10), S(12), true);
    ask(S(10), S(13), false);
    assert_string_equal(trouble(S(10), S(13.9)), FINE);
    assert_string_equal(trouble(S(10), S(14)), SILENT);
}

static void a_sign_of_life_of_one_silence_is_none_in_the_next(void **state)
{
    (void)state;
    ask(S(10), S(11.9), true);
    patience_stored(&patience, S(11.9), S(11.9));
    assert_string_equal(trouble(S(11), S(13.9)), FINE);
    assert_string_equal(trouble(S(11), S(13.9) + 1), SILENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PATIENCE_TEST(without_messages_silence_is_no_trouble),
        PATIENCE_TEST(a_message_without_any_answer_for_two_seconds_is_silence),
        PATIENCE_TEST(an_answer_to_another_message_ends_the_silence),
        PATIENCE_TEST(two_seconds_of_nothing_but_refusals_are_trouble_even_when_nobody_sends),
        PATIENCE_TEST(after_a_second_of_refusals_another_publisher_is_better),
        PATIENCE_TEST(a_slow_broker_has_twice_as_long_as_its_last_confirm_took),
        PATIENCE_TEST(the_time_in_which_a_large_message_is_written_does_not_count),
        PATIENCE_TEST(a_single_refusal_is_no_trouble),
        PATIENCE_TEST(a_request_that_may_wait_longer_is_waited_for),
        PATIENCE_TEST(the_time_of_an_alarm_does_not_count),
        PATIENCE_TEST(one_message_without_an_answer_for_30_s_is_trouble_even_among_others),
        PATIENCE_TEST(each_connection_given_up_makes_the_next_last_longer_until_something_is_stored),
        cmocka_unit_test_setup(
            a_node_is_asked_for_a_sign_of_life_each_second_from_the_first_second_of_silence_on, begin),
        PATIENCE_TEST(a_node_that_lives_has_ten_seconds_to_find_another_leader),
        cmocka_unit_test_setup(a_node_that_dies_meanwhile_is_left_two_seconds_after_its_last_sign_of_life,
                               begin),
        PATIENCE_TEST(a_sign_of_life_of_one_silence_is_none_in_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
