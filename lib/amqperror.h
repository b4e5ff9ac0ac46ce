/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_AMQPERROR_H
#define SLUICE_AMQPERROR_H

/* Turns errors of librabbitmq and of the broker into struct error. No other file knows AMQP's reply codes.
 * For lib/broker and lib/dial only. In each function, `what` names the failed action for the error's text.
 * Each fills *error and returns its code. */

#include "error.h"

#include <stdint.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

/* The broker closed the channel or the connection with this method. The error quotes its reply code and text.
 */
enum error_code amqperror_of_close(const char *what, amqp_method_t method, struct error *error);
/* See broker_largest_body. */
int64_t amqperror_largest_body(const struct error *error);
/* A librabbitmq call returned this negative status. */
enum error_code amqperror_of_status(const char *what, int status, struct error *error);
/* The reply to a synchronous call; ERROR_NONE if the call succeeded. */
MUST_CHECK enum error_code amqperror_of_reply(const char *what, amqp_rpc_reply_t reply, struct error *error);

#endif
