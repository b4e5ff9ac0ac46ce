/* SPDX-License-Identifier: MIT */
#include "broker_link.h"

#include "clock.h"
#include "lifetime.h"
#include "log.h"
#include "metrics.h"

#include <string.h>

#define HEARTBEAT_S 10
#define BACKOFF_BASE_US (100 * CLOCK_US_PER_MS)
#define BACKOFF_CAP_US CLOCK_US_PER_S /* so that a broker that is back is used within 2 s */
#define WARN_EVERY_US (60 * CLOCK_US_PER_S)
#define REPLACE_US CLOCK_US_PER_S /* within this time, what is outstanding has its confirms */

enum { CONNECTS, FAILURES, METRICS };
static struct metric metrics[METRICS] = {
    [CONNECTS] = {"sluice_gateway_broker_connects_total", NULL, "Connections made to the broker.",
                  METRIC_COUNTER, 0},
    [FAILURES] = {"sluice_gateway_broker_failures_total", NULL,
                  "Connections to the broker that failed or were lost.", METRIC_COUNTER, 0},
};

void broker_link_register(void)
{
    metrics_register(metrics, METRICS);
}

void broker_link_init(struct broker_link *u, const struct broker_access *access, const char *name,
                      int64_t max_age_us, const struct delays *required)
{
    *u = (struct broker_link){
        .access = access,
        .name = name,
        .max_age_us = max_age_us,
        .backoff = {.base_us = BACKOFF_BASE_US, .cap_us = BACKOFF_CAP_US},
        .required = *required,
    };
    (void)pthread_mutex_init(&u->mutex, NULL);
}

void broker_link_require(struct broker_link *u, const struct delays *required)
{
    (void)pthread_mutex_lock(&u->mutex);
    u->required = *required;
    (void)pthread_mutex_unlock(&u->mutex);
}

static void retry_later(struct broker_link *u)
{
    u->retry_at_us = clock_monotonic_us() + backoff_next(&u->backoff, backoff_random());
    metric_add(&metrics[FAILURES], 1);
}

/* Logs each new cause at once, and the same cause once a minute. */
static void warn(struct broker_link *u, enum outcome why, const struct error *error)
{
    int64_t now = clock_monotonic_us();

    if (u->warned_at_us != 0 && now - u->warned_at_us < WARN_EVERY_US &&
        strcmp(u->warned.text, error->text) == 0) {
        return;
    }
    u->warned_at_us = now;
    u->warned = *error;
    if (why == OUTCOME_UNDECLARED) {
        log_error("delay-undeclared", log_text("reason", error->text),
                  log_text("message", "requests get 503 until the delay is declared"));
    } else {
        log_warning("broker-away", log_text("reason", error->text),
                    log_text("message", "requests get 503 until the broker can be reached"));
    }
}

static enum error_code inspect(struct broker *broker, const void *wanted, struct error *error)
{
    return delays_inspect(wanted, broker, error);
}

static enum error_code begin(struct broker_link *u, struct error *error)
{
    struct delays required;
    const struct opening_options options = {
        .broker = {.access = u->access,
                   .connection_name = u->name,
                   .heartbeat_s = HEARTBEAT_S,
                   .confirms = true},
        .check = inspect,
        .wanted = &required,
        .wanted_size = sizeof required,
    };

    (void)pthread_mutex_lock(&u->mutex);
    required = u->required;
    (void)pthread_mutex_unlock(&u->mutex);
    return opening_begin(&u->opening, &options, error);
}

static struct gate_state opened(struct broker_link *u)
{
    metric_add(&metrics[CONNECTS], 1);
    u->warned_at_us = 0;
    u->renew_at_us = lifetime_end_us(u->max_age_us, backoff_random(), clock_monotonic_us());
    log_info("broker-connected", log_text("url", u->access->url), log_text("node", broker_node(u->broker)));
    return GATE_OPEN;
}

static struct gate_state not_opened(struct broker_link *u, const struct error *error)
{
    /* Only our own look at the delays finds that something isn't there. */
    enum outcome why = error->code == ERROR_NOT_FOUND ? OUTCOME_UNDECLARED : OUTCOME_AWAY;

