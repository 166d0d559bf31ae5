/* The lines above the table of networks. */
#include <stdio.h>
#include <string.h>

#include "collector/cli/show_priv.h"
#include "collector/engine/idn.h"

#define FINDINGS_SHOWN 4U

/* --- incident --- */

static void add_types(const json_t *incident, const char *between,
                      struct nx_text *out) {
    size_t i = 0;
    const json_t *type = NULL;
    json_array_foreach(json_object_get(incident, "types"), i, type) {
        const char *text = json_string_value(type);
        nx_text_add(out, i > 0 ? between : "");
        nx_text_escaped(out, text != NULL ? text : "?");
    }
}

static void add_name(const json_t *object, const char *key,
                     struct nx_text *out) {
    char cell[NX_CELL_MAX];
    const char *name = nx_doc_text(object, key);
    nx_text_add(out, nx_show_name(name != NULL ? name : "?", cell));
}

void nx_show_unicode(const json_t *object, struct nx_text *out) {
    const char *text = nx_doc_text(object, "name");
    uint8_t name[NX_DNAME_MAX];
    char unicode[NX_IDN_TEXT_MAX];
    if (text != NULL && nx_dname_parse(text, name) == 0 &&
        nx_idn_text(name, unicode)) {
        nx_text_add(out, " (");
        nx_text_add(out, unicode);
        nx_text_add(out, ")");
    }
}

/* Does some name server still deny the name, whatever was declared? */
static bool denied(const json_t *authority) {
    return nx_doc_is(authority, "state", "negative") ||
           nx_doc_is(authority, "state", "partly");
}

/* Nobody knows when it began. */
static void add_assumed(int64_t not_before_us, int64_t to_us, int64_t now_us,
                        struct nx_text *out) {
    char clock[NX_CELL_MAX];
    nx_text_addf(out, "   outage start not known (not before %sZ)",
                 nx_show_clock(not_before_us, now_us, false, clock));
    if (to_us != NX_TIME_NONE && to_us >= not_before_us) {
        nx_text_addf(out, ", over %sZ",
                     nx_show_clock(to_us, now_us, false, clock));
    }
}

/* What the entries in the caches say, where nobody saw it begin. */
static void add_by_fills(const json_t *fills, int64_t now_us,
                         struct nx_text *out) {
    int64_t from_us = nx_doc_time(fills, "from");
    int64_t to_us = nx_doc_time(fills, "to");
    char from[NX_CELL_MAX];
    char to[NX_CELL_MAX];
    if (from_us != NX_TIME_NONE && to_us != NX_TIME_NONE) {
        nx_text_addf(out, ", by fills about %sZ..%sZ",
                     nx_show_clock(from_us, now_us, false, from),
                     nx_show_clock(to_us, now_us, false, to));
    }
}

/* What was observed is better than what was declared. */
static void add_outage(const json_t *incident, const json_t *authority,
                       int64_t now_us, struct nx_text *out) {
    const json_t *declared = json_object_get(incident, "outage");
    int64_t from_us = nx_doc_time(authority, "outage_from");
    int64_t to_us = nx_doc_time(authority, "restored_hi");
    char from[NX_CELL_MAX];
    char to[NX_CELL_MAX];
    char length[NX_CELL_MAX];
    from_us = from_us != NX_TIME_NONE ? from_us : nx_doc_time(declared, "from");
    if (!denied(authority)) {
        to_us =
            to_us != NX_TIME_NONE ? to_us : nx_doc_time(incident, "restored");
        to_us = to_us != NX_TIME_NONE ? to_us : nx_doc_time(declared, "to");
    }
    if (nx_doc_is(authority, "outage_known", "none")) {
        nx_text_add(out, "   no outage seen");
        return;
    }
    if (from_us == NX_TIME_NONE) {
        return;
    }
    if (nx_doc_is(authority, "outage_known", "assumed")) {
        add_assumed(from_us, to_us, now_us, out);
        add_by_fills(json_object_get(authority, "outage_by_fills"), now_us,
                     out);
        return;
    }
    (void)nx_show_clock(from_us, now_us, false, from);
    if (to_us == NX_TIME_NONE || to_us < from_us) {
        nx_text_addf(out, "   outage since %sZ (%s)", from,
                     nx_show_duration(now_us - from_us, length));
        return;
    }
    nx_text_addf(out, "   outage %sZ..%sZ (%s)", from,
                 nx_show_clock(to_us, now_us, false, to),
                 nx_show_duration(to_us - from_us, length));
}

