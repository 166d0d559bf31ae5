#include "collector/status/advice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/status/advice_table.h"
#include "common/ede.h"
#include "common/rfc3339.h"

#define US_PER_S INT64_C(1000000)
#define DAY_S INT64_C(86400)

/* --- facts --- */

struct scene {
    const struct nx_verdict *v;
    const struct nx_advice_facts *facts;
};

/* "20:31:10Z", with the date when it is another day; forecasts are rounded up
 * so that nobody comes too early. */
static bool write_time(const struct scene *s, int64_t at_us, char *out,
                       size_t cap) {
    char text[NX_TIME_TEXT_MAX];
    int64_t at_s = (at_us + US_PER_S - 1) / US_PER_S;
    if (at_us < 0) {
        return false;
    }
    (void)nx_time_text(at_s * US_PER_S, text);
    if (at_s / DAY_S == s->facts->now_us / US_PER_S / DAY_S) {
        (void)snprintf(out, cap, "%.8sZ", text + 11);
    } else {
        (void)snprintf(out, cap, "%.10sT%.8sZ", text, text + 11);
    }
    return true;
}

static bool copy(const char *text, char *out, size_t cap) {
    if (text == NULL || text[0] == '\0') {
        return false;
    }
    (void)snprintf(out, cap, "%s", text);
    return true;
}

static int64_t hard_us(const struct nx_verdict *v) {
    const struct nx_hard *latest = nx_verdict_latest(v);
    return latest->reason == NX_HARD_NONE ? NX_TIME_UNKNOWN : latest->at_us;
}

static bool write_number(uint64_t number, char *out, size_t cap) {
    (void)snprintf(out, cap, "%" PRIu64, number);
    return true;
}

/* " 20:39:32Z at the latest," or nothing: never unknown. */
static bool write_by(const struct scene *s, char *out, size_t cap) {
    char text[NX_TIME_TEXT_MAX];
    int64_t at_us = hard_us(s->v);
    out[0] = '\0';
    if (at_us > s->v->eta.point_us &&
        write_time(s, at_us, text, sizeof(text))) {
        (void)snprintf(out, cap, " %s at the latest,", text);
    }
    return true;
}

/* False: not known. */
static bool write_fact(const struct scene *s, const char *key, char *out,
                       size_t cap) {
    const struct nx_advice_facts *f = s->facts;
    const struct nx_verdict *v = s->v;
    const struct {
        const char *key;
        const char *text;
    } TEXTS[] = {
        {"name", f->name},         {"type", f->type},   {"server", f->server},
        {"resolver", f->resolver}, {"other", f->other}, {"link", f->link},
        {"zone", f->zone},         {"apex", f->apex},   {"above", f->above},
        {"differs", f->differs},   {"gone", f->gone},   {"denier", f->denier},
        {"aside", f->aside},       {"lame", f->lame}};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        if (strcmp(TEXTS[i].key, key) == 0) {
            return copy(TEXTS[i].text, out, cap);
        }
    }
    if (strcmp(key, "until") == 0) {
        return v->eta.known && write_time(s, v->eta.point_us, out, cap);
    }
    if (strcmp(key, "hard") == 0) {
        return write_time(s, hard_us(v), out, cap);
    }
    if (strcmp(key, "looks") == 0) {
        return write_time(s, f->looks_us, out, cap);
    }
    if (strcmp(key, "seen") == 0) {
        return write_time(s, v->last_look_us, out, cap);
    }
    if (strcmp(key, "theirs") == 0) {
        return v->serial_known && write_number(v->serial, out, cap);
    }
    if (strcmp(key, "serial") == 0) {
        return f->serial_known && write_number(f->serial, out, cap);
    }
    if (strcmp(key, "bytes") == 0) {
        return v->size_limit_bytes > 0 &&
               write_number(v->size_limit_bytes, out, cap);
    }
    if (strcmp(key, "caches") == 0) {
        return write_number(v->lines_n, out, cap);
    }
    return strcmp(key, "by") == 0 && write_by(s, out, cap);
}

