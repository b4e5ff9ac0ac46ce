/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_REPORT_H
#define SLUICE_REPORT_H

/* What the command says. Every line goes through here and is cleared of
 * secrets, which a server may quote back. */

#include "error.h"

/* One line on standard output, flushed. */
void report_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line on standard error, "sluice SUBCOMMAND: ...". */
void report_problem(const char *subcommand, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for an error; returns the exit code that fits it. */
enum exit_code report_error(const char *subcommand, const struct error *error);

#endif
