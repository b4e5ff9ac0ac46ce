/* SPDX-License-Identifier: MIT */
#include "gateway/sources/routes_signed.h"

#include "gateway/sources/routes_file.h"
#include "tests/unit/gateway/make_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1614265330
#define EVENT "{\"id\":\"evt_1\"}"
/* Computed with Python's hmac, with the key below. */
#define KEY "the secret of a test"
#define TIME_BODY "0830a7eab963e7bc71c2787acf5ed5905f464688cf887739338a218f1d90de7f"
#define URL "q5qTu7xj34dBZIF0SeyoUWUR2mZpLKypROb+dDlW7ew="
#define URL_AS_CALLED "VhJSGfejnk7QAMxu6FdNpJ5IzOr3cdacLYw/cZK+e/4="
#define ID_HEADER "d5974e0e0bf5a3ad97aae2bc94e0eb7a3f69d2383b42835b80b98628e8447d8e"
#define TARGET "c25176c4fc3c2515156ad6c9ca33dbd48299dedd90b5b8e930a683e3b92dc89f"
#define TARGET_AS_CALLED "35e9706dfe3c9851591bd8da78018473053ebad86be52964f0f89ebc4fbd4754"
#define RFC3339 "575d0326b493520ac7d7b563d84c65091bdccd58a5a7a1e98fa6d41ca9cb5f1b"
#define URL_SAFE "R-wD7Wntc1RAvilo3jLNSYZrQHignki_0KN03Y3JB1U="
#define BODY "47ec03ed69ed735440be2968de32cd49866b4078a09e48bfd0a374dd8dc90755"
#define BINARY_KEY "d8c444c886d3955acdf68d6f74b87bc0d1640f619e15d17e661d5d8ebd43b418"
#define WRONG "0000000000000000000000000000000000000000000000000000000000000000"

static char routes_file[] = "/tmp/sluice-signed-XXXXXX";
static struct buf complaints;
static struct routes *routes;

static int make_file(void **state)
{
    int file = mkstemp(routes_file);

    (void)state;
    return file < 0 || close(file) != 0 || setenv("TEST_SECRET", KEY, 1) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
    (void)state;
    source_release(routes);
    buf_free(&complaints);
    return unlink(routes_file);
}

/* Reads a source with these members of verify; it stays in `routes`. Returns NULL when there are complaints.
 */
static const struct verify_rule *read_source(const char *members, const char *id)
{
    const struct routes_options options = {
        .file = routes_file, .label = "routes", .secrets = true, .max_body = 1 << 20};
    FILE *file = fopen(routes_file, "wb");

    assert_non_null(file);
    (void)fprintf(file,
                  "{\"sources\": [{\"name\": \"one\", \"path\": \"/*\", \"id\": %s, \"verify\": {\"scheme\": "
                  "\"hmac\", \"header\": \"X-Sig\", \"secrets\": [{\"env\": \"TEST_SECRET\"}]%s%s}}]}",
                  id, members[0] == '\0' ? "" : ", ", members);
    assert_int_equal(fclose(file), 0);
    source_release(routes);
    buf_clear(&complaints);
    routes = routes_read(&options, &complaints);
    return routes == NULL ? NULL : &routes->sources[0].verify;
}

static const struct verify_rule *read_rule(const char *members)
{
    const struct verify_rule *rule = read_source(members, "{\"header\": \"X-Id\"}");

    if (rule == NULL) {
        fail_msg("%s", buf_text(&complaints));
    }
    return rule;
}

static enum verify_cause judge(const struct verify_rule *rule, const struct request *request, int64_t now)
{
    enum verify_cause cause;
    bool verified = verify_key(rule, request, SPAN_LITERAL(EVENT), now, &cause) != NULL;

    assert_int_equal(verified, cause == VERIFY_FINE);
    return cause;
}

static enum verify_cause judge_headers(const struct verify_rule *rule, const char *const *headers)
{
    struct request r = make_request("POST", "/", headers);

