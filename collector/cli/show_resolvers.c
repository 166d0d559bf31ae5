/* Resolvers as canary names measured them. */
#include <stdio.h>

#include "collector/cli/show.h"
#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

static void seconds_cell(struct nx_table *table, const json_t *resolver,
                         const char *key) {
    char cell[NX_CELL_MAX];
    const json_t *value = json_object_get(resolver, key);
    (void)snprintf(cell, sizeof cell, "%" JSON_INTEGER_FORMAT " s",
                   json_integer_value(value));
    nx_table_cell(table, json_is_integer(value) ? cell : NULL, NX_PLAIN);
}

/* "none" where a week is not cut short. */
static void cap_cell(struct nx_table *table, const json_t *resolver,
                     const char *uncapped, const char *cap_s) {
    if (json_is_true(json_object_get(resolver, uncapped))) {
        nx_table_cell(table, "none", NX_PLAIN);
    } else {
        seconds_cell(table, resolver, cap_s);
    }
}

/* "2", or "2+" where there may be more. */
static void caches_cell(struct nx_table *table, const json_t *resolver) {
    char cell[NX_CELL_MAX];
    const json_t *sure = json_object_get(resolver, "caches");
    const json_t *least = json_object_get(resolver, "caches_at_least");
    bool known = json_is_integer(sure);
    (void)snprintf(cell, sizeof cell, "%" JSON_INTEGER_FORMAT "%s",
                   json_integer_value(known ? sure : least), known ? "" : "+");
    nx_table_cell(table, known || json_is_integer(least) ? cell : NULL,
                  NX_PLAIN);
}

/* "[fe80::1]@53 %3": the address is one of that interface. */
static void resolver_cell(struct nx_table *table, const json_t *resolver) {
    char cell[NX_CELL_MAX];
    const json_t *scope = json_object_get(resolver, "scope");
    const char *at = nx_doc_text(resolver, "resolver");
    if (!json_is_integer(scope)) {
        nx_cell_text(table, resolver, "resolver", NX_PLAIN);
        return;
    }
    (void)snprintf(cell, sizeof cell, "%s %%%" JSON_INTEGER_FORMAT,
                   at != NULL ? at : "", json_integer_value(scope));
    nx_table_cell(table, cell, NX_PLAIN);
}

/* Who it says it is, by NSID or else by id.server: "ns1", "2 names"; they come
 * from strangers. */
static void identity_cell(struct nx_table *table, const json_t *resolver) {
    const json_t *n = json_object_get(resolver, "instances");
    char cell[NX_CELL_MAX];
    if (json_integer_value(n) < 2) {
        nx_cell_text(table, resolver,
                     nx_doc_text(resolver, "nsid") != NULL ? "nsid"
                                                           : "server_id",
                     NX_PLAIN);
        return;
    }
    (void)snprintf(cell, sizeof cell, "%" JSON_INTEGER_FORMAT " names",
                   json_integer_value(n));
    nx_table_cell(table, cell, NX_PLAIN);
}

/* "yes 9": the code beside a failed validation. */
static void ede_cell(struct nx_table *table, const json_t *resolver) {
    char cell[NX_CELL_MAX];
    const char *word = nx_doc_text(resolver, "extended_errors");
    const json_t *code = json_object_get(resolver, "extended_error_code");
    if (json_is_integer(code)) {
        (void)snprintf(cell, sizeof cell, "yes %" JSON_INTEGER_FORMAT,
                       json_integer_value(code));
        word = cell;
    }
    nx_table_cell(
        table, nx_doc_is(resolver, "extended_errors", "unknown") ? NULL : word,
        NX_PLAIN);
}

/* What it did goes before what it says. */
static void validates_cell(struct nx_table *table, const json_t *resolver) {
    if (nx_doc_is(resolver, "bogus_answer", "servfail")) {
        nx_table_cell(table, "yes", NX_PLAIN);
    } else if (nx_doc_is(resolver, "bogus_answer", "answered")) {
        nx_table_cell(table, "no", NX_PLAIN);
    } else {
        nx_cell_text(table, resolver, "validates", NX_PLAIN);
    }
}

static void add_note(const json_t *resolver, const char *what, const char *more,
                     struct nx_text *out) {
    nx_text_escaped(out, nx_doc_text(resolver, "network"));
    nx_text_add(out, " ");
    nx_text_escaped(out, nx_doc_text(resolver, "resolver"));
    nx_text_add(out, what);
    nx_text_escaped(out, more);
    nx_text_add(out, "\n");
}

/* What sibling labels do not show of it. */
static const char *sibling_note(const json_t *resolver) {
    bool known = json_is_integer(json_object_get(resolver, "nxdomain_cap_s"));
    bool shared = nx_doc_is(resolver, "soa_clock", "shared-until-change");
    bool own = nx_doc_is(resolver, "soa_clock", "own") ||
               nx_doc_is(resolver, "soa_clock", "shared-renewed");
    return known    ? "whether it asks another resolver was not seen"
           : shared ? "its cap is not known, as all denials of the zone show "
                      "what is left of one SOA: it shows when a measurement "
                      "begins as that ends, which is tried by itself; whether "
                      "it asks another resolver was not seen"
           : own ? "a cap above the zone's negative TTL, and whether it asks "
                   "another resolver, were not seen"
                 : "its cap, and whether it asks another resolver, were not "
                   "seen";
}

