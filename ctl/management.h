/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_MANAGEMENT_H
#define SLUICE_MANAGEMENT_H

/* RabbitMQ's management API: what AMQP can't do (vhosts, users, rights, policies) or
 * can't tell (who is connected). Each call connects within 5 s and ends within 10 s. */

#include "error.h"

#include <cjson/cJSON.h>

struct management;

/* url is http://user@host:port. Doesn't connect. *management is the caller's, for
 * management_close. The program calls curl_global_init first. */
MUST_CHECK enum error_code management_open(struct management **management, const char *url,
                                           const char *password, const char *ca, struct error *error);
/* management may be NULL. */
void management_close(struct management *management);

/* path begins with "/api/". *answer is the caller's, for cJSON_Delete. ERROR_NOT_FOUND when there is no
 * such thing, ERROR_REFUSED for credentials or rights (401, 403) and for what the server won't take,
 * ERROR_UNREACHABLE, also for a 5xx. */
MUST_CHECK enum error_code management_get(struct management *management, const char *path, cJSON **answer,
                                          struct error *error);
/* Creates or replaces. */
MUST_CHECK enum error_code management_put(struct management *management, const char *path, const cJSON *body,
                                          struct error *error);

#endif
