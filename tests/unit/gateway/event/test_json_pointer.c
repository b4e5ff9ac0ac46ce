/* SPDX-License-Identifier: MIT */
#include "gateway/event/json_pointer.h"

#include "gateway/event/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct span raw;

static enum json_pointer_result find(const char *document, const char *pointer)
{
    raw = (struct span){"", 0};
    assert_null(json_pointer_wrong(span_of(pointer)));
    return json_pointer_find(span_of(document), span_of(pointer), &raw);
}

static void assert_found(const char *document, const char *pointer, enum json_pointer_result kind,
                         const char *text)
{
    assert_int_equal(find(document, pointer), kind);
    assert_true(span_equal(raw, span_of(text)));
}

/* RFC 6901, section 5. */
static void the_examples_of_the_rfc_find_their_values(void **state)
{
    static const char document[] =
        "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4,"
        " \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";

    (void)state;
    assert_int_equal(find(document, ""), JSON_POINTER_OTHER);
    assert_int_equal(find(document, "/foo"), JSON_POINTER_OTHER);
    assert_found(document, "/foo/0", JSON_POINTER_STRING, "bar");
    assert_found(document, "/foo/1", JSON_POINTER_STRING, "baz");
    assert_found(document, "/", JSON_POINTER_NUMBER, "0");
    assert_found(document, "/a~1b", JSON_POINTER_NUMBER, "1");
    assert_found(document, "/c%d", JSON_POINTER_NUMBER, "2");
    assert_found(document, "/e^f", JSON_POINTER_NUMBER, "3");
    assert_found(document, "/g|h", JSON_POINTER_NUMBER, "4");
    assert_found(document, "/i\\j", JSON_POINTER_NUMBER, "5");
    assert_found(document, "/k\"l", JSON_POINTER_NUMBER, "6");
    assert_found(document, "/ ", JSON_POINTER_NUMBER, "7");
    assert_found(document, "/m~0n", JSON_POINTER_NUMBER, "8");
}

