/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static int is_readable(int event)
{
    struct pollfd fd = {.fd = event, .events = POLLIN};

    return poll(&fd, 1, 0);
}

static void nothing_drains_before_a_signal(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(signals_install_drain(&error), ERROR_NONE);
    assert_false(signals_drain_requested());
    assert_int_equal(is_readable(signals_drain_fd()), 0);
}

static void a_broken_pipe_is_an_error_and_not_the_end(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    (void)close(ends[1]);
    assert_false(signals_drain_requested());
}

static void a_signal_asks_for_a_drain_for_ever(void **state)
{
    (void)state;
    errno = EAGAIN;
    assert_int_equal(raise(SIGINT), 0);
    assert_int_equal(errno, EAGAIN);
    assert_true(signals_drain_requested());
    assert_int_equal(is_readable(signals_drain_fd()), 1);
    assert_int_equal(raise(SIGTERM), 0);
    assert_true(signals_drain_requested());
    assert_int_equal(is_readable(signals_drain_fd()), 1);
}

static void each_hangup_asks_for_one_reload_and_for_no_drain(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(signals_install_reload(&error), ERROR_NONE);
    assert_false(signals_take_reload());
    for (int i = 0; i < 2; i++) {
        assert_int_equal(is_readable(signals_reload_fd()), 0);
        assert_int_equal(raise(SIGHUP), 0);
        assert_int_equal(is_readable(signals_reload_fd()), 1);
        assert_true(signals_take_reload());
        assert_false(signals_take_reload());
    }
    assert_false(signals_drain_requested());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_drains_before_a_signal),
        cmocka_unit_test(a_broken_pipe_is_an_error_and_not_the_end),
        cmocka_unit_test(each_hangup_asks_for_one_reload_and_for_no_drain),
        cmocka_unit_test(a_signal_asks_for_a_drain_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
