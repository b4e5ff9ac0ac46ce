/* SPDX-License-Identifier: MIT */
#include "eventid.h"

#include "clock.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SHA256_BYTES 32

int64_t eventid_received_us(void)
{
    static _Atomic int64_t last;
    int64_t before = atomic_load(&last);
    int64_t now = clock_wall_us();
    int64_t next;

    do {
        next = now > before ? now : before + 1;
    } while (!atomic_compare_exchange_weak(&last, &before, next));
    return next;
}

/* 48 bits of milliseconds, version, 12 bits of their fraction (so that ids of one process
 * sort as they came), variant, 62 random bits. */
static bool make_uuid(int64_t received_us, struct eventid *id)
{
    uint64_t ms = (uint64_t)(received_us / CLOCK_US_PER_MS);
    unsigned fraction = (unsigned)(received_us % CLOCK_US_PER_MS * 4096 / CLOCK_US_PER_MS);
    uint64_t random;

    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    id->len = (size_t)snprintf(id->text, sizeof id->text, "%08x-%04x-7%03x-%04x-%012" PRIx64,
                               (unsigned)(ms >> 16), (unsigned)(ms & 0xffff), fraction,
                               (unsigned)(0x8000 | (random >> 48 & 0x3fff)), random & 0xffffffffffff);
    return true;
}

static bool make_hash(struct span text, struct eventid *id)
{
    static const char prefix[] = "sha256:";
    unsigned char digest[SHA256_BYTES];

    if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    memcpy(id->text, prefix, sizeof prefix);
    id->len = sizeof prefix - 1;
    for (size_t i = 0; i < sizeof digest; i++) {
        id->len += (size_t)snprintf(id->text + id->len, sizeof id->text - id->len, "%02x", digest[i]);
    }
    return true;
}

bool eventid_take(const struct request *request, int64_t received_us, struct eventid *id, struct reply *reply)
{
    static const char *const names[] = {"webhook-id", "idempotency-key"};

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        struct span value;
        size_t found = request_find(request, names[n], &value);

        if (found > 1) {
            return reply_refuse(reply, REPLY_BAD_ID, "%zu %s headers; send one", found, names[n]);
        }
        if (value.len == 0) {
            continue;
        }
        for (size_t i = 0; i < value.len; i++) {
            if (value.data[i] < 0x21 || value.data[i] > 0x7e) {
                return reply_refuse(reply, REPLY_BAD_ID,
                                    "%s holds a byte outside 0x21 to 0x7e; use printing ASCII", names[n]);
            }
        }
        if (value.len > ENVELOPE_ID_MAX) {
            return make_hash(value, id) || reply_refuse(reply, REPLY_MEMORY, "no memory to hash the id");
        }
        memcpy(id->text, value.data, value.len);
        id->text[value.len] = '\0';
        id->len = value.len;
        return true;
    }
    return make_uuid(received_us, id) || reply_refuse(reply, REPLY_MEMORY, "no random bytes for an id");
}
