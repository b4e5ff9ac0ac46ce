/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_COVERAGE_H
#define SLUICE_GATEWAY_VERIFY_COVERAGE_H

/* Which parts of a request a source's signature covers: nobody can send a captured request again with another
 * value there. Where nothing is signed, everything counts as covered, since who may send an event may write
 * all of it. Pure. */

#include "verify.h"

/* name: in lower case. */
bool coverage_has_header(const struct verify_rule *rule, const char *name);
/* pointer: a JSON pointer to a value of the body, spelled as a declaration spells it. */
bool coverage_has_pointer(const struct verify_rule *rule, const char *pointer);

#endif
