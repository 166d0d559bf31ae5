/* Every vector of estimator.json against the pure modules: times within 1 ms,
 * quantiles within 3 ms. A key of `expect` that nobody checks fails the test,
 * so that no vector passes by being overlooked. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/chao.h"
#include "collector/diagnosis.h"
#include "collector/estimator.h"
#include "collector/forecast.h"
#include "collector/lines.h"
#include "collector/prior.h"
#include "collector/rollup.h"
#include "collector/schedule.h"
#include "common/rrtype.h"

#define TIME_TOLERANCE_US 1000
#define QUANTILE_TOLERANCE_US 3000
#define OBS_MAX 64U

static json_t *VECTORS;

struct vector {
    const char *id;
    json_t *json, *expect;
    struct nx_diagnosis_settings settings;
    struct nx_auth_facts auth;
    struct nx_profile profile;
    struct nx_look looks[OBS_MAX];
    size_t looks_n;
    int64_t now_us;
    double theta_s, eps_s;
    struct nx_verdict verdict;
};

/* ---- reading ---- */

static int64_t us(double s) {
    return (int64_t)llround(s * 1e6);
}

static double number(const json_t *object, const char *key, double otherwise) {
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value)) { /* V31: "0.02/3600" */
        double a = 0;
        double b = 1;
        assert_int_equal(2,
                         sscanf(json_string_value(value), "%lf/%lf", &a, &b));
        return a / b;
    }
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static int64_t time_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? us(json_number_value(value))
                                 : NX_TIME_UNKNOWN;
}

static uint32_t u32(const json_t *object, const char *key) {
    return (uint32_t)number(object, key, 0);
}

static bool flag_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);

    return json_is_true(value) ||
           (json_is_integer(value) && json_integer_value(value) != 0);
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

static void read_auth(const json_t *json, struct nx_auth_facts *out) {
    memset(out, 0, sizeof(*out));
    out->outage_lo_us = time_of(json, "outage_lo");
    out->restored_lo_us = time_of(json, "restored_lo");
    out->restored_hi_us = time_of(json, "restored_hi");
    out->observed = true;
    out->all_ns_good = flag_of(json, "all_ns_good");
    out->verified = out->all_ns_good;
    out->serial_known = out->serial_moves = true;
    out->serial_restored = u32(json, "serial_restored");
    out->w_auth_s = u32(json, "w_auth");
    out->w_nsec_s = u32(json, "w_nsec");
    out->parent_w_s = u32(json, "parent_w");
    out->ns_ttl_s = u32(json, "ns_ttl");
    out->old_w_s = u32(json, "old_w");
    out->deleg_changed_ns = flag_of(json, "deleg_changed_ns");
    out->old_servers_negative = flag_of(json, "old_servers_negative");
    out->ns_negative = (uint16_t)u32(json, "ns_negative");
    out->ns_total = (uint16_t)u32(json, "ns_total");
}

static uint8_t conv_of(const char *name) {
    static const char *const NAMES[] = {"U", "F", "F0", "T"};

    for (uint8_t i = 0; i < 4; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            return i;
        }
    }
    fail_msg("convention %s", name);
    return 0;
}

static uint8_t clock_of(const char *name) {
    if (strcmp(name, "own") == 0) {
        return NX_SOA_CLOCK_OWN;
    }
    if (strcmp(name, "shared-until-change") == 0) {
        return NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    }
    return strcmp(name, "shared-renewed") == 0 ? NX_SOA_CLOCK_SHARED_RENEWED
                                               : NX_SOA_CLOCK_UNKNOWN;
}

static void read_profile(const json_t *json, struct nx_profile *out) {
    memset(out, 0, sizeof(*out));
    out->verified = flag_of(json, "verified");
    out->conv = conv_of(text(json, "conv"));
    out->soa_clock = clock_of(text(json, "soa_clock"));
    out->rd0 = strcmp(text(json, "rd0"), "honoured") == 0 ? NX_RD0_HONOURED
                                                          : NX_RD0_REFUSED;
    out->cap_hi_s = u32(json, "cap_hi");
    out->clamp_lo_s = u32(json, "clamp_lo");
    out->w_eff_s = u32(json, "w_eff");
    out->display_cap_s = u32(json, "display_cap");
    out->stale_max_s = u32(json, "stale_max");
    out->caches = (uint16_t)u32(json, "caches");
    out->p_late = number(json, "p_late", 0);
    out->lambda_early_per_s = number(json, "lambda_early", 0);
}

