/* SPDX-License-Identifier: MIT */
#include "event_id.h"

#include "clock.h"
#include "json_scan.h"
#include "text.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SHA256_BYTES 32
#define RANDOM_NUMBERS 32     /* drawn with one system call, which is never cut short up to 256 bytes */
#define INTEGER_DIGITS_MAX 20 /* as many as the largest 64-bit integer, 18446744073709551615, has */

/* A number that nobody can foresee. Each thread draws several at once. */
static bool take_random(uint64_t *random)
{
    static _Thread_local struct {
        uint64_t numbers[RANDOM_NUMBERS];
        size_t left;
    } own;

    if (own.left == 0) {
        if (getrandom(own.numbers, sizeof own.numbers, 0) != (ssize_t)sizeof own.numbers) {
            return false;
        }
        own.left = RANDOM_NUMBERS;
    }
    *random = own.numbers[--own.left];
    return true;
}

/* 48 bits of milliseconds, version, 12 bits of fraction of a millisecond (so that the ids of one process sort
 * by arrival), variant, 62 random bits. */
static bool make_uuid(int64_t received_us, struct event_id *id)
{
    uint64_t ms = (uint64_t)(received_us / CLOCK_US_PER_MS);
    unsigned fraction = (unsigned)(received_us % CLOCK_US_PER_MS * 4096 / CLOCK_US_PER_MS);
    uint64_t random;

    if (!take_random(&random)) {
        return false;
    }
    id->len = (size_t)snprintf(id->text, sizeof id->text, "%08x-%04x-7%03x-%04x-%012" PRIx64,
                               (unsigned)(ms >> 16), (unsigned)(ms & 0xffff), fraction,
                               (unsigned)(0x8000 | (random >> 48 & 0x3fff)), random & 0xffffffffffff);
    return true;
}

static bool make_hash(struct span text, struct event_id *id)
{
    static const char prefix[] = "sha256:";
    unsigned char digest[SHA256_BYTES];

    if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    memcpy(id->text, prefix, sizeof prefix);
    id->len = sizeof prefix - 1;
    text_write_hex(digest, sizeof digest, id->text + id->len);
    id->len += 2 * sizeof digest;
    id->text[id->len] = '\0';
    return true;
}

static bool use_hash(struct span text, struct event_id *id, struct reply *reply)
{
    return make_hash(text, id) || reply_refuse(reply, REPLY_MEMORY, "no memory to hash the id");
}

/* An id that may be stored as it is: it can be logged and compared without quoting. */
static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return text.len <= ENVELOPE_ID_MAX;
}

/* Nothing but white space and control characters: it identifies no event. */
static bool is_blank(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] > ' ' && text.data[i] != 0x7f) {
            return false;
        }
    }
    return true;
}

enum fit {
    FIT_FOUND,
    FIT_BLANK,
    FIT_NONE,
    FIT_REFUSED, /* *reply says why */
};

static enum fit use_text(struct span text, struct event_id *id, struct reply *reply)
{
    if (is_blank(text)) {
        return FIT_BLANK;
    }
    if (!is_plain(text)) {
        return use_hash(text, id, reply) ? FIT_FOUND : FIT_REFUSED;
    }
    memcpy(id->text, text.data, text.len);
    id->text[text.len] = '\0';
    id->len = text.len;
    return FIT_FOUND;
}

static enum fit take_header(const char *name, const struct request *request, struct event_id *id,
                            struct reply *reply)
{
    struct span value;
    size_t found = request_find(request, name, &value);

    if (found > 1) {
        (void)reply_refuse(reply, REPLY_BAD_ID, "the request has %zu %s headers; send one", found, name);
        return FIT_REFUSED;
    }
    return found == 0 ? FIT_NONE : use_text(value, id, reply);
}

/* Half a surrogate pair has no text: such a string is taken as it is written. */
static enum fit use_string(struct span raw, struct event_id *id, struct reply *reply)
{
    struct buf text = {0};
    enum fit fit = FIT_REFUSED;

