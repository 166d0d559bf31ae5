#include "collector/audit/ttls.h"

#include <string.h>

#define US_PER_S INT64_C(1000000)
#define NO_END INT64_MIN

void nx_audit_ttls_init(struct nx_audit_ttls *out) {
    *out = (struct nx_audit_ttls){NX_TTL_UNKNOWN, NX_TTL_UNKNOWN,
                                  NX_TTL_UNKNOWN, NX_TTL_UNKNOWN, NO_END};
}

static void longest(uint32_t *all_s, uint32_t ttl_s) {
    if (ttl_s != NX_TTL_UNKNOWN &&
        (*all_s == NX_TTL_UNKNOWN || ttl_s > *all_s)) {
        *all_s = ttl_s;
    }
}

static void earliest(int64_t *all_us, int64_t end_us) {
    if (end_us != NO_END && (*all_us == NO_END || end_us < *all_us)) {
        *all_us = end_us;
    }
}

void nx_audit_ttls_join(struct nx_audit_ttls *all,
                        const struct nx_audit_ttls *one) {
    longest(&all->ns_s, one->ns_s);
    longest(&all->ds_s, one->ds_s);
    longest(&all->dnskey_s, one->dnskey_s);
    longest(&all->record_s, one->record_s);
    earliest(&all->signatures_end_us, one->signatures_end_us);
}

static bool of_the_zone(const struct nx_audit_case *c,
                        const struct nx_paper *p) {
    bool found = p->kind == NX_PAPER_DS; /* of the parent's servers */
    for (size_t i = 0; i < c->servers_n && !found; i++) {
        const struct nx_endpoint *at = &c->servers[i].at;
        found = at->address_len == p->at.address_len &&
                at->port == p->at.port &&
                memcmp(at->address, p->at.address, at->address_len) == 0;
    }
    return found;
}

static uint32_t *place(struct nx_audit_ttls *ttls, unsigned kind) {
    return kind == NX_PAPER_NS       ? &ttls->ns_s
           : kind == NX_PAPER_DS     ? &ttls->ds_s
           : kind == NX_PAPER_DNSKEY ? &ttls->dnskey_s
           : kind == NX_PAPER_ANSWER ? &ttls->record_s
                                     : NULL;
}

/* Times of signatures are modulo 2^32, RFC 4034 section 3.1.5. */
static int64_t end_of(const struct nx_paper *p) {
    bool own = p->kind == NX_PAPER_ANSWER || p->kind == NX_PAPER_DNSKEY;
    uint32_t now_s = (uint32_t)(p->at_us / US_PER_S);
    return own && p->proof.signatures_n > 0
               ? (p->at_us / US_PER_S +
                  (int32_t)(p->proof.expiration - now_s)) *
                     US_PER_S
               : NO_END;
}

void nx_audit_ttls_of(const struct nx_audit_case *c,
                      struct nx_audit_ttls *out) {
    nx_audit_ttls_init(out);
    for (size_t i = 0; i < c->papers->n; i++) {
        const struct nx_paper *p = &c->papers->list[i];
        uint32_t *ttl_s = place(out, p->kind);
        /* Without AA it is what some cache has left of it. */
        if (p->outcome != NX_ANSWERED || (p->flags & NX_ANS_AA) == 0 ||
            !of_the_zone(c, p)) {
            continue;
        }
        if (ttl_s != NULL && (p->flags & NX_ANS_RDATA) != 0) {
            longest(ttl_s, p->ttl_s);
        }
        earliest(&out->signatures_end_us, end_of(p));
    }
}
