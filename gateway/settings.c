/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "clock.h"
#include "gateway/http/proxies.h"
#include "gateway/publish/delays.h"

#include <inttypes.h>

#define ROW(...) CONFIG_ROW(struct gateway_settings, __VA_ARGS__)

const struct config_setting gateway_settings_table[] = {
    BROKER_SETTINGS(
        struct gateway_settings, broker, NULL, "",
        "RabbitMQ: amqp://sluice-gateway@host:5672/sluice; several nodes: @h1:5672,h2:5672/sluice"),
    GATEWAY_SETTINGS(ROW) /* with a comma after each */
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
    if (settings->max_body > settings->body_memory) {
        buf_printf(complaints,
                   "GATEWAY_MAX_BODY=%" PRId64 " is more than GATEWAY_BODY_MEMORY=%" PRId64
                   ": no such body could ever be accepted\n",
                   settings->max_body, settings->body_memory);
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
