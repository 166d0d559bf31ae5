#include "collector/infer/look.h"

#include <string.h>

#include "common/hash.h"
#include "common/rrtype.h"

static bool has(const struct nx_answer *answer, unsigned flag) {
    return (answer->flags & flag) != 0;
}

uint32_t nx_rdata_hash(const uint8_t *rdata, size_t len) {
    return (uint32_t)nx_hash(rdata, len, 1) | 1U;
}

/* Records, all of them, and none: the agent's policy keeps what they say. */
static bool is_withheld(const struct nx_answer *answer) {
    return has(answer, NX_ANS_RDATA) && !has(answer, NX_ANS_PARTIAL) &&
           answer->rdata_n == 0;
}

uint32_t nx_answer_hash(const struct nx_answer *answer) {
    if (!has(answer, NX_ANS_RDATA) || is_withheld(answer)) {
        return 0;
    }
    uint32_t hash = nx_rdata_hash(answer->rdata, answer->rdata_len);
    return has(answer, NX_ANS_PARTIAL) ? ~hash | 1U : hash;
}

uint32_t nx_address_hash(const uint8_t *address, uint8_t len) {
    uint8_t rdata[2 + 16] = {0, len}; /* as in nx_answer.rdata */
    memcpy(rdata + 2, address, len);
    return nx_rdata_hash(rdata, 2U + len);
}

bool nx_look_is_sized(const struct nx_obs *obs) {
    return nx_sizes_index(obs->question->udp_bytes) >= 0;
}

bool nx_look_is_lost(const struct nx_look *look) {
    return look->kind == NX_KIND_TIMEOUT || look->kind == NX_KIND_NETERR ||
           (look->flags & NX_LOOK_TC) != 0;
}

const char *nx_kind_text(unsigned kind) {
    switch ((enum nx_kind)kind) {
    case NX_KIND_POS:
        return "POS";
    case NX_KIND_POS_OTHER:
        return "POS_OTHER";
    case NX_KIND_NXDOMAIN:
        return "NXDOMAIN";
    case NX_KIND_NODATA:
        return "NODATA";
    case NX_KIND_REFERRAL:
        return "REFERRAL";
    case NX_KIND_MISS:
        return "MISS";
    case NX_KIND_SERVFAIL:
        return "SERVFAIL";
    case NX_KIND_REFUSED:
        return "REFUSED";
    case NX_KIND_TIMEOUT:
        return "TIMEOUT";
    case NX_KIND_NETERR:
        return "NETERR";
    case NX_KIND_OTHER:
        return "OTHER";
    }
    return "?";
}

static bool fits(const struct nx_answer *answer,
                 const struct nx_expect *expect) {
    if (expect == NULL || expect->rdata_n == 0 || is_withheld(answer)) {
        return true;
    }
    return !has(answer, NX_ANS_PARTIAL) && answer->rdata_n == expect->rdata_n &&
           answer->rdata_len == expect->rdata_len &&
           memcmp(answer->rdata, expect->rdata, expect->rdata_len) == 0;
}

/* NOERROR: RFC 2308 section 2.2; an empty answer to RD=0 says "not cached",
 * never NODATA (nxclear-estimator(7) 5.2, V22). */
static enum nx_kind noerror_kind(const struct nx_answer *answer, bool rd,
                                 const struct nx_expect *expect) {
    if (has(answer, NX_ANS_RDATA)) {
        return fits(answer, expect) ? NX_KIND_POS : NX_KIND_POS_OTHER;
    }
    if (has(answer, NX_ANS_SOA)) {
        return NX_KIND_NODATA;
    }
    if (!rd) {
        return NX_KIND_MISS;
    }
    return has(answer, NX_ANS_NS) ? NX_KIND_REFERRAL : NX_KIND_NODATA;
}

