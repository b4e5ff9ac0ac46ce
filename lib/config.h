/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_CONFIG_H
#define SLUICE_CONFIG_H

/* Settings come from the environment, by one table per program. The table is
 * the only place where a setting is spelled: reading, --help, --print-config
 * and the check of docs/configuration.md all walk it.
 *
 * Every setting X may be given as X (the value) or as X_FILE (a file that holds
 * it; one trailing newline is dropped); both at once is an error, and so is a
 * file that can't be read or holds more than 64 KiB. An empty X counts as not set.
 * Durations are a whole number with a unit: us ms s min h d (in the struct:
 * int64_t microseconds). Sizes: a whole number with B KiB MiB GiB (int64_t
 * bytes). 0 needs no unit. Addresses are host:port (port 0: the kernel picks). */

#include "buf.h"
#include "error.h"

#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_TEXT,      /* char *, owned by the settings; min and max are its length */
    CONFIG_INTEGER,   /* int64_t */
    CONFIG_BYTES,     /* int64_t */
    CONFIG_DURATION,  /* int64_t, microseconds */
    CONFIG_DURATIONS, /* struct config_durations: a comma list, ascending, no repeats; min..max each */
    CONFIG_ADDRESS,   /* char *: host:port as given, checked */
    CONFIG_CHOICE,    /* char *: one of `choices`, comma-separated */
    CONFIG_URL,       /* char *: a URL of one of the schemes in `choices`, without a password in it */
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
    const char *fallback; /* as a user would write it; NULL: required; "": may stay empty (char * = "") */
    int64_t min, max;     /* in the struct's unit; ignored where the type has none */
    const char *choices;  /* CONFIG_CHOICE and CONFIG_URL, comma-separated */
    bool secret;          /* registered with lib/secret, never printed */
    const char *help;     /* one line */
};

/* Reads all settings of the table into `settings` (zeroed by the caller, of
 * the struct that the offsets are of). All errors are found, not the first:
 * each is one line in `complaints` that names the setting, its value (unless
 * secret) and what is allowed. ERROR_SETTING when there is any; what was read is then
 * still owned by `settings`. Before threads start. */
MUST_CHECK enum error_code config_load(const struct config_setting *table, void *settings,
                                       struct buf *complaints);
/* Reads a whole file of text, but for one trailing newline, into `content` (empty before) without leaving
 * copies of it elsewhere. ERROR_SETTING, with a sentence that begins with the path: it can't be read, has
 * more than 64 KiB, or holds a NUL. */
MUST_CHECK enum error_code config_read_file(const char *path, struct buf *content, struct error *error);
/* Frees (and, where secret, wipes) what config_load allocated. */
void config_free(const struct config_setting *table, void *settings);
/* Appends the names of the settings whose secret is one of those checked in for development
 * (deploy/dev-secrets), which begin with "insecure-dev-": "A, B". True when there is any. */
bool config_insecure(const struct config_setting *table, const void *settings, struct buf *names);
/* --help's part: one setting per paragraph: name, type, range, default, help. */
void config_help(const struct config_setting *table, struct buf *out);
/* --print-config: NAME=value per line, in force, in the form a user would write; a secret as
 * "[redacted]" or, when empty, as nothing. */
void config_print(const struct config_setting *table, const void *settings, struct buf *out);
/* --print-settings: the table as tab-separated lines (name, type, range, default, secret, help),
 * for the check of docs/configuration.md. */
void config_table(const struct config_setting *table, struct buf *out);

#endif
