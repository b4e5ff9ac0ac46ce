/* SPDX-License-Identifier: MIT */
#include "watcher.h"

#include "clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY_S 5

static struct {
    const struct status_settings *settings;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stopping;
    /* Under the mutex: */
    struct watched *watched; /* NULL: not started */
    bool stop;
} watcher = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct watched *watcher_hold(void)
{
    (void)pthread_mutex_lock(&watcher.mutex);
    return watcher.watched;
}

void watcher_release(void)
{
    (void)pthread_mutex_unlock(&watcher.mutex);
}

/* Looks without the mutex, so that no page waits for it. Only this thread changes what it has learned; a page
 * adds what it asks itself. */
static void look(struct overview *fresh, struct overview_links *links)
{
    const struct overview_options options = {.subcommand = "console", .skip_database = true};
    struct watched *watched = watcher.watched;

    overview_ask(fresh, links, watcher.settings, &options,
                 watched->history.count == 0 ? NULL : &watched->overview);
    (void)watcher_hold();
    overview_free(&watched->overview);
    watched->overview = *fresh;
    history_add(&watched->history, fresh);
    watcher_release();
}

/* Returns false when it is time to stop. */
static bool wait_for_the_next(void)
{
    struct timespec due;
    int why = 0;
    bool stop;

    (void)clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_sec += EVERY_S;
    (void)pthread_mutex_lock(&watcher.mutex);
    while (!watcher.stop && why == 0) {
        why = pthread_cond_timedwait(&watcher.stopping, &watcher.mutex, &due);
    }
    stop = watcher.stop;
    (void)pthread_mutex_unlock(&watcher.mutex);
    return !stop;
}

static void *run(void *context)
{
    struct overview *fresh = context;
    struct overview_links links = {0};

    do {
        look(fresh, &links);
    } while (wait_for_the_next());
    overview_leave(&links);
    free(fresh);
    return NULL;
}

enum error_code watcher_start(const struct status_settings *settings, struct error *error)
{
    struct overview *fresh = calloc(1, sizeof *fresh);
    pthread_condattr_t attributes;
    int why;

    watcher.watched = calloc(1, sizeof *watcher.watched);
    if (watcher.watched == NULL || fresh == NULL) {
        free(fresh);
        free(watcher.watched);
        watcher.watched = NULL;
        return error_set(error, ERROR_MEMORY, "no memory for the console's watcher");
    }
    watcher.settings = settings;
    watcher.stop = false;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watcher.stopping, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    why = pthread_create(&watcher.thread, NULL, run, fresh);
    if (why != 0) {
        free(fresh);
        free(watcher.watched);
        watcher.watched = NULL;
        return error_set(error, ERROR_SYSTEM, "cannot start the console's watcher: %s", strerror(why));
    }
    return ERROR_NONE;
}

void watcher_stop(void)
{
    if (watcher.watched == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watcher.mutex);
    watcher.stop = true;
    (void)pthread_cond_signal(&watcher.stopping);
    (void)pthread_mutex_unlock(&watcher.mutex);
    (void)pthread_join(watcher.thread, NULL);
    (void)pthread_cond_destroy(&watcher.stopping);
    overview_free(&watcher.watched->overview);
    free(watcher.watched);
    watcher.watched = NULL;
}
