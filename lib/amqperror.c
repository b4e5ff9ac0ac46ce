/* SPDX-License-Identifier: MIT */
#include "amqperror.h"

#include "text.h"

#include <string.h>

static enum error_code code_of_reply(uint16_t reply_code)
{
    switch (reply_code) {
    case AMQP_NOT_FOUND:
        return ERROR_NOT_FOUND;
    case AMQP_ACCESS_REFUSED:
    case AMQP_NOT_ALLOWED:
    case AMQP_RESOURCE_LOCKED:
        return ERROR_REFUSED;
    case AMQP_PRECONDITION_FAILED:
    case AMQP_COMMAND_INVALID: /* a type of exchange that the broker doesn't know */
        return ERROR_SETTING;
    default:
        return ERROR_CLOSED;
    }
}

enum error_code amqperror_of_close(const char *what, amqp_method_t method, struct error *error)
{
    uint16_t reply_code;
    amqp_bytes_t text;

    if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = method.decoded;

        reply_code = close->reply_code, text = close->reply_text;
    } else {
        const amqp_connection_close_t *close = method.decoded;

        reply_code = close->reply_code, text = close->reply_text;
    }
    return error_set(error, code_of_reply(reply_code), "%s: the broker says %u %.*s", what,
                     (unsigned)reply_code, (int)text.len, (const char *)text.bytes);
}

int64_t amqperror_largest_body(const struct error *error)
{
    static const char mark[] = "is larger than configured max size ";
    const char *at = strstr(error->text, mark);
    int64_t size = 0;

    if (at != NULL) {
        at += sizeof mark - 1;
        (void)text_number((struct span){at, strspn(at, "0123456789")}, 18, &size);
    }
    return size;
}

enum error_code amqperror_of_status(const char *what, int status, struct error *error)
{
    enum error_code code = ERROR_CLOSED;

    if (status == AMQP_STATUS_NO_MEMORY) {
        code = ERROR_MEMORY;
    } else if (status == AMQP_STATUS_TIMEOUT || status == AMQP_STATUS_HEARTBEAT_TIMEOUT) {
        code = ERROR_TIMEOUT;
    } else if (status == AMQP_STATUS_BAD_AMQP_DATA || status == AMQP_STATUS_TABLE_TOO_BIG) {
        code = ERROR_MALFORMED;
    }
    return error_set(error, code, "%s: %s", what, amqp_error_string2(status));
}

enum error_code amqperror_of_reply(const char *what, amqp_rpc_reply_t reply, struct error *error)
{
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
        return ERROR_NONE;
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD || reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
            return amqperror_of_close(what, reply.reply, error);
        }
        break;
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
        return amqperror_of_status(what, reply.library_error, error);
    case AMQP_RESPONSE_NONE:
        break;
    }
    return error_set(error, ERROR_CLOSED, "%s: the broker closed the connection", what);
}
