/* Lists of who may connect and ask: tokens, join strings, and what changed. */
#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

void nx_show_tokens(const json_t *list, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NAME", false},    {"SCOPE", false},   {"NETWORKS", false},
        {"CREATED", false}, {"EXPIRES", false}, {"STATE", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    char cell[NX_CELL_MAX];
    size_t i = 0;
    const json_t *token = NULL;
    json_array_foreach(list, i, token) {
        const json_t *networks = json_object_get(token, "networks");
        bool valid = nx_doc_is(token, "state", "valid");
        nx_table_row(table);
        nx_cell_text(table, token, "name", NX_PLAIN);
        nx_cell_text(table, token, "scope", NX_PLAIN);
        nx_table_cell(table,
                      json_array_size(networks) > 0
                          ? nx_cell_join(networks, cell)
                          : "all",
                      NX_PLAIN);
        nx_cell_clock(table, token, "created", now_us);
        nx_cell_clock(table, token, "expires", now_us);
        nx_cell_text(table, token, "state", valid ? NX_GREEN : NX_PLAIN);
    }
    nx_cell_finish(table, list,
                   "no token: operators come by the Unix socket only", show,
                   out);
}

void nx_show_enrolments(const json_t *list, int64_t now_us,
                        const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"ID", true},       {"NETWORK", false}, {"NAME", false},
        {"ROLE", false},    {"STATE", false},   {"CREATED", false},
        {"EXPIRES", false}, {"KEY", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t i = 0;
    const json_t *enrolment = NULL;
    json_array_foreach(list, i, enrolment) {
        bool open = nx_doc_is(enrolment, "state", "open");
        nx_table_row(table);
        nx_cell_number(table, json_object_get(enrolment, "id"));
        nx_cell_text(table, enrolment, "network", NX_PLAIN);
        nx_cell_text(table, enrolment, "name", NX_PLAIN);
        nx_cell_text(table, enrolment, "role", NX_PLAIN);
        nx_cell_text(table, enrolment, "state", open ? NX_YELLOW : NX_PLAIN);
        nx_cell_clock(table, enrolment, "created", now_us);
        nx_cell_clock(table, enrolment, "expires", now_us);
        nx_cell_text(table, enrolment, "key", NX_PLAIN);
    }
    nx_cell_finish(table, list, "no join string was made", show, out);
}

void nx_show_door_log(const json_t *list, int64_t now_us,
                      const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"AT", false},      {"WHO", false}, {"ACTION", false},
        {"SUBJECT", false}, {"KEY", false}, {"DETAIL", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t i = 0;
    const json_t *entry = NULL;
    (void)now_us;
    json_array_foreach(list, i, entry) {
        nx_table_row(table);
        nx_cell_text(table, entry, "at", NX_PLAIN);
        nx_cell_text(table, entry, "who", NX_PLAIN);
        nx_cell_text(table, entry, "action", NX_PLAIN);
        nx_cell_text(table, entry, "subject", NX_PLAIN);
        nx_cell_text(table, entry, "key", NX_PLAIN);
        nx_cell_text(table, entry, "detail", NX_PLAIN);
    }
    nx_cell_finish(table, list, "nothing was changed yet", show, out);
}
