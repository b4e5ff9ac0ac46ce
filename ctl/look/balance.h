/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LOOK_BALANCE_H
#define SLUICE_CTL_LOOK_BALANCE_H

/* Suspects: bodies in the table that differ from the current line of the ledger. Another line may explain
 * them, since the same (source, id) can have been sent with several bodies, any of which may have won. So a
 * first pass over the ledger collects the suspects, and a second one compares every line with them. Only the
 * suspects are held in memory, never the ledger. Pure. */

#include "buf.h"
#include "ctl/ledger.h"
#include "error.h"

#include <stddef.h>

struct suspect {
    char *source, *id;                  /* owned */
    char sha256[LEDGER_SHA256_HEX + 1]; /* of the body in the table */
    size_t acked;                       /* acked lines with another body */
    size_t facts[LEDGER_FACTS];         /* lines with this body */
};

/* Zero-initialise. */
struct balance {
    struct suspect *suspects;
    size_t count, capacity;
};

enum balance_verdict {
    BALANCE_ACCOUNTED, /* this body was acked, or its outcome is unknown */
    BALANCE_REFUSED,   /* this body was refused each time it was sent */
    BALANCE_FOREIGN,   /* this body was never sent with this id */
};

/* Adds a suspect. found: hash of the body in the table; line: the line with another body. */
MUST_CHECK enum error_code balance_suspect(struct balance *b, const struct ledger_line *line,
                                           struct span found, struct error *error);
/* Ends the first pass: sorts the suspects and merges equal ones. */
void balance_sort(struct balance *b);
/* Compares a line of the second pass with the suspects. */
void balance_show(struct balance *b, const struct ledger_line *line);
enum balance_verdict balance_verdict(const struct suspect *suspect);
void balance_free(struct balance *b);

#endif
