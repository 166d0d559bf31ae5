/* The audit of the name servers as text. */
#include <stdio.h>

#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

static enum nx_colour colour_of(const json_t *finding) {
    return nx_doc_is(finding, "severity", "error")     ? NX_RED
           : nx_doc_is(finding, "severity", "warning") ? NX_YELLOW
                                                       : NX_PLAIN;
}

/* --- servers --- */

static void add_yes(const json_t *server, const char *key,
                    struct nx_table *table) {
    const json_t *value = json_object_get(server, key);
    nx_table_cell(table,
                  json_is_boolean(value) ? (json_is_true(value) ? "yes" : "no")
                                         : NULL,
                  json_is_false(value) ? NX_YELLOW : NX_PLAIN);
}

static void add_number(const json_t *server, const char *key, const char *unit,
                       struct nx_table *table) {
    char text[NX_CELL_MAX];
    (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT "%s",
                   nx_doc_number(server, key), unit);
    nx_table_cell(table,
                  json_is_integer(json_object_get(server, key)) ? text : NULL,
                  NX_PLAIN);
}

static void add_row(const json_t *server, const char *answer,
                    enum nx_colour colour, int64_t now_us,
                    struct nx_table *table) {
    char cell[NX_CELL_MAX];
    const char *name = nx_doc_text(server, "name");
    const char *address = nx_doc_text(server, "address");
    int64_t seen_us = nx_doc_time(server, "seen");
    nx_table_row(table);
    nx_table_cell(table, name != NULL ? nx_show_name(name, cell) : NULL,
                  NX_PLAIN);
    nx_table_cell(table, address != NULL ? nx_show_text(address, cell) : NULL,
                  NX_PLAIN);
    nx_table_cell(table, answer, colour);
    add_yes(server, "aa", table);
    add_yes(server, "tcp", table);
    add_yes(server, "edns", table);
    add_number(server, "negative_ttl_s", " s", table);
    add_number(server, "serial", "", table);
    nx_table_cell(table,
                  seen_us != NX_TIME_NONE ? nx_show_age(now_us - seen_us, cell)
                                          : NULL,
                  NX_PLAIN);
}

static void add_server(const json_t *server, int64_t now_us,
                       struct nx_table *table) {
    char cell[NX_CELL_MAX];
    const char *state = nx_doc_text(server, "state");
    add_row(server, state != NULL ? nx_show_text(state, cell) : NULL,
            nx_doc_is(server, "state", "good") ? NX_GREEN : NX_RED, now_us,
            table);
}

/* One that left the NS set while caches may still know it. */
static void add_old_server(const json_t *server, int64_t now_us,
                           struct nx_table *table) {
    char cell[NX_CELL_MAX];
    char left[NX_CELL_MAX];
    const char *state = nx_doc_text(server, "state");
    bool harmless = nx_doc_is(server, "state", "harmless") ||
                    nx_doc_is(server, "state", "silent");
    (void)snprintf(left, sizeof left, "left the set, %.60s",
                   state != NULL ? nx_show_text(state, cell) : "?");
    add_row(server, left, harmless ? NX_PLAIN : NX_RED, now_us, table);
}

static void add_servers(const json_t *status, const struct nx_show *show,
                        struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NAME SERVER", false}, {"ADDRESS", false}, {"ANSWER", false},
        {"AA", false},          {"TCP", false},     {"EDNS", false},
        {"NEG TTL", true},      {"SERIAL", true},   {"SEEN", true}};
    const json_t *authority = json_object_get(status, "authority");
    const json_t *server = NULL;
    size_t i = 0;
    struct nx_table *table = nx_table_new(columns, 9);
    if (table == NULL) {
        out->failed = true;
        return;
    }
    json_array_foreach(json_object_get(authority, "servers"), i, server) {
        add_server(server, nx_doc_now(status), table);
    }
    json_array_foreach(json_object_get(authority, "old_servers"), i, server) {
        add_old_server(server, nx_doc_now(status), table);
    }
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
}

static void add_names(const json_t *ns, struct nx_text *out) {
    const json_t *name = NULL;
    char cell[NX_CELL_MAX];
    size_t i = 0;
    json_array_foreach(ns, i, name) {
        const char *text = json_string_value(name);
        nx_text_addf(out, " %s", text != NULL ? nx_show_name(text, cell) : "?");
    }
}

