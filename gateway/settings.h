/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_SETTINGS_H
#define SLUICE_GATEWAY_SETTINGS_H

#include "broker.h"
#include "config.h"

struct gateway_settings {
    struct broker_access broker;
    char *log_level;
    char *listen;
    char *cert;
    char *key;
    char *admin;
    char *trusted_proxies;
    char *routes;
    int64_t threads;
    int64_t in_flight;
    int64_t publishers;
    int64_t confirm_timeout_us;
    int64_t delay_us;
    int64_t max_body;
    int64_t max_header_bytes;
    int64_t keep_alive_us;
    int64_t lame_duck_us;
    int64_t drain_us;
};

/* All settings of the gateway, for lib/config. */
extern const struct config_setting gateway_settings_table[];

/* Checks what depends on more than one setting's range. Appends a line per error to complaints. ERROR_SETTING
 * when there is any. */
MUST_CHECK enum error_code gateway_settings_check(const struct gateway_settings *settings,
                                                  struct buf *complaints);

#endif
