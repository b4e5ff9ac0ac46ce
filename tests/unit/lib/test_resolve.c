/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "errand.h"
#include "resolve.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SOON_US (10 * CLOCK_US_PER_S)

static enum error_code ask(const char *host, struct addresses *addresses, struct error *error)
{
    return resolve(host, clock_monotonic_us() + SOON_US, addresses, error);
}

static void a_number_is_its_own_answer_at_once(void **state)
{
    static const char *const numbers[] = {"127.0.0.1", "::1", "2001:db8::7"};
    struct addresses addresses;
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct lookup *lookup;

        assert_int_equal(resolve_begin(&lookup, numbers[i], &error), ERROR_NONE);
        assert_true(resolve_is_done(lookup));
        assert_int_equal(resolve_fd(lookup), -1);
        assert_int_equal(resolve_end(lookup, &addresses, &error), ERROR_NONE);
        assert_int_equal(addresses.count, 1);
        assert_string_equal(addresses.text[0], numbers[i]);
    }
}

static void a_known_name_has_addresses(void **state)
{
    struct addresses addresses;
    struct error error;
    bool loopback = false;

    (void)state;
    assert_int_equal(ask("localhost", &addresses, &error), ERROR_NONE);
    for (size_t i = 0; i < addresses.count; i++) {
        loopback =
            loopback || strcmp(addresses.text[i], "127.0.0.1") == 0 || strcmp(addresses.text[i], "::1") == 0;
    }
    assert_true(loopback);
}

static void an_unknown_name_is_told_in_the_resolvers_words(void **state)
{
    struct addresses addresses;
    struct error error;

    (void)state;
    assert_int_equal(ask("no such host", &addresses, &error), ERROR_UNREACHABLE);
    assert_memory_equal(error.text, "the name no such host: ", 23);
    assert_true(strlen(error.text) > 23);
}

static void whoever_asks_for_the_same_name_at_once_gets_the_same_answer(void **state)
{
    struct addresses first, second;
    struct lookup *one, *other, *left;
    struct error error;

    (void)state;
    assert_int_equal(resolve_begin(&one, "localhost", &error), ERROR_NONE);
    assert_int_equal(resolve_begin(&left, "localhost", &error), ERROR_NONE);
    assert_int_equal(resolve_begin(&other, "localhost", &error), ERROR_NONE);
    assert_ptr_equal(one, other);
    resolve_leave(left);
    while (!resolve_is_done(one)) {
        struct pollfd fd = {.fd = resolve_fd(one), .events = POLLIN};

        assert_int_equal(poll(&fd, 1, (int)(SOON_US / CLOCK_US_PER_MS)), 1);
    }
    assert_int_equal(resolve_end(one, &first, &error), ERROR_NONE);
    assert_int_equal(resolve_end(other, &second, &error), ERROR_NONE);
    assert_memory_equal(&first, &second, sizeof first);
    resolve_leave(NULL);
}

static void an_answer_that_nobody_waited_for_is_there_for_the_next(void **state)
{
    struct lookup *early, *late;
    struct addresses addresses;
    struct error error;

    (void)state;
    assert_int_equal(resolve_begin(&early, "localhost", &error), ERROR_NONE);
    resolve_leave(early);
    assert_int_equal(resolve_begin(&late, "localhost", &error), ERROR_NONE);
    assert_ptr_equal(early, late);
    resolve_leave(late);
    assert_int_equal(ask("localhost", &addresses, &error), ERROR_NONE);
}

/* --- errands ---------------------------------------------------------------------------- */

struct job {
    sem_t go, discarded;
    int ran;
};

static void run(void *job)
{
    struct job *j = job;

    while (sem_wait(&j->go) != 0) {
    }
    j->ran++;
}

static void discard(void *job)
{
    struct job *j = job;

    (void)sem_post(&j->discarded);
}

static const struct errand_kind kind = {run, discard};

static void an_errand_that_was_left_is_discarded_by_its_thread(void **state)
{
    struct job job = {.ran = 0};
    struct errand *errand;
    struct error error;

    (void)state;
    (void)sem_init(&job.go, 0, 0);
    (void)sem_init(&job.discarded, 0, 0);
    assert_int_equal(errand_begin(&errand, &kind, &job, &error), ERROR_NONE);
    assert_false(errand_is_done(errand));
    errand_leave(errand);
    assert_int_not_equal(sem_trywait(&job.discarded), 0);
    (void)sem_post(&job.go);
    assert_int_equal(sem_wait(&job.discarded), 0);
    assert_int_equal(job.ran, 1);
}

static void an_errand_that_is_done_says_so_and_waits_for_its_owner(void **state)
{
    struct job job = {.ran = 0};
    struct errand *errand;
    struct error error;
    struct pollfd fd = {.events = POLLIN};

    (void)state;
    (void)sem_init(&job.go, 0, 1);
    (void)sem_init(&job.discarded, 0, 0);
    assert_int_equal(errand_begin(&errand, &kind, &job, &error), ERROR_NONE);
    fd.fd = errand_fd(errand);
    assert_int_equal(poll(&fd, 1, (int)(SOON_US / CLOCK_US_PER_MS)), 1);
    assert_true(errand_is_done(errand));
    assert_int_equal(job.ran, 1);
    assert_int_not_equal(sem_trywait(&job.discarded), 0);
    errand_leave(errand);
    assert_int_equal(sem_wait(&job.discarded), 0);
}

static pthread_key_t ending;

/* What a library does at the end of a thread, and slowly. */
static void end_of_thread(void *ended)
{
    (void)poll(NULL, 0, 50);
    atomic_store((atomic_bool *)ended, true);
}

static void use_a_library(void *ended)
{
    (void)pthread_setspecific(ending, ended);
}

static void keep(void *job)
{
    (void)job;
}

static void the_thread_of_an_errand_that_is_done_has_ended_when_it_is_left(void **state)
{
    static const struct errand_kind slow_end = {use_a_library, keep};
    atomic_bool ended = false;
    struct errand *errand;
    struct error error;
    struct pollfd fd = {.events = POLLIN};

    (void)state;
    assert_int_equal(pthread_key_create(&ending, end_of_thread), 0);
    assert_int_equal(errand_begin(&errand, &slow_end, &ended, &error), ERROR_NONE);
    fd.fd = errand_fd(errand);
    assert_int_equal(poll(&fd, 1, (int)(SOON_US / CLOCK_US_PER_MS)), 1);
    errand_leave(errand);
    assert_true(atomic_load(&ended));
    (void)pthread_key_delete(ending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_its_own_answer_at_once),
        cmocka_unit_test(a_known_name_has_addresses),
        cmocka_unit_test(an_unknown_name_is_told_in_the_resolvers_words),
        cmocka_unit_test(whoever_asks_for_the_same_name_at_once_gets_the_same_answer),
        cmocka_unit_test(an_answer_that_nobody_waited_for_is_there_for_the_next),
        cmocka_unit_test(an_errand_that_was_left_is_discarded_by_its_thread),
        cmocka_unit_test(an_errand_that_is_done_says_so_and_waits_for_its_owner),
        cmocka_unit_test(the_thread_of_an_errand_that_is_done_has_ended_when_it_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
