/* SPDX-License-Identifier: MIT */
#include "outbox.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel ends the connection before that: see lib/dial. */
#define WAIT_MS 10000

enum written { WRITTEN, WRITTEN_NOT_YET, WRITTEN_NEVER };

static enum written write_plain(int fd, const char *bytes, size_t len, size_t *written)
{
    ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

    if (sent >= 0) {
        *written = (size_t)sent;
        return WRITTEN;
    }
    return errno == EAGAIN || errno == EINTR ? WRITTEN_NOT_YET : WRITTEN_NEVER;
}

/* *awaited: what to poll for when it is not yet written. */
static enum written write_tls(SSL *tls, const char *bytes, size_t len, size_t *written, short *awaited)
{
    int why;

    ERR_clear_error(); /* SSL_get_error looks at it */
    if (SSL_write_ex(tls, bytes, len, written) == 1) {
        return WRITTEN;
    }
    why = SSL_get_error(tls, 0);
    *awaited = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? WRITTEN_NOT_YET : WRITTEN_NEVER;
}

static const char *tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    return reason == NULL ? "TLS was cut" : reason;
}

static enum error_code wait_for(int fd, short awaited, struct error *error)
{
    struct pollfd ready = {.fd = fd, .events = awaited};
    int count = poll(&ready, 1, WAIT_MS);

    if (count == 0) {
        return error_set(error, ERROR_TIMEOUT, "publishing: the broker has read nothing for %d s",
                         WAIT_MS / 1000);
    }
    return count > 0 || errno == EINTR
               ? ERROR_NONE
               : error_set(error, ERROR_SYSTEM, "publishing: poll: %s", strerror(errno));
}

enum error_code outbox_flush(struct outbox *o, struct error *error)
{
    enum error_code code = ERROR_NONE;
    size_t at = 0;

    if (o->bytes.failed) {
        return error_set(error, ERROR_MEMORY, "no memory for a message to the broker");
    }
    while (code == ERROR_NONE && at < o->bytes.len) {
        const char *bytes = o->bytes.data + at;
        size_t len = o->bytes.len - at, written = 0;
        short awaited = POLLOUT;

        switch (o->tls == NULL ? write_plain(o->fd, bytes, len, &written)
                               : write_tls(o->tls, bytes, len, &written, &awaited)) {
        case WRITTEN:
            at += written;
            break;
        case WRITTEN_NOT_YET:
            code = wait_for(o->fd, awaited, error);
            break;
        case WRITTEN_NEVER:
            code = error_set(error, ERROR_CLOSED, "publishing: the connection to the broker has ended: %s",
                             o->tls == NULL ? strerror(errno) : tls_reason());
            break;
        }
    }
    buf_clear(&o->bytes);
    return code;
}

void outbox_free(struct outbox *o)
{
    buf_free(&o->bytes);
}
