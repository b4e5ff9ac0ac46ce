/* SPDX-License-Identifier: MIT */
#include "log_messages.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void modes_are_known_by_name(void **state)
{
    enum log_messages mode = LOG_MESSAGES_OFF;

    (void)state;
    assert_true(log_messages_of("all", &mode) && mode == LOG_MESSAGES_ALL);
    assert_true(log_messages_of("sampled", &mode) && mode == LOG_MESSAGES_SAMPLED);
    assert_true(log_messages_of("batches", &mode) && mode == LOG_MESSAGES_BATCHES);
    assert_true(log_messages_of("off", &mode) && mode == LOG_MESSAGES_OFF);
    assert_false(log_messages_of("none", &mode));
    assert_int_equal(log_messages_mode(), LOG_MESSAGES_ALL);
    log_messages_use(LOG_MESSAGES_SAMPLED);
    assert_int_equal(log_messages_mode(), LOG_MESSAGES_SAMPLED);
}

static void one_in_100_is_in_the_sample_whatever_the_ids_look_like(void **state)
{
    static const char *const forms[][2] = {
        {"", ""}, {"evt_", ""}, {"01a20acd-b3ef-7810-9b65-", ""}, {"", "-suffix"}};

    (void)state;
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        int in = 0;

        for (int i = 0; i < 100000; i++) {
            char id[64];

            (void)snprintf(id, sizeof id, "%s%d%s", forms[form][0], i, forms[form][1]);
            in += log_messages_samples(SPAN_LITERAL("github"), span_of(id));
        }
        if (in < 850 || in > 1150) {
            fail_msg("%d of 100000 ids of the form %s0%s", in, forms[form][0], forms[form][1]);
        }
    }
}

/* Programs of several releases must sample the same events. */
static void the_sample_is_the_same_in_every_program(void **state)
{
    char id[16];
    int found[3], count = 0;

    (void)state;
    for (int i = 0; count < 3; i++) {
        (void)snprintf(id, sizeof id, "%d", i);
        if (log_messages_samples(SPAN_LITERAL("default"), span_of(id))) {
            found[count++] = i;
        }
    }
    assert_int_equal(found[0], 220);
    assert_int_equal(found[1], 228);
    assert_int_equal(found[2], 268);
}

/* Waits for the beginning of a second, so that what follows is in one. */
static void begin_second(void)
{
    int64_t second = clock_monotonic_us() / CLOCK_US_PER_S;

    while (clock_monotonic_us() / CLOCK_US_PER_S == second) {
    }
}

static void few_lines_are_ten_of_each_kind_in_a_second(void **state)
{
    (void)state;
    begin_second();
    assert_true(log_messages_take_few(LOG_FEW_ORDINARY, 4));
    assert_false(log_messages_take_few(LOG_FEW_ORDINARY, 7));
    assert_true(log_messages_take_few(LOG_FEW_ORDINARY, 6));
    assert_false(log_messages_take_few(LOG_FEW_ORDINARY, 1));
    assert_true(log_messages_take_few(LOG_FEW_ORDINARY, 0));
    assert_false(log_messages_take_few(LOG_FEW_TROUBLE, 11));
    assert_true(log_messages_take_few(LOG_FEW_TROUBLE, 10));
    begin_second();
    assert_true(log_messages_take_few(LOG_FEW_ORDINARY, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_known_by_name),
        cmocka_unit_test(one_in_100_is_in_the_sample_whatever_the_ids_look_like),
        cmocka_unit_test(the_sample_is_the_same_in_every_program),
        cmocka_unit_test(few_lines_are_ten_of_each_kind_in_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
