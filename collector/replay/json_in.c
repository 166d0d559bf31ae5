#include "collector/replay/json_in.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/dname.h"
#include "common/text.h"

#define DEPTH_MAX 12U
#define SHOWN_MAX 40 /* bytes of a text that is wrong */

struct nx_in nx_in_root(const json_t *value, struct nx_json_fault *fault) {
    *fault = (struct nx_json_fault){.failed = false};
    return (struct nx_in){.value = value, .fault = fault};
}

struct nx_in nx_in_member(const struct nx_in *in, const char *key) {
    const json_t *value = json_object_get(in->value, key);
    if (json_is_null(value) || in->fault->failed) {
        value = NULL;
    }
    return (struct nx_in){
        .value = value, .up = in, .key = key, .fault = in->fault};
}

struct nx_in nx_in_element(const struct nx_in *in, size_t index) {
    return (struct nx_in){
        .value = in->fault->failed ? NULL : json_array_get(in->value, index),
        .up = in,
        .index = index,
        .fault = in->fault};
}

/* "auth.expected[0]"; "" at the root. */
static void write_path(const struct nx_in *in, struct nx_text *out) {
    const struct nx_in *chain[DEPTH_MAX];
    size_t n = 0;
    for (; in->up != NULL && n < DEPTH_MAX; in = in->up) {
        chain[n++] = in;
    }
    while (n-- > 0) {
        if (chain[n]->key != NULL) {
            nx_text_addf(out, "%s%s", out->len > 0 ? "." : "", chain[n]->key);
        } else {
            nx_text_addf(out, "[%zu]", chain[n]->index);
        }
    }
    if (out->len > 0) {
        nx_text_add(out, ": ");
    }
}

void nx_in_fail(const struct nx_in *in, const char *format, ...) {
    char raw[NX_FAULT_MAX];
    struct nx_text text;
    va_list args;
    if (in->fault->failed) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    nx_text_init(&text);
    write_path(in, &text);
    nx_text_escaped(&text, raw);
    (void)nx_escape(text.failed || text.bytes == NULL ? "out of memory"
                                                      : text.bytes,
                    in->fault->why, sizeof(in->fault->why));
    nx_text_fini(&text);
    in->fault->failed = true;
}

/* "not a number: "x"", "not a number, but an object". */
static void wrong(const struct nx_in *in, const char *wanted) {
    static const char *const TYPES[] = {"an object", "an array", "a text",
                                        "a number",  "a number", "true",
                                        "false",     "null"};
    if (in->value == NULL) {
        nx_in_fail(in, "missing");
    } else if (json_is_string(in->value)) {
        nx_in_fail(in, "%s: \"%.*s\"", wanted, SHOWN_MAX,
                   json_string_value(in->value));
    } else if (json_is_integer(in->value)) {
        nx_in_fail(in, "%s: %" JSON_INTEGER_FORMAT, wanted,
                   json_integer_value(in->value));
    } else if (json_is_real(in->value)) {
        nx_in_fail(in, "%s: %g", wanted, json_real_value(in->value));
    } else {
        nx_in_fail(in, "%s, but %s", wanted, TYPES[json_typeof(in->value)]);
    }
}

bool nx_in_is_object(const struct nx_in *in) {
    if (!in->fault->failed && !json_is_object(in->value)) {
        wrong(in, "not an object");
    }
    return !in->fault->failed;
}

size_t nx_in_size(const struct nx_in *in, size_t max) {
    size_t n = json_array_size(in->value);
    if (in->fault->failed || in->value == NULL) {
        return 0;
    }
    if (!json_is_array(in->value)) {
        wrong(in, "not an array");
    } else if (n > max) {
        nx_in_fail(in, "more than %zu elements: %zu", max, n);
    }
    return in->fault->failed ? 0 : n;
}

