/* SPDX-License-Identifier: MIT */
#include "routes_signed.h"

#include "gateway/verify/schemes.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 255

#define NAME(enumerator, name) name,
static const char *const part_names[] = {DECLARATION_PARTS(NAME) NULL};
#undef NAME

/* --- signed --------------------------------------------------------------------------- */

/* {"text": ...}, {"header": ...} or {"pointer": ...}. False after a complaint. */
static bool take_object(const struct json_settings *p, struct declaration_part *part)
{
    static const char *const members[] = {"text", "header", "pointer", NULL};
    struct json_settings text, header, pointer;

    if (!json_settings_is_object(p, members)) {
        return false;
    }
    text = json_settings_member(p, "text");
    header = json_settings_member(p, "header");
    pointer = json_settings_member(p, "pointer");
    if ((text.value != NULL) + (header.value != NULL) + (pointer.value != NULL) != 1) {
        json_settings_complain(p, "needs one of \"text\", \"header\" and \"pointer\"");
        return false;
    }
    if (header.value != NULL) {
        *part = (struct declaration_part){DECLARATION_HEADER, json_settings_header(&header)};
    } else if (pointer.value != NULL) {
        *part = (struct declaration_part){DECLARATION_POINTER, json_settings_pointer(&pointer, 1)};
    } else {
        *part = (struct declaration_part){DECLARATION_TEXT, json_settings_copy(&text, 1, TEXT_MAX)};
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
        json_settings_complain(
            p, "is neither the name of a part nor {\"text\": ...}, {\"header\": ...} or {\"pointer\": ...}");
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
    if (fine && !declaration_has(d, DECLARATION_BODY) && !declaration_has(d, DECLARATION_POINTER)) {
        json_settings_complain(
            p, "contains neither \"body\" nor a {\"pointer\": ...} into it: the signature would "
               "be valid for any body, so list it");
    }
}

/* --- time, field and pointer --------------------------------------------------------------------- */

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
    return json_settings_stored(p, text);
}

void routes_signed_field(const struct json_settings *p, struct declaration *d)
{
    d->field = take_field(p);
}

/* A pointer to item 1 of the array of which `pointer` names item 0; NULL when it names none, or without
 * memory. */
static char *next_item(const struct json_settings *p, const char *pointer)
{
    const char *zero = strstr(pointer, "/0/");
    char *next = zero == NULL ? NULL : json_settings_stored(p, pointer);

    if (next != NULL) {
        next[zero - pointer + 1] = '1';
        next[zero - pointer + 2] = '\0';
    }
    return next;
}

void routes_signed_pointer(const struct json_settings *p, struct declaration *d)
{
    d->pointer = json_settings_pointer(p, 1);
    d->next_item = d->pointer == NULL ? NULL : next_item(p, d->pointer);
}

void routes_signed_time(const struct json_settings *p, struct declaration *d)
{
    static const char *const members[] = {"header", "field", "pointer", "unit", NULL};
    static const char *const units[] = {[TIMESTAMP_SECONDS] = "seconds",
                                        [TIMESTAMP_MILLISECONDS] = "milliseconds",
                                        [TIMESTAMP_RFC3339] = "rfc3339",
                                        NULL};
    struct json_settings header, field, pointer, unit;
    int choice;

    if (!json_settings_is_object(p, members)) {
        return;
    }
    header = json_settings_member(p, "header");
    field = json_settings_member(p, "field");
    pointer = json_settings_member(p, "pointer");
    unit = json_settings_member(p, "unit");
    if ((header.value != NULL) + (field.value != NULL) + (pointer.value != NULL) != 1) {
        json_settings_complain(p, "needs one of \"header\", \"field\" and \"pointer\"");
    } else if (header.value != NULL) {
        d->time_header = json_settings_header(&header);
    } else if (pointer.value != NULL) {
        d->time_pointer = json_settings_pointer(&pointer, 1);
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

/* The signature is in a header or within the body. */
static void check_place(const struct json_settings *verify, const struct declaration *d)
{
    struct json_settings header = json_settings_member(verify, "header");
    struct json_settings pointer = json_settings_member(verify, "pointer");
    struct json_settings field = json_settings_member(verify, "field");
    struct json_settings list = json_settings_member(verify, "signed");

    if (header.value == NULL && pointer.value == NULL) {
        json_settings_complain(&header,
                               "is missing: write the header with the signature, or \"pointer\" for a "
                               "signature within the body");
    }
    if (pointer.value == NULL) {
        return;
    }
    if (header.value != NULL) {
        json_settings_complain(&pointer, "is not allowed with \"header\": the signature is in one place");
    }
    if (field.value != NULL) {
        json_settings_complain(&field, "is not allowed with \"pointer\": it is a part of a header");
    }
    if (list.value == NULL) {
        json_settings_complain(&list, "is missing: a signature within the body cannot sign all of it");
    } else if (declaration_has(d, DECLARATION_BODY)) {
        json_settings_complain(&list,
                               "contains \"body\", of which the signature is a part: list its values, each "
                               "as {\"pointer\": ...}");
    }
}

void routes_signed_check(const struct json_settings *verify, struct verify_rule *rule)
{
    const struct declaration *d = &rule->declaration;
    struct json_settings prefix = json_settings_member(verify, "prefix");
    struct json_settings url = json_settings_member(verify, "url");

    if ((scheme_of(rule->scheme)->takes & SCHEME_POINTER) != 0) {
        check_place(verify, d);
    }
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
        d->parts[i].text = json_settings_stored(&list, source->id[0].text);
    }
}
