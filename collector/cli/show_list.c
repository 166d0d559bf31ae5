/* Lists and single things. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/cli/show.h"
#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"
#include "common/rfc3339.h"

const json_t *nx_doc_list(const json_t *document, const char *key) {
    const json_t *list =
        json_is_array(document) ? document : json_object_get(document, key);
    return json_is_array(list) ? list : NULL;
}

void nx_cell_text(struct nx_table *table, const json_t *object, const char *key,
                  enum nx_colour colour) {
    char cell[NX_CELL_MAX];
    const char *text = nx_doc_text(object, key);
    nx_table_cell(table, text == NULL ? NULL : nx_show_text(text, cell),
                  colour);
}

void nx_cell_number(struct nx_table *table, const json_t *value) {
    char cell[NX_CELL_MAX];
    (void)snprintf(cell, sizeof cell, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(value));
    nx_table_cell(table, json_is_integer(value) ? cell : NULL, NX_PLAIN);
}

void nx_cell_clock(struct nx_table *table, const json_t *object,
                   const char *key, int64_t now_us) {
    char cell[NX_CELL_MAX];
    int64_t us = nx_doc_time(object, key);
    nx_table_cell(table,
                  us == NX_TIME_NONE ? NULL
                                     : nx_show_clock(us, now_us, false, cell),
                  NX_PLAIN);
}

static void age_cell(struct nx_table *table, const json_t *object,
                     const char *key, int64_t now_us) {
    char cell[NX_CELL_MAX];
    int64_t us = nx_doc_time(object, key);
    nx_table_cell(table,
                  us == NX_TIME_NONE ? "never" : nx_show_age(now_us - us, cell),
                  NX_PLAIN);
}

/* The strings of a list with commas; cut as nx_show_text cuts. */
char *nx_cell_join(const json_t *list, char *out) {
    struct nx_text text;
    size_t i = 0;
    const json_t *item = NULL;
    nx_text_init(&text);
    json_array_foreach(list, i, item) {
        const char *string = json_string_value(item);
        nx_text_add(&text, i > 0 ? "," : "");
        nx_text_add(&text, string != NULL ? string : "?");
    }
    char *joined = nx_text_take(&text);
    (void)nx_show_text(joined == NULL || joined[0] == '\0' ? "-" : joined, out);
    free(joined);
    return out;
}

void nx_cell_finish(struct nx_table *table, const json_t *list,
                    const char *none, const struct nx_show *show,
                    struct nx_text *out) {
    if (json_array_size(list) == 0) {
        nx_text_addf(out, "%s\n", none);
    } else {
        nx_table_render(table, show->colour, out);
    }
    nx_table_free(&table);
}

/* --- agents and networks --- */

static enum nx_colour agent_colour(const json_t *agent) {
    if (nx_doc_is(agent, "state", "accepted")) {
        return NX_GREEN;
    }
    return nx_doc_is(agent, "state", "pending") ? NX_YELLOW : NX_RED;
}

/* "network!=authority": accepted as the first, configured as the second. */
static void role_cell(struct nx_table *table, const json_t *agent) {
    const char *role = nx_doc_text(agent, "role");
    const char *own = nx_doc_text(agent, "own_role");
    char cell[NX_CELL_MAX];
    char one[NX_CELL_MAX];
    char other[NX_CELL_MAX];
    if (!nx_doc_is(agent, "state", "accepted") || role == NULL || own == NULL ||
        strcmp(role, own) == 0) {
        nx_cell_text(table, agent, "role", NX_PLAIN);
        return;
    }
    (void)snprintf(cell, sizeof cell, "%.40s!=%.40s", nx_show_text(role, one),
                   nx_show_text(own, other));
    nx_table_cell(table, cell, NX_RED);
}

/* So far off that times in its logs mislead; what it measures does not depend
 * on its wall clock. */
#define OFFSET_SHOWN_RED_S 5.0

static void offset_cell(struct nx_table *table, const json_t *agent) {
    const json_t *value = json_object_get(agent, "clock_offset_s");
    double s = json_number_value(value);
    char cell[NX_CELL_MAX];
    (void)snprintf(cell, sizeof cell,
                   s < 100 && s > -100 ? "%+.1f s" : "%+.0f s", s);
    bool off = s > OFFSET_SHOWN_RED_S || s < -OFFSET_SHOWN_RED_S;
    nx_table_cell(table, json_is_number(value) ? cell : NULL,
                  off ? NX_RED : NX_PLAIN);
}

