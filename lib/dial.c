/* SPDX-License-Identifier: MIT */
#include "dial.h"

#include "amqperror.h"
#include "backoff.h"
#include "clock.h"
#include "dial_tls.h"
#include "dial_url.h"
#include "envelope.h"
#include "resolve.h"
#include "secret_file.h"
#include "url.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if __has_include(<rabbitmq-c/ssl_socket.h>)
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_tcp_socket.h>
#endif

#define DEADLINE_S 5
#define NAME_DEADLINE_S 10 /* a resolver asks its second server after 5 s */
#define ASK_WHY_MS 1000
#define FRAME_MAX 131072         /* RabbitMQ's own default */
#define READ_FRAME_MAX (1 << 20) /* for connections that publish nothing */

static bool is_given(const char *text)
{
    return text[0] != '\0';
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

/* A certificate alone is a login, too, where the broker has rabbitmq_auth_mechanism_ssl: it must be the
 * user's. Without this table the broker tells neither of alarms nor of a deleted queue. */
static amqp_rpc_reply_t log_in(amqp_connection_state_t connection, const struct broker_options *options,
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

    struct buf password = {0};
    amqp_rpc_reply_t reply;

    if (!is_given(options->access->password)) {
        return amqp_login_with_properties(connection, parts->vhost, DIAL_CHANNELS, FRAME_MAX,
                                          options->heartbeat_s, &table, AMQP_SASL_METHOD_EXTERNAL,
                                          parts->user);
    }
    secret_file_read(BROKER_PASSWORD, options->access->password, &password);
    reply =
        amqp_login_with_properties(connection, parts->vhost, DIAL_CHANNELS, FRAME_MAX, options->heartbeat_s,
                                   &table, AMQP_SASL_METHOD_PLAIN, parts->user, buf_text(&password));
    secret_file_forget(&password);
    return reply;
}

/* Connects once more, since librabbitmq says only that it failed. address is a number. */
static const char *why_not_connected(const char *address, int port)
{
    const struct addrinfo wanted = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    char service[8];
    struct pollfd ready = {.fd = -1, .events = POLLOUT};
    int why = 0;
    socklen_t len = sizeof why;

    (void)snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &wanted, &found) == 0) {
        ready.fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        why = connect(ready.fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
        freeaddrinfo(found);
    }
    if (why == EINPROGRESS &&
        (poll(&ready, 1, ASK_WHY_MS) != 1 || getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0)) {
        why = ETIMEDOUT;
    }
    if (ready.fd >= 0) {
        (void)close(ready.fd);
    }
    return why == 0 ? amqp_error_string2(AMQP_STATUS_SOCKET_ERROR) : strerror(why);
}

static amqp_socket_t *new_socket(amqp_connection_state_t connection, const struct broker_access *access,
                                 const struct amqp_connection_info *parts, struct error *error)
{
    amqp_socket_t *socket;

    if (parts->ssl) {
        return dial_tls_socket(connection, access, parts->host, error);
    }
    socket = amqp_tcp_socket_new(connection);
    if (socket == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    }
    return socket;
}

static enum error_code open_socket(amqp_socket_t *socket, const struct amqp_connection_info *parts,
                                   const char *address, int64_t share_us, struct error *error)
{
    const struct timeval share = {share_us / CLOCK_US_PER_S, share_us % CLOCK_US_PER_S};
    const char *reason;
    int status;

    dial_tls_begin();
    status = amqp_socket_open_noblock(socket, address, parts->port, &share);
    if (status == AMQP_STATUS_OK) {
        return ERROR_NONE;
    }
    reason = status == AMQP_STATUS_SOCKET_ERROR ? why_not_connected(address, parts->port)
                                                : dial_tls_reason(status);
    return error_set(error, ERROR_UNREACHABLE, "broker %s:%d not reached: %s", parts->host, parts->port,
                     reason);
}

static enum error_code set_deadlines(amqp_connection_state_t connection, struct error *error)
{
    const struct timeval deadline = {.tv_sec = DEADLINE_S};
    /* A broker in an alarm stops reading; without this a publish would hang for as long. */
    const unsigned user_timeout_ms = DEADLINE_S * 1000;

    if (setsockopt(amqp_get_sockfd(connection), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
                   sizeof user_timeout_ms) != 0 ||
        amqp_set_handshake_timeout(connection, &deadline) != AMQP_STATUS_OK ||
        amqp_set_rpc_timeout(connection, &deadline) != AMQP_STATUS_OK) {
        return error_set(error, ERROR_SYSTEM, "deadlines of the broker's connection can't be set");
    }
    return ERROR_NONE;
}

/* AMQP sends the properties of a message in one frame. The library writes half of a message before it finds
 * that they don't fit, and the connection is lost with everything that is unconfirmed.
 *
 * RabbitMQ doesn't keep to frame_max itself: it adds headers to properties that fill a frame. The library
 * would end the connection over such a delivery, so a consumer accepts larger frames than were agreed. */
static enum error_code settle_frame_max(amqp_connection_state_t connection,
                                        const struct broker_options *options,
                                        const struct amqp_connection_info *parts, int *frame_max,
                                        struct error *error)
{
    const int needed = DIAL_HEADER_OVERHEAD + ENVELOPE_PROPERTIES_MAX;

