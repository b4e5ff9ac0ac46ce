/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_PAGE_H
#define SLUICE_CTL_CONSOLE_PAGE_H

/* One page of the console. A page is a row of the table in pages.c: its path, its title, and the function
 * that writes what is within <main> after the heading, on a thread of the pool.
 *
 * An element with an id and data-refresh="10" (or "never") is replaced every 10 s by the script, with the one
 * of the same id in a fresh copy of the page, unless the reader has paused that. With aria-live="polite" the
 * change is read out. */

#include "buf.h"
#include "ctl/settings.h"
#include "error.h"
#include "html.h"
#include "query.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct page {
    const struct console_settings *settings;
    const struct query *query; /* of the URL */
    /* What was posted, once the gate has let it pass, token and all; NULL: the page is only read. */
    const struct query *form;
    PGconn **connection; /* of this thread: use page_database */
    /* What the function may set: */
    unsigned status;      /* 200 */
    struct buf body;      /* within <main>; of a download, its bytes */
    const char *download; /* not NULL: body is the content of a text file of this name. Static text */
};

struct page_row {
    const char *path, *title;
    bool listed; /* in the navigation */
    bool posts;  /* takes forms */
    void (*write)(struct page *page);
};

/* The pages, in the order of the navigation. path NULL ends the table. */
extern const struct page_row pages[];

/* Returns this thread's connection, as sluice_reader: read-only, 5 s for a statement. Opens it if it is not
 * open. NULL: the page has said why. Never end it. */
PGconn *page_database(struct page *page);
/* Says what went wrong, and sets the status by the error's code. */
void page_problem(struct page *page, const struct error *error);
/* Says it in a sentence of its own. */
void page_say_problem(struct page *page, unsigned status, const char *text);
/* Appends the URL of a path of the console, with CONSOLE_PREFIX. Add parameters by query_append. */
void page_url(const struct page *page, struct buf *url, const char *path);
/* Begins a table that scrolls sideways by itself, with its caption and column heads (NULL ends them); write
 * rows, then call page_table_end. */
void page_table_begin(struct page *page, const char *caption, const char *const heads[]);
void page_table_end(struct page *page);
/* Writes the field for the token into a form that posts, or, without CONSOLE_TOKEN, that the console only
 * reads. */
void page_token(struct page *page);
/* Writes the whole document around the body. now_us: since 1970. */
void page_frame(const struct page *page, const char *path, const char *title, int64_t now_us,
                struct buf *out);

#endif
