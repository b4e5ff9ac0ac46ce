/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_OVERVIEW_EXPOSITION_H
#define SLUICE_CTL_OVERVIEW_EXPOSITION_H

/* Reads Prometheus' text format (0.0.4), as GET /metrics answers. Pure. */

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

/* One line with a value. The spans are views of the text. */
struct sample {
    struct span name;
    struct span labels; /* what is between the braces, with its escapes; empty: none */
    double value;
};

/* Takes the next sample from the text and moves *rest behind it. Comments, empty lines, and lines that aren't
 * samples are skipped. False at the end. */
bool exposition_next(struct span *rest, struct sample *sample);
/* Writes the value of a label without its escapes, as text_copy does, into the array of `size` bytes. False,
 * with an empty value, when the sample doesn't have it. */
bool exposition_label(const struct sample *sample, const char *label, char *value, size_t size);

#endif
