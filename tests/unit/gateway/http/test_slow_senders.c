/* SPDX-License-Identifier: MIT */
#include "gateway/http/slow_senders.h"

#include "clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int sender, reader;
};

static int listener;
static uint16_t port;

static int start_listening(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    (void)state;
    slow_senders_register();
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    port = ntohs(address.sin_port);
    return 0;
}

static int stop_listening(void **state)
{
    (void)state;
    return close(listener);
}

static struct pair connect_pair(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
    socklen_t len = sizeof address;
    struct pair p = {.sender = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(connect(p.sender, (struct sockaddr *)&address, len), 0);
    p.reader = accept(listener, (struct sockaddr *)&address, &len);
    assert_true(p.reader >= 0);
    return p;
}

static void close_pair(struct pair p)
{
    (void)close(p.sender);
    (void)close(p.reader);
}

static void watch(struct slow_senders_watch *w, struct pair p)
{
    *w = (struct slow_senders_watch){.descriptor = p.reader};
    slow_senders_begin(w);
}

static void start(int threads)
{
    struct error error;

    assert_int_equal(slow_senders_start(port, threads, &error), ERROR_NONE);
}

/* recv's result, or -2 when nothing arrives within this time. */
static ssize_t receive(int fd, int ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&ready, 1, ms) == 1 ? recv(fd, &byte, 1, 0) : -2;
}

static void in_a_crowd_silent_connections_are_cut_unless_their_request_is_complete(void **state)
{
    struct pair idle = connect_pair(), body = connect_pair(), served = connect_pair();
    struct slow_senders_watch reading, serving;

    (void)state;
    start(2);
    watch(&reading, body);
    watch(&serving, served);
    slow_senders_expect(&reading);
    assert_int_equal(receive(idle.reader, 5000), 0);
    assert_int_equal(receive(body.reader, 5000), 0);
    assert_int_equal(receive(served.reader, 0), -2);
    assert_int_equal(send(body.reader, "r", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(receive(body.sender, 5000), 1);
    assert_true(slow_senders_ended_for_others(&reading));
    assert_false(slow_senders_ended_for_others(&serving));
    assert_true(slow_senders_ended_head_for_others(idle.reader));
    assert_false(slow_senders_ended_head_for_others(served.reader));
    assert_false(slow_senders_ended_head_for_others(-1));
    slow_senders_end(&reading);
    slow_senders_end(&serving);
    slow_senders_stop();
    close_pair(idle);
    close_pair(body);
    close_pair(served);
}

static void without_a_crowd_silent_connections_are_not_cut(void **state)
{
    struct pair first = connect_pair(), second = connect_pair();
    struct slow_senders_watch reading;

    (void)state;
    start(2);
    watch(&reading, second);
    slow_senders_expect(&reading);
    assert_int_equal(receive(first.reader, 1500), -2);
    assert_int_equal(receive(second.reader, 0), -2);
    slow_senders_end(&reading);
    slow_senders_stop();
    close_pair(first);
    close_pair(second);
}

static void a_stop_cuts_all_that_wait_for_their_senders_and_no_others(void **state)
{
    struct pair idle = connect_pair(), body = connect_pair(), served = connect_pair(), ended = connect_pair();
    struct slow_senders_watch reading, serving, past;

    (void)state;
    start(8);
    watch(&reading, body);
    watch(&serving, served);
    watch(&past, ended);
    slow_senders_expect(&reading);
    slow_senders_expect(&serving);
    slow_senders_rest(&serving);
    slow_senders_end(&past);
    slow_senders_cut_all();
    assert_int_equal(receive(idle.reader, 0), 0);
    assert_int_equal(receive(body.reader, 0), 0);
    assert_int_equal(receive(ended.reader, 0), 0);
    assert_int_equal(receive(served.reader, 0), -2);
    slow_senders_end(&reading);
    slow_senders_end(&serving);
    slow_senders_stop();
    close_pair(idle);
    close_pair(body);
    close_pair(served);
    close_pair(ended);
}

static _Atomic bool all_served;

static void *cut_again_and_again(void *unused)
{
    (void)unused;
    while (!all_served) {
        slow_senders_cut_all();
    }
    return NULL;
}

/* The other thread looks at all descriptors, then cuts each. That takes it a while, since there are many: the
 * one below has become another connection's meanwhile. */
static void a_request_is_told_only_of_the_end_of_its_own_connection(void **state)
{
    int others[400];
    pthread_t cutter;
    size_t ended = 0;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        others[i] = fcntl(listener, F_DUPFD, 64);
    }
    start(8);
    all_served = false;
    assert_int_equal(pthread_create(&cutter, NULL, cut_again_and_again, NULL), 0);
    for (size_t i = 0; i < 5000 || ended == 0; i++) {
        struct pair p = connect_pair();
        struct slow_senders_watch w;

        watch(&w, p);
        slow_senders_expect(&w);
        (void)sched_yield();
        slow_senders_end(&w); /* from here on nobody else touches it */
        if (slow_senders_ended_for_others(&w)) {
            assert_int_equal(receive(p.reader, 0), 0);
            ended++;
        }
        close_pair(p);
    }
    all_served = true;
    assert_int_equal(pthread_join(cutter, NULL), 0);
    slow_senders_stop();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        (void)close(others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_crowd_silent_connections_are_cut_unless_their_request_is_complete),
        cmocka_unit_test(without_a_crowd_silent_connections_are_not_cut),
        cmocka_unit_test(a_stop_cuts_all_that_wait_for_their_senders_and_no_others),
        cmocka_unit_test(a_request_is_told_only_of_the_end_of_its_own_connection),
    };

    return cmocka_run_group_tests(tests, start_listening, stop_listening);
}
