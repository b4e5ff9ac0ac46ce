/* SPDX-License-Identifier: MIT */
#include "routes_challenge.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 255
#define ANSWER_NAME_MAX 64

/* --- where it is ------------------------------------------------------------------------ */

static char *take_header(const struct json_settings *p, const struct verify_rule *rule)
{
    char *name = json_settings_header(p);

    if (name != NULL && (verify_reads(rule, span_of(name)) || strcmp(name, "authorization") == 0 ||
                         strcmp(name, "cookie") == 0)) {
        json_settings_complain(p, "holds a credential, which cannot be the challenge");
    }
    return name;
}

/* marked: "if" is declared, so the pointer may lead anywhere. */
static char *take_pointer(const struct json_settings *p, bool marked)
{
    char *text = json_settings_pointer(p, 1);

    if (text != NULL && !marked && strchr(text + 1, '/') != NULL) {
        json_settings_complain(p,
                               "leads below the first level: without \"if\", a challenge is the only member "
                               "of the body, such as \"/challenge\"");
    }
    return text;
}

/* --- how it is returned ----------------------------------------------------------------- */

static void take_answer(const struct json_settings *p, struct declared_challenge *challenge)
{
    static const char *const members[] = {"member", "header", NULL};
    struct json_settings member, header;

    if (!json_settings_is_object(p, members)) {
        return;
    }
    member = json_settings_member(p, "member");
    header = json_settings_member(p, "header");
    if ((member.value == NULL) == (header.value == NULL)) {
        json_settings_complain(p, "needs either \"member\" or \"header\"");
    } else if (member.value != NULL) {
        challenge->echo = REPLY_ECHO_MEMBER;
        challenge->echo_name = json_settings_copy(&member, 1, ANSWER_NAME_MAX);
    } else {
        char *lower = json_settings_header(&header);

        if (lower != NULL && strncmp(lower, "x-", 2) != 0) {
            json_settings_complain(&header, "doesn't begin with X-: the sender chooses the value, and other "
                                            "headers have a meaning in HTTP");
        }
        challenge->echo = REPLY_ECHO_HEADER;
        challenge->echo_name =
            lower == NULL ? NULL : json_settings_copy(&header, 1, TEXT_MAX); /* as it is written */
        free(lower);
    }
}

static void take_mark(const struct json_settings *p, struct declared_challenge *challenge)
{
    static const char *const members[] = {"header", "is", NULL};
    struct json_settings header, is;

    if (json_settings_is_object(p, members)) {
        header = json_settings_member(p, "header");
        is = json_settings_member(p, "is");
        challenge->mark_header = json_settings_header(&header);
        challenge->mark_value = json_settings_copy(&is, 1, TEXT_MAX);
    }
}

/* --- all of it -------------------------------------------------------------------------- */

static void take_word(const struct json_settings *p, struct declared_challenge *challenge)
{
    static const char *const words[] = {"cloudevents", "head", NULL};

    switch (json_settings_choice(p, words)) {
    case 0:
        challenge->place = DECLARED_CHALLENGE_CLOUDEVENTS;
        challenge->echo = REPLY_ECHO_ORIGIN;
        break;
    case 1:
        challenge->place = DECLARED_CHALLENGE_HEAD;
        break;
    default:
        break;
    }
}

/* Exactly one of the three places must be there. */
static void take_place(const struct json_settings *p, bool marked, const struct verify_rule *rule,
                       struct declared_challenge *challenge)
{
    struct json_settings query = json_settings_member(p, "query"), header = json_settings_member(p, "header"),
                         pointer = json_settings_member(p, "pointer");
    enum declared_challenge_place place;

    if ((query.value != NULL) + (header.value != NULL) + (pointer.value != NULL) != 1) {
        json_settings_complain(p, "needs one of \"query\", \"header\" and \"pointer\"");
        return;
    }
    if (query.value != NULL) {
        place = DECLARED_CHALLENGE_QUERY;
        challenge->name = json_settings_copy(&query, 1, TEXT_MAX);
    } else if (header.value != NULL) {
        place = DECLARED_CHALLENGE_HEADER;
        challenge->name = take_header(&header, rule);
    } else {
        place = DECLARED_CHALLENGE_POINTER;
        challenge->name = take_pointer(&pointer, marked);
    }
    challenge->place = challenge->name == NULL ? DECLARED_CHALLENGE_NONE : place;
}

void routes_challenge_read(const struct json_settings *p, struct verify_rule *rule)
{
    static const char *const members[] = {"query", "header", "pointer", "if", "answer", "log", NULL};
    struct declared_challenge challenge = {0};
    struct json_settings mark, answer, log;

    if (cJSON_IsString(p->value)) {
        take_word(p, &challenge);
    } else if (!cJSON_IsObject(p->value)) {
        json_settings_complain(p, "is neither \"cloudevents\" nor \"head\" nor {\"query\": ...}, "
                                  "{\"header\": ...} or {\"pointer\": ...}");
    } else if (json_settings_is_object(p, members)) {
        mark = json_settings_member(p, "if");
        answer = json_settings_member(p, "answer");
        log = json_settings_member(p, "log");
        if (mark.value != NULL) {
            take_mark(&mark, &challenge);
        }
        take_place(p, mark.value != NULL, rule, &challenge);
        if (mark.value != NULL && json_settings_member(p, "pointer").value == NULL) {
            json_settings_complain(&mark, "is allowed only with \"pointer\"");
        }
        if (answer.value != NULL) {
            take_answer(&answer, &challenge);
        }
        if (log.value != NULL) {
            (void)json_settings_truth(&log, &challenge.log);
        }
    }
    rule->challenge = challenge;
}
