/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

/* Writes to standard error, one line per event, in logfmt or as JSON (lib/logjson):
 *   2026-11-23T22:43:01.123456Z info stored source=default id=evt_1
 * Values can't forge a line or leak a secret. Registered secrets are redacted. Values are cut to 1,024 bytes,
 * between characters. In logfmt, values that are empty or contain a space, '"', '=', '\', a control byte or a
 * non-ASCII byte are quoted; the latter two kinds of byte become \xNN.
 *
 * The caller formats its line and hands it to the writer thread through a buffer of 1 MiB, so a terminal or
 * log driver that stalls doesn't stall the caller. When the buffer is full, lines are dropped and counted;
 * the count is logged once writing resumes. Any thread may log. */

#include "buf.h"
#include "error.h"

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key; /* NULL ends the list */
    struct span text;
    int64_t number;
    bool is_number;
};

/* Registers the count of dropped lines, as log_start does. Before threads start. */
void log_register(void);
/* Starts the writer. Lines below the level `least` are discarded. ERROR_SYSTEM: no thread. */
MUST_CHECK enum error_code log_start(enum log_level least, struct error *error);
/* Writes what is buffered, for at most 1 s, and ends the writer. Before log_start and after log_stop, lines
 * are written by their callers. */
void log_stop(void);
/* Converts "debug", "info", "warning" or "error"; false for any other text. */
MUST_CHECK bool log_level_of(const char *text, enum log_level *level);
/* Sets the format of all lines from now on; logfmt before that. */
void log_use_format(enum log_format format);
/* Converts "logfmt" or "json"; false for any other text. */
MUST_CHECK bool log_format_of(const char *text, enum log_format *format);
/* True when lines of this level are logged. */
bool log_enabled(enum log_level level);
/* The number of lines dropped since the start: the buffer or memory was full, or standard error failed. */
int64_t log_dropped(void);

/* Limits lines that a sender could provoke at any rate. Returns true at most once in 10 s for each *last,
 * which starts as 0 and then holds the time of the last true (monotonic microseconds). When several threads
 * ask at once, only one gets true. */
bool log_is_due(_Atomic int64_t *last);

/* Logs one line. event is a lower-case word, or several with '-': "stored", "not-ready". */
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

/* Use: log_info("stored", log_span("id", id), log_number("rows", 3)). At least one field is needed. */
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
