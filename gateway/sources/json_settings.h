/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_JSON_SETTINGS_H
#define SLUICE_GATEWAY_SOURCES_JSON_SETTINGS_H

/* A place in a JSON file of settings, with its path: "sources[2].verify.tolerance". Each reader
 * checks the type and the range of what stands there and complains by that path, so that
 * all errors of a file are found at once. No complaint repeats a value that may be a secret. */

#include "buf.h"
#include "config.h"

#include <cjson/cJSON.h>

struct complaints {
    struct buf *out;   /* a line each */
    const char *label; /* what each line begins with: the file */
};

/* On its reader's stack; views into the parsed file. */
struct json_settings {
    const struct json_settings *parent; /* NULL: the whole file */
    const char *name;                   /* of a member; NULL: an item of a list */
    int index;
    const cJSON *value; /* NULL: nothing stands there */
    const struct complaints *complaints;
};

/* Appends one line: the label, the path, the sentence. */
void json_settings_complain(const struct json_settings *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct json_settings json_settings_member(const struct json_settings *object, const char *name);
struct json_settings json_settings_item(const struct json_settings *list, int index);
/* Complains unless it is an object whose members are among these (NULL ends), each once. False: it is no
 * object. */
bool json_settings_is_object(const struct json_settings *place, const char *const *members);
/* Complains unless it is a list of least to most items; returns how many there are, 0 after a complaint. */
int json_settings_items(const struct json_settings *place, int least, int most);

/* Each returns false after a complaint, also when nothing stands there. */
bool json_settings_text(const struct json_settings *place, size_t least, size_t most, const char **text);
bool json_settings_integer(const struct json_settings *place, int64_t least, int64_t most, int64_t *value);
bool json_settings_truth(const struct json_settings *place, bool *value);
/* type: CONFIG_DURATION (value in microseconds) or CONFIG_BYTES. */
bool json_settings_quantity(const struct json_settings *place, enum config_type type, int64_t least,
                            int64_t most, int64_t *value);
/* The index of the text among the choices (NULL ends); -1 after a complaint. */
int json_settings_choice(const struct json_settings *place, const char *const *choices);

#endif
