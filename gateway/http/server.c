/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "certificate.h"
#include "clock.h"
#include "envelope.h"
#include "handler.h"
#include "listen.h"
#include "listener.h"
#include "log.h"
#include "receiver.h"
#include "slow_senders.h"
#include "text.h"

#include <civetweb.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMPLAINT_MAX 256
#define HEAD_SLACK (16 * 1024) /* so that headers slightly over the limit get 431 */

struct server {
    struct mg_context *context;
    int listener;                    /* descriptor */
    struct certificate *certificate; /* NULL: plain HTTP */
    struct handler_service service;
    size_t head_most; /* limit of a request line and its headers, in bytes */
};

/* civetweb reports why it cannot listen only through its log callback, on the thread that starts it. The
 * first message is the reason. */
static _Thread_local char *start_complaint;

/* True while this thread serves a connection (one at a time, from open to close). civetweb calls on_closed
 * after a failed TLS handshake too, without on_connection before it, and by then has cleared the connection's
 * user data, so the flag is kept here. */
static _Thread_local bool connected;

/* --- civetweb's callbacks ------------------------------------------------------------ */

static int on_request(struct mg_connection *connection)
{
    const struct server *server = mg_get_user_data(mg_get_context(connection));

    handler_serve(&server->service, connection);
    return 1; /* handled: civetweb does nothing more with it */
}

/* Civetweb refuses a request by itself only when it fails: on_request judges all of them. */
static int on_http_error(struct mg_connection *connection, int status, const char *message)
{
    handler_library_failed(connection, status, message);
    return 0;
}

static int on_connection(const struct mg_connection *connection, void **data)
{
    struct server *server = mg_get_user_data(mg_get_context(connection));

    (void)data;
    connected = true;
    receiver_begin(server->head_most);
    load_connected(server->service.load);
    return 0;
}

static void on_closed(const struct mg_connection *connection)
{
    struct server *server = mg_get_user_data(mg_get_context(connection));

    if (connected) {
        connected = false;
        receiver_end();
        load_disconnected(server->service.load);
    }
}

static int on_log_message(const struct mg_connection *connection, const char *message)
{
    static _Atomic int64_t last;

    (void)connection;
    if (start_complaint != NULL) {
        if (start_complaint[0] == '\0') {
            (void)text_copy(start_complaint, COMPLAINT_MAX, span_of(message));
        }
    } else if (log_is_due(&last)) {
        log_warning("listener", log_text("message", message)); /* out of file descriptors, for example */
    }
    return 1;
}

/* Returns 1: civetweb must not load a certificate itself. */
static int on_tls(void *ssl_ctx, void *user_data)
{
    const struct server *server = user_data;

    certificate_attach(server->certificate, ssl_ctx);
    return 1;
}

/* --- start and stop -------------------------------------------------------------------- */

/* civetweb's options: those that depend on settings, and the list of all. */
struct options {
    char ports[32], threads[24], buffer_bytes[24], keep_alive_ms[24], quiet_ms[24];
    const char *list[32];
};

static void make_options(struct options *o, const struct server *server, const struct gateway_settings *s)
{
    const char *const list[] = {
        "listening_ports",
        o->ports,
        "num_threads",
        o->threads,
        "max_request_size",
        o->buffer_bytes,
        "connection_queue",
        "64",
        "tcp_nodelay",
        "1",
        "enable_keep_alive",
        "yes",
        "keep_alive_timeout_ms",
        o->keep_alive_ms,
        "request_timeout_ms",
        o->quiet_ms,
        "decode_url",
        "no",
        "enable_auth_domain_check",
        "no",
        "access_control_allow_origin",
        "",
        "access_control_allow_methods",
        "",
        "access_control_allow_headers",
        "",
        NULL,
    };

    _Static_assert(sizeof list <= sizeof o->list, "more options than there is room for");
    memcpy(o->list, list, sizeof list);
    /* An "s" after the port makes civetweb use TLS on it. */
    (void)snprintf(o->ports, sizeof o->ports, "%s%s", LISTENER_CIVETWEB,
                   server->certificate == NULL ? "" : "s");
    (void)snprintf(o->threads, sizeof o->threads, "%" PRId64, s->threads);
    (void)snprintf(o->keep_alive_ms, sizeof o->keep_alive_ms, "%" PRId64, s->keep_alive_us / CLOCK_US_PER_MS);
    (void)snprintf(o->quiet_ms, sizeof o->quiet_ms, "%d", RECEIVER_QUIET_MS);
    (void)snprintf(o->buffer_bytes, sizeof o->buffer_bytes, "%d", RECEIVER_CIVETWEB_BYTES);
}

