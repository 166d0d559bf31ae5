/* How good forecasts were, as a table. */
#include <stdio.h>

#include "collector/cli/show.h"
#include "collector/cli/table.h"

static void seconds_cell(struct nx_table *table, const json_t *group,
                         const char *key) {
    char cell[NX_CELL_MAX];
    double s = json_number_value(json_object_get(group, key));
    (void)snprintf(cell, sizeof cell, "%.*f s", s < 100 ? 1 : 0, s);
    nx_table_cell(table, cell, NX_PLAIN);
}

static void percent_cell(struct nx_table *table, const json_t *group,
                         const char *key) {
    char cell[NX_CELL_MAX];
    (void)snprintf(cell, sizeof cell, "%.0f %%",
                   100 * json_number_value(json_object_get(group, key)));
    nx_table_cell(table, cell, NX_PLAIN);
}

static void add_row(struct nx_table *table, const char *name,
                    const char *profile, const json_t *group) {
    char cell[NX_CELL_MAX];
    if (!json_is_object(group)) {
        return;
    }
    nx_table_row(table);
    nx_table_cell(table, name, NX_PLAIN);
    nx_table_cell(table, profile, NX_PLAIN);
    (void)snprintf(cell, sizeof cell, "%.4g",
                   json_number_value(json_object_get(group, "clearings")));
    nx_table_cell(table, cell, NX_PLAIN);
    (void)snprintf(cell, sizeof cell, "%" JSON_INTEGER_FORMAT,
                   nx_doc_number(group, "forecasts"));
    nx_table_cell(table, cell, NX_PLAIN);
    seconds_cell(table, group, "median_error_s");
    seconds_cell(table, group, "error90_s");
    percent_cell(table, group, "coverage50");
    percent_cell(table, group, "coverage90");
    percent_cell(table, group, "met90");
    seconds_cell(table, group, "width90_s");
    seconds_cell(table, group, "crps_s");
}

static void add_groups(struct nx_table *table, const json_t *targets) {
    size_t i = 0;
    const json_t *one = NULL;
    add_row(table, "all", "any", json_object_get(targets, "overall"));
    add_row(table, "all", "measured", json_object_get(targets, "verified"));
    add_row(table, "all", "assumed", json_object_get(targets, "unverified"));
    json_array_foreach(json_object_get(targets, "states"), i, one) {
        char cell[NX_CELL_MAX];
        const char *state = nx_doc_text(one, "state");
        add_row(table, nx_show_text(state != NULL ? state : "?", cell),
                json_is_true(json_object_get(one, "verified")) ? "measured"
                                                               : "assumed",
                one);
    }
}

static void add_table(const json_t *score, const struct nx_show *show,
                      struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"STATE", false},    {"PROFILE", false}, {"CLEARED", true},
        {"FORECASTS", true}, {"ERROR", true},    {"90 % OF ERRORS", true},
        {"IN 50 %", true},   {"IN 90 %", true},  {"MET 90 %", true},
        {"WIDTH", true},     {"CRPS", true}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    add_groups(table, json_object_get(score, "targets"));
    add_row(table, "networks", "any",
            json_object_get(json_object_get(score, "networks"), "overall"));
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
}

static double value_at(const json_t *family, const char *key,
                       const char *which) {
    return json_number_value(
        json_object_get(json_object_get(family, key), which));
}

static void add_learnt(const json_t *family, struct nx_text *out) {
    char cell[NX_CELL_MAX];
    const char *name = nx_doc_text(family, "family");
    nx_text_addf(
        out,
        "learnt      %s, %" JSON_INTEGER_FORMAT
        " outcomes: late %.1f %% (prior %.1f %%), early %.3f per hour (prior "
        "%.3f)\n",
        nx_show_text(name != NULL ? name : "?", cell),
        nx_doc_number(family, "outcomes"),
        100 * value_at(family, "p_late", "learnt"),
        100 * value_at(family, "p_late", "prior"),
        value_at(family, "early_per_hour", "learnt"),
        value_at(family, "early_per_hour", "prior"));
}

void nx_show_score(const json_t *score, const struct nx_show *show,
                   struct nx_text *out) {
    const json_t *overall =
        json_object_get(json_object_get(score, "targets"), "overall");
    size_t i = 0;
    const json_t *family = NULL;
    if (json_is_object(overall)) {
        add_table(score, show, out);
        nx_text_add(out, "\n");
    } else {
        nx_text_add(out, "no forecast has been scored\n");
    }
    nx_text_addf(out,
                 "not scored  %" JSON_INTEGER_FORMAT
                 " resolvers of open incidents, %" JSON_INTEGER_FORMAT
                 " that nobody saw clear\n",
                 nx_doc_number(score, "open"),
                 nx_doc_number(score, "unresolved"));
    json_array_foreach(json_object_get(score, "learnt"), i, family) {
        add_learnt(family, out);
    }
    if (json_is_false(json_object_get(score, "complete"))) {
        nx_text_add(out, "incomplete: older forecasts were left out; ask for "
                         "a shorter period\n");
    }
}
