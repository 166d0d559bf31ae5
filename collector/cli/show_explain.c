/* The evidence behind one network, for people. */
#include <stdio.h>
#include <string.h>

#include "collector/cli/show_priv.h"

#define LOOKS_SHOWN 6U

/* "    clears      " and so on: the words stand in a column. */
static void begin(struct nx_text *out, const char *word) {
    nx_text_addf(out, "    %-11s ", word);
}

static const char *or_unknown(const char *text) {
    return text != NULL ? text : "?";
}

/* A member's text, escaped; "-" when there is none. */
static void add_member(const json_t *object, const char *key,
                       struct nx_text *out) {
    const char *text = nx_doc_text(object, key);
    nx_text_escaped(out, text != NULL ? text : "-");
}

static void add_range(const json_t *clears, const char *lo, const char *hi,
                      int64_t now_us, const char *what, struct nx_text *out) {
    char from[NX_CELL_MAX];
    char to[NX_CELL_MAX];
    int64_t lo_us = nx_doc_time(clears, lo);
    int64_t hi_us = nx_doc_time(clears, hi);
    if (lo_us != NX_TIME_NONE && hi_us != NX_TIME_NONE) {
        nx_text_addf(out, ", %s %s..%s", what,
                     nx_show_clock(lo_us, now_us, false, from),
                     nx_show_clock(hi_us, now_us, true, to));
    }
}

static void add_bound(const json_t *hard, int64_t now_us, struct nx_text *out) {
    char clock[NX_CELL_MAX];
    int64_t at_us = nx_doc_time(hard, "at");
    if (at_us != NX_TIME_NONE) {
        nx_text_addf(out, "%sZ at the latest (",
                     nx_show_clock(at_us, now_us, true, clock));
        add_member(hard, "reason", out);
        nx_text_add(out, ")");
    }
}

/* "20:31:10 (in 12:04), 50 % 20:31:09..20:31:11, 90 % ...; 20:39:32Z at the
 * latest (auth-window)" */
static void add_forecast(const json_t *of, int64_t now_us,
                         struct nx_text *out) {
    char cell[NX_CELL_MAX];
    const json_t *clears = json_object_get(of, "clears");
    const json_t *hard = json_object_get(of, "hard");
    int64_t point_us = nx_doc_time(clears, "point");
    if (point_us == NX_TIME_NONE && json_is_null(hard)) {
        return;
    }
    begin(out, "clears");
    if (point_us != NX_TIME_NONE) {
        nx_text_add(out, nx_show_point(clears, now_us, cell));
        add_range(clears, "lo50", "hi50", now_us, "50 %", out);
        add_range(clears, "lo90", "hi90", now_us, "90 %", out);
        nx_text_add(out, nx_doc_time(hard, "at") != NX_TIME_NONE ? "; " : "");
    }
    add_bound(hard, now_us, out);
    nx_text_add(out, "\n");
}

static void add_cleared(const json_t *target, int64_t now_us,
                        struct nx_text *out) {
    const json_t *span = json_object_get(target, "clear_observed");
    json_t *ends = json_pack("{s:O?, s:O?}", "lo", json_array_get(span, 0),
                             "hi", json_array_get(span, 1));
    char from[NX_CELL_MAX];
    char to[NX_CELL_MAX];
    int64_t lo_us = nx_doc_time(ends, "lo");
    int64_t hi_us = nx_doc_time(ends, "hi");
    if (hi_us != NX_TIME_NONE) {
        begin(out, "cleared");
        nx_text_addf(out, "between %s and %sZ\n",
                     lo_us != NX_TIME_NONE
                         ? nx_show_clock(lo_us, now_us, false, from)
                         : "?",
                     nx_show_clock(hi_us, now_us, true, to));
    }
    json_decref(ends);
}

static void add_entries(const json_t *target, int64_t now_us,
                        struct nx_text *out) {
    size_t i = 0;
    const json_t *line = NULL;
    char from[NX_CELL_MAX];
    char to[NX_CELL_MAX];
    json_array_foreach(json_object_get(target, "lines"), i, line) {
        int64_t from_us = nx_doc_time(line, "from");
        int64_t to_us = nx_doc_time(line, "to");
        json_int_t looks = nx_doc_number(line, "looks");
        (void)snprintf(from, sizeof from, "entry %zu", i + 1);
        begin(out, from);
        nx_text_addf(out, "ends %s..%s, %" JSON_INTEGER_FORMAT " look%s\n",
                     from_us == NX_TIME_NONE
                         ? "?"
                         : nx_show_clock(from_us, now_us, false, from),
                     to_us == NX_TIME_NONE
                         ? "?"
                         : nx_show_clock(to_us, now_us, true, to),
                     looks, looks == 1 ? "" : "s");
    }
}

