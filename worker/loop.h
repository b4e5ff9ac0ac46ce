/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

/* The worker's one poll loop: it alone touches AMQP and Postgres, and joins the
 * two: deliveries to slots, answers to acks. */

#include "admin.h"
#include "settings.h"

/* Runs until a drain is asked for and done. name is the worker's own, for people. Returns the process's exit
 * code: EXIT_DONE, EXIT_SETTINGS when the database's role may not be used, EXIT_BUG for want of memory at the
 * start. */
enum exit_code loop_run(const struct worker_settings *settings, struct admin *admin, const char *name);

#endif
