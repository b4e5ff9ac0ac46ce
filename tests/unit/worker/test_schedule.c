/* SPDX-License-Identifier: MIT */
#include "worker/schedule.h"

#include "backoff.h"
#include "clock.h"
#include "worker/ack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "make_event.h"

#define S CLOCK_US_PER_S
#define MS CLOCK_US_PER_MS

/* Silences the log lines of deliberate failures. */
static int be_silent(void **state)
{
    static int standard_error;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    standard_error = dup(STDERR_FILENO);
    *state = &standard_error;
    assert_true(nowhere >= 0 && standard_error >= 0 && dup2(nowhere, STDERR_FILENO) == STDERR_FILENO);
    return close(nowhere);
}

static int be_heard(void **state)
{
    const int *standard_error = *state;

    assert_int_equal(dup2(*standard_error, STDERR_FILENO), STDERR_FILENO);
    return close(*standard_error);
}

static struct schedule make_schedule(size_t most)
{
    struct schedule s;

    assert_int_equal(schedule_init(&s, most, NULL), ERROR_NONE);
    return s;
}

static struct event *failed(const char *id, const char *sqlstate, enum verdict verdict, bool struck)
{
    struct event *event = make_event("s", id, 1);

    event_fail(event, verdict, sqlstate, "because");
    if (struck) {
        event_strike(event, true, 0);
    }
    return event;
}

static void what_failed_with_its_batch_goes_in_a_batch_again(void **state)
{
    struct schedule s = make_schedule(4);
    struct event *alone;

    (void)state;
    assert_int_equal(schedule_next(&s, false, &alone, 1), SCHEDULE_NOTHING);
    assert_int_equal(schedule_fate(&s, failed("1", "53100", VERDICT_TRANSIENT, false), 1), SCHEDULE_KEPT);
    assert_true(schedule_wants_slot(&s, 1));
    assert_int_equal(schedule_due_us(&s, false, 1), 1);
    assert_int_equal(schedule_next(&s, false, &alone, 1), SCHEDULE_BATCH);
    schedule_free(&s);
}

static void what_failed_by_itself_goes_alone_after_its_wait(void **state)
{
    struct schedule s = make_schedule(4);
    struct event *event = failed("1", "55P03", VERDICT_TRANSIENT, true), *alone;

    (void)state;
    assert_int_equal(schedule_fate(&s, event, 1), SCHEDULE_KEPT);
    assert_true(event->not_before_us > 0 && event->not_before_us <= 1 + 200 * MS);
    assert_int_equal(schedule_due_us(&s, false, 1), event->not_before_us);
    assert_true(schedule_due_us(&s, true, 1) == INT64_MAX);
    assert_int_equal(schedule_next(&s, true, &alone, S), SCHEDULE_NOTHING); /* one at a time */
    assert_int_equal(schedule_next(&s, false, &alone, S), SCHEDULE_ALONE);
    assert_ptr_equal(alone, event);
    event_free(alone);
    schedule_free(&s);
}

static void settled_and_retried_events_are_the_callers(void **state)
{
    struct schedule s = make_schedule(4);
    struct event *event = failed("1", "23503", VERDICT_LATER, true);

    (void)state;
    assert_int_equal(schedule_fate(&s, event, 1), SCHEDULE_RETRY);
    event->doomed = true; /* no retry left: kept until its dead letter can be written */
    assert_int_equal(schedule_fate(&s, event, 1), SCHEDULE_KEPT);
    event = make_event("s", "2", 1);
    event->state = EVENT_STORED;
    event->probe = true;
    assert_int_equal(schedule_fate(&s, event, 1), SCHEDULE_SETTLED);
    assert_false(event->probe);
    event_free(event);
    schedule_free(&s);
}

static void while_a_batch_waits_nothing_goes_alone_twice_in_a_row_nor_for_more_than_half_the_time(
    void **state)
{
    struct schedule s = make_schedule(4);
    struct batch none = {.count = 0};
    struct event *alone;

    (void)state;
    assert_int_equal(schedule_fate(&s, failed("1", "55P03", VERDICT_TRANSIENT, true), 0), SCHEDULE_KEPT);
    assert_int_equal(schedule_fate(&s, failed("2", "55P03", VERDICT_TRANSIENT, true), 0), SCHEDULE_KEPT);
    assert_false(schedule_add(&s, make_event("s", "3", 1)));
    assert_int_equal(schedule_next(&s, false, &alone, 10 * S), SCHEDULE_ALONE);
    event_free(alone);
    schedule_came_back(&s, &none, true, 10 * S, 12 * S);
    assert_int_equal(schedule_next(&s, false, &alone, 14 * S), SCHEDULE_BATCH);
    assert_int_equal(schedule_next(&s, false, &alone, 14 * S - 1), SCHEDULE_BATCH); /* a batch still waits */
    assert_int_equal(schedule_next(&s, false, &alone, 14 * S), SCHEDULE_ALONE);
    event_free(alone);
    schedule_free(&s);
}

