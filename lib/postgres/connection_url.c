/* SPDX-License-Identifier: MIT */
#include "connection_url.h"

#include "postgres.h"
#include "text.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535
#define NOWHERE "/"     /* a directory without a server's socket */
#define OPTIONS_MAX 128 /* libpq 17 has about 50 */

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    while (options->keyword != NULL && strcmp(options->keyword, keyword) != 0) {
        options++;
    }
    return options->val == NULL ? "" : options->val;
}

/* Appends a complaint with the first line of libpq's message. */
static void complain(struct buf *complaints, const char *name, const char *reason)
{
    buf_printf(complaints, "%s can't be used: %.*s\n", name, (int)strcspn(reason, "\n"), reason);
}

/* Checks the ports, since libpq does so only when it connects. */
static bool are_ports(const char *ports)
{
    while (*ports != '\0') {
        struct span port = {ports, strcspn(ports, ",")};
        int64_t number;

        if (port.len > 0 && (!text_number(port, 5, &number) || number < 1 || number > PORT_MAX)) {
            return false;
        }
        ports += port.len + (ports[port.len] == ',');
    }
    return true;
}

/* Appends as many hosts as are given, but none that has a server. */
static void append_nowhere(struct buf *hosts, const char *given)
{
    buf_append_text(hosts, NOWHERE);
    for (const char *comma = strchr(given, ','); comma != NULL; comma = strchr(comma + 1, ',')) {
        buf_append_text(hosts, "," NOWHERE);
    }
}

/* True when hosts may come from a service file or the environment instead of the URL. */
static bool is_elsewhere(const PQconninfoOption *options)
{
    return value_of(options, "service")[0] != '\0' || getenv("PGSERVICE") != NULL ||
           getenv("PGHOSTADDR") != NULL;
}

/* Lets libpq check the parameters without reaching a server. Only PQping tells bad parameters from a failed
 * attempt to connect. */
static void try_options(const char *name, const PQconninfoOption *options, struct buf *complaints)
{
    const char *keywords[OPTIONS_MAX + 1] = {"host"}, *values[OPTIONS_MAX + 1] = {NULL};
    const char *addresses = value_of(options, "hostaddr");
    struct buf hosts = {0};
    size_t count = 1;

    append_nowhere(&hosts, addresses[0] != '\0' ? addresses : value_of(options, "host"));
    values[0] = buf_text(&hosts);
    for (const PQconninfoOption *o = options; o->keyword != NULL && count < OPTIONS_MAX; o++) {
        if (o->val != NULL && strcmp(o->keyword, "host") != 0 && strcmp(o->keyword, "hostaddr") != 0) {
            keywords[count] = o->keyword;
            values[count++] = o->val;
        }
    }
    if (PQpingParams(keywords, values, 0) == PQPING_NO_ATTEMPT) {
        PGconn *connection = PQconnectStartParams(keywords, values, 0);

        complain(complaints, name, connection == NULL ? "out of memory" : PQerrorMessage(connection));
        PQfinish(connection);
    }
    buf_free(&hosts);
}

static void check(const char *name, const char *url, struct buf *complaints)
{
    char *reason = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &reason);

    if (options == NULL) {
        complain(complaints, name, reason == NULL ? "out of memory" : reason);
    } else if (!are_ports(value_of(options, "port"))) {
        buf_printf(complaints, "%s can't be used: its port %.64s is not between 1 and %d\n", name,
                   value_of(options, "port"), PORT_MAX);
    } else if (!is_elsewhere(options)) {
        try_options(name, options, complaints);
    }
    PQconninfoFree(options);
    PQfreemem(reason);
}

enum error_code connection_url_check(const struct config_setting *table, const void *settings,
                                     struct buf *complaints)
{
    size_t before = complaints->len;

    for (const struct config_setting *s = table; s->name != NULL; s++) {
        if (s->type == CONFIG_URL && strcmp(s->choices, POSTGRES_SCHEMES) == 0) {
            const char *url;

            memcpy(&url, (const char *)settings + s->offset, sizeof url);
            check(s->name, url, complaints);
        }
    }
    return complaints->len > before || complaints->failed ? ERROR_SETTING : ERROR_NONE;
}
