/* SPDX-License-Identifier: MIT */
#include "clock.h"
#include "ctl/database.h"
#include "ctl/dead/dropper.h"
#include "ctl/dead/replayer.h"
#include "dead.h"
#include "dead_filter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTS_US (20 * CLOCK_US_PER_S)
#define COMPLAINTS_MAX 10
/* Until the replayer or dropper sets its own: a locked table must not hold up the pool's threads for good. */
#define COUNTS_WITHIN "set statement_timeout = '20s'; set lock_timeout = '5s'"

/* What is asked for, by a URL or by a form. */
struct act {
    struct page *page;
    struct deadfilter filter;
    bool replay; /* else drop */
    int complaints;
};

/* Reads what is asked for. Returns false when the page has said what is wrong. */
static bool read_act(struct act *act, struct page *page, const struct query *query)
{
    const char *action = query_get(query, "action");

    *act = (struct act){.page = page};
    dead_filter_read(query, &act->filter);
    if (action == NULL || (strcmp(action, "replay") != 0 && strcmp(action, "drop") != 0)) {
        page_say_problem(page, 400, "Nothing was changed: the action must be replay or drop.");
        return false;
    }
    act->replay = strcmp(action, "replay") == 0;
    if (!deadfilter_chosen(&act->filter)) {
        page_say_problem(page, 400, "Nothing was changed: a filter is needed, or all=1, not both.");
        return false;
    }
    return true;
}

static void write_back(struct page *page)
{
    struct buf url = {0};

    page_url(page, &url, DEAD_PATH);
    html_print(&page->body, "<p><a href=\"%s\">To the dead letters</a></p>\n", buf_text(&url));
    buf_free(&url);
}

/* --- asking ------------------------------------------------------------------- */

static void write_question(struct act *act, int64_t all, int64_t unreadable)
{
    struct page *page = act->page;
    struct buf *body = &page->body;
    int64_t count = act->replay ? all - unreadable : all;
    struct buf url = {0};

    html_print(body, "<p><strong>%s %" PRId64 " of %" PRId64 " dead letters?</strong> Filter: ",
               act->replay ? "Replay" : "Drop", count, all);
    dead_filter_append_words(&act->filter, body);
    buf_append_text(body, ".</p>\n<p>");
    buf_append_text(body, act->replay
                              ? "They go to the workers again, by the first retry queue; each leaves this "
                                "list once the broker has it."
                              : "They are deleted for good. This can't be undone.");
    buf_append_text(body, " Ones that come after this page was written stay.</p>\n");
    if (count == 0) {
        return;
    }
    page_url(page, &url, DEAD_ACT_PATH);
    html_print(body, "<form method=\"post\" action=\"%s\">\n", buf_text(&url));
    dead_filter_append_fields(&act->filter, body);
    html_print(body, "<input type=\"hidden\" name=\"action\" value=\"%s\">\n",
               act->replay ? "replay" : "drop");
    html_print(body, "<input type=\"hidden\" name=\"last\" value=\"%s\">\n", act->filter.last);
    page_token(page);
    if (page->settings->token[0] != '\0') {
        html_print(body, "<button>%s %" PRId64 " dead letters</button>\n", act->replay ? "Replay" : "Drop",
                   count);
    }
    buf_append_text(body, "</form>\n");
    buf_free(&url);
}

static void ask(struct act *act)
{
    PGconn *database = page_database(act->page);
    int64_t all = 0, unreadable = 0;
    struct error error;
    enum error_code code;

    if (database == NULL) {
        return;
    }
    code = deadfilter_begin(&act->filter, database, &error);
    if (code == ERROR_NONE) {
        code = deadfilter_count(&act->filter, database, &all, &unreadable, &error);
    }
    if (code == ERROR_NONE) {
        write_question(act, all, unreadable);
    } else {
        page_problem(act->page, &error);
    }
}

/* --- acting ------------------------------------------------------------------- */

