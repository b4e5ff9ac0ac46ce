/* SPDX-License-Identifier: MIT */
#include "../../../gateway/patience.h"

#include "clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int sender, reader;
    uint16_t sender_port, own_port;
};

static struct pair connect_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pair p = {.sender = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(p.sender, (struct sockaddr *)&address, len), 0);
    p.own_port = ntohs(address.sin_port);
    p.reader = accept(listener, (struct sockaddr *)&address, &len);
    assert_true(p.reader >= 0);
    p.sender_port = ntohs(address.sin_port);
    (void)close(listener);
    return p;
}

static void close_pair(struct pair p)
{
    (void)close(p.sender);
    (void)close(p.reader);
}

static struct patience_watch watch_of(struct pair p, int64_t until_us)
{
    return (struct patience_watch){
        .peer = "127.0.0.1", .peer_port = p.sender_port, .own_port = p.own_port, .until_us = until_us};
}

/* recv's result, or -2 when nothing comes within this time. */
static ssize_t receive(int fd, int ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&ready, 1, ms) == 1 ? recv(fd, &byte, 1, 0) : -2;
}

static void a_reader_comes_back_when_its_time_has_passed_and_can_still_reply(void **state)
{
    struct pair slow = connect_pair(), patient = connect_pair();
    int64_t now = clock_monotonic_us();
    struct patience_watch first = watch_of(slow, now + 50 * CLOCK_US_PER_MS);
    struct patience_watch second = watch_of(patient, now + 3600 * CLOCK_US_PER_S);
    struct error error;

    (void)state;
    assert_int_equal(patience_start(&error), ERROR_NONE);
    patience_begin(&first);
    patience_begin(&second);
    assert_int_equal(receive(slow.reader, 5000), 0);
    assert_true(clock_monotonic_us() >= first.until_us);
    assert_int_equal(send(slow.reader, "r", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(receive(slow.sender, 5000), 1);
    assert_int_equal(send(patient.sender, "p", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(receive(patient.reader, 5000), 1);
    patience_end(&first);
    patience_end(&second);
    patience_stop();
    close_pair(slow);
    close_pair(patient);
}

static void an_ended_watch_shuts_nothing(void **state)
{
    struct pair ended = connect_pair(), late = connect_pair();
    int64_t now = clock_monotonic_us();
    struct patience_watch first = watch_of(ended, now), second = watch_of(late, now + 50 * CLOCK_US_PER_MS);
    struct error error;

    (void)state;
    patience_begin(&first);
    patience_begin(&second);
    patience_end(&first);
    assert_int_equal(patience_start(&error), ERROR_NONE);
    assert_int_equal(receive(late.reader, 5000), 0);
    assert_int_equal(receive(ended.reader, 0), -2);
    patience_end(&second);
    patience_stop();
    close_pair(ended);
    close_pair(late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_comes_back_when_its_time_has_passed_and_can_still_reply),
        cmocka_unit_test(an_ended_watch_shuts_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
