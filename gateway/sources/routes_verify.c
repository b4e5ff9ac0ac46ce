/* SPDX-License-Identifier: MIT */
#include "routes_verify.h"

#include "clock.h"
#include "gateway/verify/schemes.h"
#include "plain_line.h"
#include "routes_challenge.h"
#include "routes_signed.h"
#include "secret.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

#define FILE_NAME_MAX 4096
#define TEXT_MAX 255
#define TOLERANCE_LEAST CLOCK_US_PER_S
#define TOLERANCE_MOST (3600 * CLOCK_US_PER_S)

/* --- secrets ------------------------------------------------------------------------- */

/* Appends the contents of the file or the environment variable. is_key: it may be PEM in a file. False after
 * a complaint. */
static bool read_secret(const struct json_settings *file, const struct json_settings *env, bool is_key,
                        struct buf *text)
{
    enum error_code code;
    const char *name = NULL;
    struct error error;

    if (file->value != NULL) {
        if (!json_settings_text(file, 1, FILE_NAME_MAX, &name)) {
            return false;
        }
        code = is_key ? config_read_key_file(name, text, &error) : config_read_file(name, text, &error);
        if (code != ERROR_NONE) {
            json_settings_complain(file, "%s", error.text);
            return false;
        }
    } else {
        if (!json_settings_text(env, 1, TEXT_MAX, &name)) {
            return false;
        }
        if (getenv(name) == NULL) {
            json_settings_complain(env, "%s is not set", name);
            return false;
        }
        buf_append_text(text, getenv(name));
        if (plain_line_in_variable(buf_span(text), name, &error) != ERROR_NONE) {
            json_settings_complain(env, "%s", error.text);
            return false;
        }
    }
    if (text->len == 0) {
        json_settings_complain(file->value != NULL ? file : env, "%s is empty", name);
        return false;
    }
    return true;
}

/* Refuses publicly known secrets, and registers the others for redaction. False after a complaint. */
static bool accept_secret(const struct json_settings *p, struct span text)
{
    struct error error;

    if (secret_is_insecure(text)) {
        json_settings_complain(p, "is a publicly known development secret; `make secrets` writes real ones");
        return false;
    }
    if (secret_register(text, &error) != ERROR_NONE) {
        json_settings_complain(p, "%s", error.text);
        return false;
    }
    return true;
}

/* Checks one {"file": ...} or {"env": ...} and, when `read`, appends its secret. False after a complaint. */
static bool take_secret(const struct json_settings *p, bool read, bool is_key, struct buf *text)
{
    static const char *const members[] = {"file", "env", NULL};
    struct json_settings file, env;

    if (cJSON_IsString(p->value)) {
        json_settings_complain(
            p, "is text, but secrets are not allowed in this file; write {\"file\": ...} or {\"env\": ...}");
        return false;
    }
    if (!json_settings_is_object(p, members)) {
        return false;
    }
    file = json_settings_member(p, "file");
    env = json_settings_member(p, "env");
    if ((file.value == NULL) == (env.value == NULL)) {
        json_settings_complain(p, "needs either \"file\" or \"env\"");
        return false;
    }
    if (!read) {
        const char *name;

        return json_settings_text(file.value != NULL ? &file : &env, 1, FILE_NAME_MAX, &name);
    }
    return read_secret(&file, &env, is_key, text) && accept_secret(p, buf_span(text));
}

static void add_secret(const struct json_settings *p, bool read, struct verify_rule *rule)
{
    enum scheme_key key = scheme_of(rule->scheme)->key;
    struct buf text = {0};
    struct error error;

    if (take_secret(p, read, key == SCHEME_KEY_ED25519 || key == SCHEME_KEY_P256, &text) && read &&
        verify_rule_add_secret(rule, buf_span(&text), &error) != ERROR_NONE) {
        json_settings_complain(p, "%s", error.text);
    }
    secret_wipe(text.data, text.capacity);
    buf_free(&text);
}

static void add_secrets(const struct json_settings *p, const struct scheme *scheme, bool read,
                        struct verify_rule *rule)
{
    int count;

    if (scheme->key == SCHEME_KEY_NONE) {
        if (p->value != NULL) {
            json_settings_complain(p, "is not allowed for the scheme %s, which checks nothing", scheme->name);
        }
        return;
    }
    count = json_settings_items(p, 1, VERIFY_SECRETS_MAX);
    for (int i = 0; i < count; i++) {
        struct json_settings item = json_settings_item(p, i);

        add_secret(&item, read, rule);
    }
}

/* --- verify -------------------------------------------------------------------------- */

/* A copy of the public URL, with the path prefix that a proxy removes. NULL after a complaint. */
static char *public_url(const struct json_settings *p)
{
    char *text = json_settings_copy(p, 1, TEXT_MAX);
    struct url url;

    if (text == NULL) {
        return NULL;
    }
    url = url_split(text);
    if ((!span_equal(url.scheme, SPAN_LITERAL("https")) && !span_equal(url.scheme, SPAN_LITERAL("http"))) ||
        url.authority.len == 0 || strpbrk(text, "@?# ") != NULL || text[strlen(text) - 1] == '/') {
        json_settings_complain(
            p, "is not https://host, https://host:port or https://host/prefix without a / at the end");
        free(text);
        return NULL;
    }
    return text;
}

static char *verify_token(const struct json_settings *p, bool read)
{
    struct buf text = {0};
    char *copy = NULL;

    if (take_secret(p, read, false, &text) && read) {
        copy = json_settings_stored(p, buf_text(&text));
    }
    secret_wipe(text.data, text.capacity);
    buf_free(&text);
    return copy;
}

