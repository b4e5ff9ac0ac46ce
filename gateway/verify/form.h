/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_FORM_H
#define SLUICE_GATEWAY_VERIFY_FORM_H

/* Reads the fields of a form body or a query: application/x-www-form-urlencoded. Pure. */

#include "buf.h"

/* Takes the next field off *rest, undecoded. Skips empty fields ("&&"); a field without '=' has an empty
 * value. False at the end. */
bool form_next(struct span *rest, struct span *name, struct span *value);
/* Appends the decoded text: '+' becomes a space, %XX a byte, everything else is copied, also a '%' without
 * two hex digits. Appends at most text.len bytes. */
void form_decode(struct span text, struct buf *out);

#endif
