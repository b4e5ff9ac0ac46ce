/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_OPENING_H
#define SLUICE_OPENING_H

/* Opens a connection to the broker on a thread of its own (errand), for callers that must not block: the name
 * lookup, TCP, TLS and the login may take seconds each. The result belongs to the caller that takes it. */

#include "broker.h"

struct opening;

struct opening_options {
    struct broker_options broker; /* copied, all of it */
    /* Checks the broker before the connection counts as open; NULL: no check. Runs on the opening's thread
     * with a copy of `wanted`. After an error the connection is closed. */
    enum error_code (*check)(struct broker *broker, const void *wanted, struct error *error);
    const void *wanted;
    size_t wanted_size;
    bool check_only; /* the connection is closed after the check, and opening_end gives NULL */
};

/* The caller ends *opening with opening_end or opening_leave. ERROR_MEMORY, ERROR_SYSTEM. */
MUST_CHECK enum error_code opening_begin(struct opening **opening, const struct opening_options *options,
                                         struct error *error);
/* Becomes readable when it is done; -1 when opening is NULL. Poll it, never read it. */
int opening_fd(const struct opening *opening);
bool opening_is_done(const struct opening *opening);
/* When it is done: the caller owns *broker. Errors are those of broker_open or of the check. Frees the
 * opening. */
MUST_CHECK enum error_code opening_end(struct opening *opening, struct broker **broker, struct error *error);
/* Leaves the opening: its thread closes the connection that may result. opening may be NULL. */
void opening_leave(struct opening *opening);

#endif
