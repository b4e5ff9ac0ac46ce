/* SPDX-License-Identifier: MIT */
#include "content.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void content_begin_delivery(struct content *c, uint64_t tag, bool redelivered, struct span routing_key)
{
    size_t most = sizeof c->routing_key - 1;

    c->kind = CONTENT_OF_DELIVERY;
    c->tag = tag;
    c->redelivered = redelivered;
    c->routing_key_len = routing_key.len < most ? routing_key.len : most;
    if (c->routing_key_len > 0) {
        memcpy(c->routing_key, routing_key.data, c->routing_key_len);
    }
}

void content_begin_return(struct content *c)
{
    c->kind = CONTENT_OF_RETURN;
}

/* A delivery is one allocation: the struct, followed by the routing key, the properties and the body, which
 * is left to the caller. */
static struct broker_delivery *new_delivery(uint64_t tag, bool redelivered, struct span routing_key,
                                            struct span properties, uint64_t body_size)
{
    struct broker_delivery *d;
    char *bytes;

    if (body_size > SIZE_MAX / 2) {
        return NULL;
    }
    d = malloc(sizeof *d + routing_key.len + properties.len + (size_t)body_size);
    if (d == NULL) {
        return NULL;
    }
    bytes = (char *)(d + 1);
    if (routing_key.len > 0) {
        memcpy(bytes, routing_key.data, routing_key.len);
    }
    if (properties.len > 0) {
        memcpy(bytes + routing_key.len, properties.data, properties.len);
    }
    *d = (struct broker_delivery){
        .tag = tag,
        .redelivered = redelivered,
        .routing_key = {bytes, routing_key.len},
        .properties = {bytes + routing_key.len, properties.len},
        .body = {bytes + routing_key.len + properties.len, 0},
    };
    return d;
}

static void append_body(struct broker_delivery *d, struct span bytes)
{
    if (bytes.len > 0) {
        memcpy((char *)(d + 1) + d->routing_key.len + d->properties.len + d->body.len, bytes.data, bytes.len);
        d->body.len += bytes.len;
    }
}

struct broker_delivery *content_part(const struct broker_delivery *whole, struct span properties,
                                     struct span body)
{
    struct broker_delivery *d =
        new_delivery(whole->tag, whole->redelivered, whole->routing_key, properties, body.len);

    if (d != NULL) {
        append_body(d, body);
    }
    return d;
}

static bool finish(struct content *c, struct broker_event *event)
{
    switch (c->kind) {
    case CONTENT_OF_DELIVERY:
        *event = (struct broker_event){.kind = BROKER_DELIVERY, .delivery = c->delivery};
        c->delivery = NULL;
        break;
    case CONTENT_OF_RETURN:
        *event = (struct broker_event){.kind = BROKER_RETURNED, .correlation = c->returned};
        break;
    case CONTENT_NONE:
        return false;
    }
    c->kind = CONTENT_NONE;
    return true;
}

bool content_header(struct content *c, struct span properties, uint64_t body_size, uint64_t correlation,
                    struct broker_event *event, struct error *error)
{
    c->left = body_size;
    c->returned = correlation;
    if (c->kind == CONTENT_OF_DELIVERY) {
        c->delivery = new_delivery(c->tag, c->redelivered, (struct span){c->routing_key, c->routing_key_len},
                                   properties, body_size);
        if (c->delivery == NULL) {
            (void)error_set(error, ERROR_MEMORY, "no memory for a message of %" PRIu64 " bytes", body_size);
            event->kind = BROKER_CLOSED;
            return true;
        }
    }
    return c->left == 0 && finish(c, event);
}

bool content_body(struct content *c, struct span fragment, struct broker_event *event, struct error *error)
{
    if (fragment.len > c->left) {
        (void)error_set(error, ERROR_MALFORMED, "the broker sent %zu body bytes where %" PRIu64 " were left",
                        fragment.len, c->left);
        event->kind = BROKER_CLOSED;
        return true;
    }
    if (c->kind == CONTENT_OF_DELIVERY) {
        append_body(c->delivery, fragment);
    }
    c->left -= fragment.len;
    return c->left == 0 && finish(c, event);
}

void content_free(struct content *c)
{
    free(c->delivery);
    c->delivery = NULL;
}
