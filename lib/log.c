/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "clock.h"
#include "logfmt.h"
#include "logjson.h"
#include "metrics.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE (1024 * 1024)
/* How long the writer waits for more lines after the first, so that busy callers rarely wake it. */
#define GATHER_US (5 * CLOCK_US_PER_MS)
#define STOP_US CLOCK_US_PER_S
#define POLL_MS 100
#define DUE_EVERY_US (10 * CLOCK_US_PER_S)

enum writer_state {
    WRITER_NONE,      /* not started, or ended: callers write their lines themselves */
    WRITER_SLEEPING,  /* waiting for a line: wake it */
    WRITER_GATHERING, /* waiting for more lines: wake it only for urgent ones */
    WRITER_WRITING,   /* busy; it checks for new lines before it waits again */
};

/* Callers fill one buffer while the writer writes the other. */
static char buffers[2][BUFFER_SIZE];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake, ended;
/* Under the mutex. */
static enum writer_state state;
static bool stopping, urgent;
static int filling; /* index of the callers' buffer */
static size_t filled;
static int64_t dropped_unlogged; /* lines dropped since the last "log-dropped" */

static pthread_t writer;
static _Atomic int64_t stop_at = INT64_MAX; /* when the writer gives up (monotonic) */
static atomic_int least_level = LOG_INFO;
static atomic_int format_in_use = LOG_LOGFMT;

static struct metric metrics[] = {
    {"sluice_log_dropped_total", NULL, "Log lines dropped because standard error did not take them.",
     METRIC_COUNTER, 0},
};

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_use_format(enum log_format format)
{
    atomic_store(&format_in_use, (int)format);
}

static void append_line(struct buf *line, enum log_level level, const char *event,
                        const struct log_field *fields)
{
    switch ((enum log_format)atomic_load_explicit(&format_in_use, memory_order_relaxed)) {
    case LOG_LOGFMT:
        logfmt_append(line, level, event, fields);
        break;
    case LOG_JSON:
        logjson_append(line, level, event, fields);
        break;
    }
}

int64_t log_dropped(void)
{
    return metric_get(&metrics[0]);
}

/* --- standard error ---------------------------------------------------------- */

static int64_t count_lines(const char *data, size_t len)
{
    int64_t lines = 0;

    for (size_t i = 0; i < len; i++) {
        lines += data[i] == '\n';
    }
    return lines;
}

/* How much to pass to one write: whole lines, up to PIPE_BUF bytes. A pipe writes that much atomically, so
 * lines of several processes on one pipe don't mix, and doesn't block when it polls writable. */
static size_t portion(const char *data, size_t len)
{
    const char *end;

    if (len <= PIPE_BUF) {
        return len;
    }
    end = memrchr(data, '\n', PIPE_BUF);
    return end == NULL ? PIPE_BUF : (size_t)(end - data) + 1;
}

/* Writes all, unless standard error fails or `*until` passes (log_stop may lower it meanwhile). Counts the
 * unwritten lines as dropped. */
static void write_out(const char *data, size_t len, const _Atomic int64_t *until)
{
    while (len > 0) {
        struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
        int ready = poll(&fd, 1, POLL_MS);
        ssize_t written = -1;

        if (ready > 0) {
            written = write(STDERR_FILENO, data, portion(data, len));
        }
        if (written >= 0) {
            data += written;
            len -= (size_t)written;
            continue;
        }
        if ((ready > 0 && errno != EAGAIN && errno != EINTR) || clock_monotonic_us() >= atomic_load(until)) {
            metric_add(&metrics[0], count_lines(data, len));
            return;
        }
    }
}

/* --- the writer -------------------------------------------------------------- */

static void wait_until(int64_t monotonic_us)
{
    struct timespec until = {monotonic_us / CLOCK_US_PER_S, monotonic_us % CLOCK_US_PER_S * 1000};

    (void)pthread_cond_timedwait(&wake, &mutex, &until);
}

/* Waits until there is something to write, or the writer must stop. */
static void gather(void)
{
    int64_t until;

    while (filled == 0 && dropped_unlogged == 0 && !stopping) {
        state = WRITER_SLEEPING;
        (void)pthread_cond_wait(&wake, &mutex);
    }
    until = clock_monotonic_us() + GATHER_US;
    while (!urgent && !stopping && clock_monotonic_us() < until) {
        state = WRITER_GATHERING;
        wait_until(until);
    }
    state = WRITER_WRITING;
    urgent = false;
}

static void write_dropped(int64_t lines)
{
    struct buf line = {0};

    append_line(&line, LOG_WARNING, "log-dropped", LOG_FIELDS(log_number("lines", lines)));
    if (!line.failed) {
        write_out(line.data, line.len, &stop_at);
    }
    buf_free(&line);
}

