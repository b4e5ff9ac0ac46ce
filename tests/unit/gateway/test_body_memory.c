/* SPDX-License-Identifier: MIT */
#include "gateway/body_memory.h"

#include "gateway/publish/pending.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE 4096

static struct body_memory memory;

static int set_budget(void **state)
{
    (void)state;
    memory = (struct body_memory){.most = 3L * PAGE};
    return 0;
}

static int assert_all_given_back(void **state)
{
    (void)state;
    assert_int_equal(memory.taken, 0);
    return 0;
}

static void bodies_share_one_budget(void **state)
{
    struct body first = {.memory = &memory}, second = {.memory = &memory};

    (void)state;
    assert_int_equal(body_reserve(&first, 2L * PAGE), BODY_ROOM);
    assert_int_equal(body_reserve(&second, PAGE + 1), BODY_ROOM_BUSY);
    assert_int_equal(body_reserve(&second, PAGE), BODY_ROOM);
    assert_int_equal(memory.taken, 3L * PAGE);
    body_free(&first);
    assert_int_equal(body_reserve(&second, 3L * PAGE), BODY_ROOM);
    body_free(&second);
}

static void a_body_that_is_refused_has_given_back_all_that_it_held(void **state)
{
    struct body first = {.memory = &memory}, second = {.memory = &memory};

    (void)state;
    assert_int_equal(body_reserve(&first, 2L * PAGE), BODY_ROOM);
    assert_int_equal(body_reserve(&second, PAGE), BODY_ROOM);
    second.bytes.len = PAGE;
    assert_int_equal(body_reserve(&second, 1), BODY_ROOM_BUSY);
    assert_null(second.bytes.data);
    assert_int_equal(second.bytes.len, 0);
    assert_int_equal(memory.taken, 2L * PAGE);
    assert_int_equal(body_reserve(&first, 3L * PAGE), BODY_ROOM);
    body_free(&first);
    assert_int_equal(body_reserve(&second, 3L * PAGE), BODY_ROOM);
    body_free(&second);
}

static void a_body_that_grows_takes_what_it_holds(void **state)
{
    struct body body = {.memory = &memory};

    (void)state;
    for (size_t i = 0; i < 3L * PAGE; i++) {
        assert_int_equal(body_reserve(&body, 1), BODY_ROOM);
        buf_append_char(&body.bytes, 'x');
        assert_true(memory.taken >= (int64_t)body.bytes.len && memory.taken < (int64_t)body.bytes.len + PAGE);
    }
    assert_int_equal(body_reserve(&body, 1), BODY_ROOM_BUSY);
    body_free(&body);
    body_free(&body);
    assert_int_equal(body_reserve(&body, PAGE), BODY_ROOM);
    body_free(&body);
}

#define LARGE (256L << 10)

static void silent_senders_hold_at_most_half_of_the_budget(void **state)
{
    struct body silent[4] = {0}, good = {.memory = &memory};

    (void)state;
    memory.most = 4 * LARGE;
    for (size_t i = 0; i < 4; i++) {
        silent[i].memory = &memory;
        assert_int_equal(body_announce(&silent[i], LARGE), BODY_ROOM);
    }
    assert_int_equal(memory.taken, 2 * LARGE);
    assert_int_equal(body_announce(&good, 2 * LARGE), BODY_ROOM);
    assert_int_equal(memory.taken, 2 * LARGE);
    assert_int_equal(body_reserve(&good, LARGE), BODY_ROOM);
    good.bytes.len = LARGE;
    assert_int_equal(body_reserve(&good, LARGE), BODY_ROOM);
    assert_int_equal(memory.taken, 4 * LARGE);
    assert_int_equal(body_reserve(&silent[2], 1), BODY_ROOM_BUSY);
    assert_int_equal(body_reserve(&silent[0], LARGE), BODY_ROOM);
    body_free(&good);
    for (size_t i = 0; i < 4; i++) {
        body_free(&silent[i]);
    }
    assert_int_equal(memory.ahead, 0);
}

static void bytes_that_have_arrived_make_place_for_other_announcements(void **state)
{
    struct body first = {.memory = &memory}, second = {.memory = &memory};

    (void)state;
    memory.most = 2 * LARGE;
    assert_int_equal(body_announce(&first, LARGE), BODY_ROOM);
    assert_int_equal(memory.ahead, LARGE);
    assert_int_equal(body_reserve(&first, LARGE / 2), BODY_ROOM);
    first.bytes.len = LARGE / 2;
    assert_int_equal(memory.ahead, LARGE / 2);
    assert_int_equal(body_reserve(&first, LARGE / 2), BODY_ROOM);
    assert_int_equal(memory.ahead, 0);
    assert_int_equal(body_announce(&second, LARGE), BODY_ROOM);
    assert_int_equal(memory.ahead, LARGE);
    assert_int_equal(memory.taken, 2 * LARGE);
    body_free(&first);
    body_free(&second);
    assert_int_equal(memory.ahead, 0);
}

