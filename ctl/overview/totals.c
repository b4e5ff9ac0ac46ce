/* SPDX-License-Identifier: MIT */
#include "totals.h"

#include "exposition.h"
#include "gateway/reply.h"

#include <stdlib.h>
#include <string.h>

enum merge { SUM, FIRST, LAST };

/* Which metrics become which member. label NULL: any labels. */
static const struct row {
    const char *metric, *label, *value;
    enum merge merge;
    size_t offset;
} rows[] = {
    {"process_start_time_seconds", NULL, NULL, SUM, offsetof(struct totals, generation)},
    {"sluice_gateway_replies_total", "outcome", "queued", SUM, offsetof(struct totals, accepted)},
    {"sluice_worker_events_total", "outcome", "stored", SUM, offsetof(struct totals, stored)},
    {"sluice_worker_events_total", "outcome", "replaced", SUM, offsetof(struct totals, stored)},
    {"sluice_worker_events_total", "outcome", "unchanged", SUM, offsetof(struct totals, stored)},
    {"sluice_worker_events_total", "outcome", "dead", SUM, offsetof(struct totals, dead)},
    {"sluice_worker_unacked", NULL, NULL, SUM, offsetof(struct totals, unacked)},
    {"sluice_worker_braked", NULL, NULL, SUM, offsetof(struct totals, braked)},
    {"sluice_worker_paused", NULL, NULL, SUM, offsetof(struct totals, paused)},
    {"sluice_worker_standby", NULL, NULL, SUM, offsetof(struct totals, standby)},
    {"sluice_log_dropped_total", NULL, NULL, SUM, offsetof(struct totals, log_dropped)},
    {"sluice_worker_oldest_event_timestamp_seconds", NULL, NULL, FIRST,
     offsetof(struct totals, oldest_event_s)},
    {"sluice_gateway_certificate_expiry_timestamp_seconds", NULL, NULL, FIRST,
     offsetof(struct totals, certificate_s)},
};

/* The same for members of a source. */
static const struct row source_rows[] = {
    {"sluice_gateway_source_accepted_total", NULL, NULL, SUM, offsetof(struct source_totals, accepted)},
    {"sluice_gateway_source_refused_total", NULL, NULL, SUM, offsetof(struct source_totals, refused)},
    {"sluice_gateway_source_last_accepted_timestamp_seconds", NULL, NULL, LAST,
     offsetof(struct source_totals, last_accepted_s)},
    {"sluice_gateway_source_last_refused_timestamp_seconds", NULL, NULL, LAST,
     offsetof(struct source_totals, last_refused_s)},
};

static void merge(void *into, const struct row *row, double value)
{
    double *member = (double *)(void *)((char *)into + row->offset);

    switch (row->merge) {
    case SUM:
        *member += value;
        break;
    case FIRST:
        *member = *member == 0 || value < *member ? value : *member;
        break;
    case LAST:
        *member = value > *member ? value : *member;
        break;
    }
}

static bool is_named(const struct sample *sample, const char *name)
{
    return span_equal(sample->name, span_of(name));
}

bool totals_is_unavailable(const char *outcome)
{
    static const struct {
        const char *label;
        int status;
    } replies[] = {
#define REPLY_ROW(name, label, status, retry_after, close) {label, status},
        REPLIES(REPLY_ROW)
#undef REPLY_ROW
    };

    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (strcmp(replies[i].label, outcome) == 0) {
            return replies[i].status == 503 && strcmp(outcome, "draining") != 0;
        }
    }
    return false;
}

/* Refusals are all replies but queued, challenge and server. */
static void add_reply(struct totals *totals, const struct sample *sample)
{
    char outcome[TOTALS_CAUSE_SIZE];

    if (!is_named(sample, "sluice_gateway_replies_total") ||
        !exposition_label(sample, "outcome", outcome, sizeof outcome) || strcmp(outcome, "queued") == 0 ||
        strcmp(outcome, "challenge") == 0 || strcmp(outcome, "server") == 0) {
        return;
    }
    totals->refused += sample->value;
    if (totals_is_unavailable(outcome)) {
        totals->unavailable += sample->value;
    }
}

/* --- sources --------------------------------------------------------------- */

