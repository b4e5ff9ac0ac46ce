/* SPDX-License-Identifier: MIT */
#include "regular_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/sluice-test-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    static const char *const names[] = {"file", "link", "fifo", "socket"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlink(names[i]);
    }
    return rmdir(folder);
}

static void write_file(const char *name)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fputs("content", file), 1);
    assert_int_equal(fclose(file), 0);
}

static void a_regular_file_is_read_also_by_a_link(void **state)
{
    struct error error;
    char read[16] = "";
    FILE *file;
    int fd;

    (void)state;
    write_file("file");
    assert_int_equal(symlink("file", "link"), 0);
    file = regular_file_stream("link", &error);
    assert_non_null(file);
    assert_int_equal(fread(read, 1, sizeof read, file), 7);
    assert_string_equal(read, "content");
    assert_int_equal(fclose(file), 0);
    fd = regular_file_open("file", &error);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(regular_file_check("T_CA", "link", &error), ERROR_NONE);
}

static void refused(const char *path, const char *kind)
{
    char text[128], named[160];
    struct error error = {0};

    (void)snprintf(text, sizeof text, "is %s, but must be a regular file", kind);
    (void)snprintf(named, sizeof named, "T_CA=%s %s", path, text);
    assert_int_equal(regular_file_open(path, &error), -1);
    assert_int_equal(error.code, ERROR_SETTING);
    assert_string_equal(error.text, text);
    assert_null(regular_file_stream(path, &error));
    assert_string_equal(error.text, text);
    assert_int_equal(regular_file_check("T_CA", path, &error), ERROR_SETTING);
    assert_string_equal(error.text, named);
}

/* Every one of them could be waited for; the test would hang. */
static void what_may_never_end_is_refused_at_once(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ends[2];
    char substituted[32];

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    refused("fifo", "a pipe");
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(substituted, sizeof substituted, "/dev/fd/%d", ends[0]);
    refused(substituted, "a pipe");
    refused(".", "a directory");
    refused("/dev/zero", "a device");
    assert_int_equal(bind(sock, (const struct sockaddr *)&address, sizeof address), 0);
    refused("socket", "a socket");
    (void)close(sock);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_missing_file_is_named_by_the_one_who_opens_it(void **state)
{
    struct error error;

    (void)state;
    assert_int_equal(regular_file_open("nowhere", &error), -1);
    assert_string_equal(error.text, "cannot be read: No such file or directory");
    assert_int_equal(regular_file_check("T_CA", "nowhere", &error), ERROR_NONE);
    assert_int_equal(regular_file_check("T_CA", "", &error), ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regular_file_is_read_also_by_a_link),
        cmocka_unit_test(what_may_never_end_is_refused_at_once),
        cmocka_unit_test(a_missing_file_is_named_by_the_one_who_opens_it),
    };

    return cmocka_run_group_tests_name("regular_file", tests, enter_folder, leave_folder);
}
