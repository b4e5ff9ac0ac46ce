/* SPDX-License-Identifier: MIT */
#include "url.h"

#include <string.h>

struct url url_split(const char *text)
{
    const char *colon = strstr(text, "://");
    const char *authority = colon == NULL ? text : colon + sizeof "://" - 1;
    size_t len = strcspn(authority, "/?#");

    return (struct url){
        .scheme = {text, colon == NULL ? 0 : (size_t)(colon - text)},
        .authority = {authority, len},
        .rest = span_of(authority + len),
    };
}
