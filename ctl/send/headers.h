/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_HEADERS_H
#define SLUICE_CTL_SEND_HEADERS_H

/* The headers of a test event, as an object of strings in which a name may come more than once. */

#include "error.h"

#include <cjson/cJSON.h>

/* True for the name of a header (RFC 9110, 5.1). Pure. */
bool headers_name_valid(const char *name);
/* Adds the header "Name: value"; white space around the value is dropped. ERROR_SETTING: HTTP forbids the
 * name or the value (RFC 9110, 5.1 and 5.5), or the name is one that only this program may send:
 * Content-Length, Transfer-Encoding, webhook-id. ERROR_MEMORY. */
MUST_CHECK enum error_code headers_add_line(cJSON *headers, const char *line, struct error *error);
/* Adds copies of all headers of `more`, which replace those of the same name. False when out of memory. */
MUST_CHECK bool headers_replace(cJSON *headers, const cJSON *more);
/* Adds a header unless there is one of this name. False when out of memory. */
MUST_CHECK bool headers_default(cJSON *headers, const char *name, const char *value);

#endif
