/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LEDGER_H
#define SLUICE_CTL_LEDGER_H

/* A ledger: what a sender sent and what became of it, to be balanced with the
 * table afterwards. Text, one line per fact, separated by tabs:
 *   sent|acked|refused|unknown  source  id  SHA-256 of the body in hex
 * An event is written as sent before it is, and once more with its outcome:
 * acked (2xx), refused (4xx), unknown (anything else, or no reply). The same (source,
 * id) may be there with several bodies. Pure. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>

#define LEDGER_SHA256_HEX 64

enum ledger_fact { LEDGER_SENT, LEDGER_ACKED, LEDGER_REFUSED, LEDGER_UNKNOWN };
#define LEDGER_FACTS 4

struct ledger_line {
    enum ledger_fact fact;
    struct span source, id;
    struct span sha256; /* LEDGER_SHA256_HEX lower-case digits */
};

/* text is without its newline; the spans point into it. False when it isn't a
 * ledger's line. */
MUST_CHECK bool ledger_parse(struct span text, struct ledger_line *line);
/* Appends the line with its newline. */
void ledger_append(struct buf *out, const struct ledger_line *line);
/* The fact that a reply of this HTTP status is; 0: no reply. */
enum ledger_fact ledger_outcome(long status);
/* The hex SHA-256 of body, NUL-terminated. */
void ledger_sha256(struct span body, char hex[LEDGER_SHA256_HEX + 1]);

#endif
