/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include "clock.h"
#include "ctl/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE "[]" /* the path of the payload itself */

/* Members come level by level. Postgres keeps those of two levels, on disk when they are large. */
static void append_question(struct buf *sql, int64_t depth)
{
    char deeper[40];

    (void)snprintf(deeper, sizeof deeper, "level < %" PRId64, depth);
    buf_printf(sql,
               "with recursive member (path, value, level) as ("
               "select '{}'::text[], webhook_json(body, content_type, headers), 0"
               " from webhooks_raw where id = $1 and source = $2 and body is not null"
               " union all select path || case when octet_length(part.key) <= %d then part.key else '' end,"
               " case when octet_length(part.key) <= %d then part.value end, level + 1"
               " from member, jsonb_each(case when jsonb_typeof(member.value) = 'object' and %s"
               " then member.value else '{}' end) as part (key, value)) "
               "select to_json(path)::text, ",
               SAMPLE_KEY_MAX, SAMPLE_KEY_MAX, deeper);
    kind_append_case(sql, deeper);
    buf_printf(sql,
               ", case jsonb_typeof(value) when 'string' then length(value #>> '{}') else 0 end"
               " from member limit %d",
               SAMPLE_MEMBERS_MAX + 2); /* the payload itself, and one too many */
}

static enum error_code note(struct sample *sample, const PGresult *r, struct error *error)
{
    enum error_code code = ERROR_NONE;
    int rows = PQntuples(r);

    sample->read += rows > 0; /* else it was deleted, or its body has expired, meanwhile */
    if (rows > SAMPLE_MEMBERS_MAX + 1) {
        sample->cut++;
        rows = SAMPLE_MEMBERS_MAX + 1;
    }
    for (int row = 0; code == ERROR_NONE && row < rows; row++) {
        const char *path = PQgetvalue(r, row, 0);
        enum kind kind = kind_of(PQgetvalue(r, row, 1));

        if (strcmp(path, WHOLE) == 0) {
            sample->plain += kind == KIND_INNER;
        } else if (kind == KIND_NONE) {
            sample->long_keys++;
        } else {
            code = fields_note(&sample->fields, path, kind, atoll(PQgetvalue(r, row, 2)), error);
        }
    }
    return code;
}

enum error_code sample_read(struct sample *sample, PGconn *database, const struct search_page *page,
                            int64_t depth, int64_t time_us, struct error *error)
{
    int64_t until_us = clock_monotonic_us() + time_us;
    enum error_code code = ERROR_NONE;
    struct buf sql = {0};

    append_question(&sql, depth);
    for (int row = 0; code == ERROR_NONE && row < PQntuples(page->rows); row++) {
        const char *const key[] = {PQgetvalue(page->rows, row, SEARCH_ID),
                                   PQgetvalue(page->rows, row, SEARCH_SOURCE)};
        PGresult *r = NULL;

        if (clock_monotonic_us() > until_us) {
            sample->unread = PQntuples(page->rows) - row;
            break;
        }
        if (!PQgetisnull(page->rows, row, SEARCH_EXPIRED)) {
            sample->expired++;
            continue;
        }
        code = database_query(database, &r, buf_text(&sql), 2, key, error);
        if (code == ERROR_NONE) {
            code = note(sample, r, error);
        } else if (code == ERROR_TIMEOUT) {
            sample->slow++;
            code = ERROR_NONE;
        }
        PQclear(r);
    }
    buf_free(&sql);
    return code;
}
