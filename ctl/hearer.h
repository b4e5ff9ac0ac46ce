/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_HEARER_H
#define SLUICE_CTL_HEARER_H

/* Who is told something in words, a line at a time: a terminal, a JSON object, or a page. */

/* Takes one line: what it is about, and what is said, which may hold what a sender wrote. Both are valid
 * during the call only. */
typedef void hearer_take(void *to, const char *name, const char *text);

struct hearer {
    hearer_take *take;
    void *to;
};

/* Says nothing when there is no memory for the text. */
void hearer_tell(const struct hearer *hearer, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
