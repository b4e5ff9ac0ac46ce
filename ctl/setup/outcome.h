/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_OUTCOME_H
#define SLUICE_CTL_SETUP_OUTCOME_H

/* Setup's output: one line for each object that it has examined. With `checking`, only differences are
 * printed and counted. With `json`, each line is an object: {"state":"there|done|differs|...","object":WHAT,
 * "is":IS,"should":WANTED}, or {"state":STATE,"text":TEXT}. */

#include <stdbool.h>
#include <stddef.h>

struct outcome {
    bool checking; /* nothing may be changed */
    bool json;
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
/* What is neither of these: `STATE  TEXT`. state: a word of at most seven letters, such as "unknown". */
void outcome_tell(const struct outcome *outcome, const char *state, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A command that a person is to run, below the line that says so; in JSON the state "command". */
void outcome_command(const struct outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
