/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_MANAGEMENT_H
#define SLUICE_MANAGEMENT_H

/* RabbitMQ's management API, for what AMQP doesn't offer: vhosts, users, permissions, policies, and the list
 * of connections. A server has 5 s to accept a
 * connection, and 10 s for its answer. */

#include "buf.h"
#include "error.h"

#include <cjson/cJSON.h>

struct management;

/* Creates a client for url (http://user@host:port; several servers: host:port,host:port), without connecting.
 * Each call asks the server that answered last, and if it can't be reached the others in turn. The caller
 * owns *management and frees it with management_close. http_start must have been called.
 * password: that of BROKER_PASSWORD, whose file is read again (secret_file). */
MUST_CHECK enum error_code management_open(struct management **management, const char *url,
                                           const char *password, const char *ca, struct error *error);
/* management may be NULL. */
void management_close(struct management *management);

/* Gets path, which begins with "/api/". The caller frees *answer with cJSON_Delete. Returns ERROR_NOT_FOUND
 * (404), ERROR_REFUSED (401, 403, or a request that the server rejects), ERROR_UNREACHABLE (no reply, or a
 * 5xx), or ERROR_LIMIT (an answer above 16 MiB). */
MUST_CHECK enum error_code management_get(struct management *management, const char *path, cJSON **answer,
                                          struct error *error);
/* Gets all objects of a kind, such as "queues", in a vhost (escaped for a path) as an array. *list is NULL
 * when there is no such vhost; else the caller frees it with cJSON_Delete. */
MUST_CHECK enum error_code management_list(struct management *management, const char *kind, const char *vhost,
                                           cJSON **list, struct error *error);
/* Returns the entry of that name in a list, or NULL. */
const cJSON *management_named(const cJSON *list, const char *name);
/* Returns a string member of an object, or NULL. */
const char *management_text(const cJSON *object, const char *name);
/* Appends the vhost of a broker URL (amqp://user@host:port/vhost; "/" when it has none) to `segment` as it
 * must appear in a path of this API, and unescaped to `name`. Both must be empty. */
void management_vhost(const char *broker_url, struct buf *segment, struct buf *name);
/* Creates or replaces the object at path. Errors as for management_get. */
MUST_CHECK enum error_code management_put(struct management *management, const char *path, const cJSON *body,
                                          struct error *error);
/* Asks for an action. Errors as for management_get; ERROR_TIMEOUT: the server may still do it. */
MUST_CHECK enum error_code management_post(struct management *management, const char *path, const cJSON *body,
                                           struct error *error);

#endif
