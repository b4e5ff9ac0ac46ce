/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_RUNBOOK_H
#define SLUICE_CTL_CONSOLE_RUNBOOK_H

#include "page.h"

#define RUNBOOK_PATH "/runbook"

/* docs/operations.md of this release, as text, a section with an anchor for each heading. */
void runbook_write(struct page *page);

/* Appends the anchor of a heading: in lower case, without punctuation, with hyphens for blanks. Pure. */
void runbook_append_anchor(struct buf *out, struct span heading);
/* Appends the sections of a text in Markdown. Pure. */
void runbook_append(struct buf *out, struct span markdown);

#endif
