/* SPDX-License-Identifier: MIT */
/* Load at a fixed rate: POSTs to 127.0.0.1 over keep-alive connections, in turn, each with the time at which
 * it is to be sent. A late request is sent as soon as its connection is free, and its latency counts from the
 * time at which it was to be sent: senders don't wait because a server is slow (wrk2's method).
 *
 *     open_loop PORT PATH BODIES RATE SECONDS CONNECTIONS
 *
 * BODIES is a file with a body in each line. Prints "requests p50 p99 p99.9 most", the latencies in us. Any
 * reply but 200 ends the program. */
#include "bare.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define REPLY_MOST 4096
#define GIVE_UP_S 30

struct sender {
    int fd;
    long due;     /* requests whose time has come, that it hasn't been able to send */
    long next;    /* number of its next request */
    bool waiting; /* for the reply to the request `next - count` */
    char reply[REPLY_MOST];
    size_t got;
};

static struct {
    double begin, interval;
    long total, given, answered, count;
    struct bare_body *requests;
    size_t request_count;
    double *latencies;
} load;

static double time_of(long number)
{
    return load.begin + (double)number * load.interval;
}

/* Makes whole requests of the bodies. */
static void make_requests(const char *path, const char *bodies)
{
    load.requests = bare_bodies(bodies, &load.request_count);
    for (size_t i = 0; i < load.request_count; i++) {
        struct bare_body body = load.requests[i];
        size_t size = body.len + strlen(path) + 256;
        char *request = bare_memory(1, size);
        int head;

        head = snprintf(request, size,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        path, body.len);
        memcpy(request + head, body.bytes, body.len);
        free(body.bytes);
        load.requests[i] = (struct bare_body){request, (size_t)head + body.len};
    }
}

static void open_sender(struct sender *s, int port, int epoll, long number)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = s}};
    const int on = 1;

    *s = (struct sender){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .next = number};
    bare_check(s->fd >= 0 && connect(s->fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                   setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
                   epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event) == 0,
               "connection");
}

/* A body fits the socket's buffer, which is empty: the last reply has come. */
static void send_due(struct sender *s)
{
    const struct bare_body *request = &load.requests[(size_t)s->next % load.request_count];

    if (!s->waiting && s->due > 0) {
        bare_check(send(s->fd, request->bytes, request->len, MSG_NOSIGNAL) == (ssize_t)request->len,
                   "request");
        s->due--;
        s->next += load.count;
        s->waiting = true;
        s->got = 0;
    }
}

/* Gives the requests whose time has come to their connections; sets the timer to the next one. */
static void give(struct sender *senders, int timer)
{
    struct itimerspec at = {0};

    while (load.given < load.total && time_of(load.given) <= bare_seconds()) {
        struct sender *s = &senders[load.given++ % load.count];

        s->due++;
        send_due(s);
    }
    if (load.given < load.total) {
        double next = time_of(load.given);

        at.it_value.tv_sec = (time_t)next;
        at.it_value.tv_nsec = (long)((next - (double)at.it_value.tv_sec) * 1e9);
        bare_check(timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) == 0, "timer");
    }
}

static bool is_whole(const struct sender *s)
{
    const char *end = strstr(s->reply, "\r\n\r\n"), *length = strstr(s->reply, "Content-Length: ");

    return end != NULL && length != NULL && length < end &&
           s->got >= (size_t)(end + 4 - s->reply) + strtoul(length + 16, NULL, 10);
}

static void read_reply(struct sender *s)
{
    ssize_t got = recv(s->fd, s->reply + s->got, sizeof s->reply - 1 - s->got, 0);

    bare_check(s->waiting && got > 0, "reply");
    s->got += (size_t)got;
    s->reply[s->got] = '\0';
    if (is_whole(s)) {
        bare_check(strncmp(s->reply, "HTTP/1.1 200 ", 13) == 0, "status 200");
        load.latencies[load.answered++] = bare_seconds() - time_of(s->next - load.count);
        s->waiting = false;
        send_due(s);
    }
}

static void run(struct sender *senders, int epoll, int timer)
{
    struct epoll_event events[64], tick = {.events = EPOLLIN, .data = {.ptr = NULL}};

    bare_check(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &tick) == 0, "timer");
    give(senders, timer);
    while (load.answered < load.total) {
        int count = epoll_wait(epoll, events, 64, GIVE_UP_S * 1000);

        bare_check(count > 0 || (count < 0 && errno == EINTR), "progress within 30 s");
        for (int i = 0; i < count; i++) {
            uint64_t ticks;

            if (events[i].data.ptr != NULL) {
                read_reply(events[i].data.ptr);
            } else if (read(timer, &ticks, sizeof ticks) == sizeof ticks) {
                give(senders, timer);
            }
        }
    }
}

static int compare(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static double micros_at(double share)
{
    return load.latencies[(size_t)((double)(load.total - 1) * share)] * 1e6;
}

int main(int argc, char **argv)
{
    struct sender *senders;
    int epoll = epoll_create1(EPOLL_CLOEXEC),
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    bare_check(argc == 7 && epoll >= 0 && timer >= 0, "start");
    make_requests(argv[2], argv[3]);
    load.interval = 1 / strtod(argv[4], NULL);
    load.total = (long)(strtod(argv[5], NULL) / load.interval);
    load.count = strtol(argv[6], NULL, 10);
    bare_check(load.total > 0 && load.count > 0, "arguments");
    senders = bare_memory((size_t)load.count, sizeof *senders);
    load.latencies = bare_memory((size_t)load.total, sizeof *load.latencies);
    for (long i = 0; i < load.count; i++) {
        open_sender(&senders[i], atoi(argv[1]), epoll, i);
    }
    load.begin = bare_seconds() + 0.01;
    run(senders, epoll, timer);
    qsort(load.latencies, (size_t)load.total, sizeof *load.latencies, compare);
    (void)printf("%ld %.0f %.0f %.0f %.0f\n", load.total, micros_at(0.5), micros_at(0.99), micros_at(0.999),
                 micros_at(1));
    return 0;
}
