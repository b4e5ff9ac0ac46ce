/* SPDX-License-Identifier: MIT */
#include "value.h"

#include "clock.h"
#include "url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {{"d", 24 * 3600 * CLOCK_US_PER_S},
                                             {"h", 3600 * CLOCK_US_PER_S},
                                             {"min", 60 * CLOCK_US_PER_S},
                                             {"s", CLOCK_US_PER_S},
                                             {"ms", CLOCK_US_PER_MS},
                                             {"us", 1},
                                             {NULL, 0}};
static const struct unit size_units[] = {
    {"GiB", INT64_C(1) << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0}};

/* --- from values to text ----------------------------------------------------- */

const char *value_type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_TEXT:
        return "text";
    case CONFIG_INTEGER:
        return "integer";
    case CONFIG_BYTES:
        return "size";
    case CONFIG_DURATION:
        return "duration";
    case CONFIG_DURATIONS:
        return "durations";
    case CONFIG_ADDRESS:
        return "address";
    case CONFIG_CHOICE:
        return "choice";
    case CONFIG_URL:
        return "URL";
    }
    return "";
}

/* In the largest unit that leaves no remainder. */
static void append_quantity(struct buf *out, int64_t value, const struct unit *units)
{
    const struct unit *unit = units;

    if (value == 0) {
        buf_append_char(out, '0');
        return;
    }
    while (value % unit->factor != 0) {
        unit++;
    }
    buf_printf(out, "%" PRId64 "%s", value / unit->factor, unit->name);
}

static void append_number(struct buf *out, enum config_type type, int64_t value)
{
    switch (type) {
    case CONFIG_BYTES:
        append_quantity(out, value, size_units);
        return;
    case CONFIG_DURATION:
    case CONFIG_DURATIONS:
        append_quantity(out, value, duration_units);
        return;
    case CONFIG_TEXT:
    case CONFIG_INTEGER:
    case CONFIG_ADDRESS:
    case CONFIG_CHOICE:
    case CONFIG_URL:
        buf_printf(out, "%" PRId64, value);
        return;
    }
}

void value_append_range(struct buf *out, const struct config_setting *s)
{
    switch (s->type) {
    case CONFIG_ADDRESS:
        buf_append_text(out, "host:port, [IPv6]:port, port 0 to 65535");
        return;
    case CONFIG_CHOICE:
        for (const char *c = s->choices; *c != '\0'; c++) {
            buf_append_text(out, *c == ',' ? ", " : (const char[]){*c, '\0'});
        }
        return;
    case CONFIG_URL:
        for (const char *c = s->choices; *c != '\0'; c++) {
            buf_append_text(out, *c == ',' ? ":// or " : (const char[]){*c, '\0'});
        }
        buf_append_text(out, "://");
        return;
    case CONFIG_TEXT:
    case CONFIG_INTEGER:
    case CONFIG_BYTES:
    case CONFIG_DURATION:
    case CONFIG_DURATIONS:
        append_number(out, s->type, s->min);
        buf_append_text(out, " to ");
        append_number(out, s->type, s->max);
        if (s->type == CONFIG_TEXT) {
            buf_append_text(out, " bytes");
        } else if (s->type == CONFIG_DURATIONS) {
            buf_printf(out, " each, at most %d, ascending", CONFIG_DURATIONS_MAX);
        }
        return;
    }
}

bool value_is_text(enum config_type type)
{
    return type == CONFIG_TEXT || type == CONFIG_ADDRESS || type == CONFIG_CHOICE || type == CONFIG_URL;
}

void value_append(struct buf *out, const struct config_setting *s, const void *member)
{
    if (value_is_text(s->type)) {
        const char *text;

        memcpy(&text, member, sizeof text);
        text = text == NULL ? "" : text;
        buf_append_text(out, s->secret && *text != '\0' ? "[redacted]" : text);
    } else if (s->type == CONFIG_DURATIONS) {
        const struct config_durations *durations = member;

        for (size_t i = 0; i < durations->count; i++) {
            buf_append_text(out, i > 0 ? "," : "");
            append_number(out, s->type, durations->us[i]);
        }
    } else {
        int64_t number;

        memcpy(&number, member, sizeof number);
        append_number(out, s->type, number);
    }
}

/* --- from text to values: each returns NULL or what is wrong ----------------- */

static const char not_number[] = "is not a whole number";

/* Parses the digits at *text and moves *text past them. */
static const char *read_digits(const char **text, int64_t *value)
{
    const char *at = *text;

    *value = 0;
    if (*at < '0' || *at > '9') {
        return not_number;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *at - '0', value)) {
            return "is out of range";
        }
    }
    *text = at;
    return NULL;
}

static const char *read_integer(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    const char *wrong;

    text += negative;
    wrong = read_digits(&text, value);
    *value = negative ? -*value : *value;
    return wrong == NULL && *text != '\0' ? not_number : wrong;
}

