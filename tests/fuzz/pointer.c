/* SPDX-License-Identifier: MIT */
#include "gateway/event/event_order.h"
#include "gateway/event/json_pointer.h"
#include "gateway/event/json_scan.h"

#include "lines.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Together with others, the pointer finds the same. */
static void assert_same(struct span document, struct span pointer, enum json_pointer_result result,
                        struct span raw)
{
    struct json_pointer_want wants[] = {{.pointer = SPAN_LITERAL("")},
                                        {.pointer = pointer},
                                        {.pointer = SPAN_LITERAL("/a/0")},
                                        {.pointer = pointer}};
    bool valued = result == JSON_POINTER_STRING || result == JSON_POINTER_NUMBER;

    json_pointer_find_all(document, wants, sizeof wants / sizeof wants[0]);
    for (size_t i = 1; i <= 3; i += 2) {
        if (wants[i].result != result ||
            (valued && (wants[i].raw.data != raw.data || wants[i].raw.len != raw.len))) {
            abort();
        }
    }
}

/* The order is the same whether it is read alone or in the pass for an id. */
static void assert_same_order(struct span document, struct span pointer, enum json_pointer_result result)
{
    static struct body_memory memory = {.most = INT64_MAX};
    const struct request request = {.header_count = 0};
    struct event_order_rule rule = {EVENT_ORDER_POINTER, calloc(1, pointer.len + 1)};
    struct event_order orders[2];
    struct reply reply;
    struct span raw;

    if (rule.text != NULL && pointer.len > 0) {
        memcpy(rule.text, pointer.data, pointer.len); /* not strndup: ASan demands a NUL after the span */
    }
    for (int i = 0; rule.text != NULL && i < 2; i++) {
        struct body_text text = body_text_of(&request, document, document.len, &memory);

        event_order_begin(&rule, &text);
        if (i == 1) {
            (void)body_text_find(&text, SPAN_LITERAL("/a"), &raw);
        }
        if (!event_order_take(&rule, &request, &text, &orders[i], &reply) ||
            (orders[i].found && result != JSON_POINTER_STRING && result != JSON_POINTER_NUMBER) ||
            orders[i].found != orders[0].found || orders[i].value != orders[0].value) {
            abort();
        }
        body_text_free(&text);
    }
    free(rule.text);
}

/* A line with the pointer, then the document: what is found lies within the document. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span document = {(const char *)data, size}, pointer, raw = {"", 0};
    struct buf text = {0};
    enum json_pointer_result result;

    if (!lines_next(&document, &pointer) || json_pointer_wrong(pointer) != NULL) {
        return 0;
    }
    result = json_pointer_find(document, pointer, &raw);
    assert_same(document, pointer, result, raw);
    if (memchr(pointer.data, '\0', pointer.len) == NULL) {
        assert_same_order(document, pointer, result);
    }
    if (result == JSON_POINTER_STRING || result == JSON_POINTER_NUMBER) {
        if (raw.data < document.data || raw.len > document.len ||
            (size_t)(raw.data - document.data) > document.len - raw.len) {
            abort();
        }
        if (result == JSON_POINTER_STRING && json_scan_unescape(raw, &text) && text.len > raw.len) {
            abort();
        }
    }
    buf_free(&text);
    return 0;
}
