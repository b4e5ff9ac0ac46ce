/* SPDX-License-Identifier: MIT */
#include "ctl/console/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int begun, done, dropped;
static bool open_gate;

static void work(void *job, PGconn **connection)
{
    assert_null(*connection);
    (void)pthread_mutex_lock(&mutex);
    begun++;
    (void)pthread_cond_broadcast(&changed);
    while (job != NULL && !open_gate) {
        (void)pthread_cond_wait(&changed, &mutex);
    }
    done++;
    (void)pthread_mutex_unlock(&mutex);
}

static void drop(void *job)
{
    (void)job;
    dropped++;
}

static void wait_for(const int *count, int wanted)
{
    (void)pthread_mutex_lock(&mutex);
    while (*count < wanted) {
        (void)pthread_cond_wait(&changed, &mutex);
    }
    (void)pthread_mutex_unlock(&mutex);
}

static void open_it(void)
{
    (void)pthread_mutex_lock(&mutex);
    open_gate = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

static void jobs_run_side_by_side_and_too_many_are_refused(void **state)
{
    static const struct pool_kind kind = {work, drop};
    struct pool *pool = NULL;
    struct error error;
    int job = 0;

    (void)state;
    assert_int_equal(pool_start(&pool, &kind, &error), ERROR_NONE);
    for (int i = 0; i < POOL_THREADS; i++) {
        assert_true(pool_add(pool, &job));
    }
    wait_for(&begun, POOL_THREADS); /* all at once */
    for (int i = 0; i < POOL_WAITING_MAX; i++) {
        assert_true(pool_add(pool, &job));
    }
    assert_false(pool_add(pool, &job));
    open_it();
    wait_for(&begun, POOL_THREADS + POOL_WAITING_MAX);
    pool_end(pool);
    assert_int_equal(done, POOL_THREADS + POOL_WAITING_MAX);
    assert_int_equal(dropped, 0);
    assert_false(pool_add(pool, &job));
    pool_free(pool);
}

static void *end(void *pool)
{
    pool_end(pool);
    return NULL;
}

static void an_end_waits_for_what_runs_and_drops_what_waits(void **state)
{
    static const struct pool_kind kind = {work, drop};
    struct pool *pool = NULL;
    struct error error;
    pthread_t thread;
    int job = 0, added = POOL_THREADS;

    (void)state;
    begun = done = 0;
    open_gate = false;
    assert_int_equal(pool_start(&pool, &kind, &error), ERROR_NONE);
    for (int i = 0; i < POOL_THREADS; i++) {
        assert_true(pool_add(pool, &job));
    }
    wait_for(&begun, POOL_THREADS);
    assert_int_equal(pthread_create(&thread, NULL, end, pool), 0);
    while (pool_add(pool, &job)) { /* until the end has begun, or no more fit */
        added++;
    }
    open_it();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(done + dropped, added);
    assert_int_equal(begun, done);
    pool_free(pool);
    pool_end(NULL);
    pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_side_by_side_and_too_many_are_refused),
        cmocka_unit_test(an_end_waits_for_what_runs_and_drops_what_waits),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
