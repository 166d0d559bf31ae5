/* Values of the status documents: times, names, forecasts as JSON; always valid
 * UTF-8, unknown is null. Pure. */
#ifndef NX_COLLECTOR_STATUS_TEXT_H
#define NX_COLLECTOR_STATUS_TEXT_H

#include <jansson.h>

#include "collector/engine/engine.h"
#include "collector/infer/sizes.h"
#include "collector/status/json_put.h"

/* New references; NULL when out of memory. */
json_t *nx_json_time(int64_t us); /* null: NX_TIME_UNKNOWN */
json_t *nx_json_eta(const struct nx_eta *eta);
json_t *nx_json_hard(const struct nx_hard *hard);
json_t *nx_json_ratio(double ratio); /* null: negative */
/* {"site", "provider", "asn", "country"}; null: not given. */
json_t *nx_json_labels(const struct nx_labels *labels);
json_t *nx_json_name(const uint8_t *name);
json_t *nx_json_type(uint16_t qtype);
json_t *nx_json_address(const struct nx_endpoint *at);
/* What EDNS sizes brought: {"512": "tcp", "1232": "lost"}. */
json_t *nx_json_sizes(const uint8_t sized[NX_SIZES_N]);

/* The same as text (json_put.h). */
void nx_put_time(struct nx_text *out, int64_t us);
void nx_put_span(struct nx_text *out, bool known, int64_t lo_us, int64_t hi_us);
void nx_put_eta(struct nx_text *out, const struct nx_eta *eta);
void nx_put_hard(struct nx_text *out, const struct nx_hard *hard);
void nx_put_ratio(struct nx_text *out, double ratio);
void nx_put_labels(struct nx_text *out, const struct nx_labels *labels);

/* {"A": ["192.0.2.10"]} of all items that expect something. */
json_t *nx_json_expect(const struct nx_incident *incident);

/* What an estimate rests on. */
struct nx_basis_of {
    uint8_t basis, unknown_reason, state;
    unsigned looks_n, caches_n;
    int64_t last_look_us;
};
#define NX_BASIS_TEXT_MAX 64U
/* "countdown, 4 looks", "countdown, 2 caches", "prior", "agent silent since
 * 20:14Z"; returns out (NX_BASIS_TEXT_MAX bytes). */
char *nx_basis_write(const struct nx_basis_of *of, char *out);

/* Sets object[key] = value, which it takes over. False, and value freed, when
 * value is NULL or memory is out. */
bool nx_json_set(json_t *object, const char *key, json_t *value);
bool nx_json_add(json_t *array, json_t *value);

#endif
