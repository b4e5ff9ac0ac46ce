/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_MANAGEMENT_H
#define SLUICE_MANAGEMENT_H

/* RabbitMQ's management API: what AMQP can't do (vhosts, users, rights, policies) or
 * can't tell (who is connected). Each call connects within 5 s and ends within 10 s. */

#include "buf.h"
#include "error.h"

#include <cjson/cJSON.h>

struct management;

/* url is http://user@host:port. Doesn't connect. *management is the caller's, for
 * management_close. The program calls http_start first. */
MUST_CHECK enum error_code management_open(struct management **management, const char *url,
                                           const char *password, const char *ca, struct error *error);
/* management may be NULL. */
void management_close(struct management *management);

/* path begins with "/api/". *answer is the caller's, for cJSON_Delete. ERROR_NOT_FOUND when there is no
 * such thing, ERROR_REFUSED for credentials or rights (401, 403) and for what the server won't take,
 * ERROR_UNREACHABLE, also for a 5xx, ERROR_LIMIT for an answer of more than 16 MiB. */
MUST_CHECK enum error_code management_get(struct management *management, const char *path, cJSON **answer,
                                          struct error *error);
/* All of a kind ("queues") in a vhost (as part of a path), as an array. *list stays NULL when there is no
 * such vhost. */
MUST_CHECK enum error_code management_list(struct management *management, const char *kind, const char *vhost,
                                           cJSON **list, struct error *error);
/* The entry of that name in a list; NULL. */
const cJSON *management_named(const cJSON *list, const char *name);
/* A text member of an object; NULL where it has none. */
const char *management_text(const cJSON *object, const char *name);
/* Appends the vhost of a broker's URL (amqp://user@host:port/vhost; "/" where it names none) as it stands in
 * a path of this API, and unescaped to `name`. Both are empty before. */
void management_vhost(const char *broker_url, struct buf *segment, struct buf *name);
/* Creates or replaces. */
MUST_CHECK enum error_code management_put(struct management *management, const char *path, const cJSON *body,
                                          struct error *error);

#endif
