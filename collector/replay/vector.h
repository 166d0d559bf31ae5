/* A vector: what is known of one target at one moment, as JSON, and the
 * verdict on it. For `nxclear estimate` and tests/tables; keys and shapes:
 * nxclear(1). Times are seconds since any epoch. Pure. */
#ifndef NX_COLLECTOR_VECTOR_H
#define NX_COLLECTOR_VECTOR_H

#include "collector/infer/diagnosis.h"
#include "collector/replay/json_in.h"

#define NX_VECTORS_MAX 100000U
#define NX_VECTOR_OBS_MAX 10000U

struct nx_vector {
    struct nx_diagnosis_settings settings;
    struct nx_auth_facts auth;
    struct nx_profile profile;
    struct nx_look looks[NX_LOOKS_MAX]; /* the newest, oldest first */
    size_t looks_n;
    int64_t now_us;
    bool denied_known;
    uint8_t denied_name[NX_DNAME_MAX]; /* target of the last CNAME seen */
};

/* Is it a case at all? Some vectors of the tables are not: `auth`, `obs` or
 * `now` is there and null. */
bool nx_vector_is_case(const json_t *vector);

/* Reads the place `in`; faults go where its root says. */
void nx_vector_read(const struct nx_in *in, struct nx_vector *out);

/* Its member `profile`; absent: nothing known (nx_profile_default). */
void nx_vector_read_profile(const struct nx_in *in, struct nx_profile *out);

void nx_vector_diagnose(const struct nx_vector *vector, struct nx_verdict *out);

/* The verdict with the keys of `expect`; a new reference, NULL when out of
 * memory. */
json_t *nx_vector_answer(const struct nx_vector *vector,
                         const struct nx_verdict *verdict);

/* One vector, or an array of them, to one answer or an array in the same
 * order; what is no case gives null. NULL with *fault. */
json_t *nx_vector_estimate(const json_t *document, struct nx_json_fault *fault);

#endif
