/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_BROKER_USER_H
#define SLUICE_CTL_SETUP_BROKER_USER_H

/* A user as the management API shows and takes it: its password's hash and its tag. Pure. */

#include <cjson/cJSON.h>
#include <stdbool.h>

/* True when hash is the broker's hash of password: base64 of 4 bytes of salt and the SHA-256 of salt and
 * password. */
bool broker_user_hash_matches(const char *hash, const char *password);
/* True when the user has this password; always true for an empty one (unchanged). */
bool broker_user_has_password(const cJSON *user, const char *password);
/* True when the user has this tag and no other; NULL: when it has none. */
bool broker_user_has_tag(const cJSON *user, const char *tag);
/* The user to put: with the given password, else with the hash of `existing` (may be NULL when there is a
 * password). tag NULL: none. The caller frees it with cJSON_Delete. */
cJSON *broker_user_wanted(const cJSON *existing, const char *password, const char *tag);

#endif
