/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_STATUS_VIEW_H
#define SLUICE_CTL_OVERVIEW_STATUS_VIEW_H

/* Prints an overview on standard output. */

#include "history.h"
#include "overview.h"
#include "problems.h"

struct status_view {
    const struct overview *overview;
    const struct problem *problems;
    size_t problem_count;
    struct rates rates;
    bool watched; /* rates are printed */
};

/* As lines of text: problems first. */
void status_print_text(const struct status_view *view);
/* As one JSON object on one line. */
void status_print_json(const struct status_view *view, const char *subcommand);

#endif
