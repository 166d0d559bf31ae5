#include "common/rfc3339.h"

#include <stdbool.h>
#include <stdio.h>

#define US_PER_S 1000000
#define S_PER_DAY 86400

/* Days from a civil date: the year is taken to begin in March, so that the
 * leap day is the last of it. */
int64_t nx_days_from_civil(int64_t year, unsigned month, unsigned day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void nx_civil_from_days(int64_t days, int64_t *year, unsigned *month,
                        unsigned *day) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)(month_from_march < 10 ? month_from_march + 3
                                              : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

/* Reads exactly n digits; false when they are not there. */
static bool take_digits(const char **p, unsigned n, int64_t *out) {
    int64_t value = 0;
    for (unsigned i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9') {
            return false;
        }
        value = value * 10 + (**p - '0');
    }
    *out = value;
    return true;
}

static bool take_char(const char **p, const char *any_of) {
    for (; *any_of != '\0'; any_of++) {
        if (**p == *any_of) {
            (*p)++;
            return true;
        }
    }
    return false;
}

static unsigned days_of_month(int64_t year, int64_t month) {
    static const unsigned days[] = {31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static int take_date(const char **p, int64_t *days) {
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (!take_digits(p, 4, &year) || !take_char(p, "-") ||
        !take_digits(p, 2, &month) || !take_char(p, "-") ||
        !take_digits(p, 2, &day)) {
        return NX_EMALFORMED;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month)) {
        return NX_ERANGE;
    }
    *days = nx_days_from_civil(year, (unsigned)month, (unsigned)day);
    return 0;
}

/* ".123456789": at least one digit, what is below microseconds is cut. */
static bool take_fraction(const char **p, int64_t *us) {
    int64_t unit = US_PER_S / 10;
    int64_t digit = 0;
    if (!take_char(p, ".")) {
        return true;
    }
    if (**p < '0' || **p > '9') {
        return false;
    }
    while (take_digits(p, 1, &digit)) {
        *us += digit * unit;
        unit /= 10;
    }
    return true;
}

static int take_clock(const char **p, int64_t *us) {
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t fraction_us = 0;
    if (!take_digits(p, 2, &hour) || !take_char(p, ":") ||
        !take_digits(p, 2, &minute) || !take_char(p, ":") ||
        !take_digits(p, 2, &second) || !take_fraction(p, &fraction_us)) {
        return NX_EMALFORMED;
    }
    if (hour > 23 || minute > 59 || second > 60) {
        return NX_ERANGE;
    }
    second = second == 60 ? 59 : second;
    *us = ((hour * 60 + minute) * 60 + second) * US_PER_S + fraction_us;
    return 0;
}

/* "Z" or "+01:00". */
static int take_offset(const char **p, int64_t *us) {
    int64_t hour = 0;
    int64_t minute = 0;
    bool west = **p == '-';
    if (take_char(p, "Zz")) {
        return 0;
    }
    if (!take_char(p, "+-") || !take_digits(p, 2, &hour) ||
        !take_char(p, ":") || !take_digits(p, 2, &minute)) {
        return NX_EMALFORMED;
    }
    if (hour > 23 || minute > 59) {
        return NX_ERANGE;
    }
    *us = (hour * 60 + minute) * 60 * US_PER_S * (west ? -1 : 1);
    return 0;
}

int nx_time_parse(const char *text, int64_t *out_us) {
    const char *p = text;
    int64_t days = 0;
    int64_t clock_us = 0;
    int64_t offset_us = 0;
    int err = take_date(&p, &days);
    if (err == 0 && !take_char(&p, "Tt ")) {
        err = NX_EMALFORMED;
    }
    if (err == 0) {
        err = take_clock(&p, &clock_us);
    }
    if (err == 0) {
        err = take_offset(&p, &offset_us);
    }
    if (err == 0 && *p != '\0') {
        err = NX_EMALFORMED;
    }
    if (err == 0) {
        *out_us = days * S_PER_DAY * US_PER_S + clock_us - offset_us;
    }
    return err;
}

/* n digits and what follows them; where the next ones go. */
static char *put(char *out, int64_t value, unsigned n, char then) {
    for (unsigned i = n; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    out[n] = then;
    return out + n + 1;
}

char *nx_time_text(int64_t us, char *out) {
    int64_t rest_us = us % US_PER_S;
    int64_t s = us / US_PER_S - (rest_us < 0 ? 1 : 0);
    int64_t ms = (rest_us + (rest_us < 0 ? US_PER_S : 0)) / 1000;
    int64_t days = s / S_PER_DAY - (s % S_PER_DAY < 0 ? 1 : 0);
    int64_t of_day = s - days * S_PER_DAY;
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    nx_civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        (void)snprintf(out, NX_TIME_TEXT_MAX, "%s",
                       year < 0 ? "0000-01-01T00:00:00.000Z"
                                : "9999-12-31T23:59:59.999Z");
        return out;
    }
    /* By hand: a status has a million of them. */
    char *at = put(out, year, 4, '-');
    at = put(at, month, 2, '-');
    at = put(at, day, 2, 'T');
    at = put(at, of_day / 3600, 2, ':');
    at = put(at, of_day / 60 % 60, 2, ':');
    at = put(at, of_day % 60, 2, '.');
    at = put(at, ms, 3, 'Z');
    *at = '\0';
    return out;
}