static void complain(void *context, const char *sentence)
{
    struct act *act = context;

    if (act->complaints++ < COMPLAINTS_MAX) {
        html_print(&act->page->body, "<p class=\"problem\">%s</p>\n", sentence);
    }
}

static enum error_code replay(struct act *act, PGconn *database, struct dead_filter_arguments *arguments,
                              struct error *error)
{
    const struct status_settings *settings = &act->page->settings->status;
    const struct replayer_options options = {.broker = &settings->broker,
                                             .delays = &settings->delays,
                                             .shards = settings->shards,
                                             .deadline_us = clock_monotonic_us() + ACTS_US,
                                             .action = arguments->list[0],
                                             .argument_count = arguments->count,
                                             .arguments = arguments->list,
                                             .complain = complain,
                                             .context = act};
    struct replayer_result result;
    enum error_code code = replayer_count(&act->filter, database, &result, error);

    if (code == ERROR_NONE && result.all > result.left) {
        code = replayer_run(&act->filter, database, &options, &result, error);
    }
    html_print(&act->page->body, "<p role=\"status\">Replayed %" PRId64 " of %" PRId64 ".%s</p>\n",
               result.replayed, result.all,
               code == ERROR_NONE && result.stopped ? " The rest is as before: do it again for the rest."
                                                    : "");
    return code;
}

static enum error_code drop(struct act *act, PGconn *database, struct dead_filter_arguments *arguments,
                            struct error *error)
{
    const struct dropper_options options = {.deadline_us = clock_monotonic_us() + ACTS_US,
                                            .action = arguments->list[0],
                                            .argument_count = arguments->count,
                                            .arguments = arguments->list};
    int64_t all = 0, unreadable = 0, dropped = 0;
    enum error_code code = deadfilter_count(&act->filter, database, &all, &unreadable, error);

    if (code == ERROR_NONE) {
        code = dropper_run(&act->filter, database, &options, &dropped, error);
    }
    html_print(&act->page->body, "<p role=\"status\">Dropped %" PRId64 " of %" PRId64 ".</p>\n", dropped,
               all);
    return code;
}

/* Only what the question has counted: dead letters up to `last`. */
static enum error_code begin(struct act *act, PGconn *database, struct error *error)
{
    const char *last = query_get(act->page->form, "last");
    int64_t number = last == NULL ? 0 : strtoll(last, NULL, 10);
    enum error_code code = deadfilter_begin(&act->filter, database, error);

    if (code == ERROR_NONE && number <= 0) {
        return error_set(error, ERROR_MALFORMED, "the form has no number of the last dead letter (last)");
    }
    if (code == ERROR_NONE && number < strtoll(act->filter.last, NULL, 10)) {
        (void)snprintf(act->filter.last, sizeof act->filter.last, "%" PRId64, number);
    }
    return code;
}

static void act_on_it(struct act *act)
{
    const struct console_settings *settings = act->page->settings;
    struct dead_filter_arguments arguments;
    PGconn *database = NULL;
    struct error error;
    enum error_code code = database_open(&database, DATABASE_WRITES, settings->database_url,
                                         settings->database_password, "console", &error);

    dead_filter_arguments(&act->filter, act->replay ? "dead replay" : "dead drop", &arguments);
    if (code == ERROR_NONE) {
        code = database_run(database, COUNTS_WITHIN, &error);
    }
    if (code == ERROR_NONE) {
        code = begin(act, database, &error);
    }
    if (code == ERROR_NONE) {
        code =
            act->replay ? replay(act, database, &arguments, &error) : drop(act, database, &arguments, &error);
    }
    if (code != ERROR_NONE) {
        page_problem(act->page, &error);
    }
    PQfinish(database);
}

void dead_act_write(struct page *page)
{
    struct act act;

    if (read_act(&act, page, page->form == NULL ? page->query : page->form)) {
        if (page->form == NULL) {
            ask(&act);
        } else {
            act_on_it(&act);
        }
        deadfilter_end(&act.filter);
    }
    write_back(page);
}
