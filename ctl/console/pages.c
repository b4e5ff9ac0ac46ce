/* SPDX-License-Identifier: MIT */
#include "dead.h"
#include "event.h"
#include "events.h"
#include "now.h"
#include "page.h"
#include "runbook.h"
#include "sources.h"

const struct page_row pages[] = {
    {"/", "Now", true, false, now_write},
    {EVENTS_PATH, "Events", true, false, events_write},
    {EVENT_PATH, "One event", true, false, event_write},
    {EVENT_BODY_PATH, "Body", false, false, event_write_body},
    {DEAD_PATH, "Dead letters", true, false, dead_write},
    {DEAD_ACT_PATH, "Replay or drop", false, true, dead_act_write},
    {"/sources", "Sources", true, false, sources_write},
    {RUNBOOK_PATH, "Runbook", true, false, runbook_write},
    {NULL, NULL, false, false, NULL},
};
