/* DNS messages from strangers: bytes in, struct nx_answer out, or refused.
 *
 * Only the answer to the question asked is accepted, and only when the whole
 * message holds together: every name, RDLENGTH and RDATA of a type we read,
 * and the exact end. Pure; nothing is allocated; compression pointers go
 * strictly backwards, so every loop is bounded by the message's length. */
#ifndef NX_AGENT_REPLY_H
#define NX_AGENT_REPLY_H

#include "agent/dns/rr.h"
#include "common/obs.h"

#define NX_REPLY_CNAME_MAX 16U /* links followed; more is cut off there */

/* Records of one message. More, with owners compressed over and over, are a way
 * to keep the reader busy (5000 of them in 64 KiB: 0.2 s): such a message
 * counts as truncated, and its answer is not read. */
#define NX_REPLY_RECORDS_MAX 512U

/* What one reply said. answer and its pointers point into this struct, so it
 * must not be copied or moved. */
struct nx_reply {
    struct nx_answer answer; /* outcome NX_ANSWERED */
    uint32_t soa_ttl_s;      /* with NX_ANS_SOA; top bit set counts as 0 */
    uint32_t answer_ttl_s;   /* with NX_ANS_RDATA; likewise */
    uint8_t soa_owner[NX_DNAME_MAX];
    uint8_t denied_name[NX_DNAME_MAX];
    uint8_t ns_owner[NX_DNAME_MAX];
    uint8_t nsid[NX_ANSWER_NSID_MAX];
    uint8_t rdata[NX_ANSWER_RDATA_MAX];
};

/* Reads msg as the reply to `question` sent with `id`.
 * NX_EMISMATCH: not the reply to it (shorter than a header, other id, a query,
 *   other opcode, another question): ignore it and keep waiting.
 * NX_EMALFORMED: it is, and it is broken.
 * *out is changed on failure, too, and then holds nothing of use.
 * Names compare without regard to case: queries do not use 0x20 encoding. */
int nx_reply_parse(const uint8_t *msg, size_t len, uint16_t id,
                   const struct nx_question *question,
                   struct nx_reply *out) NX_MUSTUSE;

#endif