static enum nx_kind answered_kind(const struct nx_answer *answer, bool rd,
                                  const struct nx_expect *expect) {
    if (has(answer, NX_ANS_TC)) {
        return NX_KIND_OTHER;
    }
    switch (answer->rcode) {
    case NX_RCODE_NOERROR:
        return noerror_kind(answer, rd, expect);
    case NX_RCODE_NXDOMAIN:
        return NX_KIND_NXDOMAIN;
    case NX_RCODE_SERVFAIL:
        return NX_KIND_SERVFAIL;
    case NX_RCODE_REFUSED:
    case NX_RCODE_NOTAUTH:
    case NX_RCODE_NOTIMP:
        return NX_KIND_REFUSED;
    default:
        return NX_KIND_OTHER;
    }
}

static enum nx_kind kind_of(const struct nx_answer *answer, bool rd,
                            const struct nx_expect *expect) {
    switch ((enum nx_outcome)answer->outcome) {
    case NX_ANSWERED:
        return answered_kind(answer, rd, expect);
    case NX_TIMEOUT:
        return NX_KIND_TIMEOUT;
    case NX_UNREACHABLE:
    case NX_CONN_REFUSED:
    case NX_CONN_CLOSED:
    case NX_TLS_FAILED:
    case NX_INVALID: /* no more use to its clients than silence */
        return NX_KIND_NETERR;
    case NX_LOCAL_ERROR: /* says nothing about the resolver */
        return NX_KIND_OTHER;
    }
    return NX_KIND_OTHER;
}

/* RFC 8914; which code does what: nxclear-estimator(7) 2.1. */
static unsigned ede_flag(unsigned code, bool refused) {
    if (code == 3 || code == 19) {
        return NX_LOOK_EDE_STALE;
    }
    if (code == 4 || (code >= 15 && code <= 17) || (code == 18 && !refused)) {
        return NX_LOOK_EDE_POLICY;
    }
    if (code == 1 || code == 2 || (code >= 5 && code <= 12) || code == 25 ||
        code == 27) {
        return NX_LOOK_EDE_DNSSEC;
    }
    if (code == 22 || code == 23) {
        return NX_LOOK_EDE_NETWORK;
    }
    return code == 29 ? NX_LOOK_EDE_SYNTH : 0;
}

/* The first one that says what is known here, else the first one. */
static uint16_t ede_of(const struct nx_answer *answer, bool refused) {
    uint16_t first = 0;

    for (unsigned i = 0; i < answer->ede_n && i < NX_ANSWER_EDE_MAX; i++) {
        if (ede_flag(answer->ede[i], refused) != 0) {
            return answer->ede[i];
        }
        first = first == 0 ? answer->ede[i] : first;
    }
    return first;
}

static unsigned flags_of(const struct nx_question *question,
                         const struct nx_answer *answer, bool refused) {
    unsigned flags = 0;

    flags |= (question->flags & NX_Q_RD) != 0 ? NX_LOOK_RD : 0U;
    flags |= (question->flags & NX_Q_CD) != 0 ? NX_LOOK_CD : 0U;
    if (answer->outcome != NX_ANSWERED) {
        return flags;
    }
    flags |= has(answer, NX_ANS_AA) ? NX_LOOK_AA : 0U;
    flags |= has(answer, NX_ANS_AD) ? NX_LOOK_AD : 0U;
    flags |= has(answer, NX_ANS_HOSTS_FILE) ? NX_LOOK_HOSTS_FILE : 0U;
    flags |= is_withheld(answer) ? NX_LOOK_DATA_WITHHELD : 0U;
    flags |= has(answer, NX_ANS_TC) ? NX_LOOK_TC : 0U;
    flags |= has(answer, NX_ANS_EDNS) ? NX_LOOK_EDNS : 0U;
    flags |= has(answer, NX_ANS_SOA) ? NX_LOOK_SERIAL : 0U;
    flags |= has(answer, NX_ANS_SOA_ADDITIONAL) ? NX_LOOK_SOA_ADDITIONAL : 0U;
    flags |= answer->denied_name != NULL ? NX_LOOK_CNAME : 0U;
    for (unsigned i = 0; i < answer->ede_n && i < NX_ANSWER_EDE_MAX; i++) {
        flags |= ede_flag(answer->ede[i], refused);
    }
    return flags;
}

