/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_ARGUMENTS_H
#define SLUICE_CTL_SEND_ARGUMENTS_H

/* The options of `sluice send`. */

#include "ctl/options.h"
#include "sign.h"

#include <cjson/cJSON.h>

#define ARGUMENTS_SUBCOMMAND "send"

/* All texts point into the arguments or are the caller's. */
struct arguments {
    const char *url, *path, *method, *id, *data, *file, *lines, *id_header, *ledger, *source, *route, *routes,
        *members, *id_rule;
    bool json;
    struct sign_options sign;
    struct option_texts given_headers; /* "Name: value", or the name of the header with the signature */
    cJSON *headers;                    /* those with a value */
};

extern const struct option_rule arguments_rules[];

/* Reads and checks the arguments into `into`, which holds the defaults; see options_read. False after a
 * complaint. arguments_free frees it in either case. */
MUST_CHECK bool arguments_read(struct arguments *into, int count, char **arguments);
void arguments_free(struct arguments *arguments);

#endif
