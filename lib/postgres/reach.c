/* SPDX-License-Identifier: MIT */
#include "reach.h"

#include "buf.h"
#include "clock.h"
#include "regular_file.h"
#include "resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX 16
#define PARAMETERS_MAX 16
#define TARGETS_MAX (HOSTS_MAX * RESOLVE_ADDRESSES_MAX)

/* One host of the URL. */
struct host {
    struct span name, port; /* views of the URL */
    struct lookup *lookup;  /* NULL: not a name */
};

/* One address of a host. */
struct target {
    struct span name, port;             /* views of the URL */
    char address[RESOLVE_ADDRESS_SIZE]; /* "" when the host is a socket */
};

struct reach {
    const char *url;
    PQconninfoOption *options;
    int64_t wait_us, deadline_us;
    struct host hosts[HOSTS_MAX];
    size_t count; /* 0: left to libpq */
    struct target targets[TARGETS_MAX];
    size_t target_count;
};

/* Like libpq: the value in the URL, else the one in the environment. */
static const char *value_of(const struct reach *r, const char *keyword)
{
    const char *value = NULL;

    for (const PQconninfoOption *o = r->options; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, keyword) == 0) {
            value = o->val != NULL || o->envvar == NULL ? o->val : getenv(o->envvar);
        }
    }
    return value == NULL ? "" : value;
}

/* Takes the next item of a comma-separated list. */
static struct span next_of(const char **list)
{
    struct span one = {*list, strcspn(*list, ",")};

    *list += one.len + ((*list)[one.len] == ',');
    return one;
}

static size_t count_of(const char *list)
{
    size_t count = 1;

    for (; *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

static bool is_name(struct span host)
{
    return host.len > 0 && host.data[0] != '/' && host.data[0] != '@'; /* those are sockets */
}

static enum error_code begin_lookup(struct host *host, struct error *error)
{
    struct buf name = {0};
    enum error_code code;

    buf_append(&name, host->name.data, host->name.len);
    code = name.failed ? error_set(error, ERROR_MEMORY, "no memory for the name of a host")
                       : resolve_begin(&host->lookup, buf_text(&name), error);
    buf_free(&name);
    return code;
}

static enum error_code begin_lookups(struct reach *r, struct error *error)
{
    const char *hosts = value_of(r, "host"), *ports = value_of(r, "port");
    size_t count = count_of(hosts), port_count = count_of(ports);
    enum error_code code = ERROR_NONE;

    /* libpq itself reports lists of different lengths. */
    if (hosts[0] == '\0' || value_of(r, "hostaddr")[0] != '\0' || value_of(r, "service")[0] != '\0' ||
        count > HOSTS_MAX || (port_count != 1 && port_count != count)) {
        return ERROR_NONE;
    }
    while (code == ERROR_NONE && r->count < count) {
        struct host *host = &r->hosts[r->count++];

        host->name = next_of(&hosts);
        host->port = port_count == 1 ? span_of(ports) : next_of(&ports);
        if (is_name(host->name)) {
            code = begin_lookup(host, error);
        }
    }
    return code;
}

/* libpq reads these files in the middle of a connection attempt, on the thread of the caller. It checks
 * sslkey and passfile itself. */
static enum error_code check_files(const struct reach *r, struct error *error)
{
    static const char *const names[] = {"sslrootcert", "sslcert", "sslcrl"};
    const char *services = getenv("PGSERVICEFILE");
    enum error_code code = ERROR_NONE;

    for (size_t i = 0; code == ERROR_NONE && i < sizeof names / sizeof names[0]; i++) {
        code = regular_file_check(names[i], value_of(r, names[i]), error);
    }
    return code == ERROR_NONE ? regular_file_check("PGSERVICEFILE", services == NULL ? "" : services, error)
                              : code;
}

enum error_code reach_begin(struct reach **reach, const char *url, int64_t wait_us, struct error *error)
{
    struct reach *r = calloc(1, sizeof *r);
    char *reason = NULL;
    enum error_code code;

    *reach = NULL;
    if (r == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a connection to the database");
    }
    r->url = url;
    r->wait_us = wait_us;
    r->deadline_us = clock_monotonic_us() + wait_us;
    r->options = PQconninfoParse(url, &reason);
    if (r->options == NULL) {
        code = error_set(error, ERROR_SETTING, "%s", reason == NULL ? "out of memory" : reason);
    } else {
        code = check_files(r, error);
        code = code == ERROR_NONE ? begin_lookups(r, error) : code;
    }
    PQfreemem(reason);
    if (code != ERROR_NONE) {
        reach_end(r);
        return code;
    }
    *reach = r;
    return ERROR_NONE;
}

/* A lookup that is still running, or NULL. */
static const struct lookup *first_under_way(const struct reach *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->hosts[i].lookup != NULL && !resolve_is_done(r->hosts[i].lookup)) {
            return r->hosts[i].lookup;
        }
    }
    return NULL;
}

