/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_RECOVER_GITHUB_API_H
#define SLUICE_CTL_RECOVER_GITHUB_API_H

/* The deliveries of one webhook, in GitHub's REST API (2022-11-28). Requests follow each other, never at the
 * same time; redeliveries are a second apart; where GitHub names a rate limit, it is waited for, as long as
 * the patience lasts. */

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct github_api;

struct github_api_options {
    const char *subcommand; /* for messages */
    const char *url;        /* https://api.github.com; http:// for loopback addresses only */
    const char *token;
    const char *owner;   /* "repos/OWNER/REPO" or "orgs/ORG" */
    int64_t hook;        /* number of the webhook */
    int64_t patience_us; /* how long to wait for rate limits, in all */
};

/* True when a token may be sent there: https://, or http:// to this machine. Pure. */
bool github_api_url_safe(const char *url);

/* Connects to nothing yet. The options must outlive *api, which the caller ends with github_api_close.
 * ERROR_MEMORY. */
MUST_CHECK enum error_code github_api_open(struct github_api **api, const struct github_api_options *options,
                                           struct error *error);
void github_api_close(struct github_api *api); /* api may be NULL */

/* Gets a page of up to 100 attempts, newest first. cursor: of an earlier page; "": the first one. Replaces
 * *page by the reply's body and *next by the next page's cursor, empty when there is none. ERROR_REFUSED: the
 * token or its rights; ERROR_NOT_FOUND: no such webhook, or the token may not see it; ERROR_LIMIT: the rate
 * limit needs more patience; ERROR_UNREACHABLE, ERROR_TIMEOUT; ERROR_MALFORMED: another status. */
MUST_CHECK enum error_code github_api_list(struct github_api *api, const char *cursor, struct buf *page,
                                           struct buf *next, struct error *error);
/* Asks for another attempt of a delivery. *accepted false: GitHub refuses this one, and *error says why; the
 * next one may fare better. Errors as for github_api_list. */
MUST_CHECK enum error_code github_api_redeliver(struct github_api *api, const char *id, bool *accepted,
                                                struct error *error);

#endif
