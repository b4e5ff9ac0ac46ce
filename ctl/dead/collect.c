/* SPDX-License-Identifier: MIT */
#include "broker.h"
#include "collector.h"
#include "ctl/database.h"
#include "ctl/options.h"
#include "ctl/record.h"
#include "ctl/report.h"
#include "ctl/settings.h"
#include "ctl/subcommand.h"
#include "signals.h"
#include "topology.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME COLLECTOR_NAME
#define BATCH 200
#define HEARTBEAT_S 20
/* The queue counts as empty when it has no ready message and nothing was delivered for this long. */
#define QUIET_MS 500
/* When so many events can't be stored, something is wrong with the table. The prefetch must be larger: their
 * messages stay unacked. */
#define LEFT_MOST 100

struct collect {
    struct collector collector;
    struct broker *broker;
    uint64_t tags[BATCH]; /* stored in the open transaction, not acked */
    int in_hand;
    bool dry_run, json;
};

/* --- from the queue to the table ----------------------------------------------- */

/* Acks the stored messages, one by one when messages left in the queue are among them. */
static enum error_code ack(struct collect *c, int count, struct error *error)
{
    enum error_code code = ERROR_NONE;

    if (c->collector.left == 0) {
        return broker_ack(c->broker, c->tags[count - 1], true, error);
    }
    for (int i = 0; code == ERROR_NONE && i < count; i++) {
        code = broker_ack(c->broker, c->tags[i], false, error);
    }
    return code;
}

/* Acks only after the commit. If the process is killed in between, the messages are delivered again, and the
 * table's unique index keeps one row for each. */
static enum error_code commit(struct collect *c, struct error *error)
{
    int count = c->in_hand;
    enum error_code code = collector_commit(&c->collector, error);

    c->in_hand = 0;
    return code == ERROR_NONE && count > 0 ? ack(c, count, error) : code;
}

/* Stores all deliveries that have arrived. *idle: there were none. */
static enum error_code take_deliveries(struct collect *c, bool *idle, struct error *error)
{
    struct broker_event event;
    enum error_code code = ERROR_NONE;
    bool stored;

    *idle = true;
    while (code == ERROR_NONE) {
        broker_next(c->broker, &event, error);
        switch (event.kind) {
        case BROKER_IDLE:
            return commit(c, error);
        case BROKER_DELIVERY:
            *idle = false;
            code = collector_store(&c->collector, event.delivery, &stored, error);
            if (stored) {
                c->tags[c->in_hand++] = event.delivery->tag;
            }
            free(event.delivery);
            if (code == ERROR_NONE && c->collector.left >= LEFT_MOST) {
                return commit(c, error);
            }
            if (code == ERROR_NONE && c->in_hand == BATCH) {
                code = commit(c, error);
            }
            break;
        case BROKER_CANCELLED:
            return error_set(error, ERROR_NOT_FOUND,
                             "the broker cancelled the consumer: was the queue %s deleted? Run sluice setup",
                             TOPOLOGY_DEAD);
        case BROKER_CLOSED:
            return error->code;
        case BROKER_ACK:
        case BROKER_NACK:
        case BROKER_RETURNED:
        case BROKER_BLOCKED:
        case BROKER_UNBLOCKED:
            break;
        }
    }
    return code;
}

static enum error_code collect_all(struct collect *c, struct error *error)
{
    uint32_t ready = 0, consumers = 0;
    bool empty = false, idle = false;
    enum error_code code = broker_prefetch(c->broker, BATCH, error);

    if (code == ERROR_NONE) {
        code = broker_consume(c->broker, TOPOLOGY_DEAD, error);
    }
    while (code == ERROR_NONE && !empty && c->collector.left < LEFT_MOST && !signals_drain_requested()) {
        code = take_deliveries(c, &idle, error);
        if (code == ERROR_NONE && idle) {
            struct pollfd fd = {.fd = broker_fd(c->broker), .events = POLLIN};

            code = broker_inspect(c->broker, TOPOLOGY_DEAD, &ready, &consumers, error);
            /* Deliveries may already be in librabbitmq's buffer: read before waiting. */
            if (code == ERROR_NONE) {
                code = take_deliveries(c, &idle, error);
            }
            empty = idle && poll(&fd, 1, QUIET_MS) == 0 && ready == 0;
        }
    }
    return code;
}

