/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_ACCESS_H
#define SLUICE_CTL_SETUP_ACCESS_H

/* Sets up vhost, users, permissions and policies on the broker with the management API. Everything is read
 * first and changed only when it differs. Values that were not given stay: a user's password, a policy's
 * limit on bytes. */

#include "ctl/management.h"
#include "error.h"
#include "outcome.h"
#include "topology.h"

#include <stdbool.h>

struct access {
    struct management *management;
    const char *vhost;   /* its name */
    const char *segment; /* the same, escaped for a path: see management_vhost */
    const struct topology *topology;
    const char *gateway_password, *worker_password; /* "": unchanged */
    const char *listen_password, *monitor_password; /* "": unchanged, and not created */
    struct outcome *outcome;
};

/* Sets everything up; call it before the queues are declared, so that their policies apply from the start.
 * ERROR_SETTING: a user does not exist and there is no password to create it with. */
MUST_CHECK enum error_code access_setup(const struct access *access, struct error *error);
/* Prints the rabbitmqctl commands that do the same as access_setup. */
void access_print_hint(const struct outcome *outcome, const struct topology *topology, const char *vhost);

/* True when existing has every member of wanted with the same value. Pure. */
bool access_same(const cJSON *wanted, const cJSON *existing);

#endif
