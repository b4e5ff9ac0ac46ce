/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <string.h>
#include <sys/socket.h>

static void shut(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info != NULL) {
        (void)shutdown(info->connect_fd, SHUT_RDWR); /* libmicrohttpd reads the end of file and closes it */
    }
}

static void add(struct crowd *c, struct MHD_Connection *connection)
{
    if (c->count < CROWD_HARD) {
        c->connections[c->count++] = connection;
    }
    if (c->count - c->evicted > CROWD_MAX) {
        shut(c->connections[c->evicted++]);
        if (c->evictions != NULL) {
            metric_add(c->evictions, 1);
        }
    }
}

static void discard(struct crowd *c, const struct MHD_Connection *connection)
{
    size_t at = 0;

    while (at < c->count && c->connections[at] != connection) {
        at++;
    }
    if (at < c->count) {
        c->count--;
        c->evicted -= at < c->evicted;
        memmove(&c->connections[at], &c->connections[at + 1],
                (c->count - at) * sizeof(struct MHD_Connection *));
    }
}

void crowd_notify(void *crowd, struct MHD_Connection *connection, void **own,
                  enum MHD_ConnectionNotificationCode what)
{
    (void)own;
    switch (what) {
    case MHD_CONNECTION_NOTIFY_STARTED:
        add(crowd, connection);
        break;
    case MHD_CONNECTION_NOTIFY_CLOSED:
        discard(crowd, connection);
        break;
    }
}
