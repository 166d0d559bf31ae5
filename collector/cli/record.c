#include "collector/cli/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/rfc3339.h"

#define US_PER_S INT64_C(1000000)

static char *write_time(int64_t us, bool up, char *out) {
    char text[NX_TIME_TEXT_MAX];
    if (us == NX_TIME_NONE) {
        (void)snprintf(out, NX_CELL_MAX, "-");
        return out;
    }
    int64_t s = us / US_PER_S + (up && us % US_PER_S != 0 ? 1 : 0);
    (void)nx_time_text(s * US_PER_S, text);
    (void)snprintf(out, NX_CELL_MAX, "%.10s %.8s", text, text + 11);
    return out;
}

char *nx_record_time(const json_t *object, const char *key, bool up,
                     char *out) {
    return write_time(nx_doc_time(object, key), up, out);
}

char *nx_record_edge(const json_t *pair, size_t i, bool up, char *out) {
    const char *text = json_string_value(json_array_get(pair, i));
    int64_t us = NX_TIME_NONE;
    if (text == NULL || nx_time_parse(text, &us) != 0) {
        us = NX_TIME_NONE;
    }
    return write_time(us, up, out);
}

char *nx_record_seconds(const json_t *seconds, char *out) {
    if (!json_is_number(seconds)) {
        (void)snprintf(out, NX_CELL_MAX, "-");
        return out;
    }
    double us = json_number_value(seconds) * 1e6;
    if (us < 0) {
        (void)snprintf(out, NX_CELL_MAX, "before it");
        return out;
    }
    return nx_show_duration((int64_t)us, out);
}

char *nx_record_error(const json_t *seconds, char *out) {
    double error = json_number_value(seconds);
    if (!json_is_number(seconds)) {
        (void)snprintf(out, NX_CELL_MAX, "-");
    } else if (fabs(error) < 0.05) {
        (void)snprintf(out, NX_CELL_MAX, "exact");
    } else {
        (void)snprintf(out, NX_CELL_MAX, "%.1f s too %s", fabs(error),
                       error > 0 ? "late" : "early");
    }
    return out;
}

/* --- sentences --- */

struct telling {
    void (*visit)(void *user, const char *sentence);
    void *user;
    struct nx_text text;
};

static void tell(struct telling *t) {
    if (t->text.bytes != NULL && !t->text.failed) {
        t->visit(t->user, t->text.bytes);
    }
    nx_text_fini(&t->text);
    nx_text_init(&t->text);
}

static void add_types(struct telling *t, const json_t *incident) {
    size_t i = 0;
    const json_t *type = NULL;
    json_array_foreach(json_object_get(incident, "types"), i, type) {
        const char *text = json_string_value(type);
        nx_text_addf(&t->text, "%s%.20s", i > 0 ? ", " : " ",
                     text != NULL ? text : "?");
    }
}

/* "For 8 min 22 s, from ... to ..., ... was missing or denied." */
static void tell_outage(struct telling *t, const json_t *report) {
    const json_t *incident = json_object_get(report, "incident");
    const json_t *authority = json_object_get(report, "authority");
    const char *name = nx_doc_text(incident, "name");
    const char *known = nx_doc_text(authority, "outage_known");
    int64_t from_us = nx_doc_time(authority, "outage_from");
    int64_t to_us = nx_doc_time(authority, "restored_hi");
    char cell[NX_CELL_MAX];
    nx_text_add(&t->text, nx_show_name(name != NULL ? name : "?", cell));
    add_types(t, incident);
    if (known != NULL && strcmp(known, "none") == 0) {
        nx_text_add(&t->text, ": no name server was seen to deny it.");
    } else if (from_us == NX_TIME_NONE) {
        nx_text_add(&t->text, ": it is not known when it went missing.");
    } else {
        bool assumed = known != NULL && strcmp(known, "assumed") == 0;
        nx_text_addf(&t->text, " was denied or missing from %s%s UTC",
                     assumed ? "some time after " : "",
                     write_time(from_us, false, cell));
        if (known != NULL && !assumed) {
            nx_text_addf(&t->text, " (%.20s)", known);
        }
        if (to_us != NX_TIME_NONE) {
            nx_text_addf(&t->text, " until %s UTC",
                         write_time(to_us, true, cell));
        }
        if (to_us != NX_TIME_NONE && !assumed && to_us > from_us) {
            nx_text_addf(&t->text, ", for %s",
                         nx_show_duration(to_us - from_us, cell));
        }
        nx_text_add(&t->text, ".");
    }
    tell(t);
}

