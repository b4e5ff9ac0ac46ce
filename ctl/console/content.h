/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_CONTENT_H
#define SLUICE_CTL_CONSOLE_CONTENT_H

/* What a stored event holds: headers, body, body as JSON, a curl line. */

#include "page.h"

void content_write(struct page *page, PGconn *database, const char *source, const char *id);

#endif
