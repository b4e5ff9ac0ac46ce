/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_RECOVER_PAGE_LINK_H
#define SLUICE_CTL_RECOVER_PAGE_LINK_H

#include "buf.h"

#include <stdbool.h>

/* Finds the cursor of the next page in a Link header (RFC 8288): <https://...?cursor=X&per_page=100>;
 * rel="next". Only the cursor is taken, so that the server can't send us, and our token, elsewhere. Returns
 * whether the header names a next page. *cursor is then still percent-encoded, a view of the header; or
 * empty, when the link has no cursor that may be put into a query as it is. Pure. */
bool page_link_next(struct span header, struct span *cursor);

#endif