static void set_rcode(const char *kind, struct nx_answer *answer) {
    answer->outcome = NX_ANSWERED;
    if (strcmp(kind, "NXDOMAIN") == 0) {
        answer->rcode = NX_RCODE_NXDOMAIN;
    } else if (strcmp(kind, "SERVFAIL") == 0) {
        answer->rcode = NX_RCODE_SERVFAIL;
    } else if (strncmp(kind, "POS", 3) == 0) {
        answer->flags |= NX_ANS_RDATA;
    } else {
        assert_string_equal(kind, "MISS"); /* NOERROR, nothing in it */
    }
}

/* The last target of "A CNAME B" records in `answer`. */
static void set_denied(const json_t *obs, uint8_t *name,
                       struct nx_answer *answer) {
    const json_t *record = json_array_get(json_object_get(obs, "answer"), 0);
    const char *cname =
        record != NULL ? strstr(json_string_value(record), " CNAME ") : NULL;

    if (cname != NULL) {
        assert_int_equal(0, nx_dname_parse(cname + 7, name));
        answer->denied_name = name;
        answer->cname_n = 1;
    }
}

static void set_soa(const json_t *obs, uint8_t *owner, struct nx_obs *out,
                    struct nx_answer *answer) {
    const char *name = text(obs, "soa_owner");

    if (strncmp(text(obs, "kind"), "POS", 3) == 0) {
        out->answer_ttl_s = u32(obs, "r");
        return;
    }
    if (json_object_get(obs, "r") == NULL) {
        return;
    }
    assert_int_equal(
        0, nx_dname_parse(name[0] != '\0' ? name : "example.com.", owner));
    answer->soa_owner = owner;
    answer->flags |= NX_ANS_SOA;
    answer->soa_serial = (uint32_t)number(obs, "soa_serial", 2026010101);
    answer->soa_minimum_s = u32(obs, "soa_minimum");
    out->soa_ttl_s = u32(obs, "r");
}

/* "192.0.2.1" as one record of A. */
static uint16_t set_address(const json_t *list, uint8_t *rdata) {
    unsigned a[4];

    if (4 != sscanf(json_string_value(json_array_get(list, 0)), "%u.%u.%u.%u",
                    &a[0], &a[1], &a[2], &a[3])) {
        return 0;
    }
    rdata[0] = 0;
    rdata[1] = 4;
    for (int i = 0; i < 4; i++) {
        rdata[2 + i] = (uint8_t)a[i];
    }
    return 6;
}

/* Through nx_look_from_obs, as observations of an agent come. */
static void read_obs(struct vector *v, const json_t *json, double theta_s,
                     double eps_s, struct nx_look *out) {
    static uint8_t qname[NX_DNAME_MAX], apex[NX_DNAME_MAX];
    uint8_t owner[NX_DNAME_MAX], denied[NX_DNAME_MAX];
    uint8_t rdata[8], want[8];
    const char *kind = text(json, "kind");
    struct nx_question question = {.name = qname, .qtype = NX_TYPE_A};
    struct nx_answer answer = {0};
    struct nx_obs obs = {.question = &question, .answer = &answer};
    struct nx_expect expect = {.rdata = want};
    const json_t *auth = json_object_get(v->json, "auth");

    assert_int_equal(0, nx_dname_parse("app.example.com.", qname));
    assert_int_equal(0, nx_dname_parse(text(auth, "apex"), apex));
    question.flags = number(json, "rd", 1) > 0 ? NX_Q_RD : 0;
    set_rcode(kind, &answer);
    set_soa(json, owner, &obs, &answer);
    set_denied(json, denied, &answer);
    if (flag_of(json, "ad")) {
        answer.flags |= NX_ANS_AD;
    }
    if (number(json, "authority_ns", 0) > 0) {
        answer.flags |= NX_ANS_NS;
    }
    const json_t *ede = json_object_get(json, "ede");
    for (size_t i = 0; i < json_array_size(ede); i++) {
        answer.ede[answer.ede_n++] =
            (uint16_t)json_integer_value(json_array_get(ede, i));
    }
    if (json_object_get(auth, "expected") != NULL) {
        expect.rdata_n = 1;
        expect.rdata_len = set_address(json_object_get(auth, "expected"), want);
        answer.rdata = rdata;
        answer.rdata_n = 1;
        answer.rdata_len = set_address(json_object_get(json, "answer"), rdata);
    }
    obs.tx_mono_us = time_of(json, "tx");
    obs.rx_mono_us = time_of(json, "rx");
    obs.src_port = (uint16_t)(1024 + v->looks_n);
    nx_look_from_obs(&obs, &expect, apex, us(theta_s), (uint32_t)us(eps_s),
                     out);
    assert_string_equal(kind, nx_kind_text(out->kind));
    if (answer.denied_name != NULL) {
        char name[NX_DNAME_TEXT_MAX];
        assert_string_equal(text(v->expect, "denied_name"),
                            nx_dname_text(answer.denied_name, name));
        assert_true((out->flags & NX_LOOK_CNAME) != 0);
    }
}

