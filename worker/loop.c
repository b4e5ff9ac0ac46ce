/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "backoff.h"
#include "budget.h"
#include "clock.h"
#include "deliver.h"
#include "drain.h"
#include "log.h"
#include "report.h"
#include "retry.h"
#include "slot.h"

#include <poll.h>
#include <stdlib.h>

#define SLOTS_MAX 64
/* Heartbeats are served by calling into the library: at less than half of their 10 s. */
#define TURN_MAX_US (1 * CLOCK_US_PER_S)
#define SLOT_IDLE_US (60 * CLOCK_US_PER_S)

struct loop {
    const struct worker_settings *settings;
    struct admin *admin;
    struct deliver deliver;
    struct slot *slots[SLOTS_MAX];
    size_t slot_count;
    struct budget budget;
    struct retry retry;
    struct backoff store; /* between attempts of a batch that failed */
    int64_t resume_us;
    int64_t failing_since_us; /* no batch has been stored since; 0: the last one was */
    bool needs_repair;        /* the last batch failed by something that only a person can mend */
    bool draining;
    int64_t drain_deadline_us;
    bool unfit;
};

static bool is_open(const struct slot *slot)
{
    switch (slot_state(slot)) {
    case SLOT_CLOSED:
    case SLOT_OPENING:
        return false;
    case SLOT_READY:
    case SLOT_BUSY:
        return true;
    }
    return false;
}

static size_t count_open(const struct loop *l)
{
    size_t count = 0;

    for (size_t i = 0; i < l->slot_count; i++) {
        count += is_open(l->slots[i]);
    }
    return count;
}

static struct slot *find_state(const struct loop *l, enum slot_state state)
{
    for (size_t i = 0; i < l->slot_count; i++) {
        if (slot_state(l->slots[i]) == state) {
            return l->slots[i];
        }
    }
    return NULL;
}

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

/* Takes the events out of a slot that has finished, or was lost. */
static void collect(struct loop *l, struct slot *slot, int64_t now_us)
{
    struct batch *batch = slot_batch(slot);
    const struct event *failed = NULL;
    size_t failures = 0;

    for (size_t i = 0; i < batch->count; i++) {
        if (retry_wants(batch->events[i])) {
            continue;
        }
        report_event(batch->events[i]);
        if (!event_settled(batch->events[i])) {
            failures++;
            if (failed == NULL || batch->events[i]->verdict == VERDICT_OPERATOR) {
                failed = batch->events[i];
            }
        }
    }
    if (failed != NULL) {
        pause_storing(l, failed, failures, now_us);
    } else if (batch->count > 0) {
        backoff_reset(&l->store);
        l->failing_since_us = 0;
        l->needs_repair = false;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (retry_wants(batch->events[i])) {
            retry_add(&l->retry, batch->events[i]);
        } else {
            deliver_take_back(&l->deliver, batch->events[i]);
        }
    }
    if (batch->count > 0) {
        report_count(REPORT_BATCHES);
    }
    batch->count = 0;
}

/* --- the budget --------------------------------------------------------------------- */

static void no_place(struct loop *l, int64_t now_us)
{
    report_count(REPORT_NO_PLACE);
    if (budget_refused(&l->budget, count_open(l), backoff_random(), now_us)) {
        log_info("standby", log_text("reason", "all connections of the budget are held by other workers"));
    }
}

static void not_opened(struct loop *l, const struct slot *slot, int64_t now_us)
{
    bool repair = verdict_settle(slot_sqlstate(slot), false) == VERDICT_OPERATOR;
    int64_t wait_us = budget_failed(&l->budget, count_open(l), repair, backoff_random(), now_us);

    report_count(REPORT_DATABASE_FAILURE);
    log_write(repair ? LOG_ERROR : LOG_WARNING, "database-away",
              LOG_FIELDS(log_text("sqlstate", slot_sqlstate(slot)), log_text("reason", slot_reason(slot)),
                         log_number("retry_ms", wait_us / CLOCK_US_PER_MS)));
}

static void opened(struct loop *l, const struct slot *slot)
{
    if (l->budget.lack != BUDGET_HELD) {
        log_info("database-connected", log_number("budget", slot_budget(slot)));
    }
    report_budget(slot_budget(slot));
    budget_opened(&l->budget);
}

static void unfit(struct loop *l)
{
    log_error("unfit-role",
              log_text("reason",
                       "the role of DATABASE_URL is a superuser or has no connection limit, so the budget "
                       "would not hold: use sluice_worker, and run sluice setup"));
    l->unfit = true;
}

/* One attempt at a time: a connecting backend takes a place of max_connections before it is refused. */
static void open_slot(struct loop *l, int64_t now_us)
{
    struct slot *closed = find_state(l, SLOT_CLOSED);
    size_t open = count_open(l);
    bool busy = find_state(l, SLOT_READY) == NULL && l->deliver.backlog.count > 0 && now_us >= l->resume_us;

    if (closed == NULL || !budget_may_open(&l->budget, now_us) || find_state(l, SLOT_OPENING) != NULL) {
        return;
    }
    if (open == 0 || busy) {
        slot_open(closed, now_us);
    }
}

static void close_idle_slots(struct loop *l, int64_t now_us)
{
    for (size_t i = 0; i < l->slot_count && count_open(l) > 1; i++) {
        if (slot_state(l->slots[i]) == SLOT_READY &&
            now_us - slot_ready_since_us(l->slots[i]) >= SLOT_IDLE_US) {
            slot_close(l->slots[i]);
        }
    }
}

/* since_us: 0 when it isn't so. */
static bool is_past(int64_t since_us, int64_t hold_us, int64_t now_us)
{
    return since_us != 0 && now_us - since_us >= hold_us;
}

