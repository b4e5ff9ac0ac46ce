/* SPDX-License-Identifier: MIT */
#include "gateway/http/head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST (64 << 10)

/* The length of the head that the bytes begin with, when they come in pieces of this size; 0: not complete.
 */
static size_t scan(struct span bytes, size_t piece)
{
    struct head_scan scan = {0};

    for (size_t in = 0; in < bytes.len;) {
        in = piece < bytes.len - in ? in + piece : bytes.len;
        if (head_is_complete(&scan, (struct span){bytes.data, in})) {
            if (scan.at == 0 || scan.at > in) {
                abort();
            }
            return scan.at;
        }
    }
    return 0;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = (struct span){s.data + 1, s.len - 1};
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* Reads a head that was accepted a second time: its lines are separated by CR LF, no CR, LF or NUL is
 * anywhere else, and the lines are those of the request, in order. */
static void check_lines(struct span head, const struct request *r)
{
    size_t lines = 0, at = 0;

    for (size_t i = 0; i < head.len; i++) {
        bool cr = head.data[i] == '\r', lf = head.data[i] == '\n';

        if (head.data[i] == '\0' || (cr && (i + 1 == head.len || head.data[i + 1] != '\n')) ||
            (lf && (i == 0 || head.data[i - 1] != '\r'))) {
            abort();
        }
        if (!lf) {
            continue;
        }
        struct span line = {head.data + at, i - 1 - at};

        if (lines == 0) {
            if (line.len < r->method.len || memcmp(line.data, r->method.data, r->method.len) != 0) {
                abort();
            }
        } else if (lines <= r->header_count) {
            const struct request_header *h = &r->headers[lines - 1];

            if (line.len <= h->name.len || memcmp(line.data, h->name.data, h->name.len) != 0 ||
                line.data[h->name.len] != ':' ||
                !span_equal(trim((struct span){line.data + h->name.len + 1, line.len - h->name.len - 1}),
                            h->value)) {
                abort();
            }
        } else if (line.len > 0 || i + 1 != head.len) {
            abort();
        }
        lines++;
        at = i + 1;
    }
    if (lines != r->header_count + 2) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In whatever pieces bytes come, the head ends at the same byte; one that is accepted has one meaning. (One
 * that cannot be HTTP ends with what has arrived.) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request request = {.remote = SPAN_LITERAL("127.0.0.1")};
    struct reply reply;
    struct span head;
    char *bytes = malloc(size + 1);

    if (size > 1 && bytes != NULL) {
        memcpy(bytes, data + 1, size - 1);
        head = (struct span){bytes, size - 1};
        if (head_empty_lines(head) == 0) {
            size_t len = scan(head, size), in_pieces = scan(head, data[0] % 16 + 1);

            head.len = len;
            if (len > 0 && head_parse(head, MOST, &request, &reply)) {
                if (in_pieces != len) {
                    abort();
                }
                check_lines(head, &request);
            } else if ((len == 0) != (in_pieces == 0)) {
                abort();
            }
        }
    }
    free(bytes);
    return 0;
}
