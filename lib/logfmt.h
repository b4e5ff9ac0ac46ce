/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOGFMT_H
#define SLUICE_LOGFMT_H

/* A log line as text, as lib/log.h describes it: stamped, escaped, cut and free of
 * secrets. Where it goes is log's business. */

#include "log.h"

/* Appends one line with its newline; `failed` is set when there is no memory. Any
 * thread. */
void logfmt_append(struct buf *line, enum log_level level, const char *event, const struct log_field *fields);

#endif
