/* SPDX-License-Identifier: MIT */
#include "slow_senders.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "pace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_US (200 * CLOCK_US_PER_MS)
#define LOOK_CROWDED_US (100 * CLOCK_US_PER_MS)
#define BUCKETS 256   /* of the hash table of watches; the key is the descriptor */
#define ESTABLISHED 1 /* value of tcpi_state; netinet/tcp.h has the name, but an older tcp_info */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* A sender's connection, as of the last scan. */
struct connection {
    int fd;          /* -1: none */
    uint64_t cookie; /* the kernel's number of the socket: descriptors are reused, cookies are not */
    struct pace pace;
    bool cut;
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t thread;
    bool running;
    uint16_t port;
    int threads;
    DIR *descriptors; /* /proc/self/fd, kept open: later there may be no free descriptor */
    _Atomic int64_t logged_us;
    int64_t unlogged;
    /* Under the mutex: */
    struct connection *connections; /* by descriptor */
    size_t room;
    bool stopping;
} own = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The requests that are served. Each bucket has a lock of its own, so that they hardly ever wait for each
 * other, and for a look at all connections never. */
static struct bucket {
    pthread_mutex_t mutex;
    struct slow_senders_watch *first;
} buckets[BUCKETS];

static struct metric metrics[] = {
    {"sluice_gateway_cut_total", "reason=\"crowded\"",
     "Connections that were no longer read, because others waited for a thread.", METRIC_COUNTER, 0},
};

/* --- whose connection ---------------------------------------------------------------- */

static uint16_t port_of(const union address *a)
{
    return ntohs(a->v4.sin_port); /* the same offset in both families */
}

static struct bucket *lock_bucket(int fd)
{
    struct bucket *b = &buckets[fd % BUCKETS];

    (void)pthread_mutex_lock(&b->mutex);
    return b;
}

static void unlock_bucket(struct bucket *b)
{
    (void)pthread_mutex_unlock(&b->mutex);
}

/* The watch stays as long as the bucket is locked. */
static struct slow_senders_watch *watch_of(const struct bucket *b, const struct connection *c)
{
    struct slow_senders_watch *w = b->first;

    while (w != NULL && w->descriptor != c->fd) {
        w = w->next;
    }
    return w;
}

static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;

    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

static bool is_internet(const union address *a)
{
    return a->any.sa_family == AF_INET || a->any.sa_family == AF_INET6;
}

/* The entry of a sender's connection. NULL when fd is something else, or there is no memory. */
static struct connection *connection_of(int fd)
{
    union address here = {.any = {.sa_family = AF_UNSPEC}}, peer = here;
    socklen_t here_len = sizeof here, peer_len = sizeof peer;
    struct connection *c;
    uint64_t cookie;

    if (getsockname(fd, &here.any, &here_len) != 0 || !is_internet(&here) || port_of(&here) != own.port ||
        getpeername(fd, &peer.any, &peer_len) != 0 || !is_internet(&peer)) {
        return NULL;
    }
    if ((size_t)fd >= own.room) {
        size_t room = (size_t)fd + 256;
        struct connection *wider = realloc(own.connections, room * sizeof *wider);

        if (wider == NULL) {
            return NULL;
        }
        for (size_t i = own.room; i < room; i++) {
            wider[i] = (struct connection){.fd = -1};
        }
        own.connections = wider;
        own.room = room;
    }
    c = &own.connections[fd];
    cookie = cookie_of(fd);
    if (c->cookie != cookie) {
        *c = (struct connection){.cookie = cookie};
    }
    c->fd = fd;
    return c;
}

/* Updates own.connections and returns how many are open. */
static int find_connections(void)
{
    const struct dirent *entry;
    int count = 0;

    for (size_t i = 0; i < own.room; i++) {
        own.connections[i].fd = -1;
    }
    rewinddir(own.descriptors);
    while ((entry = readdir(own.descriptors)) != NULL) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);

        count += end != entry->d_name && connection_of((int)fd) != NULL;
    }
    return count;
}

/* --- cutting --------------------------------------------------------------------------- */

/* A connection without a watch may be closed, and its descriptor reused, at any moment. A duplicate of the
 * descriptor pins the socket while its cookie is compared. */
static bool shut(struct connection *c)
{
    int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
    bool same = fd >= 0 && cookie_of(fd) == c->cookie;

    if (same) {
        (void)shutdown(fd, SHUT_RD);
        c->cut = true;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return same;
}

static bool is_in_the_way(struct connection *c, int64_t now)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    struct pace_sight sight = {.now_us = now};
    int unread = 0;
    uint32_t quiet_ms;

    memset(&info, 0, sizeof info);
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 || info.tcpi_state != ESTABLISHED ||
        ioctl(c->fd, FIONREAD, &unread) != 0) {
        return false;
    }
    quiet_ms = info.tcpi_last_data_recv < info.tcpi_last_data_sent ? info.tcpi_last_data_recv
                                                                   : info.tcpi_last_data_sent;
    sight.quiet_us = quiet_ms * CLOCK_US_PER_MS;
    sight.bytes = info.tcpi_bytes_received;
    sight.unread = unread > 0;
    return pace_is_too_slow(&c->pace, &sight);
}

/* Since the scan the descriptor may have become another connection's: its request isn't told. While there is
 * a watch it stays whose it is. */
