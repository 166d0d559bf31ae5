/* The vectors of estimator.json, read as `nxclear estimate` reads them
 * (collector/replay/vector.h). For test_vectors.c. */
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

#include "collector/infer/chao.h"
#include "collector/infer/diagnosis.h"
#include "collector/infer/estimator.h"
#include "collector/infer/forecast.h"
#include "collector/infer/lines.h"
#include "collector/infer/prior.h"
#include "collector/infer/rollup.h"
#include "collector/infer/schedule.h"
#include "collector/replay/vector.h"

static json_t *VECTORS;

struct vector {
    const char *id;
    json_t *json, *expect;
    struct nx_diagnosis_settings settings;
    struct nx_auth_facts auth;
    struct nx_profile profile;
    struct nx_look looks[NX_LOOKS_MAX];
    size_t looks_n;
    int64_t now_us;
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

static uint32_t u32(const json_t *object, const char *key) {
    return (uint32_t)number(object, key, 0);
}

static const char *text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
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

/* Fails the test when the reader has something against it. */
static void read_input(struct vector *v, const json_t *input) {
    static struct nx_vector read;
    struct nx_json_fault fault;
    struct nx_in in = nx_in_root(input, &fault);

    nx_vector_read(&in, &read);
    if (fault.failed) {
        fail_msg("%s: %s", v->id, fault.why);
    }
    v->settings = read.settings;
    v->auth = read.auth;
    v->profile = read.profile;
    v->now_us = read.now_us;
    v->looks_n = read.looks_n;
    memcpy(v->looks, read.looks, sizeof(v->looks));
    if (read.denied_known) {
        char name[NX_DNAME_TEXT_MAX];
        assert_string_equal(text(v->expect, "denied_name"),
                            nx_dname_text(read.denied_name, name));
    }
}

/* The vector with these observations, and with a time if it lacks one. */
static json_t *input_of(const json_t *json, const json_t *obs) {
    json_t *input = json_deep_copy(json);

    json_object_set_new(
        input, "obs", json_is_array(obs) ? json_deep_copy(obs) : json_array());
    if (json_is_null(json_object_get(input, "now"))) {
        json_object_set_new(input, "now", json_integer(0));
    }
    return input;
}

/* data_of: the vector whose observations stand for a missing set. */
static void load(const char *id, const char *data_of, struct vector *v) {
    json_t *json = vector_json(id);
    const json_t *source = data_of != NULL ? vector_json(data_of) : json;

    memset(v, 0, sizeof(*v));
    v->id = id;
    v->json = json;
    v->expect = json_object_get(json, "expect");
    nx_diagnosis_settings_default(&v->settings);
    v->settings.first_visit_n = 1; /* section 8 begins after the first visit */
    if (json_is_null(json_object_get(json, "auth"))) {
        return;
    }
    json_t *input = input_of(json, json_object_get(source, "obs"));
    read_input(v, input);
    json_decref(input);
}

static inline void diagnose(struct vector *v) {
    nx_diagnose(&v->settings, v->looks, v->looks_n, &v->auth, &v->profile,
                v->now_us, NULL, &v->verdict);
}

#endif
