/* struct nx_obs: one question asked, and what came back. The one value that
 * flows from the probe through batch, wire and store to the estimator.
 *
 * What does not tick (question, answer) is shared by pointer; what does (times,
 * TTLs, port) is in the observation. Pointers are borrowed from the arena,
 * batch or probe that made them. */
#ifndef NX_COMMON_OBS_H
#define NX_COMMON_OBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dname.h"
#include "common/err.h"

/* NX_SYSTEM: getaddrinfo(3) on the agent's host, as its applications ask; where
 * it asks is the host's affair. Its address says nothing (nx_system_endpoint).
 */
enum nx_transport { NX_UDP, NX_TCP, NX_TLS, NX_SYSTEM };
#define NX_TRANSPORT_MAX NX_SYSTEM

/* Where in the chain an endpoint stands. */
enum nx_layer {
    NX_LAYER_HOST,      /* stub on the agent's host */
    NX_LAYER_NETWORK,   /* what DHCP, resolv.conf or the owner names */
    NX_LAYER_CONTROL,   /* a public resolver, for comparison */
    NX_LAYER_AUTHORITY, /* an authoritative server */
    NX_LAYER_UPSTREAM, /* a recursive resolver behind the network's forwarder */
};
#define NX_LAYER_N 5U

/* Does it answer the network's users? The others are asked for comparison. */
bool nx_layer_serves(unsigned layer);

/* An address that can be asked. Fixed size without holes that matter: compare
 * with nx_endpoint_equal. */
struct nx_endpoint {
    uint8_t address[16];        /* network order; IPv4 in the first 4 */
    uint8_t address_len;        /* 4 or 16 */
    uint8_t transport;          /* enum nx_transport */
    uint8_t layer;              /* enum nx_layer */
    uint16_t port;              /* host order, 1..65535 */
    uint32_t scope_id;          /* link-local IPv6, meaningful on its host */
    const uint8_t *server_name; /* name server (authority) or TLS name; NULL */
    /* No part of its identity: the agent's owner does not let users be sent
     * there (agent/conf.h). */
    bool withheld;
};

/* "192.0.2.1@53", "[2001:db8::1]@853/tls", "getaddrinfo": at most
 * NX_ENDPOINT_TEXT_MAX. */
#define NX_ENDPOINT_TEXT_MAX 80U

/* How asking ended. Only NX_ANSWERED comes with an answer's content. */
enum nx_outcome {
    NX_ANSWERED,
    NX_TIMEOUT,      /* no acceptable reply in time */
    NX_UNREACHABLE,  /* ICMP or routing error */
    NX_CONN_REFUSED, /* ICMP port unreachable or TCP RST */
    NX_CONN_CLOSED,  /* TCP or TLS closed before the reply was whole */
    NX_TLS_FAILED,   /* handshake or authentication */
    NX_INVALID,      /* only replies that broke the message format */
    NX_LOCAL_ERROR,  /* this host could not send (out of descriptors, ...) */
};
#define NX_OUTCOME_MAX NX_LOCAL_ERROR

/* nx_answer.flags */
enum {
    NX_ANS_AA = 1 << 0,
    NX_ANS_TC = 1 << 1, /* truncated and TCP gave nothing better */
    NX_ANS_RA = 1 << 2,
    NX_ANS_AD = 1 << 3,
    NX_ANS_CD = 1 << 4,
    NX_ANS_EDNS = 1 << 5,
    NX_ANS_SOA = 1 << 6,     /* a SOA in the authority section */
    NX_ANS_RDATA = 1 << 7,   /* the asked RRset at the end of the chain */
    NX_ANS_PARTIAL = 1 << 8, /* RRset cut at NX_ANSWER_RDATA_MAX */
    NX_ANS_NS = 1 << 9,      /* NS records in the authority section */
    NX_ANS_SOA_ADDITIONAL = 1 << 10, /* a SOA in the additional section (RPZ) */
    NX_ANS_HOSTS_FILE = 1 << 11,     /* NX_SYSTEM: it stands in /etc/hosts */
    NX_ANS_FLAGS_ALL = (1 << 12) - 1,
};

/* nx_question.flags; the header bits the query was sent with */
enum {
    NX_Q_RD = 1 << 0,
    NX_Q_CD = 1 << 1,
    NX_Q_DO = 1 << 2,
    NX_Q_NSID = 1 << 3, /* asked for the name server identifier, RFC 5001 */
    NX_Q_CH = 1 << 4,   /* class CH instead of IN: RFC 4892 */
    NX_Q_AD = 1 << 5,   /* asked to tell by AD, RFC 6840 section 5.7 */
    NX_Q_FLAGS_ALL = (1 << 6) - 1,
};

#define NX_ANSWER_EDE_MAX 4U   /* extended errors kept, RFC 8914 */
#define NX_ANSWER_NSID_MAX 64U /* octets kept */
#define NX_ANSWER_RDATA_MAX                                                    \
    1024U                         /* octets of RDATA kept, with 2 per record   \
                                   */
#define NX_ANSWER_RECORDS_MAX 32U /* records kept */

#define NX_OBS_WIRE_MAX 1232U /* octets; what fits into a datagram anywhere */

/* How much the asker takes over UDP (RFC 6891 section 6.2.3): what fits
 * anywhere, unless it is to be known which sizes get through. */
#define NX_EDNS_UDP_BYTES 1232U /* DNS flag day 2020 */

