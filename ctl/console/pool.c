/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    struct pool_kind kind;
    pthread_t threads[POOL_THREADS];
    size_t started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex: */
    void *waiting[POOL_WAITING_MAX]; /* a ring */
    size_t first, count;
    bool ended;
};

/* The next job; waits for one unless the pool has ended. NULL: there is none any more. */
static void *take(struct pool *pool)
{
    void *job = NULL;

    (void)pthread_mutex_lock(&pool->mutex);
    while (pool->count == 0 && !pool->ended) {
        (void)pthread_cond_wait(&pool->changed, &pool->mutex);
    }
    if (!pool->ended) {
        job = pool->waiting[pool->first];
        pool->first = (pool->first + 1) % POOL_WAITING_MAX;
        pool->count--;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *run(void *context)
{
    struct pool *pool = context;
    PGconn *connection = NULL;

    for (void *job; (job = take(pool)) != NULL;) {
        pool->kind.work(job, &connection);
    }
    PQfinish(connection);
    return NULL;
}

enum error_code pool_start(struct pool **pool, const struct pool_kind *kind, struct error *error)
{
    struct pool *p = calloc(1, sizeof *p);

    *pool = NULL;
    if (p == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for the console's threads");
    }
    p->kind = *kind;
    (void)pthread_mutex_init(&p->mutex, NULL);
    (void)pthread_cond_init(&p->changed, NULL);
    while (p->started < POOL_THREADS) {
        int why = pthread_create(&p->threads[p->started], NULL, run, p);

        if (why != 0) {
            pool_end(p);
            pool_free(p);
            return error_set(error, ERROR_SYSTEM, "cannot start a thread of the console: %s", strerror(why));
        }
        p->started++;
    }
    *pool = p;
    return ERROR_NONE;
}

bool pool_add(struct pool *pool, void *job)
{
    bool fits;

    (void)pthread_mutex_lock(&pool->mutex);
    fits = !pool->ended && pool->count < POOL_WAITING_MAX; /* the rest of an ended pool is pool_end's */
    if (fits) {
        pool->waiting[(pool->first + pool->count++) % POOL_WAITING_MAX] = job;
        (void)pthread_cond_signal(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return fits;
}

void pool_end(struct pool *pool)
{
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    pool->ended = true;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->mutex);
    while (pool->started > 0) {
        (void)pthread_join(pool->threads[--pool->started], NULL);
    }
    for (; pool->count > 0; pool->count--) {
        pool->kind.drop(pool->waiting[pool->first]);
        pool->first = (pool->first + 1) % POOL_WAITING_MAX;
    }
}

void pool_free(struct pool *pool)
{
    if (pool != NULL) {
        (void)pthread_cond_destroy(&pool->changed);
        (void)pthread_mutex_destroy(&pool->mutex);
        free(pool);
    }
}
