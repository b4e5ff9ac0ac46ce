/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_POSTGRES_H
#define SLUICE_POSTGRES_H

/* The settings that all programs use to reach the database. */

#define POSTGRES_SCHEMES "postgresql,postgres"
#define POSTGRES_PASSWORD "DATABASE_PASSWORD" /* the setting, for secret_file_read */
#define POSTGRES_PASSWORD_MAX 1024            /* bytes */

/* The members of a program's settings that these settings fill. */
struct postgres_access {
    char *url;      /* postgresql://role@host:port/database, without a password */
    char *password; /* of the start: each connection reads its file again (secret_file) */
};

/* NOLINTBEGIN(bugprone-macro-parentheses): a member's name can't be in parentheses. */
/* The rows of a config table (lib/config) that fill member `at`, a struct postgres_access, of the struct
 * `owner`. A default of NULL makes a setting required. */
#define POSTGRES_SETTINGS(owner, at, url_default, password_default, url_help)                       \
    {.name = "DATABASE_URL",                                                                        \
     .type = CONFIG_URL,                                                                            \
     .offset = offsetof(owner, at.url),                                                             \
     .fallback = (url_default),                                                                     \
     .choices = POSTGRES_SCHEMES,                                                                   \
     .help = (url_help)},                                                                           \
    {                                                                                               \
        .name = POSTGRES_PASSWORD, .type = CONFIG_TEXT, .offset = offsetof(owner, at.password),     \
        .fallback = (password_default), .max = POSTGRES_PASSWORD_MAX, .secret = true,               \
        .help = "password of the role in DATABASE_URL; not needed with PGPASSFILE or a certificate" \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