/* While a next key is announced: who would be locked out without it. */
static void add_next_key(const json_t *list, struct nx_text *out) {
    size_t i = 0;
    size_t yes = 0;
    size_t all = 0;
    bool announced = false;
    struct nx_text missing;
    const json_t *agent = NULL;
    nx_text_init(&missing);
    json_array_foreach(list, i, agent) {
        const json_t *next = json_object_get(agent, "next_key");
        const char *name = nx_doc_text(agent, "name");
        char cell[NX_CELL_MAX];
        if (!nx_doc_is(agent, "state", "accepted")) {
            continue;
        }
        all++;
        announced = announced || json_is_boolean(next);
        if (json_is_true(next)) {
            yes++;
        } else if (name != NULL) {
            nx_text_addf(&missing, " %s", nx_show_text(name, cell));
        }
    }
    if (announced) {
        nx_text_addf(out, "next key kept by %zu of %zu accepted agents%s%s\n",
                     yes, all, yes < all ? "; not by" : "",
                     yes < all && !missing.failed ? missing.bytes : "");
    }
    nx_text_fini(&missing);
}

void nx_show_agents(const json_t *list, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NAME", false},  {"NETWORK", false},   {"ROLE", false},
        {"STATE", false}, {"SEEN", false},      {"RESULT", false},
        {"CLOCK", true},  {"RESOLVERS", false}, {"ADDRESS", false},
        {"KEY", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    char cell[NX_CELL_MAX];
    size_t i = 0;
    const json_t *agent = NULL;
    json_array_foreach(list, i, agent) {
        nx_table_row(table);
        nx_cell_text(table, agent, "name", NX_PLAIN);
        nx_cell_text(table, agent, "network", NX_PLAIN);
        role_cell(table, agent);
        nx_cell_text(table, agent, "state", agent_colour(agent));
        age_cell(table, agent, "last_seen", now_us);
        age_cell(table, agent, "last_result", now_us);
        offset_cell(table, agent);
        nx_table_cell(table,
                      nx_cell_join(json_object_get(agent, "resolvers"), cell),
                      NX_PLAIN);
        nx_cell_text(table, agent, "address", NX_PLAIN);
        nx_cell_text(table, agent, "key", NX_PLAIN);
    }
    nx_cell_finish(
        table, list,
        "no agent has tried to connect yet; nxclear-agent(8) tells how", show,
        out);
    add_next_key(list, out);
}

/* A number, or the length of a list. */
static void count_cell(struct nx_table *table, const json_t *object,
                       const char *key) {
    const json_t *value = json_object_get(object, key);
    json_t *size = json_is_array(value)
                       ? json_integer((json_int_t)json_array_size(value))
                       : NULL;
    nx_cell_number(table, size != NULL ? size : value);
    json_decref(size);
}

static void value_cell(struct nx_table *table, const json_t *object,
                       const char *key) {
    char cell[NX_CELL_MAX];
    const json_t *value = json_object_get(object, key);
    nx_table_cell(table, nx_show_value(value, cell), NX_PLAIN);
}

void nx_show_networks(const json_t *list, int64_t now_us,
                      const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"NETWORK", false},  {"AGENTS", true}, {"RESOLVERS", true},
        {"SEEN", false},     {"WEIGHT", true}, {"SITE", false},
        {"PROVIDER", false}, {"ASN", true},    {"COUNTRY", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t i = 0;
    const json_t *network = NULL;
    json_array_foreach(list, i, network) {
        nx_table_row(table);
        nx_cell_text(table, network, "network", NX_PLAIN);
        count_cell(table, network, "agents");
        count_cell(table, network, "resolvers");
        age_cell(table, network, "last_seen", now_us);
        value_cell(table, network, "weight");
        const json_t *labels = json_object_get(network, "labels");
        value_cell(table, labels, "site");
        value_cell(table, labels, "provider");
        value_cell(table, labels, "asn");
        value_cell(table, labels, "country");
    }
    nx_cell_finish(table, list, "no network: no agent is accepted yet", show,
                   out);
}

void nx_show_alerts(const json_t *list, int64_t now_us,
                    const struct nx_show *show, struct nx_text *out) {
    static const struct nx_column columns[] = {
        {"RECEIVER", false}, {"STATE", false},   {"MADE", false},
        {"ATTEMPTS", true},  {"PROBLEM", false}, {"KEY", false}};
    struct nx_table *table =
        nx_table_new(columns, sizeof columns / sizeof columns[0]);
    size_t i = 0;
    const json_t *alert = NULL;
    json_array_foreach(list, i, alert) {
        nx_table_row(table);
        nx_cell_text(table, alert, "receiver", NX_PLAIN);
        nx_cell_text(table, alert, "state",
                     nx_doc_is(alert, "state", "sent") ? NX_GREEN : NX_YELLOW);
        age_cell(table, alert, "made", now_us);
        count_cell(table, alert, "attempts");
        nx_cell_text(table, alert, "problem", NX_PLAIN);
        nx_cell_text(table, alert, "key", NX_PLAIN);
    }
    nx_cell_finish(
        table, list,
        "no alert was made yet; who is told: nxclear-collector.yaml(5)", show,
        out);
}
