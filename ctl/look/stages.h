/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_STAGES_H
#define SLUICE_CTL_LOOK_STAGES_H

/* The stages that an event has passed, in words. */

#include "buf.h"
#include "ctl/hearer.h"
#include "waiting.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* Tells row `row` of places.stored, or of places.dead. */
void stages_of_stored(const PGresult *stored, int row, hearer_take *take, void *to);
void stages_of_dead(const PGresult *dead, int row, hearer_take *take, void *to);
/* Appends whether the event, or another arrival of it when it is found, may be on its way. known: the broker
 * has told what waits. */
void stages_append_chance(struct buf *out, const struct waiting *waiting, bool known, bool found);
/* Appends until when the messages of this queue wait. */
void stages_append_until(struct buf *out, const struct waiting_queue *queue);

#endif
