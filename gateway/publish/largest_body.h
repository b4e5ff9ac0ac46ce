/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_PUBLISH_LARGEST_BODY_H
#define SLUICE_GATEWAY_PUBLISH_LARGEST_BODY_H

/* The largest body that the broker takes, its max_message_size. It tells its limit only by closing the
 * channel of a publisher that exceeded it, which costs all others there their confirms: a second such body
 * must not be published. Used by a publisher's thread. */

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct largest_body {
    int64_t bytes; /* 0: not known */
};

/* Takes the limit from the error with which a connection was lost, and logs it. An error of another kind
 * forgets the limit: the next connection may lead to a broker with another one. */
void largest_body_learn(struct largest_body *largest, const struct error *error);
/* The largest body that the broker is not known to refuse, in bytes. */
size_t largest_body_limit(const struct largest_body *largest);

#endif
