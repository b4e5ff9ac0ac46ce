/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DIAL_H
#define SLUICE_DIAL_H

/* Connects to the broker: the URL, TCP or TLS, the login with the capabilities that Sluice needs, and the
 * deadlines of all later calls. Only for lib/broker. */

#include "broker.h"

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

#define DIAL_CHANNELS 1       /* as many channels as a connection of ours may have */
#define DIAL_FRAME_OVERHEAD 8 /* bytes: type, channel, size and end of a frame */
/* Bytes of the frame that holds a message's properties, besides those of the envelope: the overhead; class,
 * weight and body size (AMQP 0-9-1, 4.2.6.1); the correlation_id that lib/broker adds. */
#define DIAL_HEADER_OVERHEAD (DIAL_FRAME_OVERHEAD + 12 + 1 + 20)

/* See broker_check. */
MUST_CHECK enum error_code dial_check(const struct broker_access *access, struct error *error);
/* Connects and logs in, with at most 10 s for the name and 5 s for each further step. Afterwards each
 * synchronous call has 5 s, and the kernel drops the connection when the broker accepts no data for 5 s.
 * ERROR_SETTING also when the broker's frame_max can't hold the properties of the largest event.
 * *frame_max: the size of a frame, in bytes, that the broker accepts.
 * After a failure the connection can only be destroyed (amqp_destroy_connection). Errors are those of
 * broker_open. */
MUST_CHECK enum error_code dial(amqp_connection_state_t connection, const struct broker_options *options,
                                int *frame_max, struct error *error);

#endif
