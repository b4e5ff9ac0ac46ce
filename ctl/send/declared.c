/* SPDX-License-Identifier: MIT */
#include "declared.h"

#include "headers.h"
#include "url.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define SAMPLE_VALUE "sluice-test" /* of a signed header that the command line doesn't give */

static void append_time(enum timestamp_unit unit, int64_t now_s, struct buf *out)
{
    time_t seconds = (time_t)now_s;
    char text[sizeof "9999-12-31T23:59:59Z"] = "";
    struct tm utc;

    switch (unit) {
    case TIMESTAMP_SECONDS:
        buf_printf(out, "%" PRId64, now_s);
        break;
    case TIMESTAMP_MILLISECONDS:
        buf_printf(out, "%" PRId64 "000", now_s);
        break;
    case TIMESTAMP_RFC3339:
        if (gmtime_r(&seconds, &utc) != NULL) {
            (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
        }
        buf_append_text(out, text);
        break;
    }
}

/* Appends the value of a signed header. Those that HTTP itself needs have the value that is sent in any case.
 */
static void append_value(const char *name, const struct sign_event *event, struct buf *out)
{
    if (strcmp(name, "host") == 0) {
        buf_append_span(out, url_split(event->url).authority);
    } else if (strcmp(name, "content-length") == 0) {
        buf_printf(out, "%zu", event->body.len);
    } else if (strcmp(name, "content-type") == 0) {
        buf_append_text(out, "application/json");
    } else {
        buf_append_text(out, SAMPLE_VALUE);
    }
}

static bool add_part(const struct declaration_part *part, const struct sign_event *event, cJSON *headers)
{
    struct buf value = {0};
    bool fine = true;

    if (part->kind == DECLARATION_ID) {
        buf_append_span(&value, event->id);
    } else if (part->kind == DECLARATION_HEADER) {
        append_value(part->text, event, &value);
    }
    if (part->kind == DECLARATION_ID || part->kind == DECLARATION_HEADER) {
        fine = !value.failed && headers_default(headers, part->text, buf_text(&value));
    }
    buf_free(&value);
    return fine;
}

bool declared_headers(const struct declaration *d, const struct sign_event *event, cJSON *headers)
{
    struct buf time = {0};
    bool fine = true;

    if (d->time_header != NULL) {
        append_time(d->unit, event->now_s, &time);
        cJSON_DeleteItemFromObject(headers, d->time_header);
        fine = !time.failed && cJSON_AddStringToObject(headers, d->time_header, buf_text(&time)) != NULL;
    }
    for (size_t i = 0; fine && i < d->part_count; i++) {
        fine = add_part(&d->parts[i], event, headers);
    }
    buf_free(&time);
    return fine;
}

/* What separates the fields of a signature header. A gateway accepts a comma, a semicolon and a space alike,
 * so a route doesn't declare it; these providers' own libraries accept just one. */
static const char *separator(const struct verify_rule *rule)
{
    static const struct {
        const char *header, *separator;
    } all[] = {{"paddle-signature", ";"}, {"workos-signature", ", "}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(rule->header, all[i].header) == 0) {
            return all[i].separator;
        }
    }
    return ",";
}

void declared_mark(const struct verify_rule *rule, int64_t now_s, struct buf *out)
{
    const struct declaration *d = &rule->declaration;

    if (d->field == NULL) {
        buf_append_text(out, scheme_mark(rule));
        return;
    }
    if (d->time_field != NULL) {
        buf_printf(out, "%s=", d->time_field);
        append_time(d->unit, now_s, out);
        buf_append_text(out, separator(rule));
    }
    buf_printf(out, "%s=", d->field);
}
