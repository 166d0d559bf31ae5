/* Incidents: their list, one of them, and what an opening tells. */
#include <string.h>
#include <strings.h>

#include "collector/cli/show.h"
#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"
#include "common/rfc3339.h"

/* A domain name, without its final dot; in both forms. */
static void add_both_forms(const json_t *object, struct nx_text *out) {
    char cell[NX_CELL_MAX];
    const char *name = nx_doc_text(object, "name");
    nx_text_add(out, nx_show_name(name != NULL ? name : "?", cell));
    nx_show_unicode(object, out);
}

static void name_cell(struct nx_table *table, const json_t *object) {
    struct nx_text text;
    nx_text_init(&text);
    add_both_forms(object, &text);
    nx_table_cell(table, text.failed ? NULL : text.bytes, NX_PLAIN);
    nx_text_fini(&text);
}

void nx_show_incidents(const json_t *list, int64_t now_us,
                       const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"ID", true},     {"NAME", false},   {"TYPES", false},
        {"STATE", false}, {"OPENED", false}, {"CLOSED", false},
        {"NOTE", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    char cell[NX_CELL_MAX];
    size_t i = 0;
    const json_t *incident = NULL;
    json_array_foreach(list, i, incident) {
        bool closed = nx_doc_time(incident, "closed") != NX_TIME_NONE;
        const char *outlook = nx_doc_text(incident, "outlook");
        nx_table_row(table);
        nx_cell_number(table, json_object_get(incident, "id"));
        name_cell(table, incident);
        nx_table_cell(table,
                      nx_cell_join(json_object_get(incident, "types"), cell),
                      NX_PLAIN);
        nx_table_cell(table,
                      closed            ? "closed"
                      : outlook == NULL ? "open"
                                        : nx_show_name(outlook, cell),
                      NX_PLAIN);
        nx_cell_clock(table, incident, "opened", now_us);
        nx_cell_clock(table, incident, "closed", now_us);
        nx_cell_text(table, incident, "note", NX_PLAIN);
    }
    nx_cell_finish(table, list, "no incident", show, out);
}

static void add_time(const char *label, const json_t *object, const char *key,
                     int64_t now_us, struct nx_text *out) {
    char clock[NX_CELL_MAX];
    int64_t us = nx_doc_time(object, key);
    if (us != NX_TIME_NONE) {
        nx_text_addf(out, "%-11s %sZ\n", label,
                     nx_show_clock(us, now_us, false, clock));
    }
}

/* With the date, however near it is. */
static void add_full_time(const char *label, const json_t *object,
                          const char *key, struct nx_text *out) {
    char text[NX_TIME_TEXT_MAX];
    int64_t us = nx_doc_time(object, key);
    if (us != NX_TIME_NONE) {
        nx_text_addf(out, "%-11s %s\n", label, nx_time_text(us, text));
    }
}

static void add_expected(const json_t *incident, struct nx_text *out) {
    json_t *expect = json_object_get(incident, "expect");
    const char *type = NULL;
    json_t *set = NULL;
    json_object_foreach(expect, type, set) {
        size_t i = 0;
        const json_t *rdata = NULL;
        json_array_foreach(set, i, rdata) {
            const char *text = json_string_value(rdata);
            nx_text_add(out, "expect      ");
            nx_text_escaped(out, type);
            nx_text_add(out, " ");
            nx_text_escaped(out, text != NULL ? text : "?");
            nx_text_add(out, "\n");
        }
    }
}

static void add_named(const json_t *incident, const char *between,
                      struct nx_text *out) {
    size_t i = 0;
    const json_t *type = NULL;
    add_both_forms(incident, out);
    json_array_foreach(json_object_get(incident, "types"), i, type) {
        const char *text = json_string_value(type);
        nx_text_add(out, i == 0 ? " " : between);
        nx_text_escaped(out, text != NULL ? text : "?");
    }
}

void nx_show_incident(const json_t *incident, int64_t now_us,
                      struct nx_text *out) {
    const json_t *outage = json_object_get(incident, "outage");
    const char *note = nx_doc_text(incident, "note");
    nx_text_addf(out, "incident %" JSON_INTEGER_FORMAT "  ",
                 nx_doc_number(incident, "id"));
    add_named(incident, ",", out);
    nx_text_add(out, "\n");
    add_time("opened", incident, "opened", now_us, out);
    add_time("closed", incident, "closed", now_us, out);
    add_expected(incident, out);
    add_time("outage from", outage, "from", now_us, out);
    add_time("outage to", outage, "to", now_us, out);
    if (nx_doc_is(incident, "restored", "auto")) {
        nx_text_add(out, "restored    auto: when the name servers are good\n");
    } else {
        add_time("restored", incident, "restored", now_us, out);
    }
    if (note != NULL && note[0] != '\0') {
        nx_text_add(out, "note        ");
        nx_text_escaped(out, note);
        nx_text_add(out, "\n");
    }
}

static bool has_type(const json_t *incident, const char *wanted) {
    size_t i = 0;
    const json_t *type = NULL;
    json_array_foreach(json_object_get(incident, "types"), i, type) {
        const char *text = json_string_value(type);
        if (text != NULL && strcmp(text, wanted) == 0) {
            return true;
        }
    }
    return false;
}

bool nx_show_same_subject(const json_t *a, const json_t *b) {
    const char *name = nx_doc_text(a, "name");
    const char *other = nx_doc_text(b, "name");
    size_t i = 0;
    const json_t *type = NULL;
    if (nx_doc_number(a, "id") == nx_doc_number(b, "id") || name == NULL ||
        other == NULL || nx_doc_time(a, "closed") != NX_TIME_NONE ||
        strcasecmp(name, other) != 0) {
        return false;
    }
    json_array_foreach(json_object_get(b, "types"), i, type) {
        const char *text = json_string_value(type);
        if (text != NULL && has_type(a, text)) {
            return true;
        }
    }
    return false;
}

/* Different resolvers among the targets: each (agent, resolver) once; the
 * targets of one agent's resolver follow each other. */
static size_t resolvers_of(const json_t *network) {
    size_t n = 0;
    size_t i = 0;
    const json_t *target = NULL;
    const char *agent = "";
    const char *resolver = "";
    json_array_foreach(json_object_get(network, "targets"), i, target) {
        const char *a = nx_doc_text(target, "agent");
        const char *r = nx_doc_text(target, "resolver");
        if (a != NULL && r != NULL &&
            (strcmp(a, agent) != 0 || strcmp(r, resolver) != 0)) {
            n++;
            agent = a;
            resolver = r;
        }
    }
    return n;
}

/* With the date: a wrong one is seen at once. */
void nx_show_opened(const json_t *incident, const json_t *status,
                    struct nx_text *out) {
    const json_t *outage = json_object_get(incident, "outage");
    const json_t *networks = json_object_get(status, "networks");
    size_t resolvers = 0;
    size_t i = 0;
    const json_t *network = NULL;
    json_array_foreach(networks, i, network) {
        resolvers += resolvers_of(network);
    }
    nx_text_addf(out, "incident %" JSON_INTEGER_FORMAT " opened: ",
                 nx_doc_number(incident, "id"));
    add_named(incident, " ", out);
    if (status != NULL) {
        size_t n = json_array_size(networks);
        nx_text_addf(out, ", %zu network%s, %zu resolver%s", n,
                     n == 1 ? "" : "s", resolvers, resolvers == 1 ? "" : "s");
    }
    nx_text_add(out, "\n");
    add_full_time("outage from", outage, "from", out);
    add_full_time("outage to", outage, "to", out);
    add_full_time("restored", incident, "restored", out);
}
