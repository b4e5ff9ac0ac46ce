/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_MAP_MAPPING_H
#define SLUICE_CTL_MAP_MAPPING_H

/* The SQL that shows a source's events as rows with typed columns, for a person to edit and run. Pure. */

#include "field.h"
#include "sample.h"

struct mapping {
    const char *source;
    const char *name;            /* of the view or table: see sql_is_name */
    bool is_table;               /* else a view */
    const char *newest, *oldest; /* received_at of the samples, as text */
    const struct sample *sample; /* its columns have been chosen */
};

/* Appends the SQL: one transaction, then suggestions as comments. */
void mapping_append_sql(const struct mapping *mapping, struct buf *sql);

#endif
