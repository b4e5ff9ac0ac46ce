/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

void bare_check(int holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "bare: %s failed\n", what);
        exit(1);
    }
}

long bare_setting(const char *name, long fallback)
{
    const char *text = getenv(name);

    return text == NULL ? fallback : strtol(text, NULL, 10);
}

amqp_connection_state_t bare_connect(void)
{
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    amqp_rpc_reply_t reply;

    bare_check(amqp_socket_open(socket, "127.0.0.1", (int)bare_setting("BARE_PORT", 5672)) == AMQP_STATUS_OK,
               "connect");
    reply = amqp_login(connection, "sluice", 1, 131072, 0, AMQP_SASL_METHOD_PLAIN, getenv("BARE_USER"),
                       getenv("BARE_PASSWORD"));
    bare_check(reply.reply_type == AMQP_RESPONSE_NORMAL, "login");
    (void)amqp_channel_open(connection, 1);
    bare_check(amqp_get_rpc_reply(connection).reply_type == AMQP_RESPONSE_NORMAL, "channel");
    return connection;
}

double bare_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bare_report(long events, double seconds)
{
    struct rusage used;
    double cpu;

    (void)getrusage(RUSAGE_SELF, &used);
    cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
          (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    (void)printf("%ld %.3f %.0f %.2f\n", events, seconds, (double)events / seconds, cpu / (double)events);
}
