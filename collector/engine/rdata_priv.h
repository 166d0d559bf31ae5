/* What parsing and presenting of RDATA share. */
#ifndef NX_COLLECTOR_RDATA_PRIV_H
#define NX_COLLECTOR_RDATA_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct nx_rdata_sink {
    uint8_t *out;
    size_t cap, len;
};

/* NX_ELIMIT. */
int nx_rdata_put(struct nx_rdata_sink *k, const void *bytes,
                 size_t len) NX_MUSTUSE;

/* The octet at *at, which is not the end, with escapes resolved (RFC 1035
 * section 5.1); moves *at. NX_EMALFORMED. */
int nx_rdata_octet(const char **at, uint8_t *out) NX_MUSTUSE;

struct nx_rdata_page {
    char *out;
    size_t cap, len;
};

/* Whole pieces only: after the first that has no room nothing is added. */
void nx_rdata_add(struct nx_rdata_page *page, const char *text);

/* One octet of a string in quotes. */
void nx_rdata_add_octet(struct nx_rdata_page *page, uint8_t octet);

/* --- SvcParams, the rest of SVCB and HTTPS (RFC 9460 section 2): pairs of key
 * and value, in ascending order of keys, each once; values of the keys that
 * the RFC defines in its formats, those of others any octets --- */

bool nx_svcparams_fit(const uint8_t *params, size_t len);

/* text: to its end, in any order (section 2.1 and appendix A).
 * NX_EMALFORMED, NX_ELIMIT. */
int nx_svcparams_parse(const char *text, struct nx_rdata_sink *k) NX_MUSTUSE;

/* Of params that fit, with a blank before each. */
void nx_svcparams_add(struct nx_rdata_page *page, const uint8_t *params,
                      size_t len);

#endif
