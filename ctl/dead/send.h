/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_SEND_H
#define SLUICE_CTL_DEAD_SEND_H

/* Dead letters on their way back to the workers: published to the first retry tier, so that no other
 * subscriber of the events sees them, with many confirms outstanding. */

#include "broker.h"
#include "config.h"
#include "confirm.h"
#include "error.h"
#include "letter.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many may be published before deadsend_finish is called. */
#define DEADSEND_OUTSTANDING_MAX 512

struct deadsend {
    struct broker *broker;
    struct confirm confirm;
    char exchange[TOPOLOGY_NAME_MAX];
    int64_t rate;   /* at most so many a second; 0: as fast as the broker takes them */
    int64_t due_us; /* when the next may go */
    bool blocked;
    size_t refused, returned; /* since deadsend_open */
};

/* Connects. delays: DELAYS, whose first is the tier. ERROR_SETTING: there is none; ERROR_NOT_FOUND: it isn't
 * declared on the broker; else as broker_open. For deadsend_close in any case. */
MUST_CHECK enum error_code deadsend_open(struct deadsend *send, const struct broker_access *access,
                                         const struct config_durations *delays, int64_t rate,
                                         struct error *error);
/* Publishes one, after waiting for its turn and, at most 30 s, for the end of an alarm. After an error the
 * connection is spent. */
MUST_CHECK enum error_code deadsend_publish(struct deadsend *send, const struct deadletter *letter,
                                            struct error *error);
/* Waits until the broker has answered for all that was published, at most 30 s from answer to answer.
 * ERROR_NONE: it has; whether each is stored, refused and returned tell. */
MUST_CHECK enum error_code deadsend_finish(struct deadsend *send, struct error *error);
void deadsend_close(struct deadsend *send);

#endif