/* The collector cannot write: what it shows does not grow. */
static void add_not_storing(const json_t *status, struct nx_text *out) {
    const char *problem = nx_doc_text(status, "problem");
    if (json_is_false(json_object_get(status, "storing"))) {
        nx_text_add(out, "NOT STORING  the collector takes no results: ");
        nx_text_escaped(out, problem != NULL ? problem : "?");
        nx_text_add(out, "\n");
    }
}

void nx_show_incident_line(const json_t *status, struct nx_text *out) {
    const json_t *incident = json_object_get(status, "incident");
    int64_t now_us = nx_doc_now(status);
    int64_t closed_us = nx_doc_time(incident, "closed");
    char clock[NX_CELL_MAX];
    add_not_storing(status, out);
    nx_text_addf(out, "incident %" JSON_INTEGER_FORMAT "  ",
                 nx_doc_number(incident, "id"));
    add_name(incident, "name", out);
    nx_show_unicode(incident, out);
    nx_text_add(out, " ");
    add_types(incident, ",", out);
    add_outage(incident, json_object_get(status, "authority"), now_us, out);
    if (closed_us != NX_TIME_NONE) {
        nx_text_addf(out, "   closed %sZ",
                     nx_show_clock(closed_us, now_us, false, clock));
    }
    nx_text_add(out, "\n");
}

/* --- authority --- */

static void add_serial(const json_t *authority, struct nx_text *out) {
    const json_t *serial = json_object_get(authority, "serial");
    if (json_is_integer(serial) &&
        !json_is_false(json_object_get(authority, "serial_agree"))) {
        nx_text_addf(out, " (serial %" JSON_INTEGER_FORMAT ")",
                     json_integer_value(serial));
    }
}

/* A line each, under the first. */
static void add_findings(const json_t *authority, struct nx_text *out) {
    const json_t *findings = json_object_get(authority, "findings");
    size_t n = json_array_size(findings);
    for (size_t i = 0; i < n && i < FINDINGS_SHOWN; i++) {
        const char *text = json_string_value(json_array_get(findings, i));
        nx_text_add(out, "            ");
        nx_text_escaped(out, text != NULL ? text : "?");
        nx_text_add(out, "\n");
    }
    if (n > FINDINGS_SHOWN) {
        nx_text_addf(out, "            and %zu more findings (--json)\n",
                     n - FINDINGS_SHOWN);
    }
}

/* Those that left the NS set: caches may ask them still (rule 1). NULL: they do
 * no harm. */
static const char *old_servers_say(const json_t *authority) {
    const char *said = NULL;
    const json_t *server = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(authority, "old_servers"), i, server) {
        if (nx_doc_is(server, "state", "denies")) {
            return ", old name servers deny";
        }
        if (nx_doc_is(server, "state", "pending")) {
            said = ", old name servers are not asked";
        }
    }
    return said;
}

static void add_restored(const json_t *authority, int64_t now_us,
                         struct nx_text *out) {
    int64_t at_us = nx_doc_time(authority, "restored_hi");
    json_int_t good = nx_doc_number(authority, "good");
    json_int_t total = nx_doc_number(authority, "total");
    json_int_t places = nx_doc_number(authority, "verified_from");
    char clock[NX_CELL_MAX];
    nx_text_add(out, "restored");
    if (at_us != NX_TIME_NONE) {
        nx_text_addf(out, " %sZ", nx_show_clock(at_us, now_us, false, clock));
    }
    if (total > 0) {
        nx_text_addf(out,
                     ", %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
                     " name servers agree",
                     good, total);
        add_serial(authority, out);
    }
    const char *old = old_servers_say(authority);
    if (old != NULL) {
        nx_text_add(out, old);
    } else if (!json_is_true(json_object_get(authority, "verified"))) {
        nx_text_add(out, ", not verified yet");
    } else if (places > 0) {
        nx_text_addf(out, ", verified from %" JSON_INTEGER_FORMAT " place%s",
                     places, places == 1 ? "" : "s");
    }
    if (total > 0 &&
        json_array_size(json_object_get(authority, "findings")) == 0) {
        nx_text_add(out, ", parent NS match");
    }
}

