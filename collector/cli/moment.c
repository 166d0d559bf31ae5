/* Times and durations as people type them. */
#include <stdio.h>
#include <string.h>

#include "collector/cli/args.h"
#include "common/rfc3339.h"

#define US_PER_S INT64_C(1000000)
#define DAY_US (86400 * US_PER_S)
#define FAR_US (6 * 3600 * US_PER_S)
#define DURATION_MAX_US (3653 * DAY_US)

/* "HH:MM" or "HH:MM:SS" since midnight. */
static int clock_parse(const char *text, int64_t *out_us) {
    unsigned part[3] = {0, 0, 0};
    size_t len = strlen(text);
    if (len != 5 && len != 8) {
        return NX_EMALFORMED;
    }
    for (size_t i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (i % 3 == 2 ? text[i] != ':' : !digit) {
            return NX_EMALFORMED;
        }
        if (digit) {
            part[i / 3] = part[i / 3] * 10 + (unsigned)(text[i] - '0');
        }
    }
    if (part[0] > 23 || part[1] > 59 || part[2] > 59) {
        return NX_ERANGE;
    }
    *out_us = (int64_t)(part[0] * 3600 + part[1] * 60 + part[2]) * US_PER_S;
    return 0;
}

/* The last moment not after `limit_us` at which a UTC clock showed this. */
static int64_t last_such(int64_t of_day_us, int64_t limit_us) {
    int64_t midnight_us = limit_us - limit_us % DAY_US;
    int64_t at_us = midnight_us + of_day_us;
    return at_us > limit_us ? at_us - DAY_US : at_us;
}

bool nx_moment_is_far(const char *text, int64_t at_us, int64_t now_us) {
    char head[sizeof("HH:MM:SS")];
    const char *dots = strstr(text, "..");
    int64_t of_day_us = 0;
    size_t len = dots != NULL ? (size_t)(dots - text) : strlen(text);
    if (len >= sizeof head) {
        return false;
    }
    (void)snprintf(head, sizeof head, "%.*s", (int)len, text);
    return clock_parse(head, &of_day_us) == 0 &&
           (at_us / DAY_US != now_us / DAY_US || now_us - at_us > FAR_US);
}

static int64_t unit_us(char unit) {
    switch (unit) {
    case 's':
        return US_PER_S;
    case 'm':
        return 60 * US_PER_S;
    case 'h':
        return 3600 * US_PER_S;
    case 'd':
        return DAY_US;
    default:
        return 0;
    }
}

int nx_duration_parse(const char *text, int64_t *out_us) {
    int64_t total_us = 0;
    int64_t last_unit_us = INT64_MAX;
    bool first = true;
    if (*text == '\0') {
        return NX_EMALFORMED;
    }
    while (*text != '\0') {
        int64_t value = 0;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 9) {
            return digits == 0 ? NX_EMALFORMED : NX_ERANGE;
        }
        for (size_t i = 0; i < digits; i++) {
            value = value * 10 + (text[i] - '0');
        }
        text += digits;
        int64_t unit = *text == '\0' && first ? US_PER_S : unit_us(*text);
        if (unit == 0 || unit >= last_unit_us) {
            return NX_EMALFORMED; /* "1m2h", "5m5" */
        }
        last_unit_us = unit;
        first = false;
        text += *text != '\0' ? 1 : 0;
        if (value > (DURATION_MAX_US - total_us) / unit) {
            return NX_ERANGE;
        }
        total_us += value * unit;
    }
    *out_us = total_us;
    return 0;
}

static int relative_parse(const char *text, int64_t now_us, int64_t *out_us) {
    int64_t ago_us = 0;
    if (strcmp(text, "now") == 0) {
        *out_us = now_us;
        return 0;
    }
    if (strncmp(text, "now-", 4) != 0) {
        return NX_EMALFORMED;
    }
    int err = nx_duration_parse(text + 4, &ago_us);
    if (err == 0 && ago_us > now_us) {
        err = NX_ERANGE;
    }
    if (err == 0) {
        *out_us = now_us - ago_us;
    }
    return err;
}

int nx_moment_parse(const char *text, int64_t now_us, int64_t *out_us) {
    int64_t of_day_us = 0;
    if (strncmp(text, "now", 3) == 0) {
        return relative_parse(text, now_us, out_us);
    }
    int err = clock_parse(text, &of_day_us);
    if (err == 0) {
        *out_us = last_such(of_day_us, now_us);
        return 0;
    }
    return err == NX_ERANGE ? err : nx_time_parse(text, out_us);
}

int nx_range_parse(const char *text, int64_t now_us, int64_t *from_us,
                   int64_t *to_us) {
    char from[64];
    int64_t from_at_us = 0;
    int64_t to_at_us = NX_TIME_NONE;
    int64_t of_day_us = 0;
    const char *dots = strstr(text, "..");
    if (dots == NULL || dots == text || (size_t)(dots - text) >= sizeof from) {
        return NX_EMALFORMED;
    }
    (void)snprintf(from, sizeof from, "%.*s", (int)(dots - text), text);
    int err = 0;
    if (dots[2] != '\0') {
        err = nx_moment_parse(dots + 2, now_us, &to_at_us);
    }
    if (err != 0) {
        return err;
    }
    if (clock_parse(from, &of_day_us) == 0) {
        from_at_us =
            last_such(of_day_us, to_at_us != NX_TIME_NONE ? to_at_us : now_us);
    } else {
        err = nx_moment_parse(from, now_us, &from_at_us);
    }
    if (err == 0 && to_at_us != NX_TIME_NONE && to_at_us < from_at_us) {
        err = NX_ERANGE;
    }
    if (err == 0) {
        *from_us = from_at_us;
        *to_us = to_at_us;
    }
    return err;
}
