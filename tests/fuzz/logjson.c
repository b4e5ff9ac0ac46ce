/* SPDX-License-Identifier: MIT */
#include "logjson.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a value holds: a line is one JSON object in printable ASCII, within its limit, and ends in the
 * only newline. The input is cut into values at each byte 0xff. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    struct log_field fields[7] = {{0}};
    const char *at = (const char *)data, *end = at + size;
    struct buf line = {0};
    cJSON *object;

    for (size_t i = 0; i < 6 && at < end; i++) {
        const char *mark = memchr(at, 0xff, (size_t)(end - at));
        const char *stop = mark == NULL ? end : mark + 1; /* the byte itself is a value's, too */

        fields[i] = log_span(keys[i], (struct span){at, (size_t)(stop - at)});
        at = stop;
    }
    logjson_append(&line, LOG_INFO, "fuzzed", fields);
    object = cJSON_ParseWithLength(line.data, line.len - 1);
    if (!cJSON_IsObject(object) || line.len > LOGJSON_LINE_MAX || line.data[line.len - 1] != '\n') {
        abort();
    }
    for (size_t i = 0; i + 1 < line.len; i++) {
        if (line.data[i] < ' ' || line.data[i] > '~') {
            abort();
        }
    }
    cJSON_Delete(object);
    buf_free(&line);
    return 0;
}
