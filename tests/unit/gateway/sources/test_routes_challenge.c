/* SPDX-License-Identifier: MIT */
#include "gateway/sources/routes_challenge.h"

#include "gateway/sources/routes_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char routes_file[] = "/tmp/sluice-challenge-XXXXXX";
static struct buf complaints;
static struct routes *routes;

static int make_file(void **state)
{
    int file = mkstemp(routes_file);

    (void)state;
    return file < 0 || close(file) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    source_release(routes);
    buf_free(&complaints);
    return unlink(routes_file);
}

/* Reads a source of the scheme hmac with this challenge; it stays in `routes`. NULL when there are
 * complaints.
 */
static const struct declared_challenge *read_challenge(const char *challenge)
{
    const struct routes_options options = {.file = routes_file, .label = "r", .max_body = 1 << 20};
    FILE *file = fopen(routes_file, "wb");

    assert_non_null(file);
    (void)fprintf(
        file,
        "{\"sources\": [{\"name\": \"one\", \"path\": \"/*\", \"id\": {\"body\": true}, \"verify\": "
        "{\"scheme\": \"hmac\", \"header\": \"X-Sig\", \"secrets\": [{\"env\": \"A_SECRET\"}], "
        "\"signed\": [\"time\", \"body\"], \"time\": {\"header\": \"X-Time\"}, \"challenge\": %s}}]}",
        challenge);
    assert_int_equal(fclose(file), 0);
    source_release(routes);
    buf_clear(&complaints);
    routes = routes_read(&options, &complaints);
    return routes == NULL ? NULL : &routes->sources[0].verify.challenge;
}

static const struct declared_challenge *fine(const char *challenge)
{
    const struct declared_challenge *c = read_challenge(challenge);

    if (c == NULL) {
        fail_msg("%s: %s", challenge, buf_text(&complaints));
    }
    return c;
}

static void each_place_is_read(void **state)
{
    const struct declared_challenge *c = fine("{\"query\": \"validationToken\"}");

    (void)state;
    assert_int_equal(c->place, DECLARED_CHALLENGE_QUERY);
    assert_string_equal(c->name, "validationToken");
    assert_int_equal(c->echo, REPLY_ECHO_TEXT);
    assert_false(c->log);
    c = fine("{\"header\": \"X-Okta-Verification-Challenge\", \"answer\": {\"member\": \"verification\"}}");
    assert_int_equal(c->place, DECLARED_CHALLENGE_HEADER);
    assert_string_equal(c->name, "x-okta-verification-challenge");
    assert_int_equal(c->echo, REPLY_ECHO_MEMBER);
    assert_string_equal(c->echo_name, "verification");
    c = fine("{\"pointer\": \"/a\", \"answer\": {\"header\": \"X-Hook-Secret\"}, \"log\": true}");
    assert_int_equal(c->place, DECLARED_CHALLENGE_POINTER);
    assert_string_equal(c->name, "/a");
    assert_int_equal(c->echo, REPLY_ECHO_HEADER);
    assert_string_equal(c->echo_name, "X-Hook-Secret");
    assert_true(c->log);
    c = fine("{\"pointer\": \"/0/a\", \"if\": {\"header\": \"X-Kind\", \"is\": \"Check\"}}");
    assert_string_equal(c->mark_header, "x-kind");
    assert_string_equal(c->mark_value, "Check");
    c = fine("\"cloudevents\"");
    assert_int_equal(c->place, DECLARED_CHALLENGE_CLOUDEVENTS);
    assert_int_equal(c->echo, REPLY_ECHO_ORIGIN);
    assert_int_equal(fine("\"head\"")->place, DECLARED_CHALLENGE_HEAD);
}

static void the_header_of_a_challenge_is_not_kept_with_events(void **state)
{
    (void)state;
    (void)fine("{\"header\": \"X-Hook-Secret\"}");
    assert_true(verify_reads(&routes->sources[0].verify, SPAN_LITERAL("X-HOOK-SECRET")));
    (void)fine("{\"query\": \"X-Hook-Secret\"}");
    assert_false(verify_reads(&routes->sources[0].verify, SPAN_LITERAL("X-Hook-Secret")));
}

static void a_source_takes_the_methods_of_its_challenges_but_not_as_events(void **state)
{
    struct request get = {.method = SPAN_LITERAL("GET"), .path = SPAN_LITERAL("/a")};
    struct request head = {.method = SPAN_LITERAL("HEAD"), .path = SPAN_LITERAL("/a")};
    struct reply reply = {0};

    (void)state;
    (void)fine("{\"query\": \"challenge\"}");
    assert_ptr_equal(source_meet(routes, &get, &reply), &routes->sources[0]);
    assert_false(source_takes(&routes->sources[0], &get));
    assert_null(source_meet(routes, &head, &reply));
    assert_int_equal(reply.kind, REPLY_METHOD);
    assert_int_equal(reply.allow, request_method(SPAN_LITERAL("GET")) | request_method(SPAN_LITERAL("POST")));
    (void)fine("\"head\"");
    assert_ptr_equal(source_meet(routes, &head, &reply), &routes->sources[0]);
    assert_null(source_meet(routes, &get, &reply));
}

