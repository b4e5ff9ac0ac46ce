/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOGPART_H
#define SLUICE_LOGPART_H

/* The parts of a log line that all its formats share (lib/logfmt, lib/logjson). Any thread. */

#include "log.h"

#define LOGPART_VALUE_MAX 1024 /* bytes of a value; more are cut */
/* The size of most lines, reserved up front so that formatting one allocates once. */
#define LOGPART_LINE_USUAL 512

/* "debug", "info", "warning" or "error". */
const char *logpart_level(enum log_level level);
/* Appends the time of now, in RFC 3339: 2026-11-23T22:43:01.123456Z. */
void logpart_append_time(struct buf *line);
void logpart_append_number(struct buf *line, int64_t number);
/* Appends the whole value with secrets redacted; returns a view of what was appended, valid until the line
 * changes. A value is redacted before it is cut and escaped, because only whole secrets are found. */
struct span logpart_append_redacted(struct buf *line, struct span value);

#endif
