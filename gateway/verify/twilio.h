/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_TWILIO_H
#define SLUICE_GATEWAY_VERIFY_TWILIO_H

/* What Twilio signs beside the URL: a form's fields, or JSON's hash within the query. Pure. */

#include "gateway/request.h"
#include "verify.h"

#define TWILIO_FIELDS_MAX 1024 /* of a form; Twilio sends some dozens */

/* Appends each of a form's fields, name and value, decoded, sorted and without repeats. VERIFY_MALFORMED:
 * more than TWILIO_FIELDS_MAX; VERIFY_MEMORY. */
MUST_CHECK enum verify_cause twilio_form(struct span body, struct buf *out);
/* Is the body covered by the signature? As a form it is by twilio_form. Otherwise the query's bodySHA256 must
 * be its SHA-256 in hex; it must not differ for a form either. VERIFY_MISMATCH when it does;
 * VERIFY_MALFORMED: a body that is no form, without bodySHA256. */
MUST_CHECK enum verify_cause twilio_body(const struct request *request, struct span body);
/* True when the request says that it carries a form. */
bool twilio_is_form(const struct request *request);
/* Appends the host as it may have been signed instead: without its port, or with the scheme's
 * own. */
void twilio_other_host(const struct request *request, struct buf *out);

#endif