/* --- lines --- */

struct line {
    char *out;
    size_t len;
};

static void put(struct line *line, const char *text, size_t n) {
    size_t room = NX_ADVICE_MAX - 1 - line->len;
    n = n < room ? n : room;
    memcpy(line->out + line->len, text, n);
    line->len += n;
    line->out[line->len] = '\0';
}

/* Writes the text up to `stop`; false when a fact is not known. *text is moved
 * behind the stop. */
static bool fill(const struct scene *s, const char **text, char stop,
                 struct line *line) {
    char key[16];
    char value[NX_ADVICE_MAX];
    bool known = true;
    const char *p = *text;
    while (*p != stop && *p != '\0') {
        size_t n = strcspn(p, "{[]");
        if (n > 0) {
            put(line, p, n);
            p += n;
        } else if (*p == '{') {
            n = strcspn(p, "}");
            (void)snprintf(key, sizeof(key), "%.*s", (int)n - 1, p + 1);
            if (write_fact(s, key, value, sizeof(value))) {
                put(line, value, strlen(value));
            } else {
                known = false;
            }
            p += n + 1;
        } else {
            size_t before = line->len;
            p++; /* an optional part */
            if (!fill(s, &p, ']', line)) {
                line->len = before;
                line->out[before] = '\0';
            }
        }
    }
    *text = *p == '\0' ? p : p + 1;
    return known;
}

static bool write_line(const struct scene *s, const char *text, char *out) {
    struct line line = {.out = out};
    out[0] = '\0';
    return fill(s, &text, '\0', &line);
}

/* What the answers themselves say of it: "; EDE 15 (Blocked)". */
static void add_ede(const struct nx_verdict *v, char *why) {
    char text[NX_EDE_TEXT_MAX];
    struct line line = {.out = why, .len = strlen(why)};
    if (v->ede != 0) {
        put(&line, "; ", 2);
        (void)nx_ede_write(v->ede, text);
        put(&line, text, strlen(text));
    }
}

static bool overdue(const struct scene *s) {
    int64_t at_us = hard_us(s->v);
    return at_us != NX_TIME_UNKNOWN && at_us < s->facts->now_us;
}

static bool holds(const struct scene *s, const struct nx_advice_row *row) {
    const struct nx_verdict *v = s->v;
    switch ((enum nx_advice_when)row->when) {
    case ALWAYS:
        return true;
    case REASON:
        return v->unknown_reason == row->arg;
    case BOUND:
        return v->hard.reason == row->arg;
    case FLAG:
        return (v->flags & 1U << row->arg) != 0;
    case DEVICE:
        return s->facts->device;
    case OVERDUE:
        return overdue(s);
    case PRESUMED:
        return v->presumed_clear;
    case OLD_SERVERS:
        return s->facts->old_servers;
    case ABOVE:
        return s->facts->above != NULL && s->facts->zone == NULL;
    case OLD_GUARD:
        return v->unknown_reason == NX_UNKNOWN_GUARDED &&
               s->facts->looks_us > s->facts->now_us;
    case LINK:
        return s->facts->link != NULL;
    case ALIAS:
        return v->unknown_reason == NX_UNKNOWN_GUARDED && s->facts->alias;
    case ASIDE:
        return s->facts->aside != NULL;
    case NO_LINES:
        return v->lines_n == 0;
    case MANY_LINES:
        return v->lines_n > 1;
    }
    return false;
}

void nx_advice_of(const struct nx_verdict *verdict,
                  const struct nx_advice_facts *facts, struct nx_advice *out) {
    const struct scene s = {verdict, facts};
    for (size_t i = 0; i < nx_advice_rows_n; i++) {
        if (nx_advice_table[i].state == verdict->state &&
            holds(&s, &nx_advice_table[i]) &&
            write_line(&s, nx_advice_table[i].why, out->why) &&
            write_line(&s, nx_advice_table[i].todo, out->todo)) {
            add_ede(verdict, out->why);
            return;
        }
    }
    out->why[0] = out->todo[0] = '\0'; /* no such state */
}
