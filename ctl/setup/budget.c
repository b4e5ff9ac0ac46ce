/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <inttypes.h>

int64_t budget_available(const struct budget_limits *limits)
{
    return limits->max_connections - limits->superuser_reserved_connections - limits->reserved_connections;
}

enum error_code budget_choose(const struct budget_limits *limits, int64_t wanted, int64_t current,
                              int64_t *budget, struct error *error)
{
    int64_t available = budget_available(limits);
    const char *origin = "";
    int64_t least = 1, chosen = wanted;

    if (wanted == 0 && current >= 0) {
        chosen = current;
        least = 0;
        origin = " (unset: the connection limit that sluice_worker has)";
    } else if (wanted == 0) {
        chosen = available / 2;
        if (chosen > BUDGET_CHOSEN_MAX) {
            chosen = BUDGET_CHOSEN_MAX;
        }
        origin = " (unset: chosen)";
    }
    if (chosen < least || chosen >= available) {
        return error_set(error, ERROR_SETTING,
                         "DATABASE_BUDGET is %" PRId64 "%s, but must be at least 1 and below %" PRId64
                         ", which is max_connections %" PRId64 " less superuser_reserved_connections %" PRId64
                         " and reserved_connections %" PRId64 ": lower the budget or raise max_connections",
                         chosen, origin, available, limits->max_connections,
                         limits->superuser_reserved_connections, limits->reserved_connections);
    }
    *budget = chosen;
    return ERROR_NONE;
}