    if (memchr(raw.data, '\\', raw.len) == NULL) {
        return use_text(raw, id, reply);
    }
    if (json_scan_unescape(raw, &text)) {
        fit = use_text(buf_span(&text), id, reply);
    } else if (text.failed) {
        (void)reply_refuse(reply, REPLY_MEMORY, "no memory for the id");
    } else if (use_hash(raw, id, reply)) {
        fit = FIT_FOUND;
    }
    buf_free(&text);
    return fit;
}

static bool is_integer(struct span number)
{
    size_t sign = number.data[0] == '-';

    return number.len - sign <= INTEGER_DIGITS_MAX &&
           text_is_digits((struct span){number.data + sign, number.len - sign});
}

static enum fit use_number(struct span number, struct event_id *id, struct reply *reply)
{
    if (is_integer(number)) {
        return use_text(number, id, reply);
    }
    return use_hash(number, id, reply) ? FIT_FOUND : FIT_REFUSED;
}

static enum fit take_pointer(const char *pointer, struct body_text *body, struct event_id *id,
                             struct reply *reply)
{
    struct span raw = {"", 0};

    switch (body_text_find(body, span_of(pointer), &raw)) {
    case JSON_POINTER_STRING:
        return use_string(raw, id, reply);
    case JSON_POINTER_NUMBER:
        return use_number(raw, id, reply);
    case JSON_POINTER_AMBIGUOUS:
        (void)reply_refuse(reply, REPLY_BAD_ID, "the body has a key of %s twice", pointer);
        return FIT_REFUSED;
    case JSON_POINTER_OTHER:
    case JSON_POINTER_ABSENT:
    case JSON_POINTER_NO_JSON:
        break;
    }
    if (body->flaw == BODY_TEXT_MEMORY) {
        (void)reply_refuse(reply, REPLY_MEMORY, "no memory to inflate the body; send the event again later");
        return FIT_REFUSED;
    }
    return FIT_NONE;
}

static enum fit take_by(const struct event_id_rule *rule, const struct request *request,
                        struct body_text *body, int64_t received_us, struct event_id *id, struct reply *reply)
{
    switch (rule->kind) {
    case EVENT_ID_HEADER:
        return take_header(rule->text, request, id, reply);
    case EVENT_ID_POINTER:
        return take_pointer(rule->text, body, id, reply);
    case EVENT_ID_BODY:
        return use_hash(body->body, id, reply) ? FIT_FOUND : FIT_REFUSED;
    case EVENT_ID_FRESH:
        if (make_uuid(received_us, id)) {
            return FIT_FOUND;
        }
        (void)reply_refuse(reply, REPLY_MEMORY, "no random bytes for an id");
        return FIT_REFUSED;
    case EVENT_ID_END:
        break;
    }
    return FIT_NONE;
}

static bool refuse(const struct event_id_rule *rules, const struct body_text *body, struct reply *reply)
{
    struct buf places = {0};

    for (const struct event_id_rule *rule = rules; rule->kind != EVENT_ID_END; rule++) {
        buf_printf(&places, "%s%s", rule == rules ? "" : ", ", rule->text);
    }
    body_text_append_flaw(body, &places);
    (void)reply_refuse(reply, REPLY_BAD_ID, "there is no id in %s", buf_text(&places));
    buf_free(&places);
    return false;
}

bool event_id_take(const struct event_id_rule *rules, const struct request *request, struct body_text *body,
                   int64_t received_us, struct event_id *id, struct reply *reply)
{
    const struct event_id_rule *blank = NULL;

    for (const struct event_id_rule *rule = rules; rule->kind != EVENT_ID_END; rule++) {
        id->keep = rule->keep;
        switch (take_by(rule, request, body, received_us, id, reply)) {
        case FIT_FOUND:
            return true;
        case FIT_REFUSED:
            return false;
        case FIT_BLANK:
            blank = blank == NULL ? rule : blank;
            break;
        case FIT_NONE:
            break;
        }
    }
    if (blank == NULL) {
        return refuse(rules, body, reply);
    }
    id->keep = blank->keep;
    return use_hash(body->body, id, reply);
}
