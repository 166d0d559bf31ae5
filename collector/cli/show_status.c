/* The status of an incident as header lines and a table of networks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

int nx_show_exit(const json_t *status) {
    const char *outlook = nx_doc_text(status, "outlook");
    if (outlook == NULL) {
        return NX_EXIT_UNKNOWN;
    }
    if (strcmp(outlook, "clear") == 0) {
        return NX_EXIT_CLEAR;
    }
    if (strcmp(outlook, "waiting") == 0) {
        return NX_EXIT_WAITING;
    }
    return strcmp(outlook, "stuck") == 0 ? NX_EXIT_STUCK : NX_EXIT_UNKNOWN;
}

/* What to look at first comes first: no forecast, then the latest forecast,
 * then unknown, then clear. */
static int rank(const json_t *network) {
    if (nx_doc_is(network, "state", "clear")) {
        return 3;
    }
    if (nx_doc_is(network, "state", "unknown")) {
        return 2;
    }
    return nx_doc_time(json_object_get(network, "clears"), "point") ==
                   NX_TIME_NONE
               ? 0
               : 1;
}

static int compare(const void *a, const void *b) {
    const json_t *x = *(json_t *const *)a;
    const json_t *y = *(json_t *const *)b;
    int order = rank(x) - rank(y);
    if (order != 0) {
        return order;
    }
    /* To the second, or rows would change places with the milliseconds. */
    int64_t when_x =
        nx_doc_time(json_object_get(x, "clears"), "point") / 1000000;
    int64_t when_y =
        nx_doc_time(json_object_get(y, "clears"), "point") / 1000000;
    if (rank(x) == 1 && when_x != when_y) {
        return when_x > when_y ? -1 : 1;
    }
    const char *name_x = nx_doc_text(x, "network");
    const char *name_y = nx_doc_text(y, "network");
    return strcmp(name_x != NULL ? name_x : "", name_y != NULL ? name_y : "");
}

static int by_name(const void *a, const void *b) {
    const char *x = nx_doc_text(*(json_t *const *)a, "network");
    const char *y = nx_doc_text(*(json_t *const *)b, "network");
    return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

static int by_denied(const void *a, const void *b) {
    double x =
        json_number_value(json_object_get(*(json_t *const *)a, "denied"));
    double y =
        json_number_value(json_object_get(*(json_t *const *)b, "denied"));
    return x < y ? 1 : x > y ? -1 : compare(a, b);
}

void nx_show_order(json_t **networks, size_t n, enum nx_sort sort) {
    switch (sort) {
    case NX_SORT_URGENCY:
    case NX_SORT_N_:
        qsort(networks, n, sizeof *networks, compare);
        break;
    case NX_SORT_NAME:
        qsort(networks, n, sizeof *networks, by_name);
        break;
    case NX_SORT_DENIED:
        qsort(networks, n, sizeof *networks, by_denied);
        break;
    }
}

static enum nx_colour colour_of(const json_t *network) {
    static const char *const waiting[] = {
        "cached-nxdomain", "cached-nodata", "ancestor-nxdomain",
        "partly-clear",    "old-positive",  "synthesized-negative"};
    if (nx_doc_is(network, "state", "clear")) {
        return NX_GREEN;
    }
    if (nx_doc_is(network, "state", "unknown")) {
        return NX_YELLOW;
    }
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++) {
        if (nx_doc_is(network, "state", waiting[i])) {
            return NX_CYAN;
        }
    }
    return NX_RED;
}

