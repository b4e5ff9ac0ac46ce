/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_SCRIPT_H
#define SLUICE_CTL_SETUP_SCRIPT_H

#include "buf.h"

#include <stdint.h>

/* Appends what setup does to a database as a psql script, for servers where somebody else
 * runs it; the same when run twice. The variables worker_password
 * and reader_password, where they are set, become the roles' passwords. budget 0: the script keeps the role's
 * or chooses, as budget_choose does. Pure. */
void script_append(struct buf *out, int64_t budget);

#endif
