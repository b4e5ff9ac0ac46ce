/* SPDX-License-Identifier: MIT */
#include "clock_ahead.h"
#include "daemon.h"
#include "deliver_counts.h"
#include "depths.h"
#include "event_log.h"
#include "held.h"
#include "latency.h"
#include "loop.h"
#include "pool.h"
#include "readiness.h"
#include "retry_counts.h"
#include "schedule.h"
#include "settings.h"
#include "source_events.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static enum error_code check(const void *settings, struct buf *complaints)
{
    return worker_settings_check(settings, complaints);
}

/* A closing terminal and "reload all services" send SIGHUP. The worker has nothing to reload. */
static enum error_code ignore_hangup(struct error *error)
{
    if (signal(SIGHUP, SIG_IGN) == SIG_ERR) {
        return error_set(error, ERROR_SYSTEM, "cannot ignore SIGHUP: %s", strerror(errno));
    }
    return ERROR_NONE;
}

static void register_metrics(void)
{
    event_log_register();
    source_events_register();
    latency_register();
    clock_ahead_register();
    held_register();
    deliver_counts_register();
    schedule_register();
    pool_register();
    retry_counts_register();
    depths_register();
    readiness_register();
}

static enum exit_code run(const void *settings, struct admin *admin, const char *name)
{
    return loop_run(settings, admin, name);
}

int main(int argc, char **argv)
{
    static struct worker_settings settings;
    const struct daemon daemon = {
        .program = "sluice-worker",
        .summary = "Takes webhooks from RabbitMQ and upserts them into Postgres.\n",
        .table = worker_settings_table,
        .settings = &settings,
        .log_level = &settings.log_level,
        .log_format = &settings.log_format,
        .log_messages = &settings.log_messages,
        .admin = &settings.admin,
        .core_dumps = &settings.core_dumps,
        .check = check,
        .register_metrics = register_metrics,
        .prepare = ignore_hangup,
        .run = run,
    };

    return daemon_main(&daemon, argc, argv);
}