static void clears_cell(const json_t *network, int64_t now_us, char *out) {
    const json_t *clears = json_object_get(network, "clears");
    int64_t point_us = nx_doc_time(clears, "point");
    int64_t hard_us = nx_doc_time(json_object_get(network, "hard"), "at");
    char text[NX_CELL_MAX];
    if (nx_doc_is(network, "state", "clear")) {
        int64_t since_us = nx_doc_time(network, "since");
        (void)snprintf(out, NX_CELL_MAX, "-");
        if (since_us != NX_TIME_NONE) {
            (void)snprintf(out, NX_CELL_MAX, "since %.40s",
                           nx_show_clock(since_us, now_us, false, text));
        }
    } else if (point_us != NX_TIME_NONE &&
               nx_doc_is(network, "state", "unknown")) {
        (void)snprintf(out, NX_CELL_MAX, "(%.40s)",
                       nx_show_clock(point_us, now_us, true, text));
    } else if (point_us != NX_TIME_NONE) {
        (void)nx_show_point(clears, now_us, out);
    } else if (hard_us != NX_TIME_NONE) {
        (void)snprintf(out, NX_CELL_MAX, "by %.80s",
                       nx_show_forecast(hard_us, now_us, text));
    } else {
        (void)snprintf(out, NX_CELL_MAX, "-");
    }
}

static char *basis_cell(const json_t *network, char *out) {
    const char *basis = nx_doc_text(network, "basis");
    if (basis == NULL) {
        basis = nx_doc_text(network, "reason");
    }
    return nx_show_name(basis != NULL ? basis : "-", out);
}

/* The layer where the denial lives; NULL: none, or not known. */
static const char *home_of(const json_t *network) {
    return nx_doc_text(json_object_get(network, "lives_in"), "layer");
}

/* Is some denial seen to live elsewhere than where one expects it? */
static bool any_home(json_t **rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *home = home_of(rows[i]);
        if (home != NULL && strcmp(home, "network") != 0 &&
            strcmp(home, "authority") != 0) {
            return true;
        }
    }
    return false;
}

static void add_row(struct nx_table *table, const json_t *network,
                    int64_t now_us, const struct nx_show *show, bool homes) {
    char cell[NX_CELL_MAX];
    bool unknown = nx_doc_is(network, "state", "unknown");
    const char *name = nx_doc_text(network, "network");
    const char *state = nx_doc_text(network, "state");
    int64_t seen_us = nx_doc_time(network, "seen");
    nx_table_row(table);
    nx_table_cell(table, nx_show_name(name != NULL ? name : "?", cell),
                  NX_PLAIN);
    nx_table_cell(table, nx_show_name(state != NULL ? state : "?", cell),
                  colour_of(network));
    nx_table_cell(
        table,
        nx_show_percent(unknown ? NULL : json_object_get(network, "denied"),
                        cell),
        NX_PLAIN);
    clears_cell(network, now_us, cell);
    nx_table_cell(table, cell, NX_PLAIN);
    (void)nx_show_interval(unknown || colour_of(network) == NX_GREEN
                               ? NULL
                               : json_object_get(network, "clears"),
                           now_us, show, cell);
    nx_table_cell(table, cell, NX_PLAIN);
    nx_table_cell(table, basis_cell(network, cell), NX_PLAIN);
    if (homes) {
        const char *home = home_of(network);
        nx_table_cell(table, nx_show_name(home != NULL ? home : "-", cell),
                      NX_PLAIN);
    }
    nx_table_cell(table,
                  seen_us == NX_TIME_NONE ? "never"
                                          : nx_show_age(now_us - seen_us, cell),
                  NX_PLAIN);
}

#define NETWORK_LEAST 12U /* columns of a name that is cut */

static void network_table(json_t **rows, size_t n, int64_t now_us,
                          const struct nx_show *show, struct nx_text *out) {
    bool homes = any_home(rows, n);
    const struct nx_column columns[] = {{"NETWORK", false},
                                        {"STATE", false},
                                        {"DENIED", true},
                                        {"CLEARS (UTC)", false},
                                        {"90 %", false},
                                        {"BASIS", false},
                                        {homes ? "LIVES IN" : "SEEN", false},
                                        {"SEEN", false}};
    struct nx_table *table = nx_table_new(
        columns, sizeof columns / sizeof columns[0] - (homes ? 0 : 1));
    size_t hidden = 0;
    for (size_t i = 0; i < n; i++) {
        if (n > NX_SHOW_ROWS_MAX && !show->all && rank(rows[i]) == 3) {
            hidden++;
        } else {
            add_row(table, rows[i], now_us, show, homes);
        }
    }
    if (hidden < n) {
        /* SEEN, BASIS, 90 %; of LIVES IN nothing is left out. */
        const size_t least_needed[] = {homes ? 7 : 6, 5, 4};
        const struct nx_fit fit = {.width = show->columns,
                                   .utf8 = show->utf8,
                                   .shorten = 0,
                                   .least = NETWORK_LEAST,
                                   .drop = least_needed,
                                   .drop_n = 3};
        nx_table_fit(table, &fit);
        nx_table_render(table, show->colour, out);
    }
    if (hidden > 0) {
        nx_text_addf(out, "%zu clear networks not shown (--all)\n", hidden);
    }
    nx_table_free(&table);
}

