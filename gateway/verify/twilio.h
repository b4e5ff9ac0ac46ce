/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_TWILIO_H
#define SLUICE_GATEWAY_VERIFY_TWILIO_H

/* What Twilio signs besides the URL: the fields of a form, or the hash of another body in the query. Pure. */

#include "gateway/request.h"
#include "verify.h"

#define TWILIO_FIELDS_MAX 1024 /* in a form; Twilio sends a few dozen */

/* Appends the decoded names and values of a form's fields, sorted and without duplicates. VERIFY_MALFORMED
 * for more than TWILIO_FIELDS_MAX fields; VERIFY_MEMORY. */
MUST_CHECK enum verify_cause twilio_form(struct span body, struct buf *out);
/* Checks that the signature covers the body. It covers a form through twilio_form. For any other body,
 * bodySHA256 in the query must be its SHA-256 in hex; a form may have it too. VERIFY_MISMATCH when it
 * differs; VERIFY_MALFORMED for a body that is not a form, without bodySHA256; VERIFY_MEMORY. */
MUST_CHECK enum verify_cause twilio_body(const struct request *request, struct span body);
/* True when the Content-Type is that of a form. */
bool twilio_is_form(const struct request *request);
/* Appends the other host that Twilio may have signed: without its port, or with the scheme's default port. */
void twilio_other_host(const struct request *request, struct buf *out);

#endif
