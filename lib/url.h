/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_URL_H
#define SLUICE_URL_H

#include "buf.h"

/* Consecutive views of a URL's text. The text's NUL follows rest. */
struct url {
    struct span scheme;    /* without "://"; empty when there is none */
    struct span authority; /* user, password, host and port; ends before the first of / ? # */
    struct span rest;      /* path, query and fragment, including that character */
};

/* Splits the text without decoding or checking it. Pure. */
struct url url_split(const char *text);

/* A URL may name several servers, as amqp://user@h1:5672,h2:5672/vhost does. All of these are pure. */

/* The authority without user and password: "h1:5672,h2:5672". A view of the text. */
struct span url_hosts(const char *text);
/* How many servers it names; at least 1. */
size_t url_servers(const char *text);
/* Appends the same URL with only the n-th of its servers, counted from 0; n < url_servers(text). */
void url_of_server(const char *text, size_t n, struct buf *out);

#endif
