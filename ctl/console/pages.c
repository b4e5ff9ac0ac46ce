/* SPDX-License-Identifier: MIT */
#include "now.h"
#include "page.h"

const struct page_row pages[] = {
    {"/", "Now", true, false, now_write},
    {NULL, NULL, false, false, NULL},
};
