/* SPDX-License-Identifier: MIT */
#include "routes_signed.h"

#include "gateway/verify/schemes.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 255

#define NAME(enumerator, name) name,
static const char *const part_names[] = {DECLARATION_PARTS(NAME) NULL};
#undef NAME

static char *copied(const struct json_settings *p, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        json_settings_complain(p, "could not be stored: no memory");
    }
    return copy;
}

/* --- signed --------------------------------------------------------------------------- */

/* {"text": ...} or {"header": ...}. False after a complaint. */
static bool take_object(const struct json_settings *p, struct declaration_part *part)
{
    static const char *const members[] = {"text", "header", NULL};
    struct json_settings text, header;
    const char *literal;

    if (!json_settings_is_object(p, members)) {
        return false;
    }
    text = json_settings_member(p, "text");
    header = json_settings_member(p, "header");
    if ((text.value == NULL) == (header.value == NULL)) {
        json_settings_complain(p, "needs either \"text\" or \"header\"");
        return false;
    }
    if (header.value != NULL) {
        *part = (struct declaration_part){DECLARATION_HEADER, json_settings_header(&header)};
    } else {
        *part = (struct declaration_part){DECLARATION_TEXT, NULL};
        part->text = json_settings_text(&text, 1, TEXT_MAX, &literal) ? copied(&text, literal) : NULL;
    }
    return part->text != NULL;
}

/* False after a complaint. */
static bool take_part(const struct json_settings *p, const struct declaration *d,
                      struct declaration_part *part)
{
    int choice;

    if (cJSON_IsObject(p->value)) {
        return take_object(p, part);
    }
    if (!cJSON_IsString(p->value)) {
        json_settings_complain(p, "is neither the name of a part nor {\"text\": ...} or {\"header\": ...}");
        return false;
    }
    choice = json_settings_choice(p, part_names);
    if (choice < 0) {
        return false;
    }
    *part = (struct declaration_part){(enum declaration_kind)choice, NULL};
    if (declaration_has(d, part->kind)) {
        json_settings_complain(p, "\"%s\" is listed twice", part_names[choice]);
        return false;
    }
    return true;
}

void routes_signed_parts(const struct json_settings *p, struct declaration *d)
{
    int count = json_settings_items(p, 1, DECLARATION_PARTS_MAX);
    bool fine = count > 0;

    for (int i = 0; i < count; i++) {
        struct json_settings item = json_settings_item(p, i);

        if (take_part(&item, d, &d->parts[d->part_count])) {
            d->part_count++;
        } else {
            fine = false;
        }
    }
    if (fine && !declaration_has(d, DECLARATION_BODY)) {
        json_settings_complain(
            p, "does not contain \"body\": the signature would be valid for any body, so list it");
    }
}

/* --- time and field --------------------------------------------------------------------- */

/* A copy of a field's name; NULL after a complaint. */
static char *take_field(const struct json_settings *p)
{
    const char *text;

    if (!json_settings_text(p, 1, TEXT_MAX, &text)) {
        return NULL;
    }
    if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(text)) {
        json_settings_complain(p, "is not the name of a field: use letters, digits and -_. without the =");
        return NULL;
    }
    return copied(p, text);
}

void routes_signed_field(const struct json_settings *p, struct declaration *d)
{
    d->field = take_field(p);
}

void routes_signed_time(const struct json_settings *p, struct declaration *d)
{
    static const char *const members[] = {"header", "field", "unit", NULL};
    static const char *const units[] = {[TIMESTAMP_SECONDS] = "seconds",
                                        [TIMESTAMP_MILLISECONDS] = "milliseconds",
                                        [TIMESTAMP_RFC3339] = "rfc3339",
                                        NULL};
    struct json_settings header, field, unit;
    int choice;

    if (!json_settings_is_object(p, members)) {
        return;
    }
    header = json_settings_member(p, "header");
    field = json_settings_member(p, "field");
    unit = json_settings_member(p, "unit");
    if ((header.value == NULL) == (field.value == NULL)) {
        json_settings_complain(p, "needs either \"header\" or \"field\"");
    } else if (header.value != NULL) {
        d->time_header = json_settings_header(&header);
    } else {
        d->time_field = take_field(&field);
    }
    choice = unit.value == NULL ? 0 : json_settings_choice(&unit, units);
    d->unit = choice < 0 ? TIMESTAMP_SECONDS : (enum timestamp_unit)choice;
}

