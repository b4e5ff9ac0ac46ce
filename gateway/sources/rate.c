/* SPDX-License-Identifier: MIT */
#include "rate.h"

#define NS_PER_US INT64_C(1000)
#define NS_PER_S INT64_C(1000000000)

int64_t rate_take(struct rate *r, int64_t now_us)
{
    int64_t now = now_us * NS_PER_US;
    int64_t before = atomic_load_explicit(&r->full_at_ns, memory_order_relaxed);
    int64_t each, begin;

    if (r->per_second == 0) {
        return 0;
    }
    each = NS_PER_S / r->per_second;
    do {
        begin = before > now ? before : now;
        if (begin - now > (r->burst - 1) * each) {
            return (begin - now - (r->burst - 1) * each + NS_PER_US - 1) / NS_PER_US;
        }
    } while (!atomic_compare_exchange_weak(&r->full_at_ns, &before, begin + each));
    return 0;
}
