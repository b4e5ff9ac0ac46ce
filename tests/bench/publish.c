/* SPDX-License-Identifier: MIT */
/* The bare limit of accepting: publishes BARE_EVENTS persistent messages, whose bodies are the lines of the
 * file BARE_BODIES in turn, with at most 500 confirms outstanding, and does nothing else. The messages are
 * events that a worker can store, ids BARE_PREFIX-1, -2 ..., so that the same program fills the queue for the
 * drain. They were received in the microseconds after BARE_RECEIVED (seconds since 1970). With
 * BARE_SCATTERED=1 each id begins with 16 hexadecimal digits that spread the ids over a whole index, as most
 * senders' own ids do. For experiments: BARE_EXCHANGE and BARE_KEY, BARE_OUTSTANDING, and BARE_HEADERS=0 for
 * messages without headers. */
#include "bare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SPREAD UINT64_C(0x9E3779B97F4A7C15) /* 2^64 by the golden ratio: its multiples are spread evenly */

static uint64_t read_confirm(amqp_connection_state_t connection)
{
    amqp_frame_t frame;
    const amqp_basic_ack_t *ack;

    amqp_maybe_release_buffers(connection);
    bare_check(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "confirm");
    bare_check(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD,
               "ack");
    ack = frame.payload.method.decoded;
    return ack->delivery_tag;
}

static amqp_table_entry_t text(const char *name, const char *value)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(value)}}};
}

static amqp_table_entry_t number(const char *name, int64_t value)
{
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = value}}};
}

int main(void)
{
    long events = bare_setting("BARE_EVENTS", 100000), scattered = bare_setting("BARE_SCATTERED", 0);
    uint64_t most = (uint64_t)bare_setting("BARE_OUTSTANDING", 500);
    const char *exchange = getenv("BARE_EXCHANGE") == NULL ? "webhooks" : getenv("BARE_EXCHANGE");
    const char *key = getenv("BARE_KEY") == NULL ? "default" : getenv("BARE_KEY");
    size_t body_count;
    const struct bare_body *bodies = bare_bodies(getenv("BARE_BODIES"), &body_count);
    const char *prefix = getenv("BARE_PREFIX") == NULL ? "bare" : getenv("BARE_PREFIX");
    char id[80];
    amqp_connection_state_t connection = bare_connect();
    amqp_table_entry_t kept[] = {text("content-type", "application/json"), text("host", "localhost")};
    amqp_table_entry_t headers[] = {
        number("sluice-version", 1),
        text("sluice-source", "default"),
        text("sluice-method", "POST"),
        text("sluice-path", "/bench"),
        text("sluice-query", ""),
        text("sluice-remote", "127.0.0.1"),
        text("sluice-keep", "newest"),
        number("sluice-attempt", 0),
        number("sluice-received", 0),
        {.key = amqp_cstring_bytes("sluice-headers"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE, .value = {.table = {2, kept}}}},
    };
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_HEADERS_FLAG |
                  AMQP_BASIC_CONTENT_TYPE_FLAG,
        .delivery_mode = 2,
        .content_type = amqp_cstring_bytes("application/json"),
        .headers = {sizeof headers / sizeof headers[0], headers},
    };
    uint64_t confirmed = 0, begin_us = (uint64_t)bare_setting("BARE_RECEIVED", 1700000000) * 1000000;
    double begin;

    bare_check(events > 0, "settings");
    if (bare_setting("BARE_HEADERS", 1) == 0) {
        properties._flags &= ~(amqp_flags_t)AMQP_BASIC_HEADERS_FLAG;
    }
    (void)amqp_confirm_select(connection, 1);
    bare_check(amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL, "confirm mode");
    begin = bare_seconds();
    for (uint64_t i = 1; i <= (uint64_t)events; i++) {
        const struct bare_body *body = &bodies[i % body_count];

        if (scattered) {
            (void)snprintf(id, sizeof id, "%016" PRIx64 "-%.40s-%" PRIu64, (begin_us + i) * SPREAD, prefix,
                           i);
        } else {
            (void)snprintf(id, sizeof id, "%.40s-%" PRIu64, prefix, i);
        }
        properties.message_id = amqp_cstring_bytes(id);
        headers[8].value.value.i64 = (int64_t)(begin_us + i);
        bare_check(amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 1,
                                      0, &properties,
                                      (amqp_bytes_t){body->len, body->bytes}) == AMQP_STATUS_OK,
                   "publish");
        while (i - confirmed >= most) {
            confirmed = read_confirm(connection);
        }
    }
    while (confirmed < (uint64_t)events) {
        confirmed = read_confirm(connection);
    }
    bare_report(events, bare_seconds() - begin);
    return 0;
}