/* Under the table: why the networks that are not clear are so, and what to do
 * about it; those of which the same is to be said stand together. The first
 * ones only: those need attention most. */
#define ADVICE_ROWS_MAX 5U
#define ADVICE_NAMES_MAX 5U

struct advice {
    const char *name;
    const char *why; /* NULL: nothing is to be said, or it is said */
    const char *advice;
};

/* "a, b, c and 4 more: "; returns how many. */
static size_t add_names(struct advice *list, size_t n, bool all,
                        struct nx_text *out) {
    const struct advice first = list[0];
    char cell[NX_CELL_MAX];
    size_t named = 0;
    size_t more = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].why == NULL || strcmp(list[i].why, first.why) != 0 ||
            strcmp(list[i].advice, first.advice) != 0) {
            continue;
        }
        list[i].why = NULL;
        if (named == ADVICE_NAMES_MAX && !all) {
            more++;
        } else {
            nx_text_add(out, named++ == 0 ? "" : ", ");
            nx_text_add(out, nx_show_name(list[i].name, cell));
        }
    }
    if (more > 0) {
        nx_text_addf(out, " and %zu more", more);
    }
    nx_text_add(out, ": ");
    return named + more;
}

static size_t add_advice(struct advice *list, size_t n, bool all,
                         struct nx_text *out) {
    const struct advice first = list[0];
    size_t named = add_names(list, n, all, out);
    nx_text_escaped(out, first.why);
    nx_text_add(out, "\n    ");
    nx_text_escaped(out, first.advice);
    nx_text_add(out, "\n");
    return named;
}

static void advice_lines(json_t **rows, size_t n, const struct nx_show *show,
                         struct nx_text *out) {
    struct advice *list = calloc(n, sizeof *list);
    size_t shown = 0;
    size_t left = 0;
    if (list == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = nx_doc_text(rows[i], "network");
        const char *advice = nx_doc_text(rows[i], "advice");
        list[i] = (struct advice){
            .name = name != NULL ? name : "?",
            .why = rank(rows[i]) != 3 ? nx_doc_text(rows[i], "why") : NULL,
            .advice = advice != NULL ? advice : "-"};
        left += list[i].why != NULL ? 1 : 0;
    }
    for (size_t i = 0; i < n && (shown < ADVICE_ROWS_MAX || show->all); i++) {
        if (list[i].why != NULL) {
            nx_text_add(out, shown++ == 0 ? "\n" : "");
            left -= add_advice(list + i, n - i, show->all, out);
        }
    }
    if (left > 0) {
        nx_text_addf(out, "advice for %zu more: --all\n", left);
    }
    free(list);
}

void nx_show_status(const json_t *status, const struct nx_show *show,
                    struct nx_text *out) {
    const json_t *networks = json_object_get(status, "networks");
    size_t n = json_array_size(networks);
    nx_show_incident_line(status, out);
    nx_show_authority_line(status, out);
    nx_show_negative_line(status, out);
    nx_show_networks_line(status, show, out);
    if (n == 0) {
        return;
    }
    json_t **rows = calloc(n, sizeof *rows);
    if (rows == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = json_array_get(networks, i);
    }
    nx_show_order(rows, n, show->sort);
    nx_text_add(out, "\n");
    network_table(rows, n, nx_doc_now(status), show, out);
    if (json_is_object(json_object_get(status, "groups"))) {
        nx_show_groups(json_object_get(status, "groups"), nx_doc_now(status),
                       show, out);
    }
    advice_lines(rows, n, show, out);
    free(rows);
}
