/* SPDX-License-Identifier: MIT */
#include "asset.h"

bool asset_find(struct span path, struct asset *asset)
{
    static const unsigned char health[] = "ok\n";
    const struct asset all[] = {
        {"/style.css", "text/css; charset=utf-8", asset_style, asset_style_len},
        {"/script.js", "text/javascript; charset=utf-8", asset_script, asset_script_len},
        {"/health", "text/plain; charset=utf-8", health, sizeof health - 1},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (span_equal(span_of(all[i].path), path)) {
            *asset = all[i];
            return true;
        }
    }
    return false;
}
