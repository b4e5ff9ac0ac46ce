/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_EVENTS_H
#define SLUICE_CTL_CONSOLE_EVENTS_H

#include "page.h"

#define EVENTS_PATH "/events"

/* Stored events, newest first, by the conditions of sluice find: source, id, path (prefixes), since, until,
 * and up to SEARCH_PATHS_MAX times json; after: a cursor. */
void events_write(struct page *page);

#endif