    return judge(rule, &r, NOW);
}

/* --- fields ---------------------------------------------------------------------------- */

#define FIELDS \
    "\"signed\": [\"time\", {\"text\": \".\"}, \"body\"], \"time\": {\"field\": \"t\"}, \"field\": \"v1\""

static enum verify_cause judge_fields(const char *value)
{
    return judge_headers(read_rule(FIELDS), HEADERS("X-Sig", value));
}

static void fields_are_separated_by_commas_semicolons_or_spaces_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(judge_fields("t=1614265330,v1=" TIME_BODY), VERIFY_FINE);
    assert_int_equal(judge_fields("t=1614265330;v1=" TIME_BODY), VERIFY_FINE);
    assert_int_equal(judge_fields("t=1614265330 v1=" TIME_BODY), VERIFY_FINE);
    assert_int_equal(judge_fields("v1=" TIME_BODY ", t=1614265330"), VERIFY_FINE);
    assert_int_equal(judge_fields("v0=" WRONG ",=,,v2,t=1614265330,v1=" TIME_BODY ","), VERIFY_FINE);
}

static void one_of_several_signatures_must_be_right(void **state)
{
    char many[17 * (sizeof WRONG + 4) + 32] = "t=1614265330";

    (void)state;
    assert_int_equal(judge_fields("t=1614265330,v1=" WRONG ",v1=" TIME_BODY), VERIFY_FINE);
    assert_int_equal(judge_fields("t=1614265330,v1=" TIME_BODY ",v1=" WRONG), VERIFY_FINE);
    assert_int_equal(judge_fields("t=1614265330,v1=,v1=short,v1=" TIME_BODY), VERIFY_FINE);
    assert_int_equal(judge_fields("t=1614265330,v1=" WRONG ",v1=" WRONG), VERIFY_MISMATCH);
    for (int i = 0; i < 17; i++) { /* more than 16, even if they are right */
        strncat(many, ",v1=" TIME_BODY, sizeof many - strlen(many) - 1);
    }
    assert_int_equal(judge_fields(many), VERIFY_MALFORMED);
}

static void a_field_that_is_missing_or_has_another_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(judge_fields(""), VERIFY_MISSING);
    assert_int_equal(judge_fields("t=1614265330"), VERIFY_MALFORMED);
    assert_int_equal(judge_fields("t=1614265330,v1="), VERIFY_MALFORMED);
    assert_int_equal(judge_fields("t=1614265330,v1"), VERIFY_MALFORMED);
    assert_int_equal(judge_fields("t=1614265330,V1=" TIME_BODY), VERIFY_MALFORMED);
    assert_int_equal(judge_fields("t=1614265330,v11=" TIME_BODY), VERIFY_MALFORMED);
    assert_int_equal(judge_fields("t=1614265330," TIME_BODY), VERIFY_MALFORMED);
    assert_int_equal(judge_fields("t=1614265330\tv1=" TIME_BODY), VERIFY_TIME);
    assert_int_equal(judge_fields(TIME_BODY), VERIFY_TIME);
    assert_int_equal(judge_fields("v1=" TIME_BODY), VERIFY_TIME);
    assert_int_equal(judge_fields("T=1614265330,v1=" TIME_BODY), VERIFY_TIME);
    assert_int_equal(judge_fields("t=,v1=" TIME_BODY), VERIFY_TIME);
    assert_int_equal(judge_fields("t=1614265330,t=1614265330,v1=" TIME_BODY), VERIFY_MALFORMED);
    assert_int_equal(judge_headers(read_rule(FIELDS), HEADERS("X-Other", "1")), VERIFY_MISSING);
    assert_int_equal(judge_headers(read_rule(FIELDS), HEADERS("X-Sig", "t=1614265330,v1=" TIME_BODY, "x-sig",
                                                              "t=1614265330,v1=" TIME_BODY)),
                     VERIFY_DUPLICATE);
}

