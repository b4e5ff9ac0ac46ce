/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include "topology.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#define CHANNEL 1
#define DEADLINE_S 5
#define GOODBYE_S 1
#define FRAME_MAX 131072 /* RabbitMQ's own default */
#define FRAME_OVERHEAD 8 /* type, channel, size and end of a frame */
#define URL_MAX 2048

/* What the next content frame belongs to. */
enum content { CONTENT_NONE, CONTENT_OF_DELIVERY, CONTENT_OF_RETURN };

struct broker {
    amqp_connection_state_t connection;
    amqp_pool_t properties_pool; /* of the message being published */
    enum content content;
    uint64_t content_left;            /* body bytes still to come */
    uint64_t returned;                /* correlation of the message being returned */
    struct broker_delivery *delivery; /* being read; NULL until its header came */
    uint64_t delivery_tag;
    bool redelivered;
    char routing_key[256];
    size_t routing_key_len;
    unsigned consumers_begun; /* names the next consumer tag */
};

static amqp_bytes_t bytes_of(struct span s)
{
    union {
        const char *read_only;
        void *bytes;
    } data = {s.data}; /* the library only reads what it publishes */

    return (amqp_bytes_t){s.len, data.bytes};
}

/* --- errors ------------------------------------------------------------------ */

static enum error_code code_of_reply(uint16_t reply_code)
{
    switch (reply_code) {
    case AMQP_NOT_FOUND:
        return ERROR_NOT_FOUND;
    case AMQP_ACCESS_REFUSED:
    case AMQP_NOT_ALLOWED:
    case AMQP_RESOURCE_LOCKED:
        return ERROR_REFUSED;
    case AMQP_PRECONDITION_FAILED:
        return ERROR_SETTING;
    default:
        return ERROR_CLOSED;
    }
}

static enum error_code closed_by_broker(const char *what, amqp_method_t method, struct error *error)
{
    uint16_t reply_code;
    amqp_bytes_t text;

    if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = method.decoded;

        reply_code = close->reply_code, text = close->reply_text;
    } else {
        const amqp_connection_close_t *close = method.decoded;

        reply_code = close->reply_code, text = close->reply_text;
    }
    return error_set(error, code_of_reply(reply_code), "%s: the broker says %u %.*s", what,
                     (unsigned)reply_code, (int)text.len, (const char *)text.bytes);
}

static enum error_code failed_in_library(const char *what, int status, struct error *error)
{
    enum error_code code = ERROR_CLOSED;

    if (status == AMQP_STATUS_NO_MEMORY) {
        code = ERROR_MEMORY;
    } else if (status == AMQP_STATUS_TIMEOUT || status == AMQP_STATUS_HEARTBEAT_TIMEOUT) {
        code = ERROR_TIMEOUT;
    } else if (status == AMQP_STATUS_BAD_AMQP_DATA || status == AMQP_STATUS_TABLE_TOO_BIG) {
        code = ERROR_MALFORMED;
    }
    return error_set(error, code, "%s: %s", what, amqp_error_string2(status));
}

static enum error_code check_reply(const char *what, amqp_rpc_reply_t reply, struct error *error)
{
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
        return ERROR_NONE;
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD || reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
            return closed_by_broker(what, reply.reply, error);
        }
        break;
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
        return failed_in_library(what, reply.library_error, error);
    case AMQP_RESPONSE_NONE:
        break;
    }
    return error_set(error, ERROR_CLOSED, "%s: the broker closed the connection", what);
}

/* --- connecting ---------------------------------------------------------------- */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* amqp_parse_url cuts its text into pieces: `text` holds them. */
static enum error_code parse_options(const struct broker_options *options, char text[URL_MAX],
                                     struct amqp_connection_info *parts, struct error *error)
{
    int len = snprintf(text, URL_MAX, "%s", options->url);

