/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "answer.h"
#include "complaint.h"
#include "crowd.h"
#include "listen.h"
#include "log.h"
#include "pool.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_S 10u
#define HEAD_MAX ((size_t)32768) /* memory per connection: request line, headers, bookkeeping */
#define FORM_MAX ((size_t)16384)

struct listener {
    const struct console_settings *settings;
    struct MHD_Daemon *server;
    uint16_t port;
    struct crowd crowd;
    struct pool *pool;
};

enum stage { STAGE_BEGUN, STAGE_READING, STAGE_WAITING };

/* A request and its answer. Of the server's thread; while it waits, of a thread of the pool. */
struct exchange {
    struct listener *listener;
    struct MHD_Connection *connection;
    enum stage stage;
    struct buf target;
    struct answer_request request;
    struct answer answer;
};

/* --- sending ---------------------------------------------------------------- */

static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src "
                                "'self'; img-src 'self'; form-action 'self';"
                                " base-uri 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
    {"Connection", "close"},
};

static bool add_headers(struct MHD_Response *response, struct answer *answer)
{
    struct buf disposition = {0};
    bool good = MHD_add_response_header(response, "Content-Type", answer->type) == MHD_YES;

    for (size_t i = 0; good && i < sizeof headers / sizeof headers[0]; i++) {
        good = MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_YES;
    }
    if (good && answer->download != NULL) {
        buf_printf(&disposition, "attachment; filename=\"%s\"", answer->download);
        good = MHD_add_response_header(response, "Content-Disposition", buf_text(&disposition)) == MHD_YES;
    }
    if (good && answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        good = MHD_add_response_header(response, "Allow", "GET, HEAD") == MHD_YES;
    }
    buf_free(&disposition);
    return good;
}

static enum MHD_Result send_answer(struct exchange *x)
{
    struct answer *a = &x->answer;
    struct MHD_Response *response;
    enum MHD_Result queued = MHD_NO;

    if (a->body.failed) {
        a->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        a->download = NULL;
        buf_clear(&a->body);
    }
    response = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        return MHD_NO; /* no memory: the connection is closed */
    }
    a->body = (struct buf){0};
    if (add_headers(response, a)) {
        queued = MHD_queue_response(x->connection, a->status, response);
    }
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result send_problem(struct exchange *x, unsigned status, const char *text)
{
    answer_problem(&x->request, status, text, &x->answer);
    return send_answer(x);
}

/* --- on the pool's threads ----------------------------------------------------- */

static void work(void *job, PGconn **connection)
{
    struct exchange *x = job;

    answer_by_page(&x->request, connection, &x->answer);
    MHD_resume_connection(x->connection);
}

static void drop(void *job)
{
    struct exchange *x = job;

    answer_problem(&x->request, MHD_HTTP_SERVICE_UNAVAILABLE, "The console is stopping.", &x->answer);
    MHD_resume_connection(x->connection);
}

/* --- receiving ---------------------------------------------------------------- */

static const char *header(struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* The headers have arrived. Returns false when the request is refused by them alone. */
static bool begin(struct exchange *x, const char *method)
{
    struct gate_request *h = &x->request.headers;

    x->stage = STAGE_READING;
    x->request.target = buf_text(&x->target);
    h->post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    h->host = header(x, MHD_HTTP_HEADER_HOST);
    h->origin = header(x, "Origin");
    h->fetch_site = header(x, "Sec-Fetch-Site");
    return h->post || strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* The whole request has arrived. */
static enum MHD_Result answer(struct exchange *x)
{
    if (x->target.failed || x->request.form.len > FORM_MAX || x->request.form.failed) {
        return send_problem(x, 413, "The form has more than 16 KiB.");
    }
    if (answer_at_once(&x->request, &x->answer)) {
        return send_answer(x);
    }
    x->stage = STAGE_WAITING;
    MHD_suspend_connection(x->connection);
    if (!pool_add(x->listener->pool, x)) {
        answer_problem(&x->request, MHD_HTTP_SERVICE_UNAVAILABLE,
                       "The console is busy with other pages. Load this one again.", &x->answer);
        MHD_resume_connection(x->connection);
    }
    return MHD_YES;
}

/* Called once the headers have arrived, then for each piece of the body, then at its end, then when the
 * connection was resumed. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **request)
{
    struct exchange *x = *request;

    (void)context;
    (void)connection;
    (void)path;
    (void)version;
    if (x == NULL) {
        return MHD_NO; /* no memory */
    }
    switch (x->stage) {
    case STAGE_BEGUN:
        return begin(x, method)
                   ? MHD_YES
                   : send_problem(x, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET, HEAD and POST are answered.");
    case STAGE_READING:
        if (*size == 0) {
            return answer(x);
        }
        if (x->request.form.len <= FORM_MAX) {
            buf_append(&x->request.form, data, *size);
        }
        *size = 0;
        return MHD_YES;
    case STAGE_WAITING:
        return send_answer(x);
    }
    return MHD_NO;
}

/* The request line has arrived: keeps the target as it was sent. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (x != NULL) {
        x->listener = context;
        x->connection = connection;
        x->request.settings = x->listener->settings;
        buf_append_text(&x->target, target);
    }
    return x;
}

static void on_end(void *context, struct MHD_Connection *connection, void **request,
                   enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *request;

    (void)context;
    (void)connection;
    (void)why;
    if (x != NULL) {
        buf_free(&x->target);
        buf_free(&x->request.form);
        buf_free(&x->answer.body);
        free(x);
    }
    *request = NULL;
}

/* --- start and stop -------------------------------------------------------------------- */

static char complaints[] = "console-listener"; /* the name of the log line */

static enum error_code start_server(struct listener *l, struct error *error)
{
    int fd;
    enum error_code code = listen_on(l->settings->listen, &fd, &l->port, error);

    if (code != ERROR_NONE) {
        return code;
    }
    l->server = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, l, MHD_OPTION_EXTERNAL_LOGGER, complaint_log, complaints, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, CROWD_HARD, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX, MHD_OPTION_NOTIFY_CONNECTION, crowd_notify, &l->crowd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, l, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
    if (l->server == NULL) {
        (void)close(fd);
        return error_set(error, ERROR_SYSTEM, "cannot start the console's listener on %s: %s",
                         l->settings->listen, strerror(errno));
    }
    return ERROR_NONE;
}

enum error_code listener_start(struct listener **listener, const struct console_settings *settings,
                               struct error *error)
{
    static const struct pool_kind kind = {work, drop};
    struct listener *l = calloc(1, sizeof *l);
    enum error_code code;

    *listener = NULL;
    if (l == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for the console's listener");
    }
    l->settings = settings;
    code = pool_start(&l->pool, &kind, error);
    if (code == ERROR_NONE) {
        code = start_server(l, error);
    }
    if (code != ERROR_NONE) {
        listener_stop(l);
        return code;
    }
    log_info("console-listening", log_text("address", settings->listen), log_number("port", l->port));
    *listener = l;
    return ERROR_NONE;
}

void listener_stop(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    pool_end(listener->pool); /* resumes all connections, which libmicrohttpd wants before it stops */
    if (listener->server != NULL) {
        MHD_stop_daemon(listener->server);
    }
    pool_free(listener->pool);
    free(listener);
}