static struct event *suspect_of(const char *source, int64_t now_us)
{
    struct event *event = make_event(source, "1", 1);

    event->envelope.delivery_count = 2;
    event->delivered_us = now_us;
    return event;
}

static void brake_source(struct schedule *s, const char *source, int64_t now_us)
{
    struct batch batch;

    assert_int_equal(batch_init(&batch, 101, 1000, NULL), ERROR_NONE);
    while (batch.count < 101) {
        struct event *event = make_event(source, "dead", 1);

        event->state = EVENT_DEAD;
        batch.events[batch.count++] = event;
    }
    schedule_came_back(s, &batch, false, now_us, now_us);
    for (size_t i = 0; i < batch.count; i++) {
        event_free(batch.events[i]);
    }
    batch.count = 0;
    batch_free(&batch);
}

#define LOCKED_US (2 * S)

/* Plays an event that fails alone for want of a lock. */
static void play_locked(struct schedule *s, struct event *event, int64_t *now_us)
{
    struct event *events[] = {event};
    struct batch batch = {.events = events, .count = 1};

    event_fail(event, VERDICT_TRANSIENT, "55P03", "locked");
    event_strike(event, true, s->judge.stored);
    *now_us += LOCKED_US;
    schedule_came_back(s, &batch, true, *now_us - LOCKED_US, *now_us);
    assert_int_equal(schedule_fate(s, event, *now_us), SCHEDULE_KEPT);
}

static void probes_that_get_no_verdict_hold_up_no_suspect_and_no_other_sources_probe(void **state)
{
    enum { SOURCES = 20, HELD = 20 };
    struct schedule s = make_schedule(SOURCES * HELD + 2);
    int64_t now_us = S, begun_us;
    char name[SOURCES][8];
    size_t others = 0;

    (void)state;
    for (size_t i = 0; i < SOURCES; i++) {
        (void)snprintf(name[i], sizeof name[i], "s%zu", i);
        brake_source(&s, name[i], now_us);
        for (size_t n = 0; n < HELD; n++) {
            assert_true(schedule_add(&s, make_event(name[i], "1", 1)));
        }
    }
    brake_source(&s, "other", now_us);
    brake_init(&s.judge.sources.worker); /* the brakes of the sources are what is tested */
    assert_true(schedule_add(&s, make_event("other", "1", 1)));
    now_us += 40 * S; /* all are due */
    begun_us = now_us;
    assert_false(schedule_add(&s, suspect_of("good", now_us)));
    while (others < 2) {
        struct event *alone;

        s.judge.resume_us = 0;
        assert_int_equal(schedule_next(&s, false, &alone, now_us), SCHEDULE_ALONE);
        if (alone->envelope.source.data[0] == 's') {
            play_locked(&s, alone, &now_us);
            brake_init(&s.judge.sources.worker);
        } else {
            others++;
            event_free(alone);
        }
        assert_true(now_us - begun_us <= SOURCES * LOCKED_US);
    }
    schedule_free(&s);
}

static void a_pause_holds_all_until_its_end(void **state)
{
    struct schedule s = make_schedule(4);
    struct event *alone;

    (void)state;
    assert_false(schedule_add(&s, make_event("s", "1", 1)));
    s.judge.resume_us = 5 * S;
    assert_int_equal(schedule_next(&s, false, &alone, 5 * S - 1), SCHEDULE_NOTHING);
    assert_false(schedule_wants_slot(&s, 5 * S - 1));
    assert_int_equal(schedule_due_us(&s, false, 1), 5 * S);
    assert_int_equal(schedule_next(&s, false, &alone, 5 * S), SCHEDULE_BATCH);
    schedule_free(&s);
}

static void a_brake_takes_hold_of_what_waits_already(void **state)
{
    struct schedule s = make_schedule(300);
    struct event_queue old = {0};
    struct batch batch;

    (void)state;
    assert_int_equal(batch_init(&batch, 200, 1000, NULL), ERROR_NONE);
    for (size_t i = 0; i < 101; i++) {
        struct event *event = make_event("s", "dead", 1);

        event->state = EVENT_DEAD;
        batch.events[batch.count++] = event;
    }
    assert_false(schedule_add(&s, make_event("s", "1", 1)));
    assert_false(schedule_add(&s, make_event("t", "2", 1)));
    schedule_came_back(&s, &batch, false, 0, S);
    assert_int_equal(s.judge.sources.held, 1);
    assert_int_equal(s.backlog.ordinary.count, 1);
    assert_true(schedule_add(&s, make_event("s", "3", 1)));
    schedule_take_older(&s, 1, &old);
    assert_int_equal(old.count, 3);
    event_queue_clear(&old);
    batch_free(&batch);
    schedule_free(&s);
}

