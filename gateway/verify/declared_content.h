/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_DECLARED_CONTENT_H
#define SLUICE_GATEWAY_VERIFY_DECLARED_CONTENT_H

/* What a route declares as signed (gateway/verify/declaration): takes the signatures and the signed content
 * from a request. Pure. */

#include "signed_parts.h"

/* Fills *content and checks the time, as signed_content_read does. */
MUST_CHECK enum verify_cause declared_content_read(const struct signed_request *s,
                                                   struct signed_content *content);

#endif
