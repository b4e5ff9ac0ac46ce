/* SPDX-License-Identifier: MIT */
#include "dial_tls.h"

#include "regular_file.h"
#include "secret.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#if __has_include(<rabbitmq-c/ssl_socket.h>)
#include <rabbitmq-c/ssl_socket.h>
#else
#include <amqp_ssl_socket.h>
#endif

/* Why the broker's certificate was refused in this thread's last handshake; X509_V_OK: it was not. */
static _Thread_local int refusal;
/* The server name for this thread's next handshake; NULL: none. */
static _Thread_local char *server_name;

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

amqp_socket_t *dial_tls_socket(amqp_connection_state_t connection, const struct broker_access *access,
                               char *host, struct error *error)
{
    amqp_socket_t *socket;

    if (regular_file_check("BROKER_CA", access->ca, error) != ERROR_NONE ||
        regular_file_check("BROKER_CERT", access->certificate, error) != ERROR_NONE ||
        regular_file_check("BROKER_KEY", access->key, error) != ERROR_NONE) {
        return NULL;
    }
    socket = amqp_ssl_socket_new(connection);
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
    if (access->certificate[0] != '\0' && take_key(socket, access, error) != ERROR_NONE) {
        return NULL;
    }
    return socket;
}

void dial_tls_begin(void)
{
    refusal = X509_V_OK;
}

/* OpenSSL knows more than librabbitmq's status, if the error is of this thread's last call. */
const char *dial_tls_reason(int status)
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
