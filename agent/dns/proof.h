/* What a message shows of DNSSEC beside its answer: signatures and records that
 * deny (RFC 4034, RFC 5155). Nothing is validated here: this is for the audit
 * of name servers, which compares what they send. */
#ifndef NX_AGENT_PROOF_H
#define NX_AGENT_PROOF_H

#include "agent/dns/rr.h"
#include "common/obs.h"

#define NX_PROOF_RRSETS_MAX 16U /* more are not told apart, and not taken */

/* The signatures of one RRset. While keys are rolled over it has several, of
 * which one is enough (RFC 4035 section 5.3.3): it is signed from the earliest
 * inception to the latest expiration. */
struct nx_rrset_signed {
    uint64_t rrset; /* hash of owner and type */
    uint32_t inception;
    uint32_t expiration;
    uint16_t key_tag; /* of the one that holds longest */
    uint8_t algorithm;
};

/* Of one message; all zero at its beginning. */
struct nx_signatures {
    size_t n;
    struct nx_rrset_signed rrsets[NX_PROOF_RRSETS_MAX];
};

/* Takes one record of the message into account. NX_EMALFORMED: an RRSIG or
 * NSEC3 too short for its fixed part; nothing is changed then. */
int nx_proof_read(const uint8_t *msg, const struct nx_rr *rr,
                  struct nx_signatures *signatures,
                  struct nx_proof *proof) NX_MUSTUSE;

/* When all is read: the narrowest times of the RRsets into *proof. */
void nx_proof_end(const struct nx_signatures *signatures,
                  struct nx_proof *proof);

#endif
