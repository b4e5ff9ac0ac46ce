/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_MAP_SAMPLE_H
#define SLUICE_CTL_MAP_SAMPLE_H

/* Reads stored events one by one, as Postgres sees their payloads, and notes what is at each path. */

#include "ctl/look/search.h"
#include "error.h"
#include "field.h"

#include <libpq-fe.h>
#include <stdint.h>

#define SAMPLE_KEY_MAX 255      /* bytes of a key */
#define SAMPLE_MEMBERS_MAX 5000 /* of one payload */

/* Zero-initialise; free the fields with fields_free. */
struct sample {
    struct fields fields;
    int64_t read;      /* events */
    int64_t plain;     /* of them have a payload that is a JSON object; the others have no paths */
    int64_t long_keys; /* keys of more than SAMPLE_KEY_MAX bytes, which were left out */
    int64_t cut;       /* events with more than SAMPLE_MEMBERS_MAX members, whose rest was left out */
    int64_t slow;      /* events whose payload takes longer than the statement timeout: left out */
    int64_t expired;   /* events whose body has expired: left out */
    int64_t unread;    /* events for which no time was left */
};

/* Reads the events of the page. depth: an object so deep is one value. time_us: that this may take. Errors as
 * for database_query. */
MUST_CHECK enum error_code sample_read(struct sample *sample, PGconn *database,
                                       const struct search_page *page, int64_t depth, int64_t time_us,
                                       struct error *error);

#endif
