/* SPDX-License-Identifier: MIT */
#include "receiver.h"

#include "clock.h"
#include "head.h"
#include "peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define QUIET_US ((int64_t)RECEIVER_QUIET_MS * CLOCK_US_PER_MS)
#define WHOLE_US ((int64_t)RECEIVER_WHOLE_MS * CLOCK_US_PER_MS)
#define INPUT_BYTES (32 * 1024) /* more than a TLS record holds */

/* What civetweb gets for each head. */
static const char fixed_request[] = "GET / HTTP/1.1\r\n\r\n";

enum await { AWAIT_BYTES, AWAIT_END, AWAIT_TIMEOUT };

static _Thread_local struct {
    bool serving;
    int fd; /* -1: not known yet */
    char peer[PEER_TEXT];
    SSL *tls;                   /* NULL: plain */
    char *input;                /* of INPUT_BYTES: a handler's stack, with its thread-locals, is 100 KiB */
    size_t input_at, input_len; /* the bytes that no head or body has used */
    struct buf head;
    size_t head_most;
    struct head_scan scan;
    bool head_ready, head_given; /* civetweb may have its request; it has it */
    enum receiver_head state;
    struct slow_senders_watch *watch; /* NULL: no body is waited for */
    int64_t until_us, late_us; /* the end of the head or body at the latest, the next byte at the latest */
} own;

/* --- the socket ----------------------------------------------------------------------- */

