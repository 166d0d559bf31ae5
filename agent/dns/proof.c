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

/* NULL: there is no room for one more. */
static struct nx_rrset_signed *rrset_of(struct nx_signatures *signatures,
                                        const struct nx_rr *rr,
                                        uint16_t covered, bool *first) {
    uint64_t key = nx_dname_hash(rr->owner, covered);
    size_t i = 0;
    while (i < signatures->n && signatures->rrsets[i].rrset != key) {
        i++;
    }
    *first = i == signatures->n;
    if (i == NX_PROOF_RRSETS_MAX) {
        return NULL;
    }
    signatures->n += *first ? 1 : 0;
    signatures->rrsets[i].rrset = key;
    return &signatures->rrsets[i];
}

static int read_signature(const uint8_t *rdata, const struct nx_rr *rr,
                          struct nx_signatures *signatures,
                          struct nx_proof *proof) {
    if (rr->rdata_len <= RRSIG_FIXED_BYTES) {
        return NX_EMALFORMED;
    }
    bool first = false;
    struct nx_rrset_signed *set =
        rrset_of(signatures, rr, nx_wire_u16(rdata), &first);
    uint32_t expiration = nx_wire_u32(rdata + 8);
    uint32_t inception = nx_wire_u32(rdata + 12);
    if (set != NULL && (first || before(set->expiration, expiration))) {
        set->expiration = expiration;
        set->algorithm = rdata[2];
        set->key_tag = nx_wire_u16(rdata + 16);
    }
    if (set != NULL && (first || before(inception, set->inception))) {
        set->inception = inception;
    }
    if (proof->signatures_n < UINT8_MAX) {
        proof->signatures_n++;
    }
    return 0;
}

void nx_proof_end(const struct nx_signatures *signatures,
                  struct nx_proof *proof) {
    for (size_t i = 0; i < signatures->n; i++) {
        const struct nx_rrset_signed *set = &signatures->rrsets[i];
        if (i == 0 || before(set->expiration, proof->expiration)) {
            proof->expiration = set->expiration;
            proof->algorithm = set->algorithm;
            proof->key_tag = set->key_tag;
        }
        if (i == 0 || before(proof->inception, set->inception)) {
            proof->inception = set->inception;
        }
    }
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
                  struct nx_signatures *signatures, struct nx_proof *proof) {
    const uint8_t *rdata = msg + rr->rdata_at;
    if (rr->rclass != NX_CLASS_IN || rr->section == NX_SECTION_EXTRA) {
        return 0;
    }
    if (rr->type == NX_TYPE_RRSIG) {
        return read_signature(rdata, rr, signatures, proof);
    }
    bool denies = rr->section == NX_SECTION_AUTHORITY &&
                  (rr->type == NX_TYPE_NSEC || rr->type == NX_TYPE_NSEC3);
    return denies ? read_denial(rdata, rr, proof) : 0;
}
