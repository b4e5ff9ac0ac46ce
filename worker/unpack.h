/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_UNPACK_H
#define SLUICE_WORKER_UNPACK_H

/* A message becomes its events: one, or several when it is a bundle (lib/bundle). Pure. */

#include "event.h"

/* Takes ownership of the delivery and appends its events to the queue, each with a delivery of its own that
 * has the message's tag. False for lack of memory, with the queue unchanged; the delivery is then still the
 * caller's.
 *
 * A bundle that can't be read is one malformed event. When a bundle has come back as often as makes an event
 * suspect, one of its events may be what kills the workers: all that can be read are marked `isolated`. */
MUST_CHECK bool unpack(struct broker_delivery *delivery, uint64_t channel, int64_t now_us,
                       struct event_queue *events);

#endif
