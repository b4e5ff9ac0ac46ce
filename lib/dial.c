/* SPDX-License-Identifier: MIT */
#include "dial.h"

#include "amqperror.h"
#include "clock.h"
#include "dial_tls.h"
#include "envelope.h"
#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
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
#define URL_MAX 2048

static bool is_given(const char *text)
{
    return text[0] != '\0';
}

/* amqp_parse_url cuts its text into pieces: `text` holds them. */
static enum error_code parse_access(const struct broker_access *access, char text[URL_MAX],
                                    struct amqp_connection_info *parts, struct error *error)
{
    int len = snprintf(text, URL_MAX, "%s", access->url);

    memset(parts, 0, sizeof *parts);
    if (len < 0 || len >= URL_MAX || amqp_parse_url(text, parts) != AMQP_STATUS_OK ||
        parts->host[0] == '\0' || parts->user[0] == '\0') {
        return error_set(error, ERROR_SETTING,
                         "BROKER_URL=%.200s is not of the form amqp://user@host:port/vhost", access->url);
    }
    if (parts->ssl && !is_given(access->ca)) {
        return error_set(
            error, ERROR_SETTING,
            "BROKER_URL=%.200s needs BROKER_CA: the file of the CA that signed the broker's certificate",
            access->url);
    }
    if (!parts->ssl && (is_given(access->ca) || is_given(access->certificate) || is_given(access->key))) {
        return error_set(error, ERROR_SETTING,
                         "BROKER_CA, BROKER_CERT and BROKER_KEY are for amqps://, but BROKER_URL=%.200s",
                         access->url);
    }
    if (is_given(access->certificate) != is_given(access->key)) {
        return error_set(error, ERROR_SETTING,
                         "BROKER_CERT and BROKER_KEY go together: one of them is not set");
    }
    if (!is_given(access->password) && !is_given(access->certificate)) {
        return error_set(
            error, ERROR_SETTING,
            "neither BROKER_PASSWORD (nor BROKER_PASSWORD_FILE) is set nor, for amqps://, BROKER_CERT "
            "and BROKER_KEY to log in by: one of them must be");
    }
    return ERROR_NONE;
}

enum error_code dial_check(const struct broker_access *access, struct error *error)
{
    char text[URL_MAX];
    struct amqp_connection_info parts;

    return parse_access(access, text, &parts, error);
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

    if (!is_given(options->access->password)) {
        return amqp_login_with_properties(connection, parts->vhost, DIAL_CHANNELS, FRAME_MAX,
                                          options->heartbeat_s, &table, AMQP_SASL_METHOD_EXTERNAL,
                                          parts->user);
    }
    return amqp_login_with_properties(connection, parts->vhost, DIAL_CHANNELS, FRAME_MAX,
                                      options->heartbeat_s, &table, AMQP_SASL_METHOD_PLAIN, parts->user,
                                      options->access->password);
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

/* Tries the addresses in turn; each gets an equal share of the remaining time. */
static enum error_code open_socket(amqp_socket_t *socket, const struct amqp_connection_info *parts,
                                   const struct addresses *addresses, struct error *error)
{
    int64_t deadline_us = clock_monotonic_us() + DEADLINE_S * CLOCK_US_PER_S;
    const char *reason = "no address";

    for (size_t i = 0; i < addresses->count; i++) {
        int64_t share_us = (deadline_us - clock_monotonic_us()) / (int64_t)(addresses->count - i);
        const struct timeval share = {share_us < 0 ? 0 : share_us / CLOCK_US_PER_S,
                                      share_us < 0 ? 0 : share_us % CLOCK_US_PER_S};
        int status;

        dial_tls_begin();
        status = amqp_socket_open_noblock(socket, addresses->text[i], parts->port, &share);
        if (status == AMQP_STATUS_OK) {
            return ERROR_NONE;
        }
        reason = status == AMQP_STATUS_SOCKET_ERROR ? why_not_connected(addresses->text[i], parts->port)
                                                    : dial_tls_reason(status);
    }
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

static enum error_code connect_socket(amqp_connection_state_t connection, const struct broker_access *access,
                                      const struct amqp_connection_info *parts, struct error *error)
{
    struct error unknown;
    struct addresses addresses;
    amqp_socket_t *socket = new_socket(connection, access, parts, error);
    enum error_code code;

    if (socket == NULL) {
        return error->code;
    }
    code =
        resolve(parts->host, clock_monotonic_us() + NAME_DEADLINE_S * CLOCK_US_PER_S, &addresses, &unknown);
    if (code != ERROR_NONE) {
        return error_set(error, code, "broker %s:%d not reached: %s", parts->host, parts->port, unknown.text);
    }
    code = open_socket(socket, parts, &addresses, error);
    return code == ERROR_NONE ? set_deadlines(connection, error) : code;
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

enum error_code dial(amqp_connection_state_t connection, const struct broker_options *options, int *frame_max,
                     struct error *error)
{
    struct amqp_connection_info parts;
    amqp_rpc_reply_t reply;
    char url[URL_MAX], what[320];
    enum error_code code = parse_access(options->access, url, &parts, error);

    if (code == ERROR_NONE) {
        code = connect_socket(connection, options->access, &parts, error);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    (void)snprintf(what, sizeof what, "logging in to broker %.100s:%d vhost '%.60s' as %.60s", parts.host,
                   parts.port, parts.vhost, parts.user);
    reply = log_in(connection, options, &parts);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_SSL_ERROR) {
        return error_set(error, ERROR_CLOSED, "%s: %s", what, dial_tls_reason(reply.library_error));
    }
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        (reply.library_error == AMQP_STATUS_CONNECTION_CLOSED ||
         reply.library_error == AMQP_STATUS_BAD_AMQP_DATA)) {
        return error_set(error, ERROR_CLOSED, "%s: %s: is it AMQP that this port speaks, %s?", what,
                         amqp_error_string2(reply.library_error), parts.ssl ? "by TLS" : "without TLS");
    }
    code = amqperror_of_reply(what, reply, error);
    return code == ERROR_NONE ? settle_frame_max(connection, options, &parts, frame_max, error) : code;
}
