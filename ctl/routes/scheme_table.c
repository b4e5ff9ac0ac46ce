/* SPDX-License-Identifier: MIT */
#include "scheme_table.h"

#include "gateway/verify/schemes.h"

#include <strings.h>

static const char *content_text(enum scheme_content content)
{
    switch (content) {
    case SCHEME_SIGNS_NOTHING:
        return "nothing: any sender is accepted";
    case SCHEME_SENDS_SECRET:
        return "nothing: the secret itself is sent";
    case SCHEME_SIGNS_BODY:
    case SCHEME_SIGNS_DECLARED:
        return "the body";
    case SCHEME_SIGNS_ID_TIME_BODY:
        return "id, time and body";
    case SCHEME_SIGNS_T_BODY:
    case SCHEME_SIGNS_V0_TIME_BODY:
        return "time and body";
    case SCHEME_SIGNS_URL_FORM:
        return "the URL, with a form's fields or a digest of the body";
    }
    return "";
}

static void append_signing(const struct scheme *s, struct buf *out)
{
    buf_append_text(out, content_text(s->content));
    switch (s->key) {
    case SCHEME_KEY_HMAC:
    case SCHEME_KEY_BASE64:
        buf_printf(out, ": HMAC, %s, %s%s%s", secret_key_algorithm_name(s->algorithm),
                   encoding_name(s->encoding), s->key == SCHEME_KEY_BASE64 ? "; or ed25519" : "",
                   (s->takes & SCHEME_ALGORITHM) != 0 ? "; or as the route says" : "");
        break;
    case SCHEME_KEY_ED25519:
    case SCHEME_KEY_P256:
        buf_printf(out, ": %s, %s; or as the route says",
                   s->key == SCHEME_KEY_P256 ? "ECDSA on P-256, sha256" : "ed25519",
                   encoding_name(s->encoding));
        break;
    case SCHEME_KEY_NONE:
    case SCHEME_KEY_TOKEN:
    case SCHEME_KEY_PASSWORD:
        break;
    }
}

static void append_headers(const struct scheme *s, struct buf *out)
{
    size_t begin = out->len;

    if ((s->takes & SCHEME_HEADER) != 0) {
        buf_append_text(out, (s->takes & SCHEME_TIME) != 0 ? "those of the route" : "that of the route");
    }
    for (size_t i = 0; i < SCHEME_READS; i++) {
        if (s->reads[i] != NULL) {
            buf_printf(out, "%s%s", out->len > begin ? ", " : "", s->reads[i]);
        }
    }
    for (size_t i = 0; i < SCHEME_READS; i++) {
        if (s->or_reads[i] != NULL) {
            buf_printf(out, "%s%s", i == 0 ? "; or " : ", ", s->or_reads[i]);
        }
    }
}

static void append_members(unsigned members, struct buf *out)
{
#define MEMBER(enumerator, bit, name) {name, enumerator},
    static const struct {
        const char *name;
        enum scheme_member member;
    } all[] = {SCHEME_MEMBERS(MEMBER)};
#undef MEMBER
    size_t begin = out->len;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if ((members & all[i].member) != 0) {
            buf_printf(out, "%s%s", out->len > begin ? ", " : "", all[i].name);
        }
    }
}

/* Header names as the provider spells them, where that is known. */
static void append_id(const struct scheme *s, struct buf *out)
{
    bool spelled;

    if (s->needs_id_rule) {
        buf_append_text(out, "must be named");
    }
    for (const struct event_id_rule *rule = s->id; rule->kind != EVENT_ID_END; rule++) {
        buf_append_text(out, rule == s->id ? "" : ", else ");
        switch (rule->kind) {
        case EVENT_ID_HEADER:
            spelled = s->sent.id != NULL && strcasecmp(s->sent.id, rule->text) == 0;
            buf_printf(out, "header %s", spelled ? s->sent.id : rule->text);
            break;
        case EVENT_ID_POINTER:
            buf_printf(out, "%s in the body", rule->text);
            break;
        case EVENT_ID_BODY:
            buf_append_text(out, "the body's SHA-256");
            break;
        case EVENT_ID_FRESH:
            buf_append_text(out, "a fresh UUID");
            break;
        case EVENT_ID_END:
            break;
        }
    }
}

void scheme_table(struct buf *out)
{
    for (int i = 0; i < SCHEME_COUNT; i++) {
        const struct scheme *s = scheme_of((enum verify_scheme)i);

        buf_printf(out, "%s\t", s->name);
        append_signing(s, out);
        buf_append_char(out, '\t');
        append_headers(s, out);
        buf_append_char(out, '\t');
        append_members(s->takes, out);
        buf_append_char(out, '\t');
        append_members(s->needs, out);
        buf_append_char(out, '\t');
        append_id(s, out);
        buf_printf(out, "\t%s\n", envelope_keep_name(s->keep));
    }
}
