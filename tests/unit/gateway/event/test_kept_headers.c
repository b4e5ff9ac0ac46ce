/* SPDX-License-Identifier: MIT */
#include "gateway/event/kept_headers.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct envelope envelope;
static struct buf text;
static struct reply reply;

static bool keep(const char *const *headers)
{
    const struct verify_rule none = {.scheme = VERIFY_NONE};
    struct request r = make_request("POST", "/", headers);

    envelope = (struct envelope){0};
    buf_clear(&text);
    return kept_headers_select(&r, &none, &text, &envelope, &reply);
}

static void assert_kept(size_t index, const char *name, const char *value)
{
    assert_true(index < envelope.header_count);
    assert_true(span_equal(envelope.headers[index].name, span_of(name)));
    assert_true(span_equal(envelope.headers[index].value, span_of(value)));
}

static int free_text(void **state)
{
    (void)state;
    buf_free(&text);
    return 0;
}

static void names_become_lower_case_and_values_utf_8(void **state)
{
    (void)state;
    assert_true(keep(HEADERS("X-GitHub-Event", "push", "X-Latin", "caf\xe9", "X-Empty", "")));
    assert_int_equal(envelope.header_count, 3);
    assert_kept(0, "x-github-event", "push");
    assert_kept(1, "x-latin", "caf\xc3\xa9");
    assert_kept(2, "x-empty", "");
}

static void headers_of_one_name_are_joined_in_order(void **state)
{
    (void)state;
    assert_true(keep(HEADERS("X-Twice", "one", "Y", "y", "x-twice", "two", "X-TWICE", "three")));
    assert_int_equal(envelope.header_count, 2);
    assert_kept(0, "x-twice", "one, two, three");
    assert_kept(1, "y", "y");
}

static void headers_with_secrets_and_hop_by_hop_headers_are_not_kept(void **state)
{
    static const char *const never[] = {"Authorization",
                                        "Cookie",
                                        "Proxy-Authorization",
                                        "Proxy-Connection",
                                        "Connection",
                                        "Keep-Alive",
                                        "TE",
                                        "Trailer",
                                        "Transfer-Encoding",
                                        "Upgrade",
                                        "X-My-Token",
                                        "Client-SECRET-id",
                                        "passwords",
                                        "X-Api-Key",
                                        "ApiKey",
                                        "X-Hub-Signature-256"};

    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        assert_true(keep(HEADERS(never[i], "value", "Host", "a")));
        assert_int_equal(envelope.header_count, 1);
        assert_kept(0, "host", "a");
    }
    assert_true(keep(HEADERS("X-Hop", "1", "Connection", "close, X-Hop", "X-Stays", "2")));
    assert_int_equal(envelope.header_count, 1);
    assert_kept(0, "x-stays", "2");
}

static void content_type_and_a_valid_traceparent_become_members_of_the_envelope(void **state)
{
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const bad[] = {
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };

    (void)state;
    assert_true(keep(HEADERS("Content-Type", "text/plain", "Traceparent", good)));
    assert_true(span_equal(envelope.content_type, SPAN_LITERAL("text/plain")));
    assert_true(span_equal(envelope.traceparent, span_of(good)));
    assert_true(span_equal(envelope.carried_parent, span_of(good)));
    assert_int_equal(envelope.carried_state.len, 0);
    assert_true(keep(HEADERS("Tracestate", "a=1", "Traceparent", good, "Tracestate", "b=2")));
    assert_true(span_equal(envelope.carried_state, SPAN_LITERAL("a=1, b=2")));
    assert_kept(0, "tracestate", "a=1, b=2");
    assert_true(keep(HEADERS("Traceparent", good, "Traceparent", good)));
    assert_int_equal(envelope.traceparent.len, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(keep(HEADERS("Traceparent", bad[i])));
        assert_int_equal(envelope.traceparent.len, 0);
        assert_int_equal(envelope.carried_parent.len, 0);
        assert_kept(0, "traceparent", bad[i]);
    }
}

static void more_than_16_kib_of_headers_are_refused_counted_as_utf_8(void **state)
{
    static char value[ENVELOPE_HEADER_BYTES_MAX];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    assert_true(keep(HEADERS("x", value)));
    value[0] = '\xe9';
    assert_false(keep(HEADERS("x", value)));
    assert_int_equal(reply.kind, REPLY_HEADERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_lower_case_and_values_utf_8),
        cmocka_unit_test(headers_of_one_name_are_joined_in_order),
        cmocka_unit_test(headers_with_secrets_and_hop_by_hop_headers_are_not_kept),
        cmocka_unit_test(content_type_and_a_valid_traceparent_become_members_of_the_envelope),
        cmocka_unit_test(more_than_16_kib_of_headers_are_refused_counted_as_utf_8),
    };

    return cmocka_run_group_tests(tests, NULL, free_text);
}
