/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_VALUE_H
#define SLUICE_VALUE_H

/* One setting's value, by its type: from text to the settings struct's member
 * and back. Where values come from is config's business. */

#include "config.h"

/* Reads text into the member (whose type is the setting's). Returns NULL, or what is
 * wrong as the middle of a sentence: "is out of range". Empty text is an empty
 * value where the member is text. */
MUST_CHECK const char *value_read(const struct config_setting *s, const char *text, void *member);
/* True when the member is a char * that value_read allocated. */
bool value_is_text(enum config_type type);
/* Appends the value as a user would write it, numbers in the largest unit that is exact;
 * a secret as "[redacted]". */
void value_append(struct buf *out, const struct config_setting *s, const void *member);
/* Appends what is allowed: "1 to 65535". */
void value_append_range(struct buf *out, const struct config_setting *s);
/* For people: "duration". */
const char *value_type_name(enum config_type type);

#endif
