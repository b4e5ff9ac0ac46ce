/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

/* One line per event on standard error, in logfmt:
 *   2026-11-23T22:43:01.123456Z info stored source=default id=evt_1
 * Values are escaped (quoted when they hold a space, '"', '=' or a byte that
 * doesn't print; control and non-ASCII bytes become \xNN), cut at a character
 * within 1,024 bytes, and registered secrets are blanked, so that no sender can forge a line.
 *
 * A line is formatted by its caller and handed to one writer thread through a
 * buffer of 1 MiB: a terminal or log driver that stalls never stalls an event.
 * When the buffer is full, lines are dropped, counted, and the count is logged
 * when it moves again. Any thread may log. */

#include "buf.h"
#include "error.h"

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_field {
    const char *key; /* NULL ends the list */
    struct span text;
    int64_t number;
    bool is_number;
};

/* Starts the writer. Lines below `least` are not formatted. */
MUST_CHECK enum error_code log_start(enum log_level least, struct error *error);
/* Writes what is buffered, for at most 1 s, and ends the writer; later lines
 * go straight to standard error, as do those before log_start. */
void log_stop(void);
/* "debug", "info", "warning", "error"; false when it is none of them. */
MUST_CHECK bool log_level_of(const char *text, enum log_level *level);
bool log_enabled(enum log_level level);
/* Lines dropped since the start because the writer could not keep up. */
int64_t log_dropped(void);

/* True at most once in 10 s for each *last (monotonic microseconds; 0 before the first): for lines that one
 * sender could provoke at any rate. Of threads that ask at once one gets true. */
bool log_is_due(_Atomic int64_t *last);

/* event is one lower-case word or a short phrase with '-': "stored". */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

static inline struct log_field log_text(const char *key, const char *value)
{
    return (struct log_field){.key = key, .text = span_of(value)};
}

static inline struct log_field log_span(const char *key, struct span value)
{
    return (struct log_field){.key = key, .text = value};
}

static inline struct log_field log_number(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .number = value, .is_number = true};
}

/* log_info("stored", log_span("id", id), log_number("rows", 3)); at least one field. */
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {0}})
#define log_debug(event, ...)                                     \
    do {                                                          \
        if (log_enabled(LOG_DEBUG))                               \
            log_write(LOG_DEBUG, event, LOG_FIELDS(__VA_ARGS__)); \
    } while (0)
#define log_info(event, ...)                                     \
    do {                                                         \
        if (log_enabled(LOG_INFO))                               \
            log_write(LOG_INFO, event, LOG_FIELDS(__VA_ARGS__)); \
    } while (0)
#define log_warning(event, ...) log_write(LOG_WARNING, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_ERROR, event, LOG_FIELDS(__VA_ARGS__))

#endif
