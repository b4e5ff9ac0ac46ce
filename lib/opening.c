/* SPDX-License-Identifier: MIT */
#include "opening.h"

#include "errand.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>

/* The errand's job, with copies of everything it needs. */
struct opening {
    struct errand *errand;
    struct broker_access access;
    char *name;
    struct opening_options options;
    void *wanted;
    struct broker *broker;
    enum error_code code;
    struct error error;
};

static void run(void *job)
{
    struct opening *o = job;

    o->code = broker_open(&o->broker, &o->options.broker, &o->error);
    if (o->code == ERROR_NONE && o->options.check != NULL) {
        o->code = o->options.check(o->broker, o->wanted, &o->error);
        if (o->code != ERROR_NONE || o->options.check_only) {
            broker_close(o->broker, o->code == ERROR_NONE || o->code == ERROR_NOT_FOUND);
            o->broker = NULL;
        }
    }
}

static void discard(void *job)
{
    struct opening *o = job;

    broker_close(o->broker, false);
    if (o->access.password != NULL) {
        secret_wipe(o->access.password, strlen(o->access.password));
    }
    free(o->access.url);
    free(o->access.password);
    free(o->access.ca);
    free(o->access.certificate);
    free(o->access.key);
    free(o->name);
    free(o->wanted);
    free(o);
}

static const struct errand_kind kind = {run, discard};

/* False: no memory. */
static bool copy(struct opening *o, const struct opening_options *options)
{
    const struct broker_access *access = options->broker.access;

    o->access = (struct broker_access){
        .url = strdup(access->url),
        .password = strdup(access->password),
        .ca = strdup(access->ca),
        .certificate = strdup(access->certificate),
        .key = strdup(access->key),
    };
    o->name = strdup(options->broker.connection_name);
    o->wanted = malloc(options->wanted_size + 1);
    if (o->access.url == NULL || o->access.password == NULL || o->access.ca == NULL ||
        o->access.certificate == NULL || o->access.key == NULL || o->name == NULL || o->wanted == NULL) {
        return false;
    }
    if (options->wanted_size > 0) {
        memcpy(o->wanted, options->wanted, options->wanted_size);
    }
    o->options = *options;
    o->options.broker.access = &o->access;
    o->options.broker.connection_name = o->name;
    return true;
}

enum error_code opening_begin(struct opening **opening, const struct opening_options *options,
                              struct error *error)
{
    struct opening *o = calloc(1, sizeof *o);
    enum error_code code;

    *opening = NULL;
    if (o == NULL) {
        return error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    }
    code = copy(o, options) ? errand_begin(&o->errand, &kind, o, error)
                            : error_set(error, ERROR_MEMORY, "no memory for a connection to the broker");
    if (code != ERROR_NONE) {
        discard(o);
        return code;
    }
    *opening = o;
    return ERROR_NONE;
}

int opening_fd(const struct opening *opening)
{
    return opening == NULL ? -1 : errand_fd(opening->errand);
}

bool opening_is_done(const struct opening *opening)
{
    return errand_is_done(opening->errand);
}

enum error_code opening_end(struct opening *opening, struct broker **broker, struct error *error)
{
    enum error_code code = opening->code;

    *broker = opening->broker;
    *error = opening->error;
    opening->broker = NULL;
    errand_leave(opening->errand);
    return code;
}

void opening_leave(struct opening *opening)
{
    if (opening != NULL) {
        errand_leave(opening->errand);
    }
}
