/* SPDX-License-Identifier: MIT */
#include "patience.h"

#include "clock.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define LOOK_EVERY_US (200 * CLOCK_US_PER_MS)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake;
static pthread_t thread;
/* Under the mutex. */
static struct patience_watch *watches;
static bool stopping;

static bool is_peer(int fd, const struct patience_watch *w)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer = {.any = {.sa_family = AF_UNSPEC}}, own = peer;
    socklen_t peer_len = sizeof peer, own_len = sizeof own;
    char text[INET6_ADDRSTRLEN] = "";
    const void *address;

    if (getpeername(fd, &peer.any, &peer_len) != 0 || getsockname(fd, &own.any, &own_len) != 0 ||
        (peer.any.sa_family != AF_INET && peer.any.sa_family != AF_INET6)) {
        return false;
    }
    /* Both families have the port in the same place. */
    if (ntohs(peer.v4.sin_port) != w->peer_port || ntohs(own.v4.sin_port) != w->own_port) {
        return false;
    }
    address = peer.any.sa_family == AF_INET ? (const void *)&peer.v4.sin_addr : &peer.v6.sin6_addr;
    return inet_ntop(peer.any.sa_family, address, text, sizeof text) != NULL && strcmp(text, w->peer) == 0;
}

static void shut(const struct patience_watch *w)
{
    DIR *fds = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (fds == NULL) { /* out of descriptors: the next look may have one */
        return;
    }
    while ((entry = readdir(fds)) != NULL) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);

        if (end != entry->d_name && is_peer((int)fd, w)) {
            (void)shutdown((int)fd, SHUT_RD);
            break;
        }
    }
    (void)closedir(fds);
}

static void *run(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&mutex);
    while (!stopping) {
        int64_t now = clock_monotonic_us(), look = now + LOOK_EVERY_US;
        struct timespec until = {look / CLOCK_US_PER_S, look % CLOCK_US_PER_S * 1000};

        for (struct patience_watch *w = watches; w != NULL; w = w->next) {
            if (w->until_us <= now) {
                shut(w); /* under the mutex: so it can't be another's connection by now */
            }
        }
        (void)pthread_cond_timedwait(&wake, &mutex, &until);
    }
    (void)pthread_mutex_unlock(&mutex);
    return NULL;
}

enum error_code patience_start(struct error *error)
{
    pthread_condattr_t attributes;
    int failure;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    stopping = false;
    failure = pthread_create(&thread, NULL, run, NULL);
    if (failure != 0) {
        return error_set(error, ERROR_SYSTEM, "cannot start a thread: %s", strerror(failure));
    }
    return ERROR_NONE;
}

void patience_begin(struct patience_watch *w)
{
    (void)pthread_mutex_lock(&mutex);
    w->previous = NULL;
    w->next = watches;
    if (watches != NULL) {
        watches->previous = w;
    }
    watches = w;
    (void)pthread_mutex_unlock(&mutex);
}

void patience_end(struct patience_watch *w)
{
    (void)pthread_mutex_lock(&mutex);
    if (w->next != NULL) {
        w->next->previous = w->previous;
    }
    if (w->previous != NULL) {
        w->previous->next = w->next;
    } else {
        watches = w->next;
    }
    (void)pthread_mutex_unlock(&mutex);
}

void patience_stop(void)
{
    (void)pthread_mutex_lock(&mutex);
    stopping = true;
    (void)pthread_cond_signal(&wake);
    (void)pthread_mutex_unlock(&mutex);
    (void)pthread_join(thread, NULL);
    (void)pthread_cond_destroy(&wake);
}
