/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_MERGE_H
#define SLUICE_MERGE_H

/* The SQL of the merge, for worker/upsert: one event's values are $1 to $9 (source, id, method, path, query,
 * headers, content_type, body, received_at), its order is $10; several events' are arrays of them. */

/* When an event wins over the row: one without an order, one with an order, one of which the first is kept.
 * No order is less than any. Postgres prepares each comparison anew for every execution, so they are short.
 */
#define NEWEST "(w.order_value is null and (excluded.received_at, excluded.body) > (w.received_at, w.body))"
#define ORDERED                                                                              \
    "(w.order_value is null or (excluded.order_value, excluded.received_at, excluded.body) " \
    "> (w.order_value, w.received_at, w.body))"
#define FIRST "(excluded.received_at, excluded.body) < (w.received_at, w.body)"

#define WINNERS(column, wins) \
#column " = case when " wins " then excluded." #column " else w." #column " end, "
/* more: another column. from: what gives the values of the nine, the other one and first_received_at. */
#define INSERT(more, from)                                                                          \
    "insert into webhooks_raw as w (source, id, method, path, query, headers, content_type, body, " \
    "received_at" more ", first_received_at) " from " "
/* order: sets the winner's order; without it the row's stays, which with NEWEST is none. */
#define MERGE(wins, order)                                                                                   \
    "on conflict (id, source) do update set " WINNERS(method, wins) WINNERS(path, wins) WINNERS(query, wins) \
        WINNERS(headers, wins) WINNERS(content_type, wins) WINNERS(body, wins) WINNERS(received_at, wins)    \
            order "first_received_at = least(w.first_received_at, excluded.received_at), stored_at = now() " \
                  "where " wins " or excluded.received_at < w.first_received_at "
/* The rules are the same for one event and for several. */
#define ONE(more, value, wins, order)                                        \
    INSERT(more, "values ($1, $2, $3, $4, $5, $6, $7, $8, $9" value ", $9)") \
    MERGE(wins, order)                                                       \
    "returning xmax = 0, received_at = $9"
/* The rows are inserted, and so locked, in the order of the arrays (D6), and returned in it. */
#define SEVERAL(more, value, wins, order)                                                                \
    INSERT(more,                                                                                         \
           "select e.*, e.received_at from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9" value              \
           ") as e (source, id, method, path, query, headers, content_type, body, received_at" more ")") \
    MERGE(wins, order) "returning xmax = 0, received_at, source, id"

/* Sets what a merge sets, to what it is, so that the same triggers run. Only the row that has just this
 * version is touched: one that is newer, or that has gone, stays so. */
#define TOUCH                                                                                          \
    "update webhooks_raw set method = method, path = path, query = query, headers = headers, "         \
    "content_type = content_type, body = body, received_at = received_at, order_value = order_value, " \
    "first_received_at = first_received_at, stored_at = now() where id = $2 and source = $1 "          \
    "and received_at = $9 and body = $8 and order_value is not distinct from $10 returning false, true"

#endif
