/* SPDX-License-Identifier: MIT */
#include "admin.h"

#include "buf.h"
#include "log.h"
#include "metrics.h"

#include <civetweb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINT_MAX 256

struct admin {
    struct mg_context *server;
    uint16_t port;
    pthread_mutex_t mutex;
    bool ready;        /* under the mutex */
    const char *state; /* under the mutex; static text */
};

/* civetweb says why it can't listen only through its log callback, on the
 * thread that starts it, and first. */
static _Thread_local char *start_complaint;

static int on_log_message(const struct mg_connection *connection, const char *message)
{
    (void)connection;
    if (start_complaint != NULL && start_complaint[0] != '\0') {
        return 1;
    }
    if (start_complaint != NULL) {
        (void)text_copy(start_complaint, COMPLAINT_MAX, span_of(message));
    } else {
        log_warning("admin-listener", log_text("message", message));
    }
    return 1;
}

static void reply(struct mg_connection *connection, int status, const char *reason, const char *type,
                  struct buf *body)
{
    bool head = strcmp(mg_get_request_info(connection)->request_method, "HEAD") == 0;

    if (body->failed) {
        status = 500;
        reason = "Internal Server Error";
        buf_clear(body);
    }
    /* A reply that can't be written has no reader any more: nothing to do. */
    (void)mg_printf(connection,
                    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                    status, reason, type, body->len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (!head && body->len > 0) {
        (void)mg_write(connection, body->data, body->len);
    }
}

static int on_request(struct mg_connection *connection)
{
    static const char text[] = "text/plain; charset=utf-8";
    const struct mg_request_info *request = mg_get_request_info(connection);
    struct admin *admin = mg_get_user_data(mg_get_context(connection));
    const char *path = request->local_uri == NULL ? "" : request->local_uri;
    struct buf body = {0};

    if (strcmp(request->request_method, "GET") != 0 && strcmp(request->request_method, "HEAD") != 0) {
        buf_append_text(&body, "only GET and HEAD are answered\n");
        reply(connection, 405, "Method Not Allowed", text, &body);
    } else if (strcmp(path, "/health") == 0) {
        buf_append_text(&body, "ok\n");
        reply(connection, 200, "OK", text, &body);
    } else if (strcmp(path, "/ready") == 0) {
        bool ready;

        (void)pthread_mutex_lock(&admin->mutex);
        ready = admin->ready;
        buf_append_text(&body, admin->state);
        (void)pthread_mutex_unlock(&admin->mutex);
        buf_append_char(&body, '\n');
        reply(connection, ready ? 200 : 503, ready ? "OK" : "Service Unavailable", text, &body);
    } else if (strcmp(path, "/metrics") == 0) {
        metrics_render(&body);
        reply(connection, 200, "OK", "text/plain; version=0.0.4; charset=utf-8", &body);
    } else {
        buf_append_text(&body, "there are /health, /ready and /metrics\n");
        reply(connection, 404, "Not Found", text, &body);
    }
    buf_free(&body);
    return 1;
}

/* What civetweb refuses by itself, without its page that names the library. */
static int on_http_error(struct mg_connection *connection, int status, const char *message)
{
    (void)message;
    (void)mg_printf(connection, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status,
                    mg_get_response_code_text(connection, status));
    return 0;
}

static enum error_code start_server(struct admin *admin, const char *address, struct error *error)
{
    const char *options[] = {
        "listening_ports",
        address,
        "num_threads",
        "2",
        "request_timeout_ms",
        "5000",
        "enable_keep_alive",
        "no",
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
        "tcp_nodelay",
        "1",
        NULL,
    };
    const struct mg_callbacks callbacks = {
        .begin_request = on_request, .http_error = on_http_error, .log_message = on_log_message};
    char complaint[COMPLAINT_MAX] = "";
    char outcome[COMPLAINT_MAX] = "";
    struct mg_init_data init = {
        .callbacks = &callbacks, .user_data = admin, .configuration_options = options};
    struct mg_error_data failure = {.text = outcome, .text_buffer_size = sizeof outcome};
    struct mg_server_port port;

    if (address[0] == '[' && mg_check_feature(MG_FEATURES_IPV6) == 0) {
        return error_set(error, ERROR_SETTING,
                         "cannot listen on %s: this civetweb has no IPv6; give an IPv4 address", address);
    }
    memset(&port, 0, sizeof port);
    start_complaint = complaint;
    admin->server = mg_start2(&init, &failure);
    start_complaint = NULL;
    if (admin->server == NULL) {
        return error_set(error, ERROR_SYSTEM, "cannot listen on %s: %s", address,
                         complaint[0] != '\0' ? complaint : outcome);
    }
    if (mg_get_server_ports(admin->server, 1, &port) != 1) {
        return error_set(error, ERROR_BUG, "the listener on %s has no port", address);
    }
    admin->port = (uint16_t)port.port;
    return ERROR_NONE;
}

enum error_code admin_start(struct admin **admin, const char *address, struct error *error)
{
    struct admin *a = calloc(1, sizeof *a);
    enum error_code code;

    *admin = NULL;
    if (a == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for the admin listener");
    }
    a->state = "starting";
    (void)pthread_mutex_init(&a->mutex, NULL);
    (void)mg_init_library(0); /* counts its callers, as mg_exit_library does */
    code = start_server(a, address, error);
    if (code != ERROR_NONE) {
        admin_stop(a);
        return code;
    }
    log_info("admin-listening", log_text("address", address), log_number("port", a->port));
    *admin = a;
    return ERROR_NONE;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin->port;
}

void admin_set_ready(struct admin *admin, bool ready, const char *state)
{
    bool changed;

    (void)pthread_mutex_lock(&admin->mutex);
    changed = admin->ready != ready || strcmp(admin->state, state) != 0;
    admin->ready = ready;
    admin->state = state;
    (void)pthread_mutex_unlock(&admin->mutex);
    if (changed) {
        log_info(ready ? "ready" : "not-ready", log_text("state", state));
    }
}

void admin_stop(struct admin *admin)
{
    if (admin == NULL) {
        return;
    }
    if (admin->server != NULL) {
        mg_stop(admin->server);
    }
    (void)mg_exit_library();
    (void)pthread_mutex_destroy(&admin->mutex);
    free(admin);
}
