/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include "clock.h"
#include "run.h"
#include "session.h"

#include <poll.h>
#include <stdlib.h>

#define OPENING_DEADLINE_US (5 * CLOCK_US_PER_S)
/* Twice the role's statement_timeout: the server should have spoken long before. From the start of a run, and
 * from each sync on: a run of many slow transactions takes its time. */
#define BATCH_DEADLINE_US (60 * CLOCK_US_PER_S)

struct slot {
    enum slot_state state;
    const struct worker_settings *settings;
    const char *worker;
    struct session session;
    struct batch batch;
    struct run run;
    bool begun; /* the batch's first run was sent */
    int64_t deadline_us;
    int64_t ready_since_us;
};

enum error_code slot_new(struct slot **slot, const struct worker_settings *settings, const char *worker,
                         struct error *error)
{
    struct slot *s = calloc(1, sizeof *s);
    enum error_code code;

    *slot = NULL;
    if (s == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a database connection");
    }
    code = batch_init(&s->batch, (size_t)settings->batch_events, (size_t)settings->batch_bytes, error);
    if (code == ERROR_NONE) {
        code =
            run_init(&s->run, (size_t)settings->batch_events, (int64_t)settings->delays.count, worker, error);
    }
    if (code != ERROR_NONE) {
        slot_free(s);
        return code;
    }
    s->settings = settings;
    s->worker = worker;
    s->deadline_us = INT64_MAX;
    *slot = s;
    return ERROR_NONE;
}

/* --- opening and closing ----------------------------------------------------------- */

static void set_state(struct slot *s, enum slot_state state, int64_t now_us)
{
    s->state = state;
    switch (state) {
    case SLOT_CLOSED:
        s->deadline_us = INT64_MAX;
        break;
    case SLOT_OPENING:
        s->deadline_us = now_us + OPENING_DEADLINE_US;
        break;
    case SLOT_READY:
        s->deadline_us = INT64_MAX;
        s->ready_since_us = now_us;
        break;
    case SLOT_BUSY:
        s->deadline_us = now_us + BATCH_DEADLINE_US;
        break;
    }
}

void slot_open(struct slot *s, int64_t now_us)
{
    set_state(s, SLOT_OPENING, now_us);
    session_open(&s->session, s->settings, s->worker);
}

static void disconnect(struct slot *s)
{
    session_close(&s->session);
    set_state(s, SLOT_CLOSED, 0);
}

static enum slot_news step_opening(struct slot *s, int64_t now_us)
{
    switch (session_step(&s->session)) {
    case SESSION_PENDING:
        return SLOT_NOTHING;
    case SESSION_OPENED:
        set_state(s, SLOT_READY, now_us);
        return SLOT_OPENED;
    case SESSION_NO_PLACE:
        disconnect(s);
        return SLOT_NO_PLACE;
    case SESSION_FAILED:
        disconnect(s);
        return SLOT_NOT_OPENED;
    case SESSION_UNFIT:
        disconnect(s);
        return SLOT_UNFIT;
    }
    return SLOT_NOTHING;
}

static enum slot_news lost(struct slot *s)
{
    run_lost(&s->run, &s->batch, &s->session);
    disconnect(s);
    return SLOT_LOST;
}

/* --- the batch ------------------------------------------------------------------------ */

void slot_store(struct slot *s, struct backlog *backlog, size_t most, int64_t now_us)
{
    batch_take(&s->batch, backlog, most);
    s->begun = false; /* slot_step sends it: so that its outcome has one way to be told */
    set_state(s, SLOT_BUSY, now_us);
}

/* Sends the events that belong to a run of this kind; on to the dead letters when there are none. */
static enum slot_news begin_run(struct slot *s, enum run_kind kind, int64_t now_us)
{
    bool any = run_select(&s->run, kind, &s->batch);

    if (!any && kind != RUN_BURY) {
        any = run_select(&s->run, RUN_BURY, &s->batch);
    }
    if (!any) {
        set_state(s, SLOT_READY, now_us);
        return SLOT_FINISHED;
    }
    set_state(s, SLOT_BUSY, now_us);
    return run_send(&s->run, &s->session) ? SLOT_NOTHING : lost(s);
}

static enum slot_news answered(struct slot *s, int64_t now_us)
{
    bool last = s->run.kind == RUN_BURY;
    enum run_kind next = run_settle(&s->run, &s->session);

    if (last) {
        set_state(s, SLOT_READY, now_us);
        return SLOT_FINISHED;
    }
    return begin_run(s, next, now_us);
}

static enum slot_news step_busy(struct slot *s, int64_t now_us)
{
    size_t synced = s->run.synced;

    switch (run_step(&s->run, &s->session)) {
    case RUN_PENDING:
        if (s->run.synced > synced) {
            set_state(s, SLOT_BUSY, now_us);
        }
        return SLOT_NOTHING;
    case RUN_ANSWERED:
        return answered(s, now_us);
    case RUN_BROKEN:
        return lost(s);
    }
    return SLOT_NOTHING;
}

static enum slot_news give_up(struct slot *s)
{
    session_note(&s->session, "the database did not answer before the deadline");
    if (s->state == SLOT_OPENING) {
        disconnect(s);
        return SLOT_NOT_OPENED;
    }
    return lost(s);
}

enum slot_news slot_step(struct slot *s, int64_t now_us)
{
    enum slot_news news = SLOT_NOTHING;

    if (s->state != SLOT_CLOSED && now_us >= s->deadline_us) {
        return give_up(s);
    }
    switch (s->state) {
    case SLOT_CLOSED:
        break;
    case SLOT_OPENING:
        return step_opening(s, now_us);
    case SLOT_READY:
        return session_alive(&s->session) ? SLOT_NOTHING : lost(s);
    case SLOT_BUSY:
        if (!s->begun) {
            s->begun = true;
            news = begin_run(s, RUN_TOGETHER, now_us);
        }
        return news == SLOT_NOTHING ? step_busy(s, now_us) : news;
    }
    return SLOT_NOTHING;
}

struct batch *slot_batch(struct slot *s)
{
    return &s->batch;
}

enum slot_state slot_state(const struct slot *s)
{
    return s->state;
}

int slot_fd(const struct slot *s)
{
    return session_fd(&s->session);
}

short slot_poll_events(const struct slot *s)
{
    if (s->state == SLOT_OPENING) {
        return session_poll_events(&s->session);
    }
    return s->run.unsent ? POLLIN | POLLOUT : POLLIN;
}

int64_t slot_deadline_us(const struct slot *s)
{
    return s->deadline_us;
}

int64_t slot_ready_since_us(const struct slot *s)
{
    return s->ready_since_us;
}

const char *slot_sqlstate(const struct slot *s)
{
    return s->session.sqlstate;
}

const char *slot_reason(const struct slot *s)
{
    return s->session.reason;
}

int64_t slot_budget(const struct slot *s)
{
    return s->session.budget;
}

void slot_close(struct slot *s)
{
    if (s->state != SLOT_CLOSED) {
        session_note(&s->session, "the connection was closed");
        (void)lost(s);
    }
}

void slot_free(struct slot *s)
{
    if (s == NULL) {
        return;
    }
    slot_close(s);
    batch_free(&s->batch);
    run_free(&s->run);
    free(s);
}
