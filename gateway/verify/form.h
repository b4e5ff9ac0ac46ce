/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_FORM_H
#define SLUICE_GATEWAY_VERIFY_FORM_H

/* The fields of a form's body or of a query: application/x-www-form-urlencoded. Pure. */

#include "buf.h"

/* The next field of *rest, undecoded; *rest moves behind it. Empty ones ("&&") are skipped; one without '='
 * has an empty value. False at the end. */
bool form_next(struct span *rest, struct span *name, struct span *value);
/* Appends the text decoded: '+' is a blank, %XX a byte, whatever else itself. Never more bytes than
 * the text has. */
void form_decode(struct span text, struct buf *out);

#endif
