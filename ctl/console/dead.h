/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_DEAD_H
#define SLUICE_CTL_CONSOLE_DEAD_H

#include "page.h"

#define DEAD_PATH "/dead"
#define DEAD_ACT_PATH "/dead/act"

/* Dead letters by a filter: groups among the newest ones, then single ones, newest first. */
void dead_write(struct page *page);
/* Replay or drop. Read: how many dead letters the filter selects, and a form that asks. Posted: does it, by
 * SETUP_DATABASE_URL's role, since sluice_reader may not, and writes the audit line that `sluice dead`
 * writes. */
void dead_act_write(struct page *page);

#endif
