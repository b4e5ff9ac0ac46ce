/* SPDX-License-Identifier: MIT */
#include "dial_url.h"

#include "url.h"

#include <stdio.h>
#include <string.h>

#define SERVERS_MAX 8

static bool is_given(const char *text)
{
    return text[0] != '\0';
}

/* librabbitmq takes localhost for a missing name. */
static bool names_host(const char *server)
{
    struct span host = url_hosts(server);

    return host.len > 0 && host.data[0] != ':';
}

enum error_code dial_url_parse(const char *server, char text[DIAL_URL_MAX],
                               struct amqp_connection_info *parts, struct error *error)
{
    int len = snprintf(text, DIAL_URL_MAX, "%s", server);

    memset(parts, 0, sizeof *parts);
    if (len < 0 || len >= DIAL_URL_MAX || amqp_parse_url(text, parts) != AMQP_STATUS_OK ||
        !names_host(server) || parts->user[0] == '\0') {
        return error_set(error, ERROR_SETTING,
                         "BROKER_URL=%.200s is not of the form amqp://user@host:port/vhost (several: "
                         "host:port,host:port)",
                         server);
    }
    return ERROR_NONE;
}

static enum error_code check_credentials(const struct broker_access *access, bool tls, struct error *error)
{
    if (tls && !is_given(access->ca)) {
        return error_set(
            error, ERROR_SETTING,
            "BROKER_URL=%.200s needs BROKER_CA: the file of the CA that signed the broker's certificate",
            access->url);
    }
    if (!tls && (is_given(access->ca) || is_given(access->certificate) || is_given(access->key))) {
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

enum error_code dial_url_check(const struct broker_access *access, struct error *error)
{
    size_t count = url_servers(access->url);
    struct amqp_connection_info parts = {0};
    enum error_code code = ERROR_NONE;
    char text[DIAL_URL_MAX];

    if (count > SERVERS_MAX) {
        return error_set(error, ERROR_SETTING, "BROKER_URL=%.200s names %zu servers, and may name %d",
                         access->url, count, SERVERS_MAX);
    }
    for (size_t i = 0; code == ERROR_NONE && i < count; i++) {
        struct buf server = {0};

        url_of_server(access->url, i, &server);
        code = dial_url_parse(buf_text(&server), text, &parts, error);
        buf_free(&server);
    }
    return code == ERROR_NONE ? check_credentials(access, parts.ssl, error) : code;
}
