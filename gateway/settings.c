/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "clock.h"
#include "gateway/http/proxies.h"
#include "gateway/publish/delays.h"

#include <inttypes.h>

#define SETTING(setting_name, setting_type, member, ...)                                                 \
    {                                                                                                    \
        .name = setting_name, .type = setting_type, .offset = offsetof(struct gateway_settings, member), \
        __VA_ARGS__                                                                                      \
    }

const struct config_setting gateway_settings_table[] = {
    BROKER_SETTINGS(struct gateway_settings, broker, NULL, "",
                    "RabbitMQ: amqp://sluice-gateway@host:5672/sluice"),
    SETTING("LOG_LEVEL", CONFIG_CHOICE, log_level, .fallback = "info", .choices = "debug,info,warning,error",
            .help = "lowest level that is logged; info has one line per stage of an event"),
    SETTING("GATEWAY_LISTEN", CONFIG_ADDRESS, listen, .fallback = "0.0.0.0:8080",
            .help = "address on which webhooks are received, on any path"),
    SETTING("GATEWAY_CERT", CONFIG_TEXT, cert, .fallback = "", .max = 4096,
            .help = "PEM file of a certificate and its chain: GATEWAY_LISTEN then serves HTTPS only; "
                    "reloaded on SIGHUP"),
    SETTING("GATEWAY_KEY", CONFIG_TEXT, key, .fallback = "", .max = 4096,
            .help = "PEM file of that certificate's key"),
    SETTING("GATEWAY_ADMIN", CONFIG_ADDRESS, admin, .fallback = "0.0.0.0:8081",
            .help = "address on which health and metrics are served"),
    SETTING("GATEWAY_TRUSTED_PROXIES", CONFIG_TEXT, trusted_proxies, .fallback = "", .max = 4096,
            .help = "comma list of the networks of your own proxies (10.0.0.0/8,2001:db8::/32): "
                    "X-Forwarded-For, -Proto and -Host are used only when one of them sends the request"),
    SETTING("GATEWAY_ROUTES", CONFIG_TEXT, routes, .fallback = "", .max = 4096,
            .help = "JSON file with the sources and how each is verified and limited; reloaded on SIGHUP; "
                    "when not set, every request is accepted, unverified, for the source default"),
    SETTING("GATEWAY_THREADS", CONFIG_INTEGER, threads, .fallback = "256", .min = 8, .max = 4096,
            .help = "threads that serve requests: one per open connection"),
    SETTING("GATEWAY_IN_FLIGHT", CONFIG_INTEGER, in_flight, .fallback = "240", .min = 1, .max = 4095,
            .help = "most requests that may wait for the broker's confirm; below GATEWAY_THREADS, so that "
                    "other threads can reply 503"),
    SETTING("GATEWAY_PUBLISHERS", CONFIG_INTEGER, publishers, .fallback = "1", .min = 1, .max = 16,
            .help = "connections to the broker, each with a thread of its own"),
    SETTING("GATEWAY_CONFIRM_TIMEOUT", CONFIG_DURATION, confirm_timeout_us, .fallback = "2500ms",
            .min = 100 * CLOCK_US_PER_MS, .max = 60 * CLOCK_US_PER_S,
            .help = "how long a request waits for the broker's confirm before it gets 503; some senders wait "
                    "only 3 s"),
    SETTING("GATEWAY_DELAY", CONFIG_DURATION, delay_us, .fallback = "0s", .min = 0,
            .max = TOPOLOGY_DELAY_MOST_S * CLOCK_US_PER_S,
            .help = "how long the broker holds each event before workers and other subscribers receive it: "
                    "0, or one of DELAYS"),
    SETTING("GATEWAY_MAX_BODY", CONFIG_BYTES, max_body, .fallback = "1MiB", .min = 0, .max = 16 << 20,
            .help = "largest body, unless its source sets another; a larger one gets 413"),
    SETTING("GATEWAY_MAX_HEADER_BYTES", CONFIG_BYTES, max_header_bytes, .fallback = "16KiB", .min = 1024,
            .max = 64 << 10, .help = "most bytes of a request's header names and values; more get 431"),
    SETTING(
        "GATEWAY_KEEP_ALIVE", CONFIG_DURATION, keep_alive_us, .fallback = "75s", .min = CLOCK_US_PER_S,
        .max = 60 * 60 * CLOCK_US_PER_S,
        .help =
            "how long a connection may be idle between two requests, while threads are free; set it longer "
            "than the idle timeout of the proxies in front (often 60 s), so that they close first"),
    SETTING("GATEWAY_LAME_DUCK", CONFIG_DURATION, lame_duck_us, .fallback = "5s", .min = 0,
            .max = 10 * 60 * CLOCK_US_PER_S,
            .help = "how long shutdown still accepts events while /ready already fails, so that the load "
                    "balancer can stop sending"),
    SETTING("GATEWAY_DRAIN", CONFIG_DURATION, drain_us, .fallback = "20s", .min = 0,
            .max = 10 * 60 * CLOCK_US_PER_S,
            .help = "how long shutdown waits for running requests to get their replies"),
    {0},
};

enum error_code gateway_settings_check(const struct gateway_settings *settings, struct buf *complaints)
{
    size_t before = complaints->len;
    struct proxies proxies;
    struct buf insecure = {0};
    struct error error;

    if (broker_check(&settings->broker, &error) != ERROR_NONE) {
        buf_printf(complaints, "%s\n", error.text);
    }
    if ((settings->cert[0] == '\0') != (settings->key[0] == '\0')) {
        buf_printf(complaints, "GATEWAY_CERT and GATEWAY_KEY must be set together: one of them is not set\n");
    }
    if (delays_wrong(settings->delay_us) != NULL) {
        buf_printf(complaints, "GATEWAY_DELAY=%" PRId64 "us %s\n", settings->delay_us,
                   delays_wrong(settings->delay_us));
    }
    if (proxies_read(settings->trusted_proxies, &proxies, &error) != ERROR_NONE) {
        buf_printf(complaints, "GATEWAY_TRUSTED_PROXIES=%s: %s\n", settings->trusted_proxies, error.text);
    }
    if (settings->routes[0] != '\0' && config_insecure(gateway_settings_table, settings, &insecure)) {
        buf_printf(complaints,
                   "%s: publicly known development secrets are not allowed with GATEWAY_ROUTES; `make "
                   "secrets` writes real ones\n",
                   buf_text(&insecure));
    }
    buf_free(&insecure);
    if (settings->in_flight >= settings->threads) {
        buf_printf(complaints,
                   "GATEWAY_IN_FLIGHT=%" PRId64 " is not below GATEWAY_THREADS=%" PRId64
                   ": lower it, so that threads are left to reply 503\n",
                   settings->in_flight, settings->threads);
    }
    return complaints->len > before || complaints->failed ? ERROR_SETTING : ERROR_NONE;
}
