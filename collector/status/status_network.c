/* A network and its targets in the status document. */
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"

#define RESOLVERS_MAX 64U /* named of a network; openapi.json knows it */

static json_t *flags_json(uint32_t flags) {
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < NX_FLAG_N_; i++) {
        if ((flags & 1U << i) != 0 &&
            !nx_json_add(list, json_string(nx_flag_text(i)))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *line_json(const struct nx_line *line) {
    return json_pack("{s:o, s:o, s:i}", "from", nx_json_time(line->a_us), "to",
                     nx_json_time(line->b_us), "looks", (int)line->looks_n);
}

static json_t *lines_json(const struct nx_verdict *v) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < v->lines_n; i++) {
        if (!nx_json_add(list, line_json(&v->lines[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *reason_json(unsigned state, unsigned unknown_reason) {
    return state == NX_STATE_UNKNOWN && unknown_reason != NX_UNKNOWN_NONE
               ? json_string(nx_unknown_reason_text(unknown_reason))
               : json_null();
}

/* Without a look, or with none that was allowed, nothing is known about who is
 * denied. */
static bool blind(unsigned state, unsigned unknown_reason) {
    return state == NX_STATE_UNKNOWN &&
           (unknown_reason == NX_UNKNOWN_NEVER_SEEN ||
            unknown_reason == NX_UNKNOWN_GUARDED);
}

static json_t *denied_json(unsigned state, unsigned unknown_reason,
                           double ratio) {
    return blind(state, unknown_reason) ? json_null() : nx_json_ratio(ratio);
}

static json_t *basis_json(const struct nx_basis_of *of) {
    char text[NX_BASIS_TEXT_MAX];
    return json_string(nx_basis_write(of, text));
}

static json_t *target_basis(const struct nx_verdict *v) {
    const struct nx_basis_of of = {.basis = v->basis,
                                   .unknown_reason = v->unknown_reason,
                                   .state = v->state,
                                   .looks_n = v->looks_n,
                                   .caches_n = v->lines_n,
                                   .last_look_us = v->last_look_us};
    return basis_json(&of);
}

static bool target_head(json_t *t, const struct nx_sheet_row *row) {
    const struct nx_question *q = row->view.question;
    const struct nx_verdict *v = &row->view.verdict;
    return nx_json_set(t, "agent", nx_json_text(row->agent->name)) &&
           nx_json_set(t, "resolver", nx_json_address(&q->to)) &&
           nx_json_set(t, "layer", json_string(nx_layer_text(q->to.layer))) &&
           nx_json_set(t, "name", nx_json_name(q->name)) &&
           nx_json_set(t, "type", nx_json_type(q->qtype)) &&
           nx_json_set(t, "state", json_string(nx_state_text(v->state))) &&
           nx_json_set(t, "reason", reason_json(v->state, v->unknown_reason)) &&
           nx_json_set(t, "flags", flags_json(v->flags)) &&
           nx_json_set(
               t, "denied",
               denied_json(v->state, v->unknown_reason, v->denied_ratio)) &&
           nx_json_set(
               t, "denied_upper95",
               denied_json(v->state, v->unknown_reason, v->denied_upper95));
}

static bool target_forecast(json_t *t, const struct nx_verdict *v) {
    bool cleared = v->clear_hi_us != NX_TIME_UNKNOWN;
    return nx_json_set(t, "lines", lines_json(v)) &&
           nx_json_set(
               t, "fill",
               nx_json_span(v->fill_known, v->fill_lo_us, v->fill_hi_us)) &&
           nx_json_set(t, "clears", nx_json_eta(&v->eta)) &&
           nx_json_set(t, "hard", nx_json_hard(&v->hard)) &&
           nx_json_set(t, "hard_stack", nx_json_hard(&v->hard_stack)) &&
           nx_json_set(t, "presumed_clear", json_boolean(v->presumed_clear)) &&
           nx_json_set(t, "basis", target_basis(v)) &&
           nx_json_set(t, "clear_observed",
                       nx_json_span(cleared, v->clear_lo_us, v->clear_hi_us));
}

static json_t *target_json(const struct nx_sheet *sheet,
                           const struct nx_sheet_site *site,
                           const struct nx_sheet_row *row) {
    const struct nx_verdict *v = &row->view.verdict;
    json_t *t = json_object();
    if (t != NULL && target_head(t, row) &&
        nx_status_put_advice(t, sheet, site, row) && target_forecast(t, v) &&
        nx_json_set(t, "looks", json_integer(v->looks_n)) &&
        nx_json_set(t, "seen", nx_json_time(v->last_look_us)) &&
        nx_json_set(t, "since", nx_json_time(row->view.since_us)) &&
        nx_json_set(t, "next_probe", nx_json_time(v->next_probe_us))) {
        return t;
    }
    json_decref(t);
    return NULL;
}

static json_t *targets_json(const struct nx_sheet *sheet,
                            const struct nx_sheet_site *site) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < site->n; i++) {
        if (!nx_json_add(list, target_json(sheet, site,
                                           &sheet->rows[site->first + i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *site_basis(const struct nx_sheet_site *site) {
    const struct nx_rollup *r = &site->rollup;
    const struct nx_basis_of of = {.basis = r->basis,
                                   .unknown_reason = r->unknown_reason,
                                   .state = r->state,
                                   .looks_n = r->looks_n,
                                   .caches_n = r->caches_n,
                                   .last_look_us = r->last_look_us};
    return basis_json(&of);
}

static bool is_among(const json_t *list, const char *text) {
    size_t i = 0;
    const json_t *one = NULL;
    json_array_foreach(list, i, one) {
        if (strcmp(json_string_value(one), text) == 0) {
            return true;
        }
    }
    return false;
}

/* Each once, those for comparison too. */
static json_t *resolvers_json(const struct nx_sheet *sheet,
                              const struct nx_sheet_site *site) {
    json_t *list = json_array();
    char text[NX_ENDPOINT_TEXT_MAX];
    for (size_t i = 0; list != NULL && i < site->n; i++) {
        const struct nx_sheet_row *row = &sheet->rows[site->first + i];
        (void)nx_endpoint_text(&row->view.question->to, text);
        if (json_array_size(list) == RESOLVERS_MAX) {
            break;
        }
        if (!is_among(list, text) && !nx_json_add(list, json_string(text))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *nx_status_site_head(const struct nx_sheet *sheet,
                            const struct nx_sheet_site *site) {
    const struct nx_rollup *r = &site->rollup;
    json_t *n = json_object();
    if (n != NULL && nx_json_set(n, "network", nx_json_text(site->network)) &&
        nx_json_set(n, "labels", nx_json_labels(&site->labels)) &&
        nx_json_set(n, "weight", json_real(site->labels.weight)) &&
        nx_json_set(n, "state", json_string(nx_state_text(r->state))) &&
        nx_json_set(n, "reason", reason_json(r->state, r->unknown_reason)) &&
        nx_json_set(
            n, "outlook",
            json_string(nx_outlook_text(nx_sheet_site_outlook(sheet, site)))) &&
        nx_status_put_advice(n, sheet, site, NULL) &&
        nx_status_put_home(n, sheet, site) &&
        nx_json_set(
            n, "denied",
            denied_json(r->state, r->unknown_reason, r->denied_ratio)) &&
        nx_json_set(n, "clears", nx_json_eta(&r->eta)) &&
        nx_json_set(n, "hard",
                    r->hard_all_known ? nx_json_hard(&r->hard) : json_null()) &&
        nx_json_set(n, "basis", site_basis(site)) &&
        nx_json_set(n, "seen", nx_json_time(r->last_look_us)) &&
        nx_json_set(n, "since", nx_json_time(site->since_us)) &&
        nx_json_set(n, "presumed_clear", json_boolean(r->presumed_clear)) &&
        nx_json_set(n, "resolvers", resolvers_json(sheet, site))) {
        return n;
    }
    json_decref(n);
    return NULL;
}

json_t *nx_status_site(const struct nx_sheet *sheet,
                       const struct nx_sheet_site *site) {
    json_t *n = nx_status_site_head(sheet, site);
    if (nx_json_set(n, "targets", targets_json(sheet, site))) {
        return n;
    }
    json_decref(n);
    return NULL;
}
