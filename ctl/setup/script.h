/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_SETUP_SCRIPT_H
#define SLUICE_CTL_SETUP_SCRIPT_H

#include "buf.h"

#include <stdint.h>

/* Appends the database part of setup as a psql script, for databases that somebody else administers. The
 * script is idempotent. The psql variables worker_password and reader_password, if set, become the roles'
 * passwords. budget 0: the script keeps the role's limit or chooses one, as budget_choose does. Pure. */
void script_append(struct buf *out, int64_t budget);
/* Prints it on standard output. */
void script_print(int64_t budget);

#endif
