/* SPDX-License-Identifier: MIT */
#include "gateway/verify/twilio.h"

#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_form(const char *body, const char *expected)
{
    struct buf out = {0};

    assert_int_equal(twilio_form(span_of(body), &out), VERIFY_FINE);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void fields_are_sorted_decoded_and_not_repeated(void **state)
{
    (void)state;
    assert_form("", "");
    assert_form("b=2&a=1", "a1b2");
    assert_form("a=2&a=1&a=2", "a1a2");
    assert_form("a=x%3dy&A=+", "A ax=y");
    assert_form("a=b=c&d", "ab=cd");
    assert_form("&&a=&&", "a");
    assert_form("a=%&b=%4&c=%zz&d=%41", "a%b%4c%zzdA");
    assert_form("ab=c&a=bc", "abcabc"); /* two different fields with the same concatenation */
}

static void the_number_of_form_fields_is_limited(void **state)
{
    struct buf body = {0}, out = {0};

    (void)state;
    for (int i = 0; i < TWILIO_FIELDS_MAX; i++) {
        buf_append_text(&body, "a=1&");
    }
    assert_int_equal(twilio_form(buf_span(&body), &out), VERIFY_FINE);
    buf_append_text(&body, "a=1");
    assert_int_equal(twilio_form(buf_span(&body), &out), VERIFY_MALFORMED);
    buf_free(&body);
    buf_free(&out);
}

#define EMPTY_DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static enum verify_cause covers(const char *type, const char *query, const char *body)
{
    struct request r = make_request("POST", "/", HEADERS("Content-Type", type));

    r.query = span_of(query);
    return twilio_body(&r, span_of(body));
}

static void a_body_must_be_a_form_or_have_its_digest_in_the_url(void **state)
{
    (void)state;
    assert_int_equal(covers("application/x-www-form-urlencoded", "", "a=1"), VERIFY_FINE);
    assert_int_equal(covers("application/json", "", ""), VERIFY_FINE);
    assert_int_equal(covers("application/json", "", "{}"), VERIFY_MALFORMED);
    assert_int_equal(covers("", "bodySHA25=1&xbodySHA256=2&bodySHA256", "{}"), VERIFY_MALFORMED);
    assert_int_equal(covers("", "a&bodySHA256=" EMPTY_DIGEST "&b", ""), VERIFY_FINE);
    assert_int_equal(covers("", "bodySHA256=" EMPTY_DIGEST, "x"), VERIFY_MISMATCH);
    assert_int_equal(covers("application/x-www-form-urlencoded", "bodySHA256=" EMPTY_DIGEST, "x"),
                     VERIFY_MISMATCH);
    /* Only the first one counts, and it is part of the signed URL. */
    assert_int_equal(covers("", "bodySHA256=00&bodySHA256=" EMPTY_DIGEST, ""), VERIFY_MISMATCH);
}

static void assert_other_host(const char *host, bool https, const char *expected)
{
    struct request r = {.host = span_of(host), .https = https};
    struct buf out = {0};

    twilio_other_host(&r, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static void the_other_host_has_or_lacks_the_port(void **state)
{
    (void)state;
    assert_other_host("example.com", true, "example.com:443");
    assert_other_host("example.com", false, "example.com:80");
    assert_other_host("example.com:8443", true, "example.com");
    assert_other_host("[2001:db8::1]", true, "[2001:db8::1]:443");
    assert_other_host("[2001:db8::1]:80", false, "[2001:db8::1]");
    assert_other_host("example.com:", true, "example.com::443");
    assert_other_host("", true, ":443");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_sorted_decoded_and_not_repeated),
        cmocka_unit_test(the_number_of_form_fields_is_limited),
        cmocka_unit_test(a_body_must_be_a_form_or_have_its_digest_in_the_url),
        cmocka_unit_test(the_other_host_has_or_lacks_the_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