static json_t *vector_json(const char *id) {
    for (size_t i = 0; i < json_array_size(VECTORS); i++) {
        json_t *json = json_array_get(VECTORS, i);
        if (strcmp(text(json, "id"), id) == 0) {
            return json;
        }
    }
    fail_msg("no vector %s", id);
    return NULL;
}

/* data_of: the vector whose observations stand for a missing set. */
static void load(const char *id, const char *data_of, struct vector *v) {
    json_t *json = vector_json(id);

    memset(v, 0, sizeof(*v));
    v->id = id;
    v->json = json;
    v->expect = json_object_get(json, "expect");
    nx_diagnosis_settings_default(&v->settings);
    v->settings.first_visit_n = 1; /* section 8 begins after the first visit */
    if (json_object_get(json, "auth") == NULL ||
        json_is_null(json_object_get(json, "auth"))) {
        return;
    }
    const json_t *profile = json_object_get(json, "profile");
    read_auth(json_object_get(json, "auth"), &v->auth);
    read_profile(profile, &v->profile);
    v->theta_s = number(profile, "clock_offset", 0);
    v->eps_s = number(profile, "clock_eps", 0);
    v->now_us = time_of(json, "now");
    const json_t *obs =
        json_object_get(data_of != NULL ? vector_json(data_of) : json, "obs");
    for (size_t i = 0; i < json_array_size(obs); i++) {
        read_obs(v, json_array_get(obs, i), v->theta_s, v->eps_s,
                 &v->looks[v->looks_n]);
        v->looks_n++;
    }
}

static void diagnose(struct vector *v) {
    nx_diagnose(&v->settings, v->looks, v->looks_n, &v->auth, &v->profile,
                v->now_us, NULL, &v->verdict);
}

/* ---- checking ---- */

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

/* ---- the vectors ---- */

/* Those that are a case: observations in, verdict out. */
static void test_cases(void **state) {
    static const char *const IDS[] = {
        "V01", "V02", "V03", "V04", "V05", "V06", "V07", "V08a", "V08b",
        "V09", "V10", "V11", "V12", "V13", "V16", "V17", "V18",  "V21",
        "V22", "V24", "V25", "V26", "V30", "V33", "V34"};

    (void)state;
    for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++) {
        struct vector v;
        load(IDS[i], NULL, &v);
        diagnose(&v);
        check_all(&v);
    }
}

/* V19 and V31 take the observations of V01, as their titles say. */
static void test_data_of_v01(void **state) {
    struct vector v;

    (void)state;
    load("V19", "V01", &v);
    diagnose(&v);
    check_all(&v);
    load("V31", "V01", &v);
    diagnose(&v);
    check_all(&v);
}

static void test_v14_chao(void **state) {
    struct vector v;
    uint16_t counts[16];

    (void)state;
    load("V14", NULL, &v);
    json_t *list = json_object_get(v.expect, "line_counts");
    for (size_t i = 0; i < json_array_size(list); i++) {
        counts[i] = (uint16_t)json_integer_value(json_array_get(list, i));
    }
    check_chao_of(&v, json_object_get(v.expect, "chao1"), counts,
                  json_array_size(list));
}

