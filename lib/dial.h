/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DIAL_H
#define SLUICE_DIAL_H

/* Reaching the broker: the URL, TCP or TLS, the login with the capabilities that we need, and the deadlines
 * of everything after it. For lib/broker alone. */

#include "broker.h"

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

#define DIAL_CHANNELS 1 /* as many channels as a connection of ours may have */

/* See broker_check. */
MUST_CHECK enum error_code dial_check(const struct broker_access *access, struct error *error);
/* Connects and logs in, waiting at most 10 s for the name and 5 s for each further step; from then on each
 * synchronous call has 5 s, and the kernel gives the connection up when the broker takes nothing for 5 s.
 * After a failure the connection is good for amqp_destroy_connection only. Errors as broker_open. */
MUST_CHECK enum error_code dial(amqp_connection_state_t connection, const struct broker_options *options,
                                struct error *error);

#endif
