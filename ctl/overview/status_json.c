/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/cluster.h"
#include "ctl/record.h"
#include "status_view.h"

#include <string.h>

static void add_time(cJSON *object, const char *name, double at_s)
{
    struct buf text = {0};

    if (at_s == 0) {
        (void)cJSON_AddNullToObject(object, name);
        return;
    }
    clock_append(&text, (int64_t)(at_s * CLOCK_US_PER_S));
    (void)cJSON_AddStringToObject(object, name, buf_text(&text));
    buf_free(&text);
}

static void add_problems(cJSON *root, const struct status_view *view)
{
    cJSON *list = cJSON_AddArrayToObject(root, "problems");

    for (size_t i = 0; i < view->problem_count; i++) {
        cJSON *problem = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(problem, "name", view->problems[i].name);
        (void)cJSON_AddStringToObject(problem, "words", view->problems[i].words);
        (void)cJSON_AddStringToObject(problem, "runbook", view->problems[i].anchor);
        (void)cJSON_AddItemToArray(list, problem);
    }
}

static void add_names(cJSON *object, const char *name, const cJSON *names)
{
    (void)cJSON_AddItemToObject(object, name,
                                names == NULL ? cJSON_CreateNull() : cJSON_Duplicate(names, true));
}

static void add_members(cJSON *object, const cJSON *entry)
{
    const struct cluster_queue queue = cluster_queue_of(entry);

    (void)(queue.leader[0] == '\0' ? cJSON_AddNullToObject(object, "leader")
                                   : cJSON_AddStringToObject(object, "leader", queue.leader));
    add_names(object, "members", queue.members);
    add_names(object, "online", queue.online);
}

static void add_queues(cJSON *root, const struct overview *o)
{
    const struct queue_depths *depths = &o->depths;
    cJSON *queues = cJSON_AddArrayToObject(root, "queues");

    for (size_t i = 0; i < depths->count; i++) {
        const struct queue_depth *q = &depths->queues[i];
        cJSON *queue = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(queue, "name", q->name);
        record_add_count(queue, "ready", q->there ? (int64_t)q->ready : OVERVIEW_UNKNOWN);
        record_add_count(queue, "consumers", q->there ? (int64_t)q->consumers : OVERVIEW_UNKNOWN);
        add_members(queue, management_named(o->queues, q->name));
        (void)cJSON_AddItemToArray(queues, queue);
    }
}

static void add_rate(cJSON *rates, const char *name, double rate)
{
    if (rate < 0) {
        (void)cJSON_AddNullToObject(rates, name);
    } else {
        (void)cJSON_AddNumberToObject(rates, name, rate);
    }
}

static void add_rates(cJSON *root, const struct rates *rates)
{
    cJSON *object = cJSON_AddObjectToObject(root, "per_second");

    add_rate(object, "accepted", rates->accepted);
    add_rate(object, "refused", rates->refused);
    add_rate(object, "stored", rates->stored);
    add_rate(object, "dead", rates->dead);
}

static void add_replicas(cJSON *list, const char *program, const struct replicas *replicas)
{
    for (size_t i = 0; i < replicas->count; i++) {
        const struct replica *r = &replicas->list[i];
        cJSON *replica = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(replica, "program", program);
        (void)cJSON_AddStringToObject(replica, "address", r->address);
        (void)cJSON_AddBoolToObject(replica, "answered", r->answered);
        (void)cJSON_AddBoolToObject(replica, "ready", r->ready);
        (void)cJSON_AddStringToObject(replica, "state", r->state);
        (void)cJSON_AddItemToArray(list, replica);
    }
}

static void add_sources(cJSON *root, const struct totals *totals)
{
    cJSON *list = cJSON_AddArrayToObject(root, "sources");

    for (size_t i = 0; i < totals->source_count; i++) {
        const struct source_totals *s = &totals->sources[i];
        cJSON *source = cJSON_CreateObject();

        (void)cJSON_AddStringToObject(source, "name", s->name);
        (void)cJSON_AddNumberToObject(source, "accepted", s->accepted);
        (void)cJSON_AddNumberToObject(source, "refused", s->refused);
        add_time(source, "last_accepted", s->last_accepted_s);
        add_time(source, "last_refused", s->last_refused_s);
        (void)(s->cause[0] == '\0' ? cJSON_AddNullToObject(source, "cause")
                                   : cJSON_AddStringToObject(source, "cause", s->cause));
        (void)cJSON_AddItemToArray(list, source);
    }
}

void status_print_json(const struct status_view *view, const char *subcommand)
{
    const struct overview *o = view->overview;
    cJSON *root = cJSON_CreateObject();
    cJSON *replicas;

    add_time(root, "at", (double)o->at_us / CLOCK_US_PER_S);
    add_problems(root, view);
    add_queues(root, o);
    record_add_count(root, "rows", o->database.rows);
    (void)cJSON_AddBoolToObject(root, "rows_estimated", o->database.rows_estimated);
    record_add_count(root, "dead", o->database.dead);
    record_add_count(root, "connections", o->database.held);
    record_add_count(root, "budget", o->database.budget);
    record_add_count(root, "max_connections", o->database.max_connections);
    record_add_count(root, "workers", o->worker_count);
    record_add_count(root, "standby", o->standby);
    if (view->watched) {
        add_rates(root, &view->rates);
    }
    add_time(root, "oldest_event", o->totals.oldest_event_s);
    replicas = cJSON_AddArrayToObject(root, "replicas");
    add_replicas(replicas, "gateway", &o->gateways);
    add_replicas(replicas, "worker", &o->workers);
    add_sources(root, &o->totals);
    record_print(subcommand, root);
}
