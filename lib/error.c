/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct description {
    const char *name;
    enum error_class class;
    const char *text;
};

#define ERROR_DESCRIPTION(name, class, text) {#name, class, text},
static const struct description descriptions[] = {ERROR_CODES(ERROR_DESCRIPTION)};
#undef ERROR_DESCRIPTION

static const struct description *describe(enum error_code code)
{
    static const struct description unknown = {"ERROR_UNKNOWN", ERROR_CLASS_BUG, "unknown error code"};
    size_t index = (size_t)code;

    if (index >= sizeof descriptions / sizeof descriptions[0]) {
        return &unknown;
    }
    return &descriptions[index];
}

enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;

        error->code = code;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return code;
}

const char *error_name(enum error_code code)
{
    return describe(code)->name;
}

const char *error_text(enum error_code code)
{
    return describe(code)->text;
}

enum error_class error_class(enum error_code code)
{
    return describe(code)->class;
}
