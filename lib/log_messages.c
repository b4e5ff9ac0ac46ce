/* SPDX-License-Identifier: MIT */
#include "log_messages.h"

#include "clock.h"

#include <stdatomic.h>
#include <string.h>

static atomic_int mode_in_use = LOG_MESSAGES_ALL;
/* The second in the upper half, the lines taken in it in the lower one. */
static _Atomic uint64_t taken[LOG_FEW_TROUBLE + 1];

static const char *const names[] = {[LOG_MESSAGES_ALL] = "all",
                                    [LOG_MESSAGES_SAMPLED] = "sampled",
                                    [LOG_MESSAGES_BATCHES] = "batches",
                                    [LOG_MESSAGES_OFF] = "off"};

void log_messages_use(enum log_messages mode)
{
    atomic_store(&mode_in_use, (int)mode);
}

bool log_messages_of(const char *text, enum log_messages *mode)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum log_messages)i;
            return true;
        }
    }
    return false;
}

enum log_messages log_messages_mode(void)
{
    return (enum log_messages)atomic_load_explicit(&mode_in_use, memory_order_relaxed);
}

/* FNV-1a. */
static uint64_t hash(uint64_t so_far, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        so_far = (so_far ^ (unsigned char)s.data[i]) * UINT64_C(0x100000001b3);
    }
    return so_far;
}

bool log_messages_samples(struct span source, struct span id)
{
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), source);

    h = hash(hash(h, SPAN_LITERAL("\0")), id);
    return (h ^ h >> 32) % LOG_MESSAGES_ONE_IN == 0; /* the low bits alone mix badly */
}

bool log_messages_take_few(enum log_few kind, size_t lines)
{
    uint64_t second = (uint64_t)(clock_monotonic_us() / CLOCK_US_PER_S), before = atomic_load(&taken[kind]),
             after;

    do {
        uint64_t used = before >> 32 == second ? before & UINT32_MAX : 0;

        if (lines > LOG_MESSAGES_FEW - used) {
            return false;
        }
        after = second << 32 | (used + lines);
    } while (!atomic_compare_exchange_weak(&taken[kind], &before, after));
    return true;
}
