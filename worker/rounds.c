/* SPDX-License-Identifier: MIT */
#include "rounds.h"

/* After more pipelines with failures than this, the remaining events are sent one by one. */
#define FAILED_MOST 6
/* Each timeout costs its full wait. After two, the remaining events go back, to be stored in other batches.
 */
#define TIMEOUTS_MOST 2
/* After this many unclear failures in a row with nothing stored, no single event is to blame. */
#define STALLED_MOST 2

bool rounds_must_end(struct rounds *r, const struct pipeline_result *result)
{
    bool clear = result->verdict == VERDICT_POISON || result->verdict == VERDICT_LATER;

    r->failed += result->strikes > 0;
    r->timeouts += result->timeout;
    r->stalled = result->strikes > 0 && result->stored == 0 && !clear ? r->stalled + 1 : 0;
    r->together = r->together && result->strikes == 0;
    if (result->at_commit || r->failed > FAILED_MOST) {
        r->most = 1;
    } else if (result->timeout) {
        r->most = SIZE_MAX; /* each transaction could wait for the full timeout again */
    } else if (result->strikes > 0 && r->most > ROUNDS_WARY_EVENTS) {
        r->most = ROUNDS_WARY_EVENTS;
    }
    return result->servers || r->timeouts >= TIMEOUTS_MOST || r->stalled >= STALLED_MOST;
}
