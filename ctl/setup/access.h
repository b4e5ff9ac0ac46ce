/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_ACCESS_H
#define SLUICE_CTL_SETUP_ACCESS_H

/* Who may do what on the broker: vhost, users, permissions and policies, by the
 * management API. Everything is looked at first and only changed when it differs, and nothing is changed that
 * was not told: a user keeps its password, a policy its bound on bytes. */

#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

#include <stdbool.h>

struct access {
    struct management *management;
    const char *vhost;   /* its name */
    const char *segment; /* the same as part of a path: see management_vhost */
    const struct topology *topology;
    const char *gateway_password, *worker_password; /* "": as it is */
    struct outcome *outcome;
};

/* The policies too, so that they are in force before the first queue is. ERROR_SETTING when a user isn't
 * there and has no password to be made with. */
MUST_CHECK enum error_code access_setup(const struct access *access, struct error *error);
/* What access_setup would do, as rabbitmqctl commands for people. */
void access_print_hint(const struct topology *topology, const char *vhost);

/* True when a hash as the broker keeps it, base64 of 4 bytes of salt and the SHA-256 of salt
 * and password, is that of password. Pure. */
bool access_hash_matches(const char *hash, const char *password);
/* True when each member of wanted is in existing with the same value. Pure. */
bool access_same(const cJSON *wanted, const cJSON *existing);

#endif
