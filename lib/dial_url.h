/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_DIAL_URL_H
#define SLUICE_DIAL_URL_H

/* Reads BROKER_URL and what belongs to it. Only for lib/dial and lib/broker. Pure. */

#include "broker.h"

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

#define DIAL_URL_MAX 2048 /* bytes, with the NUL */

/* See broker_check. */
MUST_CHECK enum error_code dial_url_check(const struct broker_access *access, struct error *error);
/* Takes the URL of one server apart; the parts are views of `text`. ERROR_SETTING: it isn't of the form
 * amqp://user@host:port/vhost. */
MUST_CHECK enum error_code dial_url_parse(const char *server, char text[DIAL_URL_MAX],
                                          struct amqp_connection_info *parts, struct error *error);

#endif
