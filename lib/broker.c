/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include "amqperror.h"
#include "content.h"
#include "dial.h"
#include "dial_url.h"
#include "text.h"
#include "topology.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHANNEL BROKER_CHANNEL
#define GOODBYE_S 1

struct broker {
    amqp_connection_state_t connection;
    char node[DIAL_NODE_SIZE];
    amqp_pool_t properties_pool; /* of the message being published */
    int frame_max;               /* that the broker accepts, in bytes */
    struct content content;
    unsigned consumers_begun; /* numbers them, for their tags */
    unsigned consumers;       /* those that consume: the last ones begun */
    bool replied;             /* to broker_ask */
};

static amqp_bytes_t bytes_of(struct span s)
{
    union {
        const char *read_only;
        void *bytes;
    } data = {s.data}; /* the library only reads what it publishes */

    return (amqp_bytes_t){s.len, data.bytes};
}

static enum error_code open_channel(struct broker *b, const struct broker_options *options,
                                    struct error *error)
{
    enum error_code code;

    (void)amqp_channel_open(b->connection, CHANNEL);
    code = amqperror_of_reply("opening a channel", amqp_get_rpc_reply(b->connection), error);
    if (code == ERROR_NONE && options->confirms) {
        (void)amqp_confirm_select(b->connection, CHANNEL);
        code = amqperror_of_reply("confirm mode", amqp_get_rpc_reply(b->connection), error);
    }
    return code;
}

enum error_code broker_check(const struct broker_access *access, struct error *error)
{
    return dial_url_check(access, error);
}

enum error_code broker_open(struct broker **broker, const struct broker_options *options, struct error *error)
{
    struct broker *b = calloc(1, sizeof *b);
    struct dialled dialled;
    enum error_code code;

    *broker = NULL;
    if (b == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    }
    init_amqp_pool(&b->properties_pool, 4096);
    code = dial(&dialled, options, error);
    if (code == ERROR_NONE) {
        b->connection = dialled.connection;
        b->frame_max = dialled.frame_max;
        memcpy(b->node, dialled.node, sizeof b->node);
        code = open_channel(b, options, error);
    }
    if (code != ERROR_NONE) {
        broker_close(b, false);
        return code;
    }
    *broker = b;
    return ERROR_NONE;
}

void broker_close(struct broker *b, bool polite)
{
    const struct timeval goodbye = {.tv_sec = GOODBYE_S};

    if (b == NULL) {
        return;
    }
    if (b->connection != NULL) {
        if (polite && amqp_set_rpc_timeout(b->connection, &goodbye) == AMQP_STATUS_OK) {
            (void)amqp_connection_close(b->connection, AMQP_REPLY_SUCCESS);
        }
        (void)amqp_destroy_connection(b->connection);
    }
    empty_amqp_pool(&b->properties_pool);
    content_free(&b->content);
    free(b);
}

const char *broker_node(const struct broker *b)
{
    return b->node;
}

struct amqp_connection_state_t_ *broker_connection(const struct broker *b)
{
    return b->connection;
}

int broker_fd(const struct broker *b)
{
    return amqp_get_sockfd(b->connection);
}

/* --- reading ------------------------------------------------------------------- */

static struct span span_in(amqp_bytes_t bytes)
{
    return (struct span){bytes.bytes, bytes.len};
}

/* True when the method is an event of its own; false when more is to be read. */
static bool read_method(struct broker *b, amqp_method_t method, struct broker_event *event,
                        struct error *error)
{
    switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = method.decoded;

        *event = (struct broker_event){BROKER_ACK, ack->delivery_tag, ack->multiple, 0, NULL};
        return true;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = method.decoded;

