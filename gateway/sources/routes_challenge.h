/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_CHALLENGE_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_CHALLENGE_H

/* Reads the member "challenge" of "verify": how the source's provider checks the endpoint. */

#include "json_settings.h"
#include "source.h"

/* Reads the member into rule->challenge and complains about every error. After the rule's other members,
 * whose headers cannot hold a challenge. */
void routes_challenge_read(const struct json_settings *p, struct verify_rule *rule);

#endif