static void add_unobserved(const json_t *status, int64_t now_us,
                           struct nx_text *out) {
    int64_t at_us =
        nx_doc_time(json_object_get(status, "incident"), "restored");
    char clock[NX_CELL_MAX];
    if (at_us != NX_TIME_NONE) {
        nx_text_addf(out, "declared restored %sZ, ",
                     nx_show_clock(at_us, now_us, false, clock));
    }
    nx_text_add(out, "not observed (no agent in the role authority has "
                     "reported)");
}

void nx_show_authority_line(const json_t *status, struct nx_text *out) {
    const json_t *authority = json_object_get(status, "authority");
    int64_t now_us = nx_doc_now(status);
    json_int_t good = nx_doc_number(authority, "good");
    json_int_t total = nx_doc_number(authority, "total");
    char clock[NX_CELL_MAX];
    nx_text_add(out, "authority   ");
    if (nx_doc_is(authority, "state", "restored")) {
        add_restored(authority, now_us, out);
    } else if (denied(authority)) {
        nx_text_addf(out,
                     "%s, %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT
                     " name servers good",
                     good > 0 ? "partly restored" : "not restored", good,
                     total);
        add_serial(authority, out);
    } else {
        add_unobserved(status, now_us, out);
    }
    int64_t seen_us = nx_doc_time(authority, "seen");
    if (json_is_true(json_object_get(authority, "silent")) &&
        seen_us != NX_TIME_NONE) {
        nx_text_addf(out, ", last seen %sZ",
                     nx_show_clock(seen_us, now_us, false, clock));
    }
    nx_text_add(out, "\n");
    add_findings(authority, out);
}

#define HISTORY_N 4U /* of the negative TTL, in text */

/* What is sent now, and what was sent before, the latest first. */
static void add_history(const json_t *status, struct nx_text *out) {
    const json_t *list =
        json_object_get(json_object_get(status, "negative"), "history");
    size_t n = json_array_size(list);
    char clock[NX_CELL_MAX];
    for (size_t i = 0; n > 1 && i < n && i < HISTORY_N; i++) {
        const json_t *step = json_array_get(list, n - 1 - i);
        int64_t from_us = nx_doc_time(step, "from");
        if (from_us == NX_TIME_NONE) {
            return;
        }
        nx_text_addf(out, "%s%" JSON_INTEGER_FORMAT " s from %sZ",
                     i == 0 ? "; sent: " : ", ", nx_doc_number(step, "ttl_s"),
                     nx_show_clock(from_us, nx_doc_now(status), false, clock));
    }
}

/* What some caches go by instead, where it is longer. */
static void add_longer(const json_t *negative, const char *key,
                       const char *what, struct nx_text *out) {
    json_int_t s = nx_doc_number(negative, key);
    if (s > nx_doc_number(negative, "ttl_s")) {
        nx_text_addf(out, "%s %" JSON_INTEGER_FORMAT " s", what, s);
    }
}

void nx_show_negative_line(const json_t *status, struct nx_text *out) {
    const json_t *negative = json_object_get(status, "negative");
    const json_t *soa_ttl = json_object_get(negative, "soa_ttl_s");
    const json_t *minimum = json_object_get(negative, "minimum_s");
    if (!json_is_integer(json_object_get(negative, "ttl_s"))) {
        nx_text_add(out, "negative    TTL not known\n");
        return;
    }
    nx_text_addf(out, "negative    TTL %" JSON_INTEGER_FORMAT " s",
                 nx_doc_number(negative, "ttl_s"));
    if (json_is_integer(soa_ttl) && json_is_integer(minimum)) {
        nx_text_addf(out,
                     " (SOA TTL %" JSON_INTEGER_FORMAT
                     ", MINIMUM %" JSON_INTEGER_FORMAT ")",
                     json_integer_value(soa_ttl), json_integer_value(minimum));
    }
    add_longer(negative, "sent_s", "; an SOA is sent with", out);
    add_longer(negative, "nsec_s", "; NSEC records with", out);
    add_history(status, out);
    nx_text_add(out, "\n");
}

