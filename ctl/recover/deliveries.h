/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_RECOVER_DELIVERIES_H
#define SLUICE_CTL_RECOVER_DELIVERIES_H

/* What GitHub says about the deliveries of a webhook, by event: all attempts of one event have its GUID,
 * which was sent as X-GitHub-Delivery. Pure. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

/* The attempts of one event. */
struct delivery_event {
    char guid[64];
    char id[24];         /* of the newest attempt, in digits: no double can hold each of them */
    int64_t newest_us;   /* time of the newest attempt, since 1970 */
    int attempts;        /* that were listed */
    bool succeeded;      /* one got 2xx */
    bool under_way;      /* the newest attempt has no result yet */
    int64_t status_code; /* of the newest attempt; 0: none */
    char status[64];     /* in GitHub's words */
    char event[64];      /* "push" */
};

/* Zero-initialise. */
struct deliveries {
    struct delivery_event *events; /* newest first */
    size_t count, capacity;
    int64_t attempts;
    int64_t oldest_us; /* time of the oldest attempt; 0: none */
    bool complete;     /* an attempt before `since` was listed */
};

/* Adds a page, a JSON array that lists attempts from the newest to the oldest. Stops at the first one before
 * since_us. *listed: how many the page has. ERROR_MALFORMED names what isn't as documented; ERROR_MEMORY. */
MUST_CHECK enum error_code deliveries_add(struct deliveries *deliveries, struct span page, int64_t since_us,
                                          size_t *listed, struct error *error);
void deliveries_free(struct deliveries *deliveries);

#endif
