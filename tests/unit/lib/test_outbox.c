/* SPDX-License-Identifier: MIT */
#include "outbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE (4UL << 20) /* more than the buffers of a socket pair */

struct pair {
    int ours, peers;
};

static struct pair open_pair(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    return (struct pair){fds[0], fds[1]};
}

static void append_large(struct buf *out)
{
    assert_true(buf_reserve(out, LARGE));
    for (size_t i = 0; i < LARGE; i++) {
        buf_append_char(out, (char)(i * 7 % 251));
    }
}

static void *read_all(void *argument)
{
    const struct pair *pair = argument;
    char *bytes = malloc(LARGE);
    size_t len = 0;

    while (bytes != NULL && len < LARGE) {
        ssize_t got = read(pair->peers, bytes + len, LARGE - len);

        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    return bytes;
}

static void what_is_gathered_is_written_in_order_and_once(void **state)
{
    struct pair pair = open_pair();
    struct outbox outbox = {.fd = pair.ours};
    char got[8] = "";
    struct error error;

    (void)state;
    buf_append_text(&outbox.bytes, "one");
    buf_append_text(&outbox.bytes, "two");
    assert_int_equal(outbox_flush(&outbox, &error), ERROR_NONE);
    assert_int_equal(outbox_flush(&outbox, &error), ERROR_NONE);
    assert_int_equal(recv(pair.peers, got, sizeof got, MSG_DONTWAIT), 6);
    assert_string_equal(got, "onetwo");
    outbox_free(&outbox);
    (void)close(pair.ours);
    (void)close(pair.peers);
}

static void a_full_socket_is_waited_for(void **state)
{
    struct pair pair = open_pair();
    struct outbox outbox = {.fd = pair.ours};
    pthread_t reader;
    void *got;
    struct error error;

    (void)state;
    append_large(&outbox.bytes);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &pair), 0);
    assert_int_equal(outbox_flush(&outbox, &error), ERROR_NONE);
    assert_int_equal(outbox.bytes.len, 0);
    assert_int_equal(pthread_join(reader, &got), 0);
    assert_non_null(got);
    for (size_t i = 0; i < LARGE; i++) {
        assert_int_equal(((char *)got)[i], (char)(i * 7 % 251));
    }
    free(got);
    outbox_free(&outbox);
    (void)close(pair.ours);
    (void)close(pair.peers);
}

static void a_closed_connection_is_an_error_and_leaves_nothing(void **state)
{
    struct pair pair = open_pair();
    struct outbox outbox = {.fd = pair.ours};
    struct error error;

    (void)state;
    (void)close(pair.peers);
    buf_append_text(&outbox.bytes, "lost");
    assert_int_equal(outbox_flush(&outbox, &error), ERROR_CLOSED);
    assert_non_null(strstr(error.text, "Broken pipe"));
    assert_int_equal(outbox.bytes.len, 0);
    outbox_free(&outbox);
    (void)close(pair.ours);
}

static void frames_that_are_missing_for_want_of_memory_are_never_skipped(void **state)
{
    struct pair pair = open_pair();
    struct outbox outbox = {.fd = pair.ours};
    char got;
    struct error error;

    (void)state;
    buf_append_text(&outbox.bytes, "half");
    outbox.bytes.failed = true;
    assert_int_equal(outbox_flush(&outbox, &error), ERROR_MEMORY);
    assert_int_equal(recv(pair.peers, &got, 1, MSG_DONTWAIT), -1);
    outbox_free(&outbox);
    (void)close(pair.ours);
    (void)close(pair.peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_gathered_is_written_in_order_and_once),
        cmocka_unit_test(a_full_socket_is_waited_for),
        cmocka_unit_test(a_closed_connection_is_an_error_and_leaves_nothing),
        cmocka_unit_test(frames_that_are_missing_for_want_of_memory_are_never_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