static void a_signed_time_expires_after_300_s_or_as_declared(void **state)
{
    struct request r = make_request("POST", "/", HEADERS("X-Sig", "t=1614265330,v1=" TIME_BODY));
    enum verify_cause cause;

    (void)state;
    assert_int_equal(judge(read_rule(FIELDS), &r, NOW + 300), VERIFY_FINE);
    assert_int_equal(judge(read_rule(FIELDS), &r, NOW + 301), VERIFY_OLD);
    assert_int_equal(judge(read_rule(FIELDS), &r, NOW - 300), VERIFY_FINE);
    assert_int_equal(judge(read_rule(FIELDS), &r, NOW - 301), VERIFY_EARLY);
    assert_int_equal(judge(read_rule(FIELDS ", \"tolerance\": \"10s\""), &r, NOW + 11), VERIFY_OLD);
    assert_null(verify_key(read_rule(FIELDS), &r, SPAN_LITERAL(EVENT " "), NOW, &cause));
    assert_int_equal(cause, VERIFY_MISMATCH);
}

/* --- parts ------------------------------------------------------------------------------ */

#define URL_SIGNED                                                                      \
    "\"signed\": [\"method\", \"url\", \"body\", \"time\"], \"encoding\": \"base64\", " \
    "\"prefix\": \"mac=\", \"time\": {\"header\": \"X-Time\", \"unit\": \"milliseconds\"}"

static struct request called(const char *method, const char *path, const char *query,
                             const char *const *headers)
{
    struct request r = make_request(method, path, headers);

    r.host = SPAN_LITERAL("localhost:8080");
    r.query = span_of(query);
    return r;
}

static void method_and_url_are_signed_as_they_are_called_or_as_declared(void **state)
{
    const struct verify_rule *rule = read_rule(URL_SIGNED);
    const char *const *headers = HEADERS("X-Sig", "mac=" URL_AS_CALLED, "X-Time", "1614265330123");
    struct request r = called("POST", "/b", "c=%20d", headers);

    (void)state;
    assert_int_equal(judge(rule, &r, NOW), VERIFY_FINE);
    r.method = SPAN_LITERAL("PUT");
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MISMATCH);
    r = called("POST", "/c", "c=%20d", headers);
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MISMATCH);
    r = called("POST", "/b", "", headers);
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MISMATCH);
    r = called("POST", "/b", "c=%20d", headers);
    r.https = true;
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MISMATCH);
    rule = read_rule(URL_SIGNED ", \"url\": \"https://hooks.example.com/a\"");
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MISMATCH);
    r = called("POST", "/b", "c=%20d", HEADERS("X-Sig", "mac=" URL, "X-Time", "1614265330123"));
    assert_int_equal(judge(rule, &r, NOW), VERIFY_FINE);
}

static void a_time_in_a_header_must_be_there_once(void **state)
{
    const struct verify_rule *rule = read_rule(URL_SIGNED ", \"url\": \"https://hooks.example.com/a\"");
    struct request r = called("POST", "/b", "c=%20d", HEADERS("X-Sig", "mac=" URL));

    (void)state;
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MISSING);
    r = called("POST", "/b", "c=%20d", HEADERS("X-Sig", "mac=" URL, "x-time", "1614265330"));
    assert_int_equal(judge(rule, &r, NOW), VERIFY_OLD); /* seconds where milliseconds are declared */
    r = called("POST", "/b", "c=%20d",
               HEADERS("X-Sig", "mac=" URL, "x-time", "1614265330123", "X-Time", "1614265330123"));
    assert_int_equal(judge(rule, &r, NOW), VERIFY_DUPLICATE);
    r = called("POST", "/b", "c=%20d", HEADERS("X-Sig", URL, "x-time", "1614265330123"));
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MALFORMED); /* without the prefix */
    r = called("POST", "/b", "c=%20d", HEADERS("X-Sig", "MAC=" URL, "x-time", "1614265330123"));
    assert_int_equal(judge(rule, &r, NOW), VERIFY_MALFORMED);
    rule = read_rule(
        "\"signed\": [\"time\", \"body\"], \"time\": {\"header\": \"X-Time\", \"unit\": \"rfc3339\"}");
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", RFC3339, "X-Time", "2021-02-25T15:02:10.5Z")),
                     VERIFY_FINE);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", RFC3339, "X-Time", "1614265330")), VERIFY_TIME);
}

