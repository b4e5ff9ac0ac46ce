/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SOURCES_ROUTES_ORDER_H
#define SLUICE_GATEWAY_SOURCES_ROUTES_ORDER_H

/* Reads the member "order" of a source in the routes file: where its events have their order. */

#include "json_settings.h"
#include "source.h"

/* Reads {"header": ...} or {"pointer": ...} into source->order. Complains about every error: also about a
 * place that the signature does not cover, because a captured request could be sent again with a greater
 * order and would then win for good, and about an order where no rule of the id keeps the newest. Call after
 * routes_id_read and routes_signed_id. */
void routes_order_read(const struct json_settings *order, struct source *source);

#endif
