/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include "ctl/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

void outcome_there(const struct outcome *outcome, const char *format, ...)
{
    va_list arguments;
    char *what;

    va_start(arguments, format);
    what = text_of(format, arguments);
    va_end(arguments);
    if (!outcome->checking) {
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
    if (outcome->checking) {
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
    if (outcome->checking) {
        report_line("differs %s: is %s, should be %s", shown(what), is, wanted);
    } else {
        report_line("done   %s %s -> %s", shown(what), is, wanted);
    }
    free(what);
}
