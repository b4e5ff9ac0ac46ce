/* SPDX-License-Identifier: MIT */
#include "event_lines.h"

#include "clock.h"
#include "log.h"
#include "log_messages.h"
#include "trace_context.h"

#include <stdatomic.h>

/* Since the last summary: of the events without lines of their own. */
static _Atomic int64_t queued, queued_bytes, not_queued, slowest_us;

static bool has_own(struct span source, const struct event_id *id)
{
    switch (log_messages_mode()) {
    case LOG_MESSAGES_ALL:
        return true;
    case LOG_MESSAGES_SAMPLED:
        return log_messages_samples(source, (struct span){id->text, id->len});
    case LOG_MESSAGES_BATCHES:
        return log_messages_take_few(LOG_FEW_ORDINARY, 1);
    case LOG_MESSAGES_OFF:
        return false;
    }
    return true;
}

/* Only looked for when there is a line: most events have none. */
static struct log_field trace_of(const struct event_lines *lines)
{
    struct span traceparent;

    return trace_field(request_find(lines->request, "traceparent", &traceparent) == 1
                           ? traceparent
                           : (struct span){NULL, 0});
}

void event_lines_begin(struct event_lines *lines, const struct request *request, struct span source,
                       const struct event_id *id, size_t bytes)
{
    *lines = (struct event_lines){.request = request, .source = source, .id = id, .bytes = bytes};
    if (!log_enabled(LOG_INFO)) {
        return;
    }
    lines->begun_us = clock_monotonic_us();
    lines->own = has_own(source, id);
    if (lines->own) {
        log_info("received", log_span("source", source), log_text("id", id->text),
                 log_span("method", request->method), log_span("path", request->path),
                 log_number("bytes", (int64_t)bytes), trace_of(lines));
    }
}

static void note_slowest(int64_t took_us)
{
    int64_t before = atomic_load_explicit(&slowest_us, memory_order_relaxed);

    while (took_us > before && !atomic_compare_exchange_weak(&slowest_us, &before, took_us)) {
    }
}

static void end_queued(const struct event_lines *lines, int64_t took_us)
{
    bool slow = took_us >= LOG_MESSAGES_SLOW_US;

    if (slow && (lines->own || log_messages_take_few(LOG_FEW_TROUBLE, 1))) {
        log_info("queued", log_span("source", lines->source), log_text("id", lines->id->text),
                 log_number("slow_ms", took_us / CLOCK_US_PER_MS), trace_of(lines));
    } else if (lines->own) {
        log_info("queued", log_span("source", lines->source), log_text("id", lines->id->text),
                 trace_of(lines));
    }
    if (!lines->own) {
        atomic_fetch_add_explicit(&queued, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&queued_bytes, (int64_t)lines->bytes, memory_order_relaxed);
        note_slowest(took_us);
    }
}

void event_lines_end(const struct event_lines *lines, enum outcome outcome)
{
    if (!log_enabled(LOG_INFO)) {
        return;
    }
    if (outcome == OUTCOME_QUEUED) {
        end_queued(lines, clock_monotonic_us() - lines->begun_us);
        return;
    }
    if (lines->own || log_messages_take_few(LOG_FEW_TROUBLE, 1)) {
        log_info("not-queued", log_span("source", lines->source), log_text("id", lines->id->text),
                 log_text("reason", reply_label(outcome)), trace_of(lines));
    }
    if (!lines->own) {
        atomic_fetch_add_explicit(&not_queued, 1, memory_order_relaxed);
    }
}

void event_lines_sum_up(void)
{
    static int64_t since_us;
    int64_t now_us = clock_monotonic_us(), of_us = since_us == 0 ? 0 : now_us - since_us;
    int64_t well = atomic_exchange(&queued, 0), badly = atomic_exchange(&not_queued, 0);
    int64_t bytes = atomic_exchange(&queued_bytes, 0), slowest = atomic_exchange(&slowest_us, 0);

    since_us = now_us;
    if (log_messages_mode() != LOG_MESSAGES_OFF && well + badly > 0) {
        log_info("summary", log_number("queued", well), log_number("not_queued", badly),
                 log_number("bytes", bytes), log_number("slowest_ms", slowest / CLOCK_US_PER_MS),
                 log_number("of_ms", of_us / CLOCK_US_PER_MS));
    }
}
