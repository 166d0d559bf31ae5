/* A network and its targets in the status document. */
#include <string.h>

#include "collector/status/status_sheet.h"
#include "collector/status/status_text.h"
#include "common/rrtype.h"

#define RESOLVERS_MAX 64U /* named of a network; openapi.json knows it */

static void put_flags(struct nx_text *out, uint32_t flags) {
    nx_put_open(out, '[');
    for (unsigned i = 0; i < NX_FLAG_N_; i++) {
        if ((flags & 1U << i) != 0) {
            nx_put_string(out, nx_flag_text(i));
        }
    }
    nx_put_close(out, ']');
}

static void put_time(struct nx_text *out, const char *key, int64_t us) {
    nx_put_key(out, key);
    nx_put_time(out, us);
}

static void put_bool(struct nx_text *out, const char *key, bool value) {
    nx_put_key(out, key);
    nx_put_bool(out, value);
}

static void put_hard(struct nx_text *out, const char *key,
                     const struct nx_hard *hard) {
    nx_put_key(out, key);
    nx_put_hard(out, hard);
}

static void put_eta(struct nx_text *out, const struct nx_eta *eta) {
    nx_put_key(out, "clears");
    nx_put_eta(out, eta);
}

static void put_lines(struct nx_text *out, const struct nx_verdict *v) {
    nx_put_open(out, '[');
    for (size_t i = 0; i < v->lines_n; i++) {
        const struct nx_line *line = &v->lines[i];
        nx_put_open(out, '{');
        put_time(out, "from", line->a_us);
        put_time(out, "to", line->b_us);
        nx_put_key(out, "looks");
        nx_put_integer(out, line->looks_n);
        nx_put_close(out, '}');
    }
    nx_put_close(out, ']');
}

static void put_state(struct nx_text *out, unsigned state,
                      unsigned unknown_reason) {
    nx_put_member(out, "state", nx_state_text(state));
    nx_put_key(out, "reason");
    if (state == NX_STATE_UNKNOWN && unknown_reason != NX_UNKNOWN_NONE) {
        nx_put_string(out, nx_unknown_reason_text(unknown_reason));
    } else {
        nx_put_null(out);
    }
}

/* Without a look, or with none that was allowed, nothing is known about who is
 * denied. */
static bool blind(unsigned state, unsigned unknown_reason) {
    return state == NX_STATE_UNKNOWN &&
           (unknown_reason == NX_UNKNOWN_NEVER_SEEN ||
            unknown_reason == NX_UNKNOWN_AGENT_REVOKED ||
            unknown_reason == NX_UNKNOWN_GUARDED);
}

static void put_denied(struct nx_text *out, const char *key, unsigned state,
                       unsigned unknown_reason, double ratio) {
    nx_put_key(out, key);
    nx_put_ratio(out, blind(state, unknown_reason) ? -1.0 : ratio);
}

static void put_basis(struct nx_text *out, const struct nx_basis_of *of) {
    char text[NX_BASIS_TEXT_MAX];
    nx_put_member(out, "basis", nx_basis_write(of, text));
}

/* --- a target --- */

static void put_target_basis(struct nx_text *out, const struct nx_verdict *v) {
    const struct nx_basis_of of = {.basis = v->basis,
                                   .unknown_reason = v->unknown_reason,
                                   .state = v->state,
                                   .looks_n = v->looks_n,
                                   .caches_n = v->lines_n,
                                   .last_look_us = v->last_look_us};
    put_basis(out, &of);
}

static void put_question(struct nx_text *out, const struct nx_question *q) {
    char at[NX_ENDPOINT_TEXT_MAX];
    char name[NX_DNAME_TEXT_MAX];
    char type[NX_RRTYPE_TEXT_MAX];
    nx_put_member(out, "resolver", nx_endpoint_text(&q->to, at));
    nx_put_member(out, "layer", nx_layer_text(q->to.layer));
    nx_put_member(out, "name", nx_dname_text(q->name, name));
    nx_put_member(out, "type", nx_rrtype_text(q->qtype, type));
}

static void put_forecast(struct nx_text *out, const struct nx_verdict *v) {
    nx_put_key(out, "lines");
    put_lines(out, v);
    nx_put_key(out, "fill");
    nx_put_span(out, v->fill_known, v->fill_lo_us, v->fill_hi_us);
    put_eta(out, &v->eta);
    put_hard(out, "hard", &v->hard);
    put_hard(out, "hard_stack", &v->hard_stack);
    put_bool(out, "presumed_clear", v->presumed_clear);
    put_target_basis(out, v);
    nx_put_key(out, "clear_observed");
    nx_put_span(out, v->clear_hi_us != NX_TIME_UNKNOWN, v->clear_lo_us,
                v->clear_hi_us);
}