/* Parses text..end: a whole number and one of the units. */
static const char *read_quantity(const char *text, const char *end, const struct unit *units, int64_t *value)
{
    const char *wrong = read_digits(&text, value);
    size_t rest;

    if (wrong != NULL) {
        return wrong == not_number ? "is not a whole number with a unit" : wrong;
    }
    rest = (size_t)(end - text);
    if (rest == 0) {
        return *value == 0           ? NULL
               : units == size_units ? "needs a unit (B KiB MiB GiB)"
                                     : "needs a unit (us ms s min h d)";
    }
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strlen(u->name) == rest && memcmp(u->name, text, rest) == 0) {
            return __builtin_mul_overflow(*value, u->factor, value) ? "is out of range" : NULL;
        }
    }
    return units == size_units ? "has an unknown unit (allowed: B KiB MiB GiB)"
                               : "has an unknown unit (allowed: us ms s min h d)";
}

static const char *in_range(const struct config_setting *s, int64_t value)
{
    return value < s->min || value > s->max ? "is out of range" : NULL;
}

static const char *read_durations(const struct config_setting *s, const char *text,
                                  struct config_durations *durations)
{
    durations->count = 0;
    while (*text != '\0') {
        const char *end = text + strcspn(text, ",");
        int64_t value = 0;
        const char *wrong = read_quantity(text, end, duration_units, &value);

        wrong = wrong == NULL ? in_range(s, value) : wrong;
        if (wrong != NULL) {
            return wrong;
        }
        if (durations->count == CONFIG_DURATIONS_MAX) {
            return "has too many durations";
        }
        if (durations->count > 0 && value <= durations->us[durations->count - 1]) {
            return "is not in strictly ascending order";
        }
        durations->us[durations->count++] = value;
        if (*end == ',' && end[1] == '\0') {
            return "ends with a comma";
        }
        text = *end == ',' ? end + 1 : end;
    }
    return NULL;
}

static const char *check_address(const char *text)
{
    static const char host[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
    size_t len = strspn(text, host);
    int64_t port;

    if (*text == '[') {
        len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        len = len > 1 && text[len] == ']' ? len + 1 : 0;
    }
    if (len == 0 || text[len] != ':') {
        return "is not host:port or [IPv6]:port";
    }
    text += len + 1;
    if (read_digits(&text, &port) != NULL || *text != '\0') {
        return "has no port number";
    }
    return port > 65535 ? "is out of range" : NULL;
}

/* True when text begins with one of the comma-separated choices followed by `then`, or, if `then` is "",
 * equals one of them. */
static bool is_choice(const char *choices, const char *text, const char *then)
{
    while (*choices != '\0') {
        size_t len = strcspn(choices, ",");

        if (strncmp(choices, text, len) == 0 &&
            (*then == '\0' ? text[len] == '\0' : strncmp(text + len, then, strlen(then)) == 0)) {
            return true;
        }
        choices += len + (choices[len] == ',');
    }
    return false;
}

static const char *check_url(const struct config_setting *s, const char *text)
{
    struct url url = url_split(text);

    if (!is_choice(s->choices, text, "://")) {
        return "is not a URL with a known scheme";
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f) {
            return "contains a byte that is not allowed in a URL";
        }
    }
    return url.authority.len + url.rest.len == 0 ? "names no server" : NULL;
}

static const char *check_text(const struct config_setting *s, const char *value)
{
    if (s->type == CONFIG_ADDRESS) {
        return check_address(value);
    }
    if (s->type == CONFIG_CHOICE) {
        return is_choice(s->choices, value, "") ? NULL : "is not one of the choices";
    }
    if (s->type == CONFIG_URL) {
        return check_url(s, value);
    }
    return in_range(s, (int64_t)strlen(value)) != NULL ? "has the wrong length" : NULL;
}

const char *value_read(const struct config_setting *s, const char *value, void *member)
{
    const struct unit *units = s->type == CONFIG_BYTES ? size_units : duration_units;
    const char *wrong = NULL;
    int64_t number = 0;

    if (s->type == CONFIG_DURATIONS) {
        return read_durations(s, value, member);
    }
    if (value_is_text(s->type)) {
        char *copy;

        wrong = *value == '\0' ? NULL : check_text(s, value);
        copy = wrong == NULL ? strdup(value) : NULL;
        memcpy(member, &copy, sizeof copy);
        return wrong == NULL && copy == NULL ? "could not be stored: out of memory" : wrong;
    }
    wrong = s->type == CONFIG_INTEGER ? read_integer(value, &number)
                                      : read_quantity(value, value + strlen(value), units, &number);
    memcpy(member, &number, sizeof number);
    return wrong == NULL ? in_range(s, number) : wrong;
}
