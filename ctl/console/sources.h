/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_SOURCES_H
#define SLUICE_CTL_CONSOLE_SOURCES_H

#include "page.h"

/* What the routes file says of each source, and, with `method` and `path`, which one a request matches. */
void sources_write(struct page *page);

#endif
