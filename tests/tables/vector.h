/* Reading estimator.json: a vector's facts, profile and observations, the
 * latter through nx_look_from_obs as those of an agent come. For
 * test_vectors.c. */
#ifndef NX_TESTS_TABLES_VECTOR_H
#define NX_TESTS_TABLES_VECTOR_H

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

static inline void diagnose(struct vector *v) {
    nx_diagnose(&v->settings, v->looks, v->looks_n, &v->auth, &v->profile,
                v->now_us, NULL, &v->verdict);
}

#endif