/* What can't be stored for long goes back to the broker, before its consumer_timeout takes it: for want of a
 * connection, or because one after another batch fails. It costs each message one delivery, once, however
 * long it lasts: what then comes back is one at a time, by the careful start. */
static void release_what_cannot_be_stored(struct loop *l, int64_t now_us)
{
    bool consuming = l->deliver.state == DELIVER_CAREFUL || l->deliver.state == DELIVER_FULL;
    bool failing = is_past(l->failing_since_us, l->settings->hold_us, now_us);
    bool stuck = is_past(l->retry.trouble_since_us, l->settings->hold_us, now_us);

    if (consuming && (failing || stuck || budget_release_due(&l->budget, now_us))) {
        log_warning("released", log_number("events", (int64_t)ack_owed(&l->deliver.ack)),
                    log_text("reason", failing ? "no batch could be stored"
                                       : stuck ? "no event could be retried"
                                               : "no connection to the database"));
        deliver_release(&l->deliver, now_us);
        l->failing_since_us = failing ? now_us : l->failing_since_us;
        l->retry.trouble_since_us = stuck ? now_us : l->retry.trouble_since_us;
    }
}

/* --- one turn ------------------------------------------------------------------------- */

static void step_slot(struct loop *l, struct slot *slot, int64_t now_us)
{
    switch (slot_step(slot, now_us)) {
    case SLOT_NOTHING:
        break;
    case SLOT_OPENED:
        opened(l, slot);
        break;
    case SLOT_NO_PLACE:
        no_place(l, now_us);
        break;
    case SLOT_NOT_OPENED:
        not_opened(l, slot, now_us);
        break;
    case SLOT_UNFIT:
        unfit(l);
        break;
    case SLOT_FINISHED:
        collect(l, slot, now_us);
        break;
    case SLOT_LOST:
        collect(l, slot, now_us);
        not_opened(l, slot, now_us);
        break;
    }
}

static void step_slots(struct loop *l, int64_t now_us)
{
    for (size_t i = 0; i < l->slot_count; i++) {
        step_slot(l, l->slots[i], now_us);
        if (slot_state(l->slots[i]) == SLOT_READY && l->deliver.backlog.count > 0 && now_us >= l->resume_us) {
            slot_store(l->slots[i], &l->deliver.backlog, SIZE_MAX, now_us);
            step_slot(l, l->slots[i], now_us);
        }
    }
    open_slot(l, now_us);
    close_idle_slots(l, now_us);
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

static void show_state(const struct loop *l)
{
    const struct report report = {
        .draining = l->draining,
        .needs_repair = l->needs_repair,
        .lack = l->budget.lack,
        .deliver = l->deliver.state,
        .retry = l->retry.trouble,
        .open = count_open(l),
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
    if (l->deliver.state == DELIVER_IDLE && count_open(l) > 0) {
        next = now_us; /* the first slot has just opened: begin to consume */
    }
    if (l->deliver.backlog.count > 0 && l->resume_us > now_us) {
        next = earliest(next, l->resume_us);
    }
    next = earliest(next, retry_due_us(&l->retry, now_us));
    if (l->budget.next_open_us > now_us) {
        next = earliest(next, l->budget.next_open_us);
    }
    for (size_t i = 0; i < l->slot_count; i++) {
        next = earliest(next, slot_deadline_us(l->slots[i]));
    }
    return next;
}

static void wait_for_something(const struct loop *l, int64_t now_us)
{
    struct pollfd fds[SLOTS_MAX + 3];
    nfds_t count = 0;
    int64_t wait_us = next_turn_us(l, now_us) - now_us;

    if (!l->draining) {
        fds[count++] = (struct pollfd){.fd = drain_fd(), .events = POLLIN};
    }
    fds[count++] = (struct pollfd){.fd = deliver_fd(&l->deliver), .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = retry_fd(&l->retry), .events = POLLIN};
    for (size_t i = 0; i < l->slot_count; i++) {
        fds[count++] = (struct pollfd){.fd = slot_fd(l->slots[i]), .events = slot_poll_events(l->slots[i])};
    }
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
    return ack_owed(&l->deliver.ack) == 0 || l->deliver.state == DELIVER_AWAY || count_open(l) == 0 ||
           now_us >= l->drain_deadline_us;
}

static void turn(struct loop *l)
{
    int64_t now_us = clock_monotonic_us();

    if (!l->draining && drain_requested()) {
        begin_drain(l, now_us);
    }
    if (!l->draining || l->deliver.state != DELIVER_AWAY) {
        deliver_step(&l->deliver, count_open(l) > 0 && !l->draining, now_us);
    }
    now_us = clock_monotonic_us(); /* connecting may have taken seconds */
    step_slots(l, now_us);
    step_retries(l, now_us);
    deliver_flush(&l->deliver, now_us);
    release_what_cannot_be_stored(l, now_us);
    show_state(l);
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
    budget_init(&l->budget, settings->hold_us, clock_monotonic_us());
    report_register();
    retry_init(&l->retry, settings, name);
    code = deliver_init(&l->deliver, settings, name, error);
    while (code == ERROR_NONE && l->slot_count < (size_t)settings->connections) {
        code = slot_new(&l->slots[l->slot_count], settings, name, error);
        l->slot_count += code == ERROR_NONE;
    }
    return code;
}

static void end(struct loop *l)
{
    size_t unacked = ack_owed(&l->deliver.ack);

    for (size_t i = 0; i < l->slot_count; i++) {
        slot_free(l->slots[i]);
    }
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
        while (!l.unfit && !(l.draining && drained(&l, clock_monotonic_us()))) {
            wait_for_something(&l, clock_monotonic_us());
            turn(&l);
        }
        result = l.unfit ? EXIT_SETTINGS : EXIT_DONE;
    }
    end(&l);
    return result;
}
