/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_KEEP_PAUSE_H
#define SLUICE_CTL_KEEP_PAUSE_H

/* Waits that a drain ends. */

#include <stdint.h>

/* Returns after `us` microseconds, or at once when a drain is requested. */
void pause_for(int64_t us);

#endif