static void add_seconds(const json_t *profile, const char *key,
                        const char *words, struct nx_text *out) {
    const json_t *value = json_object_get(profile, key);
    if (json_is_integer(value)) {
        nx_text_addf(out, ", %s %" JSON_INTEGER_FORMAT " s", words,
                     json_integer_value(value));
    }
}

static void add_habits(const json_t *evidence, struct nx_text *out) {
    const json_t *profile = json_object_get(evidence, "profile");
    if (!json_is_object(profile)) {
        return;
    }
    begin(out, "habits");
    nx_text_add(out, json_is_true(json_object_get(profile, "measured"))
                         ? "measured with canary names"
                         : "assumed, not measured");
    nx_text_add(out, ": SOA clock ");
    add_member(profile, "soa_clock", out);
    add_seconds(profile, "negative_ttl_cap_s", "negative TTL capped at", out);
    add_seconds(profile, "negative_ttl_floor_s", "negative TTL at least", out);
    add_seconds(profile, "stale_max_s", "stale answers for at most", out);
    nx_text_add(out, json_is_true(json_object_get(profile, "chain_possible"))
                         ? ", may forward to another cache\n"
                         : "\n");
}

static void add_remarks(const json_t *evidence, struct nx_text *out) {
    size_t i = 0;
    const json_t *remark = NULL;
    json_array_foreach(json_object_get(evidence, "remarks"), i, remark) {
        begin(out, i == 0 ? "so" : "");
        nx_text_escaped(out, or_unknown(json_string_value(remark)));
        nx_text_add(out, "\n");
    }
}

/* --- looks --- */

/* "  EDE 15 (Blocked)" */
static void add_error(const json_t *error, struct nx_text *out) {
    if (json_is_object(error)) {
        nx_text_addf(out, "  EDE %" JSON_INTEGER_FORMAT,
                     nx_doc_number(error, "code"));
    }
    if (nx_doc_text(error, "name") != NULL) {
        nx_text_add(out, " (");
        add_member(error, "name", out);
        nx_text_add(out, ")");
    }
}

static void add_look(const json_t *look, int64_t now_us, const char *word,
                     struct nx_text *out) {
    char cell[NX_CELL_MAX];
    int64_t at_us = nx_doc_time(look, "at");
    int64_t ends_us = nx_doc_time(look, "ends");
    const json_t *serial = json_object_get(look, "serial");
    begin(out, word);
    nx_text_addf(out, "%s  ",
                 at_us == NX_TIME_NONE
                     ? "?"
                     : nx_show_clock(at_us, now_us, false, cell));
    nx_text_addf(out, "%-9s",
                 nx_show_text(or_unknown(nx_doc_text(look, "answer")), cell));
    if (ends_us != NX_TIME_NONE) {
        nx_text_addf(out, "  TTL %6" JSON_INTEGER_FORMAT "  ends %s",
                     nx_doc_number(look, "ttl_s"),
                     nx_show_clock(ends_us, now_us, true, cell));
    }
    if (json_is_integer(serial)) {
        nx_text_addf(out, "  serial %" JSON_INTEGER_FORMAT,
                     json_integer_value(serial));
    }
    add_error(json_object_get(look, "extended_error"), out);
    nx_text_add(out, "\n");
}

/* The newest; all if wanted. */
static void add_looks(const json_t *evidence, int64_t now_us, bool all,
                      struct nx_text *out) {
    const json_t *looks = json_object_get(evidence, "looks");
    size_t n = json_array_size(looks);
    size_t first = all || n <= LOOKS_SHOWN ? 0 : n - LOOKS_SHOWN;
    for (size_t i = first; i < n; i++) {
        add_look(json_array_get(looks, i), now_us, i == first ? "looks" : "",
                 out);
    }
    if (first > 0) {
        begin(out, "");
        nx_text_addf(out, "%zu older ones not shown (--all)\n", first);
    }
}

/* --- resolvers --- */