    memset(parts, 0, sizeof *parts);
    if (len < 0 || len >= URL_MAX || amqp_parse_url(text, parts) != AMQP_STATUS_OK ||
        parts->host[0] == '\0' || parts->user[0] == '\0') {
        return error_set(error, ERROR_SETTING,
                         "BROKER_URL=%.200s is not of the form amqp://user@host:port/vhost", options->url);
    }
    if (parts->ssl && !is_given(options->tls.ca)) {
        return error_set(
            error, ERROR_SETTING,
            "BROKER_URL=%.200s needs BROKER_CA: the file of the CA that signed the broker's certificate",
            options->url);
    }
    if (!parts->ssl &&
        (is_given(options->tls.ca) || is_given(options->tls.certificate) || is_given(options->tls.key))) {
        return error_set(error, ERROR_SETTING,
                         "BROKER_CA, BROKER_CERT and BROKER_KEY are for amqps://, but BROKER_URL=%.200s",
                         options->url);
    }
    if (is_given(options->tls.certificate) != is_given(options->tls.key)) {
        return error_set(error, ERROR_SETTING,
                         "BROKER_CERT and BROKER_KEY go together: one of them is not set");
    }
    return ERROR_NONE;
}

enum error_code broker_check(const struct broker_options *options, struct error *error)
{
    char text[URL_MAX];
    struct amqp_connection_info parts;

    return parse_options(options, text, &parts, error);
}

static amqp_table_entry_t flag_entry(const char *name)
{
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = 1}}};
}

static amqp_table_entry_t text_entry(const char *name, const char *text)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(text)}}};
}

/* Without this table the broker tells neither of alarms nor of a deleted queue. */
static amqp_rpc_reply_t log_in(struct broker *b, const struct broker_options *options,
                               const struct amqp_connection_info *parts)
{
    amqp_table_entry_t capabilities[] = {
        flag_entry("publisher_confirms"),           flag_entry("basic.nack"),
        flag_entry("consumer_cancel_notify"),       flag_entry("connection.blocked"),
        flag_entry("authentication_failure_close"),
    };
    amqp_table_entry_t properties[] = {
        text_entry("product", "sluice"),
        text_entry("version", SLUICE_VERSION),
        text_entry("connection_name", options->connection_name),
        {.key = amqp_cstring_bytes("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE,
                   .value = {.table = {sizeof capabilities / sizeof capabilities[0], capabilities}}}},
    };
    amqp_table_t table = {sizeof properties / sizeof properties[0], properties};

    return amqp_login_with_properties(b->connection, parts->vhost, CHANNEL, FRAME_MAX, options->heartbeat_s,
                                      &table, AMQP_SASL_METHOD_PLAIN, parts->user, options->password);
}

/* NULL: *error says why. */
static amqp_socket_t *new_tls_socket(struct broker *b, const struct broker_options *options,
                                     struct error *error)
{
    amqp_socket_t *socket = amqp_ssl_socket_new(b->connection);

    if (socket == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a TLS connection to the broker");
        return NULL;
    }
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
        (void)error_set(error, ERROR_SETTING, "this OpenSSL has no TLS 1.2");
        return NULL;
    }
    if (amqp_ssl_socket_set_cacert(socket, options->tls.ca) != AMQP_STATUS_OK) {
        (void)error_set(error, ERROR_SETTING, "BROKER_CA=%.200s can't be read as PEM certificates",
                        options->tls.ca);
        return NULL;
    }
    if (is_given(options->tls.certificate) &&
        amqp_ssl_socket_set_key(socket, options->tls.certificate, options->tls.key) != AMQP_STATUS_OK) {
        (void)error_set(
            error, ERROR_SETTING,
            "BROKER_CERT=%.150s and BROKER_KEY=%.150s can't be read as a PEM certificate and its key",
            options->tls.certificate, options->tls.key);
        return NULL;
    }
    return socket;
}

static amqp_socket_t *new_socket(struct broker *b, const struct broker_options *options, bool tls,
                                 struct error *error)
{
    amqp_socket_t *socket;

    if (tls) {
        return new_tls_socket(b, options, error);
    }
    socket = amqp_tcp_socket_new(b->connection);
    if (socket == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    }
    return socket;
}

