/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_ANSWER_H
#define SLUICE_CTL_CONSOLE_ANSWER_H

/* What a request gets: at once, or from a page on a thread of the pool. Any thread. */

#include "buf.h"
#include "ctl/settings.h"
#include "gate.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct answer_request {
    const struct console_settings *settings;
    const char *target;          /* path and query, as sent */
    struct gate_request headers; /* needed by answer_at_once only */
    struct buf form;             /* of a POST; owned by the caller */
};

/* Zero-initialise. The caller frees the body. */
struct answer {
    unsigned status;
    const char *type; /* static text */
    struct buf body;
    const char *download; /* file name, static text; NULL: none */
};

/* Answers what needs no page: refusals, files, unknown paths. Returns false when a page must answer. */
bool answer_at_once(const struct answer_request *request, struct answer *answer);
/* Answers by a page. *connection: this thread's, or NULL; the page may open it. */
void answer_by_page(const struct answer_request *request, PGconn **connection, struct answer *answer);
/* Answers with a page that says only this. */
void answer_problem(const struct answer_request *request, unsigned status, const char *text,
                    struct answer *answer);

#endif
