#include "collector/cli/record_chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MAX 60U
#define WIDTH 960.0
#define LEFT 190.0
#define TOP 34.0
#define LANE 20.0
#define US_PER_S INT64_C(1000000)
#define NAME_SHOWN 26

struct chart {
    const json_t *report;
    struct nx_text *out;
    int64_t from_us, to_us; /* what the axis shows */
    int64_t now_us;
    size_t lanes_n;
    double bottom;
};

static double x_of(const struct chart *c, int64_t us) {
    double share = (double)(us - c->from_us) / (double)(c->to_us - c->from_us);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return LEFT + share * (WIDTH - LEFT - 12);
}

static void widen(struct chart *c, int64_t us) {
    if (us != NX_TIME_NONE) {
        c->from_us = us < c->from_us ? us : c->from_us;
        c->to_us = us > c->to_us ? us : c->to_us;
    }
}

/* --- the axis --- */

/* The finest step that gives at most eight ticks. */
static int64_t step_us(int64_t span_us) {
    static const int64_t steps_s[] = {5,   10,   30,   60,    120,   300,
                                      600, 1800, 3600, 10800, 43200, 86400};
    size_t i = 0;
    while (i + 1 < sizeof steps_s / sizeof steps_s[0] &&
           span_us / (steps_s[i] * US_PER_S) > 8) {
        i++;
    }
    int64_t step = steps_s[i] * US_PER_S;
    while (span_us / step > 12) {
        step *= 2;
    }
    return step;
}

static void add_axis(const struct chart *c) {
    int64_t step = step_us(c->to_us - c->from_us);
    char clock[NX_CELL_MAX];
    for (int64_t us = (c->from_us / step + 1) * step; us < c->to_us;
         us += step) {
        double x = x_of(c, us);
        /* The day stands in the tables; here only the time of day. */
        nx_text_addf(c->out,
                     "<line class=\"lane\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
                     "y2=\"%.0f\"/><text x=\"%.1f\" y=\"%.0f\" "
                     "text-anchor=\"middle\">%s</text>\n",
                     x, x, TOP - 6, c->bottom, x, c->bottom + 16,
                     nx_show_clock(us, us, false, clock));
    }
}

/* --- lanes --- */

static void add_name(const struct chart *c, const char *name, double y) {
    char cut[NAME_SHOWN + 4];
    bool whole = strlen(name) <= NAME_SHOWN;
    (void)snprintf(cut, sizeof cut, "%.*s%s",
                   whole ? NAME_SHOWN : NAME_SHOWN - 3, name,
                   whole ? "" : "...");
    nx_text_addf(c->out, "<text x=\"0\" y=\"%.0f\">", y + 13);
    nx_html_text(cut, c->out);
    nx_text_add(c->out, "</text>");
}

static void add_lane(const struct chart *c, const json_t *network, size_t i) {
    const char *name = nx_doc_text(network, "network");
    int64_t from_us = nx_doc_time(network, "from");
    int64_t clear_us = nx_doc_time(network, "cleared");
    bool open = clear_us == NX_TIME_NONE;
    double y = TOP + LANE * (double)i;
    double x1 = x_of(c, from_us);
    double x2 = x_of(c, open ? c->now_us : clear_us);
    char cell[NX_CELL_MAX];
    add_name(c, name != NULL ? name : "?", y);
    nx_text_addf(c->out,
                 "<rect class=\"bar%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                 "height=\"%.0f\" rx=\"2\"><title>",
                 open ? " open" : "", x1, y + 3, x2 - x1 < 2 ? 2 : x2 - x1,
                 LANE - 6);
    nx_html_text(name, c->out);
    nx_text_addf(c->out, ": %s", nx_record_time(network, "from", false, cell));
    nx_text_addf(c->out, " to %s</title></rect>\n",
                 open ? "?" : nx_record_time(network, "cleared", true, cell));
}

/* Those that took longest, when there are too many for a picture. */
static int by_end(const void *a, const void *b) {
    int64_t x = nx_doc_time(*(json_t *const *)a, "cleared");
    int64_t y = nx_doc_time(*(json_t *const *)b, "cleared");
    x = x == NX_TIME_NONE ? INT64_MAX : x;
    y = y == NX_TIME_NONE ? INT64_MAX : y;
    return (x < y) - (x > y);
}