/* Starts civetweb's threads, as SCHED_BATCH: one that the publisher wakes doesn't interrupt it, so it hands
 * out all confirms that have come before they write their replies. A policy that the operator chose (chrt)
 * stays. Where it isn't allowed (a seccomp filter), only CPU time is lost. */
static struct mg_context *start_threads(struct mg_init_data *init, struct mg_error_data *failure)
{
    const struct sched_param none = {0};
    bool usual = sched_getscheduler(0) == SCHED_OTHER;
    bool batch = usual && sched_setscheduler(0, SCHED_BATCH, &none) == 0; /* they inherit it */
    struct mg_context *context;

    if (usual && !batch) {
        log_info("no-batch", log_text("reason", strerror(errno)),
                 log_text("effect", "senders' threads interrupt the publisher: more CPU per event"));
    }
    context = mg_start2(init, failure);
    if (batch) {
        (void)sched_setscheduler(0, SCHED_OTHER, &none);
    }
    return context;
}

static enum error_code start_server(struct server *server, const struct gateway_settings *s,
                                    struct error *error)
{
    const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_http_error,
        .log_message = on_log_message,
        .init_connection = on_connection,
        .connection_closed = on_closed,
        .init_ssl = server->certificate == NULL ? NULL : on_tls,
    };
    char complaint[COMPLAINT_MAX] = "", outcome[COMPLAINT_MAX] = "";
    struct options options;
    struct mg_init_data init = {
        .callbacks = &callbacks, .user_data = server, .configuration_options = options.list};
    struct mg_error_data failure = {.text = outcome, .text_buffer_size = sizeof outcome};

    make_options(&options, server, s);
    start_complaint = complaint;
    server->context = start_threads(&init, &failure);
    start_complaint = NULL;
    if (server->context == NULL) {
        return error_set(error, ERROR_SYSTEM, "cannot start the HTTP server: %s",
                         complaint[0] != '\0' ? complaint : outcome);
    }
    return ERROR_NONE;
}

/* Listens on the address first, so that civetweb is not started in vain. */
static enum error_code listen_and_start(struct server *server, const struct gateway_settings *s,
                                        struct error *error)
{
    struct error why;
    enum error_code code;
    uint16_t port;
    int fd;

    code = listen_on(s->listen, &fd, &port, &why);
    if (code != ERROR_NONE) {
        return error_set(error, code, "GATEWAY_LISTEN: %s", why.text);
    }
    listener_expect();
    code = start_server(server, s, error);
    if (code != ERROR_NONE) {
        (void)close(fd);
        return code;
    }
    code = listener_begin(fd, &server->listener, error);
    if (code == ERROR_NONE) {
        log_info("listening", log_text("address", s->listen), log_number("port", port),
                 log_text("scheme", server->certificate == NULL ? "http" : "https"));
        code = slow_senders_start(port, (int)s->threads, error);
    }
    return code;
}

enum error_code server_start(struct server **server, const struct gateway_settings *settings,
                             struct publishers *publishers, struct load *load,
                             struct certificate *certificate, struct error *error)
{
    struct server *g = calloc(1, sizeof *g);
    enum error_code code;

    *server = NULL;
    if (g == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for the listener");
    }
    g->service = (struct handler_service){.publishers = publishers,
                                          .load = load,
                                          .max_body = settings->max_body,
                                          .max_header_bytes = settings->max_header_bytes};
    g->certificate = certificate;
    g->head_most = (size_t)settings->max_header_bytes + ENVELOPE_TARGET_MAX + HEAD_SLACK;
    code = proxies_read(settings->trusted_proxies, &g->service.proxies, error);
    if (code != ERROR_NONE) {
        free(g);
        return code;
    }
    (void)mg_init_library(certificate == NULL
                              ? MG_FEATURES_DEFAULT
                              : MG_FEATURES_TLS); /* reference-counted, as is mg_exit_library */
    code = listen_and_start(g, settings, error);
    if (code != ERROR_NONE) {
        server_stop(g);
        return code;
    }
    *server = g;
    return ERROR_NONE;
}

void server_stop_accepting(struct server *server)
{
    struct error error;

    if (listener_end(server->listener, &error) != ERROR_NONE) {
        log_warning("listener", log_text("message", error.text),
                    log_text("effect", "a new connection may be reset"));
    }
}

void server_stop(struct server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->context != NULL) {
        slow_senders_cut_all();
        mg_stop(server->context);
    }
    (void)mg_exit_library();
    slow_senders_stop();
    free(server);
}
