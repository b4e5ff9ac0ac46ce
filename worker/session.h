/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_SESSION_H
#define SLUICE_SESSION_H

/* A session is one connection to Postgres: opened without waiting, prepared for the upserts, with its last
 * error in words that quote no row. One thread. */

#include "lib/postgres/reach.h"
#include "settings.h"
#include "verdict.h"

#include <libpq-fe.h>

enum session_state {
    SESSION_CLOSED,     /* connection is NULL */
    SESSION_RESOLVING,  /* the names of the hosts are being looked up; connection is NULL */
    SESSION_CONNECTING, /* libpq is at it */
    SESSION_PREPARING,  /* settings, prepared statements and the question for the budget are under way */
    SESSION_OPEN,       /* in pipeline mode, non-blocking */
};

enum session_news {
    SESSION_PENDING,
    SESSION_OPENED,
    SESSION_NO_PLACE, /* the budget is used up; closed now */
    SESSION_FAILED,   /* sqlstate and reason say why; closed now */
    SESSION_UNFIT,    /* the role is a superuser or has no connection limit; closed now */
};

struct session {
    enum session_state state;
    const struct worker_settings *settings;
    const char *name;
    size_t turn;         /* of reach_connect */
    struct reach *reach; /* NULL when closed */
    PGconn *connection;
    PostgresPollingStatusType polling;
    bool superuser;
    bool unsynced;                /* a commit wouldn't wait for a standby, but WORKER_REQUIRE_SYNC */
    int64_t budget;               /* the role's connection limit, once open */
    char sqlstate[SQLSTATE_SIZE]; /* of the last error; "" when the connection was lost without one */
    char reason[512];             /* NUL-terminated UTF-8, cut to fit */
};

/* Begins to connect; SESSION_CLOSED before. turn: which of several addresses is tried first. name is shown in
 * pg_stat_activity; it and settings must outlive the session. */
void session_open(struct session *s, const struct worker_settings *settings, const char *name, size_t turn);
/* Goes on with opening as far as it can without waiting. */
enum session_news session_step(struct session *s);
/* What to poll for while it isn't open. */
short session_poll_events(const struct session *s);
/* -1 when closed, or when a step is worth it now. */
int session_fd(const struct session *s);
/* SESSION_OPEN with nothing under way: false when the connection has ended, and then notes why. */
bool session_alive(struct session *s);
/* Notes why the connection failed. */
void session_note_lost(struct session *s);
/* Notes why a statement failed: the server's sentence and the constraint's name, without DETAIL, which quotes
 * the row. */
void session_note_result(struct session *s, const PGresult *result);
/* Notes that the server did not answer within so many microseconds, with the server's host. */
void session_note_silence(struct session *s, int64_t us);
/* Notes that commits don't wait for a standby although WORKER_REQUIRE_SYNC wants it: unsynced. */
void session_note_unsynced(struct session *s);
/* Notes another error of our own. */
void session_note(struct session *s, const char *reason);
/* The server ends what is under way, since the role has client_connection_check_interval. */
void session_close(struct session *s);

#endif
