/* SPDX-License-Identifier: MIT */
#include "gateway/sources/source_counts.h"

#include "clock.h"
#include "gateway/sources/source.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REFUSED(source, cause) \
    "sluice_gateway_source_refused_total{source=\"" source "\",cause=\"" cause "\"}"
#define ACCEPTED(source) "sluice_gateway_source_accepted_total{source=\"" source "\"}"
#define TIME(what, source) "sluice_gateway_source_last_" what "_timestamp_seconds{source=\"" source "\"}"

/* Sources of these names, one letter each. */
static struct routes *make(const char *names)
{
    struct routes *r = source_table(strlen(names));

    assert_non_null(r);
    for (size_t i = 0; i < r->count; i++) {
        struct source *s = &r->sources[i];

        s->name_text[0] = names[i];
        s->name = span_of(s->name_text);
        s->path = strdup("/");
        s->methods = request_method(SPAN_LITERAL("POST"));
    }
    return r;
}

/* The value of a row, as text; "" when there is none. */
static const char *row(const char *name)
{
    static char value[32];
    struct buf out = {0}, wanted = {0};
    const char *found;

    buf_printf(&wanted, "\n%s ", name);
    metrics_render(&out);
    found = strstr(buf_text(&out), buf_text(&wanted));
    value[0] = '\0';
    if (found != NULL) {
        found += wanted.len;
        (void)text_copy(value, sizeof value, (struct span){found, strcspn(found, "\n")});
    }
    buf_free(&out);
    buf_free(&wanted);
    return value;
}

static void each_reply_counts_for_its_source(void **state)
{
    struct routes *r = make("ab");

    (void)state;
    source_install(r);
    assert_string_equal(row(ACCEPTED("a")), "0");
    assert_string_equal(row(TIME("accepted", "a")), "");
    assert_string_equal(row(TIME("refused", "a")), "");
    source_counts_reply(r->sources[0].counts, REPLY_QUEUED, 1700000001000000);
    source_counts_reply(r->sources[0].counts, REPLY_UNVERIFIED, 1700000002500000);
    source_counts_reply(r->sources[0].counts, REPLY_UNVERIFIED, 1700000003000000);
    source_counts_reply(r->sources[0].counts, REPLY_NACKED, 1700000004000000);
    source_counts_reply(r->sources[0].counts, REPLY_CHALLENGE, 1700000009000000);
    assert_string_equal(row(ACCEPTED("a")), "1");
    assert_string_equal(row(REFUSED("a", "unverified")), "2");
    assert_string_equal(row(REFUSED("a", "nacked")), "1");
    assert_string_equal(row(REFUSED("a", "late")), "0");
    assert_string_equal(row(TIME("accepted", "a")), "1700000001");
    assert_string_equal(row(TIME("refused", "a")), "1700000004");
    assert_string_equal(row(ACCEPTED("b")), "0");
    assert_string_equal(row(REFUSED("b", "unverified")), "0");
    assert_string_equal(row(TIME("refused", "b")), "");
}

static void an_event_without_its_order_counts_for_its_source(void **state)
{
    struct routes *r = make("ab");

    (void)state;
    source_install(r);
    source_counts_unordered(r->sources[0].counts);
    assert_string_equal(row("sluice_gateway_source_unordered_total{source=\"a\"}"), "1");
    assert_string_equal(row("sluice_gateway_source_unordered_total{source=\"b\"}"), "0");
}

static void what_comes_before_the_source_is_known_has_no_row(void **state)
{
    (void)state;
    source_install(make("a"));
    assert_string_equal(row(REFUSED("a", "method")), "0");
    assert_string_equal(row(REFUSED("a", "queued")), "");
    assert_string_equal(row(REFUSED("a", "challenge")), "");
    assert_string_equal(row(REFUSED("a", "unknown")), "");
    assert_string_equal(row(REFUSED("a", "draining")), "");
}

static void a_method_that_the_source_does_not_take_counts_for_it(void **state)
{
    struct routes *r = make("m");
    struct request request = make_request("PUT", "/", HEADERS("Host", "a"));
    struct reply reply;

    (void)state;
    source_install(r);
    assert_null(source_meet(r, &request, &reply));
    assert_string_equal(row(REFUSED("m", "method")), "1");
    assert_true(strtod(row(TIME("refused", "m")), NULL) > 1.7e9);
}

static void a_source_that_stays_keeps_its_counts_and_one_that_goes_leaves(void **state)
{
    struct routes *first = make("xy"), *second = make("zy"), *third = make("x"), *held;

    (void)state;
    source_install(first);
    source_counts_reply(first->sources[0].counts, REPLY_QUEUED, 1);
    source_counts_reply(first->sources[1].counts, REPLY_QUEUED, 1);
    held = source_hold();
    source_install(second);
    assert_string_equal(row(ACCEPTED("x")), "");
    assert_string_equal(row(REFUSED("x", "late")), "");
    assert_string_equal(row(ACCEPTED("y")), "1");
    assert_string_equal(row(ACCEPTED("z")), "0");
    source_counts_reply(held->sources[0].counts, REPLY_QUEUED, 1); /* a request that began before */
    source_counts_reply(held->sources[1].counts, REPLY_QUEUED, 1);
    source_release(held); /* the last reference: a sanitizer detects a use after it */
    assert_string_equal(row(ACCEPTED("y")), "2");
    source_install(third);
    assert_string_equal(row(ACCEPTED("x")), "0"); /* it is new again */
    assert_string_equal(row(ACCEPTED("y")), "");
}

static void the_routes_in_force_are_named_and_dated(void **state)
{
    struct routes *r = make("a");
    double now = (double)clock_wall_us() / 1e6;

    (void)state;
    (void)memcpy(r->sha256, "0123", 5);
    source_install(r);
    assert_string_equal(row("sluice_gateway_routes_info{sha256=\"0123\"}"), "1");
    assert_true(strtod(row("sluice_gateway_routes_loaded_timestamp_seconds"), NULL) >= now - 1);
    source_install(source_default(0, 1));
    assert_string_equal(row("sluice_gateway_routes_info{sha256=\"0123\"}"), "");
    assert_string_equal(row("sluice_gateway_routes_info{sha256=\"none\"}"), "1");
}

static void without_any_table_there_are_no_rows(void **state)
{
    struct buf out = {0};

    (void)state;
    metrics_render(&out);
    assert_null(strstr(buf_text(&out), "{source="));
    assert_null(strstr(buf_text(&out), "{sha256="));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_any_table_there_are_no_rows),
        cmocka_unit_test(each_reply_counts_for_its_source),
        cmocka_unit_test(what_comes_before_the_source_is_known_has_no_row),
        cmocka_unit_test(an_event_without_its_order_counts_for_its_source),
        cmocka_unit_test(a_method_that_the_source_does_not_take_counts_for_it),
        cmocka_unit_test(a_source_that_stays_keeps_its_counts_and_one_that_goes_leaves),
        cmocka_unit_test(the_routes_in_force_are_named_and_dated),
    };

    source_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
