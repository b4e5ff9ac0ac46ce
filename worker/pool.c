/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include "clock.h"
#include "latency.h"
#include "log.h"
#include "metrics.h"

#define ASK_US (60 * CLOCK_US_PER_S)
#define SLOT_IDLE_US (60 * CLOCK_US_PER_S)

enum { BATCHES, OPEN, NO_PLACE, FAILURES, BUDGET, DEAD_ROWS, METRICS };

static struct metric metrics[METRICS] = {
    [BATCHES] = {"sluice_worker_batches_total", NULL, "Batches that got their answers.", METRIC_COUNTER, 0},
    [OPEN] = {"sluice_worker_connections", NULL, "Postgres connections held now.", METRIC_GAUGE, 0},
    [NO_PLACE] = {"sluice_worker_no_place_total", NULL, "Connections refused because the budget was used up.",
                  METRIC_COUNTER, 0},
    [FAILURES] = {"sluice_worker_database_failures_total", NULL, "Postgres connections lost or not made.",
                  METRIC_COUNTER, 0},
    [BUDGET] = {"sluice_worker_budget", NULL, "Connection limit of the worker's role.", METRIC_GAUGE, 0},
    [DEAD_ROWS] =
        {"sluice_worker_dead_letters", NULL,
         "Rows in webhooks_dead, by Postgres's statistics: right within seconds, but 0 after a crash of the "
         "server until autovacuum has looked. Asked once a minute; no row while this worker has no "
         "connection. All "
         "workers show the same, so take the max.",
         METRIC_ESTIMATE, -1},
};

void pool_register(void)
{
    metrics_register(metrics, METRICS);
}

enum error_code pool_init(struct pool *p, const struct worker_settings *settings, const char *name,
                          int64_t now_us, struct error *error)
{
    enum error_code code = ERROR_NONE;

    *p = (struct pool){.count = 0};
    place_init(&p->place, settings->hold_us, now_us);
    while (code == ERROR_NONE && p->count < (size_t)settings->connections) {
        code = slot_new(&p->slots[p->count], settings, name, error);
        p->count += code == ERROR_NONE;
    }
    return code;
}

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

size_t pool_open(const struct pool *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->count; i++) {
        count += is_open(p->slots[i]);
    }
    return count;
}

static struct slot *find_state(const struct pool *p, enum slot_state state)
{
    for (size_t i = 0; i < p->count; i++) {
        if (slot_state(p->slots[i]) == state) {
            return p->slots[i];
        }
    }
    return NULL;
}

size_t pool_storing(const struct pool *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->count; i++) {
        count += slot_batch(p->slots[i])->count;
    }
    return count;
}

int64_t pool_stored_us(const struct pool *p)
{
    int64_t latest_us = 0;

    for (size_t i = 0; i < p->count; i++) {
        int64_t stored_us = slot_stored_us(p->slots[i]);

        latest_us = stored_us > latest_us ? stored_us : latest_us;
    }
    return latest_us;
}

bool pool_asks(struct pool *p, struct slot *slot, int64_t now_us)
{
    if (now_us < p->ask_us) {
        return false;
    }
    p->ask_us = now_us + ASK_US;
    slot_ask(slot, now_us);
    return true;
}

bool pool_is_idle(const struct pool *p)
{
    return find_state(p, SLOT_BUSY) == NULL;
}

bool pool_is_ready(const struct pool *p)
{
    return find_state(p, SLOT_READY) != NULL;
}

bool pool_carries_alone(const struct pool *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (slot_is_alone(p->slots[i])) {
            return true;
        }
    }
    return false;
}

/* --- results of slot_step ------------------------------------------------------------ */

static void no_place(struct pool *p, int64_t now_us)
{
    metric_add(&metrics[NO_PLACE], 1);
    if (place_refused(&p->place, pool_open(p), backoff_random(), now_us)) {
        log_info("standby", log_text("reason", "other workers hold all connections of the budget"));
    }
}

static enum place_lack lack_of(const struct slot *slot)
{
    if (slot_is_unsynced(slot)) {
        return PLACE_UNSYNCED;
    }
    return verdict_settle(slot_sqlstate(slot), false, 0) == VERDICT_OPERATOR ? PLACE_REPAIR : PLACE_DATABASE;
}

