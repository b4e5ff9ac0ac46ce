/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_LEDGER_H
#define SLUICE_CTL_LEDGER_H

/* A ledger records what a sender sent and with which outcome; `sluice verify` compares it with the table. It
 * is text, one tab-separated line for each fact:
 *   sent|acked|refused|unknown  source  id  SHA-256 of the body in hex
 * Each event has a "sent" line, written before it is sent, and then a line with its outcome: acked (2xx),
 * refused (4xx), unknown (any other status, or no reply). The same (source, id) may occur with several
 * bodies. Pure. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>

#define LEDGER_SHA256_HEX 64

enum ledger_fact { LEDGER_SENT, LEDGER_ACKED, LEDGER_REFUSED, LEDGER_UNKNOWN };
#define LEDGER_FACTS 4

struct ledger_line {
    enum ledger_fact fact;
    struct span source, id;
    struct span sha256; /* LEDGER_SHA256_HEX lower-case hex digits */
};

/* Parses a line without its newline; the spans point into text. Returns false when it is not a valid line. */
MUST_CHECK bool ledger_parse(struct span text, struct ledger_line *line);
/* Appends the line with its newline. */
void ledger_append(struct buf *out, const struct ledger_line *line);
/* Returns the outcome for an HTTP status; 0: no reply. */
enum ledger_fact ledger_outcome(long status);
/* Writes the SHA-256 of body in hex, NUL-terminated. */
void ledger_sha256(struct span body, char hex[LEDGER_SHA256_HEX + 1]);

#endif
