/* SPDX-License-Identifier: MIT */
#include "postpone.h"

#include "clock.h"
#include "event_log.h"
#include "tier.h"

#define CHECK_US CLOCK_US_PER_S

/* False when a frame may not hold the event's properties: another program published it, since a gateway's
 * always fit. The retry connection has the same broker and so the same frame_max. */
static bool fits(const struct postpone *p, const struct event *event)
{
    const struct broker *broker = p->deliver->broker;

    return broker == NULL || broker_fits(broker, event->delivery->properties);
}

void postpone_event(struct postpone *p, struct event *event, size_t tier, const char *reason, int64_t now_us)
{
    deliver_answered(p->deliver, event->channel);
    event_log_postponed(event, p->settings->delays.us[tier], reason);
    if (!fits(p, event) || !retry_postpone(p->retry, event, tier)) {
        deliver_give_back(p->deliver, event, now_us);
    }
}

bool postpone_bundled(struct postpone *p, struct event *event, const char *reason, int64_t now_us)
{
    /* What can't be published would bring the whole bundle back, again and again. */
    if (!event->bundled || event->form != EVENT_READABLE || !fits(p, event) || !retry_is_well(p->retry)) {
        return false;
    }
    postpone_event(p, event, 0, reason, now_us);
    return true;
}

void postpone_take_back(struct postpone *p)
{
    struct event_queue isolated = {0};
    struct event *event;

    if (retry_is_well(p->retry)) {
        return;
    }
    retry_take_isolated(p->retry, &isolated);
    while ((event = event_queue_pop(&isolated)) != NULL) {
        (void)schedule_add(p->schedule, event);
    }
}

void postpone_surplus(struct postpone *p, int64_t now_us)
{
    struct sources *sources = &p->schedule->judge.sources;
    size_t most =
        prefetch_now(&p->deliver->limit) / 2 / p->deliver->consumers.shards; /* one queue may have it all */
    struct event *event;
    int64_t since_us;

    while (sources->held > most && retry_is_well(p->retry) &&
           (event = sources_take_surplus(sources, &since_us)) != NULL) {
        postpone_event(p, event, tier_for(&p->settings->delays, now_us - since_us), "its source is braked",
                       now_us);
    }
}

void postpone_overdue(struct postpone *p, int64_t now_us)
{
    int64_t before_us = now_us - p->settings->hold_us;
    struct event_queue old = {0};
    struct event *event;

    if (now_us < p->check_us) {
        return;
    }
    p->check_us = now_us + CHECK_US;
    schedule_take_older(p->schedule, before_us, &old);
    while (retry_is_well(p->retry) && (event = event_queue_pop(&old)) != NULL) {
        postpone_event(p, event, 0, "it could not be stored for WORKER_HOLD", now_us);
    }
    if (!retry_is_well(p->retry)) {
        retry_take_older(p->retry, before_us, &old);
    }
    while ((event = event_queue_pop(&old)) != NULL) {
        event_log_given_back(event);
        deliver_give_back(p->deliver, event, now_us);
    }
}