/* --- the wait of good events is bounded ------------------------------------------------- */

/* A worker with two slots, a prefetch of 100, and a database with permanent problems, each for one source:
 * locked rows, endless statements, unclear refusals, events that end their backend, and events that are
 * mostly refused. Good events arrive all the time, some of them suspects. */
enum kind { GOOD, LOCKED, ENDLESS, UNCLEAR, KILLER, REFUSED, KINDS };
static const char *const names[KINDS] = {"good", "locked", "endless", "unclear", "killer", "refused"};

enum { PREFETCH = 100, BATCH = 20, SLOTS = 2, GOODS = 4000 };
#define LOCK_US (2 * S)
#define ENDLESS_US (30 * S)
/* A good event may be in a batch with endless statements, lose its connection to a killer, and then wait for
 * events tried alone: an endless statement each time. */
#define BOUND_US (4 * ENDLESS_US)

struct slot_model {
    bool busy, alone;
    struct batch batch;
    int64_t begun_us, done_us;
};

struct world {
    struct schedule schedule;
    struct ack ack;
    struct slot_model slots[SLOTS];
    int64_t now_us;
    uint64_t next_tag;
    size_t retried, stored, longest_unsettled;
    int64_t longest_us;
};

static enum kind kind_of(const struct event *event)
{
    for (enum kind kind = GOOD; kind < KINDS; kind++) {
        if (span_equal(event->envelope.source, span_of(names[kind]))) {
            return kind;
        }
    }
    return KINDS;
}

static const char *sqlstate_of(enum kind kind)
{
    static const char *const codes[KINDS] = {NULL, "55P03", "57014", "42P01", "", "P0001"};

    return codes[kind];
}

static void strike(struct world *w, struct event *event, bool alone)
{
    const char *sqlstate = sqlstate_of(kind_of(event));

    event_fail(event, verdict_of(sqlstate), sqlstate, "because");
    event_strike(event, alone, w->schedule.judge.stored);
}

/* Models worker/slot: sets the outcomes of a batch and returns the time it takes. */
static int64_t play(struct world *w, struct slot_model *slot)
{
    int64_t took_us = 5 * MS;
    size_t timeouts = 0;
    bool others = false, lost = false;

    for (size_t i = 0; i < slot->batch.count; i++) {
        struct event *event = slot->batch.events[i];
        enum kind kind = kind_of(event);

        lost = lost || kind == KILLER;
        if (timeouts == 2 || lost) {
            event_fail(event, VERDICT_TRANSIENT, "", "with the batch");
            continue;
        }
        if (kind == GOOD || (kind == REFUSED && rand() % 4 == 0)) {
            event->state = EVENT_STORED;
            others = true;
            continue;
        }
        took_us += kind == LOCKED ? LOCK_US : kind == ENDLESS ? ENDLESS_US : 0;
        timeouts += kind == LOCKED || kind == ENDLESS;
        strike(w, event, slot->alone);
    }
    for (size_t i = 0; i < slot->batch.count; i++) {
        struct event *event = slot->batch.events[i];

        if (lost && event->state == EVENT_STORED) {
            event_fail(event, VERDICT_TRANSIENT, "", "with the connection");
        }
        if (lost) {
            event->lost++;
        }
        if (lost && slot->alone) {
            strike(w, event, true);
        }
        if (event->state == EVENT_FAILED && event->struck) {
            event->others_stored = event->others_stored || (others && !lost);
            event->verdict = verdict_settle(event->sqlstate, event->others_stored, event->alone);
        }
    }
    return took_us;
}

static void begin(struct world *w, struct slot_model *slot)
{
    struct event *alone = NULL;
    bool carries = false;

    for (size_t i = 0; i < SLOTS; i++) {
        carries = carries || (w->slots[i].busy && w->slots[i].alone);
    }
    switch (schedule_next(&w->schedule, carries, &alone, w->now_us)) {
    case SCHEDULE_NOTHING:
        return;
    case SCHEDULE_BATCH:
        slot->alone = false;
        batch_take(&slot->batch, &w->schedule.backlog.ordinary);
        break;
    case SCHEDULE_ALONE:
        slot->alone = true;
        batch_take_one(&slot->batch, alone);
        break;
    }
    slot->busy = true;
    slot->begun_us = w->now_us;
    slot->done_us = w->now_us + play(w, slot);
}

