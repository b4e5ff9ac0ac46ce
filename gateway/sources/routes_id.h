/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_ID_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_ID_H

/* Reads the members "id" and "keep" of a source in the routes file: where its events have their ids, and
 * which of two events with one id is kept. */

#include "gateway/verify/schemes.h"
#include "json_settings.h"
#include "source.h"

/* Reads "id", one rule or a list of them, into source->id, by default the scheme's rules. Reads "keep" into
 * each of them; by default it is the scheme's, but "first" for a header that the signature does not cover.
 * Complains about every error. Call after routes_verify_read, with its result. */
void routes_id_read(const struct json_settings *id, const struct json_settings *keep,
                    const struct scheme *scheme, struct source *source);

#endif
