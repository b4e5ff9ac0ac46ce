/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "backoff.h"
#include "brake.h"
#include "clock.h"
#include "deliver.h"
#include "drain.h"
#include "log.h"
#include "pool.h"
#include "report.h"
#include "retry.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

/* Heartbeats are served by calling into the library: at less than half of their 10 s. */
#define TURN_MAX_US (1 * CLOCK_US_PER_S)

/* A conflict or a restart passes sooner; what lasts longer should be seen. */
#define FAILING_US (5 * CLOCK_US_PER_S)

struct loop {
    const struct worker_settings *settings;
    struct admin *admin;
    struct deliver deliver;
    struct pool pool;
    struct brake brake;
    struct retry retry;
    struct backoff store; /* between attempts of a batch that failed */
    int64_t resume_us;
    int64_t failing_since_us; /* no batch has been stored since; 0: the last one was */
    int64_t released_us;      /* when messages were last given back */
    bool needs_repair;        /* the last batch failed by something that only a person can mend */
    bool draining;
    int64_t drain_deadline_us;
};

/* --- answers ---------------------------------------------------------------------- */

/* Pauses after a batch with failures; its reason holds no row, since what is the event's own fault is dead by
 * now. */
static void pause_storing(struct loop *l, const struct event *failed, size_t count, int64_t now_us)
{
    int64_t wait_us = backoff_next(&l->store, backoff_random());

    l->resume_us = now_us + wait_us;
    l->failing_since_us = l->failing_since_us == 0 ? now_us : l->failing_since_us;
    l->needs_repair = failed->verdict == VERDICT_OPERATOR;
    log_write(
        l->needs_repair ? LOG_ERROR : LOG_WARNING, "not-stored",
        LOG_FIELDS(log_text("verdict", verdict_name(failed->verdict)), log_text("sqlstate", failed->sqlstate),
                   log_text("reason", failed->reason == NULL ? "" : failed->reason),
                   log_number("events", (int64_t)count), log_number("retry_ms", wait_us / CLOCK_US_PER_MS)));
}

/* refused: an example, for the log. */
static void settle_brake(struct loop *l, const struct event *refused, int64_t now_us)
{
    switch (brake_settle(&l->brake, backoff_random(), now_us)) {
    case BRAKE_SAME:
        break;
    case BRAKE_PUT_ON:
        assert(refused != NULL); /* what put it on was refused in this batch */
        log_error("brake-on", log_number("refused", (int64_t)l->brake.refused),
                  log_number("of_last", BRAKE_WINDOW), log_span("source", refused->envelope.source),
                  log_text("sqlstate", refused->sqlstate),
                  log_text("reason", refused->reason == NULL ? "" : refused->reason));
        break;
    case BRAKE_RELEASED:
        log_info("brake-off", log_text("reason", "the event that was tried was stored"));
        break;
    }
}

static enum brake_verdict brake_verdict_of(const struct event *event)
{
    if (event_settled(event) && event->state != EVENT_DEAD) {
        return BRAKE_STORED;
    }
    return event->envelope.attempt > 0 ? BRAKE_REFUSED_AGAIN : BRAKE_REFUSED;
}

/* What became of a batch as a whole. */
static void judge(struct loop *l, const struct batch *batch, int64_t now_us)
{
    const struct event *failed = NULL, *refused = NULL;
    size_t failures = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct event *event = batch->events[i];

        if (event_settled(event) || retry_wants(event)) {
            enum brake_verdict verdict = brake_verdict_of(event);

            brake_count(&l->brake, verdict);
            refused = verdict == BRAKE_REFUSED ? event : refused;
            continue;
        }
        failures++;
        failed = failed == NULL || event->verdict == VERDICT_OPERATOR ? event : failed;
    }
    settle_brake(l, refused, now_us);
    if (failed != NULL) {
        pause_storing(l, failed, failures, now_us);
    } else {
        backoff_reset(&l->store);
        l->failing_since_us = 0;
        l->needs_repair = false;
    }
}

