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

#define DIAL_NODE_SIZE 128

/* A connection that has been made. */
struct dialled {
    amqp_connection_state_t connection;
    int frame_max;             /* the size of a frame, in bytes, that the broker accepts */
    char node[DIAL_NODE_SIZE]; /* the server of the URL, and its address, for people */
};

/* Connects and logs in. Tries all servers of the URL and all addresses of each name, until one lets us in. It
 * begins at a random one, and each call at another one than the last call of this process, so that many
 * connections spread, and repeated attempts seldom begin at the same server.
 *
 * A name has 10 s, the TCP and TLS connections to all servers 5 s together, but 1 s each at least, and a
 * login 5 s. Afterwards each synchronous call has 5 s, and the kernel drops the connection when the broker
 * accepts no data for 5 s. ERROR_SETTING also when the broker's frame_max can't hold the properties of the
 * largest event. Errors are those of broker_open, of the server that was tried last. The caller owns
 * to->connection, which is NULL after an error. Any thread. */
MUST_CHECK enum error_code dial(struct dialled *to, const struct broker_options *options,
                                struct error *error);

#endif
