/* What an accident would cost, and what to lower before, as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/cli/preflight.h"
#include "collector/cli/show_priv.h"

#define US_PER_S INT64_C(1000000)

/* "1 h" rather than "1 h 0 min": these are values that somebody chose. */
static const char *show_s(json_int_t s, char *out) {
    static const char *const nothing[] = {" 0 s", " 0 min", " 0 h"};
    size_t len = strlen(nx_show_duration(s * US_PER_S, out));
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        size_t n = strlen(nothing[i]);
        if (len > n && strcmp(out + len - n, nothing[i]) == 0) {
            out[len - n] = '\0';
        }
    }
    return out;
}

static void duration_cell(struct nx_table *table, const json_t *object,
                          const char *key) {
    char cell[NX_CELL_MAX];
    const json_t *s = json_object_get(object, key);
    nx_table_cell(
        table, json_is_integer(s) ? show_s(json_integer_value(s), cell) : NULL,
        NX_PLAIN);
}

/* --- networks --- */

/* Those that keep a denial longest first; then as they came. */
static int by_life(const void *a, const void *b) {
    const json_t *x = *(const json_t *const *)a;
    const json_t *y = *(const json_t *const *)b;
    json_int_t xs = nx_doc_number(x, "nxdomain_lives_s");
    json_int_t ys = nx_doc_number(y, "nxdomain_lives_s");
    if (xs == ys) {
        xs = nx_doc_number(x, "nodata_lives_s");
        ys = nx_doc_number(y, "nodata_lives_s");
    }
    return xs != ys
               ? (xs < ys) - (xs > ys)
               : strcmp(nx_doc_text(x, "network"), nx_doc_text(y, "network"));
}

static void add_network(struct nx_table *table, const json_t *row,
                        int64_t now_us) {
    char cell[NX_CELL_MAX];
    int64_t measured_us = nx_doc_time(row, "measured");
    bool verified = json_is_true(json_object_get(row, "verified"));
    nx_table_row(table);
    nx_cell_text(table, row, "network", NX_PLAIN);
    nx_table_cell(table, nx_show_value(json_object_get(row, "weight"), cell),
                  NX_PLAIN);
    nx_cell_text(table, row, "resolver", NX_PLAIN);
    nx_table_cell(table,
                  measured_us == NX_TIME_NONE
                      ? "never"
                      : nx_show_age(now_us - measured_us, cell),
                  verified ? NX_GREEN : NX_YELLOW);
    duration_cell(table, row, "nxdomain_cap_s");
    duration_cell(table, row, "nodata_cap_s");
    duration_cell(table, row, "floor_s");
    duration_cell(table, row, "nxdomain_lives_s");
    duration_cell(table, row, "nodata_lives_s");
}

static void add_table(const json_t **rows, size_t n, size_t shown_n,
                      int64_t now_us, const struct nx_show *show,
                      struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NETWORK", false}, {"CLIENTS", true},        {"RESOLVER", false},
        {"MEASURED", true}, {"NXDOMAIN CAP", true},   {"NODATA CAP", true},
        {"FLOOR", true},    {"NXDOMAIN LIVES", true}, {"NODATA LIVES", true}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    if (table == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < shown_n; i++) {
        add_network(table, rows[i], now_us);
    }
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
    if (shown_n < n) {
        nx_text_addf(out, "and %zu more, which keep it no longer (--all)\n",
                     n - shown_n);
    }
}

static void add_networks(const json_t *document, const struct nx_show *show,
                         struct nx_text *out) {
    const json_t *list = json_object_get(document, "networks");
    size_t n = json_array_size(list);
    const json_t **rows = calloc(n + 1, sizeof(*rows));
    if (rows == NULL || n == 0) {
        out->failed = out->failed || rows == NULL;
        nx_text_add(out, "\nno network has a resolver that is watched\n");
        free(rows);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = json_array_get(list, i);
    }
    qsort(rows, n, sizeof(*rows), by_life);
    nx_text_add(out, "\n");
    add_table(rows, n,
              show->all || n <= NX_SHOW_ROWS_MAX ? n : NX_SHOW_ROWS_MAX,
              nx_doc_now(document), show, out);
    free(rows);
}

/* What the table does not know, and takes for granted. */
static void add_doubts(const json_t *document, struct nx_text *out) {
    const json_t *list = json_object_get(document, "networks");
    const json_t *row = NULL;
    size_t i = 0;
    size_t unverified_n = 0;
    size_t chains_n = 0;
    json_array_foreach(list, i, row) {
        unverified_n += json_is_true(json_object_get(row, "verified")) ? 0 : 1;
        chains_n += nx_doc_is(row, "chain", "other-address") ? 1 : 0;
    }
    if (unverified_n > 0) {
        nx_text_addf(out,
                     "%zu of %zu not measured within 7 days: the zone's "
                     "negative TTL is taken, whole%s\n",
                     unverified_n, json_array_size(list),
                     json_is_string(json_object_get(document, "canary_zone"))
                         ? ""
                         : "\n(no canary zone: nxclear-collector.yaml(5))");
    }
    if (chains_n > 0) {
        nx_text_addf(out,
                     "%zu ask another resolver: in a chain of caches a denial "
                     "may live twice as long\n",
                     chains_n);
    }
}

/* --- cost --- */

static void add_accident(struct nx_table *table, const json_t *accident) {
    nx_table_row(table);
    duration_cell(table, accident, "outage_s");
    duration_cell(table, accident, "clear_50_s");
    duration_cell(table, accident, "clear_90_s");
    duration_cell(table, accident, "clear_99_s");
    duration_cell(table, accident, "clear_all_s");
}