/* Takes the events out of a slot whose batch has come back. */
static void collect(struct loop *l, struct batch *batch, int64_t now_us)
{
    if (batch->count == 0) {
        return;
    }
    judge(l, batch, now_us);
    for (size_t i = 0; i < batch->count; i++) {
        if (retry_wants(batch->events[i])) {
            retry_add(&l->retry, batch->events[i]);
        } else {
            report_event(batch->events[i]);
            deliver_take_back(&l->deliver, batch->events[i]);
        }
    }
    report_count(REPORT_BATCHES);
    batch->count = 0;
}

/* Whether messages have been held so long for a trouble that began at since_us (0: there is none). */
static bool held_too_long(const struct loop *l, int64_t since_us, int64_t now_us)
{
    int64_t held_since_us = since_us > l->released_us ? since_us : l->released_us;

    return since_us != 0 && now_us - held_since_us >= l->settings->hold_us;
}

/* What can't be stored for long goes back to the broker, before its consumer_timeout takes it: for want of a
 * connection, or because one after another batch fails. It costs each message one delivery, once, however
 * long it lasts: what then comes back is one at a time, by the careful start. */
static void release_what_cannot_be_stored(struct loop *l, int64_t now_us)
{
    bool consuming = l->deliver.state == DELIVER_CAREFUL || l->deliver.state == DELIVER_FULL;
    bool failing = held_too_long(l, l->failing_since_us, now_us);
    bool stuck = held_too_long(l, l->retry.trouble_since_us, now_us);
    bool braked = held_too_long(l, l->brake.since_us, now_us);

    if (consuming && (failing || stuck || braked || budget_release_due(&l->pool.budget, now_us))) {
        log_warning("released", log_number("events", (int64_t)ack_owed(&l->deliver.ack)),
                    log_text("reason", failing  ? "no batch could be stored"
                                       : stuck  ? "no event could be retried"
                                       : braked ? "most events are refused"
                                                : "no connection to the database"));
        deliver_release(&l->deliver, now_us);
        l->released_us = now_us;
    }
}

/* --- one turn ------------------------------------------------------------------------- */

static void step_slot(struct loop *l, struct slot *slot, int64_t now_us)
{
    if (pool_step(&l->pool, slot, now_us)) {
        collect(l, slot_batch(slot), now_us);
    }
}

/* How many events the next batch may have now. */
static size_t allowed(const struct loop *l, int64_t now_us)
{
    if (l->deliver.backlog.count == 0 || now_us < l->resume_us) {
        return 0;
    }
    return brake_allows(&l->brake, pool_is_idle(&l->pool), now_us);
}

static void step_slots(struct loop *l, int64_t now_us)
{
    for (size_t i = 0; i < l->pool.count; i++) {
        struct slot *slot = l->pool.slots[i];
        size_t most;

        step_slot(l, slot, now_us);
        most = allowed(l, now_us);
        if (slot_state(slot) == SLOT_READY && most > 0) {
            brake_begin(&l->brake);
            slot_store(slot, &l->deliver.backlog, most, now_us);
            step_slot(l, slot, now_us);
        }
    }
    pool_adjust(&l->pool, allowed(l, now_us) > 0, now_us);
}

/* What the broker has confirmed in a retry queue may be acked. */
static void step_retries(struct loop *l, int64_t now_us)
{
    struct event *event;

    retry_step(&l->retry, l->deliver.state == DELIVER_AWAY ? 0 : l->deliver.channel, now_us);
    while ((event = retry_take(&l->retry)) != NULL) {
        report_event(event);
        deliver_take_back(&l->deliver, event);
    }
}