static void a_body_that_does_not_fit_now_is_refused_when_it_is_announced(void **state)
{
    struct body first = {.memory = &memory}, second = {.memory = &memory}, small = {.memory = &memory};

    (void)state;
    memory.most = 2 * LARGE;
    assert_int_equal(body_reserve(&first, LARGE + 1), BODY_ROOM);
    assert_int_equal(body_announce(&second, LARGE), BODY_ROOM_BUSY);
    body_free(&second);
    assert_int_equal(memory.ahead, 0);
    assert_int_equal(body_announce(&second, 2 * LARGE), BODY_ROOM_BUSY); /* more than half: never ahead */
    body_free(&second);
    assert_int_equal(body_announce(&small, PAGE), BODY_ROOM);
    assert_int_equal(memory.ahead, 0);
    body_free(&small);
    body_free(&first);
}

static void one_body_at_a_time_gets_in_whatever_the_others_hold(void **state)
{
    enum { OTHERS = 40 };
    struct body good = {.memory = &memory}, next = {.memory = &memory}, others[OTHERS] = {0};
    int refused = 0;

    (void)state;
    memory.most = 32L * PAGE;
    body_memory_reserve(&memory, 4L * PAGE - 1);
    for (int i = 0; i < OTHERS; i++) { /* they never end, and new ones come */
        others[i].memory = &memory;
        if (i == 28) {
            assert_int_equal(memory.taken, 28L * PAGE);
        }
        if (i >= 28 && i < 32) {
            assert_int_equal(body_reserve(&good, PAGE), BODY_ROOM);
            good.bytes.len += PAGE;
            assert_true(good.favoured);
        }
        refused += body_reserve(&others[i], PAGE) == BODY_ROOM_BUSY;
    }
    assert_int_equal(refused, 12);
    assert_int_equal(memory.taken, 32L * PAGE);
    assert_int_equal(body_reserve(&next, PAGE), BODY_ROOM_BUSY);
    body_free(&good);
    assert_int_equal(body_reserve(&next, 4L * PAGE), BODY_ROOM); /* its place passes on */
    assert_int_equal(body_announce(&good, LARGE), BODY_ROOM_BUSY);
    for (int i = 0; i < OTHERS; i++) {
        body_free(&others[i]);
    }
    body_free(&next);
    assert_false(memory.favours);
}

static void the_reserve_is_at_most_half_and_a_larger_body_may_be_refused_though_favoured(void **state)
{
    struct body other = {.memory = &memory}, large = {.memory = &memory}, next = {.memory = &memory};

    (void)state;
    memory.most = 8L * PAGE;
    body_memory_reserve(&memory, 7L * PAGE);
    assert_int_equal(memory.reserved, 4L * PAGE);
    assert_int_equal(body_reserve(&other, 4L * PAGE), BODY_ROOM);
    assert_int_equal(body_reserve(&large, 4L * PAGE), BODY_ROOM);
    large.bytes.len = 4L * PAGE;
    assert_true(large.favoured);
    assert_int_equal(body_reserve(&large, 1), BODY_ROOM_BUSY);
    assert_int_equal(memory.taken, 4L * PAGE);
    assert_int_equal(body_reserve(&next, 1), BODY_ROOM);
    assert_true(next.favoured);
    body_free(&next);
    body_free(&other);
    assert_int_equal(body_reserve(&large, 8L * PAGE), BODY_ROOM); /* when there is nobody else */
    body_free(&large);
}

static void an_announced_body_that_takes_nothing_yet_can_be_the_favoured_one(void **state)
{
    struct body ahead = {.memory = &memory}, other = {.memory = &memory}, late = {.memory = &memory},
                last = {.memory = &memory};

    (void)state;
    memory.most = 4 * LARGE;
    body_memory_reserve(&memory, LARGE);
    assert_int_equal(body_announce(&ahead, 2 * LARGE), BODY_ROOM);
    assert_int_equal(body_reserve(&other, LARGE), BODY_ROOM);
    assert_int_equal(body_announce(&late, LARGE), BODY_ROOM);
    assert_true(late.favoured);
    assert_int_equal(late.taken, 0);
    assert_int_equal(body_announce(&last, LARGE), BODY_ROOM_BUSY);
    assert_int_equal(body_reserve(&late, LARGE), BODY_ROOM);
    body_free(&late);
    body_free(&other);
    body_free(&ahead);
}

static void a_text_is_favoured_with_its_body_and_refused_with_it(void **state)
{
    struct body other = {.memory = &memory}, body = {.memory = &memory},
                text = {.memory = &memory, .origin = &body};

    (void)state;
    memory.most = 8L * PAGE;
    body_memory_reserve(&memory, 4L * PAGE);
    assert_int_equal(body_reserve(&other, 4L * PAGE), BODY_ROOM);
    assert_int_equal(body_reserve(&body, PAGE), BODY_ROOM);
    assert_true(body.favoured);
    assert_int_equal(body_reserve(&text, 3L * PAGE), BODY_ROOM);
    assert_false(text.favoured);
    text.bytes.len = 3L * PAGE;
    assert_int_equal(body_reserve(&text, 1), BODY_ROOM_BUSY);
    assert_int_equal(memory.taken, 4L * PAGE);
    assert_false(body.favoured || memory.favours);
    body_free(&other);
}

