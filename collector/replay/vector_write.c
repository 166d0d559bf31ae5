/* A verdict as JSON with the keys of the tables' `expect`. */
#include "collector/infer/chao.h"
#include "collector/replay/vector.h"
#include "collector/status/status_text.h"

/* Seconds; null when not known. */
static json_t *seconds(int64_t us) {
    return us == NX_TIME_UNKNOWN ? json_null() : json_real((double)us / 1e6);
}

static json_t *pair(int64_t a_us, int64_t b_us) {
    return json_pack("[o, o]", seconds(a_us), seconds(b_us));
}

static json_t *flags_json(uint32_t flags) {
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < NX_FLAG_N_; i++) {
        if ((flags & 1U << i) != 0) {
            (void)nx_json_add(list, json_string(nx_flag_text(i)));
        }
    }
    return list;
}

static json_t *lines_json(const struct nx_verdict *v) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < v->lines_n; i++) {
        const struct nx_line *line = &v->lines[i];
        (void)nx_json_add(
            list, json_pack("{s:o, s:o, s:i}", "a", seconds(line->a_us), "b",
                            seconds(line->b_us), "n", (int)line->looks_n));
    }
    return list;
}

static json_t *eta_json(const struct nx_eta *eta) {
    if (!eta->known) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o}", "point", seconds(eta->point_us), "i50",
                     pair(eta->lo50_us, eta->hi50_us), "i90",
                     pair(eta->lo90_us, eta->hi90_us));
}

static json_t *hard_json(const struct nx_hard *hard) {
    if (hard->reason == NX_HARD_NONE) {
        return json_null();
    }
    return json_pack("{s:o, s:s}", "at", seconds(hard->at_us), "reason",
                     nx_hard_reason_text(hard->reason));
}

static json_t *chao_json(const struct nx_verdict *v) {
    uint16_t counts[NX_LINES_MAX];
    struct nx_chao chao;
    for (size_t i = 0; i < v->lines_n; i++) {
        counts[i] = v->lines[i].looks_n;
    }
    nx_chao_estimate(counts, v->lines_n, &chao);
    return json_pack("{s:i, s:i, s:i, s:i, s:f, s:f, s:f}", "s_obs",
                     (int)chao.s_obs, "f1", (int)chao.f1, "f2", (int)chao.f2,
                     "n", (int)chao.n, "unseen", chao.unseen, "s_hat",
                     chao.s_hat, "gt_mass", chao.gt_mass);
}

/* --- parts of the answer; what does not apply is left out --- */

static void put(json_t *object, bool applies, const char *key, json_t *value) {
    if (applies) {
        (void)nx_json_set(object, key, value);
    } else {
        json_decref(value);
    }
}

static bool flagged(const struct nx_verdict *v, enum nx_flag flag) {
    return (v->flags & 1U << flag) != 0;
}

static void put_state(json_t *a, const struct nx_vector *vector,
                      const struct nx_verdict *v) {
    bool unknown =
        v->state == NX_STATE_UNKNOWN && v->unknown_reason != NX_UNKNOWN_NONE;
    put(a, true, "state", json_string(nx_state_text(v->state)));
    put(a, unknown, "reason",
        json_string(nx_unknown_reason_text(v->unknown_reason)));
    put(a, true, "flags", flags_json(v->flags));
    put(a, vector->looks_n > 0, "kind",
        json_string(nx_kind_text(
            vector->looks[vector->looks_n > 0 ? vector->looks_n - 1 : 0]
                .kind)));
    put(a, vector->denied_known, "denied_name",
        nx_json_name(vector->denied_name));
    put(a, true, "basis", json_string(nx_basis_text(v->basis)));
}

static void put_evidence(json_t *a, const struct nx_verdict *v) {
    bool beside = v->lines_n > 0; /* the prior is that of unseen caches */
    put(a, true, "lines", lines_json(v));
    put(a, v->lines_n > 0, "chao1", chao_json(v));
    put(a, true, "fill",
        v->fill_known ? json_pack("[o]", pair(v->fill_lo_us, v->fill_hi_us))
                      : json_null());
    put(a, beside || v->prior_known, beside ? "prior_unseen" : "prior",
        v->prior_known ? pair(v->prior_a_us, v->prior_b_us) : json_null());
    put(a, v->denied_ratio >= 0, "denied", json_real(v->denied_ratio));
    put(a, v->positives_in_row > 0, "n", json_integer(v->positives_in_row));
    put(a, v->denied_upper95 >= 0, "neg_fraction_upper95",
        json_real(v->denied_upper95));
}

static void put_forecast(json_t *a, const struct nx_verdict *v) {
    bool earliest = v->earliest_clear_us != NX_TIME_UNKNOWN;
    bool cleared = v->clear_hi_us != NX_TIME_UNKNOWN;
    put(a, true, "eta", eta_json(&v->eta));
    put(a, true, "hard", hard_json(&v->hard));
    put(a, v->hard_stack.reason != NX_HARD_NONE, "hard_stack",
        hard_json(&v->hard_stack));
    put(a, earliest, "earliest_clear", seconds(v->earliest_clear_us));
    put(a, earliest && flagged(v, NX_FLAG_DISPLAY_CAPPED), "expiry_at_least",
        seconds(v->earliest_clear_us));
    put(a, cleared, "clear_interval", pair(v->clear_lo_us, v->clear_hi_us));
    put(a, cleared && earliest && flagged(v, NX_FLAG_EARLY_CLEAR),
        "earlier_by_at_least",
        seconds(cleared && earliest ? v->earliest_clear_us - v->clear_hi_us
                                    : 0));
    put(a, v->p_clear >= 0, "p_clear", json_real(v->p_clear));
    put(a, v->presumed_clear, "presumption", json_string("expected-clear"));
    put(a, v->refill_negative_probability >= 0, "refill_negative_probability",
        json_real(v->refill_negative_probability));
    put(a, v->refill_negative_probability >= 0, "extra_wait_mean",
        seconds(v->extra_wait_us));
    put(a, true, "next_probe", seconds(v->next_probe_us));
    put(a, v->visit_n > 0, "probes_per_visit", json_integer(v->visit_n));
}

json_t *nx_vector_answer(const struct nx_vector *vector,
                         const struct nx_verdict *verdict) {
    json_t *answer = json_object();
    if (answer != NULL) {
        put_state(answer, vector, verdict);
        put_evidence(answer, verdict);
        put_forecast(answer, verdict);
    }
    return answer;
}

static json_t *estimate_one(const struct nx_in *in) {
    struct nx_vector vector;
    struct nx_verdict verdict;
    if (!nx_in_is_object(in)) {
        return NULL;
    }
    if (!nx_vector_is_case(in->value)) {
        return json_null();
    }
    nx_vector_read(in, &vector);
    if (in->fault->failed) {
        return NULL;
    }
    nx_vector_diagnose(&vector, &verdict);
    json_t *answer = nx_vector_answer(&vector, &verdict);
    if (answer == NULL) {
        nx_in_fail(in, "out of memory");
    }
    return answer;
}

json_t *nx_vector_estimate(const json_t *document,
                           struct nx_json_fault *fault) {
    struct nx_in root = nx_in_root(document, fault);
    if (!json_is_array(document)) {
        return estimate_one(&root);
    }
    size_t n = nx_in_size(&root, NX_VECTORS_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < n && !fault->failed; i++) {
        struct nx_in at = nx_in_element(&root, i);
        (void)nx_json_add(list, estimate_one(&at));
    }
    if (fault->failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}
