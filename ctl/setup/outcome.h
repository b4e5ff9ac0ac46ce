/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_OUTCOME_H
#define SLUICE_CTL_SETUP_OUTCOME_H

/* What setup says: one line for each thing that it has looked at. While it checks it says only what differs,
 * and counts it. */

#include <stdbool.h>
#include <stddef.h>

struct outcome {
    bool checking; /* nothing may be changed */
    size_t differences;
};

/* It was as it should be: `there  WHAT`. */
void outcome_there(const struct outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* It wasn't there, and now is: `done   WHAT`; while checking: `differs WHAT: is missing`. */
void outcome_missing(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* It was otherwise: `done   WHAT IS -> WANTED`; while checking: `differs WHAT: is IS, should be WANTED`. */
void outcome_differs(struct outcome *outcome, const char *is, const char *wanted, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