double nx_in_real(const struct nx_in *in, const char *key, double lo, double hi,
                  double otherwise) {
    struct nx_in at = nx_in_member(in, key);
    double value = json_number_value(at.value);
    if (at.value == NULL) {
        return otherwise;
    }
    if (!json_is_number(at.value)) {
        wrong(&at, "not a number");
    } else if (!(value >= lo && value <= hi)) {
        nx_in_fail(&at, "not in %g..%g: %g", lo, hi, value);
    }
    return in->fault->failed ? otherwise : value;
}

/* Numbers such as 3.0 are integers, too. */
static bool as_integer(const json_t *value, int64_t *out) {
    double real = json_number_value(value);
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    /* 2^53: what a double holds exactly */
    if (!json_is_real(value) || !(fabs(real) <= 9007199254740992.0) ||
        isless(floor(real), real)) {
        return false;
    }
    *out = (int64_t)real;
    return true;
}

int64_t nx_in_integer_here(const struct nx_in *in, int64_t lo, int64_t hi) {
    int64_t value = lo;
    if (in->fault->failed) {
        return lo;
    }
    if (!json_is_number(in->value)) {
        wrong(in, "not a number");
    } else if (!as_integer(in->value, &value)) {
        wrong(in, "not a whole number");
    } else if (value < lo || value > hi) {
        nx_in_fail(in, "not in %" PRId64 "..%" PRId64 ": %" PRId64, lo, hi,
                   value);
    }
    return in->fault->failed ? lo : value;
}

int64_t nx_in_integer(const struct nx_in *in, const char *key, int64_t lo,
                      int64_t hi, int64_t otherwise) {
    struct nx_in at = nx_in_member(in, key);
    if (at.value == NULL) {
        return otherwise;
    }
    int64_t value = nx_in_integer_here(&at, lo, hi);
    return in->fault->failed ? otherwise : value;
}

uint32_t nx_in_u32(const struct nx_in *in, const char *key,
                   uint32_t otherwise) {
    return (uint32_t)nx_in_integer(in, key, 0, UINT32_MAX, otherwise);
}

bool nx_in_bool(const struct nx_in *in, const char *key, bool otherwise) {
    struct nx_in at = nx_in_member(in, key);
    if (at.value == NULL) {
        return otherwise;
    }
    if (json_is_integer(at.value) && json_integer_value(at.value) >= 0 &&
        json_integer_value(at.value) <= 1) {
        return json_integer_value(at.value) == 1; /* "rd": 1 */
    }
    if (!json_is_boolean(at.value)) {
        wrong(&at, "neither true nor false");
        return otherwise;
    }
    return json_is_true(at.value);
}

const char *nx_in_text_here(const struct nx_in *in, const char *otherwise) {
    if (in->fault->failed) {
        return otherwise;
    }
    if (!json_is_string(in->value)) {
        wrong(in, "not a text");
        return otherwise;
    }
    return json_string_value(in->value);
}

const char *nx_in_text(const struct nx_in *in, const char *key,
                       const char *otherwise) {
    struct nx_in at = nx_in_member(in, key);
    return at.value == NULL ? otherwise : nx_in_text_here(&at, otherwise);
}

int nx_in_choice(const struct nx_in *in, const char *key,
                 const char *const *texts, size_t n, int otherwise) {
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, NULL);
    struct nx_text known;
    if (text == NULL) {
        return otherwise;
    }
    nx_text_init(&known);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(texts[i], text) == 0) {
            nx_text_fini(&known);
            return (int)i;
        }
        nx_text_addf(&known, "%s%s", i == 0 ? "" : ", ", texts[i]);
    }
    nx_in_fail(&at, "not one of %.150s: \"%.*s\"",
               known.bytes != NULL ? known.bytes : "", SHOWN_MAX, text);
    nx_text_fini(&known);
    return otherwise;
}

bool nx_in_name(const struct nx_in *in, const char *key, uint8_t *out) {
    struct nx_in at = nx_in_member(in, key);
    const char *text = nx_in_text(in, key, NULL);
    if (text == NULL) {
        return false;
    }
    if (nx_dname_parse(text, out) != 0) {
        wrong(&at, "not a domain name");
        return false;
    }
    return true;
}
