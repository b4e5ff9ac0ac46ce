/* SPDX-License-Identifier: MIT */
#include "received_at.h"

#include "log.h"
#include "metrics.h"

static struct metric set_backs = {"sluice_gateway_clock_set_back_total", NULL,
                                  "How often the clock was set back by more than 2 s.", METRIC_COUNTER, 0};

void received_at_register(void)
{
    metrics_register(&set_backs, 1);
}

int64_t received_at_follow(int64_t last_us, int64_t now_us, bool *set_back)
{
    *set_back = last_us - now_us > RECEIVED_AT_AHEAD_MAX_US;
    return now_us > last_us || *set_back ? now_us : last_us + 1;
}

int64_t received_at_take(int64_t now_us)
{
    static _Atomic int64_t last;
    int64_t before = atomic_load(&last), next;
    bool set_back;

    do {
        next = received_at_follow(before, now_us, &set_back);
    } while (!atomic_compare_exchange_weak(&last, &before, next));
    if (set_back) {
        metric_add(&set_backs, 1);
        log_warning("clock-set-back", log_number("by_ms", (before - now_us) / 1000));
    }
    return next;
}