    retry_later(u);
    warn(u, why, error);
    return GATE_SHUT(why);
}

bool broker_link_step(struct broker_link *u, struct gate_state *state)
{
    struct error error;

    if (u->successor != NULL) {
        u->broker = u->successor;
        u->successor = NULL;
        *state = opened(u);
        return true;
    }
    if (u->opening == NULL) {
        if (clock_monotonic_us() < u->retry_at_us || begin(u, &error) == ERROR_NONE) {
            return false;
        }
        *state = not_opened(u, &error);
        return true;
    }
    if (!opening_is_done(u->opening)) {
        return false;
    }
    *state = opening_end(u->opening, &u->broker, &error) == ERROR_NONE ? opened(u) : not_opened(u, &error);
    u->opening = NULL;
    return true;
}

int broker_link_fd(const struct broker_link *u)
{
    return opening_fd(u->opening);
}

int broker_link_rest_ms(const struct broker_link *u)
{
    int64_t left_ms = (u->retry_at_us - clock_monotonic_us()) / CLOCK_US_PER_MS + 1;

    return u->opening != NULL ? -1 : left_ms > 0 ? (int)left_ms : 0;
}

/* The connection that is open is as good as before, so nothing else follows. */
static void not_renewed(struct broker_link *u, const struct error *error)
{
    log_warning("broker-not-renewed", log_text("reason", error->text),
                log_text("node", broker_node(u->broker)),
                log_number("retry_s", LIFETIME_AGAIN_US / CLOCK_US_PER_S));
    metric_add(&metrics[FAILURES], 1);
    u->renew_at_us = clock_monotonic_us() + LIFETIME_AGAIN_US;
}

void broker_link_keep(struct broker_link *u)
{
    if (u->opening != NULL || u->successor != NULL) {
        opening_leave(u->opening);
        u->opening = NULL;
        broker_close(u->successor, true);
        u->successor = NULL;
        u->renew_at_us = clock_monotonic_us() + LIFETIME_AGAIN_US;
    }
}

static bool has_successor(struct broker_link *u)
{
    struct error error;

    if (clock_monotonic_us() - u->succeeds_at_us < REPLACE_US) {
        return true;
    }
    (void)error_set(&error, ERROR_TIMEOUT, "a message waits for its confirm for %d s",
                    (int)(REPLACE_US / CLOCK_US_PER_S));
    not_renewed(u, &error);
    broker_link_keep(u);
    return false;
}

bool broker_link_renew(struct broker_link *u)
{
    struct error error;
    enum error_code code = ERROR_NONE;

    if (u->successor != NULL) {
        return has_successor(u);
    }
    if (u->opening == NULL && clock_monotonic_us() >= u->renew_at_us) {
        code = begin(u, &error);
    } else if (u->opening != NULL && opening_is_done(u->opening)) {
        code = opening_end(u->opening, &u->successor, &error);
        u->opening = NULL;
        u->succeeds_at_us = clock_monotonic_us();
    }
    if (code != ERROR_NONE) {
        not_renewed(u, &error);
    }
    return u->successor != NULL;
}

void broker_link_replace(struct broker_link *u)
{
    struct broker *old = u->broker;

    log_info("broker-renewed", log_text("old_node", broker_node(old)),
             log_text("reason", "the connection is older than BROKER_MAX_AGE"));
    u->broker = u->successor;
    u->successor = NULL;
    (void)opened(u);
    broker_close(old, true);
}

void broker_link_works(struct broker_link *u)
{
    backoff_reset(&u->backoff);
}

void broker_link_lose(struct broker_link *u)
{
    broker_close(u->broker, false);
    u->broker = NULL;
    retry_later(u);
}

void broker_link_close(struct broker_link *u)
{
    opening_leave(u->opening);
    u->opening = NULL;
    broker_close(u->successor, true);
    u->successor = NULL;
    broker_close(u->broker, true);
    u->broker = NULL;
    (void)pthread_mutex_destroy(&u->mutex);
}