static enum error_code connect_socket(struct broker *b, const struct broker_options *options,
                                      const struct amqp_connection_info *parts, struct error *error)
{
    const struct timeval deadline = {.tv_sec = DEADLINE_S};
    /* A broker in an alarm stops reading; without this a publish would hang for as long. */
    const unsigned user_timeout_ms = DEADLINE_S * 1000;
    amqp_socket_t *socket = new_socket(b, options, parts->ssl, error);
    int status;

    if (socket == NULL) {
        return error->code;
    }
    status = amqp_socket_open_noblock(socket, parts->host, parts->port, &deadline);
    if (status != AMQP_STATUS_OK) {
        return error_set(error, ERROR_UNREACHABLE, "broker %s:%d not reached: %s", parts->host, parts->port,
                         amqp_error_string2(status));
    }
    if (setsockopt(amqp_get_sockfd(b->connection), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
                   sizeof user_timeout_ms) != 0 ||
        amqp_set_handshake_timeout(b->connection, &deadline) != AMQP_STATUS_OK ||
        amqp_set_rpc_timeout(b->connection, &deadline) != AMQP_STATUS_OK) {
        return error_set(error, ERROR_SYSTEM, "deadlines of the broker's connection can't be set");
    }
    return ERROR_NONE;
}

static enum error_code open_channel(struct broker *b, const struct broker_options *options,
                                    struct error *error)
{
    enum error_code code;

    (void)amqp_channel_open(b->connection, CHANNEL);
    code = check_reply("opening a channel", amqp_get_rpc_reply(b->connection), error);
    if (code == ERROR_NONE && options->confirms) {
        (void)amqp_confirm_select(b->connection, CHANNEL);
        code = check_reply("confirm mode", amqp_get_rpc_reply(b->connection), error);
    }
    return code;
}

enum error_code broker_open(struct broker **broker, const struct broker_options *options, struct error *error)
{
    struct amqp_connection_info parts;
    char url[URL_MAX], what[320];
    struct broker *b;
    enum error_code code = parse_options(options, url, &parts, error);

    *broker = NULL;
    if (code != ERROR_NONE) {
        return code;
    }
    b = calloc(1, sizeof *b);
    if (b == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    }
    init_amqp_pool(&b->properties_pool, 4096);
    b->connection = amqp_new_connection();
    if (b->connection == NULL) {
        code = error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
        goto fail;
    }
    code = connect_socket(b, options, &parts, error);
    if (code != ERROR_NONE) {
        goto fail;
    }
    (void)snprintf(what, sizeof what, "logging in to broker %.100s:%d vhost '%.60s' as %.60s", parts.host,
                   parts.port, parts.vhost, parts.user);
    code = check_reply(what, log_in(b, options, &parts), error);
    if (code == ERROR_NONE) {
        code = open_channel(b, options, error);
    }
    if (code != ERROR_NONE) {
        goto fail;
    }
    *broker = b;
    return ERROR_NONE;
fail:
    broker_close(b, false);
    return code;
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
    free(b->delivery);
    free(b);
}

int broker_fd(const struct broker *b)
{
    return amqp_get_sockfd(b->connection);
}

/* --- reading ------------------------------------------------------------------- */

static void begin_delivery(struct broker *b, const amqp_basic_deliver_t *deliver)
{
    b->content = CONTENT_OF_DELIVERY;
    b->delivery_tag = deliver->delivery_tag;
    b->redelivered = deliver->redelivered;
    b->routing_key_len = deliver->routing_key.len; /* a short string: at most 255 */
    memcpy(b->routing_key, deliver->routing_key.bytes, deliver->routing_key.len);
}

/* True when the method is an event of its own; false when more is to be read. */
static bool read_method(struct broker *b, amqp_method_t method, struct broker_event *event,
                        struct error *error)
{
    switch (method.id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = method.decoded;

        *event =
            (struct broker_event){.kind = BROKER_ACK, .tag = ack->delivery_tag, .multiple = ack->multiple};
        return true;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = method.decoded;

        *event =
            (struct broker_event){.kind = BROKER_NACK, .tag = nack->delivery_tag, .multiple = nack->multiple};
        return true;
    }
    case AMQP_BASIC_RETURN_METHOD:
        b->content = CONTENT_OF_RETURN;
        return false;
    case AMQP_BASIC_DELIVER_METHOD:
        begin_delivery(b, method.decoded);
        return false;
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
        (void)closed_by_broker("connection", method, error);
        event->kind = BROKER_CLOSED;
        return true;
    default: /* channel.flow and replies that nobody waits for any more */
        return false;
    }
}

