/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_SIGNED_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_SIGNED_H

/* Reads what a source's "verify" declares for the schemes hmac, ed25519 and ecdsa: "signed", "time", "field"
 * and "pointer". */

#include "json_settings.h"
#include "source.h"

/* Each reads one member into the declaration and complains about every error. */
void routes_signed_parts(const struct json_settings *p, struct declaration *declaration);
void routes_signed_time(const struct json_settings *p, struct declaration *declaration);
void routes_signed_field(const struct json_settings *p, struct declaration *declaration);
void routes_signed_pointer(const struct json_settings *p, struct declaration *declaration);
/* Complains about members of "verify" that do not fit together. Sets the default tolerance of a signed time.
 * After all members are read; only for schemes that have these members. */
void routes_signed_check(const struct json_settings *verify, struct verify_rule *rule);
/* Gives the part "id" its header, which is that of the source's only id rule. After the id rules are read. */
void routes_signed_id(const struct json_settings *verify, struct source *source);

#endif