static void settle(struct world *w, struct event *event)
{
    if (kind_of(event) == GOOD) {
        int64_t waited_us = w->now_us - event->delivered_us;

        w->stored++;
        w->longest_us = waited_us > w->longest_us ? waited_us : w->longest_us;
    }
    assert_false(ack_settle(&w->ack, event->delivery->tag, event_bytes(event)));
    event_free(event);
}

static void end(struct world *w, struct slot_model *slot)
{
    slot->busy = false;
    schedule_came_back(&w->schedule, &slot->batch, slot->alone, slot->begun_us, w->now_us);
    for (size_t i = 0; i < slot->batch.count; i++) {
        struct event *event = slot->batch.events[i];

        switch (schedule_fate(&w->schedule, event, w->now_us)) {
        case SCHEDULE_SETTLED:
            settle(w, event);
            break;
        case SCHEDULE_RETRY: /* the model's broker confirms at once */
            w->retried++;
            settle(w, event);
            break;
        case SCHEDULE_KEPT:
            break;
        }
    }
    slot->batch.count = 0;
}

static bool send(void *context, uint64_t tag, bool multiple)
{
    (void)context, (void)tag, (void)multiple;
    return true;
}

static void deliver(struct world *w, enum kind kind)
{
    struct event *event;
    char id[24];

    (void)snprintf(id, sizeof id, "%llu", (unsigned long long)w->next_tag);
    event = make_event(names[kind], id, 1);
    event->delivery->tag = w->next_tag;
    event->envelope.delivery_count = kind == GOOD && w->next_tag % 50 == 0 ? 2 : 0;
    event->delivered_us = w->now_us;
    assert_true(ack_received(&w->ack, w->next_tag++, 1, event_bytes(event), 0));
    (void)schedule_add(&w->schedule, event);
}

/* Like worker/loop, which keeps room for other sources. */
static void postpone_surplus(struct world *w)
{
    int64_t since_us;

    while (w->schedule.judge.sources.held > PREFETCH / 2) {
        settle(w, sources_take_surplus(&w->schedule.judge.sources, &since_us));
    }
}

static void step(struct world *w, enum kind next)
{
    w->now_us += 10 * MS;
    if (ack_owed(&w->ack) < PREFETCH && next < KINDS) {
        deliver(w, next);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (w->slots[i].busy && w->now_us >= w->slots[i].done_us) {
            end(w, &w->slots[i]);
        }
        if (!w->slots[i].busy) {
            begin(w, &w->slots[i]);
        }
    }
    postpone_surplus(w);
    assert_true(ack_flush(&w->ack, send, NULL));
}

static void run_world(unsigned seed)
{
    struct world w = {.next_tag = 1};
    size_t delivered = 0, bad = 0;

    srand(seed);
    backoff_seed(seed);
    w.schedule = make_schedule(PREFETCH);
    assert_int_equal(ack_init(&w.ack, PREFETCH, NULL), ERROR_NONE);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(batch_init(&w.slots[i].batch, BATCH, 1000000, NULL), ERROR_NONE);
    }
    while (w.stored < GOODS) {
        enum kind kind = rand() % 100 > 0 || bad > 30 ? GOOD : (enum kind)(1 + rand() % (KINDS - 1));

        kind = rand() % 10 == 0 ? REFUSED : kind;
        if (ack_owed(&w.ack) < PREFETCH) {
            delivered += kind == GOOD;
            bad += kind != GOOD && kind != REFUSED;
        }
        step(&w, delivered > GOODS ? KINDS : kind);
        assert_true(w.now_us < 3600 * S); /* otherwise a good event waits for ever */
    }
    assert_true(w.longest_us <= BOUND_US);
    assert_true(w.retried > 0);
    for (size_t i = 0; i < SLOTS; i++) {
        batch_free(&w.slots[i].batch);
    }
    schedule_free(&w.schedule);
    ack_free(&w.ack);
}

static void whatever_fails_and_however_no_good_event_waits_for_it_beyond_a_bound(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) {
        run_world(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_failed_with_its_batch_goes_in_a_batch_again),
        cmocka_unit_test(what_failed_by_itself_goes_alone_after_its_wait),
        cmocka_unit_test(settled_and_retried_events_are_the_callers),
        cmocka_unit_test(
            while_a_batch_waits_nothing_goes_alone_twice_in_a_row_nor_for_more_than_half_the_time),
        cmocka_unit_test_setup_teardown(
            probes_that_get_no_verdict_hold_up_no_suspect_and_no_other_sources_probe, be_silent, be_heard),
        cmocka_unit_test(a_pause_holds_all_until_its_end),
        cmocka_unit_test(a_brake_takes_hold_of_what_waits_already),
        cmocka_unit_test_setup_teardown(whatever_fails_and_however_no_good_event_waits_for_it_beyond_a_bound,
                                        be_silent, be_heard),
    };

    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
