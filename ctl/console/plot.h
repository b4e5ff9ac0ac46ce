/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_PLOT_H
#define SLUICE_CTL_CONSOLE_PLOT_H

/* A small plot of a number over time, as SVG, with its text beside it. Pure. */

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

struct plot_point {
    int64_t at_us;
    double value; /* below 0: unknown, which leaves a gap */
};

/* Appends a figure: title, the newest and the largest value, and the line from from_us to to_us. unit: "/s"
 * or "". */
void plot_append(struct buf *out, const char *title, const char *unit, const struct plot_point *points,
                 size_t count, int64_t from_us, int64_t to_us);

#endif
