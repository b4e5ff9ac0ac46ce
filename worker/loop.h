/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

/* The worker's single poll loop. It connects AMQP and Postgres: it moves deliveries to slots and turns
 * outcomes into acks. */

#include "admin.h"
#include "settings.h"

/* Runs until a requested drain is complete. name identifies this worker in logs and in pg_stat_activity.
 * Returns the process's exit code: EXIT_DONE, EXIT_SETTINGS when the database role is unfit, or EXIT_BUG when
 * memory runs out at the start. */
enum exit_code loop_run(const struct worker_settings *settings, struct admin *admin, const char *name);

#endif
