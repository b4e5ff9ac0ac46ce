/* SPDX-License-Identifier: MIT */
#include "event_order.h"

#include "gateway/verify/timestamp.h"
#include "json_scan.h"

#include <string.h>

#define ESCAPED_MAX 1024 /* bytes of a string with escapes: more than any time or integer has */

/* False for anything but digits with or without a sign, and beyond 64 bits. */
static bool read_integer(struct span text, int64_t *value)
{
    size_t sign = text.len > 0 && text.data[0] == '-';
    int64_t number = 0; /* negative, because that range is the larger one */

    for (size_t i = sign; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, text.data[i] - '0', &number)) {
            return false;
        }
    }
    if (text.len == sign || (sign == 0 && number == INT64_MIN)) {
        return false;
    }
    *value = sign == 0 ? -number : number;
    return true;
}

static struct event_order read_text(struct span text)
{
    struct event_order order = {.found = false};

    order.found = read_integer(text, &order.value) || timestamp_read_us(text, &order.value);
    return order;
}

/* Some senders write the + of an offset as \u002B. */
static bool read_string(struct span raw, struct event_order *order, struct reply *reply)
{
    struct buf text = {0};
    bool failed;

    if (memchr(raw.data, '\\', raw.len) == NULL) {
        *order = read_text(raw);
        return true;
    }
    if (raw.len <= ESCAPED_MAX && json_scan_unescape(raw, &text)) {
        *order = read_text(buf_span(&text));
    }
    failed = text.failed;
    buf_free(&text);
    return !failed ||
           reply_refuse(reply, REPLY_MEMORY, "no memory for the order; send the event again later");
}

static bool take_pointer(struct body_text *body, struct event_order *order, struct reply *reply)
{
    const struct json_pointer_want *want = body_text_also(body);

    switch (want->result) {
    case JSON_POINTER_STRING:
        return read_string(want->raw, order, reply);
    case JSON_POINTER_NUMBER:
        order->found = read_integer(want->raw, &order->value);
        return true;
    case JSON_POINTER_OTHER:
    case JSON_POINTER_ABSENT:
    case JSON_POINTER_AMBIGUOUS:
    case JSON_POINTER_NO_JSON:
        break;
    }
    return body->flaw != BODY_TEXT_MEMORY ||
           reply_refuse(reply, REPLY_MEMORY, "no memory to inflate the body; send the event again later");
}

void event_order_begin(const struct event_order_rule *rule, struct body_text *body)
{
    if (rule->kind == EVENT_ORDER_POINTER) {
        body->also.pointer = span_of(rule->text);
    }
}

bool event_order_take(const struct event_order_rule *rule, const struct request *request,
                      struct body_text *body, struct event_order *order, struct reply *reply)
{
    struct span value;

    *order = (struct event_order){.found = false};
    switch (rule->kind) {
    case EVENT_ORDER_NONE:
        break;
    case EVENT_ORDER_HEADER:
        if (request_find(request, rule->text, &value) == 1) {
            *order = read_text(value);
        }
        break;
    case EVENT_ORDER_POINTER:
        return take_pointer(body, order, reply);
    }
    return true;
}