static void put_target(struct nx_text *out, const struct nx_sheet *sheet,
                       const struct nx_sheet_site *site,
                       const struct nx_sheet_row *row) {
    const struct nx_verdict *v = &row->view.verdict;
    nx_put_open(out, '{');
    nx_put_member(out, "agent", row->agent->name);
    put_question(out, row->view.question);
    put_state(out, v->state, v->unknown_reason);
    nx_put_key(out, "flags");
    put_flags(out, v->flags);
    put_denied(out, "denied", v->state, v->unknown_reason, v->denied_ratio);
    put_denied(out, "denied_upper95", v->state, v->unknown_reason,
               v->denied_upper95);
    nx_status_put_advice(out, sheet, site, row);
    put_forecast(out, v);
    nx_put_key(out, "looks");
    nx_put_integer(out, v->looks_n);
    put_time(out, "seen", v->last_look_us);
    put_time(out, "since", row->view.since_us);
    put_time(out, "next_probe", v->next_probe_us);
    nx_put_close(out, '}');
}

/* --- a network --- */

static void put_site_basis(struct nx_text *out, const struct nx_rollup *r) {
    const struct nx_basis_of of = {.basis = r->basis,
                                   .unknown_reason = r->unknown_reason,
                                   .state = r->state,
                                   .looks_n = r->looks_n,
                                   .caches_n = r->caches_n,
                                   .last_look_us = r->last_look_us};
    put_basis(out, &of);
}

static bool is_among(char (*texts)[NX_ENDPOINT_TEXT_MAX], size_t n,
                     const char *text) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Each once, those for comparison too. */
static void put_resolvers(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_sheet_site *site) {
    char texts[RESOLVERS_MAX][NX_ENDPOINT_TEXT_MAX];
    size_t n = 0;
    nx_put_open(out, '[');
    for (size_t i = 0; i < site->n && n < RESOLVERS_MAX; i++) {
        const struct nx_sheet_row *row = &sheet->rows[site->first + i];
        (void)nx_endpoint_text(&row->view.question->to, texts[n]);
        if (!is_among(texts, n, texts[n])) {
            nx_put_string(out, texts[n]);
            n++;
        }
    }
    nx_put_close(out, ']');
}

static void put_site_state(struct nx_text *out, const struct nx_sheet *sheet,
                           const struct nx_sheet_site *site) {
    const struct nx_rollup *r = &site->rollup;
    nx_put_member(out, "network", site->network);
    nx_put_key(out, "labels");
    nx_put_labels(out, &site->labels);
    nx_put_key(out, "weight");
    nx_put_real(out, site->labels.weight);
    put_state(out, r->state, r->unknown_reason);
    nx_put_member(out, "outlook",
                  nx_outlook_text(nx_sheet_site_outlook(sheet, site)));
    nx_status_put_advice(out, sheet, site, NULL);
    nx_status_put_home(out, sheet, site);
    put_denied(out, "denied", r->state, r->unknown_reason, r->denied_ratio);
}

/* The object stays open: targets may follow. */
static void put_lane(struct nx_text *out, const struct nx_sheet *sheet,
                     const struct nx_sheet_site *site) {
    static const struct nx_hard none = {.reason = NX_HARD_NONE};
    const struct nx_rollup *r = &site->rollup;
    nx_put_open(out, '{');
    put_site_state(out, sheet, site);
    put_eta(out, &r->eta);
    put_hard(out, "hard", r->hard_all_known ? &r->hard : &none);
    put_site_basis(out, r);
    put_time(out, "seen", r->last_look_us);
    put_time(out, "since", site->since_us);
    put_bool(out, "presumed_clear", r->presumed_clear);
    nx_put_key(out, "resolvers");
    put_resolvers(out, sheet, site);
}

size_t nx_status_put_site(struct nx_text *out, const struct nx_sheet *sheet,
                          const struct nx_sheet_site *site) {
    size_t begin = out->len;
    put_lane(out, sheet, site);
    size_t lane_len = out->len - begin;
    nx_put_key(out, "targets");
    nx_put_open(out, '[');
    for (size_t i = site->first; i < site->first + site->n; i++) {
        put_target(out, sheet, site, &sheet->rows[i]);
    }
    nx_put_close(out, ']');
    nx_put_close(out, '}');
    return lane_len;
}

json_t *nx_status_site(const struct nx_sheet *sheet,
                       const struct nx_sheet_site *site) {
    struct nx_text text;
    nx_text_init(&text);
    (void)nx_status_put_site(&text, sheet, site);
    return nx_put_read(&text);
}
