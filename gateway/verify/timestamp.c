/* SPDX-License-Identifier: MIT */
#include "timestamp.h"

#include "clock.h"
#include "text.h"

#define DIGITS_MAX 15 /* 30 million years in seconds */
#define MS_PER_S 1000
#define S_PER_DAY 86400

/* Takes exactly `digits` digits off *rest. */
static bool take_number(struct span *rest, size_t digits, int64_t most, int64_t *number)
{
    if (rest->len < digits || !text_number((struct span){rest->data, digits}, digits, number) ||
        *number > most) {
        return false;
    }
    *rest = (struct span){rest->data + digits, rest->len - digits};
    return true;
}

static bool take_char(struct span *rest, char wanted)
{
    if (rest->len == 0 || rest->data[0] != wanted) {
        return false;
    }
    *rest = (struct span){rest->data + 1, rest->len - 1};
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar. The year begins in March, so that the leap day is last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool take_date(struct span *rest, int64_t *seconds)
{
    int64_t year, month, day, days;

    if (!take_number(rest, 4, 9999, &year) || !take_char(rest, '-') || !take_number(rest, 2, 12, &month) ||
        !take_char(rest, '-') || !take_number(rest, 2, 31, &day) || year == 0 || month == 0 || day == 0) {
        return false;
    }
    days = days_of(year, month, day);
    *seconds = days * S_PER_DAY;
    /* A day that the month does not have is a day of the next month. */
    return day <= 28 || days < (month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1));
}

static bool take_clock(struct span *rest, bool has_seconds, int64_t *seconds)
{
    int64_t hour, minute, second = 0;

    if (!take_number(rest, 2, 23, &hour) || !take_char(rest, ':') || !take_number(rest, 2, 59, &minute) ||
        (has_seconds && (!take_char(rest, ':') || !take_number(rest, 2, 60, &second)))) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

/* Takes ".123", of which six digits count; false for a point without digits. */
static bool take_fraction(struct span *rest, int64_t *us)
{
    int64_t digit, unit = CLOCK_US_PER_S;

    *us = 0;
    if (!take_char(rest, '.')) {
        return true;
    }
    while (take_number(rest, 1, 9, &digit)) {
        unit /= 10;
        *us += digit * unit;
    }
    return unit < CLOCK_US_PER_S;
}

static bool take_offset(struct span *rest, int64_t *seconds)
{
    bool east;

    *seconds = 0;
    if (take_char(rest, 'Z')) {
        return true;
    }
    east = take_char(rest, '+');
    if ((!east && !take_char(rest, '-')) || !take_clock(rest, false, seconds)) {
        return false;
    }
    *seconds = east ? *seconds : -*seconds;
    return true;
}

static bool read_rfc3339(struct span text, int64_t *seconds, int64_t *us)
{
    int64_t day, clock, offset;

    if (!take_date(&text, &day) || !take_char(&text, 'T') || !take_clock(&text, true, &clock) ||
        !take_fraction(&text, us) || !take_offset(&text, &offset) || text.len > 0) {
        return false;
    }
    *seconds = day + clock - offset;
    return true;
}

bool timestamp_read_us(struct span text, int64_t *us)
{
    int64_t seconds, fraction;

    if (!read_rfc3339(text, &seconds, &fraction)) {
        return false;
    }
    *us = seconds * CLOCK_US_PER_S + fraction;
    return true;
}

bool timestamp_read(enum timestamp_unit unit, struct span text, int64_t *seconds)
{
    int64_t fraction;

    switch (unit) {
    case TIMESTAMP_SECONDS:
        return text_number(text, DIGITS_MAX, seconds);
    case TIMESTAMP_MILLISECONDS:
        if (!text_number(text, DIGITS_MAX, seconds)) {
            return false;
        }
        *seconds /= MS_PER_S;
        return true;
    case TIMESTAMP_RFC3339:
        return read_rfc3339(text, seconds, &fraction);
    }
    return false;
}
