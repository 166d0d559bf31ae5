#include <string.h>

#include "collector/cli/record.h"

/* What means something in Markdown or in HTML within it is escaped. */
static void add_escaped(const char *text, struct nx_text *out) {
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr("\\`*_{}[]<>#|!~&", *p) != NULL) {
            nx_text_add(out, "\\");
        }
        nx_text_bytes(out, p, 1);
    }
}

/* What is not printable is so already (`\DDD`). */
static void add_text(const char *text, struct nx_text *out) {
    char cell[NX_CELL_MAX];
    add_escaped(nx_show_text(text != NULL ? text : "?", cell), out);
}

static void add_sentence(void *user, const char *sentence) {
    struct nx_text *out = user;
    nx_text_add(out, "- ");
    add_escaped(sentence, out);
    nx_text_add(out, "\n");
}

static void add_milestone(const json_t *report, const char *key,
                          const char *what, struct nx_text *out) {
    char cell[NX_CELL_MAX];
    const json_t *m = json_object_get(report, "milestones");
    if (nx_doc_time(m, key) != NX_TIME_NONE) {
        nx_text_addf(out, "| %s | %s |\n", nx_record_time(m, key, true, cell),
                     what);
    }
}

static void add_timeline(const json_t *report, struct nx_text *out) {
    const json_t *authority = json_object_get(report, "authority");
    const json_t *incident = json_object_get(report, "incident");
    char cell[NX_CELL_MAX];
    nx_text_add(out, "\n## Timeline (UTC)\n\n| time | what |\n|---|---|\n");
    if (nx_doc_time(authority, "outage_from") != NX_TIME_NONE) {
        nx_text_addf(out, "| %s | outage begins (%s) |\n",
                     nx_record_time(authority, "outage_from", false, cell),
                     nx_doc_text(authority, "outage_known") != NULL
                         ? nx_doc_text(authority, "outage_known")
                         : "not known how");
    }
    nx_text_addf(out, "| %s | incident opened |\n",
                 nx_record_time(incident, "opened", false, cell));
    if (nx_doc_time(authority, "restored_hi") != NX_TIME_NONE) {
        nx_text_addf(out, "| %s | every name server answers as expected |\n",
                     nx_record_time(authority, "restored_hi", true, cell));
    }
    add_milestone(report, "first_affected", "first affected network seen", out);
    add_milestone(report, "half_clear", "half of the affected networks clear",
                  out);
    add_milestone(report, "ninety_clear", "90 % of them clear", out);
    add_milestone(report, "all_clear", "all of them clear", out);
    if (nx_doc_time(incident, "closed") != NX_TIME_NONE) {
        nx_text_addf(out, "| %s | incident closed |\n",
                     nx_record_time(incident, "closed", false, cell));
    }
}

static void add_networks(const json_t *report, struct nx_text *out) {
    size_t i = 0;
    const json_t *n = NULL;
    char cell[NX_CELL_MAX];
    const json_t *list = json_object_get(report, "networks");
    if (json_array_size(list) == 0) {
        return;
    }
    nx_text_add(out, "\n## Networks that were affected\n\n"
                     "| network | resolvers | seen affected | clear | after "
                     "restoration |\n|---|---:|---|---|---|\n");
    json_array_foreach(list, i, n) {
        nx_text_add(out, "| ");
        add_text(nx_doc_text(n, "network"), out);
        nx_text_addf(out, " | %" JSON_INTEGER_FORMAT " | %s",
                     nx_doc_number(n, "resolvers"),
                     nx_record_time(n, "from", false, cell));
        nx_text_addf(out, " | %s", nx_record_time(n, "cleared", true, cell));
        nx_text_addf(
            out, " | %s |\n",
            nx_record_seconds(json_object_get(n, "after_restoration_s"), cell));
    }
}

static void add_resolver(const json_t *r, struct nx_text *out) {
    static const char *const keys[] = {"network", "resolver", "type", "state"};
    const json_t *p = json_object_get(r, "predicted");
    const json_t *cleared = json_object_get(r, "cleared");
    const json_t *inside = json_object_get(r, "inside_90");
    char cell[NX_CELL_MAX];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        nx_text_add(out, i == 0 ? "| " : " | ");
        add_text(nx_doc_text(r, keys[i]), out);
    }
    nx_text_addf(out, " | %s", nx_record_time(p, "point", true, cell));
    nx_text_addf(out, " | %s", nx_record_edge(cleared, 1, true, cell));
    nx_text_addf(out, " | %s",
                 nx_record_error(json_object_get(r, "error_s"), cell));
    nx_text_addf(out, " | %s |\n",
                 json_is_boolean(inside) ? (json_is_true(inside) ? "yes" : "no")
                                         : "-");
}

static void add_resolvers(const json_t *report, struct nx_text *out) {
    size_t i = 0;
    const json_t *r = NULL;
    const json_t *list = json_object_get(report, "resolvers");
    if (json_array_size(list) == 0) {
        return;
    }
    nx_text_add(out,
                "\n## Resolvers: predicted against actual\n\n"
                "| network | resolver | type | state | predicted clear | seen "
                "clear | prediction | within 90 % |\n"
                "|---|---|---|---|---|---|---|---|\n");
    json_array_foreach(list, i, r) {
        add_resolver(r, out);
    }
}

void nx_record_markdown(const json_t *report, struct nx_text *out) {
    const json_t *incident = json_object_get(report, "incident");
    const char *name = nx_doc_text(incident, "name");
    char cell[NX_CELL_MAX];
    nx_text_addf(out, "# DNS incident %" JSON_INTEGER_FORMAT ": ",
                 nx_doc_number(incident, "id"));
    add_text(nx_show_name(name != NULL ? name : "?", cell), out);
    nx_text_add(out, "\n\n");
    nx_record_sentences(report, add_sentence, out);
    add_timeline(report, out);
    add_networks(report, out);
    add_resolvers(report, out);
    nx_text_addf(out, "\nWritten by nxclear " NX_VERSION " at %s UTC.\n",
                 nx_record_time(report, "now", false, cell));
}
