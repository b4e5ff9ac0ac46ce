/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "clock.h"
#include "secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    char *name;
    int64_t count;
    int64_t size;
    int64_t hold;
    struct config_durations delays;
    char *listen;
    char *level;
    char *url;
    char *management;
    char *password;
};

#define AT(member) offsetof(struct settings, member)
#define MINUTE (60 * CLOCK_US_PER_S)

static const struct config_setting table[] = {
    {"T_NAME", CONFIG_TEXT, AT(name), "", 2, 10, NULL, false, "A name."},
    {"T_COUNT", CONFIG_INTEGER, AT(count), "7", 1, 65535, NULL, false, "A count."},
    {"T_SIZE", CONFIG_BYTES, AT(size), "1MiB", 0, INT64_C(1) << 40, NULL, false, "A size."},
    {"T_HOLD", CONFIG_DURATION, AT(hold), "10min", CLOCK_US_PER_MS, 60 * MINUTE, NULL, false, "A wait."},
    {"T_DELAYS", CONFIG_DURATIONS, AT(delays), "10s,60s,600s", CLOCK_US_PER_S, 24 * 60 * MINUTE, NULL, false,
     "Some waits."},
    {"T_LISTEN", CONFIG_ADDRESS, AT(listen), "127.0.0.1:8080", 0, 0, NULL, false, "Where."},
    {"T_LEVEL", CONFIG_CHOICE, AT(level), "info", 0, 0, "debug,info,warning", false, "How much."},
    {"T_URL", CONFIG_URL, AT(url), NULL, 0, 0, "amqp,amqps", false, "A server."},
    {"T_URL_ADMIN_URL", CONFIG_URL, AT(management), "", 0, 0, "http", false, "Another."},
    {"T_PASSWORD", CONFIG_TEXT, AT(password), "", 8, 100, NULL, true, "A secret."},
    {NULL, CONFIG_TEXT, 0, NULL, 0, 0, NULL, false, NULL},
};

static struct settings settings;
static struct buf complaints;
static char file_name[] = "/tmp/sluice-test-config-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    for (const struct config_setting *s = table; s->name != NULL; s++) {
        char name[64];

        (void)snprintf(name, sizeof name, "%s_FILE", s->name);
        (void)unsetenv(s->name);
        (void)unsetenv(name);
    }
    return setenv("T_URL", "amqp://sluice@127.0.0.1:5672/sluice", 1);
}

