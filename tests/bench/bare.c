/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void bare_check(int holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "bare: %s failed\n", what);
        exit(1);
    }
}

void *bare_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        (void)fprintf(stderr, "bare: no memory\n");
        exit(1);
    }
    return memory;
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

struct bare_body *bare_bodies(const char *path, size_t *count)
{
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    struct bare_body *bodies = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    bare_check(file != NULL, "file of bodies");
    *count = 0;
    while ((len = getline(&line, &room, file)) > 1) {
        bodies = realloc(bodies, (*count + 1) * sizeof *bodies);
        bare_check(bodies != NULL, "memory");
        bodies[(*count)++] = (struct bare_body){line, (size_t)len - 1}; /* without the line's end */
        line = NULL;
    }
    free(line);
    (void)fclose(file);
    bare_check(*count > 0, "bodies");
    return bodies;
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
