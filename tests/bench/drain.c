/* SPDX-License-Identifier: MIT */
/* The bare limit of storing: consumes BARE_EVENTS messages of webhooks.ingest with a prefetch of 1,000
 * (or BARE_PREFETCH, for experiments), upserts them into bare_raw (the columns and indexes of webhooks_raw)
 * in pipelines of 500 per transaction over two connections, acks, and does nothing else. BARE_DATABASE is a
 * conninfo string. */
#include "bare.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFETCH 1000
#define BATCH 500
#define CONNECTIONS 2

static const char upsert[] =
    "insert into bare_raw (source, id, method, path, query, headers, content_type, body, received_at, "
    "first_received_at) values ('default', $1, 'POST', '/bench', '', '{}', 'application/json', $2, now(), "
    "now()) "
    "on conflict (id, source) do update set body = excluded.body";

struct message {
    uint64_t tag;
    size_t id_len, body_len;
    char *bytes; /* id, then body */
};

struct carrier {
    PGconn *connection;
    size_t count; /* of the batch under way; 0: idle */
    size_t answered;
    uint64_t last_tag;
};

static struct message waiting[PREFETCH];
static size_t waiting_count;
static struct carrier carriers[CONNECTIONS];
static uint64_t stored_to[CONNECTIONS]; /* last tag of a stored batch that is not acked */

static void open_carrier(struct carrier *c)
{
    const Oid types[] = {25, 17};
    PGresult *result;

    c->connection = PQconnectdb(getenv("BARE_DATABASE"));
    bare_check(PQstatus(c->connection) == CONNECTION_OK, "database");
    result = PQprepare(c->connection, "u", upsert, 2, types);
    bare_check(PQresultStatus(result) == PGRES_COMMAND_OK, "prepare");
    PQclear(result);
    bare_check(PQsetnonblocking(c->connection, 1) == 0 && PQenterPipelineMode(c->connection) == 1,
               "pipeline");
}

static void send_batch(struct carrier *c)
{
    const int formats[] = {1, 1};

    c->count = waiting_count < BATCH ? waiting_count : BATCH;
    c->answered = 0;
    for (size_t i = 0; i < c->count; i++) {
        const char *values[] = {waiting[i].bytes, waiting[i].bytes + waiting[i].id_len};
        const int lengths[] = {(int)waiting[i].id_len, (int)waiting[i].body_len};

        bare_check(PQsendQueryPrepared(c->connection, "u", 2, values, lengths, formats, 1) == 1, "send");
        free(waiting[i].bytes);
        c->last_tag = waiting[i].tag;
    }
    bare_check(PQpipelineSync(c->connection) == 1, "sync");
    waiting_count -= c->count;
    memmove(waiting, waiting + c->count, waiting_count * sizeof waiting[0]);
}

/* Returns how many events have been stored. */
static size_t read_answers(struct carrier *c)
{
    size_t stored = 0;

    bare_check(PQconsumeInput(c->connection) == 1 && PQflush(c->connection) >= 0, "database");
    while (c->count > 0 && !PQisBusy(c->connection)) {
        PGresult *result = PQgetResult(c->connection);
        ExecStatusType status = result == NULL ? PGRES_COMMAND_OK : PQresultStatus(result);

        bare_check(status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_SYNC, "upsert");
        if (status == PGRES_PIPELINE_SYNC) {
            stored = c->count;
            c->count = 0;
            stored_to[c - carriers] = c->last_tag;
        }
        PQclear(result);
    }
    return stored;
}

/* An ack covers every tag up to it: it must not pass a batch that is under way. */
static void ack(amqp_connection_state_t broker)
{
    uint64_t tag = 0;

    for (size_t i = 0; i < CONNECTIONS; i++) {
        uint64_t candidate = stored_to[i];

        for (size_t j = 0; j < CONNECTIONS; j++) {
            if (carriers[j].count > 0 && carriers[j].last_tag < candidate) {
                candidate = 0;
            }
        }
        tag = candidate > tag ? candidate : tag;
    }
    if (tag > 0) {
        bare_check(amqp_basic_ack(broker, 1, tag, 1) == AMQP_STATUS_OK, "ack");
        for (size_t i = 0; i < CONNECTIONS; i++) {
            stored_to[i] = stored_to[i] <= tag ? 0 : stored_to[i];
        }
    }
}

static void read_messages(amqp_connection_state_t broker)
{
    static struct message partial;
    static size_t got;
    const struct timeval now = {0};
    amqp_frame_t frame;

    for (;;) {
        int status;

        amqp_maybe_release_buffers(broker);
        status = amqp_simple_wait_frame_noblock(broker, &frame, &now);
        if (status == AMQP_STATUS_TIMEOUT) {
            return;
        }
        bare_check(status == AMQP_STATUS_OK, "consume");
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            bare_check(frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD, "deliver");
            partial.tag = ((const amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
        } else if (frame.frame_type == AMQP_FRAME_HEADER) {
            const amqp_basic_properties_t *properties = frame.payload.properties.decoded;

            partial.id_len = properties->message_id.len;
            partial.body_len = (size_t)frame.payload.properties.body_size;
            partial.bytes = malloc(partial.id_len + partial.body_len);
            bare_check(partial.bytes != NULL, "memory");
            memcpy(partial.bytes, properties->message_id.bytes, partial.id_len);
            got = 0;
        } else {
            memcpy(partial.bytes + partial.id_len + got, frame.payload.body_fragment.bytes,
                   frame.payload.body_fragment.len);
            got += frame.payload.body_fragment.len;
            if (got == partial.body_len) {
                waiting[waiting_count++] = partial;
            }
        }
    }
}

int main(void)
{
    long events = bare_setting("BARE_EVENTS", 100000), stored = 0;
    amqp_connection_state_t broker = bare_connect();
    double begin;

    for (size_t i = 0; i < CONNECTIONS; i++) {
        open_carrier(&carriers[i]);
    }
    (void)amqp_basic_qos(broker, 1, 0, (uint16_t)bare_setting("BARE_PREFETCH", PREFETCH), 0);
    begin = bare_seconds();
    (void)amqp_basic_consume(broker, 1, amqp_cstring_bytes("webhooks.ingest"), amqp_empty_bytes, 0, 0, 0,
                             amqp_empty_table);
    bare_check(amqp_get_rpc_reply(broker).reply_type == AMQP_RESPONSE_NORMAL, "consume");
    while (stored < events) {
        struct pollfd fds[CONNECTIONS + 1] = {{.fd = amqp_get_sockfd(broker), .events = POLLIN}};

        read_messages(broker);
        for (size_t i = 0; i < CONNECTIONS; i++) {
            stored += (long)read_answers(&carriers[i]);
            if (carriers[i].count == 0 && waiting_count > 0) {
                send_batch(&carriers[i]);
            }
            fds[i + 1] = (struct pollfd){
                .fd = PQsocket(carriers[i].connection),
                .events = (short)(POLLIN | (PQflush(carriers[i].connection) > 0 ? POLLOUT : 0)),
            };
        }
        ack(broker);
        if (stored < events) {
            bare_check(poll(fds, CONNECTIONS + 1, 10000) > 0, "progress within 10 s");
        }
    }
    bare_report(stored, bare_seconds() - begin);
    bare_check(amqp_connection_close(broker, AMQP_REPLY_SUCCESS).reply_type == AMQP_RESPONSE_NORMAL, "close");
    return 0;
}
