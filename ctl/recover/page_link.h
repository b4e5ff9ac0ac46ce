/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CTL_RECOVER_PAGE_LINK_H
#define SLUICE_CTL_RECOVER_PAGE_LINK_H

#include "buf.h"

/* Finds the cursor of the next page in a Link header (RFC 8288): <https://...?cursor=X&per_page=100>;
 * rel="next". Only the cursor is taken, so that the server can't send us, and our token, elsewhere. Returns
 * it still percent-encoded, as a view of the header; empty: there is no next page. Pure. */
struct span page_link_next(struct span header);

#endif
