/* SPDX-License-Identifier: MIT */
#include "daemon.h"
#include "loop.h"
#include "settings.h"

static enum error_code check(const void *settings, struct buf *complaints)
{
    return worker_settings_check(settings, complaints);
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
        .admin = &settings.admin,
        .check = check,
        .run = run,
    };

    return daemon_main(&daemon, argc, argv);
}
