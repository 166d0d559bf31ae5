/* Keys and delegation signers as they stand in RDATA (RFC 4034 sections 2, 5).
 * Compared, never validated. Pure. */
#ifndef NX_COLLECTOR_AUDIT_DNSSEC_H
#define NX_COLLECTOR_AUDIT_DNSSEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An RRset as nx_answer has it: two octets of length, then the RDATA. */
struct nx_rdata_list {
    const uint8_t *bytes;
    size_t len;
};

/* The next RDATA; moves on. False at the end, and where a length lies. */
bool nx_rdata_next(struct nx_rdata_list *list, const uint8_t **rdata,
                   size_t *len);

/* RFC 4034 appendix B, of DNSKEY RDATA. */
uint16_t nx_key_tag(const uint8_t *rdata, size_t len);

/* Does a key of the set fit this DS? Key tag and algorithm, and the digest
 * where it is SHA-256 (type 2); of other digests it is not looked at. owner:
 * the zone's apex, in lower case. */
bool nx_ds_fits(const uint8_t *ds, size_t ds_len, const uint8_t *owner,
                struct nx_rdata_list keys);

#endif