static void a_missing_value_is_absent(void **state)
{
    static const char *const cases[][2] = {{"{}", "/a"},
                                           {"[]", "/0"},
                                           {"[1]", "/1"},
                                           {"[1]", "/-"},
                                           {"[1,2]", "/01"},
                                           {"[1]", "/"},
                                           {"\"a\"", "/a"},
                                           {"1", "/a"},
                                           {"null", "/0"},
                                           {"{\"a\":1}", "/a/b"},
                                           {"{\"a\":1}", "/ab"},
                                           {"{\"ab\":1}", "/a"},
                                           {"{\"a\":{\"b\":1}}", "/b"},
                                           {"[1]", "/1234567890"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(find(cases[i][0], cases[i][1]), JSON_POINTER_ABSENT);
    }
}

static void in_a_malformed_document_nothing_is_found(void **state)
{
    static const char *const wrong[] = {"",
                                        " ",
                                        "{",
                                        "{\"a\":1",
                                        "{\"a\":1}}",
                                        "{\"a\":1} x",
                                        "{\"a\":1,}",
                                        "{\"a\" 1}",
                                        "{a:1}",
                                        "{'a':1}",
                                        "{\"a\":01}",
                                        "{\"a\":1.}",
                                        "{\"a\":1e}",
                                        "{\"a\":+1}",
                                        "{\"a\":.5}",
                                        "{\"a\":-}",
                                        "{\"a\":nul}",
                                        "{\"a\":True}",
                                        "{\"a\":\"\\x\"}",
                                        "{\"a\":\"\\u12g4\"}",
                                        "{\"a\":\"",
                                        "{\"a\":\"\t\"}",
                                        "{\"a\":1,\"b\":[1,]}",
                                        "{\"a\":1,\"b\":[,1]}",
                                        "{\"a\":1,\"b\":[1 2]}",
                                        "{\"a\":1,\"b\":{1:2}}",
                                        "{\"a\":1,\"b\":{\"c\":1,}}",
                                        "{\"a\":1,\"b\":[}",
                                        "{\"a\":1,\"b\":{]}",
                                        "[1,2",
                                        "{\"a\":1,\"b\":\"\\",
                                        "{\"a\":1,\"b\":\"\\u00",
                                        "{,}",
                                        "{\"a\":1,,\"b\":2}",
                                        "]",
                                        "}",
                                        ":",
                                        "\xef\xbb\xbf\xef\xbb\xbf{\"a\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(find(wrong[i], "/a"), JSON_POINTER_NO_JSON);
        assert_int_equal(find(wrong[i], ""), JSON_POINTER_NO_JSON);
    }
    assert_int_equal(json_pointer_find((struct span){"{\"a\":1}\0", 8}, SPAN_LITERAL("/a"), &raw),
                     JSON_POINTER_NO_JSON);
    assert_int_equal(json_pointer_find((struct span){"{\"a\":\0 1}", 9}, SPAN_LITERAL("/a"), &raw),
                     JSON_POINTER_NO_JSON);
}

static void white_space_and_every_kind_of_value_are_skipped(void **state)
{
    static const char document[] = " {\r\n\t\"x\" : [ ] , \"y\" : { } , \"z\" : [ [ { \"a\" : [ 1 , -0.5e+3 "
                                   ", 1E-2 , true , false , null ,"
                                   " \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00Ff\" ] } ] , { \"a\" : { } , \"b\" : [ "
                                   "] } ] , \"a\" : \"found\" } ";

    (void)state;
    assert_found(document, "/a", JSON_POINTER_STRING, "found");
    assert_found(document, "/z/0/0/a/1", JSON_POINTER_NUMBER, "-0.5e+3");
    assert_int_equal(find(document, "/z/0/0/a/3"), JSON_POINTER_OTHER);
}

static void a_duplicate_key_on_the_path_is_ambiguous(void **state)
{
    (void)state;
    assert_int_equal(find("{\"a\":1,\"a\":2}", "/a"), JSON_POINTER_AMBIGUOUS);
    assert_int_equal(find("{\"a\":1,\"\\u0061\":2}", "/a"), JSON_POINTER_AMBIGUOUS);
    assert_int_equal(find("{\"a\":{\"b\":1},\"a\":{}}", "/a/b"), JSON_POINTER_AMBIGUOUS);
    assert_int_equal(find("{\"a\":{},\"a\":{\"b\":1}}", "/a/b"), JSON_POINTER_AMBIGUOUS);
    assert_found("{\"b\":1,\"b\":2,\"a\":3}", "/a", JSON_POINTER_NUMBER, "3");
    assert_found("{\"\\u0061\\/\":3}", "/a~1", JSON_POINTER_NUMBER, "3");
}

static void nesting_is_limited_and_uses_no_stack(void **state)
{
    enum { FAR = 1000000 };
    char *document = malloc(2 * FAR + 20);

    (void)state;
    assert_non_null(document);
    memset(document, '[', FAR);
    memset(document + FAR, ']', FAR);
    assert_int_equal(json_pointer_find((struct span){document, 2 * FAR}, SPAN_LITERAL("/a"), &raw),
                     JSON_POINTER_NO_JSON);
    memset(document, '[', JSONTEXT_DEPTH_MAX);
    memset(document + JSONTEXT_DEPTH_MAX, ']', JSONTEXT_DEPTH_MAX);
    assert_int_equal(
        json_pointer_find((struct span){document, 2 * JSONTEXT_DEPTH_MAX}, SPAN_LITERAL(""), &raw),
        JSON_POINTER_OTHER);
    free(document);
}

static void escapes_in_strings_are_decoded(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_true(json_scan_unescape(
        SPAN_LITERAL("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00"), &out));
    assert_string_equal(buf_text(&out), "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_false(json_scan_unescape(SPAN_LITERAL("\\ud83d"), &out));
    assert_false(json_scan_unescape(SPAN_LITERAL("\\ud83dxxxxxx"), &out));
    assert_false(json_scan_unescape(SPAN_LITERAL("\\ud83d\\u0041"), &out));
    assert_false(json_scan_unescape(SPAN_LITERAL("\\ude00"), &out));
    assert_false(out.failed);
    buf_free(&out);
}

static void an_invalid_pointer_is_explained(void **state)
{
    (void)state;
    assert_null(json_pointer_wrong(SPAN_LITERAL("")));
    assert_null(json_pointer_wrong(SPAN_LITERAL("/a/~0~1/0")));
    assert_null(json_pointer_wrong(SPAN_LITERAL("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16")));
    assert_non_null(json_pointer_wrong(SPAN_LITERAL("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17")));
    assert_non_null(json_pointer_wrong(SPAN_LITERAL("a")));
    assert_non_null(json_pointer_wrong(SPAN_LITERAL("/~")));
    assert_non_null(json_pointer_wrong(SPAN_LITERAL("/~2")));
}

static void one_byte_order_mark_before_the_document_is_skipped(void **state)
{
    (void)state;
    assert_found("\xef\xbb\xbf{\"id\":\"a\"}", "/id", JSON_POINTER_STRING, "a");
    assert_found("\xef\xbb\xbf 7", "", JSON_POINTER_NUMBER, "7");
    assert_int_equal(find("\xef\xbb\xbf\xef\xbb\xbf{\"id\":\"a\"}", "/id"), JSON_POINTER_NO_JSON);
    assert_int_equal(find(" \xef\xbb\xbf{\"id\":\"a\"}", "/id"), JSON_POINTER_NO_JSON);
    assert_int_equal(find("{\"id\":\"a\"}\xef\xbb\xbf", "/id"), JSON_POINTER_NO_JSON);
    assert_int_equal(find("\xef\xbb{\"id\":\"a\"}", "/id"), JSON_POINTER_NO_JSON);
    assert_int_equal(find("\xef\xbb\xbf", "/id"), JSON_POINTER_NO_JSON);
}

/* Each of many pointers finds what it would find alone. */
static void many_pointers_find_in_one_pass_what_each_finds_alone(void **state)
{
    static const char *const documents[] = {
        "{\"a\":{\"b\":[1,{\"c\":\"x\"},3],\"~/\":\"y\"},\"d\":null,\"e\":7}",
        "{\"a\":{\"b\":1},\"a\":{\"b\":2},\"e\":7}",
        "{\"a\":{\"b\":[1,2],\"b\":[3]},\"e\":\"\\u0061\"}",
        "{\"\\u0061\":{\"\\u0062\":\"x\"},\"\\ud83d\":1}",
        "[1,[2,3],{\"a\":4}]",
        "{\"a\":{\"b\":1}",
        "\"text\"",
        "[]",
        "{}",
        "",
    };
    static const char *const pointers[] = {"",     "/a",     "/a/b", "/a/b/1/c", "/a/b/1", "/a/~0~1", "/d",
                                           "/d/x", "/e",     "/e",   "/0",       "/1/1",   "/2/a",    "/x",
                                           "/1",   "/a/b/0", "/2",   "/00",      "/a/b/c", "/-"};
    enum { COUNT = sizeof pointers / sizeof pointers[0] };
    _Static_assert(COUNT == JSON_POINTERS_MAX, "as many as are allowed");
    struct json_pointer_want wants[COUNT];

    (void)state;
    for (size_t d = 0; d < sizeof documents / sizeof documents[0]; d++) {
        for (size_t i = 0; i < COUNT; i++) {
            wants[i].pointer = span_of(pointers[i]);
        }
        json_pointer_find_all(span_of(documents[d]), wants, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            struct span found = {"", 0};

            assert_int_equal(wants[i].result,
                             json_pointer_find(span_of(documents[d]), span_of(pointers[i]), &found));
            assert_true(span_equal(wants[i].raw, found));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_find_their_values),
        cmocka_unit_test(a_missing_value_is_absent),
        cmocka_unit_test(in_a_malformed_document_nothing_is_found),
        cmocka_unit_test(white_space_and_every_kind_of_value_are_skipped),
        cmocka_unit_test(a_duplicate_key_on_the_path_is_ambiguous),
        cmocka_unit_test(nesting_is_limited_and_uses_no_stack),
        cmocka_unit_test(escapes_in_strings_are_decoded),
        cmocka_unit_test(an_invalid_pointer_is_explained),
        cmocka_unit_test(one_byte_order_mark_before_the_document_is_skipped),
        cmocka_unit_test(many_pointers_find_in_one_pass_what_each_finds_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