static size_t place_of(const struct totals *totals, const char *name)
{
    size_t low = 0, high = totals->source_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(totals->sources[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct source_totals *totals_source(const struct totals *totals, const char *name)
{
    size_t place = place_of(totals, name);

    return place < totals->source_count && strcmp(totals->sources[place].name, name) == 0
               ? &totals->sources[place]
               : NULL;
}

/* Returns the source, added if it is new, or NULL when there is no memory. */
static struct source_totals *make_source(struct totals *totals, const char *name)
{
    size_t place = place_of(totals, name);
    struct source_totals *grown;

    if (totals_source(totals, name) != NULL) {
        return &totals->sources[place];
    }
    grown = reallocarray(totals->sources, totals->source_count + 1, sizeof *grown);
    if (grown == NULL) {
        totals->failed = true;
        return NULL;
    }
    totals->sources = grown;
    memmove(&grown[place + 1], &grown[place], (totals->source_count - place) * sizeof *grown);
    totals->source_count++;
    grown[place] = (struct source_totals){0};
    (void)text_copy(grown[place].name, sizeof grown[place].name, span_of(name));
    return &grown[place];
}

static double *count_of(struct source_totals *source, const char *cause)
{
    for (size_t i = 0; i < source->cause_count; i++) {
        if (strcmp(source->causes[i].label, cause) == 0) {
            return &source->causes[i].count;
        }
    }
    if (source->cause_count == TOTALS_CAUSES_MAX) {
        return NULL;
    }
    (void)text_copy(source->causes[source->cause_count].label, TOTALS_CAUSE_SIZE, span_of(cause));
    return &source->causes[source->cause_count++].count;
}

static void add_source(struct totals *totals, const struct sample *sample, const struct row *row)
{
    char name[TOTALS_NAME_SIZE], cause[TOTALS_CAUSE_SIZE];
    struct source_totals *source;
    double *count;

    if (!exposition_label(sample, "source", name, sizeof name)) {
        return;
    }
    source = make_source(totals, name);
    if (source == NULL) {
        return;
    }
    merge(source, row, sample->value);
    if (sample->value > 0 && exposition_label(sample, "cause", cause, sizeof cause)) {
        count = count_of(source, cause);
        if (count != NULL) {
            *count += sample->value;
        }
    }
}

/* --- adding ---------------------------------------------------------------- */

static void add_sample(struct totals *totals, const struct sample *sample)
{
    char value[TOTALS_CAUSE_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_named(sample, rows[i].metric) &&
            (rows[i].label == NULL || (exposition_label(sample, rows[i].label, value, sizeof value) &&
                                       strcmp(value, rows[i].value) == 0))) {
            merge(totals, &rows[i], sample->value);
        }
    }
    for (size_t i = 0; i < sizeof source_rows / sizeof source_rows[0]; i++) {
        if (is_named(sample, source_rows[i].metric)) {
            add_source(totals, sample, &source_rows[i]);
        }
    }
    add_reply(totals, sample);
}

void totals_add(struct totals *totals, struct span metrics)
{
    static const struct row started = {NULL, NULL, NULL, FIRST, offsetof(struct totals, started_s)};
    struct span rest = metrics;
    struct sample sample;
    double process_started = 0;
    bool is_gateway = false;

    while (exposition_next(&rest, &sample)) {
        add_sample(totals, &sample);
        is_gateway = is_gateway || is_named(&sample, "sluice_gateway_replies_total");
        process_started = is_named(&sample, "process_start_time_seconds") ? sample.value : process_started;
    }
    if (is_gateway && process_started > 0) {
        merge(totals, &started, process_started);
    }
}

double totals_cause_count(const struct source_totals *source, const char *cause)
{
    for (size_t i = 0; source != NULL && i < source->cause_count; i++) {
        if (strcmp(source->causes[i].label, cause) == 0) {
            return source->causes[i].count;
        }
    }
    return 0;
}

void totals_find_causes(struct totals *totals, const struct totals *before)
{
    for (size_t s = 0; s < totals->source_count; s++) {
        struct source_totals *source = &totals->sources[s];
        const struct source_totals *old = before == NULL ? NULL : totals_source(before, source->name);
        double most = 0;

        if (old != NULL) {
            (void)text_copy(source->cause, sizeof source->cause, span_of(old->cause));
        }
        for (size_t i = 0; i < source->cause_count; i++) {
            double rise = source->causes[i].count - totals_cause_count(old, source->causes[i].label);

            if (rise > most) {
                most = rise;
                (void)text_copy(source->cause, sizeof source->cause, span_of(source->causes[i].label));
            }
        }
    }
}

void totals_free(struct totals *totals)
{
    free(totals->sources);
    *totals = (struct totals){0};
}