/* --- networks --- */

static void add_counts(json_t *states, struct nx_text *out) {
    const char *between = "";
    const char *state = NULL;
    json_t *count = NULL;
    json_int_t clear = nx_doc_number(states, "clear");
    if (clear > 0) {
        nx_text_addf(out, "%" JSON_INTEGER_FORMAT " clear", clear);
        between = ", ";
    }
    json_object_foreach(states, state, count) {
        if (strcmp(state, "clear") == 0 || json_integer_value(count) == 0) {
            continue;
        }
        nx_text_addf(out, "%s%" JSON_INTEGER_FORMAT " ", between,
                     json_integer_value(count));
        nx_text_escaped(out, state);
        between = ", ";
    }
}

/* The forecast allows for caches that do not keep to their limits, the bound
 * does not: so it may come first, and then it is no "latest". */
static void add_bound(const json_t *hard, int64_t by_us, int64_t now_us,
                      struct nx_text *out) {
    int64_t hard_us = nx_doc_time(hard, "at");
    const char *reason = nx_doc_text(hard, "reason");
    char clock[NX_CELL_MAX];
    char name[NX_CELL_MAX];
    if (hard_us == NX_TIME_NONE) {
        return;
    }
    (void)nx_show_clock(hard_us, now_us, true, clock);
    if (by_us == NX_TIME_NONE) {
        nx_text_addf(out, "     all clear by %sZ at the latest", clock);
    } else if (hard_us >= by_us) {
        nx_text_addf(out, ", %sZ at the latest", clock);
    } else {
        nx_text_addf(out, ", bound %sZ (%s)", clock,
                     nx_show_name(reason != NULL ? reason : "?", name));
    }
}

static void add_all_clear(const json_t *status, int64_t now_us,
                          struct nx_text *out) {
    const json_t *summary = json_object_get(status, "summary");
    int64_t by_us = nx_doc_time(json_object_get(summary, "all_clear"), "hi90");
    char clock[NX_CELL_MAX];
    if (nx_doc_is(status, "outlook", "clear")) {
        nx_text_add(out, "     all clear");
        return;
    }
    if (by_us != NX_TIME_NONE) {
        nx_text_addf(out, "     all clear by %sZ (90 %%)",
                     nx_show_clock(by_us, now_us, true, clock));
    }
    add_bound(json_object_get(summary, "hard"), by_us, now_us, out);
}

/* The line of `networks` or of `authority`, whichever keeps it from clearing,
 * without its label. */
void nx_show_ended(const json_t *status, bool time_is_up, struct nx_text *out) {
    const json_t *authority = json_object_get(status, "authority");
    const char *outlook = nx_doc_text(status, "outlook");
    char shown[NX_CELL_MAX];
    if (nx_doc_time(json_object_get(status, "incident"), "closed") !=
        NX_TIME_NONE) {
        nx_text_add(out, "the incident is closed");
    } else {
        nx_text_add(out, time_is_up ? "time is up" : "no prospect any more");
    }
    nx_text_addf(out, "; %s: ",
                 nx_show_text(outlook != NULL ? outlook : "unknown", shown));
    if (denied(authority)) {
        nx_text_addf(out,
                     "not restored, %" JSON_INTEGER_FORMAT
                     "/%" JSON_INTEGER_FORMAT " name servers good",
                     nx_doc_number(authority, "good"),
                     nx_doc_number(authority, "total"));
    } else if (json_array_size(json_object_get(status, "networks")) == 0) {
        nx_text_add(out, "no network is watched");
    } else {
        add_counts(
            json_object_get(json_object_get(status, "summary"), "states"), out);
    }
}

void nx_show_networks_line(const json_t *status, const struct nx_show *show,
                           struct nx_text *out) {
    const json_t *summary = json_object_get(status, "summary");
    nx_text_add(out, "networks    ");
    if (json_array_size(json_object_get(status, "networks")) == 0) {
        nx_text_add(out, show->some
                             ? "none has these labels (nxclear networks)\n"
                             : "none: no accepted agent has named a resolver "
                               "yet\n");
        return;
    }
    add_counts(json_object_get(summary, "states"), out);
    add_all_clear(status, nx_doc_now(status), out);
    nx_text_add(out, "\n");
}
