/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_VERIFY_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_VERIFY_H

/* Reads the member "verify" of a source in the routes file. There is no default that accepts
 * unverified requests: a scheme must be named, and its secrets must exist. */

#include "json_settings.h"
#include "source.h"

/* Reads "verify" into source->verify and registers its secrets with lib/secret. secrets false: the secrets'
 * entries are checked but not read, and the rule cannot verify requests. Complains about every error. Returns
 * the scheme's row, NULL when the scheme is missing or unknown. */
const struct scheme *routes_verify_read(const struct json_settings *verify, bool secrets,
                                        struct source *source);

#endif
