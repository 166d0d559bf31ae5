/* struct nx_look: an observation as the estimator sees it: normalised
 * (nxclear-estimator(7) 5.2) and moved to collector time (5.3). Self-contained:
 * no pointer, so a target can keep a ring of them. */
#ifndef NX_COLLECTOR_LOOK_H
#define NX_COLLECTOR_LOOK_H

#include "collector/infer/sizes.h"
#include "common/obs.h"

/* What a reply says about the name. */
enum nx_kind {
    NX_KIND_POS,       /* the expected RRset (or any, if none is expected) */
    NX_KIND_POS_OTHER, /* another RRset */
    NX_KIND_NXDOMAIN,
    NX_KIND_NODATA,
    NX_KIND_REFERRAL,
    NX_KIND_MISS, /* RD=0 and nothing in the cache */
    NX_KIND_SERVFAIL,
    NX_KIND_REFUSED, /* REFUSED, NOTAUTH, NOTIMP */
    NX_KIND_TIMEOUT,
    NX_KIND_NETERR, /* also: only malformed replies */
    NX_KIND_OTHER,  /* FORMERR, truncated for good, our own trouble */
};

/* Where the SOA owner of a negative answer stands. */
enum nx_soa_rel {
    NX_SOA_NONE,     /* no SOA in the authority section */
    NX_SOA_APEX,     /* the zone of the incident name */
    NX_SOA_ANCESTOR, /* a zone above it */
    NX_SOA_QNAME,    /* owner is the asked name, which is no apex: policy */
    NX_SOA_TARGET,   /* zone of the last CNAME target, not ours */
    NX_SOA_BELOW,    /* a zone between ours and the name: of an old delegation,
                        or of another view */
    NX_SOA_FOREIGN,  /* none of these */
};

enum { /* nx_look.flags */
       NX_LOOK_RD = 1 << 0,
       NX_LOOK_AA = 1 << 1,
       NX_LOOK_AD = 1 << 2,
       NX_LOOK_SERIAL = 1 << 3,      /* soa_serial is set */
       NX_LOOK_EDE_STALE = 1 << 4,   /* EDE 3 or 19 */
       NX_LOOK_EDE_POLICY = 1 << 5,  /* EDE 4, 15..17, 18 without REFUSED */
       NX_LOOK_EDE_DNSSEC = 1 << 6,  /* EDE 1, 2, 5-12, 25, 27 */
       NX_LOOK_EDE_SYNTH = 1 << 7,   /* EDE 29 */
       NX_LOOK_EDE_NETWORK = 1 << 8, /* EDE 22, 23 */
       NX_LOOK_CNAME = 1 << 9,       /* the denied name is a CNAME target */
       NX_LOOK_CD = 1 << 10,
       NX_LOOK_SOA_ADDITIONAL = 1 << 11, /* as response policy zones do */
       NX_LOOK_EDNS = 1 << 12,           /* the reply had an OPT record */
       /* Of a SERVFAIL: the same question with CD=1 was answered, or failed. */
       NX_LOOK_TWIN_ANSWERED = 1 << 13,
       NX_LOOK_TWIN_FAILED = 1 << 14,
       NX_LOOK_TC = 1 << 15, /* truncated, and TCP gave nothing better */
       NX_LOOK_HOSTS_FILE = 1 << 16, /* the answer stands in /etc/hosts */
       /* Where no answer was expected in particular: not the name servers'. */
       NX_LOOK_UNLIKE_SERVERS = 1 << 17,
       NX_LOOK_OF_SERVERS = 1 << 18, /* each record was given by one by then */
       NX_LOOK_DATA_WITHHELD = 1 << 19, /* an answer; which, the agent keeps */
       NX_LOOK_NOT_COMPARED = 1 << 20,  /* servers give more than is kept */
};

struct nx_look {
    int64_t tx_us;   /* collector time */
    int64_t rx_us;   /* collector time */
    uint32_t eps_us; /* bound of the clock error */
    int32_t r_s;     /* remaining TTL of SOA (negative) or RRset
                        (positive); -1: none shown */
    uint32_t soa_serial;
    uint32_t soa_minimum_s; /* up to INT32_MAX */
    uint32_t nsid_hash;     /* 0: none */
    uint32_t answer_hash;   /* nx_answer_hash; 0: no positive answer */
    uint16_t src_port;
    uint16_t ede;    /* RFC 8914: of several the one that counts; 0: none */
    uint32_t flags;  /* NX_LOOK_* */
    uint8_t kind;    /* enum nx_kind */
    uint8_t soa_rel; /* enum nx_soa_rel */
    /* enum nx_sized, by size: of the questions that were asked again after this
     * one; of such a question, what it brought itself. */
    uint8_t sized[NX_SIZES_N];
};

/* The expected RRset of one type in the canonical form of nx_answer.rdata;
 * rdata_n 0: anything positive will do. */
struct nx_expect {
    const uint8_t *rdata;
    uint16_t rdata_len;
    uint8_t rdata_n;
};

/* Normalises obs for the name of its question. apex: of the incident's zone,
 * NULL when not known yet. theta_us: agent's monotonic clock minus collector
 * time. Pure. */
void nx_look_from_obs(const struct nx_obs *obs, const struct nx_expect *expect,
                      const uint8_t *apex, int64_t theta_us, uint32_t eps_us,
                      struct nx_look *out);

/* The asked RRset, 0: there is none. Of one that was cut always the same part
 * is kept: it is like another that was cut so, and like no whole one. */
uint32_t nx_answer_hash(const struct nx_answer *answer);
/* Records as nx_answer.rdata has them, with their lengths; of one record alone
 * it is the RRset's. Never 0. */
uint32_t nx_rdata_hash(const uint8_t *rdata, size_t len);
/* The same of one A or AAAA record: len 4 or 16. */
uint32_t nx_address_hash(const uint8_t *address, uint8_t len);

/* RFC 2181 section 8: a TTL, or a SOA MINIMUM, with the top bit set is zero. */
uint32_t nx_ttl_s(uint32_t wire);

/* Asked again with another EDNS size: it tells of the look before it. */
bool nx_look_is_sized(const struct nx_obs *obs);

/* No answer, or one that was cut and is not to be had over TCP. */
bool nx_look_is_lost(const struct nx_look *look);

/* NXDOMAIN or NODATA; asked of every look, again and again. */
static inline bool nx_kind_is_negative(unsigned kind) {
    return kind == NX_KIND_NXDOMAIN || kind == NX_KIND_NODATA;
}
const char *nx_kind_text(unsigned kind); /* "NXDOMAIN" */

#endif
