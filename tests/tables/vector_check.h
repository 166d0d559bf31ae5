/* Comparing a verdict with the `expect` of a vector. For test_vectors.c. */
#ifndef NX_TESTS_TABLES_VECTOR_CHECK_H
#define NX_TESTS_TABLES_VECTOR_CHECK_H

#include "tests/tables/vector.h"

#define TIME_TOLERANCE_US 1000
#define QUANTILE_TOLERANCE_US 3000

static void check_us(const struct vector *v, const char *what, double want_s,
                     int64_t got_us, int64_t tolerance_us) {
    if (llabs(us(want_s) - got_us) > tolerance_us) {
        fail_msg("%s %s: want %.6f, got %.6f", v->id, what, want_s,
                 (double)got_us * 1e-6);
    }
}

static void check_pair(const struct vector *v, const char *what,
                       const json_t *want, int64_t a_us, int64_t b_us,
                       int64_t tolerance_us) {
    check_us(v, what, json_number_value(json_array_get(want, 0)), a_us,
             tolerance_us);
    check_us(v, what, json_number_value(json_array_get(want, 1)), b_us,
             tolerance_us);
}

static void check_real(const struct vector *v, const char *what, double want,
                       double got) {
    if (fabs(want - got) > 1e-5) {
        fail_msg("%s %s: want %.6f, got %.6f", v->id, what, want, got);
    }
}

static void check_lines(const struct vector *v, const json_t *want) {
    if (json_array_size(want) != v->verdict.lines_n) {
        fail_msg("%s: want %zu lines, got %u", v->id, json_array_size(want),
                 v->verdict.lines_n);
    }
    for (size_t i = 0; i < v->verdict.lines_n; i++) {
        const json_t *line = json_array_get(want, i);
        check_us(v, "line a", number(line, "a", 0), v->verdict.lines[i].a_us,
                 TIME_TOLERANCE_US);
        check_us(v, "line b", number(line, "b", 0), v->verdict.lines[i].b_us,
                 TIME_TOLERANCE_US);
        assert_int_equal(u32(line, "n"), v->verdict.lines[i].looks_n);
    }
}

static void check_eta_of(const struct vector *v, const json_t *want,
                         const struct nx_eta *eta) {
    if (json_is_null(want)) {
        assert_false(eta->known);
        return;
    }
    assert_true(eta->known);
    check_us(v, "point", number(want, "point", 0), eta->point_us,
             QUANTILE_TOLERANCE_US);
    check_pair(v, "i50", json_object_get(want, "i50"), eta->lo50_us,
               eta->hi50_us, QUANTILE_TOLERANCE_US);
    check_pair(v, "i90", json_object_get(want, "i90"), eta->lo90_us,
               eta->hi90_us, QUANTILE_TOLERANCE_US);
}

static void check_hard(const struct vector *v, const json_t *want) {
    if (json_is_null(want)) {
        assert_int_equal(NX_HARD_NONE, v->verdict.hard.reason);
        return;
    }
    assert_string_equal(text(want, "reason"),
                        nx_hard_reason_text(v->verdict.hard.reason));
    check_us(v, "hard", number(want, "at", 0), v->verdict.hard.at_us,
             TIME_TOLERANCE_US);
}

static void check_flags(const struct vector *v, const json_t *want) {
    for (size_t i = 0; i < json_array_size(want); i++) {
        const char *name = json_string_value(json_array_get(want, i));
        bool found = false;
        for (unsigned bit = 0; bit < NX_FLAG_N_; bit++) {
            found |= (v->verdict.flags & 1U << bit) != 0 &&
                     strcmp(nx_flag_text(bit), name) == 0;
        }
        if (!found) {
            fail_msg("%s: flag %s is missing", v->id, name);
        }
    }
}

static void check_chao_of(const struct vector *v, const json_t *want,
                          const uint16_t *counts, size_t n) {
    struct nx_chao chao;

    nx_chao_estimate(counts, n, &chao);
    assert_int_equal(u32(want, "s_obs"), chao.s_obs);
    assert_int_equal(u32(want, "f1"), chao.f1);
    assert_int_equal(u32(want, "f2"), chao.f2);
    assert_int_equal(u32(want, "n"), chao.n);
    check_real(v, "unseen", number(want, "unseen", -1), chao.unseen);
    check_real(v, "s_hat", number(want, "s_hat", -1), chao.s_hat);
    check_real(v, "gt_mass", number(want, "gt_mass", -1), chao.gt_mass);
}