static enum declaration_secret secret_encoding(const struct json_settings *p)
{
    static const char *const encodings[] = {[DECLARATION_SECRET_TEXT] = "text",
                                            [DECLARATION_SECRET_BASE64] = "base64",
                                            [DECLARATION_SECRET_HEX] = "hex",
                                            NULL};
    int choice = json_settings_choice(p, encodings);

    return choice < 0 ? DECLARATION_SECRET_TEXT : (enum declaration_secret)choice;
}

static void take_member(const struct json_settings *p, enum scheme_member member, bool read,
                        struct verify_rule *rule)
{
    static const char *const algorithms[] = {"sha256", "sha1", "sha512", NULL};
    static const char *const encodings[] = {"hex", "base64", "base64url", NULL};
    int64_t us;
    int choice;

    switch (member) {
    case SCHEME_TOLERANCE:
        if (json_settings_quantity(p, CONFIG_DURATION, TOLERANCE_LEAST, TOLERANCE_MOST, &us)) {
            rule->tolerance_s = us / CLOCK_US_PER_S;
            if (us % CLOCK_US_PER_S != 0) {
                json_settings_complain(p, "is not a whole number of seconds");
            }
        }
        break;
    case SCHEME_HEADER:
        rule->header = json_settings_header(p);
        break;
    case SCHEME_ALGORITHM:
        choice = json_settings_choice(p, algorithms);
        if (choice >= 0) {
            (void)secret_key_algorithm_of(span_of(algorithms[choice]), &rule->algorithm);
        }
        break;
    case SCHEME_ENCODING:
        choice = json_settings_choice(p, encodings);
        if (choice >= 0) {
            (void)encoding_of(span_of(encodings[choice]), &rule->encoding);
        }
        break;
    case SCHEME_PREFIX:
        rule->prefix = json_settings_copy(p, 1, TEXT_MAX);
        break;
    case SCHEME_USER:
        rule->user = json_settings_copy(p, 1, TEXT_MAX);
        break;
    case SCHEME_URL:
        rule->url = public_url(p);
        break;
    case SCHEME_VERIFY_TOKEN:
        rule->verify_token = verify_token(p, read);
        break;
    case SCHEME_SIGNED:
        routes_signed_parts(p, &rule->declaration);
        break;
    case SCHEME_TIME:
        routes_signed_time(p, &rule->declaration);
        break;
    case SCHEME_FIELD:
        routes_signed_field(p, &rule->declaration);
        break;
    case SCHEME_POINTER:
        routes_signed_pointer(p, &rule->declaration);
        break;
    case SCHEME_SECRET_ENCODING:
        rule->declaration.secret = secret_encoding(p);
        break;
    case SCHEME_SECRET_PREFIX:
        rule->declaration.secret_prefix = json_settings_copy(p, 1, TEXT_MAX);
        break;
    }
}

static void take_members(const struct json_settings *verify, const struct scheme *scheme, bool read,
                         struct verify_rule *rule)
{
#define MEMBER(enumerator, bit, name) {name, enumerator},
    static const struct {
        const char *name;
        enum scheme_member member;
    } members[] = {SCHEME_MEMBERS(MEMBER)};
#undef MEMBER

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct json_settings p = json_settings_member(verify, members[i].name);

        if (p.value == NULL && (scheme->needs & members[i].member) != 0) {
            json_settings_complain(&p, "is missing: the scheme %s requires it", scheme->name);
        } else if (p.value != NULL && (scheme->takes & members[i].member) == 0) {
            json_settings_complain(&p, "is not allowed for the scheme %s%s", scheme->name,
                                   members[i].member == SCHEME_TOLERANCE ? ", which has no timestamp" : "");
        } else if (p.value != NULL) {
            take_member(&p, members[i].member, read, rule);
        }
    }
}

const struct scheme *routes_verify_read(const struct json_settings *verify, bool secrets,
                                        struct source *source)
{
#define NAME(enumerator, bit, name) name,
    static const char *const members[] = {"scheme", "secrets", "challenge", SCHEME_MEMBERS(NAME) NULL};
#undef NAME
    const struct scheme *scheme;
    const char *name;
    struct json_settings p;

    if (verify->value == NULL) {
        json_settings_complain(
            verify,
            "is missing: name a scheme, or write {\"scheme\": \"none\"} to accept unverified requests");
        return NULL;
    }
    if (!json_settings_is_object(verify, members)) {
        return NULL;
    }
    p = json_settings_member(verify, "scheme");
    if (!json_settings_text(&p, 1, TEXT_MAX, &name)) {
        return NULL;
    }
    scheme = scheme_named(span_of(name));
    if (scheme == NULL) {
        struct buf known = {0};

        scheme_names(&known);
        json_settings_complain(&p, "\"%.40s\" is none of: %s", name, buf_text(&known));
        buf_free(&known);
        return NULL;
    }
    source->verify = scheme_rule(scheme);
    take_members(verify, scheme, secrets, &source->verify);
    if ((scheme->takes & SCHEME_SIGNED) != 0) {
        routes_signed_check(verify, &source->verify);
    }
    p = json_settings_member(verify, "challenge");
    if (p.value != NULL) {
        routes_challenge_read(&p, &source->verify);
    }
    p = json_settings_member(verify, "secrets");
    if ((scheme->needs & SCHEME_USER) != 0 && source->verify.user == NULL) {
        return scheme; /* keys need the user, which is missing: that is a complaint already */
    }
    add_secrets(&p, scheme, secrets, &source->verify);
    return scheme;
}
