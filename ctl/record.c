/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "report.h"
#include "text.h"

#include <stdlib.h>

/* Types of columns: their fixed numbers in pg_type. */
enum column_type {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_BIGINT = 20,
    TYPE_SMALLINT = 21,
    TYPE_INTEGER = 23,
    TYPE_JSON = 114,
    TYPE_JSONB = 3802,
};

void record_add_body(cJSON *object, const char *name, struct span body)
{
    struct buf text = {0};

    if (span_is_text(body)) {
        buf_append_span(&text, body);
        (void)cJSON_AddStringToObject(object, name, buf_text(&text));
    } else {
        size_t len = TEXT_BASE64_LENGTH(body.len);
        char *encoded = malloc(len + 1);

        buf_printf(&text, "%s_base64", name);
        if (encoded != NULL) {
            text_write_base64((const unsigned char *)body.data, body.len, encoded);
            encoded[len] = '\0';
            (void)cJSON_AddStringToObject(object, buf_text(&text), encoded);
        }
        free(encoded);
    }
    buf_free(&text);
}

static void add_bytea(cJSON *object, const char *name, const char *value)
{
    size_t len = 0;
    unsigned char *body = PQunescapeBytea((const unsigned char *)value, &len);

    if (body != NULL) {
        record_add_body(object, name, (struct span){(const char *)body, len});
    }
    PQfreemem(body);
}

static void add_column(cJSON *object, const PGresult *r, int row, int column)
{
    const char *name = PQfname(r, column), *value = PQgetvalue(r, row, column);

    if (PQgetisnull(r, row, column)) {
        (void)cJSON_AddNullToObject(object, name);
        return;
    }
    switch (PQftype(r, column)) {
    case TYPE_BOOL:
        (void)cJSON_AddBoolToObject(object, name, value[0] == 't');
        break;
    case TYPE_BYTEA:
        add_bytea(object, name, value);
        break;
    case TYPE_BIGINT:
    case TYPE_SMALLINT:
    case TYPE_INTEGER:
    case TYPE_JSON:
    case TYPE_JSONB:
        (void)cJSON_AddRawToObject(object, name, value);
        break;
    default:
        (void)cJSON_AddStringToObject(object, name, value);
    }
}

cJSON *record_of_row(const PGresult *result, int row)
{
    cJSON *object = cJSON_CreateObject();

    for (int column = 0; object != NULL && column < PQnfields(result); column++) {
        add_column(object, result, row, column);
    }
    return object;
}

void record_add_count(cJSON *object, const char *name, int64_t count)
{
    if (count < 0) {
        (void)cJSON_AddNullToObject(object, name);
    } else {
        (void)cJSON_AddNumberToObject(object, name, (double)count);
    }
}

void record_print(const char *subcommand, cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);

    if (text == NULL) {
        report_problem(subcommand, "no memory to print the answer as JSON");
    } else {
        report_line("%s", text);
    }
    cJSON_free(text);
    cJSON_Delete(object);
}