static void test_v15_positives(void **state) {
    struct vector v;
    const char *share = NULL;
    json_t *want = NULL;

    (void)state;
    load("V15", NULL, &v);
    v.looks_n = u32(v.expect, "n");
    for (size_t i = 0; i < v.looks_n; i++) {
        v.looks[i] = (struct nx_look){.tx_us = us(700.0 + (double)i),
                                      .rx_us = us(700.01 + (double)i),
                                      .kind = NX_KIND_POS,
                                      .r_s = 300,
                                      .flags = NX_LOOK_RD,
                                      .src_port = (uint16_t)(2000 + i)};
    }
    v.now_us = us(760);
    diagnose(&v);
    assert_string_equal(text(v.expect, "state"),
                        nx_state_text(v.verdict.state));
    assert_int_equal(v.looks_n, v.verdict.positives_in_row);
    check_real(&v, "upper95", number(v.expect, "neg_fraction_upper95", 0),
               v.verdict.denied_upper95);
    json_object_foreach(json_object_get(v.expect, "n_required"), share, want) {
        assert_int_equal(json_integer_value(want),
                         nx_positives_required(strtod(share, NULL)));
    }
}

static void test_v20_clock(void **state) {
    struct vector v;

    (void)state;
    load("V20", NULL, &v);
    diagnose(&v);
    assert_string_equal(text(v.expect, "state"),
                        nx_state_text(v.verdict.state));
    check_pair(
        &v, "line_collector", json_object_get(v.expect, "line_collector"),
        v.verdict.lines[0].a_us, v.verdict.lines[0].b_us, TIME_TOLERANCE_US);
    check_pair(&v, "fill_collector",
               json_object_get(v.expect, "fill_collector"),
               v.verdict.fill_lo_us, v.verdict.fill_hi_us, TIME_TOLERANCE_US);
    struct nx_look agent;
    read_obs(&v, json_array_get(json_object_get(v.json, "obs"), 0), 0, 0,
             &agent);
    struct nx_line line = nx_bracket(&agent, NX_CONV_F);
    check_pair(&v, "line_agent", json_object_get(v.expect, "line_agent"),
               line.a_us, line.b_us, TIME_TOLERANCE_US);
}

static void test_v23_interval(void **state) {
    struct vector v;

    (void)state;
    load("V23", NULL, &v);
    json_t *table = json_object_get(v.expect, "table");
    for (size_t i = 0; i < json_array_size(table); i++) {
        json_t *row = json_array_get(table, i);
        int64_t left_us = us(number(row, "left", 0));
        struct nx_diagnosis_settings open = v.settings;
        open.probe_floor_us = 0;
        open.probe_ceiling_us = INT64_MAX;
        check_us(&v, "raw", number(row, "raw", 0),
                 nx_schedule_interval(&open, left_us), TIME_TOLERANCE_US);
        check_us(&v, "tau", number(row, "tau", 0),
                 nx_schedule_interval(&v.settings, left_us), TIME_TOLERANCE_US);
    }
}

static struct nx_verdict uniform_verdict(const json_t *pair) {
    struct nx_verdict verdict = {.state = NX_STATE_CACHED_NXDOMAIN};

    verdict.dist.known = true;
    verdict.dist.prior_used = true;
    verdict.dist.prior_a_us = us(json_number_value(json_array_get(pair, 0)));
    verdict.dist.prior_b_us = us(json_number_value(json_array_get(pair, 1)));
    nx_dist_eta(&verdict.dist, &verdict.eta);
    return verdict;
}

static void test_v27_rollup(void **state) {
    static const char *const NAMES[] = {"A", "B", "C"};
    struct vector v;
    struct nx_verdict verdicts[3];
    struct nx_rollup_target targets[3];
    struct nx_rollup_member members[3];
    struct nx_incident_forecast got;
    int64_t latest_us = INT64_MIN;

    (void)state;
    load("V27", NULL, &v);
    json_t *e = v.expect;
    for (size_t i = 0; i < 3; i++) {
        verdicts[i] = uniform_verdict(
            json_object_get(json_object_get(e, "uniform"), NAMES[i]));
        targets[i] = (struct nx_rollup_target){&verdicts[i], 1.0, 0};
        members[i] = (struct nx_rollup_member){
            &targets[i], 1, number(json_object_get(e, "weights"), NAMES[i], 0)};
        latest_us = verdicts[i].eta.point_us > latest_us
                        ? verdicts[i].eta.point_us
                        : latest_us;
    }
    nx_rollup_incident(members, 3, 0, &got);
    json_t *q = json_object_get(e, "all_clear");
    int64_t tol = QUANTILE_TOLERANCE_US;
    check_us(&v, "q05", number(q, "q05", 0), got.all_clear.lo90_us, tol);
    check_us(&v, "q25", number(q, "q25", 0), got.all_clear.lo50_us, tol);
    check_us(&v, "q50", number(q, "q50", 0), got.all_clear.point_us, tol);
    check_us(&v, "q75", number(q, "q75", 0), got.all_clear.hi50_us, tol);
    check_us(&v, "q95", number(q, "q95", 0), got.all_clear.hi90_us, tol);
    check_real(&v, "share", number(e, "share_affected_at_3900", 0),
               nx_rollup_share(members, 3, us(3900)));
    check_us(&v, "10pct", number(e, "share_below_10pct_at", 0),
             got.below_10pct_us, tol);
    check_us(&v, "1pct", number(e, "share_below_1pct_at", 0), got.below_1pct_us,
             tol);
    check_us(&v, "medians", number(e, "max_of_medians", 0), latest_us, tol);
}

