/* SPDX-License-Identifier: MIT */
#include "deliveries.h"

#include "ctl/look/moment.h"
#include "gateway/event/json_pointer.h"
#include "gateway/event/json_scan.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum member { ID, GUID, DELIVERED_AT, STATUS, STATUS_CODE, EVENT, MEMBERS };

static const char *const pointers[MEMBERS] = {"/id",     "/guid",        "/delivered_at",
                                              "/status", "/status_code", "/event"};

static enum error_code unlike(const char *what, struct error *error)
{
    return error_set(error, ERROR_MALFORMED, "GitHub's list of deliveries is not as documented: %s", what);
}

/* Sets an attempt from its JSON object. */
static enum error_code read_attempt(struct span object, struct delivery_event *a, struct error *error)
{
    struct json_pointer_want wants[MEMBERS];
    struct moment moment = {0};
    char time[64];
    int64_t code;

    for (int i = 0; i < MEMBERS; i++) {
        wants[i].pointer = span_of(pointers[i]);
    }
    json_pointer_find_all(object, wants, MEMBERS);
    *a = (struct delivery_event){.attempts = 1};
    if (wants[ID].result != JSON_POINTER_NUMBER || wants[ID].raw.len >= sizeof a->id ||
        !text_is_digits(wants[ID].raw)) {
        return unlike("an id is no positive number", error);
    }
    if (wants[GUID].result != JSON_POINTER_STRING || wants[GUID].raw.len == 0 ||
        wants[GUID].raw.len >= sizeof a->guid) {
        return unlike("a guid is missing or too long", error);
    }
    (void)text_copy(time, sizeof time, wants[DELIVERED_AT].raw);
    if (wants[DELIVERED_AT].result != JSON_POINTER_STRING || !moment_read(time, &moment) || moment.is_age) {
        return unlike("delivered_at is no time", error);
    }
    (void)text_copy(a->id, sizeof a->id, wants[ID].raw);
    (void)text_copy(a->guid, sizeof a->guid, wants[GUID].raw);
    (void)text_copy(a->status, sizeof a->status, wants[STATUS].raw);
    (void)text_copy(a->event, sizeof a->event, wants[EVENT].raw);
    a->newest_us = moment.us;
    if (wants[STATUS_CODE].result == JSON_POINTER_NUMBER && text_number(wants[STATUS_CODE].raw, 3, &code)) {
        a->status_code = code;
    }
    a->succeeded = strcmp(a->status, "OK") == 0 || (a->status_code >= 200 && a->status_code <= 299);
    a->under_way = wants[STATUS_CODE].result != JSON_POINTER_NUMBER && !a->succeeded;
    return ERROR_NONE;
}

static enum error_code add_attempt(struct deliveries *d, const struct delivery_event *a, struct error *error)
{
    d->attempts++;
    d->oldest_us = a->newest_us;
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->events[i].guid, a->guid) == 0) {
            d->events[i].attempts++;
            d->events[i].succeeded = d->events[i].succeeded || a->succeeded;
            return ERROR_NONE;
        }
    }
    if (d->count == d->capacity) {
        size_t capacity = d->capacity == 0 ? 128 : 2 * d->capacity;
        struct delivery_event *grown = realloc(d->events, capacity * sizeof *grown);

        if (grown == NULL) {
            return error_set(error, ERROR_MEMORY, "no memory for %zu events", capacity);
        }
        d->events = grown;
        d->capacity = capacity;
    }
    d->events[d->count++] = *a;
    return ERROR_NONE;
}

enum error_code deliveries_add(struct deliveries *d, struct span page, int64_t since_us, size_t *listed,
                               struct error *error)
{
    struct json_scan scan = {page.data, page.data + page.len};
    enum error_code code = ERROR_NONE;

    *listed = 0;
    if (!json_scan_take(&scan, '[')) {
        return unlike("it is no array", error);
    }
    while (code == ERROR_NONE && json_scan_peek(&scan) != ']') {
        struct delivery_event attempt;
        const char *begin;

        if (*listed > 0 && !json_scan_take(&scan, ',')) {
            return unlike("it is no JSON", error);
        }
        (void)json_scan_peek(&scan); /* passes white space */
        begin = scan.at;
        if (!json_scan_value(&scan)) {
            return unlike("it is no JSON", error);
        }
        ++*listed;
        code = read_attempt((struct span){begin, (size_t)(scan.at - begin)}, &attempt, error);
        if (code == ERROR_NONE && attempt.newest_us < since_us) {
            d->complete = true;
            return ERROR_NONE;
        }
        if (code == ERROR_NONE) {
            code = add_attempt(d, &attempt, error);
        }
    }
    return code;
}

void deliveries_free(struct deliveries *d)
{
    free(d->events);
    *d = (struct deliveries){0};
}
