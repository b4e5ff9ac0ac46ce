/* SPDX-License-Identifier: MIT */
#include "declared_challenge.h"

#include "form.h"
#include "gateway/event/json_pointer.h"
#include "gateway/event/json_scan.h"

#include <stdlib.h>

unsigned declared_challenge_methods(const struct declared_challenge *challenge)
{
    switch (challenge->place) {
    case DECLARED_CHALLENGE_NONE:
        break;
    case DECLARED_CHALLENGE_QUERY:
    case DECLARED_CHALLENGE_HEADER:
        return request_method(SPAN_LITERAL("GET")) | request_method(SPAN_LITERAL("POST"));
    case DECLARED_CHALLENGE_POINTER:
        return request_method(SPAN_LITERAL("POST"));
    case DECLARED_CHALLENGE_CLOUDEVENTS:
        return request_method(SPAN_LITERAL("OPTIONS"));
    case DECLARED_CHALLENGE_HEAD:
        return request_method(SPAN_LITERAL("HEAD"));
    }
    return 0;
}

void declared_challenge_free(struct declared_challenge *challenge)
{
    free(challenge->name);
    free(challenge->echo_name);
    free(challenge->mark_header);
    free(challenge->mark_value);
    *challenge = (struct declared_challenge){0};
}

/* --- may this request be one ------------------------------------------------------------ */

static bool has_mark(const struct declared_challenge *challenge, const struct request *request)
{
    struct span value;

    return request_find(request, challenge->mark_header, &value) == 1 &&
           span_equal(value, span_of(challenge->mark_value));
}

static bool may_be(const struct declared_challenge *challenge, const struct request *request,
                   enum declared_challenge_proof proof, bool is_event_method)
{
    if ((declared_challenge_methods(challenge) & request_method(request->method)) == 0) {
        return false;
    }
    if (challenge->mark_header != NULL && !has_mark(challenge, request)) {
        return false;
    }
    switch (proof) {
    case DECLARED_CHALLENGE_UNCHECKED:
        return true;
    case DECLARED_CHALLENGE_UNPROVEN:
        return challenge->mark_header == NULL;
    case DECLARED_CHALLENGE_REFUTED:
        return false;
    case DECLARED_CHALLENGE_PROVEN:
        return challenge->mark_header != NULL || !is_event_method;
    }
    return false;
}

/* --- its text --------------------------------------------------------------------------- */

static void take_member(struct span query, const char *wanted, struct buf *text)
{
    struct buf decoded = {0};
    struct span name, value;
    bool found = false;

    while (!found && !text->failed && form_next(&query, &name, &value)) {
        buf_clear(&decoded);
        form_decode(name, &decoded);
        found = span_equal(buf_span(&decoded), span_of(wanted));
        text->failed |= decoded.failed;
    }
    if (found) {
        form_decode(value, text);
    }
    buf_free(&decoded);
}

/* True when the body is an object with one member. */
static bool has_one_member(struct span body)
{
    struct json_scan c = {body.data, body.data + body.len};
    struct span name;

    return json_scan_take(&c, '{') && json_scan_key(&c, &name) && json_scan_value(&c) &&
           json_scan_take(&c, '}') && json_scan_peek(&c) == '\0' && c.at == c.end;
}

static void take_string(const struct declared_challenge *challenge, struct span body, struct buf *text)
{
    struct span raw;

    if (body.len == 0 || body.len > DECLARED_CHALLENGE_BODY_MAX ||
        (challenge->mark_header == NULL && !has_one_member(body)) ||
        json_pointer_find(body, span_of(challenge->name), &raw) != JSON_POINTER_STRING) {
        return;
    }
    if (!json_scan_unescape(raw, text) && !text->failed) {
        buf_clear(text);
    }
}

/* Appends the challenge; nothing when the request has none. Check text->failed. */
static void take_text(const struct declared_challenge *challenge, const struct request *request,
                      struct span body, struct buf *text)
{
    struct span value = {"", 0};

    switch (challenge->place) {
    case DECLARED_CHALLENGE_NONE:
    case DECLARED_CHALLENGE_HEAD:
        break;
    case DECLARED_CHALLENGE_QUERY:
        if (body.len == 0) {
            take_member(request->query, challenge->name, text);
        }
        break;
    case DECLARED_CHALLENGE_HEADER:
        if (body.len == 0 || span_equal(body, SPAN_LITERAL("{}"))) {
            (void)request_find(request, challenge->name, &value);
        }
        break;
    case DECLARED_CHALLENGE_POINTER:
        take_string(challenge, body, text);
        break;
    case DECLARED_CHALLENGE_CLOUDEVENTS:
        (void)request_find(request, "webhook-request-origin", &value);
        break;
    }
    buf_append_span(text, value);
}

/* --- the answer ------------------------------------------------------------------------- */

/* Within these bytes the text can neither end a header nor change what a log line or a terminal shows. No
 * byte needs a meaning to be taken from it: the reply is plain text or JSON, and forbids guessing its type.
 */
static bool is_printable(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.len <= CHALLENGE_TEXT_MAX;
}

bool declared_challenge_answer(const struct declared_challenge *challenge, const struct request *request,
                               struct span body, enum declared_challenge_proof proof, bool is_event_method,
                               struct reply *reply)
{
    struct buf text = {0};
    bool found;

    if (!may_be(challenge, request, proof, is_event_method)) {
        return false;
    }
    take_text(challenge, request, body, &text);
    found = text.failed || text.len > 0 || challenge->place == DECLARED_CHALLENGE_HEAD;
    if (text.failed) {
        (void)reply_refuse(reply, REPLY_MEMORY, "no memory for the challenge; try again later");
    } else if (!is_printable(buf_span(&text))) {
        (void)reply_refuse(reply, REPLY_MALFORMED,
                           "the challenge is not at most %d printable ASCII characters", CHALLENGE_TEXT_MAX);
    } else if (found) {
        reply_return(reply, challenge->echo, challenge->echo_name, buf_span(&text));
    }
    buf_free(&text);
    return found;
}
