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

#endif