    *frame_max = amqp_get_frame_max(connection);
    if (*frame_max >= needed) {
        int status = options->confirms ? AMQP_STATUS_OK
                                       : amqp_tune_connection(connection, amqp_get_channel_max(connection),
                                                              READ_FRAME_MAX, amqp_get_heartbeat(connection));

        return status == AMQP_STATUS_OK ? ERROR_NONE
                                        : amqperror_of_status("making room for large frames", status, error);
    }
    return error_set(error, ERROR_SETTING,
                     "broker %.100s:%d has a frame_max of %d bytes, but the properties of an event can take "
                     "%d: set frame_max = %d, RabbitMQ's default, in rabbitmq.conf and restart the broker",
                     parts->host, parts->port, *frame_max, needed, FRAME_MAX);
}

static enum error_code enter(amqp_connection_state_t connection, const struct broker_options *options,
                             const struct amqp_connection_info *parts, struct error *error)
{
    char what[320];
    amqp_rpc_reply_t reply;

    (void)snprintf(what, sizeof what, "logging in to broker %.100s:%d vhost '%.60s' as %.60s", parts->host,
                   parts->port, parts->vhost, parts->user);
    reply = log_in(connection, options, parts);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_SSL_ERROR) {
        return error_set(error, ERROR_CLOSED, "%s: %s", what, dial_tls_reason(reply.library_error));
    }
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        (reply.library_error == AMQP_STATUS_CONNECTION_CLOSED ||
         reply.library_error == AMQP_STATUS_BAD_AMQP_DATA)) {
        return error_set(error, ERROR_CLOSED, "%s: %s: is it AMQP that this port speaks, %s?", what,
                         amqp_error_string2(reply.library_error), parts->ssl ? "by TLS" : "without TLS");
    }
    return amqperror_of_reply(what, reply, error);
}

/* --- the servers -------------------------------------------------------------------- */

/* One call of dial. */
struct call {
    struct dialled *to;
    const struct broker_options *options;
    size_t servers;
    unsigned turn; /* where to begin */
    unsigned tried;
};

static enum error_code dial_address(struct call *call, struct amqp_connection_info *parts,
                                    const char *address, int64_t share_us, struct error *error)
{
    struct dialled *to = call->to;
    amqp_socket_t *socket;
    enum error_code code;

    call->tried++;
    to->connection = amqp_new_connection();
    if (to->connection == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    }
    socket = new_socket(to->connection, call->options->access, parts, error);
    code = socket == NULL ? error->code : open_socket(socket, parts, address, share_us, error);
    if (code == ERROR_NONE) {
        code = set_deadlines(to->connection, error);
    }
    if (code == ERROR_NONE) {
        code = enter(to->connection, call->options, parts, error);
    }
    if (code == ERROR_NONE) {
        code = settle_frame_max(to->connection, call->options, parts, &to->frame_max, error);
    }
    if (code != ERROR_NONE) {
        (void)amqp_destroy_connection(to->connection);
        to->connection = NULL;
        return code;
    }
    (void)snprintf(to->node, sizeof to->node, "%.50s:%d (%s)", parts->host, parts->port, address);
    return ERROR_NONE;
}

/* Whether another server may do better. */
static bool may_go_on(enum error_code code)
{
    return code != ERROR_NONE && code != ERROR_SETTING && code != ERROR_MEMORY;
}

static enum error_code dial_server(struct call *call, const char *server, struct error *error)
{
    struct amqp_connection_info parts;
    struct addresses addresses;
    struct error unknown;
    char text[DIAL_URL_MAX];
    int64_t share_us;
    enum error_code code = dial_url_parse(server, text, &parts, error);

    if (code != ERROR_NONE) {
        return code;
    }
    code = resolve(parts.host, clock_monotonic_us() + NAME_DEADLINE_S * CLOCK_US_PER_S, &addresses, &unknown);
    if (code != ERROR_NONE) {
        call->tried++;
        return error_set(error, code, "broker %s:%d not reached: %s", parts.host, parts.port, unknown.text);
    }
    share_us = DEADLINE_S * CLOCK_US_PER_S / (int64_t)(addresses.count * call->servers);
    if (share_us < CLOCK_US_PER_S) {
        share_us = CLOCK_US_PER_S;
    }
    code = ERROR_UNREACHABLE;
    for (size_t i = 0; may_go_on(code) && i < addresses.count; i++) {
        size_t at = (call->turn / call->servers + i) % addresses.count;

        code = dial_address(call, &parts, addresses.text[at], share_us, error);
    }
    return code;
}

static unsigned random_turn;

static void draw_turn(void)
{
    random_turn = backoff_random();
}

/* Another one at each call of the process. */
static unsigned next_turn(void)
{
    static pthread_once_t drawn = PTHREAD_ONCE_INIT;
    static atomic_uint turns;

    (void)pthread_once(&drawn, draw_turn);
    return random_turn + atomic_fetch_add(&turns, 1);
}

enum error_code dial(struct dialled *to, const struct broker_options *options, struct error *error)
{
    struct call call = {
        .to = to, .options = options, .servers = url_servers(options->access->url), .turn = next_turn()};
    enum error_code code = dial_url_check(options->access, error);

    *to = (struct dialled){.connection = NULL};
    if (code != ERROR_NONE) {
        return code;
    }
    code = ERROR_UNREACHABLE;
    for (size_t i = 0; may_go_on(code) && i < call.servers; i++) {
        struct buf server = {0};

        url_of_server(options->access->url, (call.turn + i) % call.servers, &server);
        code = dial_server(&call, buf_text(&server), error);
        buf_free(&server);
    }
    if (may_go_on(code) && call.servers > 1) {
        const struct error last = *error;

        (void)error_set(error, code, "%s; it was the last of %u tries, at all %zu servers", last.text,
                        call.tried, call.servers);
    }
    return code;
}