static void not_opened(struct pool *p, const struct slot *slot, int64_t now_us)
{
    enum place_lack lack = lack_of(slot);
    int64_t wait_us = place_failed(&p->place, pool_open(p), lack, backoff_random(), now_us);

    p->turn++;
    metric_add(&metrics[FAILURES], 1);
    log_write(lack == PLACE_DATABASE ? LOG_WARNING : LOG_ERROR,
              lack == PLACE_UNSYNCED ? "not-synchronous" : "database-away",
              LOG_FIELDS(log_text("sqlstate", slot_sqlstate(slot)), log_text("reason", slot_reason(slot)),
                         log_number("retry_ms", wait_us / CLOCK_US_PER_MS)));
}

static void opened(struct pool *p, const struct slot *slot)
{
    if (p->place.lack != PLACE_HELD) {
        log_info("database-connected", log_number("budget", slot_budget(slot)));
    }
    metric_set(&metrics[BUDGET], slot_budget(slot));
    place_opened(&p->place);
}

static void unfit(struct pool *p)
{
    log_error("unfit-role",
              log_text("reason",
                       "the role of DATABASE_URL is a superuser or has no connection limit, so Postgres "
                       "would not enforce the budget: use sluice_worker, and run sluice setup"));
    p->unfit = true;
}

/* None is under way when an idle connection is lost. */
static void count_batch(struct slot *slot)
{
    metric_add(&metrics[BATCHES], slot_batch(slot)->count > 0);
}

static void finished(struct slot *slot, int64_t now_us)
{
    count_batch(slot);
    if (slot_batch(slot)->count > 0) {
        latency_batch(slot_batch(slot), slot_begun_us(slot), now_us);
    } else {
        metric_set(&metrics[DEAD_ROWS], slot_dead_rows(slot));
    }
}

bool pool_step(struct pool *p, struct slot *slot, int64_t now_us)
{
    switch (slot_step(slot, now_us)) {
    case SLOT_NOTHING:
        break;
    case SLOT_OPENED:
        opened(p, slot);
        break;
    case SLOT_NO_PLACE:
        no_place(p, now_us);
        break;
    case SLOT_NOT_OPENED:
        not_opened(p, slot, now_us);
        break;
    case SLOT_UNFIT:
        unfit(p);
        break;
    case SLOT_LOST:
        not_opened(p, slot, now_us);
        count_batch(slot);
        return true;
    case SLOT_FINISHED:
        finished(slot, now_us);
        return true;
    }
    return false;
}

/* --- opening and closing -------------------------------------------------------------- */

/* One attempt at a time: a backend takes one of max_connections even when it is then refused. */
static void open_slot(struct pool *p, bool wanted, int64_t now_us)
{
    struct slot *closed = find_state(p, SLOT_CLOSED);

    if (closed == NULL || !place_may_open(&p->place, now_us) || find_state(p, SLOT_OPENING) != NULL) {
        return;
    }
    if (pool_open(p) == 0 || (wanted && find_state(p, SLOT_READY) == NULL)) {
        slot_open(closed, p->turn, now_us);
        (void)pool_step(p, closed,
                        now_us); /* a number needs no resolver; and what fails at once is told at once */
    }
}

static void close_idle_slots(struct pool *p, int64_t now_us)
{
    for (size_t i = 0; i < p->count && pool_open(p) > 1; i++) {
        if (slot_state(p->slots[i]) == SLOT_READY &&
            now_us - slot_ready_since_us(p->slots[i]) >= SLOT_IDLE_US) {
            slot_close(p->slots[i]);
        }
    }
}

void pool_adjust(struct pool *p, bool wanted, int64_t now_us)
{
    open_slot(p, wanted, now_us);
    close_idle_slots(p, now_us);
    metric_set(&metrics[OPEN], (int64_t)pool_open(p));
    if (pool_open(p) == 0) {
        metric_set(&metrics[DEAD_ROWS], -1); /* others may have dropped them since */
        p->ask_us = 0;
    }
}

int64_t pool_due_us(const struct pool *p, int64_t now_us)
{
    int64_t due = p->place.next_open_us > now_us ? p->place.next_open_us : INT64_MAX;

    for (size_t i = 0; i < p->count; i++) {
        int64_t deadline_us = slot_deadline_us(p->slots[i]);

        due = deadline_us < due ? deadline_us : due;
    }
    return due;
}

void pool_poll(const struct pool *p, struct pollfd fds[POOL_SLOTS_MAX])
{
    for (size_t i = 0; i < p->count; i++) {
        fds[i] = (struct pollfd){.fd = slot_fd(p->slots[i]), .events = slot_poll_events(p->slots[i])};
    }
}

void pool_free(struct pool *p)
{
    for (size_t i = 0; i < p->count; i++) {
        slot_free(p->slots[i]);
    }
    p->count = 0;
}