/* --- all members together --------------------------------------------------------------- */

static void check_time(const struct json_settings *verify, struct verify_rule *rule)
{
    const struct declaration *d = &rule->declaration;
    struct json_settings time = json_settings_member(verify, "time");
    struct json_settings tolerance = json_settings_member(verify, "tolerance");
    struct json_settings field = json_settings_member(&time, "field");
    struct json_settings header = json_settings_member(&time, "header");

    if (declaration_has(d, DECLARATION_TIME) && time.value == NULL) {
        json_settings_complain(&time, "is missing: \"time\" is signed, so write where it is");
    } else if (time.value != NULL && !declaration_has(d, DECLARATION_TIME)) {
        json_settings_complain(&time, "is not signed, so anyone could change it: add \"time\" to \"signed\"");
    }
    if (time.value == NULL && tolerance.value != NULL) {
        json_settings_complain(&tolerance, "is not allowed without \"time\"");
    } else if (time.value != NULL && tolerance.value == NULL) {
        rule->tolerance_s = SCHEME_TOLERANCE_S;
    }
    if (d->time_field != NULL && json_settings_member(verify, "field").value == NULL) {
        json_settings_complain(&field, "needs \"field\" in \"verify\": the field with the signature");
    } else if (d->time_field != NULL && d->field != NULL && strcmp(d->time_field, d->field) == 0) {
        json_settings_complain(&field, "is also the field with the signature");
    }
    if (d->time_header != NULL && rule->header != NULL && strcmp(d->time_header, rule->header) == 0) {
        json_settings_complain(&header, "is also the header with the signature: use \"field\"");
    }
}

static void check_headers(const struct json_settings *verify, const struct verify_rule *rule)
{
    struct json_settings list = json_settings_member(verify, "signed");

    for (size_t i = 0; rule->header != NULL && i < rule->declaration.part_count; i++) {
        const struct declaration_part *part = &rule->declaration.parts[i];

        if (part->kind == DECLARATION_HEADER && strcmp(part->text, rule->header) == 0) {
            json_settings_complain(&list, "contains the header with the signature, which cannot sign itself");
        }
    }
}

void routes_signed_check(const struct json_settings *verify, struct verify_rule *rule)
{
    const struct declaration *d = &rule->declaration;
    struct json_settings prefix = json_settings_member(verify, "prefix");
    struct json_settings url = json_settings_member(verify, "url");

    check_time(verify, rule);
    check_headers(verify, rule);
    if (prefix.value != NULL && json_settings_member(verify, "field").value != NULL) {
        json_settings_complain(&prefix, "is not allowed with \"field\", which names what is before the =");
    }
    if (url.value != NULL && !declaration_has(d, DECLARATION_URL) && !declaration_has(d, DECLARATION_HOST) &&
        !declaration_has(d, DECLARATION_PATH)) {
        json_settings_complain(&url, "is not used: \"signed\" has none of \"url\", \"host\" and \"path\"");
    }
}

void routes_signed_id(const struct json_settings *verify, struct source *source)
{
    struct json_settings list = json_settings_member(verify, "signed");
    struct declaration *d = &source->verify.declaration;

    for (size_t i = 0; i < d->part_count; i++) {
        if (d->parts[i].kind != DECLARATION_ID) {
            continue;
        }
        if (source->id[0].kind != EVENT_ID_HEADER || source->id[1].kind != EVENT_ID_END) {
            json_settings_complain(&list,
                                   "contains \"id\", so the source's id must be one {\"header\": ...}");
            return;
        }
        d->parts[i].text = copied(&list, source->id[0].text);
    }
}
