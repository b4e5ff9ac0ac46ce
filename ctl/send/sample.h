/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_SAMPLE_H
#define SLUICE_CTL_SEND_SAMPLE_H

/* A sample event like the provider's, for a scheme and a route. */

#include "buf.h"
#include "gateway/verify/schemes.h"

#include <cjson/cJSON.h>

/* Appends a body like the provider's; it contains the id if the provider puts ids into bodies. JSON has no
 * blanks between its values: some libraries verify what they print themselves. */
void sample_body(const struct scheme *scheme, struct span id, struct buf *body);
/* Adds the headers that the provider sends besides those of its signature, id and event type: providers' SDKs
 * require some of them. Headers that are there already stay. False when out of memory. */
MUST_CHECK bool sample_headers(const struct scheme *scheme, struct span id, cJSON *headers);
/* Puts the id where a route's first rule looks for it. A header is added unless it is there. For a pointer,
 * and with body not NULL, the JSON body is changed; a body that isn't JSON stays as it is. False when out of
 * memory.
 */
MUST_CHECK bool sample_place_id(const struct event_id_rule *rule, struct span id, cJSON *headers,
                                struct buf *body);

#endif