static void a_signed_header_must_be_there_once_and_is_kept(void **state)
{
    const struct verify_rule *rule =
        read_rule("\"signed\": [\"id\", {\"text\": \":\"}, {\"header\": \"X-Kind\"}, \"body\"]");

    (void)state;
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", ID_HEADER, "X-Id", "evt-1", "x-kind", "kind")),
                     VERIFY_FINE);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", ID_HEADER, "X-Id", "evt-2", "x-kind", "kind")),
                     VERIFY_MISMATCH);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", ID_HEADER, "X-Id", "evt-1")), VERIFY_MISSING);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", ID_HEADER, "x-kind", "kind")), VERIFY_MISSING);
    assert_int_equal(
        judge_headers(rule, HEADERS("X-Sig", ID_HEADER, "X-Id", "evt-1", "x-kind", "kind", "X-Kind", "kind")),
        VERIFY_DUPLICATE);
    assert_false(verify_reads(rule, SPAN_LITERAL("X-Kind")));
    assert_false(verify_reads(rule, SPAN_LITERAL("X-Id")));
    assert_true(verify_reads(rule, SPAN_LITERAL("X-Sig")));
    assert_true(verify_reads(read_rule(URL_SIGNED), SPAN_LITERAL("X-Time")));
}

static void host_path_and_query_are_parts_of_their_own(void **state)
{
#define TARGET_SIGNED \
    "\"signed\": [\"host\", {\"text\": \" \"}, \"path\", {\"text\": \" \"}, \"query\", \"body\"]"
    struct request r = called("POST", "/a/b", "c=%20d", HEADERS("X-Sig", TARGET_AS_CALLED));

    (void)state;
    assert_int_equal(judge(read_rule(TARGET_SIGNED), &r, NOW), VERIFY_FINE);
    r.query = SPAN_LITERAL("c= d");
    assert_int_equal(judge(read_rule(TARGET_SIGNED), &r, NOW), VERIFY_MISMATCH);
    r = called("POST", "/b", "c=%20d", HEADERS("X-Sig", TARGET));
    assert_int_equal(judge(read_rule(TARGET_SIGNED ", \"url\": \"https://hooks.example.com/a\""), &r, NOW),
                     VERIFY_FINE);
    assert_int_equal(judge(read_rule(TARGET_SIGNED), &r, NOW), VERIFY_MISMATCH);
}

static void the_longest_declaration_fits(void **state)
{
    struct request r =
        called("POST", "/b", "c", HEADERS("X-Sig", WRONG, "X-Time", "1614265330", "X-Id", "1"));

    (void)state;
    assert_int_equal(
        judge(read_rule("\"signed\": [\"url\", \"path\", \"host\", \"query\", \"method\", \"time\", "
                        "\"id\", \"body\", {\"text\": \".\"}, {\"text\": \".\"}, {\"text\": \".\"}, "
                        "{\"text\": \".\"}, {\"text\": \".\"}, {\"text\": \".\"}, {\"text\": \".\"}, "
                        "{\"pointer\": \"/id\"}], \"time\": {\"header\": \"X-Time\"}, "
                        "\"url\": \"https://a/b\""),
              &r, NOW),
        VERIFY_MISMATCH);
}

/* --- encodings -------------------------------------------------------------------------- */

