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
struct place {
    const struct place *parent; /* NULL: the whole file */
    const char *name;           /* of a member; NULL: an item of a list */
    int index;
    const cJSON *value; /* NULL: nothing stands there */
    const struct complaints *complaints;
};

/* Appends one line: the label, the path, the sentence. */
void place_complain(const struct place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct place place_member(const struct place *object, const char *name);
struct place place_item(const struct place *list, int index);
/* Complains unless it is an object whose members are among these (NULL ends), each once. False: it is no
 * object. */
bool place_is_object(const struct place *place, const char *const *members);
/* Complains unless it is a list of least to most items; returns how many there are, 0 after a complaint. */
int place_items(const struct place *place, int least, int most);

/* Each returns false after a complaint, also when nothing stands there. */
bool place_text(const struct place *place, size_t least, size_t most, const char **text);
bool place_integer(const struct place *place, int64_t least, int64_t most, int64_t *value);
bool place_truth(const struct place *place, bool *value);
/* type: CONFIG_DURATION (value in microseconds) or CONFIG_BYTES. */
bool place_quantity(const struct place *place, enum config_type type, int64_t least, int64_t most,
                    int64_t *value);
/* The index of the text among the choices (NULL ends); -1 after a complaint. */
int place_choice(const struct place *place, const char *const *choices);

#endif
