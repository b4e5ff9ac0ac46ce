/* SPDX-License-Identifier: MIT */
#include "coverage.h"

#include "schemes.h"

#include <string.h>

static bool is_same(const char *text, const char *other)
{
    return text != NULL && strcmp(text, other) == 0;
}

static bool has_part(const struct declaration *d, enum declaration_kind kind, const char *text)
{
    for (size_t i = 0; i < d->part_count; i++) {
        if (d->parts[i].kind == kind && is_same(d->parts[i].text, text)) {
            return true;
        }
    }
    return false;
}

static bool names(const char *header, const char *name)
{
    return header != NULL && request_is(span_of(name), header);
}

/* The headers with a timestamp or an id are signed by the schemes that read them. */
static bool scheme_signs(const struct verify_rule *rule, const char *name)
{
    for (int what = SCHEME_READS_PROOF + 1; what < SCHEME_READS; what++) {
        if (names(scheme_header(rule, (enum scheme_reads)what), name) ||
            names(scheme_other_header(rule, (enum scheme_reads)what), name)) {
            return true;
        }
    }
    return false;
}

bool coverage_has_header(const struct verify_rule *rule, const char *name)
{
    const struct declaration *d = &rule->declaration;

    switch (scheme_of(rule->scheme)->content) {
    case SCHEME_SIGNS_NOTHING:
    case SCHEME_SENDS_SECRET:
        return true;
    case SCHEME_SIGNS_DECLARED:
        return has_part(d, DECLARATION_HEADER, name) || has_part(d, DECLARATION_ID, name) ||
               (declaration_has(d, DECLARATION_TIME) && is_same(d->time_header, name));
    case SCHEME_SIGNS_BODY:
    case SCHEME_SIGNS_ID_TIME_BODY:
    case SCHEME_SIGNS_T_BODY:
    case SCHEME_SIGNS_V0_TIME_BODY:
    case SCHEME_SIGNS_URL_FORM:
        break;
    }
    return scheme_signs(rule, name);
}

bool coverage_has_pointer(const struct verify_rule *rule, const char *pointer)
{
    const struct declaration *d = &rule->declaration;

    return scheme_of(rule->scheme)->content != SCHEME_SIGNS_DECLARED || d->part_count == 0 ||
           declaration_has(d, DECLARATION_BODY) || has_part(d, DECLARATION_POINTER, pointer) ||
           (declaration_has(d, DECLARATION_TIME) && is_same(d->time_pointer, pointer));
}