static void add_accidents(const json_t *document, const struct nx_show *show,
                          struct nx_text *out) {
    static const struct nx_column columns[] = {{"ACCIDENT", true},
                                               {"50 % CLEAR", true},
                                               {"90 %", true},
                                               {"99 %", true},
                                               {"ALL", true}};
    const json_t *accident = NULL;
    size_t i = 0;
    struct nx_table *table = nx_table_new(columns, 5);
    if (table == NULL) {
        out->failed = true;
        return;
    }
    nx_text_add(out, "\nIf the record went missing for so long, this share of "
                     "the clients whose networks\nasked meanwhile would be "
                     "clear so long after it is back:\n\n");
    json_array_foreach(json_object_get(document, "accidents"), i, accident) {
        add_accident(table, accident);
    }
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
}

/* --- advice --- */

static const char *when_of(const json_t *change) {
    return nx_doc_is(change, "lower", "NS TTL")
               ? ", if name servers are to change"
           : nx_doc_is(change, "lower", "NS TTL at the parent")
               ? ", too: caches that keep its NS set go by that"
           : nx_doc_is(change, "lower", "record TTL")
               ? ", if the record is to change"
               : "";
}

static void add_change(const json_t *change, struct nx_text *out) {
    char from[NX_CELL_MAX];
    char to[NX_CELL_MAX];
    char wait[NX_CELL_MAX];
    const char *what = nx_doc_text(change, "lower");
    nx_text_addf(
        out,
        "%s from %s to %s%s:\n            in effect everywhere %s after "
        "every name server%s has it\n",
        what != NULL ? what : "?",
        show_s(nx_doc_number(change, "from_s"), from),
        show_s(nx_doc_number(change, "to_s"), to), when_of(change),
        show_s(nx_doc_number(change, "everywhere_s"), wait),
        nx_doc_is(change, "lower", "NS TTL at the parent") ? " of the parent"
                                                           : "");
}

static bool lowers_negative(const json_t *list) {
    const json_t *first = json_array_get(list, 0);
    return nx_doc_is(first, "lower", "SOA MINIMUM") ||
           nx_doc_is(first, "lower", "SOA TTL") ||
           nx_doc_is(first, "lower", "NSEC TTL");
}

static void add_advice(const json_t *document, struct nx_text *out) {
    const json_t *list = json_object_get(document, "advice");
    const json_t *change = NULL;
    size_t i = 0;
    nx_text_add(out, "\n");
    if (json_is_integer(json_object_get(document, "w_s")) &&
        !lowers_negative(list)) {
        nx_text_add(out, "negative    the TTL of denials is short enough\n");
    }
    json_array_foreach(list, i, change) {
        nx_text_add(out, "lower       ");
        add_change(change, out);
    }
}

/* --- traps --- */

/* "label       what: 1 d", or nothing where it is not known. */
static void add_trap(const json_t *authority, const char *key,
                     const char *before, const char *after,
                     struct nx_text *out) {
    char cell[NX_CELL_MAX];
    const json_t *s = json_object_get(authority, key);
    if (json_is_integer(s)) {
        nx_text_addf(out, "%s %s%s\n", before,
                     show_s(json_integer_value(s), cell), after);
    }
}

static void add_signatures(const json_t *document, struct nx_text *out) {
    char clock[NX_CELL_MAX];
    char left[NX_CELL_MAX];
    const json_t *authority = json_object_get(document, "authority");
    int64_t now_us = nx_doc_now(document);
    int64_t end_us = nx_doc_time(authority, "signatures_end");
    if (end_us == NX_TIME_NONE) {
        return;
    }
    nx_text_addf(out, "dnssec      the first signature %s %sZ",
                 end_us > now_us ? "ends" : "ended",
                 nx_show_clock(end_us, now_us, false, clock));
    if (end_us > now_us) {
        nx_text_addf(out, " (in %s); nobody may stop signing longer",
                     show_s((end_us - now_us) / US_PER_S, left));
    }
    nx_text_add(out, "\n");
}

static void add_traps(const json_t *document, struct nx_text *out) {
    const json_t *authority = json_object_get(document, "authority");
    add_trap(authority, "ns_ttl_s", "delegation  NS TTL at the parent",
             ": so long old name servers are still asked,", out);
    add_trap(authority, "zone_ns_ttl_s", "            and in the zone",
             "; keep them serving the new zone for the longer", out);
    add_trap(
        authority, "ds_ttl_s", "dnssec      DS TTL",
        ": a new DS must be out so long before its key is used alone; take "
        "an old one\n            away so long before the keys go",
        out);
    add_trap(authority, "dnskey_ttl_s", "dnssec      DNSKEY TTL",
             ": a new key must be published so long before it signs alone",
             out);
    add_signatures(document, out);
}

void nx_show_preflight(const json_t *document, const struct nx_show *show,
                       struct nx_text *out) {
    nx_show_authority_line(document, out);
    nx_show_negative_line(document, out);
    add_networks(document, show, out);
    add_doubts(document, out);
    if (json_is_integer(json_object_get(document, "w_s"))) {
        add_accidents(document, show, out);
    } else {
        nx_text_add(out, "\nno SOA was seen: the cost is not known\n");
    }
    add_advice(document, out);
    add_traps(document, out);
    nx_text_add(out, "\n");
    nx_show_findings(json_object_get(document, "authority"), show, out);
}
