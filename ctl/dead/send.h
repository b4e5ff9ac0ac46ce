/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_SEND_H
#define SLUICE_CTL_DEAD_SEND_H

/* Publishes dead letters for the workers: to the first retry tier, so that other subscribers don't receive
 * them, with many confirms outstanding. */

#include "broker.h"
#include "config.h"
#include "confirm.h"
#include "error.h"
#include "letter.h"
#include "topology.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Maximum number of messages published before deadsend_finish is called. */
#define DEADSEND_OUTSTANDING_MAX 512

struct deadsend {
    struct broker *broker;
    struct confirm confirm;
    char exchange[TOPOLOGY_NAME_MAX];
    int64_t rate;   /* messages a second at most; 0: no limit */
    int64_t due_us; /* time of the next publish */
    bool blocked;
    size_t refused, returned; /* since deadsend_open */
};

/* Connects. delays: DELAYS; its first entry is the tier. ERROR_SETTING: DELAYS is empty; ERROR_NOT_FOUND: the
 * tier is not declared on the broker; other errors as for broker_open. The caller must call deadsend_close,
 * also after an error. */
MUST_CHECK enum error_code deadsend_open(struct deadsend *send, const struct broker_access *access,
                                         const struct config_durations *delays, int64_t rate,
                                         struct error *error);
/* Publishes a letter. Waits as the rate requires, and up to 30 s for the end of an alarm. After an error the
 * connection must not be used again. */
MUST_CHECK enum error_code deadsend_publish(struct deadsend *send, const struct deadletter *letter,
                                            struct error *error);
/* Waits until the broker has confirmed, nacked or returned all published messages, for up to 30 s from one
 * answer to the next. After ERROR_NONE, `refused` and `returned` count the messages that were not stored. */
MUST_CHECK enum error_code deadsend_finish(struct deadsend *send, struct error *error);
void deadsend_close(struct deadsend *send);

#endif
