/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <stddef.h>
#include <string.h>

#define LOCKED "55P03"
#define CANCELLED "57014" /* by statement_timeout, or by pg_cancel_backend */
#define PROTOCOL_VIOLATION "08P01"

/* The first matching row applies, so exact codes come before their class (two characters). A code that
 * matches no row is VERDICT_UNCLEAR. Names are from appendix A of the Postgres manual. */
static const struct rule {
    const char *prefix;
    enum verdict verdict;
} rules[] = {
    {PROTOCOL_VIOLATION, VERDICT_UNCLEAR}, /* an event may cause it */
    {"08", VERDICT_TRANSIENT},             /* connection exception, and 08007: outcome unknown */
    {"57P01", VERDICT_TRANSIENT},          /* admin shutdown */
    {"57P02", VERDICT_TRANSIENT},          /* crash shutdown */
    {"57P03", VERDICT_TRANSIENT},          /* cannot connect now */
    {"57P04", VERDICT_TRANSIENT},          /* database dropped */
    {"57P05", VERDICT_TRANSIENT},          /* idle session timeout */
    {"40001", VERDICT_TRANSIENT},          /* serialization failure */
    {"40003", VERDICT_TRANSIENT},          /* statement completion unknown */
    {"40P01", VERDICT_TRANSIENT},          /* deadlock detected */
    {"53", VERDICT_TRANSIENT},             /* insufficient resources: disk full, too many connections */
    {"55P03", VERDICT_TRANSIENT},          /* lock not available */
    {"25006", VERDICT_TRANSIENT},          /* read-only transaction: a failover is in progress */
    {"58", VERDICT_TRANSIENT},             /* system error */
    {"28", VERDICT_OPERATOR},              /* invalid authorization */
    {"3D000", VERDICT_OPERATOR},           /* no such database */
    {"3F000", VERDICT_OPERATOR},           /* no such schema */
    {"23503", VERDICT_LATER},              /* foreign key: the parent row may come later */
    {"P0001", VERDICT_LATER},              /* raise exception in a trigger */
    {"22", VERDICT_POISON},                /* data exception */
    {"23502", VERDICT_POISON},             /* not null */
    {"23505", VERDICT_POISON},             /* unique */
    {"23514", VERDICT_POISON},             /* check */
    {"23P01", VERDICT_POISON},             /* exclusion */
    {"54", VERDICT_POISON},                /* program limit exceeded */
};

enum verdict verdict_of(const char *sqlstate)
{
    if (sqlstate[0] == '\0') {
        return VERDICT_TRANSIENT;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strncmp(sqlstate, rules[i].prefix, strlen(rules[i].prefix)) == 0) {
            return rules[i].verdict;
        }
    }
    return VERDICT_UNCLEAR;
}

/* An event that fails alone this often with a transient error, while others are stored, is taken to be the
 * cause: its trigger may exhaust the memory or kill its backend. */
#define ALONE_MOST 5

static bool is(const char *sqlstate, const char *code)
{
    return strcmp(sqlstate, code) == 0;
}

enum verdict verdict_settle(const char *sqlstate, bool others_stored, unsigned alone)
{
    enum verdict verdict = verdict_of(sqlstate);
    bool passing = is(sqlstate, CANCELLED) || is(sqlstate, PROTOCOL_VIOLATION);

    switch (verdict) {
    case VERDICT_LATER:
    case VERDICT_POISON:
        return verdict;
    case VERDICT_TRANSIENT:
        return others_stored && alone >= ALONE_MOST && !is(sqlstate, LOCKED) ? VERDICT_LATER : verdict;
    case VERDICT_OPERATOR:
    case VERDICT_UNCLEAR:
        break;
    }
    if (others_stored && (alone > 0 || !passing)) {
        return VERDICT_LATER;
    }
    return passing ? VERDICT_TRANSIENT : VERDICT_OPERATOR;
}

bool verdict_is_servers(const char *sqlstate)
{
    return (verdict_of(sqlstate) == VERDICT_TRANSIENT && !is(sqlstate, LOCKED)) ||
           verdict_ends_session(sqlstate);
}

bool verdict_is_timeout(const char *sqlstate)
{
    return is(sqlstate, LOCKED) || is(sqlstate, CANCELLED);
}

bool verdict_ends_session(const char *sqlstate)
{
    static const char *const codes[] = {"25006", "57P04", "3D000"};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (is(sqlstate, codes[i])) {
            return true;
        }
    }
    return false;
}

bool verdict_is_no_place(const char *sqlstate)
{
    return is(sqlstate, "53300");
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_TRANSIENT:
        return "transient";
    case VERDICT_OPERATOR:
        return "operator";
    case VERDICT_LATER:
        return "later";
    case VERDICT_POISON:
        return "poison";
    case VERDICT_UNCLEAR:
        return "unclear";
    }
    return "";
}
