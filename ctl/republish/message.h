/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_REPUBLISH_MESSAGE_H
#define SLUICE_CTL_REPUBLISH_MESSAGE_H

/* Turns the row of an event, stored or dead, back into its message. */

#include "buf.h"
#include "envelope.h"
#include "error.h"

#include <cjson/cJSON.h>
#include <libpq-fe.h>

/* Columns that a statement must return, as text. */
enum message_column {
    MESSAGE_NAME, /* of the row, for people: its dead_id, or its id */
    MESSAGE_SOURCE,
    MESSAGE_ID,
    MESSAGE_KEEP,
    MESSAGE_METHOD,
    MESSAGE_PATH,
    MESSAGE_QUERY,
    MESSAGE_HEADERS,
    MESSAGE_CONTENT_TYPE,
    MESSAGE_REMOTE,
    MESSAGE_TRACEPARENT,
    MESSAGE_RECEIVED_US,
    MESSAGE_BODY,
    MESSAGE_UNREADABLE, /* "t": not an envelope */
    MESSAGE_ORDER,
};

struct message {
    const char *name;   /* a view into the result */
    struct span source; /* a view into the result; the routing key */
    struct buf properties;
    unsigned char *body;
    size_t body_len;
};

/* Fills *message from a row of such a statement. Its properties are a new envelope with attempt 0 and the
 * original order and received_at, so that a newer event still wins the merge; headers of the broker are left
 * out. replayed_us: the time for sluice-replayed; 0: none. ERROR_MALFORMED or ERROR_LIMIT: the row is not an
 * envelope. The result must outlive the message. The caller must call message_free, also after an error. */
MUST_CHECK enum error_code message_read(struct message *message, const PGresult *result, int row,
                                        int64_t replayed_us, struct error *error);
void message_free(struct message *message);

#endif
