/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_SCRAM_H
#define SLUICE_CTL_SETUP_SCRAM_H

#include <stdbool.h>

/* True when a verifier as Postgres keeps it, SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>, is
 * that of password. False for any other text, and for a password that is not ASCII: SCRAM would normalise it
 * first. Pure. */
bool scram_matches(const char *verifier, const char *password);

#endif
