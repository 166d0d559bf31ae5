/* The audit of the name servers, and preflight, as text. */
#include <stdio.h>

#include "collector/cli/preflight.h"
#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

#define US_PER_S INT64_C(1000000)
#define WANTED_W_S 60U /* what to lower the negative TTL to */
#define NS_TTL_LONG_S 3600

static enum nx_colour colour_of(const json_t *finding) {
    return nx_doc_is(finding, "severity", "error")     ? NX_RED
           : nx_doc_is(finding, "severity", "warning") ? NX_YELLOW
                                                       : NX_PLAIN;
}

/* --- servers --- */

static void add_server(const json_t *server, int64_t now_us,
                       struct nx_table *table) {
    char cell[NX_CELL_MAX];
    char serial[24];
    const char *name = nx_doc_text(server, "name");
    const char *address = nx_doc_text(server, "address");
    const char *state = nx_doc_text(server, "state");
    int64_t seen_us = nx_doc_time(server, "seen");
    nx_table_row(table);
    nx_table_cell(table, name != NULL ? nx_show_name(name, cell) : NULL,
                  NX_PLAIN);
    nx_table_cell(table, address != NULL ? nx_show_text(address, cell) : NULL,
                  NX_PLAIN);
    nx_table_cell(table, state != NULL ? nx_show_text(state, cell) : NULL,
                  nx_doc_is(server, "state", "good") ? NX_GREEN : NX_RED);
    (void)snprintf(serial, sizeof serial, "%" JSON_INTEGER_FORMAT,
                   nx_doc_number(server, "serial"));
    nx_table_cell(table,
                  json_is_integer(json_object_get(server, "serial")) ? serial
                                                                     : NULL,
                  NX_PLAIN);
    nx_table_cell(table,
                  seen_us != NX_TIME_NONE ? nx_show_age(now_us - seen_us, cell)
                                          : NULL,
                  NX_PLAIN);
}

static void add_servers(const json_t *status, const struct nx_show *show,
                        struct nx_text *out) {
    static const struct nx_column columns[] = {{"NAME SERVER", false},
                                               {"ADDRESS", false},
                                               {"ANSWER", false},
                                               {"SERIAL", true},
                                               {"SEEN", true}};
    const json_t *authority = json_object_get(status, "authority");
    const json_t *server = NULL;
    size_t i = 0;
    struct nx_table *table = nx_table_new(columns, 5);
    if (table == NULL) {
        out->failed = true;
        return;
    }
    json_array_foreach(json_object_get(authority, "servers"), i, server) {
        add_server(server, nx_doc_now(status), table);
    }
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
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

static size_t add_findings(const json_t *authority, const struct nx_show *show,
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
    return json_array_size(findings);
}

void nx_show_audit(const json_t *status, const struct nx_show *show,
                   struct nx_text *out) {
    nx_show_authority_line(status, out);
    nx_show_negative_line(status, out);
    nx_text_add(out, "\n");
    add_servers(status, show, out);
    nx_text_add(out, "\n");
    (void)add_findings(json_object_get(status, "authority"), show, out);
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
        if (nx_doc_is(server, "state", "pending")) {
            return false;
        }
    }
    return nx_doc_number(authority, "total") > 0 &&
           nx_doc_number(authority, "audited") ==
               nx_doc_number(authority, "total");
}

/* --- preflight --- */

static void add_cost(uint32_t w_s, uint32_t outage_s, struct nx_table *table) {
    static const double shares[] = {0.5, 0.9, 0.99, 1.0};
    char cell[NX_CELL_MAX];
    nx_table_row(table);
    nx_table_cell(table, nx_show_duration(outage_s * US_PER_S, cell), NX_PLAIN);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        uint32_t s = nx_preflight_clear_s(w_s, outage_s, shares[i]);
        nx_table_cell(table, nx_show_duration(s * US_PER_S, cell), NX_PLAIN);
    }
}

static void add_costs(uint32_t w_s, const struct nx_show *show,
                      struct nx_text *out) {
    static const struct nx_column columns[] = {{"ACCIDENT", true},
                                               {"50 % CLEAR", true},
                                               {"90 %", true},
                                               {"99 %", true},
                                               {"ALL", true}};
    static const uint32_t outages_s[] = {60, 300, 900, 3600, 4 * 3600};
    struct nx_table *table = nx_table_new(columns, 5);
    if (table == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < sizeof outages_s / sizeof outages_s[0]; i++) {
        add_cost(w_s, outages_s[i], table);
    }
    nx_table_render(table, show->colour, out);
    nx_table_free(&table);
}

static void add_change(uint32_t soa_ttl_s, uint32_t minimum_s,
                       struct nx_text *out) {
    struct nx_preflight_change change;
    char cell[NX_CELL_MAX];
    if (!nx_preflight_advise(soa_ttl_s, minimum_s, WANTED_W_S, &change)) {
        nx_text_add(out, "advice      the negative TTL is short enough\n");
        return;
    }
    nx_text_addf(out,
                 "advice      lower the %s to %u before the change; denials "
                 "made after every\n            name server has the new SOA "
                 "end %u s after they were made\n",
                 change.minimum ? "SOA MINIMUM" : "SOA TTL",
                 (unsigned)change.to_s, (unsigned)change.to_s);
    nx_text_addf(out,
                 "            in effect everywhere %s after that (a cached SOA "
                 "may live so long)\n",
                 nx_show_duration(change.everywhere_s * US_PER_S, cell));
}

static void add_traps(const json_t *authority, struct nx_text *out) {
    char cell[NX_CELL_MAX];
    json_int_t ns_ttl_s = nx_doc_number(authority, "ns_ttl_s");
    if (ns_ttl_s > 0) {
        nx_text_addf(
            out,
            "delegation  NS TTL %s: if the name servers change, old "
            "ones are asked so long%s\n",
            nx_show_duration(ns_ttl_s * US_PER_S, cell),
            ns_ttl_s > NS_TTL_LONG_S
                ? ";\n            keep them serving the new zone until "
                  "then"
                : "");
    }
}

void nx_show_preflight(const json_t *status, const struct nx_show *show,
                       struct nx_text *out) {
    const json_t *negative = json_object_get(status, "negative");
    const json_t *authority = json_object_get(status, "authority");
    uint32_t soa_ttl_s = (uint32_t)nx_doc_number(negative, "soa_ttl_s");
    uint32_t minimum_s = (uint32_t)nx_doc_number(negative, "minimum_s");
    uint32_t w_s = nx_preflight_w_s(soa_ttl_s, minimum_s);
    nx_show_authority_line(status, out);
    nx_show_negative_line(status, out);
    if (!json_is_integer(json_object_get(negative, "soa_ttl_s"))) {
        nx_text_add(out, "\nno SOA was seen: the cost is not known\n");
    } else {
        nx_text_add(out, "\nIf the record went missing for so long, networks "
                         "that asked meanwhile would be clear\nso long after "
                         "it is back (resolvers with the zone's negative "
                         "TTL):\n\n");
        add_costs(w_s, show, out);
        nx_text_add(out, "\nResolvers may cap it (unbound and PowerDNS at 1 h, "
                         "BIND at 3 h unless configured);\nchains of caches "
                         "may take twice as long.\n\n");
        add_change(soa_ttl_s, minimum_s, out);
    }
    add_traps(authority, out);
    nx_text_add(out, "\n");
    (void)add_findings(authority, show, out);
}
