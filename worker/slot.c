/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include "clock.h"
#include "rounds.h"
#include "session.h"

#include <poll.h>
#include <stdlib.h>

#define OPENING_DEADLINE_US (5 * CLOCK_US_PER_S)
/* Twice the role's statement_timeout: the server should have answered long before. Counted from the start of
 * a pipeline and again from each sync, since a pipeline may consist of many slow transactions. */
#define BATCH_DEADLINE_US (60 * CLOCK_US_PER_S)

/* After a failure more may follow, so this and the next 16 batches use transactions of ROUNDS_WARY_EVENTS: a
 * failure then rolls back less work. Small transactions cost about 2 % more. A statement of several events
 * would not name the one that fails, so meanwhile each has its own. */
#define WARY_BATCHES 16

struct slot {
    enum slot_state state;
    const struct worker_settings *settings;
    const char *worker;
    struct session session;
    struct batch batch;
    struct pipeline pipeline;
    bool begun;      /* the batch's first pipeline was sent */
    bool alone;      /* the batch is a single event on purpose */
    bool asks;       /* there are no events, but a question to send */
    uint64_t stored; /* events stored by this worker, including this batch */
    struct rounds rounds;
    size_t wary;     /* number of batches still to split into smaller transactions */
    size_t one_each; /* number of batches whose events still have a statement each */
    int64_t begun_us;
    int64_t stored_us;
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
        code = pipeline_init(&s->pipeline, (size_t)settings->batch_events, (int64_t)settings->delays.count,
                             worker, settings->require_sync != 0, error);
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

void slot_open(struct slot *s, size_t turn, int64_t now_us)
{
    set_state(s, SLOT_OPENING, now_us);
    session_open(&s->session, s->settings, s->worker, turn);
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

/* Sets the verdicts of the struck events, given everything that this batch has stored. */
static void settle_verdicts(struct slot *s)
{
    for (size_t i = 0; i < s->batch.count; i++) {
        struct event *event = s->batch.events[i];

        if (event->state == EVENT_FAILED && event->struck && !event->unburied) {
            event->others_stored = event->others_stored || s->stored > event->stored_before;
            event->verdict = verdict_settle(event->sqlstate, event->others_stored, event->alone);
        }
    }
}

/* An event that was alone on a lost connection may be the cause of the loss. */
static void strike_alone(struct slot *s)
{
    struct event *event = s->batch.count == 1 ? s->batch.events[0] : NULL;

    if (s->alone && event != NULL && event->state == EVENT_FAILED && !event->struck) {
        event_strike(event, true, s->stored);
        settle_verdicts(s);
        event->doomed =
            event->verdict == VERDICT_LATER && event->envelope.attempt >= (int64_t)s->settings->delays.count;
    }
}

static enum slot_news lost(struct slot *s)
{
    pipeline_lost(&s->pipeline, &s->batch, &s->session);
    strike_alone(s);
    disconnect(s);
    return SLOT_LOST;
}

/* --- the batch ------------------------------------------------------------------------ */

static void begin_batch(struct slot *s, bool alone, uint64_t stored, int64_t now_us)
{
    s->begun = false; /* slot_step sends it, so that only slot_step reports outcomes */
    s->alone = alone;
    s->stored = stored;
    s->rounds = (struct rounds){.most = s->wary > 0 ? ROUNDS_WARY_EVENTS : SIZE_MAX,
                                .together = !alone && s->one_each == 0};
    s->wary -= s->wary > 0;
    s->one_each -= s->one_each > 0;
    s->begun_us = now_us;
    set_state(s, SLOT_BUSY, now_us);
}

void slot_store(struct slot *s, struct event_queue *queue, uint64_t stored, int64_t now_us)
{
    batch_take(&s->batch, queue);
    begin_batch(s, false, stored, now_us);
}

void slot_store_alone(struct slot *s, struct event *event, uint64_t stored, int64_t now_us)
{
    batch_take_one(&s->batch, event);
    begin_batch(s, true, stored, now_us);
}

void slot_ask(struct slot *s, int64_t now_us)
{
    s->batch.count = 0;
    s->begun = s->alone = false;
    s->asks = true;
    s->rounds = (struct rounds){.most = SIZE_MAX};
    set_state(s, SLOT_BUSY, now_us);
}

static enum slot_news finish(struct slot *s, int64_t now_us)
{
    set_state(s, SLOT_READY, now_us);
    return SLOT_FINISHED;
}

/* Fails the events without an answer, together with the batch. */
static void fail_rest(struct slot *s, const struct pipeline_result *result)
{
    for (size_t i = 0; i < s->batch.count; i++) {
        if (s->batch.events[i]->state == EVENT_WAITING) {
            event_fail(s->batch.events[i], VERDICT_TRANSIENT, result->sqlstate, s->session.reason);
        }
    }
}

static bool any_waits(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->events[i]->state == EVENT_WAITING) {
            return true;
        }
    }
    return false;
}

