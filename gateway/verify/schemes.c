/* SPDX-License-Identifier: MIT */
#include "schemes.h"

#define ROW(enumerator, text, ...) [enumerator] = {.scheme = (enumerator), .name = (text), __VA_ARGS__},
static const struct scheme schemes[] = {SCHEMES(ROW)};
#undef ROW

const struct scheme *scheme_named(struct span name)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        if (span_equal(name, span_of(schemes[i].name))) {
            return &schemes[i];
        }
    }
    return NULL;
}

const struct scheme *scheme_of(enum verify_scheme scheme)
{
    return &schemes[scheme];
}

void scheme_names(struct buf *out)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", schemes[i].name);
    }
}

struct verify_rule scheme_rule(const struct scheme *scheme)
{
    return (struct verify_rule){
        .scheme = scheme->scheme,
        .tolerance_s =
            (scheme->takes & (SCHEME_TOLERANCE | SCHEME_TIME)) == SCHEME_TOLERANCE ? SCHEME_TOLERANCE_S : 0,
        .algorithm = scheme->algorithm,
        .encoding = scheme->encoding,
    };
}

const char *scheme_header(const struct verify_rule *rule, enum scheme_reads what)
{
    const struct scheme *scheme = scheme_of(rule->scheme);

    return what == SCHEME_READS_PROOF && (scheme->takes & SCHEME_HEADER) != 0 ? rule->header
                                                                              : scheme->reads[what];
}

const char *scheme_other_header(const struct verify_rule *rule, enum scheme_reads what)
{
    return scheme_of(rule->scheme)->or_reads[what];
}

const char *scheme_mark(const struct verify_rule *rule)
{
    const struct scheme *scheme = scheme_of(rule->scheme);
    const char *mark = (scheme->takes & SCHEME_PREFIX) != 0 ? rule->prefix : scheme->mark;

    return mark == NULL ? "" : mark;
}
