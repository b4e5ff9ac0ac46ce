/* SPDX-License-Identifier: MIT */
#include "ctl/send/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_pointer_finds_the_id_whatever_the_body_was(void **state)
{
    static const struct {
        const char *pointer, *before, *after;
    } cases[] = {
        {"/id", "{\"id\": \"an-id\"}", "{\"id\": \"an-id\"}"}, /* there already: not written anew */
        {"/id", "{\"id\": 1}", "{\"id\":\"an-id\"}"},
        {"/order/id", "{\"a\": 1}", "{\"a\":1,\"order\":{\"id\":\"an-id\"}}"},
        {"/a/b", "{\"a\": [1]}", "{\"a\":{\"b\":\"an-id\"}}"},
        {"/a/0/b", "{\"a\": [{\"b\": 1, \"c\": 2}]}", "{\"a\":[{\"b\":\"an-id\",\"c\":2}]}"},
        {"/a~1b~0", "{}", "{\"a/b~\":\"an-id\"}"},
        {"/a", "{\"a\": {\"b\": 1}}", "{\"a\":\"an-id\"}"},
        {"", "{\"a\": 1}", "\"an-id\""},
        {"/id", "MessageSid=1", "MessageSid=1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct event_id_rule rule = {EVENT_ID_POINTER, cases[i].pointer, ENVELOPE_KEEP_FIRST};
        struct buf body = {0};

        buf_append_text(&body, cases[i].before);
        assert_true(sample_place_id(&rule, SPAN_LITERAL("an-id"), NULL, &body));
        assert_string_equal(buf_text(&body), cases[i].after);
        buf_free(&body);
    }
}

static void shopifys_event_has_the_headers_that_its_sdk_requires(void **state)
{
    static const char *const needed[] = {"X-Shopify-Shop-Domain", "X-Shopify-API-Version",
                                         "X-Shopify-Event-Id"};
    cJSON *headers = cJSON_Parse("{\"x-shopify-api-version\": \"mine\"}");

    (void)state;
    assert_true(sample_headers(scheme_of(VERIFY_SHOPIFY), SPAN_LITERAL("an-id"), headers));
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        assert_true(cJSON_HasObjectItem(headers, needed[i]));
    }
    assert_int_equal(cJSON_GetArraySize(headers), 3);
    assert_string_equal(cJSON_GetObjectItem(headers, "X-Shopify-API-Version")->valuestring, "mine");
    assert_string_equal(cJSON_GetObjectItem(headers, "X-Shopify-Event-Id")->valuestring, "an-id");
    cJSON_Delete(headers);
}

static void json_is_written_without_blanks_as_zoom_and_workos_need_it(void **state)
{
    size_t count = 0;

    (void)state;
    for (int i = VERIFY_STANDARD; i < SCHEME_COUNT; i++) {
        struct buf body = {0};
        cJSON *json;
        char *text;

        sample_body(scheme_of((enum verify_scheme)i), SPAN_LITERAL("an-id"), &body);
        json = cJSON_ParseWithLength(body.data, body.len);
        text = json == NULL ? NULL : cJSON_PrintUnformatted(json);
        if (text != NULL) {
            assert_string_equal(buf_text(&body), text);
            count++;
        }
        cJSON_free(text);
        cJSON_Delete(json);
        buf_free(&body);
    }
    assert_int_equal(count, SCHEME_COUNT - 2); /* all but none, and Twilio's form */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pointer_finds_the_id_whatever_the_body_was),
        cmocka_unit_test(shopifys_event_has_the_headers_that_its_sdk_requires),
        cmocka_unit_test(json_is_written_without_blanks_as_zoom_and_workos_need_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
