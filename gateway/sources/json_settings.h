/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_JSON_SETTINGS_H
#define SLUICE_GATEWAY_SOURCES_JSON_SETTINGS_H

/* Reads the values of a JSON file of settings. Each value knows its path, such as
 * "sources[2].verify.tolerance". A reader checks type and range and reports a mistake with that path, so that
 * all mistakes of a file are found at once. No complaint repeats a value that may be a secret. */

#include "buf.h"
#include "config.h"

#include <cjson/cJSON.h>

struct complaints {
    struct buf *out;   /* one line each */
    const char *label; /* the file, at the beginning of each line */
};

/* One value. On the reader's stack, with views into the parsed file. */
struct json_settings {
    const struct json_settings *parent; /* NULL: the whole file */
    const char *name;                   /* of a member; NULL: an item of a list */
    int index;
    const cJSON *value; /* NULL: absent */
    const struct complaints *complaints;
};

/* Appends a line with the label, the path and the sentence. */
void json_settings_complain(const struct json_settings *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct json_settings json_settings_member(const struct json_settings *object, const char *name);
struct json_settings json_settings_item(const struct json_settings *list, int index);
/* Complains unless the value is an object whose members are among these (NULL ends the list), each at most
 * once. False when it is not an object. */
bool json_settings_is_object(const struct json_settings *place, const char *const *members);
/* Complains unless the value is a list of `least` to `most` items. Returns their number, 0 after a complaint.
 */
int json_settings_items(const struct json_settings *place, int least, int most);

/* Each returns false after a complaint, also when the value is absent. */
bool json_settings_text(const struct json_settings *place, size_t least, size_t most, const char **text);
/* The same, as copies for free; NULL after a complaint, also when there is no memory. */
char *json_settings_copy(const struct json_settings *place, size_t least, size_t most);
/* A copy of a JSON pointer (RFC 6901) of at most 255 bytes. least 0: "", the whole document, is one, too. */
char *json_settings_pointer(const struct json_settings *place, size_t least);
/* A copy of a header's name (RFC 9110, 5.6.2) in lower case. */
char *json_settings_header(const struct json_settings *place);
/* A copy of a text that is not the value itself. */
char *json_settings_stored(const struct json_settings *place, const char *text);
bool json_settings_integer(const struct json_settings *place, int64_t least, int64_t most, int64_t *value);
bool json_settings_truth(const struct json_settings *place, bool *value);
/* type: CONFIG_DURATION (value in microseconds) or CONFIG_BYTES. */
bool json_settings_quantity(const struct json_settings *place, enum config_type type, int64_t least,
                            int64_t most, int64_t *value);
/* The index of the text among the choices (NULL ends the list); -1 after a complaint. */
int json_settings_choice(const struct json_settings *place, const char *const *choices);

#endif
