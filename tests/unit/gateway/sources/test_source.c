/* SPDX-License-Identifier: MIT */
#include "gateway/sources/source.h"

#include "clock.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct reply reply;

/* Makes sources a, b, c ... with these paths; one that ends in '*' is a prefix. */
static struct routes *make(const char *const *paths, size_t count)
{
    struct routes *r = source_table(count);

    assert_non_null(r);
    r->listed = true;
    for (size_t i = 0; i < count; i++) {
        struct source *s = &r->sources[i];
        size_t len = strlen(paths[i]);

        s->name_text[0] = (char)('a' + i);
        s->name = span_of(s->name_text);
        s->prefix = paths[i][len - 1] == '*';
        s->path = strndup(paths[i], len - (s->prefix ? 1 : 0));
        s->methods = request_method(SPAN_LITERAL("POST"));
    }
    return r;
}

#define ROUTES(...)                          \
    make((const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* The name of the source, or '-'. */
static char found(const struct routes *r, const char *path)
{
    const struct source *s = source_find(r, span_of(path));

    return s == NULL ? '-' : s->name_text[0];
}

static const struct source *meet(const struct routes *r, const char *method, const char *path)
{
    struct request request = make_request(method, path, HEADERS("Host", "a"));

    return source_meet(r, &request, &reply);
}

static void without_routes_every_request_belongs_to_default(void **state)
{
    struct routes *r = source_default(10 * CLOCK_US_PER_S, 77);
    const struct source *source = meet(r, "PUT", "/any//path/../%2e");

    (void)state;
    assert_non_null(source);
    assert_true(span_equal(source->name, SPAN_LITERAL("default")));
    assert_true(envelope_source_valid(source->name));
    assert_int_equal(source->id[0].keep, ENVELOPE_KEEP_NEWEST);
    assert_int_equal(source->verify.scheme, VERIFY_NONE);
    assert_string_equal(source->id[0].text, "webhook-id");
    assert_string_equal(source->id[1].text, "idempotency-key");
    assert_int_equal(source->id[2].kind, EVENT_ID_FRESH);
    assert_int_equal(source->id[3].kind, EVENT_ID_END);
    assert_int_equal(source->max_body, 77);
    assert_string_equal(source->exchange, "webhooks.delay.10");
    assert_true(delays_has(&r->delays, 10));
    assert_ptr_equal(meet(r, "GET", "/"), source);
    source_release(r);
}

static void the_longest_match_wins_and_an_exact_path_over_a_prefix(void **state)
{
    struct routes *r =
        ROUTES("/hooks/*", "/hooks/github", "/hooks/git*", "/hooks/git/*", "/hooks/git/", "/x");

    (void)state;
    r->sources[2].prefix = true; /* "/hooks/git": no '/' at its end, which the parser never makes */
    assert_int_equal(found(r, "/hooks/"), 'a');
    assert_int_equal(found(r, "/hooks/other"), 'a');
    assert_int_equal(found(r, "/hooks/github"), 'b');
    assert_int_equal(found(r, "/hooks/git/x"), 'd');
    assert_int_equal(found(r, "/hooks/git/"), 'e');
    assert_int_equal(found(r, "/x"), 'f');
    assert_int_equal(found(r, "/x/"), '-');
    assert_int_equal(found(r, "/hooks"), '-');
    assert_int_equal(found(r, "/HOOKS/github"), '-');
    assert_int_equal(found(r, "/"), '-');
    assert_int_equal(found(r, ""), '-');
    source_release(r);
}

static void unknown_paths_get_404_and_wrong_methods_405(void **state)
{
    struct routes *r = ROUTES("/a", "/b");

    (void)state;
    r->sources[1].methods |= request_method(SPAN_LITERAL("GET"));
    assert_non_null(meet(r, "POST", "/a"));
    assert_null(meet(r, "POST", "/c"));
    assert_int_equal(reply.kind, REPLY_UNKNOWN);
    assert_null(meet(r, "GET", "/a"));
    assert_int_equal(reply.kind, REPLY_METHOD);
    assert_int_equal(reply.allow, request_method(SPAN_LITERAL("POST")));
    assert_null(meet(r, "DELETE", "/b"));
    assert_int_equal(reply.allow, r->sources[1].methods);
    assert_null(meet(r, "BREW", "/b"));
    assert_int_equal(reply.kind, REPLY_METHOD);
    source_release(r);
}

static void requests_with_ambiguous_paths_are_refused(void **state)
{
    static const char *const doubtful[] = {"/a/%2e%2e/b", "/%2E",  "//",          "/a//b", "/a//",
                                           "/../a",       "/a/..", "/a/../b",     "/./a",  "/a/.",
                                           "/.",          "/..",   "/a/%2ehidden"};
    static const char *const fine[] = {"/",    "/a/.hidden", "/a/b..c", "/a/...", "/..a/b",
                                       "/%2f", "/a%2",       "/a/b.",   "*"};
    struct routes *r = ROUTES("/*");

    (void)state;
    for (size_t i = 0; i < sizeof doubtful / sizeof doubtful[0]; i++) {
        assert_non_null(source_doubt(span_of(doubtful[i])));
        assert_null(meet(r, "POST", doubtful[i]));
        assert_int_equal(reply.kind, REPLY_MALFORMED);
    }
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        assert_null(source_doubt(span_of(fine[i])));
    }
    source_release(r);
}

static void a_held_table_stays_valid_after_it_is_replaced(void **state)
{
    struct routes *first = ROUTES("/a"), *second = ROUTES("/a", "/b"), *held;

    (void)state;
    source_install(first);
    held = source_hold();
    assert_ptr_equal(held, first);
    source_install(second);
    assert_int_equal(found(held, "/b"), '-');
    source_release(held); /* the last reference: a sanitizer detects a use after it */
    held = source_hold();
    assert_ptr_equal(held, second);
    assert_int_equal(found(held, "/b"), 'b');
    source_release(held);
}

static void an_empty_bucket_stays_empty_across_a_reload(void **state)
{
    struct routes *first = ROUTES("/a", "/b"), *second = ROUTES("/b", "/a"), *third = ROUTES("/a");

    (void)state;
    second->sources[0].name_text[0] = 'b';
    second->sources[1].name_text[0] = 'a';
    first->sources[0].rate = (struct rate){.per_second = 1, .burst = 1};
    first->sources[1].rate = (struct rate){.per_second = 1, .burst = 1};
    second->sources[0].rate = (struct rate){.per_second = 1, .burst = 1};
    second->sources[1].rate = (struct rate){.per_second = 1, .burst = 1};
    third->sources[0].rate = (struct rate){.per_second = 2, .burst = 1};
    source_install(first);
    assert_int_equal(rate_take(&first->sources[0].rate, CLOCK_US_PER_S), 0);
    source_install(second);
    assert_int_equal(rate_take(&second->sources[0].rate, CLOCK_US_PER_S), 0);
    assert_true(rate_take(&second->sources[1].rate, CLOCK_US_PER_S) > 0);
    source_install(third);
    assert_int_equal(rate_take(&third->sources[0].rate, CLOCK_US_PER_S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_routes_every_request_belongs_to_default),
        cmocka_unit_test(the_longest_match_wins_and_an_exact_path_over_a_prefix),
        cmocka_unit_test(unknown_paths_get_404_and_wrong_methods_405),
        cmocka_unit_test(requests_with_ambiguous_paths_are_refused),
        cmocka_unit_test(a_held_table_stays_valid_after_it_is_replaced),
        cmocka_unit_test(an_empty_bucket_stays_empty_across_a_reload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
