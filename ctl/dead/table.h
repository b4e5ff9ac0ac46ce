/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_TABLE_H
#define SLUICE_CTL_DEAD_TABLE_H

/* The table webhooks_dead: what the dead subcommands ask of it. Only this file knows its columns; a worker's
 * own insert is in worker/upsert.
 *
 * Where a statement takes a filter, $1 to $9 are: source, id, verdict, the start of an SQLSTATE, at least so
 * old and younger than (microseconds), dead_ids as an array, as of when, and the last dead_id. NULL in $1 to
 * $7: any. Its own parameters are $10 and on. */

#define DEADTABLE_FILTER_PARAMETERS 9
#define DEADTABLE_MORE_MAX 2

/* The time of the server, and the last dead_id or 0. */
extern const char deadtable_now_and_last[];
/* By filter: how many, and how many of them are no envelope. */
extern const char deadtable_count[];
/* By filter: verdict, SQLSTATE or "-", and how many, a row for each kind. */
extern const char deadtable_kinds[];
/* By filter, the newest $10: a row of texts, or of one JSON object, for each; without bodies, which may be
 * large, and secret. */
extern const char deadtable_list[];
extern const char deadtable_list_json[];
/* Of those in the array $1. All that people want to see, the last is the body as text, null where it is none;
 * as one JSON object; the body alone. */
extern const char deadtable_show[];
extern const char deadtable_show_json[];
extern const char deadtable_body[];
/* By filter: deletes a batch of them. */
extern const char deadtable_drop[];
/* By filter, from those after $10 the first $11 that are an envelope: dead_id, and the length of the body. */
extern const char deadtable_candidates[];
/* Deletes those in the array $1 and returns them, by enum deadletter_column. */
extern const char deadtable_take[];
/* Inserts a row of enum deadrow_column's values, with the verdict given-up, unless it is there. */
extern const char deadtable_insert[];
/* Fails where deadtable_insert would for every row (no such table or column, no right), and inserts nothing.
 */
extern const char deadtable_probe[];

/* What deadtable_take returns, as text. */
enum deadletter_column {
    DEADLETTER_DEAD_ID,
    DEADLETTER_SOURCE,
    DEADLETTER_ID,
    DEADLETTER_KEEP,
    DEADLETTER_METHOD,
    DEADLETTER_PATH,
    DEADLETTER_QUERY,
    DEADLETTER_HEADERS,
    DEADLETTER_CONTENT_TYPE,
    DEADLETTER_REMOTE,
    DEADLETTER_TRACEPARENT,
    DEADLETTER_RECEIVED_US,
    DEADLETTER_BODY,
    DEADLETTER_UNREADABLE, /* "t": it is no envelope */
};

/* The parameters of deadtable_insert. */
#define DEADROW_COLUMNS 16

enum deadrow_column {
    DEADROW_SOURCE,
    DEADROW_ID,
    DEADROW_KEEP,
    DEADROW_METHOD,
    DEADROW_PATH,
    DEADROW_QUERY,
    DEADROW_HEADERS,
    DEADROW_CONTENT_TYPE,
    DEADROW_REMOTE,
    DEADROW_TRACEPARENT,
    DEADROW_BODY,
    DEADROW_PROPERTIES,
    DEADROW_ATTEMPTS,
    DEADROW_REASON,
    DEADROW_WORKER,
    DEADROW_RECEIVED, /* microseconds since 1970 */
};

#endif