static enum slot_news begin_pipeline(struct slot *s, int64_t now_us)
{
    if (!any_waits(&s->batch)) {
        settle_verdicts(s);
    }
    if (s->asks) {
        s->asks = false;
        pipeline_plan_question(&s->pipeline);
    } else if (!pipeline_plan(&s->pipeline, &s->batch, s->rounds.most, s->rounds.together, s->stored)) {
        return finish(s, now_us);
    }
    set_state(s, SLOT_BUSY, now_us);
    return pipeline_send(&s->pipeline, &s->session) ? SLOT_NOTHING : lost(s);
}

static enum slot_news answered(struct slot *s, int64_t now_us)
{
    const struct pipeline_result *result = &s->pipeline.result;
    bool give_up;

    s->stored += result->stored;
    s->wary = result->timeout ? 0 : result->strikes > 0 ? WARY_BATCHES : s->wary;
    s->one_each = result->vague || result->strikes > 0 ? WARY_BATCHES : s->one_each;
    give_up = rounds_must_end(&s->rounds, result);
    if (verdict_ends_session(result->sqlstate)) {
        return lost(s);
    }
    if (give_up) {
        fail_rest(s, result);
    }
    return begin_pipeline(s, now_us);
}

static enum slot_news step_busy(struct slot *s, int64_t now_us)
{
    size_t begin = s->pipeline.begin, stored = s->pipeline.result.stored;
    enum pipeline_progress progress = pipeline_step(&s->pipeline, &s->session);

    if (s->pipeline.result.stored > stored) {
        s->stored_us = now_us;
    }
    switch (progress) {
    case PIPELINE_PENDING:
        if (s->pipeline.begin > begin) {
            set_state(s, SLOT_BUSY, now_us); /* a sync has arrived: restart the deadline */
        }
        return SLOT_NOTHING;
    case PIPELINE_ANSWERED:
        return answered(s, now_us);
    case PIPELINE_BROKEN:
        return lost(s);
    }
    return SLOT_NOTHING;
}

static enum slot_news give_up(struct slot *s)
{
    session_note_silence(&s->session, s->state == SLOT_OPENING ? OPENING_DEADLINE_US : BATCH_DEADLINE_US);
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
            news = begin_pipeline(s, now_us);
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
    return s->pipeline.unsent ? POLLIN | POLLOUT : POLLIN;
}

int64_t slot_deadline_us(const struct slot *s)
{
    return s->deadline_us;
}

bool slot_is_alone(const struct slot *s)
{
    return s->alone && s->batch.count > 0;
}

int64_t slot_begun_us(const struct slot *s)
{
    return s->begun_us;
}

int64_t slot_stored_us(const struct slot *s)
{
    return s->stored_us;
}

int64_t slot_dead_rows(const struct slot *s)
{
    return s->pipeline.result.dead_rows;
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

bool slot_is_unsynced(const struct slot *s)
{
    return s->session.unsynced;
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
    pipeline_free(&s->pipeline);
    free(s);
}
