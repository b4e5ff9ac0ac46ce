/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_POOL_H
#define SLUICE_CTL_CONSOLE_POOL_H

/* The threads that answer what takes a database: POOL_THREADS, each with a connection of its own, so that one
 * slow question doesn't hold up all others, and reading never takes more connections than that. */

#include "error.h"

#include <libpq-fe.h>
#include <stdbool.h>

#define POOL_THREADS 2
#define POOL_WAITING_MAX 32 /* jobs that wait for a thread */

struct pool;

struct pool_kind {
    /* Does a job on a thread of the pool. *connection belongs to that thread: NULL at first. */
    void (*work)(void *job, PGconn **connection);
    /* Ends a job that no thread does any more. */
    void (*drop)(void *job);
};

/* The caller owns *pool: it calls pool_end, then pool_free. ERROR_MEMORY, ERROR_SYSTEM. */
MUST_CHECK enum error_code pool_start(struct pool **pool, const struct pool_kind *kind, struct error *error);
/* Hands a job over. Returns false, and hands nothing over, when POOL_WAITING_MAX jobs wait or the pool has
 * ended. Any thread. */
MUST_CHECK bool pool_add(struct pool *pool, void *job);
/* Waits for the jobs that threads are doing, drops those that wait, and takes no more. pool may be NULL. */
void pool_end(struct pool *pool);
void pool_free(struct pool *pool);

#endif
