/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_COMPLAINT_H
#define SLUICE_COMPLAINT_H

/* What libmicrohttpd complains of, as log lines: at most one in 10 s, since clients cause most of them. */

#include <stdarg.h>

/* For MHD_OPTION_EXTERNAL_LOGGER; event: the name of the log line, a string. Any thread. */
void complaint_log(void *event, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

#endif
