/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_CONSOLE_GATE_H
#define SLUICE_CTL_CONSOLE_GATE_H

/* Who may read, and who may write. Pure; any thread.
 *
 * Reading is for whoever reaches the listener, so a page of somebody else's must not reach it through a
 * browser: the Host header must be localhost, an IP address or CONSOLE_HOST, since another name may be one
 * that its owner has pointed at this address (DNS rebinding).
 *
 * Writing needs CONSOLE_TOKEN, typed into the form that is posted. No cookie carries it: so there is no
 * session to steal, to end or to ride on, and no state here. That the form came from the console's own page
 * is checked, too. */

#include <stdbool.h>

/* Headers of a request; NULL: absent. */
struct gate_request {
    bool post;
    const char *host, *origin, *fetch_site;
};

/* Returns NULL when the request may be answered, else a sentence that says why not. own_host: CONSOLE_HOST.
 * Static text. */
const char *gate_refusal(const struct gate_request *request, const char *own_host);
/* True when the console has a token and given (NULL: none) is the same. Takes the same time for each text of
 * the same length. */
bool gate_token_fits(const char *token, const char *given);

#endif
