/* SPDX-License-Identifier: MIT */
/* What the metrics of one event cost in CPU time: what the gateway does for an accepted one, and what the
 * worker does for a stored one, with the clocks that are read only for them. BARE_EVENTS of each, by 1 and by
 * 4 threads at once for the gateway. Prints "metrics WHO microseconds" per line. */
#include "clock.h"
#include "gateway/sources/source_counts.h"
#include "worker/latency.h"
#include "worker/source_events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS 4

static struct histogram request_seconds = {.name = "a",
                                           .unit = HISTOGRAM_SECONDS,
                                           .bounds = {1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
                                                      500000, 1000000, 2500000, 5000000, 10000000, 30000000}};
static struct histogram confirm_seconds = {.name = "b",
                                           .unit = HISTOGRAM_SECONDS,
                                           .bounds = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,
                                                      250000, 500000, 1000000, 2500000, 5000000, 10000000}};
static struct source_counts *counts;
static long events;

static double cpu_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void *accept_events(void *argument)
{
    for (long i = 0; i < events; i++) {
        int64_t head_us = clock_monotonic_us();

        histogram_observe(&confirm_seconds, clock_monotonic_us() - head_us + i % 20000);
        histogram_observe(&request_seconds, clock_monotonic_us() - head_us + i % 20000);
        source_counts_reply(counts, REPLY_QUEUED, clock_wall_us());
    }
    return argument;
}

static void by_threads(int number)
{
    pthread_t threads[THREADS];
    double begun = cpu_us();

    for (int i = 0; i < number; i++) {
        (void)pthread_create(&threads[i], NULL, accept_events, NULL);
    }
    for (int i = 0; i < number; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    printf("metrics gateway-%d %.3f\n", number, (cpu_us() - begun) / (double)events / number);
}

/* Batches of 500 events of ten sources, in turns. */
static void store_events(void)
{
    static struct event batch_events[500];
    static struct event *list[500];
    static struct broker_delivery delivery;
    struct batch batch = {.events = list, .count = 500};
    char names[10][8];
    double begun;

    for (size_t i = 0; i < 500; i++) {
        (void)snprintf(names[i % 10], sizeof names[0], "s-%zu", i % 10);
        batch_events[i] =
            (struct event){.delivery = &delivery, .state = EVENT_STORED, .form = EVENT_READABLE};
        batch_events[i].envelope.source = span_of(names[i % 10]);
        batch_events[i].envelope.received_us = clock_wall_us() - (int64_t)i * 1000;
        list[i] = &batch_events[i];
    }
    begun = cpu_us();
    for (long done = 0; done < events; done += 500) {
        for (size_t i = 0; i < 500; i++) {
            int64_t wall_us = clock_wall_us();

            (void)event_since_us(list[i], wall_us);
            latency_delivered(list[i], wall_us);
            source_events_count(list[i], clock_wall_us());
        }
        latency_batch(&batch, 0, 40000);
    }
    printf("metrics worker %.3f\n", (cpu_us() - begun) / (double)events);
}

int main(void)
{
    const char *text = getenv("BARE_EVENTS");

    events = text == NULL ? 0 : strtol(text, NULL, 10) / 500 * 500;
    counts = source_counts_new();
    if (events == 0 || counts == NULL) {
        (void)fprintf(stderr, "metrics: BARE_EVENTS must be 500 or more\n");
        return 1;
    }
    by_threads(1);
    by_threads(THREADS);
    store_events();
    source_counts_release(counts);
    return 0;
}
