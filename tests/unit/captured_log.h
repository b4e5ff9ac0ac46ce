/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TEST_CAPTURED_LOG_H
#define SLUICE_TEST_CAPTURED_LOG_H

/* Reads what a test logs, in a program that has not called log_start. Include it after cmocka.h. */

#include "buf.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct buf captured;
static int captured_from = -1, captured_stderr = -1;

static inline int capture_begin(void **state)
{
    int ends[2];

    (void)state;
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        return -1;
    }
    captured_from = ends[0];
    captured_stderr = dup(STDERR_FILENO);
    (void)dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    return 0;
}

static inline int capture_end(void **state)
{
    (void)state;
    (void)dup2(captured_stderr, STDERR_FILENO);
    (void)close(captured_stderr);
    (void)close(captured_from);
    buf_free(&captured);
    return 0;
}

/* The lines since the last call, without their times. */
static inline const char *captured_lines(void)
{
    struct buf raw = {0};
    char chunk[4096];
    ssize_t got;

    while ((got = read(captured_from, chunk, sizeof chunk)) > 0) {
        buf_append(&raw, chunk, (size_t)got);
    }
    buf_clear(&captured);
    for (const char *at = buf_text(&raw), *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        const char *text = strchr(at, ' ') + 1;

        buf_append(&captured, text, (size_t)(end + 1 - text));
    }
    buf_free(&raw);
    return buf_text(&captured);
}

/* How often the text occurs in it. */
static inline int captured_count(const char *lines, const char *text)
{
    int count = 0;

    while ((lines = strstr(lines, text)) != NULL) {
        count++;
        lines += strlen(text);
    }
    return count;
}

#endif
