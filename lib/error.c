/* SPDX-License-Identifier: MIT */
#include "error.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>

#define CLASS_OF(name, class) [name] = (class),
static const enum error_class classes[] = {ERROR_CODES(CLASS_OF)};
#undef CLASS_OF

enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;

        error->code = code;
        va_start(arguments, format);
        (void)text_format(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return code;
}

enum error_class error_class(enum error_code code)
{
    size_t index = (size_t)code;

    return index < sizeof classes / sizeof classes[0] ? classes[index] : ERROR_CLASS_BUG;
}
