/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "batch_log.h"
#include "bundle.h"
#include "clock.h"
#include "deliver.h"
#include "depths.h"
#include "event_log.h"
#include "held.h"
#include "log.h"
#include "pool.h"
#include "postpone.h"
#include "readiness.h"
#include "retry.h"
#include "schedule.h"
#include "signals.h"
#include "standstill.h"
#include "tier.h"

#include <poll.h>
#include <stdlib.h>

/* Each turn calls into librabbitmq, which serves heartbeats: must be below half of their 10 s. */
#define TURN_MAX_US (1 * CLOCK_US_PER_S)

/* A conflict or a restart is over sooner; a longer failure makes the worker not ready. */
#define FAILING_US (5 * CLOCK_US_PER_S)

/* How long deliveries may wait in the socket while batches are under way; about as long as a commit takes. */
#define GATHER_US (5 * CLOCK_US_PER_MS)

struct loop {
    const struct worker_settings *settings;
    struct admin *admin;
    struct deliver deliver;
    struct schedule schedule;
    struct pool pool;
    struct retry retry;
    struct depths depths;
    struct standstill standstill;
    int64_t taken_us; /* when a delivery was last taken */
    uint64_t channel; /* delivery channel of the waiting events; 0: none wait */
    struct postpone postpone;
    int64_t newer_seen_us; /* when an envelope of a later release last came; 0: never */
    bool draining;
    int64_t drain_deadline_us;
};

/* --- where events go ------------------------------------------------------------------ */

/* Takes all new deliveries. Drops the waiting events of an earlier channel: the broker redelivers them. */
static void take_deliveries(struct loop *l, int64_t now_us)
{
    struct event *event;

    if (l->channel != deliver_channel(&l->deliver)) {
        l->channel = deliver_channel(&l->deliver);
        schedule_clear(&l->schedule);
    }
    while ((event = deliver_take(&l->deliver)) != NULL) {
        l->taken_us = now_us;
        if (event->form == EVENT_NEWER) {
            l->newer_seen_us = now_us;
            event_log_newer(event);
            postpone_event(&l->postpone, event, tier_middle(&l->settings->delays),
                           "its envelope is of a later release", now_us);
        } else if (event->bundled && (event->isolated || schedule_would_hold(&l->schedule, event)) &&
                   postpone_bundled(&l->postpone, event,
                                    event->isolated
                                        ? "its bundle came back twice: it goes on alone"
                                        : "its source is braked, and its bundle is not to wait for it",
                                    now_us)) {
            continue;
        } else if (schedule_add(&l->schedule, event)) {
            deliver_answered(&l->deliver, event->channel);
        }
    }
}

/* Passes on an event of a finished batch. */
static void dispose(struct loop *l, struct event *event, int64_t now_us)
{
    bool current = event->channel == l->channel;

    if (!event_settled(event) && !current) {
        event_free(event); /* the broker redelivers its message */
        return;
    }
    if (event->struck) {
        deliver_answered(&l->deliver, event->channel);
    }
    if (event->struck && !event_settled(event) && event->verdict != VERDICT_LATER &&
        postpone_bundled(&l->postpone, event, "it failed, and its bundle is not to wait for it", now_us)) {
        return;
    }
    switch (schedule_fate(&l->schedule, event, now_us)) {
    case SCHEDULE_SETTLED:
        deliver_settle(&l->deliver, event, now_us);
        break;
    case SCHEDULE_RETRY:
        retry_add(&l->retry, event);
        break;
    case SCHEDULE_KEPT:
        if (event->struck) {
            event_log_parked(event, event->not_before_us - now_us);
        }
        break;
    }
}

/* Empties a slot whose batch is finished. */
static void collect(struct loop *l, struct slot *slot, int64_t now_us)
{
    struct batch *batch = slot_batch(slot);

    if (batch->count == 0) {
        return;
    }
    schedule_came_back(&l->schedule, batch, slot_is_alone(slot), slot_begun_us(slot), now_us);
    batch_log(batch, slot_begun_us(slot), now_us);
    for (size_t i = 0; i < batch->count; i++) {
        dispose(l, batch->events[i], now_us);
    }
    batch->count = 0;
}

/* Returns all messages to the broker when this worker has no database connection; another worker may have
 * one. This adds one to each delivery count, and happens once: without a connection there is no consumer. */
static void release_without_connection(struct loop *l, int64_t now_us)
{
    bool began = l->deliver.state != DELIVER_AWAY && l->deliver.state != DELIVER_IDLE;

    if (began && place_release_due(&l->pool.place, now_us)) {
        log_warning("released", log_number("events", (int64_t)ack_owed(&l->deliver.ack)),
                    log_text("reason", "no connection to the database"));
        deliver_release(&l->deliver, now_us);
        judge_release(&l->schedule.judge);
    }
}

