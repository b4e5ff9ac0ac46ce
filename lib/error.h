/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_ERROR_H
#define SLUICE_ERROR_H

/* How functions report failure. A function that can fail returns an enum error_code, ERROR_NONE (0) for
 * success, and takes a struct error that it fills with a sentence for people: what failed, the value, the
 * limit and what to do. A negative answer (a nack, an unknown id) is not an error; the function returns it as
 * a value. */

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* X(name, class): the class says what the caller can do about the error. */
#define ERROR_CODES(X)                                                          \
    X(ERROR_NONE, ERROR_CLASS_NONE)                                             \
    X(ERROR_MEMORY, ERROR_CLASS_RETRYABLE)                                      \
    X(ERROR_SYSTEM, ERROR_CLASS_RETRYABLE)      /* a system call failed */      \
    X(ERROR_UNREACHABLE, ERROR_CLASS_RETRYABLE) /* a server */                  \
    X(ERROR_TIMEOUT, ERROR_CLASS_RETRYABLE)     /* a deadline passed */         \
    X(ERROR_CLOSED, ERROR_CLASS_RETRYABLE)      /* a connection, by the peer */ \
    X(ERROR_REFUSED, ERROR_CLASS_PERMANENT)     /* credentials or rights */     \
    X(ERROR_NOT_FOUND, ERROR_CLASS_PERMANENT)                                   \
    X(ERROR_SETTING, ERROR_CLASS_PERMANENT)   /* a wrong setting */             \
    X(ERROR_MALFORMED, ERROR_CLASS_PERMANENT) /* input */                       \
    X(ERROR_LIMIT, ERROR_CLASS_PERMANENT)     /* exceeded */                    \
    X(ERROR_NEWER, ERROR_CLASS_PERMANENT)     /* input of a later release */    \
    X(ERROR_BUG, ERROR_CLASS_BUG)             /* in sluice */

enum error_class {
    ERROR_CLASS_NONE,
    ERROR_CLASS_RETRYABLE, /* the same call may succeed later */
    ERROR_CLASS_PERMANENT, /* retrying is pointless until somebody changes something */
    ERROR_CLASS_BUG,       /* report it */
};

#define ERROR_ENUMERATOR(name, class) name,
enum error_code { ERROR_CODES(ERROR_ENUMERATOR) };
#undef ERROR_ENUMERATOR

/* Exit codes of all three programs, from sysexits(3) where one fits. */
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
    char text[512]; /* one sentence, NUL-terminated, truncated to fit; always valid UTF-8 */
};

/* Fills *error (which may be NULL) and returns code, so that a function can fail with
 * `return error_set(error, ...)`. */
enum error_code error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Accepts any value; one that isn't an error_code is of ERROR_CLASS_BUG. */
enum error_class error_class(enum error_code code);

#endif
