/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TESTS_METRIC_ROW_H
#define SLUICE_TESTS_METRIC_ROW_H

#include "metrics.h"

#include <stdlib.h>
#include <string.h>

/* The value of a metric without labels, as it is rendered. Include it after cmocka.h: fails when there is no
 * such row. */
static double metric_row(const char *name)
{
    struct buf out = {0}, wanted = {0};
    const char *found;
    double value;

    buf_printf(&wanted, "\n%s ", name);
    metrics_render(&out);
    found = strstr(buf_text(&out), buf_text(&wanted));
    assert_non_null(found);
    value = strtod(found + wanted.len, NULL);
    buf_free(&out);
    buf_free(&wanted);
    return value;
}

#endif
