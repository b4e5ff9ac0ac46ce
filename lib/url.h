/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_URL_H
#define SLUICE_URL_H

#include "buf.h"

/* Views of a URL's text, one after another; rest ends with its NUL. */
struct url {
    struct span scheme;    /* without "://"; empty when there is none */
    struct span authority; /* user, password, host and port; up to the first of / ? # */
    struct span rest;      /* path, query and fragment, from that character on */
};

/* Takes the text apart; decodes and checks nothing. Pure. */
struct url url_split(const char *text);

#endif
