/* nxclear agents ledger */
#include <stdio.h>

#include "collector/cli/show.h"
#include "collector/cli/table.h"

static void text_cell(struct nx_table *table, const json_t *object,
                      const char *key) {
    char cell[NX_CELL_MAX];
    const char *text = nx_doc_text(object, key);
    nx_table_cell(table, text == NULL ? NULL : nx_show_text(text, cell),
                  NX_PLAIN);
}

static void count_cell(struct nx_table *table, const json_t *ledger,
                       const char *key, enum nx_colour colour) {
    char cell[NX_CELL_MAX];
    const json_t *value = json_object_get(ledger, key);
    (void)snprintf(cell, sizeof cell, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(value));
    nx_table_cell(table, json_is_integer(value) ? cell : NULL, colour);
}

static bool known(const json_t *agent) {
    return json_is_object(json_object_get(agent, "ledger"));
}

static void add_row(struct nx_table *table, const json_t *agent) {
    const json_t *ledger = json_object_get(agent, "ledger");
    bool heard = json_is_true(json_object_get(ledger, "heard"));
    bool balanced = json_is_true(json_object_get(ledger, "balanced"));
    bool lost = json_integer_value(json_object_get(ledger, "dropped")) > 0;
    nx_table_row(table);
    text_cell(table, agent, "name");
    text_cell(table, agent, "network");
    text_cell(table, ledger, "epoch");
    count_cell(table, ledger, "produced", NX_PLAIN);
    count_cell(table, ledger, "received", NX_PLAIN);
    count_cell(table, ledger, "spooled", NX_PLAIN);
    count_cell(table, ledger, "dropped", lost ? NX_YELLOW : NX_PLAIN);
    nx_table_cell(table,
                  !heard     ? "not heard since the start"
                  : balanced ? "balanced"
                             : "DOES NOT BALANCE",
                  !heard     ? NX_YELLOW
                  : balanced ? NX_GREEN
                             : NX_RED);
}

/* Under the table: what to do about those that do not balance. */
static void add_problems(const json_t *list, struct nx_text *out) {
    size_t i = 0;
    const json_t *agent = NULL;
    json_array_foreach(list, i, agent) {
        const char *problem =
            nx_doc_text(json_object_get(agent, "ledger"), "problem");
        const char *name = nx_doc_text(agent, "name");
        if (problem != NULL) {
            nx_text_add(out, "\n");
            nx_text_escaped(out, name != NULL ? name : "?");
            nx_text_add(out, ": ");
            nx_text_escaped(out, problem);
            nx_text_add(out, "\n");
        }
    }
}

void nx_show_ledgers(const json_t *list, int64_t now_us,
                     const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NAME", false},    {"NETWORK", false}, {"EPOCH", false},
        {"PRODUCED", true}, {"RECEIVED", true}, {"SPOOLED", true},
        {"LOST", true},     {"LEDGER", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t shown_n = 0;
    size_t i = 0;
    const json_t *agent = NULL;
    (void)now_us;
    json_array_foreach(list, i, agent) {
        if (known(agent)) {
            add_row(table, agent);
            shown_n++;
        }
    }
    if (shown_n == 0) {
        nx_text_add(out, "no agent was ever accepted\n");
    } else {
        nx_table_render(table, show->colour, out);
        add_problems(list, out);
    }
    nx_table_free(&table);
}
