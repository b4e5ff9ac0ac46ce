/* SPDX-License-Identifier: MIT */
#include "trace_context.h"

#include "text.h"

#include <string.h>

#define PARENT_LEN 55
#define MEMBERS_MAX 32
#define KEY_MAX 256
#define VALUE_MAX 256
#define MEMBER_LONG 128

/* --- traceparent ------------------------------------------------------------- */

static bool is_lower_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.data[i] >= '0' && s.data[i] <= '9') || (s.data[i] >= 'a' && s.data[i] <= 'f'))) {
            return false;
        }
    }
    return true;
}

static bool is_zero(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] != '0') {
            return false;
        }
    }
    return true;
}

static struct span trace_id(struct span traceparent)
{
    return (struct span){traceparent.data + 3, 32};
}

/* The end of a version's fields: version 00 has no more of them. */
static bool ends_well(struct span s)
{
    bool first_version = memcmp(s.data, "00", 2) == 0;

    return s.len == PARENT_LEN ||
           (!first_version && s.data[PARENT_LEN] == '-' && s.len <= TRACE_PARENT_MAX && span_is_text(s));
}

bool trace_parent_is_valid(struct span s)
{
    struct span version = {s.data, 2}, parent, flags;

    if (s.len < PARENT_LEN) {
        return false;
    }
    parent = (struct span){s.data + 36, 16};
    flags = (struct span){s.data + 53, 2};
    return is_lower_hex(version) && memcmp(s.data, "ff", 2) != 0 && s.data[2] == '-' && s.data[35] == '-' &&
           s.data[52] == '-' && is_lower_hex(trace_id(s)) && is_lower_hex(parent) && is_lower_hex(flags) &&
           !is_zero(trace_id(s)) && !is_zero(parent) && ends_well(s);
}

struct log_field trace_field(struct span traceparent)
{
    if (!trace_parent_is_valid(traceparent)) {
        return (struct log_field){.key = NULL};
    }
    return log_span("trace_id", trace_id(traceparent));
}

/* --- tracestate -------------------------------------------------------------- */

/* Takes the next member of the list, without the blanks around it; it may be empty. False at the end. */
static bool take_member(struct span *left, struct span *member)
{
    const char *comma;
    size_t len;

    if (left->data == NULL) {
        return false;
    }
    comma = memchr(left->data, ',', left->len);
    len = comma == NULL ? left->len : (size_t)(comma - left->data);
    *member = text_trim((struct span){left->data, len});
    *left = comma == NULL ? (struct span){NULL, 0} : (struct span){comma + 1, left->len - len - 1};
    return true;
}

static bool is_key(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool sign = c == '_' || c == '-' || c == '*' || c == '/' || c == '@';

        if (!plain && (i == 0 || !sign)) {
            return false;
        }
    }
    return s.len >= 1 && s.len <= KEY_MAX;
}

static bool is_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < ' ' || s.data[i] > '~' || s.data[i] == '=') {
            return false;
        }
    }
    return s.len >= 1 && s.len <= VALUE_MAX;
}

static bool is_member(struct span s)
{
    const char *equals = memchr(s.data, '=', s.len);
    size_t key = equals == NULL ? s.len : (size_t)(equals - s.data);

    return equals != NULL && is_key((struct span){s.data, key}) &&
           is_value((struct span){equals + 1, s.len - key - 1});
}

static bool is_list(struct span s)
{
    struct span member;
    size_t members = 0;

    while (take_member(&s, &member)) {
        if (member.len == 0) {
            continue; /* the grammar allows empty ones */
        }
        if (!is_member(member) || ++members > MEMBERS_MAX) {
            return false;
        }
    }
    return members > 0;
}

bool trace_state_is_valid(struct span tracestate)
{
    return tracestate.len <= TRACE_STATE_MAX && is_list(tracestate);
}

/* Appends the members that fit. */
static void append_short(struct span s, struct buf *out)
{
    size_t from = out->len;
    struct span member;

    while (take_member(&s, &member)) {
        size_t comma = out->len > from;

        if (member.len == 0 || member.len > MEMBER_LONG) {
            continue;
        }
        if (out->len - from + comma + member.len > TRACE_STATE_MAX) {
            return;
        }
        buf_append_text(out, comma ? "," : "");
        buf_append_span(out, member);
    }
}

bool trace_state_append(struct span tracestate, struct buf *out)
{
    size_t from = out->len;

    if (!is_list(tracestate)) {
        return false;
    }
    if (tracestate.len <= TRACE_STATE_MAX) {
        buf_append_span(out, tracestate);
    } else {
        append_short(tracestate, out);
    }
    return !out->failed && out->len > from;
}
