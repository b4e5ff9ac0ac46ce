/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "buf.h"
#include "secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void write_line(FILE *to, const char *subcommand,
                                                             const char *format, va_list arguments)
{
    struct buf line = {0};
    char *text = NULL;
    int len = vasprintf(&text, format, arguments);

    if (len < 0) {
        return;
    }
    if (subcommand != NULL) {
        buf_printf(&line, "sluice %s: ", subcommand);
    }
    buf_append(&line, text, (size_t)len);
    secret_redact(&line, 0);
    buf_append_char(&line, '\n');
    (void)fwrite(line.data, 1, line.len, to);
    (void)fflush(to);
    buf_free(&line);
    free(text);
}

void report_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(stdout, NULL, format, arguments);
    va_end(arguments);
}

void report_problem(const char *subcommand, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    write_line(stderr, subcommand, format, arguments);
    va_end(arguments);
}

void report_complaints(const char *subcommand, struct buf *complaints)
{
    char *rest = NULL;

    (void)buf_text(complaints);
    for (char *line = strtok_r(complaints->data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        report_problem(subcommand, "%s", line);
    }
}

enum exit_code report_error(const char *subcommand, const struct error *error)
{
    report_problem(subcommand, "%s", error->text);
    switch (error->code) {
    case ERROR_NONE:
        return EXIT_DONE;
    case ERROR_UNREACHABLE:
    case ERROR_TIMEOUT:
    case ERROR_CLOSED:
        return EXIT_UNREACHABLE;
    case ERROR_REFUSED:
    case ERROR_SETTING:
    case ERROR_LIMIT:
        return EXIT_SETTINGS;
    case ERROR_NOT_FOUND:
    case ERROR_MALFORMED:
    case ERROR_NEWER:
        return EXIT_NO;
    case ERROR_MEMORY:
    case ERROR_SYSTEM:
    case ERROR_BUG:
        return EXIT_BUG;
    }
    return EXIT_BUG;
}