/* Below the table: what makes its answers lies, and why the last attempts gave
 * nothing. */
static void add_notes(const json_t *list, struct nx_text *out) {
    size_t i = 0;
    const json_t *resolver = NULL;
    json_array_foreach(list, i, resolver) {
        const char *advice = nx_doc_text(resolver, "advice");
        if (advice != NULL) {
            add_note(resolver, ": not measured now: ", advice, out);
        }
        if (nx_doc_is(resolver, "chain", "unknown") &&
            json_is_null(json_object_get(resolver, "sibling_w_s"))) {
            add_note(resolver,
                     ": whether it asks another resolver is not known: whoami, "
                     "below the canary zone, told no address",
                     "", out);
        }
        if (json_is_integer(json_object_get(resolver, "sibling_w_s"))) {
            add_note(resolver, ": measured in a zone that is in use: ",
                     sibling_note(resolver), out);
        }
        if (nx_doc_is(resolver, "validates", "said") &&
            nx_doc_is(resolver, "bogus_answer", "answered")) {
            add_note(resolver,
                     ": says that it validates, and answers in the bogus zone: "
                     "is its DS at its parent, and that signed? Else what "
                     "fails validation is handed out there",
                     "", out);
        }
        if (json_is_true(json_object_get(resolver, "rewrites_nxdomain"))) {
            const char *to = nx_doc_text(resolver, "rewrites_to");
            add_note(resolver,
                     to != NULL
                         ? ": gives an address for names that do not exist: "
                         : ": gives an address for names that do not exist",
                     to != NULL ? to : "", out);
        }
    }
}

static enum nx_colour colour_of(const json_t *resolver) {
    return nx_doc_is(resolver, "state", "measured") ? NX_GREEN
           : nx_doc_is(resolver, "state", "failed") ? NX_RED
                                                    : NX_YELLOW;
}

void nx_show_resolvers(const json_t *list, int64_t now_us,
                       const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NETWORK", false},  {"AGENT", false},    {"RESOLVER", false},
        {"STATE", false},    {"MEASURED", false}, {"NXDOMAIN", true},
        {"NODATA", true},    {"FLOOR", true},     {"CLOCK", false},
        {"ROUNDING", false}, {"RD=0", false},     {"CACHES", true},
        {"CHAIN", false},    {"EDE", false},      {"VALIDATES", false},
        {"IDENTITY", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t i = 0;
    const json_t *resolver = NULL;
    json_array_foreach(list, i, resolver) {
        nx_table_row(table);
        nx_cell_text(table, resolver, "network", NX_PLAIN);
        nx_cell_text(table, resolver, "agent", NX_PLAIN);
        resolver_cell(table, resolver);
        nx_cell_text(table, resolver, "state", colour_of(resolver));
        nx_cell_clock(table, resolver, "measured", now_us);
        cap_cell(table, resolver, "nxdomain_uncapped", "nxdomain_cap_s");
        cap_cell(table, resolver, "nodata_uncapped", "nodata_cap_s");
        seconds_cell(table, resolver, "floor_s");
        nx_cell_text(table, resolver, "soa_clock", NX_PLAIN);
        nx_cell_text(table, resolver, "rounding", NX_PLAIN);
        nx_cell_text(table, resolver, "rd0", NX_PLAIN);
        caches_cell(table, resolver);
        nx_cell_text(table, resolver, "chain", NX_PLAIN);
        ede_cell(table, resolver);
        validates_cell(table, resolver);
        identity_cell(table, resolver);
    }
    nx_cell_finish(table, list,
                   "no resolver was measured; canary names: "
                   "nxclear-collector.yaml(5)",
                   show, out);
    add_notes(list, out);
}

static bool is_of(const json_t *resolver, const char *network) {
    return network == NULL || nx_doc_is(resolver, "network", network);
}

struct nx_show_measured
nx_show_measured(const json_t *list, const char *network, int64_t since_us) {
    struct nx_show_measured n = {0, 0};
    const json_t *resolver = NULL;
    size_t i = 0;
    json_array_foreach(list, i, resolver) {
        bool failed = nx_doc_time(resolver, "failed") >= since_us;
        bool measured = nx_doc_time(resolver, "measured") >= since_us;
        if (is_of(resolver, network) && (failed || measured)) {
            n.done_n++;
            n.failed_n += failed ? 1 : 0;
        }
    }
    return n;
}

json_t *nx_show_measured_rows(const json_t *list, const char *network) {
    json_t *rows = json_array();
    json_t *resolver = NULL;
    size_t i = 0;
    json_array_foreach(list, i, resolver) {
        if (is_of(resolver, network) &&
            json_array_append(rows, resolver) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}
