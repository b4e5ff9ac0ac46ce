/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_DECLARED_CHALLENGE_H
#define SLUICE_GATEWAY_VERIFY_DECLARED_CHALLENGE_H

/* How a provider checks a new endpoint, as the routes file declares it for the source: where the challenge is
 * in the request, and how it is returned. The checks of Meta, Slack and Zoom belong to their schemes: see
 * gateway/verify/challenge. Pure.
 *
 * No event is taken for a challenge. Of a source with secrets, a request that verifies is an event, and one
 * with a wrong proof is refused, whatever it contains; so a challenge is answered only
 *   - to a request without any proof, since its provider sends none yet;
 *   - to a request that verifies, if its method is not one of the source's events' methods;
 *   - to a request that verifies and has the declared mark, if a mark is declared; then to no other request.
 * Of a source of the scheme none, the form of the request decides. The forms, none of which an event has:
 *   query        GET or POST with this member in the query and without a body
 *   header       GET or POST with this header and without a body, or with {}
 *   pointer      POST of a JSON object whose only member is this string; with a mark, any JSON with it
 *   cloudevents  OPTIONS with WebHook-Request-Origin
 *   head         HEAD
 * An empty challenge is none. */

#include "error.h"
#include "gateway/reply.h"
#include "gateway/request.h"

#define CHALLENGE_TEXT_MAX 256            /* bytes of a challenge that is echoed */
#define DECLARED_CHALLENGE_BODY_MAX 16384 /* no longer body is searched; nor is one with a coding */

enum declared_challenge_place {
    DECLARED_CHALLENGE_NONE, /* the source declares no challenge */
    DECLARED_CHALLENGE_QUERY,
    DECLARED_CHALLENGE_HEADER,
    DECLARED_CHALLENGE_POINTER,
    DECLARED_CHALLENGE_CLOUDEVENTS, /* CloudEvents' HTTP webhooks, 4.1 */
    DECLARED_CHALLENGE_HEAD,
};

/* Texts are from malloc and owned; NULL when not declared. Read-only once it is read, by any thread. */
struct declared_challenge {
    enum declared_challenge_place place;
    char *name; /* the member of the query, the header in lower case, or the pointer */
    enum reply_echo echo;
    char *echo_name;   /* of the JSON member or the header that returns it */
    char *mark_header; /* in lower case */
    char *mark_value;  /* of that header */
    bool log;          /* the challenge is the secret of what follows: write it to the log */
};

/* What verification has found out about the request. */
enum declared_challenge_proof {
    DECLARED_CHALLENGE_UNCHECKED, /* the source's scheme is none */
    DECLARED_CHALLENGE_UNPROVEN,  /* the header with the proof is missing */
    DECLARED_CHALLENGE_REFUTED,   /* the proof is wrong */
    DECLARED_CHALLENGE_PROVEN,
};

/* The methods of such challenges, besides those of the source's events: see request_method. */
unsigned declared_challenge_methods(const struct declared_challenge *challenge);
/* True when the request is such a challenge: then *reply is set to its answer, or says why there is none.
 * is_event_method: the source's events may have the request's method. Any thread. */
MUST_CHECK bool declared_challenge_answer(const struct declared_challenge *challenge,
                                          const struct request *request, struct span body,
                                          enum declared_challenge_proof proof, bool is_event_method,
                                          struct reply *reply);
/* Frees the texts. */
void declared_challenge_free(struct declared_challenge *challenge);

#endif
