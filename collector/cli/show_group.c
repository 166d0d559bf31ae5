/* Networks summed up by a label, as a table. */
#include <ctype.h>
#include <stdio.h>

#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

static void all_clear_cell(struct nx_table *table, const json_t *group,
                           int64_t now_us) {
    char cell[NX_CELL_MAX];
    int64_t at_us = nx_doc_time(json_object_get(group, "all_clear"), "hi90");
    const json_t *states = json_object_get(group, "states");
    if (json_object_size(states) == 1 &&
        json_object_get(states, "clear") != NULL) {
        nx_table_cell(table, "clear", NX_GREEN);
    } else {
        nx_table_cell(table,
                      at_us == NX_TIME_NONE
                          ? NULL
                          : nx_show_forecast(at_us, now_us, cell),
                      NX_PLAIN);
    }
}

/* "4 of 5": networks that are clear. */
static void clear_cell(struct nx_table *table, const json_t *group) {
    char cell[NX_CELL_MAX];
    (void)snprintf(cell, sizeof cell,
                   "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
                   nx_doc_number(json_object_get(group, "states"), "clear"),
                   nx_doc_number(group, "networks"));
    nx_table_cell(table, cell, NX_PLAIN);
}

static char *upper(const char *text, char *out) {
    (void)nx_show_text(text, out);
    for (char *p = out; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    return out;
}

void nx_show_groups(const json_t *groups, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out) {
    const char *label = nx_doc_text(groups, "label");
    char title[NX_CELL_MAX];
    char cell[NX_CELL_MAX];
    const struct nx_column columns[] = {
        {upper(label != NULL ? label : "?", title), false},
        {"CLEAR", true},
        {"WEIGHT", true},
        {"DENIED", true},
        {"ALL CLEAR BY (90 %)", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t i = 0;
    const json_t *group = NULL;
    json_array_foreach(json_object_get(groups, "list"), i, group) {
        nx_table_row(table);
        nx_table_cell(table,
                      nx_show_value(json_object_get(group, "value"), cell),
                      NX_PLAIN);
        clear_cell(table, group);
        nx_table_cell(table,
                      nx_show_value(json_object_get(group, "weight"), cell),
                      NX_PLAIN);
        nx_table_cell(table,
                      nx_show_percent(json_object_get(group, "denied"), cell),
                      NX_PLAIN);
        all_clear_cell(table, group, now_us);
    }
    nx_text_add(out, "\n");
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
}