/* A delivery is one allocation: the struct, then routing key, properties, body. */
static struct broker_delivery *new_delivery(const struct broker *b, amqp_bytes_t properties,
                                            uint64_t body_size)
{
    struct broker_delivery *d;
    char *bytes;

    if (body_size > SIZE_MAX / 2) {
        return NULL;
    }
    d = malloc(sizeof *d + b->routing_key_len + properties.len + (size_t)body_size);
    if (d == NULL) {
        return NULL;
    }
    bytes = (char *)(d + 1);
    memcpy(bytes, b->routing_key, b->routing_key_len);
    memcpy(bytes + b->routing_key_len, properties.bytes, properties.len);
    *d = (struct broker_delivery){
        .tag = b->delivery_tag,
        .redelivered = b->redelivered,
        .routing_key = {bytes, b->routing_key_len},
        .properties = {bytes + b->routing_key_len, properties.len},
        .body = {bytes + b->routing_key_len + properties.len, 0},
    };
    return d;
}

static uint64_t correlation_of(const amqp_basic_properties_t *properties)
{
    uint64_t correlation = 0;

    if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
        for (size_t i = 0; i < properties->correlation_id.len; i++) {
            correlation =
                correlation * 10 + (uint64_t)(((const char *)properties->correlation_id.bytes)[i] - '0');
        }
    }
    return correlation;
}

static bool finish_content(struct broker *b, struct broker_event *event)
{
    switch (b->content) {
    case CONTENT_OF_DELIVERY:
        *event = (struct broker_event){.kind = BROKER_DELIVERY, .delivery = b->delivery};
        b->delivery = NULL;
        break;
    case CONTENT_OF_RETURN:
        *event = (struct broker_event){.kind = BROKER_RETURNED, .correlation = b->returned};
        break;
    case CONTENT_NONE:
        return false;
    }
    b->content = CONTENT_NONE;
    return true;
}

static bool read_header(struct broker *b, const amqp_frame_t *frame, struct broker_event *event,
                        struct error *error)
{
    b->content_left = frame->payload.properties.body_size;
    if (b->content == CONTENT_OF_DELIVERY) {
        b->delivery = new_delivery(b, frame->payload.properties.raw, b->content_left);
        if (b->delivery == NULL) {
            (void)error_set(error, ERROR_MEMORY, "no memory for a message of %" PRIu64 " bytes",
                            b->content_left);
            event->kind = BROKER_CLOSED;
            return true;
        }
    } else {
        b->returned = correlation_of(frame->payload.properties.decoded);
    }
    return b->content_left == 0 && finish_content(b, event);
}

static bool read_body(struct broker *b, amqp_bytes_t fragment, struct broker_event *event,
                      struct error *error)
{
    if (fragment.len > b->content_left) {
        (void)error_set(error, ERROR_MALFORMED,
                        "the broker sent %zu bytes of a body that has %" PRIu64 " left", fragment.len,
                        b->content_left);
        event->kind = BROKER_CLOSED;
        return true;
    }
    if (b->content == CONTENT_OF_DELIVERY) {
        struct span *body = &b->delivery->body;

        memcpy((char *)(b->delivery + 1) + b->delivery->routing_key.len + b->delivery->properties.len +
                   body->len,
               fragment.bytes, fragment.len);
        body->len += fragment.len;
    }
    b->content_left -= fragment.len;
    return b->content_left == 0 && finish_content(b, event);
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
            (void)failed_in_library("connection to the broker", status, error);
            event->kind = BROKER_CLOSED;
            return;
        }
        switch (frame.frame_type) {
        case AMQP_FRAME_METHOD:
            whole = read_method(b, frame.payload.method, event, error);
            break;
        case AMQP_FRAME_HEADER:
            whole = read_header(b, &frame, event, error);
            break;
        case AMQP_FRAME_BODY:
            whole = read_body(b, frame.payload.body_fragment, event, error);
            break;
        default: /* heartbeats are the library's */
            break;
        }
    }
}

