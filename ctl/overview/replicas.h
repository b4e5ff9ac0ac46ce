/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_REPLICAS_H
#define SLUICE_CTL_OVERVIEW_REPLICAS_H

/* Asks the admin ports of all replicas of a program whether they are ready, and for their metrics. A name
 * stands for all its addresses, as in Prometheus' DNS discovery. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

#define REPLICAS_MAX 128

struct replica {
    char address[96]; /* host:port as asked; the host is an address, unless its name is unknown */
    bool answered;    /* with its readiness and its metrics */
    bool ready;
    char state[160];    /* its own words on its readiness, or why it didn't answer; one line */
    struct buf metrics; /* when it answered */
};

struct replicas {
    struct replica list[REPLICAS_MAX];
    size_t count;
};

/* admins: host:port, comma-separated; "": asks nobody. Each answer may take 2 s, and all of them together
 * 10 s: who isn't asked in time hasn't answered. ERROR_SETTING: an entry isn't host:port, or there are more
 * than REPLICAS_MAX. *replicas must be zero or freed; the caller calls replicas_free. */
MUST_CHECK enum error_code replicas_ask(struct replicas *replicas, const char *admins, struct error *error);
void replicas_free(struct replicas *replicas);

size_t replicas_answered(const struct replicas *replicas);
size_t replicas_ready(const struct replicas *replicas);

#endif