struct nx_question {
    const uint8_t *name;
    uint16_t qtype;
    uint16_t flags;     /* NX_Q_* */
    uint16_t udp_bytes; /* EDNS size offered; 0: NX_EDNS_UDP_BYTES */
    struct nx_endpoint to;
};

enum nx_denial { NX_DENIAL_NONE, NX_DENIAL_NSEC, NX_DENIAL_NSEC3 };
#define NX_DENIAL_MAX NX_DENIAL_NSEC3

/* DNSSEC records in the answer and authority sections; read only when the
 * question had NX_Q_DO, else all zero. Times: seconds since 1970 modulo 2^32
 * (RFC 4034 section 3.1.5). */
struct nx_proof {
    uint32_t inception;    /* the latest of the signed RRsets */
    uint32_t expiration;   /* the earliest ... */
    uint16_t key_tag;      /* ... and who made that one */
    uint8_t algorithm;     /* likewise */
    uint8_t signatures_n;  /* RRSIGs seen, at most 255; 0: none */
    uint8_t denial;        /* enum nx_denial, authority section */
    uint16_t iterations;   /* NSEC3, RFC 5155 section 3.1.3 */
    uint32_t denial_ttl_s; /* lowest of NSEC or NSEC3, as sent */
};

struct nx_answer {
    uint8_t outcome;            /* enum nx_outcome */
    uint16_t rcode;             /* 12 bits: header and OPT, RFC 6891 6.1.3 */
    uint16_t flags;             /* NX_ANS_* */
    uint8_t cname_n;            /* links followed inside the answer */
    const uint8_t *soa_owner;   /* with NX_ANS_SOA */
    uint32_t soa_serial;        /* with NX_ANS_SOA */
    uint32_t soa_minimum_s;     /* with NX_ANS_SOA; as sent */
    const uint8_t *denied_name; /* last CNAME target; NULL without CNAME */
    const uint8_t *ns_owner;    /* with NX_ANS_NS */
    uint16_t ede[NX_ANSWER_EDE_MAX];
    uint8_t ede_n;
    uint8_t nsid_len; /* 0: none */
    const uint8_t *nsid;
    /* The asked RRset in canonical form, sorted (RFC 4034 section 6): per
     * record two octets of length in network order, then the RDATA. */
    const uint8_t *rdata;
    uint16_t rdata_len;
    uint8_t rdata_n;
    bool over_tcp; /* the reply over UDP was truncated, this one is not */
    struct nx_proof proof;
};

struct nx_obs {
    const struct nx_question *question;
    const struct nx_answer *answer;
    int64_t tx_mono_us;    /* agent's monotonic clock, just before sending */
    int64_t rx_mono_us;    /* kernel receive time; end of waiting if none */
    uint32_t soa_ttl_s;    /* remaining TTL shown; with NX_ANS_SOA */
    uint32_t answer_ttl_s; /* lowest TTL of chain and RRset; NX_ANS_RDATA */
    uint16_t src_port;     /* local port; 0 when no socket was bound */
    uint16_t wire_len;     /* 0: not carried; at most NX_OBS_WIRE_MAX */
    const uint8_t *wire;   /* the reply as it came */
};

/* One server: address and port alone; whatever transport, layer and name. */
bool nx_endpoint_same_server(const struct nx_endpoint *a,
                             const struct nx_endpoint *b);
bool nx_endpoint_equal(const struct nx_endpoint *a,
                       const struct nx_endpoint *b);

/* Not a host in the internet: RFC 1918, shared (RFC 6598), loopback,
 * link-local, site-local, unique local (RFC 4193), unspecified, multicast,
 * 240.0.0.0/4, of protocols and benchmarks (RFC 6890), NAT64 of a network's own
 * (RFC 8215); and what leads to such an IPv4 address: mapped, NAT64, 6to4. */
bool nx_endpoint_is_private(const struct nx_endpoint *at);

uint64_t nx_endpoint_hash(const struct nx_endpoint *e, uint64_t seed);

/* The one endpoint of transport NX_SYSTEM: 0.0.0.0, "this host" (RFC 6890), of
 * layer host. */
void nx_system_endpoint(struct nx_endpoint *out);

/* May this be asked there? getaddrinfo knows A and AAAA, and names of letters,
 * digits, '-' and '_' alone; those of one label mean something else to it
 * (mDNS, LLMNR, search lists), and so do those whose last label begins with a
 * digit (addresses). Everything else takes every question. */
bool nx_endpoint_takes(const struct nx_endpoint *at, const uint8_t *name,
                       uint16_t qtype);

/* Writes "192.0.2.1@53", with "/tcp" or "/tls" when not UDP; returns out. */
char *nx_endpoint_text(const struct nx_endpoint *e, char *out);

/* Parses "192.0.2.1", "192.0.2.1@5353", "2001:db8::1@53", "[2001:db8::1]@53",
 * each with an optional "/udp", "/tcp", "/tls"; the port defaults to 53, or
 * 853 for tls. server_name, layer and scope_id are left 0 ("%eth0" is the
 * edge's business). NX_EADDRESS. */
int nx_endpoint_parse(const char *text, struct nx_endpoint *out) NX_MUSTUSE;

bool nx_answer_equal(const struct nx_answer *a, const struct nx_answer *b);

const char *nx_transport_text(unsigned transport);
const char *nx_layer_text(unsigned layer);
const char *nx_outcome_text(unsigned outcome);

#endif
