/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_VERIFY_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_VERIFY_H

/* What a source of the routes file demands of a request: its members "verify" and "id", read
 * into the source's rules. Nothing falls open: a scheme must be named, and its secrets must be there. */

#include "json_settings.h"
#include "source.h"

/* Reads source->verify. secrets false: they are checked for their form, but not read (the rule then
 * has none: not for use). Returns the scheme's row, NULL when it is unknown; complains of all
 * that is wrong. The secrets are registered with lib/secret. */
const struct scheme *routes_verify_read(const struct json_settings *verify, bool secrets,
                                        struct source *source);
/* Reads source->id, or takes the scheme's own rule when nothing stands there; and the default of
 * source->keep, which depends on both: first where the id isn't under the signature. After
 * routes_verify_read. */
void routes_verify_read_id(const struct json_settings *id, const struct scheme *scheme,
                           struct source *source);

#endif