        *event = (struct broker_event){BROKER_NACK, nack->delivery_tag, nack->multiple, 0, NULL};
        return true;
    }
    case AMQP_BASIC_RETURN_METHOD:
        content_begin_return(&b->content);
        return false;
    case AMQP_BASIC_DELIVER_METHOD: {
        const amqp_basic_deliver_t *deliver = method.decoded;

        content_begin_delivery(&b->content, deliver->delivery_tag, deliver->redelivered,
                               span_in(deliver->routing_key));
        return false;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        event->kind = BROKER_CANCELLED;
        return true;
    case AMQP_CONNECTION_BLOCKED_METHOD:
        event->kind = BROKER_BLOCKED;
        return true;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        event->kind = BROKER_UNBLOCKED;
        return true;
    case AMQP_CHANNEL_CLOSE_METHOD:
    case AMQP_CONNECTION_CLOSE_METHOD:
        (void)amqperror_of_close("connection", method, error);
        event->kind = BROKER_CLOSED;
        return true;
    default: /* channel.flow, and replies that nobody waits for but broker_ask */
        b->replied = b->replied || method.id == AMQP_BASIC_QOS_OK_METHOD;
        return false;
    }
}

static uint64_t correlation_of(const amqp_basic_properties_t *properties)
{
    int64_t correlation = 0;

    if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
        (void)text_number(span_in(properties->correlation_id), 18, &correlation);
    }
    return (uint64_t)correlation;
}

void broker_next(struct broker *b, struct broker_event *event, struct error *error)
{
    const struct timeval now = {0};
    bool whole = false;

    while (!whole) {
        amqp_frame_t frame;
        int status;

        *event = (struct broker_event){.kind = BROKER_IDLE};
        amqp_maybe_release_buffers(b->connection);
        status = amqp_simple_wait_frame_noblock(b->connection, &frame, &now);
        if (status == AMQP_STATUS_TIMEOUT) {
            return;
        }
        if (status != AMQP_STATUS_OK) {
            (void)amqperror_of_status("connection to the broker", status, error);
            event->kind = BROKER_CLOSED;
            return;
        }
        switch (frame.frame_type) {
        case AMQP_FRAME_METHOD:
            whole = read_method(b, frame.payload.method, event, error);
            break;
        case AMQP_FRAME_HEADER:
            whole = content_header(&b->content, span_in(frame.payload.properties.raw),
                                   frame.payload.properties.body_size,
                                   correlation_of(frame.payload.properties.decoded), event, error);
            break;
        case AMQP_FRAME_BODY:
            whole = content_body(&b->content, span_in(frame.payload.body_fragment), event, error);
            break;
        default: /* heartbeats are the library's */
            break;
        }
    }
}

/* --- publishing, consuming --------------------------------------------------------- */

bool broker_fits(const struct broker *b, struct span properties)
{
    return properties.len + DIAL_HEADER_OVERHEAD <= (size_t)b->frame_max;
}

