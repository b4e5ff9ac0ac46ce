/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOGJSON_H
#define SLUICE_LOGJSON_H

/* Formats a log line as one JSON object in ASCII, with the fields of lib/logfmt:
 *   {"time":"2026-11-23T22:43:01.123456Z","level":"info","event":"stored","source":"default","id":"evt_1"}
 * Control characters and all that isn't ASCII become \uXXXX; each byte that isn't UTF-8 becomes \ufffd. */

#include "log.h"

/* A line has at most so many bytes, which a pipe takes at once (PIPE_BUF), with its newline. */
#define LOGJSON_LINE_MAX 4096

/* Appends one line and its newline. A value is redacted, and cut between characters to 1,024 bytes as it is
 * written, with "..." at its end. The fields that LOGJSON_LINE_MAX has no room for are left out, and the last
 * field is then "cut":true. Sets line->failed when there is no memory. Any thread. */
void logjson_append(struct buf *line, enum log_level level, const char *event,
                    const struct log_field *fields);

#endif
