/* SPDX-License-Identifier: MIT */
#include "gateway/http/certificate.h"

#include "clock.h"
#include "metrics.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_S (24L * 60 * 60)

static char directory[] = "/tmp/test_certificate.XXXXXX";
static char cert_path[64], key_path[64];

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* mode: "w", or "a" for another certificate of the chain. */
static void write_cert(EVP_PKEY *key, const char *name, const char *mode, long seconds)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    FILE *file = fopen(cert_path, mode);

    assert_non_null(file);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(cert, subject), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(cert);
}

static void write_key(EVP_PKEY *key)
{
    FILE *file = fopen(key_path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

/* Writes a certificate for this name with a new key; writes the key only with_key. */
static void write_pair(const char *name, bool with_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    assert_non_null(key);
    write_cert(key, name, "w", DAY_S);
    if (with_key) {
        write_key(key);
    }
    EVP_PKEY_free(key);
}

/* The subject that a client of at most this TLS version sees; "" when the handshake fails. */
static const char *shown(struct certificate *certificate, int version)
{
    static char name[64];
    SSL_CTX *server_ctx = SSL_CTX_new(TLS_server_method()), *client_ctx = SSL_CTX_new(TLS_client_method());
    BIO *server_end, *client_end;
    SSL *server, *client;
    X509 *cert;

    certificate_attach(certificate, server_ctx);
    assert_int_equal(SSL_CTX_get_min_proto_version(server_ctx), TLS1_2_VERSION);
    SSL_CTX_set_security_level(client_ctx, 0);
    SSL_CTX_set_security_level(server_ctx, 0);
    assert_int_equal(SSL_CTX_set_max_proto_version(client_ctx, version), 1);
    assert_int_equal(BIO_new_bio_pair(&server_end, 0, &client_end, 0), 1);
    server = SSL_new(server_ctx);
    client = SSL_new(client_ctx);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_bio(client, client_end, client_end);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int turn = 0; turn < 10; turn++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
    name[0] = '\0';
    cert = SSL_get1_peer_certificate(client);
    if (SSL_is_init_finished(client) && cert != NULL) {
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
    }
    X509_free(cert);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_ctx);
    SSL_CTX_free(server_ctx);
    return name;
}

static struct certificate *opened(void)
{
    struct certificate *certificate;
    struct error error;

    assert_int_equal(certificate_open(&certificate, cert_path, key_path, &error), ERROR_NONE);
    return certificate;
}

static void not_opened(const char *named)
{
    struct certificate *certificate;
    struct error error;

    assert_int_equal(certificate_open(&certificate, cert_path, key_path, &error), ERROR_SETTING);
    assert_null(certificate);
    assert_non_null(strstr(error.text, named));
}

static int set_up(void **state)
{
    (void)state;
    write_pair("first", true);
    return 0;
}

static void a_connection_uses_the_certificate_in_force_at_its_handshake(void **state)
{
    struct certificate *certificate = opened();
    struct error error;

    (void)state;
    assert_string_equal(shown(certificate, TLS1_3_VERSION), "first");
    write_pair("second", true);
    assert_string_equal(shown(certificate, TLS1_3_VERSION), "first");
    assert_int_equal(certificate_reload(certificate, &error), ERROR_NONE);
    assert_string_equal(shown(certificate, TLS1_3_VERSION), "second");
    assert_string_equal(shown(certificate, TLS1_2_VERSION), "second");
    certificate_close(certificate);
}

static void versions_before_tls_1_2_are_refused(void **state)
{
    struct certificate *certificate = opened();

    (void)state;
    assert_string_equal(shown(certificate, TLS1_2_VERSION), "first");
    assert_string_equal(shown(certificate, TLS1_1_VERSION), "");
    certificate_close(certificate);
}

static void unusable_files_are_named(void **state)
{
    (void)state;
    write_text(cert_path, "no certificate");
    not_opened("GATEWAY_CERT=/");
    write_pair("another", false);
    not_opened("GATEWAY_KEY=/");
    write_text(key_path, "no key");
    not_opened("GATEWAY_KEY=/");
    assert_int_equal(unlink(key_path), 0);
    not_opened("GATEWAY_KEY=/");
    assert_int_equal(unlink(cert_path), 0);
    not_opened("GATEWAY_CERT=/");
}

static void after_a_failed_reload_the_old_certificate_stays_in_force(void **state)
{
    struct certificate *certificate = opened();
    struct error error;

    (void)state;
    write_pair("second", false);
    assert_int_equal(certificate_reload(certificate, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "GATEWAY_KEY=/"));
    assert_string_equal(shown(certificate, TLS1_3_VERSION), "first");
    write_text(key_path, "no key");
    assert_int_equal(certificate_reload(certificate, &error), ERROR_SETTING);
    assert_int_equal(unlink(key_path), 0);
    assert_int_equal(certificate_reload(certificate, &error), ERROR_SETTING);
    assert_string_equal(shown(certificate, TLS1_3_VERSION), "first");
    write_pair("third", true);
    assert_int_equal(certificate_reload(certificate, &error), ERROR_NONE);
    assert_string_equal(shown(certificate, TLS1_3_VERSION), "third");
    certificate_close(certificate);
}

/* In how many seconds the metric says that the certificate ends; 0 when it has no row. */
static double shown_end(void)
{
    static const char name[] = "\nsluice_gateway_certificate_expiry_timestamp_seconds ";
    struct buf out = {0};
    const char *found;
    double end = 0;

    metrics_render(&out);
    found = strstr(buf_text(&out), name);
    if (found != NULL) {
        end = strtod(found + sizeof name - 1, NULL) - (double)clock_wall_us() / 1e6;
    }
    buf_free(&out);
    return end;
}

static void the_end_of_the_chain_that_is_in_force_is_shown(void **state)
{
    struct certificate *certificate;
    struct error error;
    EVP_PKEY *key = EVP_EC_gen("P-256");

    (void)state;
    certificate = opened();
    assert_true(shown_end() > (double)DAY_S - 60 && shown_end() <= (double)DAY_S);
    write_cert(key, "an authority that ends sooner", "a", 3600);
    assert_int_equal(certificate_reload(certificate, &error), ERROR_NONE);
    assert_true(shown_end() > 3600 - 60 && shown_end() <= 3600);
    write_pair("first", true);
    write_cert(key, "an authority that ends later", "a", 2 * DAY_S);
    assert_int_equal(certificate_reload(certificate, &error), ERROR_NONE);
    assert_true(shown_end() > (double)DAY_S - 60 && shown_end() <= (double)DAY_S);
    write_text(key_path, "no key");
    write_cert(key, "one that is refused", "w", 7200);
    assert_int_equal(certificate_reload(certificate, &error), ERROR_SETTING);
    assert_true(shown_end() > (double)DAY_S - 60);
    certificate_close(certificate);
    EVP_PKEY_free(key);
}

static void without_a_certificate_no_end_is_shown(void **state)
{
    (void)state;
    assert_true(shown_end() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_certificate_no_end_is_shown),
        cmocka_unit_test_setup(the_end_of_the_chain_that_is_in_force_is_shown, set_up),
        cmocka_unit_test_setup(a_connection_uses_the_certificate_in_force_at_its_handshake, set_up),
        cmocka_unit_test_setup(versions_before_tls_1_2_are_refused, set_up),
        cmocka_unit_test_setup(unusable_files_are_named, set_up),
        cmocka_unit_test_setup(after_a_failed_reload_the_old_certificate_stays_in_force, set_up),
    };
    int failed;

    certificate_register();
    if (mkdtemp(directory) == NULL) {
        return EXIT_FAILURE;
    }
    (void)snprintf(cert_path, sizeof cert_path, "%s/cert.pem", directory);
    (void)snprintf(key_path, sizeof key_path, "%s/key.pem", directory);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(cert_path);
    (void)unlink(key_path);
    (void)rmdir(directory);
    return failed;
}
