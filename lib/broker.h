/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_BROKER_H
#define SLUICE_BROKER_H

/* One AMQP connection with one channel. A broker belongs to one thread at a time: that which opened it, or to
 * which it was handed over (opening).
 *
 * Frames are read by one loop (broker_next) that turns them into events; nothing is
 * waited for but in broker_open (10 s for a name, 5 s for each step after it) and the few calls that say
 * so, each with a deadline of 5 s. After a call has failed, or after BROKER_CLOSED, the only thing to do
 * with the connection is broker_close. */

#include "buf.h"
#include "error.h"

#include <stdint.h>

#define BROKER_PASSWORD "BROKER_PASSWORD" /* the setting, for secret_file_read */

#define BROKER_CHANNEL 1

struct broker;

/* Where the broker is and how to be let in: what a program's settings hold, each text "" when
 * not given. */
struct broker_access {
    char *url; /* amqp:// or amqps://user@host:port/vhost, without a password; several: host:port,host:port */
    char *password; /* of the start: each connection reads its file again (secret_file) */
    char *ca;       /* PEM file, needed for amqps: the CAs that may have signed the broker's certificate */
    char *certificate, *key; /* PEM files of our own, where the broker asks for one: both or none */
};

/* NOLINTBEGIN(bugprone-macro-parentheses): a member takes none. */
/* The rows of a config table (lib/config) that fill the struct broker_access `at` of the struct `owner`. */
#define BROKER_SETTINGS(owner, at, url_default, password_default, url_help)                                \
    {.name = "BROKER_URL",                                                                                 \
     .type = CONFIG_URL,                                                                                   \
     .offset = offsetof(owner, at.url),                                                                    \
     .fallback = (url_default),                                                                            \
     .choices = "amqp,amqps",                                                                              \
     .help = (url_help)},                                                                                  \
        {.name = BROKER_PASSWORD,                                                                          \
         .type = CONFIG_TEXT,                                                                              \
         .offset = offsetof(owner, at.password),                                                           \
         .fallback = (password_default),                                                                   \
         .max = 1024,                                                                                      \
         .secret = true,                                                                                   \
         .help = "password of the user in BROKER_URL; not needed with BROKER_CERT where the broker takes " \
                 "certificates as a login"},                                                               \
        {.name = "BROKER_CA",                                                                              \
         .type = CONFIG_TEXT,                                                                              \
         .offset = offsetof(owner, at.ca),                                                                 \
         .fallback = "",                                                                                   \
         .max = 4096,                                                                                      \
         .help = "for amqps: PEM file of the CAs that may have signed the broker's certificate"},          \
        {.name = "BROKER_CERT",                                                                            \
         .type = CONFIG_TEXT,                                                                              \
         .offset = offsetof(owner, at.certificate),                                                        \
         .fallback = "",                                                                                   \
         .max = 4096,                                                                                      \
         .help = "for amqps: PEM file of our own certificate, where the broker asks for one"},             \
    {                                                                                                      \
        .name = "BROKER_KEY", .type = CONFIG_TEXT, .offset = offsetof(owner, at.key), .fallback = "",      \
        .max = 4096, .help = "for amqps: PEM file of that certificate's key"                               \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

struct broker_options {
    const struct broker_access *access;
    const char *connection_name; /* shown by the management page and rabbitmqctl */
    int heartbeat_s;             /* 5 to 20; call broker_next at less than half of it */
    bool confirms;               /* put the channel in confirm mode: needed to publish */
};

enum broker_event_kind {
    BROKER_IDLE,      /* nothing more to read now */
    BROKER_ACK,       /* confirm: tag, multiple */
    BROKER_NACK,      /* confirm refused: tag, multiple */
    BROKER_RETURNED,  /* unroutable: correlation says which; its ack follows */
    BROKER_DELIVERY,  /* delivery: the caller owns it now */
    BROKER_CANCELLED, /* the broker ended one of our consumers (its queue was deleted) */
    BROKER_BLOCKED,   /* an alarm: stop publishing, go on reading */
    BROKER_UNBLOCKED,
    BROKER_CLOSED, /* channel or connection closed by the broker: error says why */
};

/* One delivered message; one allocation, freed with free(). The spans point
 * into it. properties are for envelope_decode. */
struct broker_delivery {
    uint64_t tag;
    bool redelivered;
    struct span routing_key;
    struct span properties;
    struct span body;
};

struct broker_event {
    enum broker_event_kind kind;
    uint64_t tag;
    bool multiple;
    uint64_t correlation;
    struct broker_delivery *delivery;
};

/* Connects, logs in, opens the channel; waits at most 5 s for each step. When the URL names several servers,
 * or a name has several addresses, tries all of them, from a random one on (lib/dial). *broker is then the
 * caller's. ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_REFUSED (login
 * or vhost), ERROR_SETTING (see broker_check; or the broker's frame_max can't hold every event). With amqps,
 * TLS 1.2 at least, and the broker's certificate must be signed by ca and name the host. */
MUST_CHECK enum error_code broker_open(struct broker **broker, const struct broker_options *options,
                                       struct error *error);
/* Checks the URL, and that what TLS needs is named, without connecting: what broker_open would refuse as
 * ERROR_SETTING. */
MUST_CHECK enum error_code broker_check(const struct broker_access *access, struct error *error);
/* polite: says goodbye to the broker first, waiting at most 1 s; never do that on a
 * connection that has failed. broker may be NULL. */
void broker_close(struct broker *broker, bool polite);

/* The server that it is connected to, for people: "host:port (address)". Valid as long as the broker. */
const char *broker_node(const struct broker *broker);
/* librabbitmq's connection (an amqp_connection_state_t), for lib/declare. Valid as long as the broker. */
struct amqp_connection_state_t_ *broker_connection(const struct broker *broker);
/* For poll(): wait for POLLIN, but only after broker_next has said BROKER_IDLE (frames may
 * lie decoded or buffered). */
int broker_fd(const struct broker *broker);
/* Takes the next event without waiting; also sends and checks heartbeats. On
 * BROKER_CLOSED *error says why, with its code. Never fails otherwise. */
void broker_next(struct broker *broker, struct broker_event *event, struct error *error);

/* True when one frame of this connection can hold these properties. Those from envelope_encode always fit;
 * those of another program may not. Publishing what doesn't fit loses the connection. */
MUST_CHECK bool broker_fits(const struct broker *broker, struct span properties);
/* The largest body that the broker takes, in bytes, when this error says that one was larger; 0 for any
 * other. RabbitMQ closes the channel then, with all outstanding confirms, and tells its max_message_size in
 * no other way. */
int64_t broker_largest_body(const struct error *error);
/* Publishes persistent, mandatory, with these properties (from
 * envelope_encode, or that broker_fits) and correlation as correlation_id. With confirms, messages are
 * numbered 1, 2, 3 ... in the order of calls: the broker's tags in ACK and NACK. Does not wait for the
 * broker's answer, but for the socket when its buffer is full, until TCP_USER_TIMEOUT (5 s) ends it. */
MUST_CHECK enum error_code broker_publish(struct broker *broker, const char *exchange,
                                          struct span routing_key, struct span properties, struct span body,
                                          uint64_t correlation, struct error *error);

/* Between gather(true) and gather(false) the kernel holds back packets that are not full, so that many small
 * messages reach the broker together: it then spends less on each. At most 200 ms, then it sends anyway. */
void broker_gather(struct broker *broker, bool gather);

/* Asks the node that it is connected to for a sign of life, without waiting: a method that the node answers
 * by itself, whatever the other nodes of its cluster do. Only without a consumer. */
MUST_CHECK enum error_code broker_ask(struct broker *broker, struct error *error);
/* Whether broker_next has met the answer since. */
bool broker_replied(const struct broker *broker);

/* Sets prefetch for consumers begun from now on (quorum queues: per consumer). Waits. */
MUST_CHECK enum error_code broker_prefetch(struct broker *broker, uint16_t count, struct error *error);
/* Begins to consume this queue, beside those that are consumed already. Waits for the broker's word;
 * deliveries that come with it are kept for broker_next. */
MUST_CHECK enum error_code broker_consume(struct broker *broker, const char *queue, struct error *error);
/* Ends all consumers; unacked deliveries stay with the channel. Waits, for each. */
MUST_CHECK enum error_code broker_cancel(struct broker *broker, struct error *error);
/* Acks tag, or with multiple every tag up to it. */
MUST_CHECK enum error_code broker_ack(struct broker *broker, uint64_t tag, bool multiple,
                                      struct error *error);
/* Gives tag back to the queue, which counts as a delivery of that message and of no other. */
MUST_CHECK enum error_code broker_reject(struct broker *broker, uint64_t tag, struct error *error);

/* Passive declare: needs no right. *ready counts ready messages only. ERROR_NOT_FOUND closes the channel: the
 * connection is spent. */
MUST_CHECK enum error_code broker_inspect(struct broker *broker, const char *queue, uint32_t *ready,
                                          uint32_t *consumers, struct error *error);
/* The same for an exchange. */
MUST_CHECK enum error_code broker_inspect_exchange(struct broker *broker, const char *name,
                                                   struct error *error);

#endif