/* ready: messages in the queue, for a dry run. */
static void tell(const struct collect *c, uint32_t ready)
{
    if (c->json) {
        cJSON *object = cJSON_CreateObject();

        (void)cJSON_AddBoolToObject(object, "dry_run", c->dry_run);
        if (c->dry_run) {
            record_add_count(object, "would_collect", ready);
        } else {
            record_add_count(object, "collected", c->collector.collected);
            record_add_count(object, "already_there", c->collector.there_already);
            record_add_count(object, "left", c->collector.left);
        }
        record_print(NAME, object);
    } else if (c->dry_run) {
        report_line("would collect %" PRIu32, ready);
    } else {
        report_line("collected %" PRId64 "; already there %" PRId64, c->collector.collected,
                    c->collector.there_already);
    }
}

static enum error_code collect(struct collect *c, struct error *error)
{
    uint32_t ready = 0, consumers = 0;
    enum error_code code = broker_inspect(c->broker, TOPOLOGY_DEAD, &ready, &consumers, error);

    if (code == ERROR_NOT_FOUND) {
        return error_set(error, code, "the broker has no queue %s; has `sluice setup` been run?",
                         TOPOLOGY_DEAD);
    }
    if (code != ERROR_NONE) {
        return code;
    }
    if (c->dry_run) {
        tell(c, ready);
        return ERROR_NONE;
    }
    code =
        database_run(c->collector.database, "set statement_timeout = '15s'; set lock_timeout = '8s'", error);
    if (code == ERROR_NONE) {
        code = collect_all(c, error);
    }
    tell(c, ready);
    return code;
}

static const struct option_rule rules[] = {
    {"--dry-run", OPTION_FLAG, offsetof(struct collect, dry_run), NULL, "only print how many are ready", 0,
     0},
    {"--json", OPTION_FLAG, offsetof(struct collect, json), NULL, "as one JSON object", 0, 0},
    OPTION_END,
};

static enum exit_code run(const void *any_settings, int count, char **arguments)
{
    const struct mover_settings *settings = any_settings;
    const struct broker_options options = {
        .access = &settings->broker, .connection_name = "sluice " NAME, .heartbeat_s = HEARTBEAT_S};
    struct collect c = {0};
    struct error error = {0};
    enum error_code code;

    if (!options_read(NAME, rules, &c, count, arguments)) {
        return EXIT_USAGE;
    }
    code = signals_install_drain(&error);
    if (code == ERROR_NONE) {
        code = database_open(&c.collector.database, DATABASE_WRITES, settings->database_url,
                             settings->database_password, NAME, &error);
    }
    if (code == ERROR_NONE) {
        code = broker_open(&c.broker, &options, &error);
    }
    if (code == ERROR_NONE) {
        code = collect(&c, &error);
    }
    broker_close(c.broker, code == ERROR_NONE);
    PQfinish(c.collector.database);
    if (code != ERROR_NONE) {
        return report_error(NAME, &error);
    }
    if (c.collector.left > 0) {
        report_problem(
            NAME, "%" PRId64 " could not be stored and stay in " TOPOLOGY_DEAD "%s", c.collector.left,
            c.collector.left < LEFT_MOST ? ""
                                         : ": stopped; repair the table, then run it again for the rest");
    }
    if (signals_drain_requested()) {
        report_problem(NAME, "interrupted; run it again for the rest");
    }
    return c.collector.left > 0 || signals_drain_requested() ? EXIT_NO : EXIT_DONE;
}

static const struct subcommand command = {
    .name = NAME,
    .arguments = "[--dry-run] [--json]",
    .summary = "move messages that the broker gave up into the table",
    .help = "Empties the queue " TOPOLOGY_DEAD
            " into the table webhooks_dead, with the verdict given-up and the broker's\n"
            "reason. The broker gives up messages that reached the delivery limit without an ack, such as\n"
            "one that kills its worker each time. Ends when the queue is empty. May be interrupted at any\n"
            "time: each event gets one row. A message that the table refuses is reported and stays in the\n"
            "queue; the others are moved (exit code 1).\n",
    .options = rules,
    .settings = settings_mover,
    .run = run,
};

SUBCOMMAND_REGISTER(command);
