/* SPDX-License-Identifier: MIT */
#include "gateway/sources/watched_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/sluice-watched-XXXXXX";
static char one[64], other[64], name[64];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(one, sizeof one, "%s/one", folder);
    (void)snprintf(other, sizeof other, "%s/other", folder);
    (void)snprintf(name, sizeof name, "%s/name", folder);
    return 0;
}

static int empty_folder(void **state)
{
    (void)state;
    (void)unlink(one);
    (void)unlink(other);
    (void)unlink(name);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* A change is told at the second look, when it has settled. */
static void assert_changed(struct watched_files *files)
{
    assert_false(watched_files_changed(files));
    assert_true(watched_files_changed(files));
    assert_true(watched_files_changed(files)); /* until they are read again */
}

static void no_file_never_changes(void **state)
{
    struct watched_files files = {0};

    (void)state;
    watched_files_add(&files, "");
    assert_false(watched_files_changed(&files));
    assert_false(watched_files_changed(&files));
    watched_files_forget(&files);
}

static void a_file_that_stays_has_not_changed(void **state)
{
    struct watched_files files = {0};

    (void)state;
    write_file(one, "1");
    watched_files_add(&files, one);
    watched_files_add(&files, other); /* is not there */
    for (int i = 0; i < 3; i++) {
        assert_false(watched_files_changed(&files));
    }
    watched_files_forget(&files);
    assert_false(watched_files_changed(&files));
}

static void a_file_that_is_written_replaced_or_removed_has_changed(void **state)
{
    struct watched_files files = {0};

    (void)state;
    write_file(one, "1");
    watched_files_add(&files, one);
    write_file(one, "12");
    assert_changed(&files);

    watched_files_forget(&files);
    watched_files_add(&files, one);
    write_file(other, "12"); /* of the same size */
    assert_int_equal(rename(other, one), 0);
    assert_changed(&files);

    watched_files_forget(&files);
    watched_files_add(&files, one);
    assert_int_equal(unlink(one), 0);
    assert_changed(&files);
    watched_files_forget(&files);
}

static void a_file_that_comes_has_changed(void **state)
{
    struct watched_files files = {0};

    (void)state;
    watched_files_add(&files, one);
    write_file(one, "1");
    assert_changed(&files);
    watched_files_forget(&files);
}

static void a_link_that_leads_elsewhere_has_changed(void **state)
{
    struct watched_files files = {0};

    (void)state;
    write_file(one, "1");
    write_file(other, "1");
    assert_int_equal(symlink(one, name), 0);
    watched_files_add(&files, name);
    assert_false(watched_files_changed(&files));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(symlink(other, name), 0);
    assert_changed(&files);
    watched_files_forget(&files);
}

static void a_file_that_is_still_written_is_waited_for(void **state)
{
    struct watched_files files = {0};

    (void)state;
    write_file(one, "");
    watched_files_add(&files, one);
    write_file(one, "1");
    assert_false(watched_files_changed(&files));
    write_file(one, "12");
    assert_false(watched_files_changed(&files));
    assert_true(watched_files_changed(&files));
    watched_files_forget(&files);
}

static void the_secrets_of_a_routes_file_are_found_wherever_they_are(void **state)
{
    struct watched_files files = {0};
    char text[512];
    cJSON *json;

    (void)state;
    (void)snprintf(
        text, sizeof text,
        "{\"sources\":[{\"name\":\"file\",\"verify\":{\"secrets\":[{\"env\":\"A\"},{\"file\":\"%s\"}],"
        "\"verify_token\":{\"file\":\"%s\"}}},{\"file\":1}]}",
        one, other);
    json = cJSON_Parse(text);
    assert_non_null(json);
    for (int i = 0; i < 2; i++) {
        watched_files_add_secrets(&files, json);
        write_file(i == 0 ? one : other, "1");
        assert_changed(&files);
        watched_files_forget(&files);
    }
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_file_never_changes, empty_folder),
        cmocka_unit_test_teardown(a_file_that_stays_has_not_changed, empty_folder),
        cmocka_unit_test_teardown(a_file_that_is_written_replaced_or_removed_has_changed, empty_folder),
        cmocka_unit_test_teardown(a_file_that_comes_has_changed, empty_folder),
        cmocka_unit_test_teardown(a_link_that_leads_elsewhere_has_changed, empty_folder),
        cmocka_unit_test_teardown(a_file_that_is_still_written_is_waited_for, empty_folder),
        cmocka_unit_test_teardown(the_secrets_of_a_routes_file_are_found_wherever_they_are, empty_folder),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