/* --- publishing, consuming --------------------------------------------------------- */

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
        return failed_in_library("publishing", status, error);
    }
    if (body.len > 0 && body.len % ((size_t)amqp_get_frame_max(b->connection) - FRAME_OVERHEAD) == 0) {
        /* The library has said that more is to come, and the kernel waits for it:
         * setting this option again sends what it holds back. */
        const int on = 1;

        (void)setsockopt(broker_fd(b), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return ERROR_NONE;
}

void broker_gather(struct broker *b, bool gather)
{
    const int on = gather;

    (void)setsockopt(broker_fd(b), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

enum error_code broker_prefetch(struct broker *b, uint16_t count, struct error *error)
{
    (void)amqp_basic_qos(b->connection, CHANNEL, 0, count, 0);
    return check_reply("setting the prefetch", amqp_get_rpc_reply(b->connection), error);
}

static amqp_bytes_t consumer_tag(const struct broker *b, char text[24])
{
    (void)snprintf(text, 24, "sluice-%u", b->consumers_begun);
    return amqp_cstring_bytes(text);
}

enum error_code broker_consume(struct broker *b, const char *queue, struct error *error)
{
    char tag[24], what[TOPOLOGY_NAME_MAX + 16];

    b->consumers_begun++;
    (void)snprintf(what, sizeof what, "consuming %s", queue);
    (void)amqp_basic_consume(b->connection, CHANNEL, amqp_cstring_bytes(queue), consumer_tag(b, tag), 0, 0, 0,
                             amqp_empty_table);
    return check_reply(what, amqp_get_rpc_reply(b->connection), error);
}

enum error_code broker_cancel(struct broker *b, struct error *error)
{
    char tag[24];

    (void)amqp_basic_cancel(b->connection, CHANNEL, consumer_tag(b, tag));
    return check_reply("ending the consumer", amqp_get_rpc_reply(b->connection), error);
}

enum error_code broker_ack(struct broker *b, uint64_t tag, bool multiple, struct error *error)
{
    int status = amqp_basic_ack(b->connection, CHANNEL, tag, multiple);

    return status == AMQP_STATUS_OK ? ERROR_NONE : failed_in_library("acknowledging", status, error);
}

/* --- declaring --------------------------------------------------------------------- */

enum error_code broker_declare_exchange(struct broker *b, const char *name, const char *type,
                                        struct error *error)
{
    char what[TOPOLOGY_NAME_MAX + 32];

    (void)snprintf(what, sizeof what, "declaring exchange %s", name);
    (void)amqp_exchange_declare(b->connection, CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes(type), 0,
                                1, 0, 0, amqp_empty_table);
    return check_reply(what, amqp_get_rpc_reply(b->connection), error);
}

enum error_code broker_declare_queue(struct broker *b, const char *name,
                                     const struct topology_argument *arguments, struct error *error)
{
    amqp_table_entry_t entries[8];
    char what[TOPOLOGY_NAME_MAX + 32];
    int count = 0;

    for (; arguments[count].name != NULL; count++) {
        const struct topology_argument *a = &arguments[count];

        if (a->text != NULL) {
            entries[count] = text_entry(a->name, a->text);
        } else {
            entries[count] =
                (amqp_table_entry_t){.key = amqp_cstring_bytes(a->name),
                                     .value = {.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = a->number}}};
        }
    }
    (void)snprintf(what, sizeof what, "declaring queue %s", name);
    (void)amqp_queue_declare(b->connection, CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0,
                             (amqp_table_t){count, entries});
    return check_reply(what, amqp_get_rpc_reply(b->connection), error);
}

enum error_code broker_bind(struct broker *b, const char *queue, const char *exchange, const char *key,
                            struct error *error)
{
    char what[2 * TOPOLOGY_NAME_MAX + 32];

    (void)snprintf(what, sizeof what, "binding %s to %s", queue, exchange);
    (void)amqp_queue_bind(b->connection, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes(key), amqp_empty_table);
    return check_reply(what, amqp_get_rpc_reply(b->connection), error);
}

enum error_code broker_inspect(struct broker *b, const char *queue, uint32_t *ready, uint32_t *consumers,
                               struct error *error)
{
    char what[TOPOLOGY_NAME_MAX + 32];
    const amqp_queue_declare_ok_t *declared =
        amqp_queue_declare(b->connection, CHANNEL, amqp_cstring_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
    enum error_code code;

    (void)snprintf(what, sizeof what, "inspecting queue %s", queue);
    code = check_reply(what, amqp_get_rpc_reply(b->connection), error);
    if (code == ERROR_NONE) {
        *ready = declared->message_count;
        *consumers = declared->consumer_count;
    }
    return code;
}
