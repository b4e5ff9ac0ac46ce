/* SPDX-License-Identifier: MIT */
#include "now.h"

void now_write(struct page *page)
{
    if (page_database(page) != NULL) {
        buf_append_text(
            &page->body,
            "<p id=\"database\" data-refresh=\"5\" aria-live=\"polite\">The database answers.</p>\n");
    }
}
