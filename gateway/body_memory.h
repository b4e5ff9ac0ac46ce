/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_BODY_MEMORY_H
#define SLUICE_GATEWAY_BODY_MEMORY_H

/* One budget for the bodies of all requests, until the broker's connection has taken their last byte. Bytes
 * that were announced but have not arrived hold at most half of it, so that silent senders can't use it up.
 *
 * What finds no room is refused. Two rules hold whatever senders do and in whatever order threads run:
 * - The first body that finds no room is favoured until it is freed: all others leave the reserve to it. So
 *   with no more bytes than the reserve it is never refused, and others are refused only while there is one.
 * - A body that is refused has given back its bytes before another is refused. So a body is refused only
 *   while others that are not refused hold all but the reserve and what it needs: of bodies that compete, as
 *   many as fit beside the reserve get in.
 *
 * Any thread may call everything here; a body belongs to one thread at a time. */

#include "buf.h"

#include <stdatomic.h>

/* Zero-initialise except for the limit. */
struct body_memory {
    int64_t most;             /* bytes */
    _Atomic int64_t reserved; /* of them: see body_memory_reserve */
    atomic_bool favours;      /* there is a favoured body */
    _Atomic int64_t taken;
    _Atomic int64_t
        ahead; /* those of the taken bytes that large bodies announced and that have not arrived */
};

/* A body, and the bytes that it has taken. Zero-initialise except for memory. */
struct body {
    struct buf bytes;
    struct body_memory *memory;
    int64_t taken, ahead; /* its part of both */
    bool favoured;
    struct body *origin; /* the body that this is the text of: favoured and refused with it; or NULL */
};

enum body_room {
    BODY_ROOM,
    BODY_ROOM_BUSY, /* others have the budget: the body is refused, and is as after body_free */
    BODY_ROOM_NONE, /* there is no memory */
};

/* Registers the gauge, and makes the C library return the memory of a large body to the system when the body
 * is freed. Before threads start. */
void body_memory_register(void);
/* Reserves room for one body of `largest` bytes, but at most half of the budget; replaces the reserve before.
 * What others hold of a larger one is theirs until they are freed. */
void body_memory_reserve(struct body_memory *memory, size_t largest);
/* The empty body will have len bytes. Takes them ahead, so that body_reserve can't fail for them. When
 * announced bytes fill half of the budget, a large body takes nothing yet, and finds it BUSY only if it does
 * not fit now. */
enum body_room body_announce(struct body *body, size_t len);
/* Makes room for len more bytes, which have arrived: appending up to len bytes can't fail. */
enum body_room body_reserve(struct body *body, size_t len);
/* Frees the memory and gives it back to the budget; the body is then empty and usable. */
void body_free(struct body *body);

#endif