static void base64url_is_an_encoding_of_signatures(void **state)
{
    const struct verify_rule *rule = read_rule("\"encoding\": \"base64url\"");

    (void)state;
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", URL_SAFE)), VERIFY_FINE);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", "R-wD7Wntc1RAvilo3jLNSYZrQHignki_0KN03Y3JB1U")),
                     VERIFY_FINE);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", "R+wD7Wntc1RAvilo3jLNSYZrQHignki/0KN03Y3JB1U=")),
                     VERIFY_MALFORMED);
    assert_int_equal(judge_headers(rule, HEADERS("X-Sig", BODY)), VERIFY_MALFORMED);
}

static void a_secret_is_text_base64_or_hex_after_its_prefix(void **state)
{
    (void)state;
    assert_int_equal(judge_headers(read_rule(""), HEADERS("X-Sig", BODY)), VERIFY_FINE);
    assert_int_equal(judge_headers(read_rule("\"secret_prefix\": \"the \""), HEADERS("X-Sig", BODY)),
                     VERIFY_MISMATCH);
    (void)setenv("TEST_SECRET", "00ff10A1b2c3d4e5", 1);
    assert_int_equal(judge_headers(read_rule("\"secret_encoding\": \"hex\""), HEADERS("X-Sig", BINARY_KEY)),
                     VERIFY_FINE);
    assert_int_equal(judge_headers(read_rule(""), HEADERS("X-Sig", BINARY_KEY)), VERIFY_MISMATCH);
    (void)setenv("TEST_SECRET", "whsec_AP8QobLD1OU=", 1);
    assert_int_equal(
        judge_headers(read_rule("\"secret_encoding\": \"base64\", \"secret_prefix\": \"whsec_\""),
                      HEADERS("X-Sig", BINARY_KEY)),
        VERIFY_FINE);
    assert_null(read_source("\"secret_encoding\": \"hex\"", "{\"body\": true}"));
    assert_string_equal(buf_text(&complaints),
                        "routes: sources[0].verify.secrets[0]: the secret is not hex\n");
    assert_null(read_source("\"secret_encoding\": \"base64\"", "{\"body\": true}"));
    assert_string_equal(buf_text(&complaints),
                        "routes: sources[0].verify.secrets[0]: the secret is not base64\n");
    assert_null(read_source("\"secret_prefix\": \"other_\"", "{\"body\": true}"));
    assert_string_equal(buf_text(&complaints),
                        "routes: sources[0].verify.secrets[0]: the secret does not begin "
                        "with the secret_prefix of its route\n");
    assert_null(read_source("\"secret_prefix\": \"whsec_AP8QobLD1OU=\"", "{\"body\": true}"));
    assert_string_equal(buf_text(&complaints),
                        "routes: sources[0].verify.secrets[0]: the secret is empty after its prefix\n");
    (void)setenv("TEST_SECRET", KEY, 1);
}

/* --- errors ----------------------------------------------------------------------------- */

static void assert_complaint(const char *members, const char *place_and_sentence)
{
    struct buf line = {0};

    buf_printf(&line, "routes: sources[0].verify.%s\n", place_and_sentence);
    assert_null(read_source(members, "{\"body\": true}"));
    assert_string_equal(buf_text(&complaints), buf_text(&line));
    buf_free(&line);
}

