/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LISTEN_SHOW_H
#define SLUICE_CTL_LISTEN_SHOW_H

/* Prints events: as lines for people, without control characters, query, headers and body; or as one JSON
 * object each, which has all of these. */

#include "envelope.h"
#include "forward.h"

/* Prints the line of an event. */
void show_event(const struct envelope *envelope, struct span body);
/* Prints the line of what became of it. */
void show_result(const struct forward_result *result);
/* Prints both as JSON. result: NULL when the event was not forwarded. */
void show_json(const char *subcommand, const struct envelope *envelope, struct span body,
               const struct forward_result *result);

#endif
