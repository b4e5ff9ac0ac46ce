/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_SCRAM_H
#define SLUICE_CTL_SETUP_SCRAM_H

#include <stdbool.h>

/* True when verifier is Postgres' verifier of password, in the form
 * SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>. False for any other text, and for a password
 * that is not ASCII, which SCRAM would normalise first. Pure. */
bool scram_matches(const char *verifier, const char *password);

#endif