#define AT "r: sources[0].verify.challenge"
#define LONG           \
    "xxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxx"

static void each_mistake_is_told_with_its_place(void **state)
{
    static const struct {
        const char *challenge, *complaints;
    } wrong[] = {
        {"\"HEAD\"", AT ": \"HEAD\" is none of: cloudevents, head\n"},
        {"7", AT ": is neither \"cloudevents\" nor \"head\" nor {\"query\": ...}, {\"header\": ...} or "
                 "{\"pointer\": ...}\n"},
        {"{}", AT ": needs one of \"query\", \"header\" and \"pointer\"\n"},
        {"{\"query\": \"a\", \"header\": \"X-A\"}",
         AT ": needs one of \"query\", \"header\" and \"pointer\"\n"},
        {"{\"query\": \"a\", \"body\": true}",
         AT ": has no member \"body\"; it may have query, header, pointer, if, answer, log\n"},
        {"{\"query\": \"\"}", AT ".query: has 0 bytes; 1 to 255 are allowed\n"},
        {"{\"query\": 1}", AT ".query: is not text\n"},
        {"{\"header\": \"X A\"}", AT ".header: is not a header name\n"},
        {"{\"header\": \"Authorization\"}",
         AT ".header: holds a credential, which cannot be the challenge\n"},
        {"{\"header\": \"Cookie\"}", AT ".header: holds a credential, which cannot be the challenge\n"},
        {"{\"header\": \"x-sig\"}", AT ".header: holds a credential, which cannot be the challenge\n"},
        {"{\"header\": \"X-Time\"}", AT ".header: holds a credential, which cannot be the challenge\n"},
        {"{\"pointer\": \"/a\\n\"}", AT ".pointer: is not a JSON pointer: it holds a line break\n"},
        {"{\"pointer\": \"a\"}", AT ".pointer: is not a JSON pointer: it doesn't begin with /\n"},
        {"{\"pointer\": \"\"}", AT ".pointer: has 0 bytes; 1 to 255 are allowed\n"},
        {"{\"pointer\": \"/a/b\"}",
         AT ".pointer: leads below the first level: without \"if\", a challenge is the only member of the "
            "body, such as \"/challenge\"\n"},
        {"{\"query\": \"a\", \"if\": {\"header\": \"X-A\", \"is\": \"b\"}}",
         AT ".if: is allowed only with \"pointer\"\n"},
        {"{\"pointer\": \"/a\", \"if\": {\"header\": \"X-A\"}}", AT ".if.is: is missing: write text\n"},
        {"{\"pointer\": \"/a\", \"if\": {\"is\": \"a\"}}", AT ".if.header: is missing: write text\n"},
        {"{\"pointer\": \"/a\", \"if\": \"a\"}", AT ".if: is not an object\n"},
        {"{\"query\": \"a\", \"answer\": \"text\"}", AT ".answer: is not an object\n"},
        {"{\"query\": \"a\", \"answer\": {}}", AT ".answer: needs either \"member\" or \"header\"\n"},
        {"{\"query\": \"a\", \"answer\": {\"member\": \"a\", \"header\": \"X-A\"}}",
         AT ".answer: needs either \"member\" or \"header\"\n"},
        {"{\"query\": \"a\", \"answer\": {\"member\": \"" LONG "x\"}}",
         AT ".answer.member: has 65 bytes; 1 to 64 are allowed\n"},
        {"{\"query\": \"a\", \"answer\": {\"header\": \"X-A: b\"}}",
         AT ".answer.header: is not a header name\n"},
        {"{\"query\": \"a\", \"answer\": {\"header\": \"Content-Length\"}}",
         AT ".answer.header: doesn't begin with X-: the sender chooses the value, and other headers have a "
            "meaning in HTTP\n"},
        {"{\"query\": \"a\", \"log\": \"yes\"}", AT ".log: is not true or false\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(read_challenge(wrong[i].challenge));
        assert_string_equal(buf_text(&complaints), wrong[i].complaints);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_place_is_read),
        cmocka_unit_test(the_header_of_a_challenge_is_not_kept_with_events),
        cmocka_unit_test(a_source_takes_the_methods_of_its_challenges_but_not_as_events),
        cmocka_unit_test(each_mistake_is_told_with_its_place),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
