/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_RULE_H
#define SLUICE_CTL_SEND_RULE_H

/* The rule by which an event is signed: a route's, or one of the scheme and the options of the command line.
 */

#include "sign.h"

/* Takes options->rule over and leaves it empty, or fills in a rule of the scheme. Also after an error, the
 * caller frees *rule with verify_rule_free. It has no keys. ERROR_SETTING: an option that the scheme doesn't
 * accept, that it needs, or with a wrong value; or a rule whose signature is within the body, which can't be
 * made for a given body. ERROR_MEMORY. */
MUST_CHECK enum error_code rule_of_options(struct verify_rule *rule, const struct scheme *scheme,
                                           const struct sign_options *options, struct error *error);

#endif
