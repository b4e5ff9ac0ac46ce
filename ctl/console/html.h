/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_HTML_H
#define SLUICE_CTL_CONSOLE_HTML_H

/* Text in HTML. What a sender wrote stays text: markup is escaped, and what can't be seen or changes how
 * other text is read (control characters, marks for the direction of writing, bytes that aren't UTF-8) is
 * shown as a mark, such as U+202E or \x00. Pure. */

#include "buf.h"

#include <stddef.h>

/* Appends text that stands on one line: ends of lines are marks, too. At most `most` bytes of it; 0: all.
 * Returns how many bytes are left. */
size_t html_text(struct buf *out, struct span text, size_t most);
/* Appends text for <pre>: ends of lines and tabs stay. At most `most` bytes of it, and `line_most` of each
 * line; what a line lacks is said at its end. Returns how many bytes are left after the last one that was
 * looked at. */
size_t html_lines(struct buf *out, struct span text, size_t line_most, size_t most);
/* Appends format as HTML with %s, %d, %ld (PRId64), %zu and %%. A %s is appended by html_text or, between <
 * and >, as part of an attribute's value, which must be in double quotes. A tag begins and ends within one
 * format. */
void html_print(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