/* The owner names the apex of the zone that denies (RFC 8020 appendix A); a
 * NXDOMAIN whose SOA sits at the denied name itself is made up: that name
 * would be an apex (10.1). */
static enum nx_soa_rel soa_rel_of(const uint8_t *owner, const uint8_t *qname,
                                  const uint8_t *target, const uint8_t *apex,
                                  enum nx_kind kind) {
    const uint8_t *denied = target != NULL ? target : qname;

    if (kind == NX_KIND_NXDOMAIN && nx_dname_equal(owner, denied)) {
        return NX_SOA_QNAME;
    }
    if (apex != NULL && target != NULL && !nx_dname_under(target, apex)) {
        return nx_dname_under(target, owner) && !nx_dname_equal(owner, apex)
                   ? NX_SOA_TARGET
                   : NX_SOA_FOREIGN;
    }
    if (apex == NULL) {
        return nx_dname_under(denied, owner) ? NX_SOA_APEX : NX_SOA_FOREIGN;
    }
    if (nx_dname_equal(owner, apex)) {
        return NX_SOA_APEX;
    }
    if (nx_dname_under(apex, owner)) {
        return NX_SOA_ANCESTOR;
    }
    if (!nx_dname_under(denied, owner)) {
        return NX_SOA_FOREIGN;
    }
    return target != NULL ? NX_SOA_TARGET : NX_SOA_BELOW;
}

uint32_t nx_ttl_s(uint32_t wire) {
    return wire > INT32_MAX ? 0 : wire;
}

static void take_answer(const struct nx_obs *obs, const uint8_t *apex,
                        struct nx_look *out) {
    const struct nx_answer *answer = obs->answer;

    out->ede = ede_of(answer, out->kind == NX_KIND_REFUSED);
    if (answer->nsid_len > 0) {
        uint64_t hash = nx_hash(answer->nsid, answer->nsid_len, 0);
        out->nsid_hash = (uint32_t)hash | 1U;
    }
    if (out->kind == NX_KIND_POS || out->kind == NX_KIND_POS_OTHER) {
        out->answer_hash = nx_answer_hash(answer);
    }
    if (nx_kind_is_negative(out->kind) && has(answer, NX_ANS_SOA)) {
        out->r_s = (int32_t)nx_ttl_s(obs->soa_ttl_s);
        out->soa_serial = answer->soa_serial;
        out->soa_minimum_s = nx_ttl_s(answer->soa_minimum_s);
        out->soa_rel = (uint8_t)soa_rel_of(
            answer->soa_owner, obs->question->name, answer->denied_name, apex,
            (enum nx_kind)out->kind);
    } else if (obs->question->to.transport != NX_SYSTEM && /* no TTL there */
               (out->kind == NX_KIND_POS || out->kind == NX_KIND_POS_OTHER)) {
        out->r_s = (int32_t)nx_ttl_s(obs->answer_ttl_s);
    }
}

void nx_look_from_obs(const struct nx_obs *obs, const struct nx_expect *expect,
                      const uint8_t *apex, int64_t theta_us, uint32_t eps_us,
                      struct nx_look *out) {
    bool rd = (obs->question->flags & NX_Q_RD) != 0;

    memset(out, 0, sizeof(*out));
    out->tx_us = obs->tx_mono_us - theta_us;
    out->rx_us = obs->rx_mono_us - theta_us;
    out->eps_us = eps_us;
    out->src_port = obs->src_port;
    out->r_s = -1;
    out->kind = (uint8_t)kind_of(obs->answer, rd, expect);
    out->flags =
        flags_of(obs->question, obs->answer, out->kind == NX_KIND_REFUSED);
    out->soa_rel = NX_SOA_NONE;
    if (nx_look_is_sized(obs)) {
        out->sized[nx_sizes_index(obs->question->udp_bytes)] =
            (uint8_t)nx_sized_of(obs->answer);
    }
    if (obs->answer->outcome == NX_ANSWERED) {
        take_answer(obs, apex, out);
    }
}
