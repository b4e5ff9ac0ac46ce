/* SPDX-License-Identifier: MIT */
#include "receiver.h"

#include "clock.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define QUIET_US ((int64_t)RECEIVER_QUIET_MS * CLOCK_US_PER_MS)

static _Thread_local struct {
    bool serving;
    struct request_stream stream;
    uint64_t requests;                /* whose heads civetweb has read */
    int fd;                           /* of the connection, once something was received */
    SSL *tls;                         /* NULL: plain */
    struct slow_senders_watch *watch; /* NULL: no body is waited for */
    int64_t until_us, late_us;        /* the body's end at the latest, the next byte at the latest */
} own;

void receiver_begin(void)
{
    own.serving = true;
    own.requests = 0;
    own.fd = -1;
    own.tls = NULL;
    own.watch = NULL;
    request_stream_begin(&own.stream);
}

void receiver_end(void)
{
    own.serving = false;
}

bool receiver_request(void)
{
    own.requests++;
    return request_stream_agrees(&own.stream, own.requests);
}

/* --- a body's time ------------------------------------------------------------------ */

static void wait_for_next(void)
{
    int64_t next = clock_monotonic_us() + QUIET_US;

    own.late_us = next < own.until_us ? next : own.until_us;
    slow_senders_expect(own.watch, own.late_us);
}

/* True when the stream is still in the body of the request being served, or just past it. */
static bool is_current(void)
{
    return own.stream.heads == own.requests;
}

void receiver_expect(struct slow_senders_watch *watch, int64_t until_us, int64_t most)
{
    own.watch = watch;
    own.until_us = until_us;
    wait_for_next();
    if (is_current() && own.stream.at == REQUEST_STREAM_CHUNKS) {
        chunks_limit(&own.stream.chunks, (uint64_t)most);
    }
}

bool receiver_is_late(void)
{
    return clock_monotonic_us() >= own.late_us;
}

void receiver_rest(void)
{
    slow_senders_rest(own.watch);
    own.watch = NULL;
}

enum chunks_result receiver_chunks(void)
{
    if (!is_current()) {
        return CHUNKS_END;
    }
    if (own.stream.at == REQUEST_STREAM_CHUNKS && chunks_exceed(&own.stream.chunks)) {
        return CHUNKS_LARGE;
    }
    return own.stream.result;
}

/* --- received bytes ----------------------------------------------------------------------- */

/* Returns what recv would: 0 at the end, -1 with errno. */
static ssize_t receive(void *bytes, size_t len)
{
    size_t got = 0;

    if (own.tls == NULL) {
        return recvfrom(own.fd, bytes, len, 0, NULL, NULL);
    }
    if (SSL_read_ex(own.tls, bytes, len, &got) == 1) {
        return (ssize_t)got;
    }
    errno = SSL_get_error(own.tls, 0) == SSL_ERROR_WANT_READ ? EAGAIN : errno;
    return -1;
}

static int wait_for(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

    return ppoll(descriptors, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static bool is_readable(int timeout_ms)
{
    struct pollfd ready = {.fd = own.fd, .events = POLLIN};

    return (own.tls != NULL && SSL_pending(own.tls) > 0) || wait_for(&ready, 1, timeout_ms) == 1;
}

/* Returns bytes for civetweb. Waits for more when all that arrived was dropped (extensions, trailers): a
 * silent sender ends that wait after RECEIVER_QUIET_MS, and slow_senders ends it at the body's deadline. */
static ssize_t receive_kept(void *bytes, size_t len)
{
    bool dropped = false;

    while (own.stream.at != REQUEST_STREAM_STOPPED) {
        ssize_t got = dropped && !is_readable(RECEIVER_QUIET_MS) ? 0 : receive(bytes, len);

        if (got <= 0 && !(dropped && got < 0 && errno == EAGAIN)) {
            return got;
        }
        if (got > 0 && own.watch != NULL) {
            wait_for_next();
        }
        got = got < 0 ? 0 : (ssize_t)request_stream_take(&own.stream, bytes, (size_t)got);
        if (got > 0) {
            return got;
        }
        dropped = true;
    }
    return 0;
}

/* These replace poll and recv in the whole process, and SSL_read through lib/shim. */
int receiver_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms) __asm__("poll");
ssize_t receiver_recv(int fd, void *bytes, size_t len, int flags) __asm__("recv");
int receiver_read_tls(SSL *tls, void *bytes, int len);

/* A stopped stream is at its end, so waiting for more bytes is pointless. */
int receiver_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    if (own.serving && own.stream.at == REQUEST_STREAM_STOPPED && count == 1 && descriptors[0].fd == own.fd &&
        (descriptors[0].events & POLLIN) != 0) {
        descriptors[0].revents = POLLIN;
        return 1;
    }
    return wait_for(descriptors, count, timeout_ms);
}

ssize_t receiver_recv(int fd, void *bytes, size_t len, int flags)
{
    if (!own.serving || flags != 0) {
        return recvfrom(fd, bytes, len, flags, NULL, NULL);
    }
    own.fd = fd;
    return receive_kept(bytes, len);
}

int receiver_read_tls(SSL *tls, void *bytes, int len)
{
    size_t got = 0;

    if (!own.serving) {
        return SSL_read_ex(tls, bytes, (size_t)len, &got) == 1 ? (int)got : -1;
    }
    own.fd = SSL_get_fd(tls);
    own.tls = tls;
    return (int)receive_kept(bytes, (size_t)len);
}

/* False when the request's body has arrived completely: its sender has nothing left to send. */
static bool is_owed_more(void)
{
    return is_current() && own.stream.at != REQUEST_STREAM_HEAD;
}

void receiver_drop(struct slow_senders_watch *watch, size_t most, int64_t until_us)
{
    char bytes[4096];
    size_t dropped = 0;

    slow_senders_expect(watch, until_us);
    while (is_owed_more() && dropped < most) {
        int64_t left_us = until_us - clock_monotonic_us();
        ssize_t got;

        if (left_us <= 0 || !is_readable((int)(left_us / CLOCK_US_PER_MS) + 1)) {
            break;
        }
        got = receive(bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            break;
        }
        if (got > 0) {
            dropped += (size_t)got;
            (void)request_stream_take(&own.stream, bytes, (size_t)got);
        }
    }
    slow_senders_rest(watch);
}