/* --- one turn ------------------------------------------------------------------------- */

static void step_slot(struct loop *l, struct slot *slot, int64_t now_us)
{
    if (pool_step(&l->pool, slot, now_us)) {
        collect(l, slot, now_us);
    }
}

static void fill_slot(struct loop *l, struct slot *slot, int64_t now_us)
{
    uint64_t stored = l->schedule.judge.stored;
    struct event *alone;

    switch (schedule_next(&l->schedule, pool_carries_alone(&l->pool), &alone, now_us)) {
    case SCHEDULE_NOTHING:
        break;
    case SCHEDULE_BATCH:
        slot_store(slot, &l->schedule.backlog.ordinary, stored, now_us);
        break;
    case SCHEDULE_ALONE:
        slot_store_alone(slot, alone, stored, now_us);
        break;
    }
}

static void step_slots(struct loop *l, int64_t now_us)
{
    for (size_t i = 0; i < l->pool.count; i++) {
        struct slot *slot = l->pool.slots[i];

        step_slot(l, slot, now_us);
        if (slot_state(slot) == SLOT_READY) {
            if (!pool_asks(&l->pool, slot, now_us)) {
                fill_slot(l, slot, now_us);
            }
            step_slot(l, slot, now_us);
        }
    }
    pool_adjust(&l->pool, schedule_wants_slot(&l->schedule, now_us), now_us);
}

/* Acks the events that the broker has confirmed in a retry queue. */
static void step_retries(struct loop *l, int64_t now_us)
{
    struct event *event;

    retry_step(&l->retry, deliver_channel(&l->deliver), now_us);
    while ((event = retry_take(&l->retry)) != NULL) {
        event_log_outcome(event, true, 0, clock_wall_us());
        deliver_settle(&l->deliver, event, now_us);
    }
}

static void show_state(struct loop *l, int64_t now_us)
{
    const struct judge *judge = &l->schedule.judge;
    const int64_t stored_us = pool_stored_us(&l->pool); /* of a batch that isn't finished, too */
    bool failing = judge->failing_since_us != 0 && now_us - judge->failing_since_us >= FAILING_US &&
                   now_us - stored_us >= FAILING_US;
    const struct readiness readiness = {
        .draining = l->draining,
        .needs_repair = failing && judge->needs_repair,
        .failing = failing,
        .braked = sources_braked(&judge->sources),
        .storing = now_us - judge->last_stored_us < FAILING_US && !judge_holds_all(judge),
        .newer = l->newer_seen_us != 0 &&
                 now_us - l->newer_seen_us < 2 * l->settings->delays.us[tier_middle(&l->settings->delays)],
        .standstill = standstill_look(&l->standstill, deliver_is_full(&l->deliver), stored_us, now_us),
        .away = deliver_is_away(&l->deliver),
        .lack = l->pool.place.lack,
        .deliver = l->deliver.state,
        .retry = l->retry.trouble,
    };

    batch_log_sum_up(now_us);
    schedule_show(&l->schedule);
    held_show(&(struct held){&l->deliver.ack, &l->schedule, &l->pool, &l->retry}, now_us);
    readiness_show(&readiness, l->admin);
}

/* True while deliveries had better gather in the socket: each of them would wake the worker and fill a batch
 * too little. Never when no batch is under way. */
static bool gathers(const struct loop *l, int64_t now_us)
{
    return !pool_is_idle(&l->pool) && now_us < l->taken_us + GATHER_US;
}

static int64_t next_turn_us(const struct loop *l, int64_t now_us)
{
    int64_t next = now_us + TURN_MAX_US;

    if (gathers(l, now_us)) {
        next = clock_earlier(next, l->taken_us + GATHER_US);
    }
    if (l->deliver.state == DELIVER_AWAY) {
        next = clock_earlier(next, l->deliver.next_attempt_us);
    }
    if (deliver_is_due(&l->deliver, pool_open(&l->pool) > 0)) {
        next = now_us;
    }
    if (pool_is_ready(&l->pool)) {
        next = clock_earlier(next, schedule_due_us(&l->schedule, pool_carries_alone(&l->pool), now_us));
    }
    next = clock_earlier(next, retry_due_us(&l->retry, now_us));
    return clock_earlier(next, pool_due_us(&l->pool, now_us));
}

