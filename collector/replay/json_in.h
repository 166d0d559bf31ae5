/* Reading JSON that strangers wrote: each fault is told with its path, such as
 * "obs[3].r: not a number". Pure.
 *
 * The first fault sticks: after it every call returns what the caller gave for
 * "absent" and does nothing, so that readers check once, at the end. A member
 * that is null counts as absent. */
#ifndef NX_COLLECTOR_JSON_IN_H
#define NX_COLLECTOR_JSON_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define NX_FAULT_MAX 256U

struct nx_json_fault {
    bool failed;
    char why[NX_FAULT_MAX]; /* printable ASCII */
};

/* A place in a document. Lives as long as the places above it. */
struct nx_in {
    const json_t *value; /* NULL: absent */
    const struct nx_in *up;
    const char *key; /* NULL: element `index` of `up`, or the root */
    size_t index;
    struct nx_json_fault *fault;
};

struct nx_in nx_in_root(const json_t *value, struct nx_json_fault *fault);
struct nx_in nx_in_member(const struct nx_in *in, const char *key);
struct nx_in nx_in_element(const struct nx_in *in, size_t index);

/* Writes "PATH: ..."; only the first call does. */
void nx_in_fail(const struct nx_in *in, const char *format, ...)
    NX_PRINTF(2, 3);

/* Is it there and an object? Absent is a fault, too. */
bool nx_in_is_object(const struct nx_in *in);
/* Elements of an array; 0 when absent. More than max is a fault. */
size_t nx_in_size(const struct nx_in *in, size_t max);

/* Members. A number outside lo..hi is a fault. */
double nx_in_real(const struct nx_in *in, const char *key, double lo, double hi,
                  double otherwise);
int64_t nx_in_integer(const struct nx_in *in, const char *key, int64_t lo,
                      int64_t hi, int64_t otherwise);
uint32_t nx_in_u32(const struct nx_in *in, const char *key, uint32_t otherwise);
bool nx_in_bool(const struct nx_in *in, const char *key, bool otherwise);
/* Borrowed from the document. */
const char *nx_in_text(const struct nx_in *in, const char *key,
                       const char *otherwise);
/* Index of one of the texts; otherwise may be -1. */
int nx_in_choice(const struct nx_in *in, const char *key,
                 const char *const *texts, size_t n, int otherwise);
/* A domain name in wire form (NX_DNAME_MAX); false: absent or a fault. */
bool nx_in_name(const struct nx_in *in, const char *key, uint8_t *out);

/* The same of the place itself. */
int64_t nx_in_integer_here(const struct nx_in *in, int64_t lo, int64_t hi);
const char *nx_in_text_here(const struct nx_in *in, const char *otherwise);

#endif
