/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LIB_POSTGRES_CONNECTION_URL_H
#define SLUICE_LIB_POSTGRES_CONNECTION_URL_H

/* Whether libpq can use a program's URLs: what can never work is told at the start, not at each attempt to
 * connect. */

#include "config.h"
#include "error.h"

/* Checks each URL of the database in these settings, loaded: its form, its parameters, the ports. Asks no
 * server. ERROR_SETTING after a line for each that can't be used: the setting's name and libpq's reason,
 * without the URL. */
MUST_CHECK enum error_code connection_url_check(const struct config_setting *table, const void *settings,
                                                struct buf *complaints);

#endif