static int wait_for(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

    return ppoll(descriptors, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static bool is_readable(int64_t until_us)
{
    struct pollfd ready = {.fd = own.fd, .events = POLLIN};
    int64_t left_us = until_us - clock_monotonic_us();

    return wait_for(&ready, 1, left_us <= 0 ? 0 : (int)(left_us / CLOCK_US_PER_MS) + 1) == 1;
}

/* Returns what recv would: 0 at the end, -1 with errno. */
static ssize_t receive_tls(void *bytes, size_t len)
{
    size_t got = 0;

    ERR_clear_error(); /* SSL_get_error looks at it */
    if (SSL_read_ex(own.tls, bytes, len, &got) == 1) {
        return (ssize_t)got;
    }
    errno = SSL_get_error(own.tls, 0) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
    return -1;
}

/* Fills the input, which must be empty. TLS may hold bytes that the socket no longer shows, so it is asked
 * before the wait. */
static enum await await_input(int64_t until_us)
{
    bool waited = own.tls != NULL;

    own.input_at = own.input_len = 0;
    if (own.input == NULL) { /* receiver_begin had no memory: the reply is all that the sender gets */
        return AWAIT_END;
    }
    for (;;) {
        ssize_t got;

        if (!waited && !is_readable(until_us)) {
            return AWAIT_TIMEOUT;
        }
        got = own.tls != NULL ? receive_tls(own.input, INPUT_BYTES)
                              : recvfrom(own.fd, own.input, INPUT_BYTES, MSG_DONTWAIT, NULL, NULL);
        if (got > 0) {
            own.input_len = (size_t)got;
            return AWAIT_BYTES;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return AWAIT_END;
        }
        if (waited && clock_monotonic_us() >= until_us) {
            return AWAIT_TIMEOUT;
        }
        waited = false;
    }
}

static void set_late(void)
{
    int64_t next = clock_monotonic_us() + QUIET_US;

    own.late_us = next < own.until_us ? next : own.until_us;
}

/* --- a connection ---------------------------------------------------------------------- */

static void begin_head(void)
{
    buf_clear(&own.head);
    own.scan = (struct head_scan){0};
    own.head_ready = own.head_given = false;
}

static void end_head(enum receiver_head state)
{
    own.head_ready = true;
    own.state = state;
}

void receiver_begin(size_t head_most)
{
    own.serving = true;
    own.fd = -1;
    own.peer[0] = '\0';
    own.tls = NULL;
    own.input_at = own.input_len = 0;
    own.head_most = head_most;
    own.watch = NULL;
    begin_head();
    own.input = malloc(INPUT_BYTES);
    if (own.input == NULL) {
        end_head(RECEIVER_MEMORY);
    }
}

void receiver_end(void)
{
    own.serving = false;
    free(own.input);
    buf_free(&own.head);
}

/* --- a head ------------------------------------------------------------------------------ */

/* Drops leading empty lines: they stand between two requests. */
static void skip_empty_lines(void)
{
    size_t len = own.scan.line == 0 ? head_empty_lines(buf_span(&own.head)) : 0;

    if (len > 0) {
        memmove(own.head.data, own.head.data + len, own.head.len - len);
        own.head.len -= len;
        own.scan = (struct head_scan){0};
    }
}

/* Moves bytes from the input to the head. Those behind its end stay in the input. */
static void take_input(void)
{
    size_t room = own.head_most - own.head.len, len = own.input_len < room ? own.input_len : room, more;
    bool begins = own.head.len == 0;

    buf_append(&own.head, own.input + own.input_at, len);
    own.input_at += len;
    own.input_len -= len;
    if (own.head.failed) {
        end_head(RECEIVER_MEMORY);
        return;
    }
    skip_empty_lines();
    if (begins && own.head.len > 0) {
        own.until_us = clock_monotonic_us() + WHOLE_US;
    }
    set_late();
    if (head_is_complete(&own.scan, buf_span(&own.head))) {
        more = own.head.len - own.scan.at;
        own.input_at -= more;
        own.input_len += more;
        own.head.len = own.scan.at;
        end_head(RECEIVER_COMPLETE);
    } else if (own.head.len == own.head_most) {
        end_head(RECEIVER_FULL);
    }
}

/* Waits for a head: until until_us for its first byte, and then as long as its sender has time for it.
 * Returns AWAIT_BYTES when there is one, complete or not. */
static enum await await_head(int64_t until_us)
{
    while (!own.head_ready) {
        bool begun = own.head.len > 0;
        enum await await = own.input_len > 0 ? AWAIT_BYTES : await_input(begun ? own.late_us : until_us);

        if (await == AWAIT_BYTES) {
            take_input();
        } else if (begun) {
            end_head(await == AWAIT_END ? RECEIVER_ENDED : RECEIVER_LATE);
        } else {
            return await;
        }
    }
    return AWAIT_BYTES;
}

int receiver_descriptor(void)
{
    return own.fd;
}

struct span receiver_peer(void)
{
    return span_of(own.peer);
}

enum receiver_head receiver_take_head(struct span *head)
{
    *head = buf_span(&own.head);
    return own.state;
}

/* Gives civetweb its request, after receiver_poll has returned 1. */
static int give(void *bytes, size_t len)
{
    if (!own.head_ready || len < sizeof fixed_request - 1) {
        return -1;
    }
    memcpy(bytes, fixed_request, sizeof fixed_request - 1);
    own.head_given = true;
    return sizeof fixed_request - 1;
}

/* --- a body ------------------------------------------------------------------------------- */

void receiver_expect(struct slow_senders_watch *watch, int64_t until_us)
{
    own.watch = watch;
    own.until_us = until_us;
    set_late();
    slow_senders_expect(watch);
}

size_t receiver_look(char **bytes)
{
    if (own.input_len == 0) {
        if (await_input(own.late_us) != AWAIT_BYTES) {
            return 0;
        }
        set_late();
    }
    *bytes = own.input + own.input_at;
    return own.input_len;
}

void receiver_use(size_t len)
{
    own.input_at += len;
    own.input_len -= len;
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

/* --- civetweb's calls -------------------------------------------------------------------- */

/* These replace poll and recv in the whole process, and SSL_pending and SSL_read through lib/shim. */
int receiver_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms) __asm__("poll");
ssize_t receiver_recv(int fd, void *bytes, size_t len, int flags) __asm__("recv");
int receiver_pending_tls(SSL *tls);
int receiver_read_tls(SSL *tls, void *bytes, int len);

/* On a serving thread civetweb waits for readable bytes of one descriptor only, which is the sender's. When
 * it does so again after a request, the next head begins. POLLERR alone makes civetweb close the connection.
 */
int receiver_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    enum await await;

    if (!own.serving || count != 1 || (descriptors[0].events & POLLIN) == 0) {
        return wait_for(descriptors, count, timeout_ms);
    }
    if (own.fd < 0) {
        own.fd = descriptors[0].fd;
        peer_name(own.fd, own.peer);
    }
    if (own.head_given) {
        begin_head();
    }
    await = await_head(clock_monotonic_us() + timeout_ms * CLOCK_US_PER_MS);
    switch (await) {
    case AWAIT_BYTES:
        descriptors[0].revents = POLLIN;
        return 1;
    case AWAIT_END:
        descriptors[0].revents = POLLERR;
        return 1;
    case AWAIT_TIMEOUT:
        descriptors[0].revents = 0;
        break;
    }
    return 0;
}

ssize_t receiver_recv(int fd, void *bytes, size_t len, int flags)
{
    return own.serving && fd == own.fd ? give(bytes, len) : recvfrom(fd, bytes, len, flags, NULL, NULL);
}

/* 0: civetweb then polls before it reads. */
int receiver_pending_tls(SSL *tls)
{
    own.tls = own.serving ? tls : NULL;
    return 0;
}

int receiver_read_tls(SSL *tls, void *bytes, int len)
{
    size_t got = 0;

    if (own.serving) {
        return give(bytes, (size_t)len);
    }
    return SSL_read_ex(tls, bytes, (size_t)len, &got) == 1 ? (int)got : -1;
}