static void every_error_has_its_place(void **state)
{
    (void)state;
    assert_complaint("\"signed\": [\"body\", \"Body\"]",
                     "signed[1]: \"Body\" is none of: time, id, method, url, "
                     "host, path, query, body");
    assert_complaint("\"signed\": [\"body\", \"body\"]", "signed[1]: \"body\" is listed twice");
    assert_complaint("\"signed\": [\"body\", 1]", "signed[1]: is neither the name of a part nor "
                                                  "{\"text\": ...}, {\"header\": ...} or {\"pointer\": ...}");
    assert_complaint("\"signed\": [\"body\", {}]",
                     "signed[1]: needs one of \"text\", \"header\" and \"pointer\"");
    assert_complaint("\"signed\": [\"body\", {\"pointer\": \"a\"}]",
                     "signed[1].pointer: is not a JSON pointer: it doesn't begin with /");
    assert_complaint("\"signed\": [\"body\", {\"pointer\": \"/a\\n\"}]",
                     "signed[1].pointer: is not a JSON pointer: it holds a line break");
    assert_complaint("\"signed\": [\"time\", \"body\"], \"time\": {}",
                     "time: needs one of \"header\", \"field\" and \"pointer\"");
    assert_complaint("\"signed\": [{\"pointer\": \"/a\"}], \"pointer\": \"/s\"",
                     "pointer: is not allowed with \"header\": the signature is in one place");
    assert_complaint("\"signed\": [{\"text\": \"\"}, \"body\"]",
                     "signed[0].text: has 0 bytes; 1 to 255 are allowed");
    assert_complaint("\"signed\": [{\"header\": \"X Kind\"}, \"body\"]",
                     "signed[0].header: is not a header name");
    assert_complaint("\"signed\": [{\"header\": \"x-sig\"}, \"body\"]",
                     "signed: contains the header with the signature, which cannot sign itself");
    assert_complaint("\"signed\": [\"method\"]",
                     "signed: contains neither \"body\" nor a {\"pointer\": ...} into it: "
                     "the signature would be valid for any body, so list it");
    assert_complaint("\"signed\": [\"id\", \"body\"]",
                     "signed: contains \"id\", so the source's id must be one {\"header\": ...}");
    assert_complaint("\"signed\": [\"time\", \"body\"]",
                     "time: is missing: \"time\" is signed, so write where it is");
    assert_complaint("\"time\": {\"header\": \"X-Time\"}",
                     "time: is not signed, so anyone could change it: add \"time\" to \"signed\"");
    assert_complaint("\"tolerance\": \"10s\"", "tolerance: is not allowed without \"time\"");
    assert_complaint("\"signed\": [\"time\", \"body\"], \"time\": {\"field\": \"t\"}",
                     "time.field: needs \"field\" in \"verify\": the field with the signature");
    assert_complaint("\"signed\": [\"time\", \"body\"], \"time\": {\"field\": \"t\"}, \"field\": \"t\"",
                     "time.field: is also the field with the signature");
    assert_complaint("\"signed\": [\"time\", \"body\"], \"time\": {\"header\": \"X-SIG\"}",
                     "time.header: is also the header with the signature: use \"field\"");
    assert_complaint("\"field\": \"v1=\"",
                     "field: is not the name of a field: use letters, digits and -_. without the =");
    assert_complaint("\"field\": \"v1\", \"prefix\": \"sha256=\"",
                     "prefix: is not allowed with \"field\", which names what is before the =");
    assert_complaint("\"url\": \"https://a\"",
                     "url: is not used: \"signed\" has none of \"url\", \"host\" and \"path\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_separated_by_commas_semicolons_or_spaces_in_any_order),
        cmocka_unit_test(one_of_several_signatures_must_be_right),
        cmocka_unit_test(a_field_that_is_missing_or_has_another_name_is_refused),
        cmocka_unit_test(a_signed_time_expires_after_300_s_or_as_declared),
        cmocka_unit_test(method_and_url_are_signed_as_they_are_called_or_as_declared),
        cmocka_unit_test(a_time_in_a_header_must_be_there_once),
        cmocka_unit_test(a_signed_header_must_be_there_once_and_is_kept),
        cmocka_unit_test(host_path_and_query_are_parts_of_their_own),
        cmocka_unit_test(the_longest_declaration_fits),
        cmocka_unit_test(base64url_is_an_encoding_of_signatures),
        cmocka_unit_test(a_secret_is_text_base64_or_hex_after_its_prefix),
        cmocka_unit_test(every_error_has_its_place),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
