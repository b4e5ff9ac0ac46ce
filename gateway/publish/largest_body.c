/* SPDX-License-Identifier: MIT */
#include "largest_body.h"

#include "broker.h"
#include "log.h"

void largest_body_learn(struct largest_body *largest, const struct error *error)
{
    largest->bytes = broker_largest_body(error);
    if (largest->bytes > 0) {
        log_warning("broker-limit", log_number("max_message_size", largest->bytes),
                    log_text("message", "larger events get 503 until the connection is lost again: raise "
                                        "max_message_size on the broker, and restart it"));
    }
}

size_t largest_body_limit(const struct largest_body *largest)
{
    return largest->bytes > 0 ? (size_t)largest->bytes : SIZE_MAX;
}
