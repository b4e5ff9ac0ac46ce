/* SPDX-License-Identifier: MIT */
#include "secret_file.h"

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

static char path[] = "/tmp/sluice-secret-XXXXXX";

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_reads(const char *name, const char *given, const char *expected)
{
    struct buf value = {0};

    secret_file_read(name, given, &value);
    assert_string_equal(buf_text(&value), expected);
    secret_file_forget(&value);
    assert_null(value.data);
}

static void without_a_file_the_value_of_the_start_stays(void **state)
{
    (void)state;
    assert_reads("NO_FILE", "given", "given");
    assert_reads("NO_FILE", "", "");
    assert_int_equal(setenv("NO_FILE_FILE", "", 1), 0);
    assert_reads("NO_FILE", "given", "given");
}

static void what_the_file_holds_now_counts_and_is_redacted(void **state)
{
    struct buf text = {0};

    (void)state;
    assert_int_equal(setenv("ONE_FILE", path, 1), 0);
    write_file("first-one\n");
    assert_reads("ONE", "first-one", "first-one");
    write_file("second-one\n");
    assert_reads("ONE", "first-one", "second-one");
    buf_append_text(&text, "is second-one");
    secret_redact(&text, 0);
    assert_string_equal(buf_text(&text), "is [redacted]");
    buf_free(&text);
}

static void a_file_that_is_no_password_leaves_the_one_that_was_read_last(void **state)
{
    char large[SECRET_FILE_MAX + 2];

    (void)state;
    assert_int_equal(setenv("TWO_FILE", path, 1), 0);
    write_file("");
    assert_reads("TWO", "given", "given");
    write_file("last-one");
    assert_reads("TWO", "given", "last-one");
    write_file("\n");
    assert_reads("TWO", "given", "last-one");
    write_file("two\nlines");
    assert_reads("TWO", "given", "last-one");
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    write_file(large);
    assert_reads("TWO", "given", "last-one");
    large[SECRET_FILE_MAX] = '\0';
    write_file(large);
    assert_reads("TWO", "given", large);
    assert_int_equal(setenv("TWO_FILE", "/nonexistent/file", 1), 0);
    assert_reads("TWO", "given", large);
}

static void beyond_its_names_a_file_is_read_but_not_remembered(void **state)
{
    static const char *const names[] = {"A", "B", "C", "D", "E"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char setting[8];

        (void)snprintf(setting, sizeof setting, "%s_FILE", names[i]);
        assert_int_equal(setenv(setting, path, 1), 0);
        write_file("from-a-file");
        assert_reads(names[i], "given", "from-a-file");
    }
    write_file("");
    assert_reads("E", "given", "given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_the_value_of_the_start_stays),
        cmocka_unit_test(what_the_file_holds_now_counts_and_is_redacted),
        cmocka_unit_test(a_file_that_is_no_password_leaves_the_one_that_was_read_last),
        cmocka_unit_test(beyond_its_names_a_file_is_read_but_not_remembered),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
