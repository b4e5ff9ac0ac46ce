/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BARE_H
#define SLUICE_BARE_H

/* What the two bare programs share: they do only what can't be left out, so that
 * a ratio to them says what Sluice adds. Errors end the program. */

#include <stdint.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

/* Ends the program with exit code 1 and this message, unless it holds. */
void bare_check(int holds, const char *what);
/* Connects to BARE_PORT on 127.0.0.1 as BARE_USER with BARE_PASSWORD, vhost sluice, and opens channel 1. */
amqp_connection_state_t bare_connect(void);
/* A whole number from the environment, or the fallback. */
long bare_setting(const char *name, long fallback);
double bare_seconds(void);
/* Prints "events seconds rate cpu_us_per_event" on one line. */
void bare_report(long events, double seconds);

#endif
