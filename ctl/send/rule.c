/* SPDX-License-Identifier: MIT */
#include "rule.h"

#include <string.h>

static enum error_code take_text(char **member, const char *value, struct error *error)
{
    *member = value == NULL ? NULL : strdup(value);
    return value != NULL && *member == NULL ? error_set(error, ERROR_MEMORY, "out of memory") : ERROR_NONE;
}

/* Reports an option that the scheme doesn't accept, or that it requires and is missing. */
static enum error_code check_options(const struct scheme *scheme, const struct sign_options *o,
                                     struct error *error)
{
    const struct {
        const char *name, *value;
        unsigned member;
    } options[] = {
        {"--header", o->header, SCHEME_HEADER},
        {"--algorithm", o->algorithm, SCHEME_ALGORITHM},
        {"--encoding", o->encoding, SCHEME_ENCODING},
        {"--prefix", o->prefix, SCHEME_PREFIX},
        {"--user", o->user, SCHEME_USER},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].value != NULL && (scheme->takes & options[i].member) == 0) {
            return error_set(error, ERROR_SETTING, "%s can't be used with --sign %s", options[i].name,
                             scheme->name);
        }
        if (options[i].value == NULL &&
            ((scheme->needs | SCHEME_HEADER) & scheme->takes & options[i].member) != 0) {
            return error_set(error, ERROR_SETTING, "--sign %s needs %s", scheme->name, options[i].name);
        }
    }
    return ERROR_NONE;
}

static enum error_code take_rule(struct verify_rule *rule, struct verify_rule *given, struct error *error)
{
    *rule = *given;
    *given = (struct verify_rule){.scheme = rule->scheme};
    return rule->declaration.pointer == NULL
               ? ERROR_NONE
               : error_set(error, ERROR_SETTING,
                           "the signature is at %s in the body: send a signed body with --file",
                           rule->declaration.pointer);
}

static enum error_code fill_rule(struct verify_rule *rule, const struct sign_options *o, struct error *error)
{
    enum error_code code = take_text(&rule->header, o->header, error);

    code = code == ERROR_NONE ? take_text(&rule->prefix, o->prefix, error) : code;
    code = code == ERROR_NONE ? take_text(&rule->user, o->user, error) : code;
    if (code == ERROR_NONE && o->algorithm != NULL &&
        !secret_key_algorithm_of(span_of(o->algorithm), &rule->algorithm)) {
        code =
            error_set(error, ERROR_SETTING, "--algorithm %s: must be sha1, sha256 or sha512", o->algorithm);
    }
    if (code == ERROR_NONE && o->encoding != NULL && !encoding_of(span_of(o->encoding), &rule->encoding)) {
        code =
            error_set(error, ERROR_SETTING, "--encoding %s: must be hex, base64 or base64url", o->encoding);
    }
    return code;
}

enum error_code rule_of_options(struct verify_rule *rule, const struct scheme *scheme,
                                const struct sign_options *options, struct error *error)
{
    enum error_code code;

    if (options->rule != NULL) {
        return take_rule(rule, options->rule, error);
    }
    *rule = scheme_rule(scheme);
    code = check_options(scheme, options, error);
    return code == ERROR_NONE ? fill_rule(rule, options, error) : code;
}
