/* SPDX-License-Identifier: MIT */
#include "verify.h"

enum verify_verdict verify_request(enum verify_scheme scheme, const struct request *request, struct span body)
{
    (void)request;
    (void)body;
    switch (scheme) {
    case VERIFY_NONE:
        return VERIFY_PASSED;
    }
    return VERIFY_REFUSED;
}

bool verify_reads(enum verify_scheme scheme, struct span header_name)
{
    (void)header_name;
    switch (scheme) {
    case VERIFY_NONE:
        return false;
    }
    return true;
}