static void show_state(const struct loop *l, int64_t now_us)
{
    const struct report report = {
        .draining = l->draining,
        .needs_repair = l->needs_repair,
        .failing = l->failing_since_us != 0 && now_us - l->failing_since_us >= FAILING_US,
        .braked = l->brake.state != BRAKE_OFF,
        .lack = l->pool.budget.lack,
        .deliver = l->deliver.state,
        .retry = l->retry.trouble,
        .open = pool_open(&l->pool),
        .backlog = l->deliver.backlog.count,
    };

    report_show(&report, l->admin);
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_turn_us(const struct loop *l, int64_t now_us)
{
    int64_t next = now_us + TURN_MAX_US;

    if (l->deliver.state == DELIVER_AWAY) {
        next = earliest(next, l->deliver.next_attempt_us);
    }
    if (l->deliver.state == DELIVER_IDLE && pool_open(&l->pool) > 0) {
        next = now_us; /* the first slot has just opened: begin to consume */
    }
    if (l->deliver.backlog.count > 0 && l->resume_us > now_us) {
        next = earliest(next, l->resume_us);
    }
    next = earliest(next, retry_due_us(&l->retry, now_us));
    if (l->deliver.backlog.count > 0 && l->brake.state == BRAKE_ON && l->brake.next_probe_us > now_us) {
        next = earliest(next, l->brake.next_probe_us);
    }
    return earliest(next, pool_due_us(&l->pool, now_us));
}

static void wait_for_something(const struct loop *l, int64_t now_us)
{
    struct pollfd fds[POOL_SLOTS_MAX + 3];
    nfds_t count = 0;
    int64_t wait_us = next_turn_us(l, now_us) - now_us;

    if (!l->draining) {
        fds[count++] = (struct pollfd){.fd = drain_fd(), .events = POLLIN};
    }
    fds[count++] = (struct pollfd){.fd = deliver_fd(&l->deliver), .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = retry_fd(&l->retry), .events = POLLIN};
    pool_poll(&l->pool, &fds[count]);
    count += l->pool.count;
    /* Rounded up: a turn that comes too early would only spin. */
    (void)poll(fds, count, wait_us <= 0 ? 0 : (int)(wait_us / CLOCK_US_PER_MS) + 1);
}

static void begin_drain(struct loop *l, int64_t now_us)
{
    l->draining = true;
    l->drain_deadline_us = now_us + l->settings->drain_us;
    log_info("draining", log_number("unacked", (int64_t)ack_owed(&l->deliver.ack)));
    deliver_stop(&l->deliver, now_us);
}

/* Done when nothing is owed, when there is no slot to store by, or when time is up. */
static bool drained(const struct loop *l, int64_t now_us)
{
    return ack_owed(&l->deliver.ack) == 0 || l->deliver.state == DELIVER_AWAY || pool_open(&l->pool) == 0 ||
           now_us >= l->drain_deadline_us;
}

static void turn(struct loop *l)
{
    int64_t now_us = clock_monotonic_us();

    if (!l->draining && drain_requested()) {
        begin_drain(l, now_us);
    }
    if (!l->draining || l->deliver.state != DELIVER_AWAY) {
        deliver_step(&l->deliver, pool_open(&l->pool) > 0 && !l->draining, now_us);
    }
    now_us = clock_monotonic_us(); /* connecting may have taken seconds */
    step_slots(l, now_us);
    step_retries(l, now_us);
    /* While retries are stuck, they must not hold up the acks of all others: an alarm may only end when the
     * queue has been drained. */
    deliver_flush(&l->deliver, l->retry.trouble != RETRY_WELL, now_us);
    release_what_cannot_be_stored(l, now_us);
    show_state(l, now_us);
}

static enum error_code init(struct loop *l, const struct worker_settings *settings, struct admin *admin,
                            const char *name, struct error *error)
{
    enum error_code code;

    *l = (struct loop){
        .settings = settings,
        .admin = admin,
        /* As after an outage: the backlog should fall within 5 s of the repair. */
        .store = {.base_us = 200 * CLOCK_US_PER_MS, .cap_us = 4 * CLOCK_US_PER_S},
    };
    brake_init(&l->brake);
    report_register();
    retry_init(&l->retry, settings, name);
    code = deliver_init(&l->deliver, settings, name, error);
    if (code == ERROR_NONE) {
        code = pool_init(&l->pool, settings, name, clock_monotonic_us(), error);
    }
    return code;
}

static void end(struct loop *l)
{
    size_t unacked = ack_owed(&l->deliver.ack);

    pool_free(&l->pool);
    retry_end(&l->retry);
    deliver_end(&l->deliver);
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
