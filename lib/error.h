/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ERROR_H
#define SLUICE_ERROR_H

/* The one convention for failure. A function that can fail returns an
 * enum error_code, ERROR_NONE (0) for success, and takes a struct error in
 * which it leaves a sentence for people: what failed, the value, the limit and
 * what to do. "The answer is no" (a nack, an unknown id) is not an error but a
 * value of the function's own. */

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* X(name, class): class says what a caller may do about it. */
#define ERROR_CODES(X)                                                          \
    X(ERROR_NONE, ERROR_CLASS_NONE)                                             \
    X(ERROR_MEMORY, ERROR_CLASS_RETRYABLE)                                      \
    X(ERROR_SYSTEM, ERROR_CLASS_RETRYABLE)      /* a system call failed */      \
    X(ERROR_UNREACHABLE, ERROR_CLASS_RETRYABLE) /* a server */                  \
    X(ERROR_TIMEOUT, ERROR_CLASS_RETRYABLE)     /* a deadline passed */         \
    X(ERROR_CLOSED, ERROR_CLASS_RETRYABLE)      /* a connection, by the peer */ \
    X(ERROR_REFUSED, ERROR_CLASS_PERMANENT)     /* credentials or rights */     \
    X(ERROR_NOT_FOUND, ERROR_CLASS_PERMANENT)                                   \
    X(ERROR_SETTING, ERROR_CLASS_PERMANENT)   /* a wrong one */                 \
    X(ERROR_MALFORMED, ERROR_CLASS_PERMANENT) /* input */                       \
    X(ERROR_LIMIT, ERROR_CLASS_PERMANENT)     /* passed */                      \
    X(ERROR_NEWER, ERROR_CLASS_PERMANENT)     /* input of a later release */    \
    X(ERROR_BUG, ERROR_CLASS_BUG)             /* in sluice */

enum error_class {
    ERROR_CLASS_NONE,
    ERROR_CLASS_RETRYABLE, /* the same call may succeed later */
    ERROR_CLASS_PERMANENT, /* somebody must change something first */
    ERROR_CLASS_BUG,       /* report it */
};

#define ERROR_ENUMERATOR(name, class) name,
enum error_code { ERROR_CODES(ERROR_ENUMERATOR) };
#undef ERROR_ENUMERATOR

/* Exit codes of all three programs (sysexits(3) numbers where one fits). */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_NO = 1, /* the answer is no: not found, not ready, mismatch */
    EXIT_USAGE = 64,
    EXIT_UNREACHABLE = 69, /* ctl only: daemons wait and retry */
    EXIT_BUG = 70,
    EXIT_SETTINGS = 78,
};

struct error {
    enum error_code code;
    char text[512]; /* one sentence, NUL-terminated, cut to fit; UTF-8, whatever bytes others gave */
};

/* Fills *error (which may be NULL) and returns code, so that a failing function
 * can end with `return error_set(error, ...)`. */
enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Of any value: one that is no code is a bug. */
enum error_class error_class(enum error_code code);

#endif
