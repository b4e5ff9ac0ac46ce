/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ACCESS_H
#define SLUICE_ACCESS_H

/* Who may do what on the broker: vhost, users, permissions and policies, by the
 * management API. Everything is looked at first and only changed when it differs. */

#include "error.h"
#include "management.h"
#include "topology.h"

#include <stdbool.h>

/* Reports a line for each. The policies too, so that they are in force before the first queue is. */
MUST_CHECK enum error_code access_setup(struct management *management, const struct topology *topology,
                                        const char *gateway_password, const char *worker_password,
                                        struct error *error);
/* What access_setup would do, as rabbitmqctl commands for people. */
void access_print_hint(const struct topology *topology);

/* True when a hash as the broker keeps it, base64 of 4 bytes of salt and the SHA-256 of salt
 * and password, is that of password. Pure. */
bool access_hash_matches(const char *hash, const char *password);
/* True when each member of wanted is in existing with the same value. Pure. */
bool access_same(const cJSON *wanted, const cJSON *existing);

#endif
