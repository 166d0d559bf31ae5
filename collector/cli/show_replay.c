/* A moment of a replay: one line, and a table of targets. */
#include <stdio.h>
#include <string.h>

#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

static const char *text_of(const json_t *object, const char *key) {
    const char *text = nx_doc_text(object, key);
    return text != NULL ? text : "-";
}

static void time_cell(struct nx_table *table, int64_t at_us, int64_t now_us) {
    char cell[NX_CELL_MAX];
    nx_table_cell(
        table,
        at_us == NX_TIME_NONE ? NULL : nx_show_clock(at_us, now_us, true, cell),
        NX_PLAIN);
}

static void bound_cell(struct nx_table *table, const json_t *target,
                       int64_t now_us) {
    const json_t *hard = json_object_get(target, "hard");
    int64_t at_us = nx_doc_time(hard, "at");
    char clock[NX_CELL_MAX];
    char reason[NX_CELL_MAX];
    char cell[NX_CELL_MAX];
    if (at_us == NX_TIME_NONE) {
        nx_table_cell(table, NULL, NX_PLAIN);
        return;
    }
    (void)snprintf(cell, sizeof cell, "%.30s %.60s",
                   nx_show_clock(at_us, now_us, true, clock),
                   nx_show_name(text_of(hard, "reason"), reason));
    nx_table_cell(table, cell, NX_PLAIN);
}

static void add_target(struct nx_table *table, const json_t *target,
                       int64_t now_us, const struct nx_show *show) {
    static const char *const keys[] = {"agent", "resolver", "name", "type",
                                       "state"};
    const json_t *clears = json_object_get(target, "clears");
    char cell[NX_CELL_MAX];
    nx_table_row(table);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        nx_table_cell(table, nx_show_name(text_of(target, keys[i]), cell),
                      NX_PLAIN);
    }
    nx_table_cell(table,
                  nx_show_percent(json_object_get(target, "denied"), cell),
                  NX_PLAIN);
    time_cell(table, nx_doc_time(clears, "point"), now_us);
    nx_table_cell(table, nx_show_interval(clears, now_us, show, cell),
                  NX_PLAIN);
    bound_cell(table, target, now_us);
    nx_table_cell(table, nx_show_name(text_of(target, "basis"), cell),
                  NX_PLAIN);
}

void nx_show_moment(const json_t *status, const struct nx_show *show,
                    struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"AGENT", false},  {"RESOLVER", false}, {"NAME", false},
        {"TYPE", false},   {"STATE", false},    {"DENIED", true},
        {"CLEARS", false}, {"90 %", false},     {"BOUND", false},
        {"BASIS", false}};
    const json_t *authority = json_object_get(status, "authority");
    char cell[3][NX_CELL_MAX];
    size_t i = 0;
    size_t k = 0;
    const json_t *network = NULL;
    const json_t *target = NULL;
    nx_text_addf(out, "%s  outlook %s, authority %s%s\n",
                 nx_show_name(text_of(status, "now"), cell[0]),
                 nx_show_name(text_of(status, "outlook"), cell[1]),
                 nx_show_name(text_of(authority, "state"), cell[2]),
                 json_is_true(json_object_get(authority, "verified"))
                     ? ", verified"
                     : "");
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    if (table == NULL) {
        out->failed = true;
        return;
    }
    json_array_foreach(json_object_get(status, "networks"), i, network) {
        json_array_foreach(json_object_get(network, "targets"), k, target) {
            add_target(table, target, nx_doc_now(status), show);
        }
    }
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
}
