/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CONFIG_H
#define SLUICE_CONFIG_H

/* Settings come from the environment. Each program has one table, the only place that defines its settings:
 * reading, --help, --print-config and the check of docs/configuration.md all use it.
 *
 * Every setting X may be given as X (the value) or as X_FILE (the path of a file that holds the value; one
 * trailing newline is dropped). It is an error to set both, or to name a file that can't be read, is larger
 * than 64 KiB or holds an invisible byte (lib/plain_line). An empty X counts as not set; an empty file does
 * so too, but not for a secret.
 *
 * A duration is a whole number with a unit: us ms s min h d (int64_t microseconds in the struct). A size is a
 * whole number with B KiB MiB GiB (int64_t bytes). 0 needs no unit. An address is host:port (port 0: the
 * kernel picks one). */

#include "buf.h"
#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_TEXT,      /* char *, owned by the settings; min and max limit its length */
    CONFIG_INTEGER,   /* int64_t */
    CONFIG_BYTES,     /* int64_t */
    CONFIG_DURATION,  /* int64_t, microseconds */
    CONFIG_DURATIONS, /* struct config_durations: comma-separated, strictly ascending; min..max each */
    CONFIG_ADDRESS,   /* char *: host:port as given, checked */
    CONFIG_CHOICE,    /* char *: one of `choices`, comma-separated */
    CONFIG_URL,       /* char *: a URL with one of the schemes in `choices` and no password */
};

#define CONFIG_DURATIONS_MAX 8

struct config_durations {
    int64_t us[CONFIG_DURATIONS_MAX];
    size_t count;
};

struct config_setting {
    const char *name; /* NULL ends the table */
    enum config_type type;
    size_t offset;        /* of the member in the program's settings struct */
    const char *fallback; /* the default, as a user would write it; "": may be empty; NULL: required */
    int64_t min, max;     /* in the struct's unit; ignored for types without a range */
    const char *choices;  /* CONFIG_CHOICE and CONFIG_URL, comma-separated */
    bool secret;          /* registered with lib/secret, never printed */
    const char *help;     /* one line */
};

/* What a row X(type, member, name, members of config_setting) of a program's list becomes: a member of its
 * struct, and a row of its table. type is an enumerator of config_type without its prefix. */
#define CONFIG_MEMBER(value_type, member, ...) CONFIG_C_TYPE_##value_type member;
#define CONFIG_ROW(structure, value_type, member, setting_name, ...) \
    {.name = setting_name, .type = CONFIG_##value_type, .offset = offsetof(structure, member), __VA_ARGS__},
#define CONFIG_C_TYPE_TEXT char *
#define CONFIG_C_TYPE_INTEGER int64_t
#define CONFIG_C_TYPE_BYTES int64_t
#define CONFIG_C_TYPE_DURATION int64_t
#define CONFIG_C_TYPE_DURATIONS struct config_durations
#define CONFIG_C_TYPE_ADDRESS char *
#define CONFIG_C_TYPE_CHOICE char *
#define CONFIG_C_TYPE_URL char *

/* Reads all settings of the table into `settings`: the struct that the table's offsets refer to, zeroed by
 * the caller. Reports all errors, not only the first: each is one line in `complaints` with the setting's
 * name, its value (unless secret) and what is allowed. ERROR_SETTING when there are any; `settings` must be
 * freed even then. Call it before threads start. */
MUST_CHECK enum error_code config_load(const struct config_setting *table, void *settings,
                                       struct buf *complaints);
/* Reads a whole text file into `content`, which must be empty, without one trailing newline. Leaves no other
 * copies in memory. ERROR_SETTING, with a text that begins with the path: the file can't be read, is not a
 * regular file (lib/regular_file), is larger than 64 KiB, or holds an invisible byte (lib/plain_line). It may
 * be empty. */
MUST_CHECK enum error_code config_read_file(const char *path, struct buf *content, struct error *error);
/* The same for a public or private key, which may also be PEM: a text that begins with "-----BEGIN " has
 * lines, and its reader checks them. */
MUST_CHECK enum error_code config_read_key_file(const char *path, struct buf *content, struct error *error);
/* Frees what config_load allocated; wipes secrets first. */
void config_free(const struct config_setting *table, void *settings);
/* Appends the names of the settings that hold a development secret (secret_is_insecure), as "A, B". True when
 * there are any. */
bool config_insecure(const struct config_setting *table, const void *settings, struct buf *names);
/* For --help: one paragraph per setting, with name, type, range, default and help. */
void config_help(const struct config_setting *table, struct buf *out);
/* For --print-config: the values in force, one NAME=value per line, as a user would write them. A secret is
 * printed as "[redacted]", or as nothing when it is empty. */
void config_print(const struct config_setting *table, const void *settings, struct buf *out);
/* For --print-settings and the check of docs/configuration.md: the table as tab-separated lines (name, type,
 * range, default, secret, help). */
void config_table(const struct config_setting *table, struct buf *out);

#endif
