/* SPDX-License-Identifier: MIT */
#include "regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

static int refuse(mode_t mode, struct error *error)
{
    (void)error_set(error, ERROR_SETTING, "is %s, but must be a regular file", kind_of(mode));
    return -1;
}

int regular_file_open(const char *path, struct error *error)
{
    struct stat status;
    int fd;

    /* Asked first, because opening some devices does something. Asked again, because the file may be another
     * one by then. */
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return refuse(status.st_mode, error);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)error_set(error, ERROR_SETTING, "cannot be read: %s", strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        (void)refuse(status.st_mode, error);
    } else {
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

FILE *regular_file_stream(const char *path, struct error *error)
{
    int fd = regular_file_open(path, error);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");

    if (fd >= 0 && file == NULL) {
        (void)error_set(error, ERROR_MEMORY, "cannot be read: %s", strerror(errno));
        (void)close(fd);
    }
    return file;
}

enum error_code regular_file_check(const char *setting, const char *path, struct error *error)
{
    struct stat status;

    if (path[0] == '\0' || stat(path, &status) != 0 || S_ISREG(status.st_mode)) {
        return ERROR_NONE;
    }
    return error_set(error, ERROR_SETTING, "%s=%.300s is %s, but must be a regular file", setting, path,
                     kind_of(status.st_mode));
}
