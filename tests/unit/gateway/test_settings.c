/* SPDX-License-Identifier: MIT */
#include "gateway/settings.h"

#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gateway_settings settings;
static struct buf complaints;

static int with_what_is_required(void **state)
{
    (void)state;
    for (const struct config_setting *s = gateway_settings_table; s->name != NULL; s++) {
        (void)unsetenv(s->name);
    }
    (void)setenv("BROKER_URL", "amqp://sluice-gateway@broker:5672/sluice", 1);
    (void)setenv("BROKER_PASSWORD", "a secret", 1);
    settings = (struct gateway_settings){0};
    buf_clear(&complaints);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    config_free(gateway_settings_table, &settings);
    buf_free(&complaints);
    return 0;
}

static void defaults_are_those_of_the_design(void **state)
{
    (void)state;
    assert_int_equal(config_load(gateway_settings_table, &settings, &complaints), ERROR_NONE);
    assert_int_equal(gateway_settings_check(&settings, &complaints), ERROR_NONE);
    assert_string_equal(settings.listen, "0.0.0.0:8080");
    assert_string_equal(settings.admin, "0.0.0.0:8081");
    assert_int_equal(settings.threads, 256);
    assert_int_equal(settings.in_flight, 240);
    assert_int_equal(settings.publishers, 1);
    assert_int_equal(settings.confirm_timeout_us, 2500 * CLOCK_US_PER_MS);
    assert_int_equal(settings.max_body, 1 << 20);
    assert_int_equal(settings.max_header_bytes, 16 << 10);
    assert_int_equal(settings.drain_us, 20 * CLOCK_US_PER_S);
}

static void contradicting_settings_are_reported_with_both_values(void **state)
{
    (void)state;
    (void)setenv("GATEWAY_THREADS", "16", 1);
    (void)setenv("GATEWAY_IN_FLIGHT", "16", 1);
    (void)setenv("BROKER_URL", "amqp://user@broker:port/", 1);
    (void)setenv("GATEWAY_DELAY", "1500ms", 1);
    (void)setenv("GATEWAY_TRUSTED_PROXIES", "10.0.0.1/8", 1);
    assert_int_equal(config_load(gateway_settings_table, &settings, &complaints), ERROR_NONE);
    assert_int_equal(gateway_settings_check(&settings, &complaints), ERROR_SETTING);
    assert_non_null(strstr(buf_text(&complaints), "GATEWAY_IN_FLIGHT=16"));
    assert_non_null(strstr(buf_text(&complaints), "GATEWAY_THREADS=16"));
    assert_non_null(strstr(buf_text(&complaints), "BROKER_URL=amqp://user@broker:port/"));
    assert_non_null(strstr(buf_text(&complaints), "GATEWAY_TRUSTED_PROXIES=10.0.0.1/8: '10.0.0.1/8'"));
    assert_non_null(
        strstr(buf_text(&complaints), "GATEWAY_DELAY=1500000us is not a whole number of seconds"));
}

static void a_body_limit_over_16_mib_is_refused(void **state)
{
    (void)state;
    (void)setenv("GATEWAY_MAX_BODY", "65MiB", 1);
    assert_int_equal(config_load(gateway_settings_table, &settings, &complaints), ERROR_SETTING);
    assert_non_null(strstr(buf_text(&complaints), "GATEWAY_MAX_BODY=65MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_design, with_what_is_required, free_all),
        cmocka_unit_test_setup_teardown(contradicting_settings_are_reported_with_both_values,
                                        with_what_is_required, free_all),
        cmocka_unit_test_setup_teardown(a_body_limit_over_16_mib_is_refused, with_what_is_required, free_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
