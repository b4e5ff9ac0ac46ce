/* SPDX-License-Identifier: MIT */
#include "stages.h"

#include "places.h"

#include <inttypes.h>
#include <string.h>

static const char *or_none(const char *text)
{
    return text[0] == '\0' ? "none" : text;
}

static void tell_order(const struct hearer *to, const PGresult *r, int row, int column)
{
    if (!PQgetisnull(r, row, column)) {
        hearer_tell(to, "order", "%s", PQgetvalue(r, row, column));
    }
}

void stages_of_stored(const PGresult *stored, int row, hearer_take *take, void *to)
{
    const struct hearer hearer = {take, to};
    bool replaced = strcmp(PQgetvalue(stored, row, STORED_STATE), "replaced") == 0;
    bool expired = !PQgetisnull(stored, row, STORED_EXPIRED);

    hearer_tell(&hearer, "first received", "%s", PQgetvalue(stored, row, STORED_FIRST_RECEIVED));
    hearer_tell(&hearer, "received", "%s, the %s arrival: its body %s in the row",
                PQgetvalue(stored, row, STORED_RECEIVED), replaced ? "winning, later" : "first",
                expired ? "was" : "is");
    tell_order(&hearer, stored, row, STORED_ORDER);
    hearer_tell(&hearer, "stored", "%s, %s ms later", PQgetvalue(stored, row, STORED_AT),
                PQgetvalue(stored, row, STORED_AFTER_MS));
    hearer_tell(&hearer, "request", "%s %s, Content-Type %s", PQgetvalue(stored, row, STORED_METHOD),
                PQgetvalue(stored, row, STORED_PATH), or_none(PQgetvalue(stored, row, STORED_CONTENT_TYPE)));
    hearer_tell(&hearer, "body", "%s%s%s%s bytes, SHA-256 %s", expired ? "expired at " : "",
                PQgetvalue(stored, row, STORED_EXPIRED), expired ? "; it had " : "",
                PQgetvalue(stored, row, STORED_BODY_BYTES), PQgetvalue(stored, row, STORED_SHA256));
}

void stages_of_dead(const PGresult *dead, int row, hearer_take *take, void *to)
{
    const struct hearer hearer = {take, to};
    hearer_tell(&hearer, "received", "%s", or_none(PQgetvalue(dead, row, DEAD_RECEIVED)));
    tell_order(&hearer, dead, row, DEAD_ORDER);
    hearer_tell(&hearer, "died", "%s, verdict %s, SQLSTATE %s, attempts %s", PQgetvalue(dead, row, DEAD_DIED),
                PQgetvalue(dead, row, DEAD_VERDICT), or_none(PQgetvalue(dead, row, DEAD_SQLSTATE)),
                PQgetvalue(dead, row, DEAD_ATTEMPTS));
    hearer_tell(&hearer, "reason", "%s", PQgetvalue(dead, row, DEAD_REASON));
    hearer_tell(&hearer, "worker", "%s", or_none(PQgetvalue(dead, row, DEAD_WORKER)));
    hearer_tell(&hearer, "request", "%s %s, Content-Type %s", or_none(PQgetvalue(dead, row, DEAD_METHOD)),
                PQgetvalue(dead, row, DEAD_PATH), or_none(PQgetvalue(dead, row, DEAD_CONTENT_TYPE)));
    hearer_tell(&hearer, "body", "%s bytes, SHA-256 %s", PQgetvalue(dead, row, DEAD_BODY_BYTES),
                PQgetvalue(dead, row, DEAD_SHA256));
}

void stages_append_chance(struct buf *out, const struct waiting *waiting, bool known, bool found)
{
    int64_t count = waiting_count(waiting);
    const char *it = found ? "another arrival of it" : "it";

    if (!known && waiting->count == 0) {
        buf_printf(out, "The queues are unknown: %s may be on its way.", it);
    } else if (count == 1) {
        buf_printf(out, "1 message waits, or a worker holds it: it may be %s.",
                   found ? "another arrival of this event" : "this event");
    } else if (count > 0) {
        buf_printf(out, "%" PRId64 " messages wait or are held by workers: %s may be among them.", count, it);
    } else if (!waiting_is_complete(waiting)) {
        buf_printf(out, "No message waits. What workers hold is unknown: %s may be among it.", it);
    } else {
        buf_printf(out, "No message waits, and workers hold none: %s is not on its way.", it);
    }
}

void stages_append_until(struct buf *out, const struct waiting_queue *queue)
{
    if (strcmp(queue->name, TOPOLOGY_DEAD) == 0) {
        buf_append_text(out, "sluice dead collect takes it");
    } else if (queue->wait_s > 0) {
        buf_printf(out, "%" PRId64 " s have passed", queue->wait_s);
    } else {
        buf_append_text(out, "a worker has stored it");
    }
}
