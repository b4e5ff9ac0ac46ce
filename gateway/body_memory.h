/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_BODY_MEMORY_H
#define SLUICE_GATEWAY_BODY_MEMORY_H

/* One budget for the bodies of all requests, until the broker's connection has taken their last byte. Bytes
 * that were announced but have not arrived hold at most half of it, so that silent senders can't use it up.
 *
 * A body that finds no room is refused, and has given back its bytes before another is refused. So a body is
 * refused only while others, none of them refused, hold all but what it needs: of bodies of any kind that
 * compete, as many as fit into the budget are never refused, in whatever order their threads run.
 *
 * Any thread may call everything here; a body belongs to one thread at a time. */

#include "buf.h"

#include <stdatomic.h>

/* Zero-initialise except for the limit. */
struct body_memory {
    int64_t most; /* bytes */
    _Atomic int64_t taken;
    _Atomic int64_t
        ahead; /* those of the taken bytes that large bodies announced and that have not arrived */
};

/* A body, and the bytes that it has taken. Zero-initialise except for memory. */
struct body {
    struct buf bytes;
    struct body_memory *memory;
    int64_t taken, ahead; /* its part of both */
    struct body *origin;  /* the body that this is the text of: refused with it; or NULL */
};

enum body_room {
    BODY_ROOM,
    BODY_ROOM_BUSY, /* others have the budget: the body is refused, and is as after body_free */
    BODY_ROOM_NONE, /* there is no memory */
};

/* Registers the gauge, and makes the C library return the memory of a large body to the system when the body
 * is freed. Before threads start. */
void body_memory_register(void);
/* The empty body will have len bytes. Takes them ahead, so that body_reserve can't fail for them. When
 * announced bytes fill half of the budget, a large body takes nothing yet, and finds it BUSY only if it does
 * not fit now. */
enum body_room body_announce(struct body *body, size_t len);
/* Makes room for len more bytes, which have arrived: appending up to len bytes can't fail. */
enum body_room body_reserve(struct body *body, size_t len);
/* Frees the memory and gives it back to the budget; the body is then empty and usable. */
void body_free(struct body *body);

#endif
