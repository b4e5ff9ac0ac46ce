/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_CONTENT_H
#define SLUICE_CTL_CONSOLE_CONTENT_H

/* What a stored event holds: headers, body, body as JSON, a curl line. */

#include "page.h"

void content_write(struct page *page, PGconn *database, const char *source, const char *id);
/* Appends the bytes of a bytea. Sets out->failed when there is no memory. */
void content_append_body(struct buf *out, const PGresult *result, int row, int column);

#endif
