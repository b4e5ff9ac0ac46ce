/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LIB_POSTGRES_CONNECTION_URL_H
#define SLUICE_LIB_POSTGRES_CONNECTION_URL_H

/* Checks that libpq can use a program's database URLs. A URL that can never work is reported once at start
 * instead of at each attempt to connect. */

#include "config.h"
#include "error.h"

/* Checks each database URL in these settings, which must be loaded: its form, parameters and ports. Contacts
 * no server. ERROR_SETTING when any isn't usable; each has a line in `complaints` with the setting's name and
 * libpq's reason, without the URL. */
MUST_CHECK enum error_code connection_url_check(const struct config_setting *table, const void *settings,
                                                struct buf *complaints);

#endif
