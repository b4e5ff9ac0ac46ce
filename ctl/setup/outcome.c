/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include "ctl/record.h"
#include "ctl/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "setup"

/* Formats a string, which the caller frees. NULL: out of memory. */
__attribute__((format(printf, 1, 0))) static char *text_of(const char *format, va_list arguments)
{
    char *text = NULL;

    return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

static const char *shown(const char *text)
{
    return text == NULL ? "something" : text;
}

/* member: of the JSON object, for what. is, should: NULL leaves them out. */
static void print_json(const char *state, const char *member, const char *what, const char *is,
                       const char *should)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(object, "state", state);
    (void)cJSON_AddStringToObject(object, member, what);
    if (is != NULL) {
        (void)cJSON_AddStringToObject(object, "is", is);
    }
    if (should != NULL) {
        (void)cJSON_AddStringToObject(object, "should", should);
    }
    record_print(NAME, object);
}

void outcome_there(const struct outcome *outcome, const char *format, ...)
{
    va_list arguments;
    char *what;

    va_start(arguments, format);
    what = text_of(format, arguments);
    va_end(arguments);
    if (outcome->json && !outcome->checking) {
        print_json("there", "object", shown(what), NULL, NULL);
    } else if (!outcome->checking) {
        report_line("there  %s", shown(what));
    }
    free(what);
}

void outcome_missing(struct outcome *outcome, const char *format, ...)
{
    va_list arguments;
    char *what;

    va_start(arguments, format);
    what = text_of(format, arguments);
    va_end(arguments);
    outcome->differences++;
    if (outcome->json) {
        print_json(outcome->checking ? "differs" : "done", "object", shown(what), "missing", NULL);
    } else if (outcome->checking) {
        report_line("differs %s: is missing", shown(what));
    } else {
        report_line("done   %s", shown(what));
    }
    free(what);
}

void outcome_differs(struct outcome *outcome, const char *is, const char *wanted, const char *format, ...)
{
    va_list arguments;
    char *what;

    va_start(arguments, format);
    what = text_of(format, arguments);
    va_end(arguments);
    outcome->differences++;
    if (outcome->json) {
        print_json(outcome->checking ? "differs" : "done", "object", shown(what), is, wanted);
    } else if (outcome->checking) {
        report_line("differs %s: is %s, should be %s", shown(what), is, wanted);
    } else {
        report_line("done   %s %s -> %s", shown(what), is, wanted);
    }
    free(what);
}

void outcome_tell(const struct outcome *outcome, const char *state, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = text_of(format, arguments);
    va_end(arguments);
    if (outcome->json) {
        print_json(state, "text", shown(text), NULL, NULL);
    } else {
        report_line("%-6s %s", state, shown(text));
    }
    free(text);
}

void outcome_command(const struct outcome *outcome, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = text_of(format, arguments);
    va_end(arguments);
    if (outcome->json) {
        print_json("command", "text", shown(text), NULL, NULL);
    } else {
        report_line("         %s", shown(text));
    }
    free(text);
}
