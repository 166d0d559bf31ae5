/* Names and records inside a DNS message (RFC 1035 section 4.1), read without
 * trusting it.
 *
 * Compression pointers go strictly backwards and are at most as many as a name
 * can have labels, so a name costs the same however the message is made;
 * nothing is allocated. */
#ifndef NX_AGENT_RR_H
#define NX_AGENT_RR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dname.h"
#include "common/err.h"

#define NX_MESSAGE_MAX 65535U /* octets, RFC 1035 section 4.2.2 */
#define NX_HEADER_BYTES 12U   /* RFC 1035 section 4.1.1 */
#define NX_CLASS_IN 1U
#define NX_CLASS_CH 3U
#define NX_RR_SCRATCH_BYTES 1536U /* canonical RDATA of any type with names */

enum nx_section { NX_SECTION_ANSWER, NX_SECTION_AUTHORITY, NX_SECTION_EXTRA };

/* One record; its RDATA is in the message and may hold compressed names. */
struct nx_rr {
    uint8_t section; /* enum nx_section */
    uint16_t type;
    uint16_t rclass;
    uint32_t ttl_raw; /* as sent; in OPT not a time */
    uint32_t ttl_s;   /* top bit set counts as 0 (RFC 2181 section 8) */
    uint16_t rdata_len;
    size_t rdata_at; /* offset into the message */
    uint8_t owner[NX_DNAME_MAX];
};

/* Walks the records of a message with one question. */
struct nx_rr_iter {
    const uint8_t *msg; /* borrowed */
    size_t len;
    size_t at;        /* offset of what comes next */
    uint16_t left[3]; /* records left, by section */
    bool broken;      /* ended early because the message does not hold */
};

uint16_t nx_wire_u16(const uint8_t *p);
uint32_t nx_wire_u32(const uint8_t *p);

/* The name at offset `at`, decompressed into out (NX_DNAME_MAX octets, letter
 * case kept); *next is the offset after it. NX_EMALFORMED. */
int nx_wire_name(const uint8_t *msg, size_t len, size_t at, uint8_t *out,
                 size_t *next) NX_MUSTUSE;

/* Starts behind the question. A message shorter than a header, or with other
 * than one question, has no records and is broken. */
void nx_rr_iter_init(struct nx_rr_iter *iter, const uint8_t *msg, size_t len);

/* The next record, or false at the end; then iter->broken tells why, and
 * iter->at == iter->len whether the message ends exactly there. */
bool nx_rr_next(struct nx_rr_iter *iter, struct nx_rr *out);

/* Does the RDATA have the structure of its type? Types not known here, and
 * classes other than IN, are opaque. NX_EMALFORMED. */
int nx_rr_check(const uint8_t *msg, size_t len,
                const struct nx_rr *rr) NX_MUSTUSE;

/* The name at the start of rr's RDATA (NS, CNAME, PTR, DNAME), decompressed
 * into out (NX_DNAME_MAX octets). NX_EMALFORMED. */
int nx_rr_target(const struct nx_rr_iter *iter, const struct nx_rr *rr,
                 uint8_t *out) NX_MUSTUSE;

/* The RDATA of a record that nx_rr_check accepted in canonical form (RFC 4034
 * section 6.2): names decompressed and in lower case, also the target of SVCB
 * and HTTPS, so that sets compare as names do. Points into the message
 * or into scratch (NX_RR_SCRATCH_BYTES). */
const uint8_t *nx_rr_canonical(const uint8_t *msg, size_t len,
                               const struct nx_rr *rr, uint8_t *scratch,
                               size_t *canonical_len);

/* Canonical order of RDATA, RFC 4034 section 6.3: <0, 0, >0. */
int nx_rdata_compare(const uint8_t *a, size_t a_len, const uint8_t *b,
                     size_t b_len);

#endif
