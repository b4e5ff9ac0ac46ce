/* SPDX-License-Identifier: MIT */
#include "collector.h"

#include "bundle.h"
#include "content.h"
#include "ctl/database.h"
#include "ctl/report.h"
#include "ctl/tabulate.h"
#include "envelope.h"
#include "row.h"
#include "topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQLSTATE_SIZE 6   /* five characters and NUL */
#define NAME_SHOWN 80     /* characters shown of a source and id */
#define REFUSAL_SHOWN 300 /* characters shown of the server's message */

/* Starts a transaction or continues it, with a savepoint, so that a failed insert undoes nothing else. */
static enum error_code begin_one(struct collector *c, struct error *error)
{
    enum error_code code =
        database_run(c->database, c->begun ? "release one; savepoint one" : "begin; savepoint one", error);

    c->begun = c->begun || code == ERROR_NONE;
    return code;
}

/* sqlstate: "", or the one with which this row was refused before; set when the row is refused. *new: the row
 * did not exist. */
static enum error_code insert(struct collector *c, const struct broker_delivery *d,
                              char sqlstate[SQLSTATE_SIZE], bool *new, struct error *error)
{
    struct deadrow row;
    enum error_code code = deadrow_make(&row, d, c->deaths, sqlstate, error);

    if (code == ERROR_NONE) {
        PGresult *r = PQexecParams(c->database, deadtable_insert, DEADROW_COLUMNS, NULL, row.values,
                                   row.lengths, row.formats, 0);
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

        code = database_outcome(c->database, r, error);
        *new = code == ERROR_NONE &&strcmp(PQcmdTuples(r), "1") == 0;
        (void)snprintf(sqlstate, SQLSTATE_SIZE, "%s", state == NULL ? "" : state);
        PQclear(r);
    }
    deadrow_free(&row);
    return code;
}

/* Returns true when the insert failed because of the row itself; its effects are then rolled back. */
static bool is_refused(struct collector *c, enum error_code *code, struct error *error)
{
    struct error refusal = *error;

    if (error_class(*code) != ERROR_CLASS_PERMANENT) {
        return false;
    }
    *code = database_run(c->database, "rollback to one", error);
    if (*code == ERROR_NONE) {
        *error = refusal;
    }
    return *code == ERROR_NONE;
}

/* Leaves a message unacked: it goes back to the queue when the connection ends. */
static enum error_code leave(struct collector *c, const struct broker_delivery *d,
                             const struct error *refusal, struct error *error)
{
    struct deadrow row;
    struct buf name = {0}, why = {0};
    enum error_code code = deadrow_make(&row, d, c->deaths, "", error);

    if (code == ERROR_NONE) {
        buf_printf(&name, "%s/%s", row.values[DEADROW_SOURCE], row.values[DEADROW_ID]);
        (void)tabulate_append(&why, buf_text(&name), NAME_SHOWN);
        buf_append_text(&why, ": ");
        (void)tabulate_append(&why, refusal->text, REFUSAL_SHOWN);
        report_problem(COLLECTOR_NAME, "a message of %zu bytes stays in " TOPOLOGY_DEAD ": %s", d->body.len,
                       buf_text(&why));
        c->left++;
    }
    deadrow_free(&row);
    buf_free(&name);
    buf_free(&why);
    return code;
}

/* True for an event of a later release: only a newer sluice can store it so that it can be replayed. */
static bool is_newer(const struct broker_delivery *d, struct error *refusal)
{
    struct error newer;
    struct envelope e;

    if (envelope_decode(d->properties, &e, &newer) != ERROR_NEWER) {
        return false;
    }
    (void)error_set(refusal, ERROR_NEWER, "%s; collect it with a newer sluice", newer.text);
    return true;
}

/* Stores an event. A refused row is tried once more without the broker's text in its reason. An event that
 * can't be stored must not block the others; a table that accepts no row at all is an error. */
static enum error_code store_event(struct collector *c, const struct broker_delivery *d, struct error *error)
{
    char sqlstate[SQLSTATE_SIZE] = "";
    bool new = false;
    enum error_code code = begin_one(c, error);

    if (code != ERROR_NONE) {
        return code;
    }
    code = insert(c, d, sqlstate, &new, error);
    if (is_refused(c, &code, error)) {
        code = database_run(c->database, deadtable_probe, error);
        if (code != ERROR_NONE) {
            return code;
        }
        code = insert(c, d, sqlstate, &new, error);
        if (is_refused(c, &code, error)) {
            struct error refusal = *error;

            return leave(c, d, &refusal, error);
        }
    }
    if (code == ERROR_NONE) {
        c->collected += new;
        c->there_already += !new;
    }
    return code;
}

static enum error_code store_or_leave(struct collector *c, const struct broker_delivery *d,
                                      struct error *error)
{
    struct error newer;

    return is_newer(d, &newer) ? leave(c, d, &newer, error) : store_event(c, d, error);
}

/* Stores the events of a bundle, each as a row of its own. */
static enum error_code store_bundle(struct collector *c, const struct broker_delivery *d,
                                    struct bundle *bundle, struct error *error)
{
    struct span properties, body;
    enum error_code code = ERROR_NONE;

    c->deaths = bundle->deaths;
    while (code == ERROR_NONE && bundle_next(bundle, &properties, &body)) {
        struct broker_delivery *part = content_part(d, properties, body);

        code = part == NULL ? error_set(error, ERROR_MEMORY, "no memory for an event of %zu bytes", body.len)
                            : store_or_leave(c, part, error);
        free(part);
    }
    c->deaths = (struct span){"", 0};
    return code;
}

enum error_code collector_store(struct collector *c, const struct broker_delivery *d, bool *stored,
                                struct error *error)
{
    int64_t left = c->left;
    struct bundle bundle;
    struct error refusal;
    enum error_code code;

    if (!bundle_is(d->properties)) {
        code = store_or_leave(c, d, error);
    } else {
        code = bundle_open(&bundle, d->properties, d->body, &refusal);
        code = code == ERROR_NEWER       ? leave(c, d, &refusal, error)
               : code == ERROR_MALFORMED ? store_event(c, d, error)
                                         : store_bundle(c, d, &bundle, error);
    }
    *stored = code == ERROR_NONE && c->left == left;
    return code;
}

enum error_code collector_commit(struct collector *c, struct error *error)
{
    if (!c->begun) {
        return ERROR_NONE;
    }
    c->begun = false;
    return database_run(c->database, "commit", error);
}
