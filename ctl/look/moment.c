/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include "clock.h"
#include "text.h"
#include "value.h"

#include <string.h>
#include <time.h>

#define AGE_MAX_US (INT64_C(100) * 366 * 24 * 3600 * CLOCK_US_PER_S)
#define FRACTION_DIGITS_MAX 18

/* Reads exactly `digits` digits at *at, at most `most`, then the character `end`; '\0' in end: none follows.
 */
static bool take(const char **at, size_t digits, int64_t most, char end, int64_t *number)
{
    if (strspn(*at, "0123456789") < digits || !text_number((struct span){*at, digits}, digits, number) ||
        *number > most) {
        return false;
    }
    *at += digits;
    if (end != '\0') {
        if (**at != end) {
            return false;
        }
        (*at)++;
    }
    return true;
}

/* The digits after the seconds' point, if there are any, in microseconds. */
static bool take_fraction(const char **at, int64_t *us)
{
    size_t digits;
    int64_t unit = CLOCK_US_PER_S / 10;

    *us = 0;
    if (**at != '.') {
        return true;
    }
    (*at)++;
    digits = strspn(*at, "0123456789");
    for (size_t i = 0; i < digits; i++) {
        *us += ((*at)[i] - '0') * unit;
        unit /= 10;
    }
    *at += digits;
    return digits > 0 && digits <= FRACTION_DIGITS_MAX;
}

/* The rest: Z, or the distance to UTC. */
static bool take_zone(const char *at, int64_t *seconds)
{
    int64_t hours, minutes, sign = at[0] == '-' ? -1 : 1;

    *seconds = 0;
    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0) {
        return true;
    }
    if (*at != '+' && *at != '-') {
        return false;
    }
    at++;
    if (!take(&at, 2, 23, ':', &hours) || !take(&at, 2, 59, '\0', &minutes) || *at != '\0') {
        return false;
    }
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_time(const char *at, int64_t *us)
{
    int64_t year, month, day, hour, minute, second, fraction, zone;
    struct tm tm = {0};
    time_t seconds;

    if (!take(&at, 4, 9999, '-', &year) || !take(&at, 2, 12, '-', &month) || !take(&at, 2, 31, '\0', &day) ||
        (*at != 'T' && *at != 't' && *at != ' ')) {
        return false;
    }
    at++;
    if (!take(&at, 2, 23, ':', &hour) || !take(&at, 2, 59, ':', &minute) ||
        !take(&at, 2, 60, '\0', &second) || !take_fraction(&at, &fraction) || !take_zone(at, &zone) ||
        month == 0) {
        return false;
    }
    tm.tm_year = (int)year - 1900;
    tm.tm_mon = (int)month - 1;
    tm.tm_mday = (int)day;
    tm.tm_hour = (int)hour;
    tm.tm_min = (int)minute;
    tm.tm_sec = (int)second;
    seconds = timegm(&tm);
    *us = ((int64_t)seconds - zone) * CLOCK_US_PER_S + fraction;
    /* timegm turns February 30 into March 2; a leap second may end the day. */
    return second == 60 || tm.tm_mday == (int)day;
}

bool moment_read(const char *text, struct moment *moment)
{
    const struct config_setting age = {.type = CONFIG_DURATION, .min = 0, .max = AGE_MAX_US};

    *moment = (struct moment){.given = true};
    if (read_time(text, &moment->us)) {
        return true;
    }
    moment->is_age = true;
    return value_read(&age, text, &moment->us) == NULL;
}

int64_t moment_us(const struct moment *moment, int64_t now_us)
{
    return moment->is_age ? now_us - moment->us : moment->us;
}
