/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BARE_H
#define SLUICE_BARE_H

/* What the bare programs and the load share. The bare programs do only what can't be left out, so that a
 * ratio to them says what Sluice adds. Errors end the program. */

#include <stddef.h>
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
/* Zeroed memory, for ever. */
void *bare_memory(size_t count, size_t size) __attribute__((returns_nonnull));
/* Connects to BARE_PORT on 127.0.0.1 as BARE_USER with BARE_PASSWORD, vhost sluice, and opens channel 1. */
amqp_connection_state_t bare_connect(void);
/* A whole number from the environment, or the fallback. */
long bare_setting(const char *name, long fallback);
/* Monotonic. */
double bare_seconds(void);

struct bare_body {
    char *bytes;
    size_t len;
};

/* The bodies to send: the lines of a file, at least one. The caller's, for ever. */
struct bare_body *bare_bodies(const char *path, size_t *count);
/* Prints "events seconds rate cpu_us_per_event" on one line. */
void bare_report(long events, double seconds);

#endif
