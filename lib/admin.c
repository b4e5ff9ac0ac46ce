/* SPDX-License-Identifier: MIT */
#include "admin.h"

#include "buf.h"
#include "complaint.h"
#include "crowd.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_S 5u
#define HEAD_MAX ((size_t)8192) /* memory per connection: request line, headers, bookkeeping */

struct admin {
    struct MHD_Daemon *server;
    uint16_t port;
    pthread_mutex_t mutex;
    bool ready;        /* under the mutex */
    const char *state; /* under the mutex; static text */
    struct crowd crowd;
};

enum { READY, EVICTED, METRICS };
static struct metric metrics[METRICS] = {
    [READY] = {"sluice_ready", NULL, "1 while GET /ready answers 200, else 0.", METRIC_GAUGE, 0},
    [EVICTED] = {"sluice_admin_evicted_total", NULL,
                 "Connections of the admin port closed to make room for others.", METRIC_COUNTER, 0},
};

/* --- answers --------------------------------------------------------------------------- */

struct answer {
    unsigned status;
    const char *type;
    struct buf body;
};

static void answer_ready(struct admin *admin, struct answer *answer)
{
    (void)pthread_mutex_lock(&admin->mutex);
    answer->status = admin->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    buf_append_text(&answer->body, admin->state);
    (void)pthread_mutex_unlock(&admin->mutex);
    buf_append_char(&answer->body, '\n');
}

static void answer_health(struct admin *admin, struct answer *answer)
{
    (void)admin;
    buf_append_text(&answer->body, "ok\n");
}

static void answer_metrics(struct admin *admin, struct answer *answer)
{
    (void)admin;
    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_render(&answer->body);
}

static const struct {
    const char *path;
    void (*answer)(struct admin *, struct answer *);
} paths[] = {
    {"/health", answer_health}, {"/healthz", answer_health}, {"/livez", answer_health},
    {"/ready", answer_ready},   {"/readyz", answer_ready},   {"/metrics", answer_metrics},
};

static void find_answer(struct admin *admin, const char *method, const char *path, struct answer *answer)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        answer->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        buf_append_text(&answer->body, "only GET and HEAD are allowed\n");
        return;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].path, path) == 0) {
            paths[i].answer(admin, answer);
            return;
        }
    }
    answer->status = MHD_HTTP_NOT_FOUND;
    buf_append_text(&answer->body,
                    "not found; try /health (/healthz, /livez), /ready (/readyz) or /metrics\n");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response;
    enum MHD_Result queued = MHD_NO;

    if (answer->body.failed) {
        answer->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        buf_clear(&answer->body);
    }
    response = MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_COPY);
    if (response != NULL && MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES &&
        MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
        MHD_add_response_header(response, "Connection", "close") == MHD_YES &&
        (answer->status != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES)) {
        queued = MHD_queue_response(connection, answer->status, response);
    }
    if (response != NULL) {
        MHD_destroy_response(response);
    }
    return queued; /* no memory: the connection is closed */
}

/* Called once the headers have arrived. The body, if any, is not read. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **request)
{
    struct answer answer = {.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
    enum MHD_Result result;

    (void)version;
    (void)data;
    (void)size;
    (void)request;
    find_answer(context, method, path, &answer);
    result = send_answer(connection, &answer);
    buf_free(&answer.body);
    return result;
}

/* Keeps the path as it was sent: an escaped path matches none of ours. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* --- start and stop -------------------------------------------------------------------- */

static char complaints[] = "admin-listener"; /* the name of the log line */

static enum error_code start_server(struct admin *admin, const char *address, struct error *error)
{
    int fd;
    enum error_code code = listen_on(address, &fd, &admin->port, error);

    if (code != ERROR_NONE) {
        return code;
    }
    admin->server = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, admin,
        MHD_OPTION_EXTERNAL_LOGGER, complaint_log, complaints, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, CROWD_HARD, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX, MHD_OPTION_NOTIFY_CONNECTION, crowd_notify,
        &admin->crowd, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_END);
    if (admin->server == NULL) {
        (void)close(fd);
        return error_set(error, ERROR_SYSTEM, "cannot start the admin listener on %s: %s", address,
                         strerror(errno));
    }
    return ERROR_NONE;
}

void admin_register(void)
{
    metrics_register(metrics, METRICS);
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
    a->crowd.evictions = &metrics[EVICTED];
    admin_register();
    (void)pthread_mutex_init(&a->mutex, NULL);
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
    metric_set(&metrics[READY], ready);
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
        MHD_stop_daemon(admin->server);
    }
    (void)pthread_mutex_destroy(&admin->mutex);
    free(admin);
}
