/* SPDX-License-Identifier: MIT */
#include "lifetime.h"

int64_t lifetime_end_us(int64_t max_age_us, uint32_t random, int64_t now_us)
{
    int64_t shortest_us = max_age_us / 5 * 4, spread_us = max_age_us / 5 * 2;

    if (max_age_us == 0) {
        return INT64_MAX;
    }
    return now_us + shortest_us + (int64_t)((double)spread_us * random / UINT32_MAX);
}
