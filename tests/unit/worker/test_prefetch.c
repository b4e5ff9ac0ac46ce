/* SPDX-License-Identifier: MIT */
#include "worker/prefetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY 10000

static struct prefetch seen(size_t bytes)
{
    struct prefetch p = {.most = 100, .memory = MEMORY};

    prefetch_note(&p, bytes);
    return p;
}

/* An ack that owes `count` messages of this size. */
static struct ack owing(size_t count, size_t bytes)
{
    struct ack ack;
    struct error error;

    assert_int_equal(ack_init(&ack, 1000, &error), ERROR_NONE);
    for (size_t i = 0; i < count; i++) {
        assert_true(ack_received(&ack, i + 1, 1, bytes, 1));
    }
    return ack;
}

static void it_is_the_most_until_an_event_has_come(void **state)
{
    const struct prefetch p = {.most = 100, .memory = MEMORY};

    (void)state;
    assert_int_equal(prefetch_now(&p), 100);
}

static void events_of_the_usual_size_fill_half_of_the_memory(void **state)
{
    const struct prefetch small = seen(10), middle = seen(100), large = seen(MEMORY);

    (void)state;
    assert_int_equal(prefetch_now(&small), 100);
    assert_int_equal(prefetch_now(&middle), 50);
    assert_int_equal(prefetch_now(&large), 1);
}

static void the_usual_size_follows_the_events_slowly(void **state)
{
    struct prefetch p = seen(1600);

    (void)state;
    prefetch_note(&p, 3200);
    assert_int_equal(p.usual_bytes, 1700);
    for (int i = 0; i < 200; i++) {
        prefetch_note(&p, 3200);
    }
    assert_in_range(p.usual_bytes, 3100, 3200);
}

static void it_is_exceeded_above_the_memory_and_goes_on_at_half_of_it(void **state)
{
    const struct prefetch p = {.most = 100, .memory = MEMORY};
    struct ack full = owing(10, 1000), over = owing(11, 1000), half = owing(5, 1000), many = owing(101, 1);

    (void)state;
    assert_false(prefetch_is_exceeded(&p, &full));
    assert_true(prefetch_is_exceeded(&p, &over));
    assert_false(prefetch_may_go_on(&p, &full));
    assert_true(prefetch_may_go_on(&p, &half));
    assert_false(prefetch_may_go_on(&p, &many));
    ack_free(&full), ack_free(&over), ack_free(&half), ack_free(&many);
}

static void it_rises_to_the_most_or_by_twice_only(void **state)
{
    const struct prefetch fifty = seen(100), all = seen(10);
    struct ack none = owing(0, 0), many = owing(101, 1);

    (void)state;
    assert_true(prefetch_may_rise(&fifty, 25, &none));
    assert_false(prefetch_may_rise(&fifty, 26, &none));
    assert_false(prefetch_may_rise(&fifty, 50, &none));
    assert_true(prefetch_may_rise(&all, 99, &none));
    assert_false(prefetch_may_rise(&all, 100, &none));
    assert_false(prefetch_may_rise(&all, 25, &many));
    ack_free(&none), ack_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_most_until_an_event_has_come),
        cmocka_unit_test(events_of_the_usual_size_fill_half_of_the_memory),
        cmocka_unit_test(the_usual_size_follows_the_events_slowly),
        cmocka_unit_test(it_is_exceeded_above_the_memory_and_goes_on_at_half_of_it),
        cmocka_unit_test(it_rises_to_the_most_or_by_twice_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
