/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOGFMT_H
#define SLUICE_LOGFMT_H

/* Formats a log line as lib/log.h describes: timestamp, level, event, and fields that are redacted, cut and
 * escaped. lib/log writes it. */

#include "log.h"

/* Appends one line and its newline. Sets line->failed when there is no memory. Any thread. */
void logfmt_append(struct buf *line, enum log_level level, const char *event, const struct log_field *fields);

#endif
