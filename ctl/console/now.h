/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_NOW_H
#define SLUICE_CTL_CONSOLE_NOW_H

#include "page.h"

/* The state of everything. */
void now_write(struct page *page);

#endif