static void add_state(const json_t *of, struct nx_text *out) {
    char cell[NX_CELL_MAX];
    add_member(of, "state", out);
    if (!json_is_null(json_object_get(of, "denied")) &&
        !nx_doc_is(of, "state", "clear") &&
        !nx_doc_is(of, "state", "unknown")) {
        nx_text_addf(out, ", %s of queries denied",
                     nx_show_percent(json_object_get(of, "denied"), cell));
    }
}

/* The resolver, its network-wide place, the question. */
static void add_title(const json_t *target, struct nx_text *out) {
    static const char *const keys[] = {"resolver", "type", "layer", "agent"};
    static const char *const before[] = {"\n", "  ", "   layer ", ", agent "};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        nx_text_add(out, before[i]);
        add_member(target, keys[i], out);
    }
    nx_text_add(out, "\n");
}

static void add_text_line(const json_t *of, const char *key, const char *word,
                          struct nx_text *out) {
    if (nx_doc_text(of, key) != NULL) {
        begin(out, word);
        add_member(of, key, out);
        nx_text_add(out, "\n");
    }
}

static void add_target(const json_t *target, int64_t now_us, bool all,
                       struct nx_text *out) {
    const json_t *evidence = json_object_get(target, "evidence");
    add_title(target, out);
    begin(out, "state");
    add_state(target, out);
    nx_text_add(out, "\n");
    add_text_line(target, "why", "why", out);
    add_text_line(target, "advice", "do", out);
    add_forecast(target, now_us, out);
    add_cleared(target, now_us, out);
    add_text_line(target, "basis", "basis", out);
    add_entries(target, now_us, out);
    add_remarks(evidence, out);
    add_habits(evidence, out);
    add_looks(evidence, now_us, all, out);
    add_text_line(evidence, "dig", "see it", out);
}

/* --- the network --- */

static void add_meanwhile(const json_t *network, struct nx_text *out) {
    const json_t *list = json_object_get(network, "meanwhile");
    size_t i = 0;
    const json_t *one = NULL;
    if (nx_doc_is(network, "state", "clear") || json_array_size(list) == 0) {
        return;
    }
    begin(out, "meanwhile");
    json_array_foreach(list, i, one) {
        nx_text_add(out, i > 0 ? ", " : "use ");
        add_member(one, "resolver", out);
        if (!nx_doc_is(one, "layer", "network")) {
            nx_text_add(out, " (not this network's own)");
        }
    }
    nx_text_add(out, ": answers as it should\n");
}

static void add_authority(const json_t *network, struct nx_text *out) {
    size_t i = 0;
    const json_t *command = NULL;
    json_array_foreach(json_object_get(network, "authority_dig"), i, command) {
        nx_text_add(out, i == 0 ? "\nauthoritative servers\n" : "");
        begin(out, i == 0 ? "see it" : "");
        nx_text_escaped(out, or_unknown(json_string_value(command)));
        nx_text_add(out, "\n");
    }
}

/* In which layer the denial lives. */
static void add_home(const json_t *network, struct nx_text *out) {
    const json_t *home = json_object_get(network, "lives_in");
    if (nx_doc_text(home, "layer") == NULL) {
        return;
    }
    begin(out, "lives in");
    add_member(home, "layer", out);
    nx_text_add(out, "\n");
    add_text_line(home, "why", "", out);
    add_text_line(home, "advice", "there", out);
}

static void add_head(const json_t *network, struct nx_text *out) {
    const json_t *incident = json_object_get(network, "incident");
    char cell[NX_CELL_MAX];
    nx_text_addf(out, "incident %" JSON_INTEGER_FORMAT "  %s",
                 nx_doc_number(incident, "id"),
                 nx_show_name(or_unknown(nx_doc_text(incident, "name")), cell));
    nx_show_unicode(incident, out);
    nx_text_add(out, "   network ");
    add_member(network, "network", out);
    nx_text_add(out, "\n");
    begin(out, "state");
    add_state(network, out);
    nx_text_add(out, "\n");
    add_text_line(network, "why", "why", out);
    add_text_line(network, "advice", "do", out);
    add_home(network, out);
}

void nx_show_explain(const json_t *network, const struct nx_show *show,
                     struct nx_text *out) {
    int64_t now_us = nx_doc_now(network);
    size_t i = 0;
    const json_t *target = NULL;
    add_head(network, out);
    add_meanwhile(network, out);
    add_forecast(network, now_us, out);
    json_array_foreach(json_object_get(network, "targets"), i, target) {
        add_target(target, now_us, show->all, out);
    }
    add_authority(network, out);
}