static void add_lanes(const struct chart *c, const json_t *list) {
    size_t n = json_array_size(list);
    json_t **order = calloc(n + 1, sizeof *order);
    if (order == NULL) {
        c->out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = json_array_get(list, i);
    }
    qsort(order, n, sizeof *order, by_end);
    for (size_t i = 0; i < c->lanes_n; i++) {
        add_lane(c, order[i], i);
    }
    free(order);
}

/* --- marks --- */

static void add_mark(const struct chart *c, int64_t us, const char *what,
                     double y) {
    double x = us != NX_TIME_NONE ? x_of(c, us) : 0;
    bool right = x > WIDTH - 130;
    if (us != NX_TIME_NONE) {
        nx_text_addf(c->out,
                     "<line class=\"mark\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
                     "y2=\"%.0f\"/><text x=\"%.1f\" y=\"%.0f\"%s>%s</text>\n",
                     x, x, y - 8, c->bottom, right ? x - 4 : x + 4, y,
                     right ? " text-anchor=\"end\"" : "", what);
    }
}

static void add_outage(const struct chart *c, const json_t *authority) {
    int64_t from_us = nx_doc_time(authority, "outage_from");
    int64_t to_us = nx_doc_time(authority, "restored_hi");
    if (from_us == NX_TIME_NONE ||
        nx_doc_is(authority, "outage_known", "assumed")) {
        return;
    }
    double x1 = x_of(c, from_us);
    double x2 = x_of(c, to_us == NX_TIME_NONE ? c->now_us : to_us);
    nx_text_addf(c->out,
                 "<rect class=\"outage\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" "
                 "height=\"%.0f\"><title>outage</title></rect>\n",
                 x1, TOP - 6, x2 - x1 < 1 ? 1 : x2 - x1, c->bottom - TOP + 6);
}

static void measure(struct chart *c, const json_t *list) {
    const json_t *authority = json_object_get(c->report, "authority");
    size_t i = 0;
    const json_t *network = NULL;
    json_array_foreach(list, i, network) {
        widen(c, nx_doc_time(network, "from"));
        int64_t clear_us = nx_doc_time(network, "cleared");
        widen(c, clear_us == NX_TIME_NONE ? c->now_us : clear_us);
    }
    widen(c, nx_doc_time(authority, "restored_hi"));
    if (!nx_doc_is(authority, "outage_known", "assumed")) {
        widen(c, nx_doc_time(authority, "outage_from"));
    }
    int64_t margin_us = (c->to_us - c->from_us) / 40 + US_PER_S;
    c->from_us -= margin_us;
    c->to_us += margin_us;
    c->bottom = TOP + LANE * (double)c->lanes_n + 4;
}

void nx_record_chart(const json_t *report, struct nx_text *out) {
    const json_t *list = json_object_get(report, "networks");
    const json_t *authority = json_object_get(report, "authority");
    size_t n = json_array_size(list);
    struct chart c = {.report = report,
                      .out = out,
                      .from_us = INT64_MAX,
                      .to_us = INT64_MIN,
                      .now_us = nx_doc_now(report),
                      .lanes_n = n < LANES_MAX ? n : LANES_MAX};
    if (n == 0) {
        return;
    }
    measure(&c, list);
    nx_text_addf(out,
                 "<h2>Recovery</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" "
                 "role=\"img\" aria-label=\"When each affected network was "
                 "affected; the table below has the same times.\">\n",
                 WIDTH, c.bottom + 24);
    add_outage(&c, authority);
    add_axis(&c);
    add_lanes(&c, list);
    add_mark(&c, nx_doc_time(authority, "restored_hi"), "restored", 12);
    add_mark(&c,
             nx_doc_time(json_object_get(report, "milestones"), "all_clear"),
             "all clear", 24);
    nx_text_add(out, "</svg>\n");
    if (n > LANES_MAX) {
        nx_text_addf(out, "<p>The %u networks that took longest, of %zu.</p>\n",
                     LANES_MAX, n);
    }
}
