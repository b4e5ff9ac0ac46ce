/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_OPENING_H
#define SLUICE_OPENING_H

/* A connection to the broker that is being opened by a thread of its own (errand), for those who must go on:
 * names, TCP, TLS and the login may take seconds each. Handed over, the broker belongs to who takes it. */

#include "broker.h"

struct opening;

struct opening_options {
    struct broker_options broker; /* copied, all of it */
    /* What must be true of the broker before the connection counts as made; NULL: nothing. Called in the
     * opening's thread with a copy of `wanted`. After an error the connection is closed. */
    enum error_code (*check)(struct broker *broker, const void *wanted, struct error *error);
    const void *wanted;
    size_t wanted_size;
};

/* *opening is the caller's, for opening_end or opening_leave. ERROR_MEMORY, ERROR_SYSTEM. */
MUST_CHECK enum error_code opening_begin(struct opening **opening, const struct opening_options *options,
                                         struct error *error);
/* Readable once it is done; -1 when opening is NULL. Poll it, never read it. */
int opening_fd(const struct opening *opening);
bool opening_is_done(const struct opening *opening);
/* Once it is done: *broker is the caller's. Errors: as broker_open or the check. Frees the opening. */
MUST_CHECK enum error_code opening_end(struct opening *opening, struct broker **broker, struct error *error);
/* Nobody wants it any more: what comes of it is closed by its thread. opening may be NULL. */
void opening_leave(struct opening *opening);

#endif