static void check_chao(const struct vector *v, const json_t *want) {
    uint16_t counts[NX_LINES_MAX];

    for (size_t i = 0; i < v->verdict.lines_n; i++) {
        counts[i] = v->verdict.lines[i].looks_n;
    }
    check_chao_of(v, want, counts, v->verdict.lines_n);
}

static void check_unknown(const struct vector *v, const json_t *want) {
    assert_string_equal(json_string_value(want),
                        nx_unknown_reason_text(v->verdict.unknown_reason));
}

static void check_prior(const struct vector *v, const json_t *want) {
    assert_true(v->verdict.prior_known);
    check_pair(v, "prior", want, v->verdict.prior_a_us, v->verdict.prior_b_us,
               TIME_TOLERANCE_US);
}

static void check_fill(const struct vector *v, const json_t *want) {
    assert_true(v->verdict.fill_known);
    check_pair(v, "fill", json_array_get(want, 0), v->verdict.fill_lo_us,
               v->verdict.fill_hi_us, TIME_TOLERANCE_US);
}

/* One key of `expect`; false when nobody knows it. */
static bool check_key(const struct vector *v, const char *key,
                      const json_t *want) {
    const struct nx_verdict *got = &v->verdict;

    if (strcmp(key, "state") == 0) {
        assert_string_equal(json_string_value(want), nx_state_text(got->state));
    } else if (strcmp(key, "reason") == 0) {
        check_unknown(v, want);
    } else if (strcmp(key, "flags") == 0) {
        check_flags(v, want);
    } else if (strcmp(key, "lines") == 0) {
        check_lines(v, want);
    } else if (strcmp(key, "fill") == 0) {
        check_fill(v, want);
    } else if (strcmp(key, "eta") == 0) {
        check_eta_of(v, want, &got->eta);
    } else if (strcmp(key, "hard") == 0) {
        check_hard(v, want);
    } else if (strcmp(key, "next_probe") == 0) {
        check_us(v, key, json_number_value(want), got->next_probe_us,
                 TIME_TOLERANCE_US);
    } else if (strcmp(key, "probes_per_visit") == 0) {
        assert_int_equal(json_integer_value(want), got->visit_n);
    } else if (strcmp(key, "chao1") == 0) {
        check_chao(v, want);
    } else if (strcmp(key, "prior") == 0 || strcmp(key, "prior_unseen") == 0) {
        check_prior(v, want);
    } else if (strcmp(key, "earliest_clear") == 0 ||
               strcmp(key, "expiry_at_least") == 0) {
        check_us(v, key, json_number_value(want), got->earliest_clear_us,
                 TIME_TOLERANCE_US);
    } else if (strcmp(key, "refill_negative_probability") == 0) {
        check_real(v, key, json_number_value(want),
                   got->refill_negative_probability);
    } else if (strcmp(key, "extra_wait_mean") == 0) {
        check_us(v, key, json_number_value(want), got->extra_wait_us,
                 TIME_TOLERANCE_US);
    } else if (strcmp(key, "clear_interval") == 0) {
        check_pair(v, key, want, got->clear_lo_us, got->clear_hi_us,
                   TIME_TOLERANCE_US);
    } else if (strcmp(key, "earlier_by_at_least") == 0) {
        check_us(v, key, json_number_value(want),
                 got->earliest_clear_us - got->clear_hi_us, TIME_TOLERANCE_US);
    } else if (strcmp(key, "presumption") == 0) {
        assert_string_equal("expected-clear", json_string_value(want));
        assert_true(got->presumed_clear);
    } else if (strcmp(key, "p_clear") == 0) {
        check_real(v, key, json_number_value(want), got->p_clear);
    } else if (strcmp(key, "eta_not_before") == 0) {
        assert_true(got->eta.known);
        assert_true(got->eta.lo90_us >= us(json_number_value(want)));
    } else {
        /* kind and denied_name: checked as the observation was read */
        return strcmp(key, "kind") == 0 || strcmp(key, "denied_name") == 0;
    }
    return true;
}

static void check_all(const struct vector *v) {
    const char *key = NULL;
    json_t *want = NULL;

    json_object_foreach(v->expect, key, want) {
        if (!check_key(v, key, want)) {
            fail_msg("%s: nobody checks %s", v->id, key);
        }
    }
}

#endif
