/* SPDX-License-Identifier: MIT */
#include "hearer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void hearer_tell(const struct hearer *hearer, const char *name, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int len;

    va_start(arguments, format);
    len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len >= 0) {
        hearer->take(hearer->to, name, text);
        free(text);
    }
}
