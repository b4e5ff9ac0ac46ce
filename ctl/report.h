/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_REPORT_H
#define SLUICE_REPORT_H

/* The command's output. Every line goes through here, and known secrets are removed from it: a server may
 * quote them in an error. */

#include "buf.h"
#include "error.h"

/* Prints one line on standard output and flushes it. */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints one line on standard error, "sluice SUBCOMMAND: ...". */
void report_problem(const char *subcommand, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for each line of complaints, whose text is changed. */
void report_complaints(const char *subcommand, struct buf *complaints);
/* The same for an error. Returns the matching exit code. */
enum exit_code report_error(const char *subcommand, const struct error *error);

#endif
