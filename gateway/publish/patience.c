/* SPDX-License-Identifier: MIT */
#include "patience.h"

#include "clock.h"

#define FIRST_US (2 * CLOCK_US_PER_S)
#define LONGEST_US (8 * CLOCK_US_PER_S)
#define ANSWER_US (500 * CLOCK_US_PER_MS) /* for the reply to a request that waits */
#define REFUSALS_MIN 2
#define ASK_US CLOCK_US_PER_S
#define ALIVE_US (2 * CLOCK_US_PER_S)     /* a node that answered a question younger than this lives */
#define ELECTION_US (10 * CLOCK_US_PER_S) /* RabbitMQ takes 5 to 7 s to choose another leader */
#define HOPELESS_US (30 * CLOCK_US_PER_S)
#define REFUSED_US CLOCK_US_PER_S /* as long as a confirm may be missing (gateway/publish/gate) */

void patience_init(struct patience *p, int64_t confirm_timeout_us)
{
    *p = (struct patience){.first_us = clock_later(FIRST_US, confirm_timeout_us - ANSWER_US)};
    p->limit_us = p->first_us;
}

static int64_t within_limits(const struct patience *p, int64_t us)
{
    int64_t longest_us = clock_later(LONGEST_US, p->first_us);

    return us < p->first_us ? p->first_us : us > longest_us ? longest_us : us;
}

void patience_stored(struct patience *p, int64_t published_us, int64_t now_us)
{
    patience_forget(p);
    p->limit_us = within_limits(p, 2 * (now_us - published_us));
    p->answered_us = now_us;
}

void patience_refused(struct patience *p, int64_t now_us)
{
    p->answered_us = now_us;
    p->writing_us = p->asked_us = p->alive_us = 0;
    p->refusals++;
    if (p->refused_since_us == 0) {
        p->refused_since_us = now_us;
    }
}

void patience_wrote(struct patience *p, int64_t took_us)
{
    p->writing_us += took_us;
}

/* How long the broker has only refused; 0: it hasn't. */
static int64_t refused_for(const struct patience *p, int64_t since_us, int64_t now_us)
{
    return p->refusals < REFUSALS_MIN ? 0 : now_us - clock_later(p->refused_since_us, since_us);
}

bool patience_is_refused(const struct patience *p, int64_t now_us)
{
    return refused_for(p, 0, now_us) > REFUSED_US;
}

static bool end(struct patience *p)
{
    p->limit_us = within_limits(p, 2 * p->limit_us);
    return true;
}

/* How long nothing was answered. */
static int64_t silent_for(const struct patience *p, int64_t oldest_us, int64_t since_us, int64_t now_us)
{
    return oldest_us == INT64_MAX
               ? 0
               : now_us - clock_later(clock_later(oldest_us, p->answered_us), since_us) - p->writing_us;
}

bool patience_asks(struct patience *p, bool replied, int64_t oldest_us, int64_t since_us, int64_t now_us)
{
    if (replied && p->asked_us != 0) {
        p->alive_us = p->asked_us;
    }
    if (silent_for(p, oldest_us, since_us, now_us) < ASK_US ||
        (p->asked_us != 0 && (!replied || now_us - p->asked_us < ASK_US))) {
        return false;
    }
    p->asked_us = now_us;
    return true;
}

/* How long silence is allowed now. */
static int64_t silence_allowed(const struct patience *p, int64_t now_us)
{
    bool alive = p->alive_us != 0 && now_us - p->alive_us < ALIVE_US;

    return alive ? clock_later(ELECTION_US, p->limit_us) : p->limit_us;
}

bool patience_ends(struct patience *p, int64_t oldest_us, int64_t since_us, int64_t now_us,
                   struct error *error)
{
    int limit_ms = (int)(p->limit_us / CLOCK_US_PER_MS);
    int64_t hopeless_us = clock_later(HOPELESS_US, p->first_us);

    if (refused_for(p, since_us, now_us) > p->limit_us) {
        (void)error_set(error, ERROR_TIMEOUT,
                        "the broker has only refused for %d ms: a queue is full, or not available", limit_ms);
        return end(p);
    }
    if (oldest_us == INT64_MAX) {
        return false;
    }
    if (silent_for(p, oldest_us, since_us, now_us) > silence_allowed(p, now_us)) {
        (void)error_set(error, ERROR_TIMEOUT, "the broker has answered nothing for %d ms",
                        (int)(silence_allowed(p, now_us) / CLOCK_US_PER_MS));
        return end(p);
    }
    if (now_us - clock_later(oldest_us, since_us) > hopeless_us) {
        (void)error_set(error, ERROR_TIMEOUT, "the broker has not confirmed a message for %d s",
                        (int)(hopeless_us / CLOCK_US_PER_S));
        return end(p);
    }
    return false;
}

void patience_forget(struct patience *p)
{
    p->answered_us = p->writing_us = p->refused_since_us = p->asked_us = p->alive_us = 0;
    p->refusals = 0;
}
