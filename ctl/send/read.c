/* SPDX-License-Identifier: MIT */
#include "read.h"

#include "regular_file.h"

#include <stdio.h>
#include <string.h>

enum error_code read_whole(const char *name, struct buf *out, struct error *error)
{
    bool standard = strcmp(name, "-") == 0;
    struct error refusal = {.text = ""};
    FILE *file = standard ? stdin : regular_file_stream(name, &refusal);
    char block[16384];
    size_t got;
    bool failed;

    if (file == NULL) {
        return error_set(error, refusal.code, "%s %s", name, refusal.text);
    }
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        buf_append(out, block, got);
    }
    failed = ferror(file) != 0;
    if (!standard) {
        (void)fclose(file);
    }
    if (failed || out->failed) {
        return error_set(error, ERROR_SYSTEM, "%s: can't be read completely", name);
    }
    return ERROR_NONE;
}
