/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_WORKER_PIPELINE_H
#define SLUICE_WORKER_PIPELINE_H

/* A pipeline is a plan (worker/plan), sent over one session in libpq's pipeline mode, and its answers.
 * Several segments are durable after the flush at their end, so nothing counts as stored before the whole
 * pipeline is answered. Never blocks. One thread. */

#include "plan.h"
#include "rows.h"
#include "session.h"

enum pipeline_progress {
    PIPELINE_PENDING,  /* answers are outstanding */
    PIPELINE_ANSWERED, /* each event has its state; result describes the pipeline as a whole */
    PIPELINE_BROKEN,   /* the connection is lost or unusable; the session says why. Call pipeline_lost */
};

/* The outcome of a pipeline as a whole. */
struct pipeline_result {
    size_t stored;     /* events stored, without dead letters */
    int64_t dead_rows; /* the answer to pipeline_plan_question; -1: not known */
    size_t strikes;    /* segments that failed */
    bool timeout;      /* a segment exceeded lock_timeout or statement_timeout */
    bool at_commit;    /* a segment of several events failed at its sync: no single event to blame */
    bool servers;      /* a segment failed with an error that all others would get, too */
    bool vague;        /* a statement failed that names no event: its events are single now */
    char sqlstate[SQLSTATE_SIZE]; /* of the last failed segment, as is the verdict */
    enum verdict verdict;
};

struct pipeline {
    struct plan plan;
    const char *worker;
    size_t at;              /* the first item without an answer */
    size_t begin;           /* the first item of the segment whose sync is outstanding */
    size_t struck;          /* the failed item of that segment; SIZE_MAX: none; count: its sync failed */
    uint64_t stored_before; /* events that this worker had stored when the batch began */
    struct pipeline_result result;
    bool unsent; /* libpq has data left that the socket did not accept */
    struct rows rows;
    struct buf scratch;
};

/* For batches of at most most_events. worker (this worker's name, for dead letters) must outlive it.
 * guarded: no outcome is final unless the server, asked after the commits, says that they wait for a standby;
 * otherwise PIPELINE_BROKEN with session_note_unsynced. */
MUST_CHECK enum error_code pipeline_init(struct pipeline *pipeline, size_t most_events, int64_t tiers,
                                         const char *worker, bool guarded, struct error *error);
/* Plans what the batch needs, as plan_batch does. stored: number of events that this worker has stored so
 * far.
 */
bool pipeline_plan(struct pipeline *pipeline, const struct batch *batch, size_t most, bool together,
                   uint64_t stored);
/* Plans a pipeline that only asks how many dead letters there are. */
void pipeline_plan_question(struct pipeline *pipeline);
/* Sends the pipeline. Returns false in the cases of PIPELINE_BROKEN. */
MUST_CHECK bool pipeline_send(struct pipeline *pipeline, struct session *session);
/* Reads the answers that have arrived and sends what is left. After PIPELINE_ANSWERED each event is stored or
 * dead, EVENT_FAILED and struck, or still EVENT_WAITING because another event of its segment failed. Of a
 * segment whose failure names no event, all are still EVENT_WAITING. */
enum pipeline_progress pipeline_step(struct pipeline *pipeline, struct session *session);
/* Ends a pipeline whose connection was lost. An event without an answer may be stored or not; the merge makes
 * a second attempt harmless. Each unsettled readable event becomes EVENT_FAILED with VERDICT_TRANSIENT. */
void pipeline_lost(struct pipeline *pipeline, struct batch *batch, const struct session *session);
void pipeline_free(struct pipeline *pipeline);

#endif