int reach_fd(const struct reach *reach)
{
    const struct lookup *lookup = first_under_way(reach);

    return lookup == NULL ? -1 : resolve_fd(lookup);
}

int64_t reach_deadline_us(const struct reach *reach)
{
    return reach->deadline_us;
}

bool reach_is_known(const struct reach *reach, int64_t now_us)
{
    return now_us >= reach->deadline_us || first_under_way(reach) == NULL;
}

/* --- to libpq ------------------------------------------------------------------------------ */

static void add_target(struct reach *r, const struct host *host, const char *address)
{
    struct target *target = &r->targets[r->target_count++];

    target->name = host->name;
    target->port = host->port;
    (void)snprintf(target->address, sizeof target->address, "%s", address);
}

/* Adds the host's known addresses; otherwise sets *error, unless an earlier host has set it. */
static void settle(struct reach *r, struct host *host, struct error *error)
{
    struct lookup *lookup = host->lookup;
    struct addresses addresses;
    struct error unknown;

    host->lookup = NULL;
    if (lookup == NULL) {
        add_target(r, host, "");
    } else if (!resolve_is_done(lookup)) {
        resolve_leave(lookup);
        (void)error_set(&unknown, ERROR_TIMEOUT, "the name %.*s: the resolver did not answer within %lld ms",
                        (int)host->name.len, host->name.data, (long long)(r->wait_us / CLOCK_US_PER_MS));
        *error = error->code == ERROR_NONE ? unknown : *error;
    } else if (resolve_end(lookup, &addresses, &unknown) != ERROR_NONE) {
        *error = error->code == ERROR_NONE ? unknown : *error;
    } else {
        for (size_t i = 0; i < addresses.count; i++) {
            add_target(r, host, addresses.text[i]);
        }
    }
}

static enum error_code settle_all(struct reach *r, struct error *error)
{
    *error = (struct error){.code = ERROR_NONE};
    for (size_t i = 0; i < r->count; i++) {
        settle(r, &r->hosts[i], error);
    }
    return r->count > 0 && r->target_count == 0 ? error->code : ERROR_NONE;
}

/* libpq's parameters for several addresses: lists of the same length, separated by commas. */
struct lists {
    struct buf names, addresses, ports;
};

static void list_targets(const struct reach *r, size_t turn, struct lists *lists)
{
    for (size_t i = 0; i < r->target_count; i++) {
        const struct target *target = &r->targets[(turn + i) % r->target_count];
        const char *comma = i > 0 ? "," : "";

        buf_printf(&lists->names, "%s%.*s", comma, (int)target->name.len, target->name.data);
        buf_printf(&lists->addresses, "%s%s", comma, target->address);
        buf_printf(&lists->ports, "%s%.*s", comma, (int)target->port.len, target->port.data);
    }
}

size_t reach_count(const struct reach *reach)
{
    return reach->target_count;
}

enum error_code reach_connect(struct reach *r, size_t turn, const char *const *keywords,
                              const char *const *values, PGconn **connection, struct error *error)
{
    struct lists lists = {0};
    const char *all_keywords[PARAMETERS_MAX + 5] = {"dbname"};
    const char *all_values[PARAMETERS_MAX + 5] = {r->url};
    enum error_code code = settle_all(r, error);
    size_t count = 1;

    *connection = NULL;
    if (code != ERROR_NONE) {
        return code;
    }
    for (size_t i = 0; keywords[i] != NULL && i < PARAMETERS_MAX; i++, count++) {
        all_keywords[count] = keywords[i];
        all_values[count] = values[i];
    }
    if (r->count > 0) { /* later ones win over the URL's */
        list_targets(r, turn, &lists);
        all_keywords[count] = "host", all_values[count++] = buf_text(&lists.names);
        all_keywords[count] = "hostaddr", all_values[count++] = buf_text(&lists.addresses);
        all_keywords[count] = "port", all_values[count++] = buf_text(&lists.ports);
    }
    if (!lists.names.failed && !lists.addresses.failed && !lists.ports.failed) {
        *connection = PQconnectStartParams(all_keywords, all_values, 1);
    }
    buf_free(&lists.names);
    buf_free(&lists.addresses);
    buf_free(&lists.ports);
    return *connection == NULL ? error_set(error, ERROR_MEMORY, "no memory for a connection to the database")
                               : ERROR_NONE;
}

void reach_end(struct reach *reach)
{
    if (reach != NULL) {
        for (size_t i = 0; i < reach->count; i++) {
            resolve_leave(reach->hosts[i].lookup);
        }
        PQconninfoFree(reach->options);
        free(reach);
    }
}