static void add_sizes(const json_t *sizes, struct nx_text *out) {
    static const char *const keys[] = {"512", "1232", "4096"};
    const char *comma = "";
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *came = nx_doc_text(sizes, keys[i]);
        char cell[NX_CELL_MAX];
        if (came != NULL) {
            nx_text_addf(out, "%s %s %s", comma, keys[i],
                         nx_show_text(came, cell));
            comma = ",";
        }
    }
}

/* What the servers have under the key, once where they agree. */
static void add_what_differs(const json_t *status, const char *key,
                             const char *title,
                             void add(const json_t *value, struct nx_text *out),
                             struct nx_text *out) {
    const json_t *server = NULL;
    const json_t *shown = NULL;
    size_t i = 0;
    json_array_foreach(
        json_object_get(json_object_get(status, "authority"), "servers"), i,
        server) {
        const json_t *value = json_object_get(server, key);
        const char *address = nx_doc_text(server, "address");
        char cell[NX_CELL_MAX];
        bool empty = json_is_object(value) && json_object_size(value) == 0;
        if (value == NULL || json_is_null(value) || empty || address == NULL ||
            (shown != NULL && json_equal(value, shown))) {
            continue;
        }
        shown = shown != NULL ? shown : value;
        nx_text_addf(out, "%s %s:", title, nx_show_text(address, cell));
        add(value, out);
        nx_text_add(out, "\n");
    }
}

/* --- findings --- */

static void add_finding(const json_t *finding, const struct nx_show *show,
                        struct nx_text *out) {
    const char *text[4] = {
        nx_doc_text(finding, "severity"), nx_doc_text(finding, "tag"),
        nx_doc_text(finding, "detail"), nx_doc_text(finding, "advice")};
    for (size_t i = 0; i < 4; i++) {
        text[i] = text[i] != NULL ? text[i] : "?";
    }
    char cell[NX_CELL_MAX];
    nx_colour_add(out, nx_show_text(text[0], cell), colour_of(finding),
                  show->colour);
    nx_text_add(out, "  ");
    nx_text_escaped(out, text[1]);
    nx_text_add(out, "\n  ");
    nx_text_escaped(out, text[2]);
    nx_text_add(out, "\n  do: ");
    nx_text_escaped(out, text[3]);
    nx_text_add(out, "\n");
}

void nx_show_findings(const json_t *authority, const struct nx_show *show,
                      struct nx_text *out) {
    const json_t *findings = json_object_get(authority, "audit");
    const json_t *finding = NULL;
    size_t i = 0;
    json_array_foreach(findings, i, finding) {
        nx_text_add(out, i == 0 ? "" : "\n");
        add_finding(finding, show, out);
    }
    if (json_array_size(findings) == 0) {
        nx_text_add(out, "no findings\n");
    }
}

void nx_show_audit(const json_t *status, const struct nx_show *show,
                   struct nx_text *out) {
    nx_show_authority_line(status, out);
    nx_show_negative_line(status, out);
    nx_text_add(out, "\n");
    add_servers(status, show, out);
    add_what_differs(status, "ns", "NS set of", add_names, out);
    add_what_differs(status, "sizes", "EDNS sizes of", add_sizes, out);
    nx_text_add(out, "\n");
    nx_show_findings(json_object_get(status, "authority"), show, out);
}

int nx_show_audit_exit(const json_t *status) {
    const json_t *authority = json_object_get(status, "authority");
    const json_t *finding = NULL;
    size_t i = 0;
    int worst = NX_EXIT_CLEAR;
    if (nx_doc_number(authority, "total") == 0) {
        return NX_EXIT_UNKNOWN;
    }
    json_array_foreach(json_object_get(authority, "audit"), i, finding) {
        if (nx_doc_is(finding, "severity", "error")) {
            return NX_EXIT_STUCK;
        }
        if (nx_doc_is(finding, "severity", "warning")) {
            worst = NX_EXIT_WAITING;
        }
    }
    return worst;
}

bool nx_show_audited(const json_t *status) {
    const json_t *authority = json_object_get(status, "authority");
    const json_t *server = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(authority, "servers"), i, server) {
        if (nx_doc_is(server, "state", "pending") &&
            !json_is_true(json_object_get(server, "in_vain"))) {
            return false;
        }
    }
    return nx_doc_number(authority, "total") > 0 &&
           nx_doc_number(authority, "audited") ==
               nx_doc_number(authority, "total");
}
