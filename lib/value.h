/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_VALUE_H
#define SLUICE_VALUE_H

/* Converts one setting's value, according to its type, from text to the member of the settings struct and
 * back. lib/config finds the text. */

#include "config.h"

/* Converts text and stores it in *member, whose type follows from the setting's. Returns NULL, or what is
 * wrong, worded to follow the setting's name: "is out of range". Empty text is valid for members that are
 * text. The strings that it allocates are freed by config_free. */
MUST_CHECK const char *value_read(const struct config_setting *s, const char *text, void *member);
/* True when the member is a char * that value_read allocated. */
bool value_is_text(enum config_type type);
/* Appends the value as a user would write it: numbers in the largest unit without a remainder, a secret as
 * "[redacted]". */
void value_append(struct buf *out, const struct config_setting *s, const void *member);
/* Appends the allowed values: "1 to 65535". */
void value_append_range(struct buf *out, const struct config_setting *s);
/* The type's name in --help and docs/configuration.md: "duration". */
const char *value_type_name(enum config_type type);

#endif
