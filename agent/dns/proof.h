/* What a message shows of DNSSEC beside its answer: signatures and records that
 * deny (RFC 4034, RFC 5155). Nothing is validated here: this is for the audit
 * of name servers, which compares what they send. */
#ifndef NX_AGENT_PROOF_H
#define NX_AGENT_PROOF_H

#include "agent/dns/rr.h"
#include "common/obs.h"

/* Takes one record of the message into account. NX_EMALFORMED: an RRSIG or
 * NSEC3 too short for its fixed part; *proof is untouched then. */
int nx_proof_read(const uint8_t *msg, const struct nx_rr *rr,
                  struct nx_proof *proof) NX_MUSTUSE;

#endif
