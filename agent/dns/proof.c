#include "agent/dns/proof.h"

#include "common/rrtype.h"

#define RRSIG_FIXED_BYTES 18U /* RFC 4034 section 3.1, before the signer */
#define NSEC3_FIXED_BYTES                                                      \
    5U /* RFC 5155 section 3.2, with the salt's length                         \
        */

/* Serial number arithmetic, RFC 4034 section 3.1.5. */
static bool before(uint32_t a, uint32_t b) {
    return a != b && b - a < UINT32_C(0x80000000);
}

static int read_signature(const uint8_t *rdata, size_t len,
                          struct nx_proof *proof) {
    if (len <= RRSIG_FIXED_BYTES) {
        return NX_EMALFORMED;
    }
    uint32_t expiration = nx_wire_u32(rdata + 8);
    uint32_t inception = nx_wire_u32(rdata + 12);
    bool first = proof->signatures_n == 0;
    if (first || before(expiration, proof->expiration)) {
        proof->expiration = expiration;
        proof->algorithm = rdata[2];
        proof->key_tag = nx_wire_u16(rdata + 16);
    }
    if (first || before(proof->inception, inception)) {
        proof->inception = inception;
    }
    if (proof->signatures_n < UINT8_MAX) {
        proof->signatures_n++;
    }
    return 0;
}

static int read_denial(const uint8_t *rdata, const struct nx_rr *rr,
                       struct nx_proof *proof) {
    bool hashed = rr->type == NX_TYPE_NSEC3;
    if (hashed && rr->rdata_len < NSEC3_FIXED_BYTES) {
        return NX_EMALFORMED;
    }
    if (proof->denial == NX_DENIAL_NONE || rr->ttl_s < proof->denial_ttl_s) {
        proof->denial_ttl_s = rr->ttl_s;
    }
    proof->denial = hashed ? NX_DENIAL_NSEC3 : NX_DENIAL_NSEC;
    proof->iterations = hashed ? nx_wire_u16(rdata + 2) : 0;
    return 0;
}

int nx_proof_read(const uint8_t *msg, const struct nx_rr *rr,
                  struct nx_proof *proof) {
    const uint8_t *rdata = msg + rr->rdata_at;
    if (rr->rclass != NX_CLASS_IN || rr->section == NX_SECTION_EXTRA) {
        return 0;
    }
    if (rr->type == NX_TYPE_RRSIG) {
        return read_signature(rdata, rr->rdata_len, proof);
    }
    bool denies = rr->section == NX_SECTION_AUTHORITY &&
                  (rr->type == NX_TYPE_NSEC || rr->type == NX_TYPE_NSEC3);
    return denies ? read_denial(rdata, rr, proof) : 0;
}
