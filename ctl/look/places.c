/* SPDX-License-Identifier: MIT */
#include "places.h"

#include "ctl/database.h"
#include "ctl/record.h"

#define QUOTED(number) #number
#define TEXT_OF(number) QUOTED(number)
#define MOST TEXT_OF(PLACES_MOST)

/* In the order of enum place_stored. */
/* clang-format off */
static const char stored[] =
    "select source, id, " RECORD_TIME("first_received_at") " as first_received_at,"
    " " RECORD_TIME("received_at") " as received_at, " RECORD_TIME("stored_at") " as stored_at,"
    " case when received_at > first_received_at then 'replaced' else 'stored' end as state,"
    " (extract(epoch from stored_at - received_at) * 1000)::bigint as stored_after_ms,"
    " method, path, content_type, coalesce(octet_length(body), body_bytes) as body_bytes,"
    " encode(coalesce(sha256(body), body_sha256), 'hex') as body_sha256, order_value,"
    " " RECORD_TIME("body_expired_at") " as body_expired_at"
    " from webhooks_raw where id = $1 and ($2::text is null or source = $2) order by source limit " MOST;
/* clang-format on */

/* In the order of enum place_dead. The index on webhooks_dead begins with the source. Without one, the
 * sources are found by the index, too, each by one descent, so that no table of dead letters is scanned. */
static const char dead[] =
    "with recursive sources (source) as ("
    "  (select coalesce($2::text, (select min(source) from webhooks_dead)))"
    "  union all"
    "  select (select min(d.source) from webhooks_dead d where d.source > s.source)"
    "  from sources s where s.source is not null and $2::text is null)"
    " select d.dead_id, d.source, d.id, " RECORD_TIME(
        "d.received_at") " as received_at,"
                         " " RECORD_TIME(
                             "d.dead_at") " as dead_at, d.verdict, d.sqlstate, d.attempts, "
                                          "d.reason, d.worker,"
                                          " d.method, d.path, d.content_type, "
                                          "octet_length(d.body) as body_bytes,"
                                          " encode(d.body_sha256, 'hex') as body_sha256, d.order_value"
                                          " from sources s, lateral (select * from webhooks_dead "
                                          "w where w.source = s.source and w.id = $1"
                                          "  order by dead_id desc limit " MOST
                                          ") d order by d.dead_id desc limit " MOST;

enum error_code places_ask(struct places *places, PGconn *database, const char *id, const char *source,
                           struct error *error)
{
    const char *const parameters[] = {id, source};
    /* Dead letters first: one that is replayed in between is then found in both, not in neither. */
    enum error_code code = database_query(database, &places->dead, dead, 2, parameters, error);

    if (code == ERROR_NONE) {
        code = database_query(database, &places->stored, stored, 2, parameters, error);
    }
    return code;
}

void places_free(struct places *places)
{
    PQclear(places->stored);
    PQclear(places->dead);
    *places = (struct places){0};
}
