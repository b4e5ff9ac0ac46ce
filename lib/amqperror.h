/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_AMQPERROR_H
#define SLUICE_AMQPERROR_H

/* What librabbitmq and the broker say went wrong, as errors of ours. The only file that
 * knows AMQP's reply codes. For lib/broker and lib/dial alone. Each takes what was being done, for people,
 * and fills *error. */

#include "error.h"

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#else
#include <amqp.h>
#endif

/* The broker closed the channel or the connection with this method: its own code and words. */
enum error_code amqperror_of_close(const char *what, amqp_method_t method, struct error *error);
/* A status below zero, of a call of the library. */
enum error_code amqperror_of_status(const char *what, int status, struct error *error);
/* The answer to a synchronous call: ERROR_NONE when it is well. */
MUST_CHECK enum error_code amqperror_of_reply(const char *what, amqp_rpc_reply_t reply, struct error *error);

#endif
