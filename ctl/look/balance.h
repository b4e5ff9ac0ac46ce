/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_BALANCE_H
#define SLUICE_CTL_LOOK_BALANCE_H

/* Bodies found in the table that the ledger's line at hand doesn't account for. Another
 * line may: the same (source, id) can have been sent with several bodies, and
 * any of them may be the one that stayed. So they are collected in a first pass over the
 * ledger, and every line is shown to them in a second. Only these
 * few are held in memory, never the ledger. Pure. */

#include "buf.h"
#include "ctl/ledger.h"
#include "error.h"

#include <stddef.h>

struct suspect {
    char *source, *id;                  /* owned */
    char sha256[LEDGER_SHA256_HEX + 1]; /* of the body that was found */
    size_t acked;                       /* lines that said acked and another body */
    size_t facts[LEDGER_FACTS];         /* lines with this very body */
};

/* Zero-initialise. */
struct balance {
    struct suspect *suspects;
    size_t count, capacity;
};

enum balance_verdict {
    BALANCE_ACCOUNTED, /* the ledger has this body as acked, or with an unknown outcome */
    BALANCE_REFUSED,   /* this body was refused each time it was sent */
    BALANCE_FOREIGN,   /* this body was never sent with this id */
};

/* found: the hash of the body in the table; line: the one that it doesn't fit. */
MUST_CHECK enum error_code balance_suspect(struct balance *b, const struct ledger_line *line,
                                           struct span found, struct error *error);
/* Ends the first pass: sorts, and makes equal ones one. */
void balance_sort(struct balance *b);
/* Shows a line of the second pass. */
void balance_show(struct balance *b, const struct ledger_line *line);
enum balance_verdict balance_verdict(const struct suspect *suspect);
void balance_free(struct balance *b);

#endif