static void *run(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&mutex);
    for (;;) {
        const char *data;
        size_t len;
        int64_t lines;

        gather();
        if (filled == 0 && dropped_unlogged == 0) {
            break; /* stopping, and all lines are written */
        }
        data = buffers[filling];
        len = filled;
        lines = dropped_unlogged;
        filling = 1 - filling;
        filled = 0;
        dropped_unlogged = 0;
        (void)pthread_mutex_unlock(&mutex);
        write_out(data, len, &stop_at);
        if (lines > 0) {
            write_dropped(lines);
        }
        (void)pthread_mutex_lock(&mutex);
    }
    state = WRITER_NONE;
    (void)pthread_cond_signal(&ended);
    (void)pthread_mutex_unlock(&mutex);
    return NULL;
}

void log_register(void)
{
    metrics_register(metrics, sizeof metrics / sizeof metrics[0]);
}

enum error_code log_start(enum log_level least, struct error *error)
{
    static bool prepared;
    enum error_code code = ERROR_NONE;
    int failure;

    if (!prepared) {
        pthread_condattr_t attributes;

        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&wake, &attributes);
        (void)pthread_cond_init(&ended, &attributes);
        (void)pthread_condattr_destroy(&attributes);
        log_register();
        prepared = true;
    }
    atomic_store(&least_level, (int)least);
    (void)pthread_mutex_lock(&mutex);
    if (state != WRITER_NONE) {
        code = error_set(error, ERROR_BUG, "the log's writer is already running");
    } else {
        stopping = false;
        atomic_store(&stop_at, INT64_MAX);
        failure = pthread_create(&writer, NULL, run, NULL);
        if (failure != 0) {
            code = error_set(error, ERROR_SYSTEM, "cannot start the log's writer: %s", strerror(failure));
        } else {
            state = WRITER_WRITING;
        }
    }
    (void)pthread_mutex_unlock(&mutex);
    return code;
}

void log_stop(void)
{
    int64_t until = clock_monotonic_us() + STOP_US;
    /* If a write blocks in the kernel even so, the thread is abandoned. That is safe: its memory is static.
     */
    int64_t hopeless = until + 5 * POLL_MS * CLOCK_US_PER_MS;
    struct timespec patience = {hopeless / CLOCK_US_PER_S, hopeless % CLOCK_US_PER_S * 1000};
    int waited = 0;
    bool gone;

    (void)pthread_mutex_lock(&mutex);
    if (state == WRITER_NONE) {
        (void)pthread_mutex_unlock(&mutex);
        return;
    }
    stopping = true;
    atomic_store(&stop_at, until);
    (void)pthread_cond_signal(&wake);
    while (state != WRITER_NONE && waited == 0) {
        waited = pthread_cond_timedwait(&ended, &mutex, &patience);
    }
    gone = state == WRITER_NONE;
    (void)pthread_mutex_unlock(&mutex);
    if (gone) {
        (void)pthread_join(writer, NULL);
    } else {
        (void)pthread_detach(writer);
    }
}

/* Hands the line to the writer, or counts it as dropped when the buffer is full. False when no writer runs or
 * it is stopping. */
static bool hand_over(const struct buf *line, bool is_urgent)
{
    bool wanted = false;
    bool taken;

    (void)pthread_mutex_lock(&mutex);
    taken = state != WRITER_NONE && !stopping;
    if (taken) {
        if (line->len <= BUFFER_SIZE - filled) {
            memcpy(buffers[filling] + filled, line->data, line->len);
            filled += line->len;
        } else {
            dropped_unlogged++;
            metric_add(&metrics[0], 1);
        }
        is_urgent = is_urgent || filled > BUFFER_SIZE / 2;
        wanted = state == WRITER_SLEEPING || (state == WRITER_GATHERING && is_urgent && !urgent);
        urgent = urgent || is_urgent;
        if (state == WRITER_SLEEPING) {
            state = WRITER_GATHERING;
        }
    }
    (void)pthread_mutex_unlock(&mutex);
    if (wanted) {
        (void)pthread_cond_signal(&wake);
    }
    return taken;
}

bool log_is_due(_Atomic int64_t *last)
{
    int64_t before = atomic_load_explicit(last, memory_order_relaxed), now = clock_monotonic_us();

    return (before == 0 || now - before >= DUE_EVERY_US) &&
           atomic_compare_exchange_strong(last, &before, now);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    struct buf line = {0};

    if (!log_enabled(level)) {
        return;
    }
    append_line(&line, level, event, fields);
    if (line.failed) {
        metric_add(&metrics[0], 1);
    } else if (!hand_over(&line, level >= LOG_WARNING)) {
        _Atomic int64_t until = clock_monotonic_us() + STOP_US;

        write_out(line.data, line.len, &until);
    }
    buf_free(&line);
}
