/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include "ctl/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_DIGITS_MAX 18 /* a bigint holds any number with this many digits */

bool deadfilter_chosen(const struct deadfilter *f)
{
    bool given = f->source != NULL || f->id != NULL || f->verdict != NULL || f->sqlstate != NULL ||
                 f->reason != NULL || f->dead_ids != NULL || f->older_us >= 0 || f->newer_us >= 0;

    return f->all != given;
}

bool deadfilter_append_array(struct buf *out, const char *numbers)
{
    buf_append_char(out, '{');
    for (const char *at = numbers;; at++) {
        size_t digits = strspn(at, "0123456789");

        if (digits == 0 || digits > NUMBER_DIGITS_MAX) {
            return false;
        }
        buf_append(out, at, digits);
        at += digits;
        if (*at == '\0') {
            buf_append_char(out, '}');
            return true;
        }
        if (*at != ',') {
            return false;
        }
        buf_append_char(out, ',');
    }
}

static const char *microseconds(char text[24], int64_t us)
{
    (void)snprintf(text, 24, "%" PRId64, us);
    return us < 0 ? NULL : text;
}

enum error_code deadfilter_begin(struct deadfilter *f, PGconn *database, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code;

    buf_clear(&f->array);
    if (f->dead_ids != NULL && !deadfilter_append_array(&f->array, f->dead_ids)) {
        return error_set(error, ERROR_MALFORMED, "--dead-id %s is not a list of numbers such as 3 or 3,14",
                         f->dead_ids);
    }
    code = database_query(database, &r, deadtable_now_and_last, 0, NULL, error);
    if (code != ERROR_NONE) {
        return code;
    }
    (void)snprintf(f->as_of, sizeof f->as_of, "%s", PQgetvalue(r, 0, 0));
    (void)snprintf(f->last, sizeof f->last, "%s", PQgetvalue(r, 0, 1));
    PQclear(r);
    f->parameters[0] = f->source;
    f->parameters[1] = f->id;
    f->parameters[2] = f->verdict;
    f->parameters[3] = f->sqlstate;
    f->parameters[4] = microseconds(f->older, f->older_us);
    f->parameters[5] = microseconds(f->newer, f->newer_us);
    f->parameters[6] = f->dead_ids == NULL ? NULL : buf_text(&f->array);
    f->parameters[7] = f->as_of;
    f->parameters[8] = f->last;
    f->parameters[9] = f->reason;
    return ERROR_NONE;
}

enum error_code deadfilter_query(const struct deadfilter *f, PGconn *database, PGresult **result,
                                 const char *sql, int more_count, const char *const *more,
                                 struct error *error)
{
    const char *parameters[DEADTABLE_FILTER_PARAMETERS + DEADTABLE_MORE_MAX];

    memcpy(parameters, f->parameters, sizeof f->parameters);
    for (int i = 0; i < more_count; i++) {
        parameters[DEADTABLE_FILTER_PARAMETERS + i] = more[i];
    }
    return database_query(database, result, sql, DEADTABLE_FILTER_PARAMETERS + more_count, parameters, error);
}

enum error_code deadfilter_count(const struct deadfilter *f, PGconn *database, int64_t *all,
                                 int64_t *unreadable, struct error *error)
{
    PGresult *r = NULL;
    enum error_code code = deadfilter_query(f, database, &r, deadtable_count, 0, NULL, error);

    if (code == ERROR_NONE) {
        *all = atoll(PQgetvalue(r, 0, 0));
        *unreadable = atoll(PQgetvalue(r, 0, 1));
    }
    PQclear(r);
    return code;
}

void deadfilter_end(struct deadfilter *f)
{
    buf_free(&f->array);
}
