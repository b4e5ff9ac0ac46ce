/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_EVENT_H
#define SLUICE_CTL_CONSOLE_EVENT_H

#include "page.h"

#define EVENT_PATH "/event"
#define EVENT_BODY_PATH "/event/body"

/* Where the event `id` is (of `source`, or of every source that has it), as sluice trace tells it, and its
 * content if one row has it. Without an id: asks for one. */
void event_write(struct page *page);
/* The exact bytes of its body, as a download. Both id and source are needed. */
void event_write_body(struct page *page);
/* Appends the URL of one of these pages for an event. source NULL: any. */
void event_url(const struct page *page, struct buf *url, const char *path, const char *source,
               const char *id);

#endif
