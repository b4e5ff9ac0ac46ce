/* SPDX-License-Identifier: MIT */
#include "certificate.h"

#include "clock.h"
#include "metrics.h"
#include "secret.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct certificate {
    const char *cert_path, *key_path;
    pthread_mutex_t mutex;
    SSL_CTX *in_force; /* under the mutex */
};

static struct metric metrics[] = {
    {"sluice_gateway_certificate_expiry_timestamp_seconds", NULL,
     "When the certificate in force ends, or one of its chain if that is sooner, in seconds since 1970. No "
     "row "
     "without GATEWAY_CERT.",
     METRIC_TIMESTAMP, 0},
};

void certificate_register(void)
{
    metrics_register(metrics, sizeof metrics / sizeof metrics[0]);
}

/* Microseconds since 1970; INT64_MAX when there is no such time. */
static int64_t end_of(const X509 *certificate)
{
    struct tm end;
    time_t seconds = -1;

    if (certificate != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1) {
        seconds = timegm(&end);
    }
    return seconds < 0 ? INT64_MAX : (int64_t)seconds * CLOCK_US_PER_S;
}

/* Senders refuse a chain as soon as one certificate of it has ended. */
static void show_end(SSL_CTX *in_force)
{
    STACK_OF(X509) *chain = NULL;
    int64_t end_us = end_of(SSL_CTX_get0_certificate(in_force));

    (void)SSL_CTX_get0_chain_certs(in_force, &chain);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t us = end_of(sk_X509_value(chain, i));

        end_us = us < end_us ? us : end_us;
    }
    metric_set(&metrics[0], end_us == INT64_MAX ? 0 : end_us);
}

/* The kernel's error when a system call failed first, otherwise OpenSSL's most recent error. */
static const char *reason(void)
{
    unsigned long first = ERR_peek_error();

    return ERR_SYSTEM_ERROR(first) ? strerror(ERR_GET_REASON(first))
                                   : ERR_reason_error_string(ERR_peek_last_error());
}

/* Returns NULL with *error set. */
static SSL_CTX *load(const struct certificate *c, struct error *error)
{
    SSL_CTX *loaded = SSL_CTX_new(TLS_server_method());
    bool encrypted = false;

    ERR_clear_error();
    if (loaded == NULL) {
        (void)error_set(error, ERROR_MEMORY, "no memory for a certificate");
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(loaded, secret_no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(loaded, &encrypted);
    if (SSL_CTX_use_certificate_chain_file(loaded, c->cert_path) != 1) {
        (void)error_set(error, ERROR_SETTING, "GATEWAY_CERT=%.200s can't be used: %s", c->cert_path,
                        reason());
    } else if (SSL_CTX_use_PrivateKey_file(loaded, c->key_path, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(loaded) != 1) {
        (void)error_set(error, ERROR_SETTING, "GATEWAY_KEY=%.200s can't be used with GATEWAY_CERT=%.200s: %s",
                        c->key_path, c->cert_path,
                        encrypted ? "the key is encrypted; store it without a passphrase" : reason());
    } else {
        SSL_CTX_set_default_passwd_cb_userdata(loaded, NULL);
        return loaded;
    }
    SSL_CTX_free(loaded);
    return NULL;
}

enum error_code certificate_open(struct certificate **certificate, const char *cert_path,
                                 const char *key_path, struct error *error)
{
    struct certificate *c = calloc(1, sizeof *c);

    *certificate = NULL;
    if (c == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a certificate");
    }
    c->cert_path = cert_path;
    c->key_path = key_path;
    (void)pthread_mutex_init(&c->mutex, NULL);
    c->in_force = load(c, error);
    if (c->in_force == NULL) {
        certificate_close(c);
        return error->code;
    }
    show_end(c->in_force);
    *certificate = c;
    return ERROR_NONE;
}

enum error_code certificate_reload(struct certificate *c, struct error *error)
{
    SSL_CTX *loaded = load(c, error), *before;

    if (loaded == NULL) {
        return error->code;
    }
    (void)pthread_mutex_lock(&c->mutex);
    before = c->in_force;
    c->in_force = loaded;
    show_end(loaded);
    (void)pthread_mutex_unlock(&c->mutex);
    SSL_CTX_free(before); /* connections that use it hold a reference */
    return ERROR_NONE;
}

static int choose(SSL *connection, void *context)
{
    struct certificate *c = context;
    bool chosen;

    (void)pthread_mutex_lock(&c->mutex);
    chosen = SSL_set_SSL_CTX(connection, c->in_force) != NULL;
    (void)pthread_mutex_unlock(&c->mutex);
    return chosen;
}

void certificate_attach(struct certificate *c, void *ssl_ctx)
{
    (void)SSL_CTX_set_min_proto_version(ssl_ctx, TLS1_2_VERSION);
    SSL_CTX_set_cert_cb(ssl_ctx, choose, c);
}

void certificate_close(struct certificate *c)
{
    if (c != NULL) {
        SSL_CTX_free(c->in_force);
        (void)pthread_mutex_destroy(&c->mutex);
        free(c);
    }
}