enum error_code broker_publish(struct broker *b, const char *exchange, struct span routing_key,
                               struct span properties, struct span body, uint64_t correlation,
                               struct error *error)
{
    amqp_basic_properties_t *decoded;
    void *decoded_any;
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, correlation);
    int status =
        amqp_decode_properties(AMQP_BASIC_CLASS, &b->properties_pool, bytes_of(properties), &decoded_any);

    if (status >= 0) {
        decoded = decoded_any;
        decoded->correlation_id = (amqp_bytes_t){(size_t)len, digits};
        decoded->_flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
        status = amqp_basic_publish(b->connection, CHANNEL, amqp_cstring_bytes(exchange),
                                    bytes_of(routing_key), 1, 0, decoded, bytes_of(body));
    }
    recycle_amqp_pool(&b->properties_pool);
    if (status < 0) {
        return amqperror_of_status("publishing", status, error);
    }
    if (body.len > 0 && body.len % ((size_t)b->frame_max - DIAL_FRAME_OVERHEAD) == 0) {
        const int on = 1; /* the library has said that more is to come: this sends what the kernel holds */

        (void)setsockopt(broker_fd(b), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return ERROR_NONE;
}

void broker_gather(struct broker *b, bool gather)
{
    const int on = gather;

    (void)setsockopt(broker_fd(b), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

bool broker_replied(const struct broker *b)
{
    return b->replied;
}

static enum error_code sent(const char *what, int status, struct error *error)
{
    return status == AMQP_STATUS_OK ? ERROR_NONE : amqperror_of_status(what, status, error);
}

enum error_code broker_ask(struct broker *b, struct error *error)
{
    amqp_basic_qos_t unchanged = {0};

    b->replied = false;
    return sent("asking", amqp_send_method(b->connection, CHANNEL, AMQP_BASIC_QOS_METHOD, &unchanged), error);
}

enum error_code broker_prefetch(struct broker *b, uint16_t count, struct error *error)
{
    (void)amqp_basic_qos(b->connection, CHANNEL, 0, count, 0);
    return amqperror_of_reply("setting the prefetch", amqp_get_rpc_reply(b->connection), error);
}

static amqp_bytes_t consumer_tag(unsigned number, char text[24])
{
    (void)snprintf(text, 24, "sluice-%u", number);
    return amqp_cstring_bytes(text);
}

enum error_code broker_consume(struct broker *b, const char *queue, struct error *error)
{
    char tag[24], what[TOPOLOGY_NAME_MAX + 16];

    b->consumers_begun++;
    b->consumers++;
    (void)snprintf(what, sizeof what, "consuming %s", queue);
    (void)amqp_basic_consume(b->connection, CHANNEL, amqp_cstring_bytes(queue),
                             consumer_tag(b->consumers_begun, tag), 0, 0, 0, amqp_empty_table);
    return amqperror_of_reply(what, amqp_get_rpc_reply(b->connection), error);
}

enum error_code broker_cancel(struct broker *b, struct error *error)
{
    char tag[24];
    enum error_code code = ERROR_NONE;

    for (; code == ERROR_NONE && b->consumers > 0; b->consumers--) {
        (void)amqp_basic_cancel(b->connection, CHANNEL,
                                consumer_tag(b->consumers_begun - b->consumers + 1, tag));
        code = amqperror_of_reply("ending a consumer", amqp_get_rpc_reply(b->connection), error);
    }
    return code;
}

enum error_code broker_ack(struct broker *b, uint64_t tag, bool multiple, struct error *error)
{
    return sent("acknowledging", amqp_basic_ack(b->connection, CHANNEL, tag, multiple), error);
}

enum error_code broker_reject(struct broker *b, uint64_t tag, struct error *error)
{
    return sent("giving back", amqp_basic_reject(b->connection, CHANNEL, tag, 1), error);
}

/* --- looking ----------------------------------------------------------------------- */

enum error_code broker_inspect(struct broker *b, const char *queue, uint32_t *ready, uint32_t *consumers,
                               struct error *error)
{
    char what[TOPOLOGY_NAME_MAX + 32];
    const amqp_queue_declare_ok_t *declared =
        amqp_queue_declare(b->connection, CHANNEL, amqp_cstring_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
    enum error_code code;

    (void)snprintf(what, sizeof what, "inspecting queue %s", queue);
    code = amqperror_of_reply(what, amqp_get_rpc_reply(b->connection), error);
    if (code == ERROR_NONE) {
        *ready = declared->message_count;
        *consumers = declared->consumer_count;
    }
    return code;
}

enum error_code broker_inspect_exchange(struct broker *b, const char *name, struct error *error)
{
    char what[TOPOLOGY_NAME_MAX + 32];

    (void)snprintf(what, sizeof what, "inspecting exchange %s", name);
    (void)amqp_exchange_declare(b->connection, CHANNEL, amqp_cstring_bytes(name), amqp_empty_bytes, 1, 0, 0,
                                0, amqp_empty_table);
    return amqperror_of_reply(what, amqp_get_rpc_reply(b->connection), error);
}

int64_t broker_largest_body(const struct error *error)
{
    return amqperror_largest_body(error);
}