static void wait_for_something(const struct loop *l, int64_t now_us)
{
    struct pollfd fds[POOL_SLOTS_MAX + 3];
    nfds_t count = 0;
    int64_t wait_us = next_turn_us(l, now_us) - now_us;

    if (!l->draining) {
        fds[count++] = (struct pollfd){.fd = signals_drain_fd(), .events = POLLIN};
    }
    fds[count++] = (struct pollfd){.fd = gathers(l, now_us) ? -1 : deliver_fd(&l->deliver), .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = retry_fd(&l->retry), .events = POLLIN};
    pool_poll(&l->pool, &fds[count]);
    count += l->pool.count;
    /* Rounded up: waking up too early would make the loop spin. */
    (void)poll(fds, count, wait_us <= 0 ? 0 : (int)(wait_us / CLOCK_US_PER_MS) + 1);
}

static void begin_drain(struct loop *l, int64_t now_us)
{
    l->draining = true;
    l->drain_deadline_us = now_us + l->settings->drain_us;
    log_info("draining", log_number("unacked", (int64_t)ack_owed(&l->deliver.ack)));
    deliver_stop(&l->deliver, now_us);
}

/* A drain is complete when no ack is owed, nothing is in progress, no slot is open, or the deadline has
 * passed. Events that are parked, held, or can't be retried go back to the broker. */
static bool drained(const struct loop *l, int64_t now_us)
{
    bool idle =
        pool_is_idle(&l->pool) && backlog_waiting(&l->schedule.backlog) == 0 && retry_is_idle(&l->retry);

    return ack_owed(&l->deliver.ack) == 0 || l->deliver.state == DELIVER_AWAY || pool_open(&l->pool) == 0 ||
           idle || now_us >= l->drain_deadline_us;
}

static void turn(struct loop *l)
{
    int64_t now_us = clock_monotonic_us();

    if (!l->draining && signals_drain_requested()) {
        begin_drain(l, now_us);
    }
    if (!l->draining || l->deliver.state != DELIVER_AWAY) {
        deliver_step(&l->deliver, pool_open(&l->pool) > 0 && !l->draining, now_us);
    }
    now_us = clock_monotonic_us(); /* beginning to consume may have taken seconds */
    take_deliveries(l, now_us);
    step_slots(l, now_us);
    step_retries(l, now_us);
    depths_step(&l->depths, deliver_channel(&l->deliver) == 0, now_us);
    postpone_take_back(&l->postpone);
    postpone_surplus(&l->postpone, now_us);
    if (pool_open(&l->pool) > 0) {
        postpone_overdue(&l->postpone, now_us);
    }
    deliver_flush(&l->deliver, now_us);
    release_without_connection(l, now_us);
    show_state(l, now_us);
}

static enum error_code init(struct loop *l, const struct worker_settings *settings, struct admin *admin,
                            const char *name, struct error *error)
{
    enum error_code code;

    *l = (struct loop){
        .settings = settings,
        .admin = admin,
        .depths = {.settings = settings, .connection_name = name},
        .postpone = {.settings = settings,
                     .deliver = &l->deliver,
                     .schedule = &l->schedule,
                     .retry = &l->retry},
    };
    retry_init(&l->retry, settings, name);
    code = deliver_init(&l->deliver, settings, name, error);
    if (code == ERROR_NONE) {
        /* The memory of events that aren't there is only reserved. */
        code = schedule_init(&l->schedule, l->deliver.ack.most * BUNDLE_EVENTS_MAX, error);
    }
    if (code == ERROR_NONE) {
        code = pool_init(&l->pool, settings, name, clock_monotonic_us(), error);
    }
    return code;
}

static void end(struct loop *l)
{
    size_t unacked = ack_owed(&l->deliver.ack);

    pool_free(&l->pool);
    depths_end(&l->depths);
    retry_end(&l->retry);
    schedule_free(&l->schedule);
    deliver_end(&l->deliver);
    batch_log_sum_up(INT64_MAX);
    log_info("drained", log_number("given_back", (int64_t)unacked));
}

enum exit_code loop_run(const struct worker_settings *settings, struct admin *admin, const char *name)
{
    struct loop l;
    struct error error;
    enum exit_code result = EXIT_DONE;

    if (init(&l, settings, admin, name, &error) != ERROR_NONE) {
        log_error("not-started", log_text("reason", error.text));
        result = EXIT_BUG;
    } else {
        turn(&l);
        while (!l.pool.unfit && !(l.draining && drained(&l, clock_monotonic_us()))) {
            wait_for_something(&l, clock_monotonic_us());
            turn(&l);
        }
        result = l.pool.unfit ? EXIT_SETTINGS : EXIT_DONE;
    }
    end(&l);
    return result;
}
