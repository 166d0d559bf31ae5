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

/* Does a key of the set fit a DS? Key tag and algorithm, and the digest where
 * it is SHA-256 or SHA-384; of others it is not looked at, nor at all at a DS
 * with them where there is one with these: validators ignore it then (RFC 4509
 * section 3). owner: the zone's apex, in lower case. */
bool nx_ds_fit(struct nx_rdata_list ds, const uint8_t *owner,
               struct nx_rdata_list keys);

#endif
