/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_JSON_PATH_H
#define SLUICE_CTL_LOOK_JSON_PATH_H

/* A condition on a payload, as a user writes it: a JSON pointer (RFC 6901), "=" and a text, or "@>" and JSON.
 *   /repository/full_name=octo/hello    the value there is this text, number, true or false
 *   /labels@>[{"name":"bug"}]           the value there contains this, as Postgres' operator @> says
 *   @>{"action":"opened"}               the whole payload contains this
 * The first "=" or "@>" ends the pointer. Pure. */

#include "buf.h"

#include <stdbool.h>

struct json_path {
    struct buf tokens; /* of the pointer, unescaped, as a Postgres array of texts */
    bool contains;
    const char *value; /* a view into the text that was read */
};

/* Returns NULL, or what is wrong, as the end of a sentence. The caller frees *path with json_path_free, also
 * after an error. */
const char *json_path_read(const char *text, struct json_path *path);
void json_path_free(struct json_path *path);

#endif
