/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_ROUTES_DESCRIBE_H
#define SLUICE_CTL_ROUTES_DESCRIBE_H

/* What a source requires of a request, in words. Names no secret. */

#include "ctl/hearer.h"
#include "gateway/sources/source.h"

/* Tells name, path, methods, verification, challenge, id, and which arrival is kept. */
void describe_source(const struct source *source, hearer_take *take, void *to);
/* Tells the limits that the source sets itself; the gateway's settings decide the others. */
void describe_limits(const struct source *source, hearer_take *take, void *to);
/* Tells the reply to an event, if the source has one of its own. */
void describe_reply(const struct source *source, hearer_take *take, void *to);

#endif
