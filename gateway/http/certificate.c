/* SPDX-License-Identifier: MIT */
#include "certificate.h"

#include "secret.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct certificate {
    const char *cert_path, *key_path;
    pthread_mutex_t mutex;
    SSL_CTX *in_force; /* under the mutex */
};

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
