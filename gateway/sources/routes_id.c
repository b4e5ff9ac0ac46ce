/* SPDX-License-Identifier: MIT */
#include "routes_id.h"

#include <stdlib.h>
#include <string.h>

/* True when it is a header that the scheme itself names as the place of the id. */
static bool is_schemes_header(const struct scheme *scheme, const char *name)
{
    for (const struct event_id_rule *rule = scheme->id; rule->kind != EVENT_ID_END; rule++) {
        if (rule->kind == EVENT_ID_HEADER && strcmp(rule->text, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns the name, for free; NULL after a complaint. */
static char *take_header(const struct json_settings *p, const struct scheme *scheme, struct source *source)
{
    char *name = json_settings_header(p);

    /* Ids are stored and logged, so a header with a credential cannot be one. */
    if (name != NULL && scheme != NULL && !is_schemes_header(scheme, name) &&
        (verify_reads(&source->verify, span_of(name)) || strcmp(name, "authorization") == 0 ||
         strcmp(name, "cookie") == 0)) {
        json_settings_complain(p, "holds a credential, which cannot be the id");
    }
    return name;
}

/* Reads one rule into source->id[n]. After a complaint that is EVENT_ID_END, or a rule of no use. */
static void take_rule(const struct json_settings *id, const struct scheme *scheme, struct source *source,
                      size_t n)
{
    static const char *const members[] = {"header", "pointer", "body", NULL};
    struct event_id_rule *rule = &source->id[n];
    struct json_settings header, pointer, body;
    bool whole;

    if (!json_settings_is_object(id, members)) {
        return;
    }
    header = json_settings_member(id, "header");
    pointer = json_settings_member(id, "pointer");
    body = json_settings_member(id, "body");
    if ((header.value != NULL) + (pointer.value != NULL) + (body.value != NULL) != 1) {
        json_settings_complain(id, "needs one of \"header\", \"pointer\" and \"body\"");
    } else if (header.value != NULL) {
        source->id_texts[n] = take_header(&header, scheme, source);
        rule->kind = source->id_texts[n] == NULL ? EVENT_ID_END : EVENT_ID_HEADER;
    } else if (pointer.value != NULL) {
        source->id_texts[n] = json_settings_pointer(&pointer, 0);
        rule->kind = source->id_texts[n] == NULL ? EVENT_ID_END : EVENT_ID_POINTER;
    } else if (json_settings_truth(&body, &whole)) {
        rule->kind = EVENT_ID_BODY;
        if (!whole) {
            json_settings_complain(&body, "is false: remove it, or use \"header\" or \"pointer\"");
        }
    }
    rule->text = source->id_texts[n];
}

static void take_rules(const struct json_settings *list, const struct scheme *scheme, struct source *source)
{
    int count = json_settings_items(list, 1, EVENT_ID_RULES_MAX);

    for (int n = 0; n < count; n++) {
        struct json_settings item = json_settings_item(list, n);

        take_rule(&item, scheme, source, (size_t)n);
        if (source->id[n].kind == EVENT_ID_BODY && n + 1 < count) {
            json_settings_complain(&item, "always fits, so the rules after it are never used: write it last");
        }
    }
}

/* The default of keep. A signature does not cover a header that only the routes file names. */
static enum envelope_keep keep_of(const struct event_id_rule *rule, const struct scheme *scheme)
{
    bool is_unsigned = scheme == NULL || (scheme->key != SCHEME_KEY_NONE && rule->kind == EVENT_ID_HEADER &&
                                          !is_schemes_header(scheme, rule->text));

    return is_unsigned ? ENVELOPE_KEEP_FIRST : scheme->keep;
}

static void take_keep(const struct json_settings *keep, const struct scheme *scheme, struct source *source)
{
    static const char *const keeps[] = {"newest", "first", NULL};
    int choice = keep->value == NULL ? -1 : json_settings_choice(keep, keeps);

    for (struct event_id_rule *rule = source->id; rule->kind != EVENT_ID_END; rule++) {
        rule->keep = keep_of(rule, scheme);
        if (choice >= 0) {
            rule->keep = choice == 0 ? ENVELOPE_KEEP_NEWEST : ENVELOPE_KEEP_FIRST;
        }
    }
}

void routes_id_read(const struct json_settings *id, const struct json_settings *keep,
                    const struct scheme *scheme, struct source *source)
{
    if (cJSON_IsArray(id->value)) {
        take_rules(id, scheme, source);
    } else if (id->value != NULL) {
        take_rule(id, scheme, source, 0);
    } else if (scheme != NULL && scheme->needs_id_rule) {
        json_settings_complain(id, "is missing: the scheme %s has no default for it", scheme->name);
    } else if (scheme != NULL) {
        memcpy(source->id, scheme->id, sizeof scheme->id);
    }
    take_keep(keep, scheme, source);
}
