/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SEND_READ_H
#define SLUICE_CTL_SEND_READ_H

#include "buf.h"
#include "error.h"

/* Appends a whole file, of any size and any bytes; "-" is standard input. The error begins with the name. */
MUST_CHECK enum error_code read_whole(const char *name, struct buf *out, struct error *error);

#endif
