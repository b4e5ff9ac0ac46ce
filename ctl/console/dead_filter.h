/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_DEAD_FILTER_H
#define SLUICE_CTL_CONSOLE_DEAD_FILTER_H

/* The filter of dead letters in a URL, in a form and on an audit line. Its parameters have the names of the
 * options of `sluice dead`. Pure. */

#include "ctl/dead/filter.h"
#include "query.h"

/* Reads it; the texts stay owned by the query. The parameter all=1 is --all. */
void dead_filter_read(const struct query *query, struct deadfilter *filter);
/* Appends its parameters to a URL. */
void dead_filter_append_url(const struct deadfilter *filter, struct buf *url);
/* Appends its parameters as hidden fields of a form. */
void dead_filter_append_fields(const struct deadfilter *filter, struct buf *out);
/* Appends it in words: "source github, verdict poison", or "all dead letters". */
void dead_filter_append_words(const struct deadfilter *filter, struct buf *out);

/* The filter as arguments of a subcommand, for the audit line. */
#define DEAD_FILTER_ARGUMENTS_MAX 16

struct dead_filter_arguments {
    int count;
    char *list[DEAD_FILTER_ARGUMENTS_MAX]; /* views into the filter */
};

/* command: the first argument, "dead drop". The last one is "(console)". */
void dead_filter_arguments(const struct deadfilter *filter, const char *command,
                           struct dead_filter_arguments *arguments);

#endif
