/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_H
#define SLUICE_GATEWAY_VERIFY_H

/* Does a request come from who it says? Decided on the raw body and the headers as
 * they came. Pure. */

#include "request.h"

enum verify_scheme {
    VERIFY_NONE, /* everybody is believed */
};

enum verify_verdict {
    VERIFY_PASSED,
    VERIFY_REFUSED,
};

enum verify_verdict verify_request(enum verify_scheme scheme, const struct request *request,
                                   struct span body);
/* True when the scheme reads this header: it holds a proof of identity and is
 * not kept with the event. */
bool verify_reads(enum verify_scheme scheme, struct span header_name);

#endif
