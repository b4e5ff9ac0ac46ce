/* SPDX-License-Identifier: MIT */
#include "ctl/replay/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OPTIONS "{\"--source\":\"github\",\"--until\":null,\"--json-path\":[\"/a=\xc3\xa9\\\"\"]}"
#define SINCE_US INT64_C(1763900000000001)
#define POSITION "1763900000000001.github.a%20b"

static char directory[] = "/tmp/sluice-checkpoint-XXXXXX";

static struct checkpoint made(const char *position)
{
    struct checkpoint c = {.options = cJSON_Parse(OPTIONS),
                           .since_us = SINCE_US,
                           .until_us = SINCE_US + 1,
                           .published = INT64_C(12345678901)};

    assert_non_null(c.options);
    buf_append_text(&c.position, position);
    return c;
}

static void check_equal(struct checkpoint *a, struct checkpoint *b)
{
    assert_true(cJSON_Compare(a->options, b->options, true));
    assert_int_equal(a->since_us, b->since_us);
    assert_int_equal(a->until_us, b->until_us);
    assert_string_equal(buf_text(&a->position), buf_text(&b->position));
    assert_int_equal(a->published, b->published);
    assert_int_equal(a->done, b->done);
}

static void what_is_written_is_read(void **state)
{
    static const char *const positions[] = {"", POSITION};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct checkpoint c = made(positions[i]), again = {0};
        struct buf text = {0};

        c.done = i == 1;
        checkpoint_append(&c, &text);
        assert_true(checkpoint_read(buf_span(&text), &again));
        check_equal(&again, &c);
        checkpoint_free(&c);
        checkpoint_free(&again);
        buf_free(&text);
    }
}

/* Each replaces a part of a good text. */
static void nothing_else_is_read(void **state)
{
    static const struct {
        const char *part, *by;
    } wrong[] = {
        {"\"replay\": 1", "\"replay\": 2"},
        {"\"replay\": 1", "\"replay\": \"1\""},
        {"\"options\": {", "\"option\": {"},
        {"\"since\": \"2025", "\"since\": \"25"},
        {"\"since\"", "\"before\""},
        {"\"until\": \"2025-11-23T", "\"until\": \"30d"},
        {"\"position\": \"1", "\"position\": \"x"},
        {"\"position\": \"", "\"position\": 5, \"p\": \""},
        {"\"published\": 1", "\"published\": -1"},
        {"\"published\": 1", "\"published\": 1e99, \"p\": 1"},
        {"\"done\": false", "\"done\": 0"},
        {"\"done\": false}", "\"done\": false"},
    };
    struct checkpoint c = made(POSITION);
    struct buf good = {0};

    (void)state;
    checkpoint_append(&c, &good);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *at = strstr(buf_text(&good), wrong[i].part);
        struct checkpoint none = {0};
        struct buf text = {0};

        assert_non_null(at);
        buf_append(&text, good.data, (size_t)(at - good.data));
        buf_append_text(&text, wrong[i].by);
        buf_append_text(&text, at + strlen(wrong[i].part));
        if (checkpoint_read(buf_span(&text), &none)) {
            fail_msg("read: %s", buf_text(&text));
        }
        checkpoint_free(&none);
        buf_free(&text);
    }
    checkpoint_free(&c);
    buf_free(&good);
}

static void check_differs(const char *options, const char *says)
{
    struct checkpoint c = made("");
    cJSON *now = cJSON_Parse(options);
    struct error error = {0};

    assert_non_null(now);
    assert_int_equal(checkpoint_compare(&c, now, "FILE", &error), ERROR_SETTING);
    if (strstr(error.text, says) == NULL) {
        fail_msg("'%s' does not say '%s'", error.text, says);
    }
    cJSON_Delete(now);
    checkpoint_free(&c);
}

static void another_replay_is_refused_by_the_first_option_that_differs(void **state)
{
    struct checkpoint c = made("");
    cJSON *same = cJSON_Parse(OPTIONS);
    struct error error = {0};

    (void)state;
    assert_int_equal(checkpoint_compare(&c, same, "FILE", &error), ERROR_NONE);
    cJSON_Delete(same);
    checkpoint_free(&c);
    check_differs("{\"--source\":\"stripe\",\"--until\":\"1s\"}",
                  "--source is \"stripe\", but the replay of FILE began with \"github\"");
    check_differs("{\"--until\":\"1s\"}", "--until is \"1s\", but the replay of FILE began with not given");
    check_differs("{\"--source\":null}",
                  "--source is not given, but the replay of FILE began with \"github\"");
    check_differs("{\"--json-path\":[]}", "--json-path is [], but");
    check_differs("{\"--new\":\"x\"}", "--new is \"x\", but the replay of FILE began with not given");
}

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void a_file_is_replaced_as_a_whole(void **state)
{
    struct checkpoint c = made(POSITION), none = {0}, again = {0};
    struct error error = {0};
    struct stat status;
    bool found = true;

    (void)state;
    assert_int_equal(checkpoint_load(&none, path_of("file"), &found, &error), ERROR_NONE);
    assert_false(found);
    assert_int_equal(checkpoint_save(&c, path_of("file"), &error), ERROR_NONE);
    c.done = true;
    assert_int_equal(checkpoint_save(&c, path_of("file"), &error), ERROR_NONE);
    assert_int_equal(checkpoint_load(&again, path_of("file"), &found, &error), ERROR_NONE);
    assert_true(found);
    check_equal(&again, &c);
    assert_int_equal(stat(path_of("file"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(unlink(path_of("file")), 0);
    checkpoint_free(&c);
    checkpoint_free(&again);
}

static void what_cannot_be_read_or_written_is_named_and_leaves_nothing_behind(void **state)
{
    struct checkpoint c = made(POSITION), none = {0};
    struct error error = {0};
    FILE *file = fopen(path_of("other"), "w");
    bool found;

    (void)state;
    assert_non_null(file);
    (void)fputs("{}", file);
    (void)fclose(file);
    assert_int_equal(checkpoint_load(&none, path_of("other"), &found, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "is not a file that sluice replay has written"));
    assert_int_equal(unlink(path_of("other")), 0);
    assert_int_equal(checkpoint_load(&none, directory, &found, &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "is a directory"));
    assert_int_equal(checkpoint_save(&c, path_of("none/file"), &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "cannot be written: No such file or directory"));
    assert_int_equal(mkdir(path_of("taken"), 0700), 0);
    assert_int_equal(checkpoint_save(&c, path_of("taken"), &error), ERROR_SETTING);
    assert_non_null(strstr(error.text, "cannot be written: Is a directory"));
    assert_int_equal(rmdir(path_of("taken")), 0);
    checkpoint_free(&none);
    checkpoint_free(&c);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

/* Fails when a file was left behind. */
static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nothing_else_is_read),
        cmocka_unit_test(another_replay_is_refused_by_the_first_option_that_differs),
        cmocka_unit_test(a_file_is_replaced_as_a_whole),
        cmocka_unit_test(what_cannot_be_read_or_written_is_named_and_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("checkpoint", tests, make_directory, remove_directory);
}