#define SENDERS 8
#define STEPS 16
#define FIT 3 /* so many whole bodies, and half of one more */

struct sender {
    pthread_t thread;
    struct body body;
    bool announces, refused;
};

static pthread_barrier_t step;

/* Asks for the body's bytes in steps that all senders take at the same time. A refused one does nothing more:
 * its thread may not run again for as long as the others need. */
static void *send_in_step(void *argument)
{
    struct sender *s = argument;

    (void)pthread_barrier_wait(&step);
    s->refused = s->announces && body_announce(&s->body, LARGE) != BODY_ROOM;
    for (int i = 0; i < STEPS; i++) {
        (void)pthread_barrier_wait(&step);
        if (!s->refused) {
            s->refused = body_reserve(&s->body, LARGE / STEPS) != BODY_ROOM;
            s->body.bytes.len += s->refused ? 0 : LARGE / STEPS;
        }
    }
    return NULL;
}

/* Returns how many got through. Every so many-th announces its length; 0: none. */
static int compete(int announcing)
{
    struct sender senders[SENDERS] = {0};
    int through = 0;

    assert_int_equal(pthread_barrier_init(&step, NULL, SENDERS), 0);
    for (int i = 0; i < SENDERS; i++) {
        senders[i].body.memory = &memory;
        senders[i].announces = announcing > 0 && i % announcing == 0;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_in_step, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
        through += !senders[i].refused;
    }
    assert_int_equal(memory.taken, through * LARGE);
    assert_int_equal(memory.ahead, 0);
    for (int i = 0; i < SENDERS; i++) {
        body_free(&senders[i].body);
    }
    assert_int_equal(pthread_barrier_destroy(&step), 0);
    return through;
}

static void of_bodies_that_grow_together_as_many_get_through_as_fit(void **state)
{
    (void)state;
    memory.most = FIT * LARGE + LARGE / 2;
    for (int round = 0; round < 20; round++) {
        assert_int_equal(compete(0), FIT);
        assert_int_equal(compete(2), FIT);
        assert_int_equal(compete(1), FIT);
    }
}

static void beside_the_reserve_as_many_get_through_as_fit(void **state)
{
    (void)state;
    memory.most = FIT * LARGE + LARGE / 2;
    body_memory_reserve(&memory, LARGE);
    for (int round = 0; round < 20; round++) {
        assert_in_range(compete(0), FIT - 1, FIT);
        assert_in_range(compete(2), FIT - 1, FIT);
        assert_false(memory.favours);
    }
}

static void without_memory_the_budget_is_given_back_all_the_same(void **state)
{
    struct body body = {.memory = &memory};

    (void)state;
    body.bytes.failed = true; /* as after a failed allocation */
    assert_int_equal(body_reserve(&body, PAGE), BODY_ROOM_NONE);
    assert_int_equal(memory.taken, PAGE);
    body_free(&body);
}

static void a_body_that_is_published_keeps_its_share_until_its_event_is_freed(void **state)
{
    struct body body = {.memory = &memory};
    struct buf properties = {0};
    struct pending *e;

    (void)state;
    assert_int_equal(body_reserve(&body, PAGE), BODY_ROOM);
    e = pending_new("webhooks", SPAN_LITERAL("default"), &properties, &body);
    assert_non_null(e);
    body_free(&body);
    assert_int_equal(memory.taken, PAGE);
    pending_release(e);
    assert_int_equal(memory.taken, PAGE);
    pending_release(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bodies_share_one_budget, set_budget, assert_all_given_back),
        cmocka_unit_test_setup_teardown(a_body_that_is_refused_has_given_back_all_that_it_held, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(a_body_that_grows_takes_what_it_holds, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(silent_senders_hold_at_most_half_of_the_budget, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(bytes_that_have_arrived_make_place_for_other_announcements,
                                        set_budget, assert_all_given_back),
        cmocka_unit_test_setup_teardown(a_body_that_does_not_fit_now_is_refused_when_it_is_announced,
                                        set_budget, assert_all_given_back),
        cmocka_unit_test_setup_teardown(one_body_at_a_time_gets_in_whatever_the_others_hold, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(
            the_reserve_is_at_most_half_and_a_larger_body_may_be_refused_though_favoured, set_budget,
            assert_all_given_back),
        cmocka_unit_test_setup_teardown(an_announced_body_that_takes_nothing_yet_can_be_the_favoured_one,
                                        set_budget, assert_all_given_back),
        cmocka_unit_test_setup_teardown(a_text_is_favoured_with_its_body_and_refused_with_it, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(beside_the_reserve_as_many_get_through_as_fit, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(of_bodies_that_grow_together_as_many_get_through_as_fit, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(without_memory_the_budget_is_given_back_all_the_same, set_budget,
                                        assert_all_given_back),
        cmocka_unit_test_setup_teardown(a_body_that_is_published_keeps_its_share_until_its_event_is_freed,
                                        set_budget, assert_all_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
