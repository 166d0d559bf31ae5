#include "collector/cli/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/rfc3339.h"
#include "common/text.h"

#define US_PER_S INT64_C(1000000)
#define DAY_S 86400
#define EVEN_MAX_US (60 * US_PER_S) /* wider intervals show their end */

const char *nx_doc_text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

int64_t nx_doc_time(const json_t *object, const char *key) {
    const char *text = nx_doc_text(object, key);
    int64_t us = NX_TIME_NONE;
    if (text == NULL || nx_time_parse(text, &us) != 0) {
        return NX_TIME_NONE;
    }
    return us;
}

int64_t nx_doc_now(const json_t *document) {
    int64_t us = nx_doc_time(document, "now");
    return us == NX_TIME_NONE ? 0 : us;
}

json_int_t nx_doc_number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

bool nx_doc_is(const json_t *object, const char *key, const char *value) {
    const char *text = nx_doc_text(object, key);
    return text != NULL && strcmp(text, value) == 0;
}

/* Whole seconds; times before 1970 do not occur (nx_time_parse). */
static int64_t seconds(int64_t us, bool up) {
    return us / US_PER_S + (up && us % US_PER_S > 0 ? 1 : 0);
}

char *nx_show_clock(int64_t at_us, int64_t now_us, bool up, char *out) {
    char text[NX_TIME_TEXT_MAX];
    int64_t at_s = seconds(at_us, up);
    (void)nx_time_text(at_s * US_PER_S, text);
    if (at_s / DAY_S == now_us / US_PER_S / DAY_S) {
        (void)snprintf(out, NX_CELL_MAX, "%.8s", text + 11);
    } else {
        (void)snprintf(out, NX_CELL_MAX, "%.10s %.8s", text, text + 11);
    }
    return out;
}

char *nx_show_countdown(int64_t us, char *out) {
    int64_t s = us <= 0 ? 0 : seconds(us, true);
    if (s >= 2 * DAY_S) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " d %" PRId64 " h",
                       s / DAY_S, s % DAY_S / 3600);
    } else if (s >= 3600) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 ":%02" PRId64 ":%02" PRId64,
                       s / 3600, s / 60 % 60, s % 60);
    } else {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 ":%02" PRId64, s / 60,
                       s % 60);
    }
    return out;
}

char *nx_show_age(int64_t us, char *out) {
    int64_t s = us <= 0 ? 0 : seconds(us, false);
    if (s < 120) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " s", s);
    } else if (s < 7200) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " min", s / 60);
    } else if (s < 2 * DAY_S) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " h", s / 3600);
    } else {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " d", s / DAY_S);
    }
    return out;
}

char *nx_show_duration(int64_t us, char *out) {
    int64_t s = us <= 0 ? 0 : seconds(us, false);
    if (s < 60) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " s", s);
    } else if (s < 3600) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " min %" PRId64 " s",
                       s / 60, s % 60);
    } else if (s < 2 * DAY_S) {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " h %" PRId64 " min",
                       s / 3600, s / 60 % 60);
    } else {
        (void)snprintf(out, NX_CELL_MAX, "%" PRId64 " d %" PRId64 " h",
                       s / DAY_S, s % DAY_S / 3600);
    }
    return out;
}

char *nx_show_forecast(int64_t at_us, int64_t now_us, char *out) {
    char clock[NX_CELL_MAX];
    char left[NX_CELL_MAX];
    bool overdue = at_us < now_us;
    (void)nx_show_clock(at_us, now_us, true, clock);
    (void)nx_show_countdown(overdue ? now_us - at_us : at_us - now_us, left);
    (void)snprintf(out, NX_CELL_MAX, "%.40s (%s %.40s)", clock,
                   overdue ? "overdue" : "in", left);
    return out;
}

char *nx_show_point(const json_t *clears, int64_t now_us, char *out) {
    int64_t point_us = nx_doc_time(clears, "point");
    int64_t hi_us = nx_doc_time(clears, "hi90");
    char clock[NX_CELL_MAX];
    if (point_us >= now_us || hi_us == NX_TIME_NONE || hi_us < now_us) {
        return nx_show_forecast(point_us, now_us, out);
    }
    (void)snprintf(out, NX_CELL_MAX, "%.40s (due)",
                   nx_show_clock(point_us, now_us, true, clock));
    return out;
}

char *nx_show_interval(const json_t *clears, int64_t now_us,
                       const struct nx_show *show, char *out) {
    int64_t point_us = nx_doc_time(clears, "point");
    int64_t lo_us = nx_doc_time(clears, "lo90");
    int64_t hi_us = nx_doc_time(clears, "hi90");
    char clock[NX_CELL_MAX];
    if (point_us == NX_TIME_NONE || lo_us == NX_TIME_NONE ||
        hi_us == NX_TIME_NONE) {
        (void)snprintf(out, NX_CELL_MAX, "-");
        return out;
    }
    int64_t before_us = point_us - lo_us;
    int64_t after_us = hi_us - point_us;
    int64_t half_us = before_us > after_us ? before_us : after_us;
    int64_t odd_us =
        before_us > after_us ? before_us - after_us : after_us - before_us;
    if (half_us <= EVEN_MAX_US &&
        (odd_us <= 2 * US_PER_S || odd_us <= half_us / 2)) {
        int64_t s = half_us <= 0 ? 1 : seconds(half_us, true);
        (void)snprintf(out, NX_CELL_MAX, "%s%" PRId64 " s",
                       show->utf8 ? "\xc2\xb1" : "+-", s);
    } else {
        (void)snprintf(out, NX_CELL_MAX, "..%.40s",
                       nx_show_clock(hi_us, now_us, true, clock));
    }
    return out;
}

char *nx_show_percent(const json_t *ratio, char *out) {
    double value = json_number_value(ratio);
    if (!json_is_number(ratio) || value < 0 || value > 1) {
        (void)snprintf(out, NX_CELL_MAX, "?");
        return out;
    }
    /* What is not quite all or nothing must not look so. */
    int percent = (int)(value * 100 + 0.5);
    if (percent == 0 && value > 0) {
        percent = 1;
    } else if (percent == 100 && value < 1) {
        percent = 99;
    }
    (void)snprintf(out, NX_CELL_MAX, "%d %%", percent);
    return out;
}

char *nx_show_text(const char *text, char *out) {
    char raw[NX_CELL_MAX * 2];
    char escaped[sizeof raw * 4];
    (void)snprintf(raw, sizeof raw, "%s", text);
    (void)nx_escape(raw, escaped, sizeof escaped);
    size_t keep = strlen(escaped);
    bool cut = keep >= NX_CELL_MAX;
    if (cut) {
        keep = NX_CELL_MAX - 4;
        memcpy(out + keep, "...", 3);
    }
    memcpy(out, escaped, keep);
    out[keep + (cut ? 3 : 0)] = '\0';
    return out;
}

char *nx_show_value(const json_t *value, char *out) {
    if (json_is_string(value)) {
        return nx_show_text(json_string_value(value), out);
    }
    (void)snprintf(out, NX_CELL_MAX, "-");
    if (json_is_number(value)) {
        (void)snprintf(out, NX_CELL_MAX, "%.15g", json_number_value(value));
    }
    return out;
}

char *nx_show_name(const char *name, char *out) {
    char raw[NX_CELL_MAX * 2];
    (void)snprintf(raw, sizeof raw, "%s", name);
    size_t len = strlen(raw);
    if (len > 1 && len < sizeof raw - 1 && raw[len - 1] == '.' &&
        raw[len - 2] != '\\') {
        raw[len - 1] = '\0';
    }
    return nx_show_text(raw, out);
}
