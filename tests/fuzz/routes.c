/* SPDX-License-Identifier: MIT */
#include "gateway/sources/routes_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A routes file: a table, or complaints; never both, never neither. Secrets are not read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char name[64];
    struct routes_options options = {.file = name, .label = "routes", .max_body = 1 << 20};
    struct buf complaints = {0};
    struct routes *routes;

    if (file < 0) {
        file = memfd_create("routes", MFD_CLOEXEC);
        (void)snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    }
    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size) {
        abort();
    }
    routes = routes_read(&options, &complaints);
    if ((routes == NULL) != (complaints.len > 0)) {
        abort();
    }
    if (routes != NULL) {
        source_release(routes);
    }
    buf_free(&complaints);
    return 0;
}
