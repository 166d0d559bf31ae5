/* The document of a report. */
#include <stdlib.h>
#include <string.h>

#include "collector/infer/verdict.h"
#include "collector/status/report_parts.h"
#include "collector/status/status_text.h"
#include "common/rfc3339.h"

/* A network as its affected resolvers make it. */
struct site {
    const char *name;
    size_t first, n;
    int64_t from_us;
    int64_t clear_us; /* the last one; NX_TIME_UNKNOWN: not all clear */
};

static int64_t clear_of(const struct nx_report_row *row) {
    return row->hi_us != NX_TIME_UNKNOWN ? row->hi_us : row->cleared_us;
}

static json_t *seconds(int64_t us) {
    return json_real((double)us / 1e6);
}

static int64_t time_at(const json_t *object, const char *key) {
    int64_t us = 0;
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && nx_time_parse(text, &us) == 0 ? us : NX_TIME_UNKNOWN;
}

/* When every name server was seen good. */
static int64_t restored_us(const json_t *status) {
    const json_t *authority = json_object_get(status, "authority");
    int64_t us = time_at(authority, "restored_hi");
    return us != NX_TIME_UNKNOWN
               ? us
               : time_at(json_object_get(status, "incident"), "restored");
}

/* --- resolvers --- */

static json_t *states_json(const struct nx_report_row *row) {
    json_t *list = json_array();
    for (unsigned s = 0; list != NULL && s < NX_STATE_N_; s++) {
        if ((row->states & 1U << s) != 0 &&
            !nx_json_add(list, json_string(nx_state_text(s)))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *predicted_json(const struct nx_report_row *row) {
    if (row->predicted_at_us == NX_TIME_UNKNOWN) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:s}", "at",
                     nx_json_time(row->predicted_at_us), "point",
                     nx_json_time(row->point_us), "lo90",
                     nx_json_time(row->lo90_us), "hi90",
                     nx_json_time(row->hi90_us), "basis", row->basis);
}

static json_t *cleared_json(const struct nx_report_row *row) {
    int64_t hi_us = clear_of(row);
    bool cleared = row->cleared_us != NX_TIME_UNKNOWN;
    return cleared ? json_pack("[o, o]", nx_json_time(row->lo_us),
                               nx_json_time(hi_us))
                   : json_null();
}

json_t *nx_report_row(const struct nx_report_row *row) {
    static const char *const names[] = {"network", "agent", "resolver", "name",
                                        "type"};
    json_t *r = json_object();
    bool ok = r != NULL;
    for (unsigned part = 0; ok && part < NX_REPORT_PARTS; part++) {
        ok = nx_json_set(r, names[part],
                         nx_json_text(nx_report_part(row, part)));
    }
    if (ok && nx_json_set(r, "state", json_string(nx_state_text(row->first))) &&
        nx_json_set(r, "states", states_json(row)) &&
        nx_json_set(r, "relapses", json_integer(row->relapses_n)) &&
        nx_json_set(r, "from", nx_json_time(row->from_us)) &&
        nx_json_set(r, "cleared", cleared_json(row)) &&
        nx_json_set(r, "predicted", predicted_json(row)) &&
        nx_json_set(r, "error_s",
                    row->scored ? seconds(row->error_us) : json_null()) &&
        nx_json_set(r, "inside_90",
                    row->scored ? json_boolean(row->inside) : json_null())) {
        return r;
    }
    json_decref(r);
    return NULL;
}

/* --- networks --- */

/* Rows are by network. NULL: out of memory. */
static struct site *make_sites(struct nx_report_row *const *rows, size_t n,
                               size_t *sites_n) {
    struct site *sites = calloc(n + 1, sizeof(*sites));
    *sites_n = 0;
    for (size_t i = 0; sites != NULL && i < n; i++) {
        const char *name = nx_report_part(rows[i], NX_REPORT_NETWORK);
        struct site *site = *sites_n > 0 ? &sites[*sites_n - 1] : NULL;
        if (site == NULL || strcmp(site->name, name) != 0) {
            site = &sites[(*sites_n)++];
            *site = (struct site){.name = name,
                                  .first = i,
                                  .from_us = rows[i]->from_us,
                                  .clear_us = clear_of(rows[i])};
        }
        site->n++;
        if (rows[i]->from_us < site->from_us) {
            site->from_us = rows[i]->from_us;
        }
        int64_t clear_us = clear_of(rows[i]);
        site->clear_us =
            clear_us == NX_TIME_UNKNOWN || site->clear_us == NX_TIME_UNKNOWN
                ? NX_TIME_UNKNOWN
            : clear_us > site->clear_us ? clear_us
                                        : site->clear_us;
    }
    return sites;
}

static json_t *site_json(const struct site *site, int64_t since_us) {
    bool known =
        site->clear_us != NX_TIME_UNKNOWN && since_us != NX_TIME_UNKNOWN;
    return json_pack("{s:o, s:I, s:o, s:o, s:o}", "network",
                     nx_json_text(site->name), "resolvers", (json_int_t)site->n,
                     "from", nx_json_time(site->from_us), "cleared",
                     nx_json_time(site->clear_us), "after_restoration_s",
                     known ? seconds(site->clear_us - since_us) : json_null());
}

static json_t *sites_json(const struct site *sites, size_t n,
                          int64_t since_us) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < n; i++) {
        if (!nx_json_add(list, site_json(&sites[i], since_us))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* --- milestones --- */

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* When so many in a hundred of the affected networks were clear. */
static json_t *share_json(const int64_t *clear_us, size_t cleared_n, size_t n,
                          size_t percent) {
    size_t need = (n * percent + 99) / 100;
    return n == 0 || need > cleared_n || need == 0
               ? json_null()
               : nx_json_time(clear_us[need - 1]);
}

static json_t *milestones_json(const struct site *sites, size_t n) {
    int64_t *clear_us = calloc(n + 1, sizeof(*clear_us));
    int64_t first_us = NX_TIME_UNKNOWN;
    size_t cleared_n = 0;
    if (clear_us == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (first_us == NX_TIME_UNKNOWN || sites[i].from_us < first_us) {
            first_us = sites[i].from_us;
        }
        if (sites[i].clear_us != NX_TIME_UNKNOWN) {
            clear_us[cleared_n++] = sites[i].clear_us;
        }
    }
    qsort(clear_us, cleared_n, sizeof(*clear_us), by_time);
    json_t *m = json_pack(
        "{s:o, s:o, s:o, s:o}", "first_affected", nx_json_time(first_us),
        "half_clear", share_json(clear_us, cleared_n, n, 50), "ninety_clear",
        share_json(clear_us, cleared_n, n, 90), "all_clear",
        share_json(clear_us, cleared_n, n, 100));
    free(clear_us);
    return m;
}

/* --- the summary --- */

static int64_t absolute(int64_t us) {
    return us < 0 ? -us : us;
}

/* Of the predictions that can be held against what happened. */
static json_t *scores_json(struct nx_report_row *const *rows, size_t n) {
    int64_t *errors = calloc(n + 1, sizeof(*errors));
    json_int_t inside = 0;
    size_t scored = 0;
    if (errors == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (rows[i]->scored) {
            errors[scored++] = absolute(rows[i]->error_us);
            inside += rows[i]->inside ? 1 : 0;
        }
    }
    qsort(errors, scored, sizeof(*errors), by_time);
    json_t *s =
        json_pack("{s:I, s:I, s:o, s:o}", "scored", (json_int_t)scored,
                  "inside_90", inside, "median_error_s",
                  scored > 0 ? seconds(errors[(scored - 1) / 2]) : json_null(),
                  "worst_error_s",
                  scored > 0 ? seconds(errors[scored - 1]) : json_null());
    free(errors);
    return s;
}

static json_t *summary_json(struct nx_report_row *const *rows, size_t n,
                            const struct site *sites, size_t sites_n,
                            const json_t *status) {
    json_int_t rows_clear = 0;
    json_int_t sites_clear = 0;
    for (size_t i = 0; i < n; i++) {
        rows_clear += rows[i]->cleared_us != NX_TIME_UNKNOWN ? 1 : 0;
    }
    for (size_t i = 0; i < sites_n; i++) {
        sites_clear += sites[i].clear_us != NX_TIME_UNKNOWN ? 1 : 0;
    }
    const json_t *summary = json_object_get(status, "summary");
    const json_t *unknown =
        json_object_get(json_object_get(summary, "states"), "unknown");
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "networks",
                     json_integer_value(json_object_get(summary, "networks")),
                     "affected", (json_int_t)sites_n, "cleared", sites_clear,
                     "unknown", json_integer_value(unknown),
                     "resolvers_affected", (json_int_t)n, "resolvers_cleared",
                     rows_clear);
}

/* As in the status. */
static bool copy(json_t *document, const json_t *status) {
    static const char *const keys[] = {"now", "outlook", "incident",
                                       "authority", "negative"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *value = json_object_get(status, keys[i]);
        if (!nx_json_set(document, keys[i],
                         value != NULL ? json_incref(value) : json_null())) {
            return false;
        }
    }
    return true;
}

json_t *nx_report_head(struct nx_report_row *const *rows, size_t n,
                       const json_t *status) {
    size_t sites_n = 0;
    struct site *sites = make_sites(rows, n, &sites_n);
    json_t *d = sites != NULL ? json_object() : NULL;
    bool ok = d != NULL && copy(d, status) &&
              nx_json_set(d, "summary",
                          summary_json(rows, n, sites, sites_n, status)) &&
              nx_json_set(d, "predictions", scores_json(rows, n)) &&
              nx_json_set(d, "milestones", milestones_json(sites, sites_n)) &&
              nx_json_set(d, "networks",
                          sites_json(sites, sites_n, restored_us(status)));
    free(sites);
    if (!ok) {
        json_decref(d);
        return NULL;
    }
    return d;
}
