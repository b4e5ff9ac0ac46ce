/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_OUTCOME_H
#define SLUICE_CTL_SETUP_OUTCOME_H

/* Setup's output: one line for each object that it has examined. With `checking`, only differences are
 * printed and counted. */

#include <stdbool.h>
#include <stddef.h>

struct outcome {
    bool checking; /* nothing may be changed */
    size_t differences;
};

/* The object was as it should be: `there  WHAT`. */
void outcome_there(const struct outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The object was missing and has been created: `done   WHAT`; checking: `differs WHAT: is missing`. */
void outcome_missing(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The object was different and has been changed: `done   WHAT IS -> WANTED`; checking: `differs WHAT: is IS,
 * should be WANTED`. */
void outcome_differs(struct outcome *outcome, const char *is, const char *wanted, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
