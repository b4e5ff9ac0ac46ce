/* SPDX-License-Identifier: MIT */
#include "dial.h"

#include "amqperror.h"
#include "clock.h"
#include "resolve.h"
#include "secret.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#if __has_include(<rabbitmq-c/ssl_socket.h>)
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#define DEADLINE_S 5
#define NAME_DEADLINE_S 10 /* a resolver asks its second server after 5 s */
#define ASK_WHY_MS 1000
#define FRAME_MAX 131072 /* RabbitMQ's own default */
#define URL_MAX 2048

/* Why the broker's certificate was refused in this thread's last handshake; X509_V_OK: it was not. */
static _Thread_local int refusal;
/* The server name for this thread's next handshake; NULL: none. */
static _Thread_local char *server_name;

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

static int on_verified(int fine, X509_STORE_CTX *certificates)
{
    if (!fine) {
        refusal = X509_STORE_CTX_get_error(certificates);
    }
    return fine;
}

/* librabbitmq gets an address and would send it as the server name: brokers behind one address are told
 * apart by their names. */
static void on_handshake(const SSL *tls, int where, int result)
{
    union {
        const SSL *read_only;
        SSL *ours; /* OpenSSL's callback lacks const */
    } connection = {tls};

    (void)result;
    if (where & SSL_CB_HANDSHAKE_START) {
        (void)SSL_set_tlsext_host_name(connection.ours, server_name);
    }
}

/* OpenSSL itself compares the name within the handshake: librabbitmq would do it afterwards, can't compare
 * addresses, and keeps to itself what is wrong with a certificate. */
static bool verify_as(SSL_CTX *tls, char *host)
{
    X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(tls);

    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, on_verified);
    SSL_CTX_set_info_callback(tls, on_handshake);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1) {
        server_name = NULL; /* an address is no name (RFC 6066, 3) */
        return true;
    }
    server_name = host;
    return X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1;
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

/* OpenSSL knows more than librabbitmq's status, if the error is of this thread's last call. */
static const char *reason_of(int status)
{
    const char *reason;

    if (refusal != X509_V_OK) {
        return X509_verify_cert_error_string(refusal);
    }
    if (status != AMQP_STATUS_SSL_ERROR && status != AMQP_STATUS_SSL_CONNECTION_FAILED) {
        return amqp_error_string2(status);
    }
    reason = ERR_reason_error_string(ERR_peek_last_error());
    if (reason == NULL) { /* with TLS 1.3 a broker's refusal comes after the handshake, or not at all */
        reason = "the TLS connection was cut; if the broker demands a certificate, BROKER_CERT must be one "
                 "that it trusts";
    }
    return reason;
}

static enum error_code take_key(amqp_socket_t *socket, const struct broker_access *access,
                                struct error *error)
{
    SSL_CTX *tls = amqp_ssl_socket_get_context(socket);
    bool encrypted = false;
    int status;

    SSL_CTX_set_default_passwd_cb(tls, secret_no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(tls, &encrypted);
    status = amqp_ssl_socket_set_key(socket, access->certificate, access->key);
    SSL_CTX_set_default_passwd_cb_userdata(tls, NULL);
    if (encrypted) {
        return error_set(error, ERROR_SETTING,
                         "BROKER_KEY=%.200s is encrypted; store it without a pass phrase", access->key);
    }
    if (status != AMQP_STATUS_OK) {
        return error_set(
            error, ERROR_SETTING,
            "BROKER_CERT=%.150s and BROKER_KEY=%.150s can't be read as a PEM certificate and its key",
            access->certificate, access->key);
    }
    return ERROR_NONE;
}

/* NULL: *error says why. */
static amqp_socket_t *new_tls_socket(amqp_connection_state_t connection, const struct broker_access *access,
                                     char *host, struct error *error)
{
    amqp_socket_t *socket = amqp_ssl_socket_new(connection);

    if (socket == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a TLS connection to the broker");
        return NULL;
    }
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 0); /* see verify_as */
    if (!verify_as(amqp_ssl_socket_get_context(socket), host)) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a TLS connection to the broker");
        return NULL;
    }
    if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK) {
        (void)error_set(error, ERROR_SETTING, "this OpenSSL has no TLS 1.2");
        return NULL;
    }
    if (amqp_ssl_socket_set_cacert(socket, access->ca) != AMQP_STATUS_OK) {
        (void)error_set(error, ERROR_SETTING, "BROKER_CA=%.200s can't be read as PEM certificates",
                        access->ca);
        return NULL;
    }
    if (is_given(access->certificate) && take_key(socket, access, error) != ERROR_NONE) {
        return NULL;
    }
    return socket;
}

static amqp_socket_t *new_socket(amqp_connection_state_t connection, const struct broker_access *access,
                                 const struct amqp_connection_info *parts, struct error *error)
{
    amqp_socket_t *socket;

    if (parts->ssl) {
        return new_tls_socket(connection, access, parts->host, error);
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

        refusal = X509_V_OK;
        status = amqp_socket_open_noblock(socket, addresses->text[i], parts->port, &share);
        if (status == AMQP_STATUS_OK) {
            return ERROR_NONE;
        }
        reason = status == AMQP_STATUS_SOCKET_ERROR ? why_not_connected(addresses->text[i], parts->port)
                                                    : reason_of(status);
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

enum error_code dial(amqp_connection_state_t connection, const struct broker_options *options,
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
        return error_set(error, ERROR_CLOSED, "%s: %s", what, reason_of(reply.library_error));
    }
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION &&
        (reply.library_error == AMQP_STATUS_CONNECTION_CLOSED ||
         reply.library_error == AMQP_STATUS_BAD_AMQP_DATA)) {
        return error_set(error, ERROR_CLOSED, "%s: %s: is it AMQP that this port speaks, %s?", what,
                         amqp_error_string2(reply.library_error), parts.ssl ? "by TLS" : "without TLS");
    }
    return amqperror_of_reply(what, reply, error);
}
