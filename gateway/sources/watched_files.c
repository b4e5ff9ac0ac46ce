/* SPDX-License-Identifier: MIT */
#include "watched_files.h"

#include <string.h>
#include <sys/stat.h>

#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static void mix(uint64_t *state, uint64_t value)
{
    for (size_t i = 0; i < sizeof value; i++) {
        *state = (*state ^ (value >> 8 * i & 0xff)) * FNV_PRIME;
    }
}

/* Mixes what tells a file from what it was, or that there is none, into the state. */
static void look(uint64_t *state, const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0) {
        mix(state, 0);
        return;
    }
    mix(state, (uint64_t)file.st_dev);
    mix(state, (uint64_t)file.st_ino);
    mix(state, (uint64_t)file.st_size);
    mix(state, (uint64_t)file.st_mtim.tv_sec);
    mix(state, (uint64_t)file.st_mtim.tv_nsec);
    mix(state, (uint64_t)file.st_ctim.tv_sec);
    mix(state, (uint64_t)file.st_ctim.tv_nsec);
}

void watched_files_add(struct watched_files *files, const char *path)
{
    if (path[0] == '\0') {
        return;
    }
    if (files->names.len == 0) {
        files->read = FNV_OFFSET;
    }
    buf_append(&files->names, path, strlen(path) + 1);
    look(&files->read, path);
    files->looked = files->read;
}

void watched_files_add_secrets(struct watched_files *files, const cJSON *json)
{
    const cJSON *member;

    cJSON_ArrayForEach(member, json)
    {
        if (member->string != NULL && strcmp(member->string, "file") == 0 && cJSON_IsString(member)) {
            watched_files_add(files, member->valuestring);
        } else {
            watched_files_add_secrets(files, member); /* JSONTEXT_DEPTH_MAX bounds the depth */
        }
    }
}

bool watched_files_changed(struct watched_files *files)
{
    uint64_t now = FNV_OFFSET;
    bool settled;

    if (files->names.failed || files->names.len == 0) {
        return false;
    }
    for (const char *name = files->names.data; name < files->names.data + files->names.len;
         name += strlen(name) + 1) {
        look(&now, name);
    }
    settled = now == files->looked;
    files->looked = now;
    return settled && now != files->read;
}

void watched_files_forget(struct watched_files *files)
{
    buf_free(&files->names);
    *files = (struct watched_files){0};
}
