/* SPDX-License-Identifier: MIT */
#include "kind.h"

#include <string.h>

#define PLAIN "value #>> '{}'"

static const struct {
    const char *word;
    const char *test, *cast; /* SQL about `value`, a jsonb */
} kinds[] = {
    /* jsonb prints a number with all its digits, and a string in quotes. */
    [KIND_BIGINT] = {"bigint",
                     "jsonb_typeof(value) = 'number' and value::text ~ '^-?([0-9]{1,18}|[1-8][0-9]{18})$'",
                     "value::bigint"},
    [KIND_NUMERIC] = {"numeric", "jsonb_typeof(value) = 'number'", "value::numeric"},
    [KIND_BOOLEAN] = {"boolean", "jsonb_typeof(value) = 'boolean'", "value::boolean"},
    /* RFC 3339. The pattern admits the 30th of February; @? doesn't, and has no errors. */
    [KIND_TIMESTAMPTZ] =
        {"timestamptz",
         PLAIN
         " ~ "
         "'^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
         "(\\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$'"
         " and to_jsonb(left(" PLAIN ", 10)) @? '$.datetime(\"YYYY-MM-DD\")'",
         "(" PLAIN ")::timestamptz"},
    [KIND_UUID] = {"uuid", PLAIN " ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'", "(" PLAIN ")::uuid"},
    [KIND_TEXT] = {"text", "jsonb_typeof(value) = 'string'", NULL},
    [KIND_ARRAY] = {"array", "jsonb_typeof(value) = 'array'", NULL},
    [KIND_OBJECT] = {"object", NULL, NULL},
    [KIND_INNER] = {"object with members", NULL, NULL},
    [KIND_NULL] = {"null", "jsonb_typeof(value) = 'null'", NULL},
    [KIND_NONE] = {"none", "value is null", NULL},
};

const char *kind_word(enum kind kind)
{
    return kinds[kind].word;
}

enum kind kind_of(const char *word)
{
    enum kind kind = KIND_BIGINT;

    while (kind < KIND_NONE && strcmp(kinds[kind].word, word) != 0) {
        kind++;
    }
    return kind;
}

enum kind kind_of_column(unsigned seen)
{
    unsigned values = seen & ~(KIND_BIT(KIND_NULL) | KIND_BIT(KIND_NONE));

    if (values == KIND_BIT(KIND_INNER)) {
        return KIND_NONE;
    }
    if ((values & (KIND_BIT(KIND_INNER) | KIND_BIT(KIND_OBJECT) | KIND_BIT(KIND_ARRAY))) != 0) {
        return KIND_OBJECT;
    }
    if (values == (KIND_BIT(KIND_BIGINT) | KIND_BIT(KIND_NUMERIC))) {
        return KIND_NUMERIC;
    }
    for (enum kind kind = KIND_BIGINT; kind < KIND_TEXT; kind++) {
        if (values == KIND_BIT(kind)) {
            return kind;
        }
    }
    return KIND_TEXT;
}

void kind_append_case(struct buf *sql, const char *deeper)
{
    buf_append_text(sql, "case");
    for (enum kind kind = KIND_BIGINT; kind < KIND_COUNT; kind++) {
        if (kinds[kind].test != NULL) {
            buf_printf(sql, " when %s then '%s'", kinds[kind].test, kinds[kind].word);
        }
    }
    buf_printf(sql, " when %s then '%s' else '%s' end", deeper, kinds[KIND_INNER].word,
               kinds[KIND_OBJECT].word);
}

void kind_append_function(struct buf *sql, enum kind kind)
{
    const char *test = kinds[kind].test, *second = strstr(test, " and ");
    int first = (int)(second == NULL ? strlen(test) : (size_t)(second - test));

    buf_printf(sql,
               "create or replace function payload_%s(value jsonb) returns %s\n"
               "language sql immutable strict parallel safe\n"
               "return case when %.*s\n",
               kinds[kind].word, kinds[kind].word, first, test);
    if (second != NULL) {
        buf_printf(sql, "            %s\n", second);
    }
    buf_printf(sql, "            then %s end;\n", kinds[kind].cast);
}
