/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_DEAD_TABLE_H
#define SLUICE_CTL_DEAD_TABLE_H

/* The statements of the dead subcommands on the table webhooks_dead. Only this file and worker/upsert, which
 * has the worker's insert, know its columns.
 *
 * In a statement that takes a filter, $1 to $10 are: source, id, verdict, prefix of an SQLSTATE, minimum age
 * and maximum age in microseconds, dead_ids as an array, the time to which the ages refer, the last
 * dead_id, and the beginning of the reason. NULL means any, but in $8 and $9. Its own parameters begin at
 * $11. */

#define DEADTABLE_FILTER_PARAMETERS 10
#define DEADTABLE_MORE_MAX 2

/* The server's time, and the last dead_id or 0. */
extern const char deadtable_now_and_last[];
/* Takes a filter: the number of dead letters, and of those that are not an envelope. */
extern const char deadtable_count[];
/* Takes a filter: verdict, SQLSTATE or "-", and number of dead letters, one row for each kind. */
extern const char deadtable_kinds[];
/* Takes a filter: groups of the newest $11 dead letters, the largest first, at most 100 of them (enum
 * deadgroup_column). Nothing older is searched. */
extern const char deadtable_groups[];
/* Take a filter: the newest $11 dead letters, as text columns or as one JSON object each. Without bodies,
 * which may be large or secret. */
extern const char deadtable_list[];
extern const char deadtable_list_json[];
/* For the dead_ids in the array $1: columns to display, then the body as text, or null when it can't be read,
 * then the reason why it can't be read as text or as JSON; columns for one JSON object; only the body. */
extern const char deadtable_show[];
extern const char deadtable_show_json[];
extern const char deadtable_body[];
/* Takes a filter: deletes one batch. */
extern const char deadtable_drop[];
/* Takes a filter: dead_id and length of the body of the first $12 envelopes after dead_id $11. */
extern const char deadtable_candidates[];
/* Deletes the dead_ids in the array $1 and returns their rows (enum message_column, with the dead_id
 * as the name). */
extern const char deadtable_take[];
/* Inserts a row (enum deadrow_column) with the verdict given-up, unless it exists. */
extern const char deadtable_insert[];
/* Inserts nothing, but fails where deadtable_insert would fail for any row: missing table, column or right.
 */
extern const char deadtable_probe[];

/* Columns of deadtable_groups. */
enum deadgroup_column {
    DEADGROUP_SOURCE,
    DEADGROUP_VERDICT,
    DEADGROUP_SQLSTATE, /* or null */
    DEADGROUP_REASON,   /* its first 100 characters */
    DEADGROUP_COUNT,
    DEADGROUP_FIRST, /* when they died; in a session whose time zone is UTC */
    DEADGROUP_LAST,
};

/* Columns of deadtable_list. */
enum deadlist_column {
    DEADLIST_ID,
    DEADLIST_DIED,
    DEADLIST_SOURCE,
    DEADLIST_EVENT,
    DEADLIST_VERDICT,
    DEADLIST_SQLSTATE,
    DEADLIST_ATTEMPTS,
    DEADLIST_REASON,
    DEADLIST_COLUMNS,
};

/* Parameters of deadtable_insert. */
#define DEADROW_COLUMNS 17

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
    DEADROW_ORDER,
};

#endif