static void check_window(struct vector *v, const char *key,
                         struct nx_window window) {
    json_t *want = json_object_get(v->expect, key);
    struct nx_dist dist;
    struct nx_eta eta;

    assert_true(window.known);
    check_pair(v, key, json_object_get(want, "prior"), window.a_us, window.b_us,
               TIME_TOLERANCE_US);
    nx_forecast_window(&window, &v->profile, v->profile.w_eff_s, v->now_us,
                       &dist);
    nx_dist_eta(&dist, &eta);
    check_eta_of(v, json_object_get(want, "eta"), &eta);
}

static void test_v28_popularity(void **state) {
    struct vector v;

    (void)state;
    load("V28", NULL, &v);
    int64_t w_us = us(v.profile.w_eff_s);
    check_window(&v, "popular",
                 nx_prior_popular(v.auth.outage_lo_us, v.auth.restored_hi_us,
                                  w_us, us(300)));
    check_window(&v, "unpopular",
                 nx_prior(v.auth.outage_lo_us, v.auth.restored_hi_us, w_us));
}

static void test_v29_ttl_zero(void **state) {
    struct vector v;

    (void)state;
    load("V29", NULL, &v);
    struct nx_line f0 = nx_bracket(&v.looks[0], NX_CONV_F0);
    struct nx_line f = nx_bracket(&v.looks[0], NX_CONV_F);
    check_pair(&v, "line_F0", json_object_get(v.expect, "line_F0"), f0.a_us,
               f0.b_us, TIME_TOLERANCE_US);
    check_pair(&v, "line_F", json_object_get(v.expect, "line_F"), f.a_us,
               f.b_us, TIME_TOLERANCE_US);
}

static void test_v32_fills(void **state) {
    struct vector v;
    struct nx_outage_window window;
    int64_t fills_us[8];

    (void)state;
    load("V32", NULL, &v);
    json_t *list = json_object_get(v.expect, "fills");
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        fills_us[i] = us(json_number_value(json_array_get(list, i)));
    }
    assert_true(nx_outage_from_fills(fills_us, n, &window));
    check_us(&v, "start", number(v.expect, "outage_start_at_most", 0),
             window.start_at_most_us, TIME_TOLERANCE_US);
    check_us(&v, "end", number(v.expect, "restored_at_least", 0),
             window.restored_at_least_us, TIME_TOLERANCE_US);
    check_us(&v, "start hat", number(v.expect, "outage_start_hat", 0),
             window.start_hat_us, TIME_TOLERANCE_US);
    check_us(&v, "end hat", number(v.expect, "restored_hat", 0),
             window.restored_hat_us, TIME_TOLERANCE_US);
}

/* A vector that is added to the file must be added here too. */
static void test_count(void **state) {
    (void)state;
    assert_int_equal(35, json_array_size(VECTORS));
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_data_of_v01),
        cmocka_unit_test(test_v14_chao),
        cmocka_unit_test(test_v15_positives),
        cmocka_unit_test(test_v20_clock),
        cmocka_unit_test(test_v23_interval),
        cmocka_unit_test(test_v27_rollup),
        cmocka_unit_test(test_v28_popularity),
        cmocka_unit_test(test_v29_ttl_zero),
        cmocka_unit_test(test_v32_fills),
    };
    json_error_t error;

    VECTORS =
        json_load_file(NX_SOURCE_DIR "/tests/tables/estimator.json", 0, &error);
    if (VECTORS == NULL) {
        fprintf(stderr, "estimator.json:%d: %s\n", error.line, error.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(TESTS, NULL, NULL);
    json_decref(VECTORS);
    return failed;
}
