/* SPDX-License-Identifier: MIT */
#include "pass.h"

#include "clock.h"
#include "ctl/report.h"
#include "signals.h"

#include <inttypes.h>

_Static_assert(PASS_WINDOW <= PUBLISHER_OUTSTANDING_MAX, "a window is outstanding as a whole");

/* How long to wait before it asks again how many are ready. */
#define LOOK_US (CLOCK_US_PER_S / 2)

/* Waits until fewer than `backlog` are ready: what others publish goes first. *room: how many more may be; 0
 * when a drain is requested. */
static enum error_code wait_for_room(struct pass *p, int64_t *room, struct error *error)
{
    *room = 0;
    while (*room <= 0 && !signals_drain_requested()) {
        int64_t ready, until_us = clock_monotonic_us() + LOOK_US;
        enum error_code code = publisher_ready(p->publisher, &ready, error);

        *room = p->backlog - ready;
        if (code == ERROR_NONE && *room <= 0 && !p->told) {
            report_problem(p->name, "waits: %" PRId64 " messages are ready in %s; --backlog allows %" PRId64,
                           ready, publisher_target(p->publisher), p->backlog);
            p->told = true;
        }
        while (code == ERROR_NONE && *room <= 0 && clock_monotonic_us() < until_us) {
            code = publisher_wait(p->publisher, until_us, error);
        }
        if (code != ERROR_NONE) {
            return code;
        }
    }
    return ERROR_NONE;
}

/* Publishes the window and waits for the confirms. *count: how many were published. */
static enum error_code publish(struct pass *p, const PGresult *window, int64_t *count, struct error *error)
{
    enum error_code code = ERROR_NONE;

    *count = 0;
    for (int row = 0; code == ERROR_NONE && row < PQntuples(window); row++) {
        struct message message;

        code = message_read(&message, window, row, p->replayed_us, error);
        if (code == ERROR_NONE) {
            code = publisher_publish(p->publisher, &message, error);
            *count += 1;
        } else if (code == ERROR_MALFORMED || code == ERROR_LIMIT) {
            report_problem(p->name, "%s is left out: %s", message.name, error->text);
            p->unreadable++;
            code = ERROR_NONE;
        }
        message_free(&message);
    }
    return code == ERROR_NONE ? publisher_finish(p->publisher, error) : code;
}

static bool was_refused(const struct pass *p)
{
    return p->publisher->refused + p->publisher->returned > 0;
}

static enum error_code move_checkpoint(struct pass *p, int64_t count, struct error *error)
{
    p->published += count;
    p->checkpoint->published += count;
    buf_clear(&p->checkpoint->position);
    stored_append_position(p->rows, &p->checkpoint->position);
    return checkpoint_save(p->checkpoint, p->path, error);
}

static enum error_code end_checkpoint(struct pass *p, struct error *error)
{
    p->checkpoint->done = true;
    return checkpoint_save(p->checkpoint, p->path, error);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Replays the next window, which holds at most one second's work. */
static enum error_code replay_window(struct pass *p, int64_t room, struct error *error)
{
    PGresult *window = NULL;
    int64_t taken, count = 0;
    enum error_code code =
        stored_next(p->rows, least(least(PASS_WINDOW, p->rate), room), &window, &taken, error);

    if (code == ERROR_NONE) {
        code = publish(p, window, &count, error);
    }
    if (code == ERROR_NONE && taken > 0 && !was_refused(p)) {
        code = move_checkpoint(p, count, error);
    }
    PQclear(window);
    return code;
}

/* Looks for events first: without one there is nothing to wait for. */
static enum error_code replay_next(struct pass *p, struct error *error)
{
    int64_t room = 0;
    bool left;
    enum error_code code = stored_left(p->rows, &left, error);

    if (code == ERROR_NONE && !left) {
        return end_checkpoint(p, error);
    }
    if (code == ERROR_NONE) {
        code = wait_for_room(p, &room, error);
    }
    return code == ERROR_NONE && room > 0 ? replay_window(p, room, error) : code;
}

/* Says why the rest is left. */
static void explain(const struct pass *p)
{
    if (p->publisher->refused > 0) {
        report_problem(
            p->name,
            "the broker refused %zu: is the queue %s full? Run the same again later, or at a lower "
            "--rate",
            p->publisher->refused, publisher_target(p->publisher));
    }
    if (p->publisher->returned > 0) {
        report_problem(p->name, "the broker returned %zu: the queue %s is not there any more",
                       p->publisher->returned, publisher_target(p->publisher));
    }
    if (signals_drain_requested() && !p->checkpoint->done) {
        report_problem(p->name, "interrupted; run the same again for the rest");
    }
}

enum error_code pass_run(struct pass *p, struct error *error)
{
    enum error_code code = ERROR_NONE;

    while (code == ERROR_NONE && !p->checkpoint->done && !was_refused(p) && !signals_drain_requested()) {
        code = replay_next(p, error);
    }
    explain(p);
    return code;
}
