/* SPDX-License-Identifier: MIT */
#include "field.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROWTH 256

/* --- noting --------------------------------------------------------------- */

/* Returns the place of a path, or that where it belongs. */
static size_t find_place(const struct fields *fields, const char *path, bool *found)
{
    size_t low = 0, high = fields->count;

    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, fields->all[middle].path);

        *found = order == 0;
        if (order <= 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return high;
}

static bool insert(struct fields *fields, size_t place, const char *path)
{
    char *copy = strdup(path);

    if (copy != NULL && fields->count % GROWTH == 0) {
        struct field *more = realloc(fields->all, (fields->count + GROWTH) * sizeof more[0]);

        if (more == NULL) {
            free(copy);
            return false;
        }
        fields->all = more;
    }
    if (copy == NULL) {
        return false;
    }
    memmove(&fields->all[place + 1], &fields->all[place], (fields->count - place) * sizeof fields->all[0]);
    fields->all[place] = (struct field){.path = copy, .column = KIND_NONE};
    fields->count++;
    return true;
}

enum error_code fields_note(struct fields *fields, const char *path, enum kind kind, int64_t length,
                            struct error *error)
{
    bool found;
    size_t place = find_place(fields, path, &found);
    struct field *field;

    if (!found && fields->count == FIELDS_MAX) {
        fields->beyond++;
        return ERROR_NONE;
    }
    if (!found && !insert(fields, place, path)) {
        return error_set(error, ERROR_MEMORY, "no memory for %zu paths", fields->count + 1);
    }
    field = &fields->all[place];
    field->seen++;
    field->nulls += kind == KIND_NULL;
    field->kinds |= KIND_BIT(kind);
    field->longest = length > field->longest ? length : field->longest;
    return ERROR_NONE;
}

/* --- choosing --------------------------------------------------------------- */

struct rank {
    int64_t seen;
    size_t place;
};

static int more_often(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    if (x->seen != y->seen) {
        return x->seen > y->seen ? -1 : 1;
    }
    return x->place < y->place ? -1 : 1;
}

/* True for the columns that each table has, and those that Postgres adds. */
static bool is_own(const char *name)
{
    static const char *const own[] = {"id",   "source", "received_at", "tableoid", "xmin",
                                      "cmin", "xmax",   "cmax",        "ctid"};
    size_t i = 0;

    while (i < sizeof own / sizeof own[0] && strcmp(own[i], name) != 0) {
        i++;
    }
    return i < sizeof own / sizeof own[0];
}

static bool is_taken(const struct fields *fields, const struct field *field)
{
    const struct field *other = fields->all;

    while (other < field && strcmp(other->name, field->name) != 0) {
        other++;
    }
    return other < field;
}

/* The keys with _ between them; after payload_ where the table has that column, and with a number where
 * another path has that name. */
static void choose_name(const struct fields *fields, struct field *field)
{
    cJSON *keys = cJSON_Parse(field->path);
    const cJSON *key;
    struct buf name = {0};

    cJSON_ArrayForEach(key, keys)
    {
        buf_append_text(&name, key == keys->child ? "" : "_");
        sql_append_name(&name, span_of(cJSON_GetStringValue(key)));
    }
    cJSON_Delete(keys);
    (void)snprintf(field->name, sizeof field->name, "%s%s",
                   name.len == 0             ? "payload"
                   : is_own(buf_text(&name)) ? "payload_"
                                             : "",
                   buf_text(&name));
    buf_free(&name);
    for (int number = 2, base = (int)strlen(field->name); is_taken(fields, field); number++) {
        int most = (int)sizeof field->name - 1 - snprintf(NULL, 0, "_%d", number);

        base = base < most ? base : most;
        (void)snprintf(field->name + base, sizeof field->name - (size_t)base, "_%d", number);
    }
}

enum error_code fields_choose(struct fields *fields, struct error *error)
{
    struct rank *order = calloc(fields->count + 1, sizeof order[0]);
    size_t count = 0;

    if (order == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for %zu paths", fields->count);
    }
    for (size_t i = 0; i < fields->count; i++) {
        fields->all[i].column = kind_of_column(fields->all[i].kinds);
        if (fields->all[i].column != KIND_NONE) {
            order[count++] = (struct rank){fields->all[i].seen, i};
        }
    }
    qsort(order, count, sizeof order[0], more_often);
    fields->columns = count < FIELDS_COLUMNS_MAX ? count : FIELDS_COLUMNS_MAX;
    fields->rare = count - fields->columns;
    for (size_t i = fields->columns; i < count; i++) {
        fields->all[order[i].place].column = KIND_NONE;
    }
    free(order);
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->all[i].column != KIND_NONE) {
            choose_name(fields, &fields->all[i]);
        }
    }
    return ERROR_NONE;
}

/* --- telling ---------------------------------------------------------------- */

const char *field_type(const struct field *field)
{
    return field->column == KIND_OBJECT ? "jsonb" : kind_word(field->column);
}

void field_append_summary(const struct field *field, int64_t samples, struct buf *out)
{
    const char *between = ", ";

    buf_printf(out, "seen in %" PRId64 " of %" PRId64, field->seen, samples);
    if (field->nulls > 0) {
        buf_printf(out, ", null in %" PRId64, field->nulls);
    }
    for (enum kind kind = KIND_BIGINT; kind < KIND_NULL; kind++) {
        if ((field->kinds & KIND_BIT(kind)) != 0) {
            buf_printf(out, "%s%s", between, kind_word(kind));
            between = " or ";
        }
    }
    if ((field->kinds & KIND_BIT(KIND_TEXT)) != 0) {
        buf_printf(out, ", up to %" PRId64 " characters", field->longest);
    }
}

void field_append_value(const struct field *field, const char *payload, struct buf *sql)
{
    cJSON *keys = cJSON_Parse(field->path);
    const cJSON *key;

    if (field->column < KIND_TEXT) {
        buf_printf(sql, "payload_%s(", kind_word(field->column));
    } else if (field->column == KIND_OBJECT) {
        buf_append_text(sql, "nullif(");
    }
    buf_append_text(sql, payload);
    cJSON_ArrayForEach(key, keys)
    {
        buf_append_text(sql, key->next == NULL && field->column == KIND_TEXT ? "->>" : "->");
        sql_append_literal(sql, span_of(cJSON_GetStringValue(key)));
    }
    if (field->column < KIND_TEXT) {
        buf_append_char(sql, ')');
    } else if (field->column == KIND_OBJECT) {
        buf_append_text(sql, ", 'null')");
    }
    cJSON_Delete(keys);
}

bool field_is_key(const struct field *field)
{
    size_t len = strlen(field->name);
    bool is_id = len > 3 && strcmp(field->name + len - 3, "_id") == 0;

    switch (field->column) {
    case KIND_TIMESTAMPTZ:
    case KIND_UUID:
        return true;
    case KIND_BIGINT:
        return is_id;
    case KIND_TEXT:
        return is_id && field->longest > 0; /* else always null or empty */
    case KIND_NUMERIC:
    case KIND_BOOLEAN:
    case KIND_ARRAY:
    case KIND_OBJECT:
    case KIND_INNER:
    case KIND_NULL:
    case KIND_NONE:
    case KIND_COUNT:
        return false;
    }
    return false;
}

void fields_free(struct fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        free(fields->all[i].path);
    }
    free(fields->all);
    *fields = (struct fields){0};
}
