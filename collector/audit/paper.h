/* What the name servers of a zone said when they were audited: the newest
 * answer of each server to each question, as evidence. A fold over the
 * observations that an authority agent's walk marks as its audit
 * (agent/dns/walk.h, step 4). Pure. */
#ifndef NX_COLLECTOR_AUDIT_PAPER_H
#define NX_COLLECTOR_AUDIT_PAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/obs.h"

/* Of one incident item; then the oldest go. What two auditors ask 64 servers: 6
 * kinds, and wildcards at 16 levels; about 1 MB. */
#define NX_PAPERS_MAX 3072U

enum nx_paper_kind {
    NX_PAPER_TCP,      /* SOA of the apex over TCP */
    NX_PAPER_NS,       /* NS set of the apex */
    NX_PAPER_DNSKEY,   /* of the apex, with DO */
    NX_PAPER_ANSWER,   /* the item's name and type, with DO */
    NX_PAPER_WILDCARD, /* a wildcard beside the name, or one above it */
    NX_PAPER_DS,       /* of the apex, at a server of the parent, with DO */
    NX_PAPER_512,      /* the DNSKEY with the EDNS size 512, */
    NX_PAPER_4096,     /* ... with 4096 */
    NX_PAPER_BETWEEN,  /* NS of a name between apex and name; is not filed */
};

struct nx_paper {
    uint8_t kind; /* enum nx_paper_kind */
    uint8_t outcome;
    uint8_t sized; /* enum nx_sized: how it came */
    uint16_t rcode;
    uint16_t flags; /* NX_ANS_* */
    uint8_t cname_n;
    uint8_t rdata_n;
    uint8_t labels; /* of the name asked for; there are several wildcards */
    uint16_t rdata_len;
    uint32_t ttl_s; /* lowest of chain and RRset; with NX_ANS_RDATA */
    uint8_t *rdata; /* as in struct nx_answer; owned; NULL: none */
    struct nx_proof proof;
    uint32_t agent_id;
    int64_t at_us;
    struct nx_endpoint at; /* server_name: name, or NULL */
    uint8_t name[NX_DNAME_MAX];
};

struct nx_papers {
    struct nx_paper *list;
    size_t n;
};

bool nx_paper_is_wildcard(const uint8_t *name);

/* Is this a question of the audit? Only of layer NX_LAYER_AUTHORITY. */
bool nx_paper_is(const struct nx_question *question);

/* The kind of an audit's question about this item and zone, or -1: it is about
 * another one. */
int nx_paper_kind_of(const struct nx_question *question, const uint8_t *name,
                     uint16_t qtype, const uint8_t *apex);

/* Files an answer in place of the server's last one to that question.
 * NX_ENOMEM. */
int nx_papers_put(struct nx_papers *papers, enum nx_paper_kind kind,
                  uint32_t agent_id, const struct nx_obs *obs,
                  int64_t at_us) NX_MUSTUSE;

/* A server's last answer as this agent saw it (of wildcards, to one of them);
 * NULL: none yet. */
struct nx_paper *nx_papers_find(const struct nx_papers *papers, unsigned kind,
                                uint32_t agent_id,
                                const struct nx_endpoint *at);

void nx_papers_fini(struct nx_papers *papers);

#endif