static void tell_authority(struct telling *t, const json_t *report) {
    const json_t *authority = json_object_get(report, "authority");
    char cell[NX_CELL_MAX];
    const char *state = nx_doc_text(authority, "state");
    if (state == NULL || strcmp(state, "unobserved") == 0) {
        nx_text_add(&t->text, "The authoritative servers were not observed.");
        tell(t);
        return;
    }
    nx_text_addf(&t->text,
                 "Authoritative servers: %.20s, %" JSON_INTEGER_FORMAT
                 " of %" JSON_INTEGER_FORMAT " give the expected answer",
                 state, nx_doc_number(authority, "good"),
                 nx_doc_number(authority, "total"));
    if (json_is_integer(json_object_get(authority, "serial"))) {
        nx_text_addf(&t->text, " (serial %" JSON_INTEGER_FORMAT ")",
                     nx_doc_number(authority, "serial"));
    }
    if (nx_doc_time(authority, "verified_at") != NX_TIME_NONE) {
        json_int_t places = nx_doc_number(authority, "verified_from");
        nx_text_addf(&t->text, ", verified at %s UTC",
                     nx_record_time(authority, "verified_at", true, cell));
        if (places > 0) {
            nx_text_addf(&t->text, " from %" JSON_INTEGER_FORMAT " place%s",
                         places, places == 1 ? "" : "s");
        }
    }
    nx_text_add(&t->text, ".");
    tell(t);
}

static void tell_negative(struct telling *t, const json_t *report) {
    const json_t *negative = json_object_get(report, "negative");
    if (json_is_integer(json_object_get(negative, "ttl_s"))) {
        nx_text_addf(&t->text,
                     "Resolvers may cache the denial for %" JSON_INTEGER_FORMAT
                     " s (SOA TTL %" JSON_INTEGER_FORMAT
                     ", MINIMUM %" JSON_INTEGER_FORMAT "; RFC 2308).",
                     nx_doc_number(negative, "ttl_s"),
                     nx_doc_number(negative, "soa_ttl_s"),
                     nx_doc_number(negative, "minimum_s"));
        tell(t);
    }
}

static void tell_extent(struct telling *t, const json_t *report) {
    const json_t *s = json_object_get(report, "summary");
    const json_t *m = json_object_get(report, "milestones");
    char cell[NX_CELL_MAX];
    json_int_t affected = nx_doc_number(s, "affected");
    json_int_t cleared = nx_doc_number(s, "cleared");
    nx_text_addf(&t->text,
                 "Affected: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                 " networks, %" JSON_INTEGER_FORMAT " resolver and name pairs.",
                 affected, nx_doc_number(s, "networks"),
                 nx_doc_number(s, "resolvers_affected"));
    if (affected > 0 && cleared == affected) {
        nx_text_addf(&t->text, " All were clear at %s UTC.",
                     nx_record_time(m, "all_clear", true, cell));
    } else if (affected > 0) {
        nx_text_addf(&t->text,
                     " %" JSON_INTEGER_FORMAT
                     " had cleared when this was written.",
                     cleared);
    }
    tell(t);
    if (nx_doc_number(s, "unknown") > 0) {
        nx_text_addf(&t->text,
                     "Not known: %" JSON_INTEGER_FORMAT
                     " of the networks. Silence is no all-clear.",
                     nx_doc_number(s, "unknown"));
        tell(t);
    }
}

static void tell_predictions(struct telling *t, const json_t *report) {
    const json_t *p = json_object_get(report, "predictions");
    json_int_t scored = nx_doc_number(p, "scored");
    if (scored > 0) {
        nx_text_addf(&t->text,
                     "First predictions: %" JSON_INTEGER_FORMAT
                     " of %" JSON_INTEGER_FORMAT
                     " cleared within the 90 %% interval; median error %.1f s, "
                     "worst %.1f s.",
                     nx_doc_number(p, "inside_90"), scored,
                     json_number_value(json_object_get(p, "median_error_s")),
                     json_number_value(json_object_get(p, "worst_error_s")));
        tell(t);
    }
}

static void tell_rest(struct telling *t, const json_t *report) {
    const json_t *incident = json_object_get(report, "incident");
    const char *note = nx_doc_text(incident, "note");
    char cell[NX_CELL_MAX];
    if (nx_doc_time(incident, "closed") == NX_TIME_NONE) {
        nx_text_addf(&t->text,
                     "The incident is still open; this is its state at %s UTC.",
                     nx_record_time(report, "now", false, cell));
        tell(t);
    }
    if (json_is_true(json_object_get(report, "truncated"))) {
        nx_text_add(&t->text, "There was more than a report holds: the newest "
                              "events are missing.");
        tell(t);
    }
    if (note != NULL && note[0] != '\0') {
        nx_text_add(&t->text, "Note: ");
        nx_text_escaped(&t->text, note);
        tell(t);
    }
}

void nx_record_sentences(const json_t *report,
                         void (*visit)(void *user, const char *sentence),
                         void *user) {
    struct telling t = {.visit = visit, .user = user};
    nx_text_init(&t.text);
    tell_outage(&t, report);
    tell_authority(&t, report);
    tell_negative(&t, report);
    tell_extent(&t, report);
    tell_predictions(&t, report);
    tell_rest(&t, report);
    nx_text_fini(&t.text);
}
