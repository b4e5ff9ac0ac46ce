/* SPDX-License-Identifier: MIT */
#include "ctl/recover/deliveries.h"

#include "ctl/recover/github_api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ATTEMPT(id, guid, second, rest) \
    "{\"id\":" id ",\"guid\":\"" guid "\",\"delivered_at\":\"2026-11-27T00:00:" second "Z\"," rest "}"
#define FAILED "\"status\":\"Invalid HTTP Response: 503\",\"status_code\":503,\"event\":\"push\""
#define GOOD "\"status\":\"OK\",\"status_code\":200"
#define MIDNIGHT_US INT64_C(1795737600000000)

static struct deliveries read_page(const char *page, int64_t since_us)
{
    struct deliveries d = {0};
    struct error error = {0};
    size_t listed;

    if (deliveries_add(&d, span_of(page), since_us, &listed, &error) != ERROR_NONE) {
        fail_msg("%s", error.text);
    }
    return d;
}

static void attempts_of_one_guid_are_one_event_which_has_succeeded_once_one_did(void **state)
{
    struct deliveries d = read_page("[" ATTEMPT("9223372036854775807", "a", "30", FAILED) "," ATTEMPT(
                                        "3", "b", "20", FAILED) "," ATTEMPT("2", "a", "10", GOOD) "]",
                                    0);

    (void)state;
    assert_int_equal(d.count, 2);
    assert_int_equal(d.attempts, 3);
    assert_string_equal(d.events[0].id, "9223372036854775807");
    assert_int_equal(d.events[0].attempts, 2);
    assert_true(d.events[0].succeeded);
    assert_int_equal(d.events[0].status_code, 503);
    assert_string_equal(d.events[0].event, "push");
    assert_int_equal(d.events[0].newest_us, MIDNIGHT_US + 30000000);
    assert_int_equal(d.oldest_us, MIDNIGHT_US + 10000000);
    assert_false(d.events[1].succeeded);
    assert_false(d.complete);
    deliveries_free(&d);
}

static void the_list_ends_at_the_first_attempt_before_the_time(void **state)
{
    struct deliveries d = read_page(
        "[" ATTEMPT("2", "a", "30", FAILED) "," ATTEMPT("1", "b", "10", FAILED) "]", MIDNIGHT_US + 20000000);

    (void)state;
    assert_int_equal(d.count, 1);
    assert_true(d.complete);
    deliveries_free(&d);
}

static void an_attempt_without_a_result_is_under_way(void **state)
{
    struct deliveries d =
        read_page(" [ " ATTEMPT("2", "a", "30", "\"status\":\"pending\",\"status_code\":null") " , " ATTEMPT(
                      "1", "b", "10", "\"status\":\"timed out\",\"status_code\":0") " ] ",
                  0);

    (void)state;
    assert_true(d.events[0].under_way);
    assert_false(d.events[1].under_way || d.events[1].succeeded);
    deliveries_free(&d);
}

static void an_empty_page_is_one(void **state)
{
    struct deliveries d = read_page("[]", 0);

    (void)state;
    assert_int_equal(d.count, 0);
    deliveries_free(&d);
}

static void many_events_fit(void **state)
{
    struct deliveries d = {0};
    struct error error;
    size_t listed;
    char page[256];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(page, sizeof page,
                       "[{\"id\":%d,\"guid\":\"g%d\",\"delivered_at\":\"2026-11-27T00:00:00Z\"}]", i, i);
        assert_int_equal(deliveries_add(&d, span_of(page), 0, &listed, &error), ERROR_NONE);
        assert_int_equal(listed, 1);
    }
    assert_int_equal(d.count, 1000);
    assert_string_equal(d.events[999].guid, "g999");
    deliveries_free(&d);
}

static void what_is_not_as_documented_is_named(void **state)
{
    static const char *const pages[] = {
        "",
        "{}",
        "[",
        "[1 2]",
        "[{}]",
        "[" ATTEMPT("\"7\"", "a", "30", FAILED) "]",
        "[" ATTEMPT("-7", "a", "30", FAILED) "]",
        "[" ATTEMPT("7.5", "a", "30", FAILED) "]",
        "[" ATTEMPT("123456789012345678901234", "a", "30", FAILED) "]",
        "[" ATTEMPT("7", "", "30", FAILED) "]",
        "[" ATTEMPT("7", "0123456789012345678901234567890123456789012345678901234567890123", "30",
                    FAILED) "]",
        "[" ATTEMPT("7", "a", "99", FAILED) "]",
        "[{\"id\":7,\"guid\":\"a\",\"delivered_at\":\"3h\"}]",
        "[" ATTEMPT("7", "a", "30", FAILED) ",]",
        "[" ATTEMPT("7", "a", "30", FAILED) " " ATTEMPT("8", "b", "30", FAILED) "]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct deliveries d = {0};
        struct error error;
        size_t listed;

        assert_int_equal(deliveries_add(&d, span_of(pages[i]), 0, &listed, &error), ERROR_MALFORMED);
        assert_non_null(strstr(error.text, "not as documented"));
        deliveries_free(&d);
    }
}

static void the_token_goes_over_tls_or_to_this_machine(void **state)
{
    static const char *const unsafe[] = {"http://api.github.com",
                                         "http://127.0.0.1@evil.example/",
                                         "http://localhost.evil.example",
                                         "ftp://127.0.0.1",
                                         "127.0.0.1",
                                         "https://",
                                         "http://127.0.0.10"};

    (void)state;
    assert_true(github_api_url_safe("https://api.github.com"));
    assert_true(github_api_url_safe("https://ghe.example/api/v3"));
    assert_true(github_api_url_safe("http://127.0.0.1:8080"));
    assert_true(github_api_url_safe("http://localhost"));
    assert_true(github_api_url_safe("http://[::1]:1/x"));
    for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++) {
        assert_false(github_api_url_safe(unsafe[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_of_one_guid_are_one_event_which_has_succeeded_once_one_did),
        cmocka_unit_test(the_list_ends_at_the_first_attempt_before_the_time),
        cmocka_unit_test(an_attempt_without_a_result_is_under_way),
        cmocka_unit_test(an_empty_page_is_one),
        cmocka_unit_test(many_events_fit),
        cmocka_unit_test(what_is_not_as_documented_is_named),
        cmocka_unit_test(the_token_goes_over_tls_or_to_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