static bool cut(struct connection *c, struct slow_senders_watch *w)
{
    if (w != NULL && cookie_of(c->fd) == c->cookie) {
        atomic_store(&w->crowded_out, true); /* before shut: the reader wakes up at once */
    }
    return shut(c);
}

static bool awaits_bytes(const struct slow_senders_watch *w)
{
    return w == NULL || atomic_load(&w->awaits);
}

static void look_at(struct connection *c, int64_t now)
{
    struct bucket *b = lock_bucket(c->fd);
    struct slow_senders_watch *w = watch_of(b, c);

    if (!c->cut && awaits_bytes(w) && is_in_the_way(c, now) && cut(c, w)) {
        metric_add(&metrics[0], 1);
        own.unlogged++;
    }
    unlock_bucket(b);
}

static bool look(int64_t now)
{
    int count = find_connections();
    bool crowded = count > own.threads; /* then some wait for a thread */

    for (size_t i = 0; crowded && i < own.room; i++) {
        if (own.connections[i].fd >= 0) {
            look_at(&own.connections[i], now);
        }
    }
    if (own.unlogged > 0 && log_is_due(&own.logged_us)) {
        log_warning("crowded", log_number("connections", count), log_number("cut", own.unlogged),
                    log_text("message", "all threads are busy: idle and slow connections are being cut"));
        own.unlogged = 0;
    }
    return crowded;
}

static void *run(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&own.mutex);
    while (!own.stopping) {
        int64_t now = clock_monotonic_us();
        int64_t next = now + (look(now) ? LOOK_CROWDED_US : LOOK_EVERY_US);
        struct timespec until = {next / CLOCK_US_PER_S, next % CLOCK_US_PER_S * 1000};

        (void)pthread_cond_timedwait(&own.wake, &own.mutex, &until);
    }
    (void)pthread_mutex_unlock(&own.mutex);
    return NULL;
}

/* --- for other threads ------------------------------------------------------------------- */

void slow_senders_register(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        (void)pthread_mutex_init(&buckets[i].mutex, NULL);
    }
    metrics_register(metrics, sizeof metrics / sizeof metrics[0]);
}

enum error_code slow_senders_start(uint16_t port, int threads, struct error *error)
{
    pthread_condattr_t attributes;
    int failure;

    own.descriptors = opendir("/proc/self/fd");
    if (own.descriptors == NULL) {
        return error_set(error, ERROR_SYSTEM, "/proc/self/fd: %s", strerror(errno));
    }
    own.port = port;
    own.threads = threads;
    own.stopping = false;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&own.wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    failure = pthread_create(&own.thread, NULL, run, NULL);
    if (failure != 0) {
        (void)pthread_cond_destroy(&own.wake);
        (void)closedir(own.descriptors);
        return error_set(error, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failure));
    }
    own.running = true;
    return ERROR_NONE;
}

void slow_senders_begin(struct slow_senders_watch *w)
{
    struct bucket *b = lock_bucket(w->descriptor);

    w->previous = NULL;
    w->next = b->first;
    if (b->first != NULL) {
        b->first->previous = w;
    }
    b->first = w;
    unlock_bucket(b);
}

void slow_senders_expect(struct slow_senders_watch *w)
{
    atomic_store(&w->awaits, true);
}

void slow_senders_rest(struct slow_senders_watch *w)
{
    atomic_store(&w->awaits, false);
}

bool slow_senders_ended_for_others(const struct slow_senders_watch *w)
{
    return atomic_load(&w->crowded_out);
}

bool slow_senders_ended_head_for_others(int descriptor)
{
    bool ended = false;

    (void)pthread_mutex_lock(&own.mutex);
    if (descriptor >= 0 && (size_t)descriptor < own.room) {
        const struct connection *c = &own.connections[descriptor];

        ended = c->cut && c->cookie == cookie_of(descriptor);
    }
    (void)pthread_mutex_unlock(&own.mutex);
    return ended;
}

void slow_senders_end(struct slow_senders_watch *w)
{
    struct bucket *b = lock_bucket(w->descriptor);

    if (w->next != NULL) {
        w->next->previous = w->previous;
    }
    if (w->previous != NULL) {
        w->previous->next = w->next;
    } else {
        b->first = w->next;
    }
    unlock_bucket(b);
}

static void cut_waiting(struct connection *c)
{
    struct bucket *b = lock_bucket(c->fd);
    struct slow_senders_watch *w = watch_of(b, c);

    if (awaits_bytes(w)) {
        (void)cut(c, w);
    }
    unlock_bucket(b);
}

void slow_senders_cut_all(void)
{
    (void)pthread_mutex_lock(&own.mutex);
    (void)find_connections();
    for (size_t i = 0; i < own.room; i++) {
        struct connection *c = &own.connections[i];

        if (c->fd >= 0) {
            cut_waiting(c);
        }
    }
    (void)pthread_mutex_unlock(&own.mutex);
}

void slow_senders_stop(void)
{
    if (!own.running) {
        return;
    }
    (void)pthread_mutex_lock(&own.mutex);
    own.stopping = true;
    (void)pthread_cond_signal(&own.wake);
    (void)pthread_mutex_unlock(&own.mutex);
    (void)pthread_join(own.thread, NULL);
    (void)pthread_cond_destroy(&own.wake);
    (void)closedir(own.descriptors);
    free(own.connections);
    own.connections = NULL;
    own.room = 0;
    own.running = false;
}
