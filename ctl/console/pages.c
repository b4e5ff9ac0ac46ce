/* SPDX-License-Identifier: MIT */
#include "dead.h"
#include "now.h"
#include "page.h"

const struct page_row pages[] = {
    {"/", "Now", true, false, now_write},
    {DEAD_PATH, "Dead letters", true, false, dead_write},
    {DEAD_ACT_PATH, "Replay or drop", false, true, dead_act_write},
    {NULL, NULL, false, false, NULL},
};
