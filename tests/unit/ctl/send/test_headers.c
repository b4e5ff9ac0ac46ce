/* SPDX-License-Identifier: MIT */
#include "ctl/send/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_line_is_added_without_white_space_and_a_name_may_come_twice(void **state)
{
    cJSON *headers = cJSON_CreateObject();
    struct error error;

    (void)state;
    assert_int_equal(headers_add_line(headers, "X-One:  a: b\t", &error), ERROR_NONE);
    assert_int_equal(headers_add_line(headers, "x-one:", &error), ERROR_NONE);
    assert_int_equal(cJSON_GetArraySize(headers), 2);
    assert_string_equal(cJSON_GetArrayItem(headers, 0)->string, "X-One");
    assert_string_equal(cJSON_GetArrayItem(headers, 0)->valuestring, "a: b");
    assert_string_equal(cJSON_GetArrayItem(headers, 1)->valuestring, "");
    cJSON_Delete(headers);
}

static void what_http_forbids_and_what_is_reserved_is_refused(void **state)
{
    static const struct {
        const char *line, *says;
    } wrong[] = {
        {"X One: a", "must be 'Name: value'"},
        {"X-One : a", "must be 'Name: value'"},
        {": a", "must be 'Name: value'"},
        {"", "must be 'Name: value'"},
        {"X-One", "must be 'Name: value'"},
        {"X-\xC3\xA9: a", "must be 'Name: value'"},
        {"X-One: a\r\nX-Two: b", "0x0D"},
        {"X-One: a\nb", "0x0A"},
        {"X-One: a\x7f", "0x7F"},
        {"content-length: 3", "the length of the body"},
        {"Transfer-Encoding: chunked", "with its length"},
        {"Webhook-ID: a", "use --id"},
    };
    cJSON *headers = cJSON_CreateObject();

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error error = {.text = ""};

        assert_int_equal(headers_add_line(headers, wrong[i].line, &error), ERROR_SETTING);
        if (strstr(error.text, wrong[i].says) == NULL) {
            fail_msg("%s: %s", wrong[i].line, error.text);
        }
    }
    assert_int_equal(cJSON_GetArraySize(headers), 0);
    cJSON_Delete(headers);
}

static void headers_replace_all_of_their_name_and_a_default_none(void **state)
{
    cJSON *headers = cJSON_Parse("{\"A\": \"1\", \"a\": \"2\", \"B\": \"3\"}");
    cJSON *more = cJSON_Parse("{\"a\": \"4\", \"A\": \"5\"}");
    char *text;

    (void)state;
    assert_true(headers_replace(headers, more));
    assert_true(headers_default(headers, "b", "6"));
    assert_true(headers_default(headers, "C", "7"));
    text = cJSON_PrintUnformatted(headers);
    assert_string_equal(text, "{\"B\":\"3\",\"a\":\"4\",\"A\":\"5\",\"C\":\"7\"}");
    cJSON_free(text);
    cJSON_Delete(headers);
    cJSON_Delete(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_added_without_white_space_and_a_name_may_come_twice),
        cmocka_unit_test(what_http_forbids_and_what_is_reserved_is_refused),
        cmocka_unit_test(headers_replace_all_of_their_name_and_a_default_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
