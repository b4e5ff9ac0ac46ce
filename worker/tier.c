/* SPDX-License-Identifier: MIT */
#include "tier.h"

size_t tier_middle(const struct config_durations *delays)
{
    return delays->count / 2;
}

size_t tier_for(const struct config_durations *delays, int64_t lasted_us)
{
    size_t tier = 0;

    while (tier + 1 < delays->count && delays->us[tier + 1] <= lasted_us) {
        tier++;
    }
    return tier;
}