static int tear_down(void **state)
{
    (void)state;
    config_free(table, &settings);
    buf_free(&complaints);
    return 0;
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void fill_file(const char *content, size_t len)
{
    FILE *f = fopen(file_name, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static enum error_code load(void)
{
    config_free(table, &settings);
    settings = (struct settings){0};
    buf_clear(&complaints);
    return config_load(table, &settings, &complaints);
}

static void loads(void)
{
    enum error_code code = load();

    assert_string_equal(buf_text(&complaints), "");
    assert_int_equal(code, ERROR_NONE);
}

static void complains(const char *expected)
{
    assert_int_equal(load(), ERROR_SETTING);
    assert_string_equal(buf_text(&complaints), expected);
}

static void complains_about(const char *name, const char *value, const char *expected)
{
    set(name, value);
    complains(expected);
    (void)unsetenv(name);
}

static void what_is_not_set_has_its_default(void **state)
{
    (void)state;
    set("T_COUNT", "");
    set("T_SIZE_FILE", "");
    loads();
    assert_string_equal(settings.name, "");
    assert_int_equal(settings.count, 7);
    assert_int_equal(settings.size, 1048576);
    assert_int_equal(settings.hold, 10 * MINUTE);
    assert_int_equal(settings.delays.count, 3);
    assert_int_equal(settings.delays.us[0], 10 * CLOCK_US_PER_S);
    assert_int_equal(settings.delays.us[2], 10 * MINUTE);
    assert_string_equal(settings.listen, "127.0.0.1:8080");
    assert_string_equal(settings.level, "info");
    assert_string_equal(settings.url, "amqp://sluice@127.0.0.1:5672/sluice");
    assert_string_equal(settings.management, "");
    assert_string_equal(settings.password, "");
}

static void values_at_both_ends_of_their_range_are_taken(void **state)
{
    (void)state;
    set("T_NAME", "ab");
    set("T_COUNT", "1");
    set("T_SIZE", "0");
    set("T_HOLD", "1ms");
    set("T_DELAYS", "1s,2s,3s,4s,5s,6s,7s,1d");
    set("T_LISTEN", "localhost:0");
    set("T_LEVEL", "warning");
    loads();
    assert_string_equal(settings.name, "ab");
    assert_int_equal(settings.count, 1);
    assert_int_equal(settings.size, 0);
    assert_int_equal(settings.hold, CLOCK_US_PER_MS);
    assert_int_equal(settings.delays.count, 8);
    assert_int_equal(settings.delays.us[7], 24 * 60 * MINUTE);
    set("T_NAME", "abcdefghij");
    set("T_COUNT", "65535");
    set("T_SIZE", "1024GiB");
    set("T_HOLD", "1h");
    set("T_LISTEN", "[::1]:65535");
    loads();
    assert_int_equal(settings.count, 65535);
    assert_int_equal(settings.size, INT64_C(1) << 40);
    assert_int_equal(settings.hold, 60 * MINUTE);
    assert_string_equal(settings.listen, "[::1]:65535");
}

static void every_unit_is_understood(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } durations[] = {{"5000us", 5000},
                     {"500ms", 500000},
                     {"3s", 3000000},
                     {"2min", 120000000},
                     {"1h", 3600000000}},
      sizes[] = {{"12B", 12}, {"16KiB", 16384}, {"3MiB", 3145728}, {"2GiB", INT64_C(2147483648)}};

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        set("T_HOLD", durations[i].text);
        loads();
        assert_int_equal(settings.hold, durations[i].value);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        set("T_SIZE", sizes[i].text);
        loads();
        assert_int_equal(settings.size, sizes[i].value);
    }
}

static void a_wrong_integer_is_named_with_value_and_range(void **state)
{
    (void)state;
    complains_about("T_COUNT", "0", "T_COUNT=0 is out of range: 1 to 65535\n");
    complains_about("T_COUNT", "65536", "T_COUNT=65536 is out of range: 1 to 65535\n");
    complains_about("T_COUNT", "-1", "T_COUNT=-1 is out of range: 1 to 65535\n");
    complains_about("T_COUNT", "99999999999999999999",
                    "T_COUNT=99999999999999999999 is out of range: 1 to 65535\n");
    complains_about("T_COUNT", "9223372036854775808",
                    "T_COUNT=9223372036854775808 is out of range: 1 to 65535\n");
    complains_about("T_COUNT", "many", "T_COUNT=many is not a whole number: 1 to 65535\n");
    complains_about("T_COUNT", "5x", "T_COUNT=5x is not a whole number: 1 to 65535\n");
    complains_about("T_COUNT", "-", "T_COUNT=- is not a whole number: 1 to 65535\n");
}

static void a_wrong_quantity_is_named_with_value_and_range(void **state)
{
    (void)state;
    complains_about("T_HOLD", "10", "T_HOLD=10 needs a unit (us ms s min h d): 1ms to 1h\n");
    complains_about("T_HOLD", "10m",
                    "T_HOLD=10m has an unknown unit (allowed: us ms s min h d): 1ms to 1h\n");
    complains_about("T_HOLD", "999us", "T_HOLD=999us is out of range: 1ms to 1h\n");
    complains_about("T_HOLD", "0", "T_HOLD=0 is out of range: 1ms to 1h\n");
    complains_about("T_HOLD", "9223372036854775807h",
                    "T_HOLD=9223372036854775807h is out of range: 1ms to 1h\n");
    complains_about("T_HOLD", "1.5s",
                    "T_HOLD=1.5s has an unknown unit (allowed: us ms s min h d): 1ms to 1h\n");
    complains_about("T_HOLD", "soon", "T_HOLD=soon is not a whole number with a unit: 1ms to 1h\n");
    complains_about("T_SIZE", "7", "T_SIZE=7 needs a unit (B KiB MiB GiB): 0 to 1024GiB\n");
    complains_about("T_SIZE", "7kb",
                    "T_SIZE=7kb has an unknown unit (allowed: B KiB MiB GiB): 0 to 1024GiB\n");
    complains_about("T_SIZE", "1025GiB", "T_SIZE=1025GiB is out of range: 0 to 1024GiB\n");
}

static void a_wrong_list_of_durations_is_named(void **state)
{
    static const char range[] = ": 1s to 1d each, at most 8, ascending\n";
    static const struct {
        const char *value, *what;
    } wrong[] = {
        {"2s,1s", "is not in strictly ascending order"},
        {"1s,1s", "is not in strictly ascending order"},
        {"1s,", "ends with a comma"},
        {"1s,,2s", "is not a whole number with a unit"},
        {",", "is not a whole number with a unit"},
        {"1s,2", "needs a unit (us ms s min h d)"},
        {"1ms", "is out of range"},
        {"25h", "is out of range"},
        {"1s,2s,3s,4s,5s,6s,7s,8s,9s", "has too many durations"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char expected[300];

        (void)snprintf(expected, sizeof expected, "T_DELAYS=%s %s%s", wrong[i].value, wrong[i].what, range);
        complains_about("T_DELAYS", wrong[i].value, expected);
    }
}

static void a_wrong_text_address_or_choice_is_named(void **state)
{
    static const char *const no_address[] = {"8080",  ":8080",   "host",   "[::1]",
                                             "[]:80", "[::1:80", "[x]:80", "a b:80"};

    (void)state;
    complains_about("T_NAME", "a", "T_NAME=a has the wrong length: 2 to 10 bytes\n");
    complains_about("T_NAME", "elevenbytes", "T_NAME=elevenbytes has the wrong length: 2 to 10 bytes\n");
    complains_about("T_LEVEL", "inf", "T_LEVEL=inf is not one of the choices: debug, info, warning\n");
    complains_about("T_LEVEL", "infos", "T_LEVEL=infos is not one of the choices: debug, info, warning\n");
    complains_about("T_LEVEL", "debug,info",
                    "T_LEVEL=debug,info is not one of the choices: debug, info, warning\n");
    complains_about("T_LISTEN",
                    "host:", "T_LISTEN=host: has no port number: host:port, [IPv6]:port, port 0 to 65535\n");
    complains_about("T_LISTEN", "h:80s",
                    "T_LISTEN=h:80s has no port number: host:port, [IPv6]:port, port 0 to 65535\n");
    complains_about("T_LISTEN", "h:65536",
                    "T_LISTEN=h:65536 is out of range: host:port, [IPv6]:port, port 0 to 65535\n");
    for (size_t i = 0; i < sizeof no_address / sizeof no_address[0]; i++) {
        char expected[200];

        (void)snprintf(
            expected, sizeof expected,
            "T_LISTEN=%s is not host:port or [IPv6]:port: host:port, [IPv6]:port, port 0 to 65535\n",
            no_address[i]);
        complains_about("T_LISTEN", no_address[i], expected);
    }
}

static void a_wrong_url_is_named(void **state)
{
    (void)state;
    complains_about("T_URL", "http://x",
                    "T_URL=http://x is not a URL with a known scheme: amqp:// or amqps://\n");
    complains_about("T_URL", "amqp:x",
                    "T_URL=amqp:x is not a URL with a known scheme: amqp:// or amqps://\n");
    complains_about("T_URL", "amqp://", "T_URL=amqp:// names no server: amqp:// or amqps://\n");
    complains_about("T_URL", "amqp://a b",
                    "T_URL=amqp://a b contains a byte that is not allowed in a URL: amqp:// or amqps://\n");
    complains_about("T_URL", "", "T_URL is required: set T_URL or T_URL_FILE (amqp:// or amqps://)\n");
    set("T_URL", "amqps://[::1]:5671");
    loads();
}

static void a_url_with_a_password_is_refused_and_not_shown(void **state)
{
    static const char *const with[] = {"amqp://u:hunter2@host/v", "amqp://u:hun/ter2@host", "u:hunter2@host",
                                       "amqp://u@host/v?password=hunter2", "host=x PASSWORD=hunter2"};

    (void)state;
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
        complains_about("T_URL", with[i],
                        "T_URL contains a password: set it in T_PASSWORD or T_PASSWORD_FILE\n");
    }
    set("T_URL", "amqp://x");
    complains_about("T_URL_ADMIN_URL", "http://u:hunter2@h",
                    "T_URL_ADMIN_URL contains a password: set it in T_PASSWORD or T_PASSWORD_FILE\n");
    complains_about("T_URL", "host=x password = hunter2",
                    "T_URL is not a URL with a known scheme: amqp:// or amqps://\n");
}

static void without_a_setting_for_it_the_password_is_sent_to_the_urls_own_name(void **state)
{
    const struct config_setting alone[] = {
        {"T_URL", CONFIG_URL, AT(url), NULL, 0, 0, "amqp", false, "A server."},
        {NULL, CONFIG_TEXT, 0, NULL, 0, 0, NULL, false, NULL},
    };

    (void)state;
    set("T_URL", "amqp://u:pw@h");
    assert_int_equal(config_load(alone, &settings, &complaints), ERROR_SETTING);
    assert_string_equal(buf_text(&complaints),
                        "T_URL contains a password: set it in T_PASSWORD or T_PASSWORD_FILE\n");
}

static void a_value_may_come_from_a_file(void **state)
{
    (void)state;
    set("T_NAME_FILE", file_name);
    fill_file("from a\n", 7);
    loads();
    assert_string_equal(settings.name, "from a");
    fill_file("none", 4);
    loads();
    assert_string_equal(settings.name, "none");
    fill_file("\n", 1);
    loads();
    assert_string_equal(settings.name, "");
}

static void a_file_that_cannot_be_used_is_named_with_its_cause(void **state)
{
    static char large[64 * 1024 + 1];
    char expected[200];

    (void)state;
    set("T_COUNT_FILE", "/nonexistent/file");
    complains("T_COUNT_FILE=/nonexistent/file cannot be read: No such file or directory\n");
    set("T_COUNT_FILE", "/");
    complains("T_COUNT_FILE=/ is a directory, but must be a regular file\n");
    set("T_COUNT_FILE", file_name);
    memset(large, '1', sizeof large);
    fill_file(large, sizeof large);
    (void)snprintf(expected, sizeof expected, "T_COUNT_FILE=%s is too large: at most 64KiB are allowed\n",
                   file_name);
    complains(expected);
    fill_file("1\0", 2);
    (void)snprintf(
        expected, sizeof expected,
        "T_COUNT_FILE=%s has a NUL (0x00) at its end, byte 2 of 2: write the file again, without it "
        "and with at most one newline: printf %%s 'TEXT' > FILE\n",
        file_name);
    complains(expected);
}

static void a_secret_of_a_file_holds_nothing_invisible(void **state)
{
    char expected[200];

    (void)state;
    set("T_PASSWORD_FILE", file_name);
    fill_file("hunter2-crlf\r\n", 14);
    assert_int_equal(load(), ERROR_SETTING);
    (void)snprintf(expected, sizeof expected,
                   "T_PASSWORD_FILE=%s has a carriage return (0x0D) at its end, byte 13 of 13: ", file_name);
    assert_non_null(strstr(buf_text(&complaints), expected));
    assert_null(strstr(buf_text(&complaints), "hunter2"));
    (void)snprintf(expected, sizeof expected,
                   "T_PASSWORD_FILE=%s is empty: write the secret into it, or unset T_PASSWORD_FILE\n",
                   file_name);
    fill_file("", 0);
    complains(expected);
    fill_file("\n", 1);
    complains(expected);
}

static void a_secret_of_a_variable_may_end_in_a_blank_but_not_in_a_line_end(void **state)
{
    (void)state;
    set("T_PASSWORD", "hunter2 hunter2 ");
    loads();
    assert_string_equal(settings.password, "hunter2 hunter2 ");
    complains_about("T_PASSWORD", "hunter2-crlf\r",
                    "T_PASSWORD has a carriage return (0x0D) at its end, byte 13 of 13: set the variable "
                    "without it\n");
}

static void a_setting_and_its_file_at_once_are_refused(void **state)
{
    (void)state;
    set("T_PASSWORD", "hunter2hunter2");
    set("T_PASSWORD_FILE", file_name);
    complains("T_PASSWORD and T_PASSWORD_FILE are both set: set one of them\n");
}

static void all_wrong_settings_are_reported_at_once(void **state)
{
    (void)state;
    set("T_COUNT", "0");
    set("T_SIZE", "x");
    set("T_LEVEL", "loud");
    (void)unsetenv("T_URL");
    complains("T_COUNT=0 is out of range: 1 to 65535\n"
              "T_SIZE=x is not a whole number with a unit: 0 to 1024GiB\n"
              "T_LEVEL=loud is not one of the choices: debug, info, warning\n"
              "T_URL is required: set T_URL or T_URL_FILE (amqp:// or amqps://)\n");
}

static void a_secret_is_registered_and_never_shown(void **state)
{
    struct buf text = {0};

    (void)state;
    complains_about("T_PASSWORD", "short-1", "T_PASSWORD has the wrong length: 8 to 100 bytes\n");
    set("T_PASSWORD_FILE", file_name);
    fill_file("hunter2-from-file\n", 18);
    loads();
    assert_string_equal(settings.password, "hunter2-from-file");
    buf_append_text(&text, "login hunter2-from-file refused");
    secret_redact(&text, 0);
    assert_string_equal(buf_text(&text), "login [redacted] refused");
    buf_clear(&text);
    config_print(table, &settings, &text);
    assert_null(strstr(buf_text(&text), "hunter2"));
    assert_non_null(strstr(buf_text(&text), "T_PASSWORD=[redacted]\n"));
    buf_free(&text);
}

static void a_secret_for_development_is_named(void **state)
{
    struct buf names = {0};

    (void)state;
    set("T_PASSWORD", "insecure-dev-x");
    loads();
    assert_true(config_insecure(table, &settings, &names));
    assert_string_equal(buf_text(&names), "T_PASSWORD");
    buf_clear(&names);
    set("T_PASSWORD", "not-insecure-dev-x");
    loads();
    assert_false(config_insecure(table, &settings, &names));
    assert_int_equal(names.len, 0);
    buf_free(&names);
}

static void a_complaint_shows_odd_values_cut_and_without_control_bytes(void **state)
{
    char value[121];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    complains_about("T_COUNT", "1\n2\xff", "T_COUNT=1?2? is not a whole number: 1 to 65535\n");
    set("T_COUNT", value);
    assert_int_equal(load(), ERROR_SETTING);
    value[100] = '\0';
    assert_non_null(strstr(buf_text(&complaints), value));
    assert_non_null(strstr(buf_text(&complaints), "vvv... is not"));
}

static void what_is_in_force_prints_as_a_user_would_write_it(void **state)
{
    struct buf text = {0};

    (void)state;
    set("T_SIZE", "2048B");
    set("T_HOLD", "90000ms");
    set("T_DELAYS", "1000ms,1500ms,60min");
    loads();
    config_print(table, &settings, &text);
    assert_string_equal(buf_text(&text), "T_NAME=\n"
                                         "T_COUNT=7\n"
                                         "T_SIZE=2KiB\n"
                                         "T_HOLD=90s\n"
                                         "T_DELAYS=1s,1500ms,1h\n"
                                         "T_LISTEN=127.0.0.1:8080\n"
                                         "T_LEVEL=info\n"
                                         "T_URL=amqp://sluice@127.0.0.1:5672/sluice\n"
                                         "T_URL_ADMIN_URL=\n"
                                         "T_PASSWORD=\n");
    buf_free(&text);
}

static void the_table_and_the_help_show_every_setting(void **state)
{
    struct buf text = {0};

    (void)state;
    config_table(table, &text);
    assert_string_equal(
        buf_text(&text),
        "T_NAME\ttext\t2 to 10 bytes\tnone\tno\tA name.\n"
        "T_COUNT\tinteger\t1 to 65535\t7\tno\tA count.\n"
        "T_SIZE\tsize\t0 to 1024GiB\t1MiB\tno\tA size.\n"
        "T_HOLD\tduration\t1ms to 1h\t10min\tno\tA wait.\n"
        "T_DELAYS\tdurations\t1s to 1d each, at most 8, ascending\t10s,60s,600s\tno\tSome waits.\n"
        "T_LISTEN\taddress\thost:port, [IPv6]:port, port 0 to 65535\t127.0.0.1:8080\tno\tWhere.\n"
        "T_LEVEL\tchoice\tdebug, info, warning\tinfo\tno\tHow much.\n"
        "T_URL\tURL\tamqp:// or amqps://\trequired\tno\tA server.\n"
        "T_URL_ADMIN_URL\tURL\thttp://\tnone\tno\tAnother.\n"
        "T_PASSWORD\ttext\t8 to 100 bytes\tnone\tyes\tA secret.\n");
    buf_clear(&text);
    config_help(table, &text);
    assert_non_null(strstr(buf_text(&text), "  T_HOLD  duration: 1ms to 1h; default 10min\n      A wait.\n"));
    assert_non_null(
        strstr(buf_text(&text), "  T_URL  URL: amqp:// or amqps://; required\n      A server.\n"));
    assert_non_null(strstr(buf_text(&text), "; default none; secret\n      A secret.\n"));
    buf_free(&text);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(what_is_not_set_has_its_default),
        FRESH(values_at_both_ends_of_their_range_are_taken),
        FRESH(every_unit_is_understood),
        FRESH(a_wrong_integer_is_named_with_value_and_range),
        FRESH(a_wrong_quantity_is_named_with_value_and_range),
        FRESH(a_wrong_list_of_durations_is_named),
        FRESH(a_wrong_text_address_or_choice_is_named),
        FRESH(a_wrong_url_is_named),
        FRESH(a_url_with_a_password_is_refused_and_not_shown),
        FRESH(without_a_setting_for_it_the_password_is_sent_to_the_urls_own_name),
        FRESH(a_value_may_come_from_a_file),
        FRESH(a_file_that_cannot_be_used_is_named_with_its_cause),
        FRESH(a_secret_of_a_file_holds_nothing_invisible),
        FRESH(a_secret_of_a_variable_may_end_in_a_blank_but_not_in_a_line_end),
        FRESH(a_setting_and_its_file_at_once_are_refused),
        FRESH(all_wrong_settings_are_reported_at_once),
        FRESH(a_secret_is_registered_and_never_shown),
        FRESH(a_secret_for_development_is_named),
        FRESH(a_complaint_shows_odd_values_cut_and_without_control_bytes),
        FRESH(what_is_in_force_prints_as_a_user_would_write_it),
        FRESH(the_table_and_the_help_show_every_setting),
    };
    int fd = mkstemp(file_name);
    int failed;

    if (fd < 0 || close(fd) != 0) {
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(file_name);
    return failed;
}
