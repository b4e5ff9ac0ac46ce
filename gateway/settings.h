/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SETTINGS_H
#define SLUICE_GATEWAY_SETTINGS_H

#include "broker.h"
#include "bundle.h"
#include "config.h"
#include "lifetime.h"

/* X(type, member, name, other members of struct config_setting): the settings, one row each; the struct and
 * the table are made of them. */
#define GATEWAY_SETTINGS(X)                                                                                 \
    X(CHOICE, log_level, "LOG_LEVEL", .fallback = "info", .choices = "debug,info,warning,error",            \
      .help = "lowest level that is logged; info has a line per stage of an event, as LOG_MESSAGES says")   \
    X(CHOICE, log_format, "LOG_FORMAT", .fallback = "logfmt", .choices = "logfmt,json",                     \
      .help = "json: each line is a JSON object with the same fields")                                      \
    X(CHOICE, log_messages, "LOG_MESSAGES", .fallback = "batches", .choices = "all,sampled,batches,off",    \
      .help = "which events have log lines of their own at info: all; sampled: one in 100, the same at "    \
              "each stage; batches: up to 10 a second, the others are summed up; off: none but trouble")    \
    X(CHOICE, core_dumps, "CORE_DUMPS", .fallback = "off", .choices = "off,on",                             \
      .help = "on: the kernel may write a core after a crash, which then holds all secrets, and processes " \
              "of the same user may trace this one")                                                        \
    X(ADDRESS, listen, "GATEWAY_LISTEN", .fallback = "0.0.0.0:8080",                                        \
      .help = "address on which webhooks are received, on any path")                                        \
    X(TEXT, cert, "GATEWAY_CERT", .fallback = "", .max = 4096,                                              \
      .help = "PEM file of a certificate and its chain: GATEWAY_LISTEN then serves HTTPS only; "            \
              "reloaded on SIGHUP")                                                                         \
    X(TEXT, key, "GATEWAY_KEY", .fallback = "", .max = 4096, .help = "PEM file of that certificate's key")  \
    X(ADDRESS, admin, "GATEWAY_ADMIN", .fallback = "0.0.0.0:8081",                                          \
      .help = "address on which health and metrics are served")                                             \
    X(TEXT, trusted_proxies, "GATEWAY_TRUSTED_PROXIES", .fallback = "", .max = 4096,                        \
      .help = "comma list of the networks of your own proxies (10.0.0.0/8,2001:db8::/32): "                 \
              "X-Forwarded-For, -Proto and -Host are used only when one of them sends the request")         \
    X(TEXT, routes, "GATEWAY_ROUTES", .fallback = "", .max = 4096,                                          \
      .help = "JSON file with the sources and how each is verified and limited; reloaded on SIGHUP; "       \
              "when not set, every request is accepted, unverified, for the source default")                \
    X(CHOICE, reload, "GATEWAY_RELOAD", .fallback = "signal", .choices = "signal,change",                   \
      .help =                                                                                               \
          "what makes the gateway read GATEWAY_ROUTES, its secrets, GATEWAY_CERT and GATEWAY_KEY again: "   \
          "signal: SIGHUP; change: also that one of these files has changed, a second or two later")        \
    X(INTEGER, threads, "GATEWAY_THREADS", .fallback = "256", .min = 8, .max = 4096,                        \
      .help = "threads that serve requests: one per open connection")                                       \
    X(INTEGER, in_flight, "GATEWAY_IN_FLIGHT", .fallback = "240", .min = 1, .max = 4095,                    \
      .help = "most requests that may wait for the broker's confirm; below GATEWAY_THREADS, so that "       \
              "other threads can reply 503")                                                                \
    X(INTEGER, publishers, "GATEWAY_PUBLISHERS", .fallback = "1", .min = 1, .max = 16,                      \
      .help = "connections to the broker, each with a thread of its own")                                   \
    X(INTEGER, bundle_events, "GATEWAY_BUNDLE_EVENTS", .fallback = "1", .min = 1, .max = BUNDLE_EVENTS_MAX, \
      .help = "most events of one source that wait for the same publisher and may go to the broker as one " \
              "message; 1: each event is a message of its own")                                             \
    LIFETIME_SETTING(X)                                                                                     \
    X(DURATION, confirm_timeout_us, "GATEWAY_CONFIRM_TIMEOUT", .fallback = "2500ms",                        \
      .min = 100 * CLOCK_US_PER_MS, .max = 60 * CLOCK_US_PER_S,                                             \
      .help = "how long a request waits for the broker's confirm before it gets 503; some senders wait "    \
              "only 3 s")                                                                                   \
    X(DURATION, delay_us, "GATEWAY_DELAY", .fallback = "0s", .min = 0,                                      \
      .max = TOPOLOGY_DELAY_MOST_S * CLOCK_US_PER_S,                                                        \
      .help = "how long the broker holds each event before workers and other subscribers receive it: "      \
              "0, or one of DELAYS")                                                                        \
    X(BYTES, body_memory, "GATEWAY_BODY_MEMORY", .fallback = "256MiB", .min = 1 << 20,                      \
      .max = INT64_C(1) << 40,                                                                              \
      .help = "memory for the bodies of all requests together; a request beyond it gets 503")               \
    X(BYTES, max_body, "GATEWAY_MAX_BODY", .fallback = "1MiB", .min = 0, .max = 64 << 20,                   \
      .help = "largest body, unless its source sets another; a larger one gets 413")                        \
    X(BYTES, max_header_bytes, "GATEWAY_MAX_HEADER_BYTES", .fallback = "16KiB", .min = 1024,                \
      .max = 64 << 10, .help = "most bytes of a request's header names and values; more get 431")           \
    X(DURATION, keep_alive_us, "GATEWAY_KEEP_ALIVE", .fallback = "75s", .min = CLOCK_US_PER_S,              \
      .max = 60 * 60 * CLOCK_US_PER_S,                                                                      \
      .help =                                                                                               \
          "how long a connection may be idle between two requests, while threads are free; set it longer "  \
          "than the idle timeout of the proxies in front (often 60 s), so that they close first")           \
    X(DURATION, lame_duck_us, "GATEWAY_LAME_DUCK", .fallback = "5s", .min = 0,                              \
      .max = 10 * 60 * CLOCK_US_PER_S,                                                                      \
      .help = "how long shutdown still accepts events while /ready already fails, so that the load "        \
              "balancer can stop sending")                                                                  \
    X(DURATION, drain_us, "GATEWAY_DRAIN", .fallback = "20s", .min = 0, .max = 10 * 60 * CLOCK_US_PER_S,    \
      .help = "how long shutdown waits for running requests to get their replies")

struct gateway_settings {
    struct broker_access broker;
    GATEWAY_SETTINGS(CONFIG_MEMBER)
};

/* All settings of the gateway, for lib/config. */
extern const struct config_setting gateway_settings_table[];

/* Checks what depends on more than one setting's range. Appends a line per error to complaints. ERROR_SETTING
 * when there is any. */
MUST_CHECK enum error_code gateway_settings_check(const struct gateway_settings *settings,
                                                  struct buf *complaints);

#endif
