#include "collector/audit/server.h"

#include <string.h>

static const struct nx_paper *newest(const struct nx_papers *papers,
                                     unsigned kind,
                                     const struct nx_endpoint *at) {
    const struct nx_paper *found = NULL;
    for (size_t i = 0; i < papers->n; i++) {
        const struct nx_paper *p = &papers->list[i];
        if (p->kind == kind && nx_endpoint_same_server(&p->at, at) &&
            (found == NULL || p->at_us > found->at_us)) {
            found = p;
        }
    }
    return found;
}

static bool heard(const struct nx_paper *p) {
    return p->sized > NX_SIZED_LOST;
}

/* Of the agent that heard from the server last, of one alone: each has another
 * way to it. Where none heard, of the one that asked last. */
static void put_sizes(const struct nx_papers *papers,
                      const struct nx_endpoint *at, uint8_t sized[NX_SIZES_N]) {
    static const uint8_t kinds[NX_SIZES_N] = {NX_PAPER_512, NX_PAPER_DNSKEY,
                                              NX_PAPER_4096};
    const struct nx_paper *last = NULL;
    for (size_t i = 0; i < papers->n; i++) {
        const struct nx_paper *p = &papers->list[i];
        bool about = memchr(kinds, p->kind, sizeof(kinds)) != NULL &&
                     nx_endpoint_same_server(&p->at, at);
        if (about && (last == NULL || heard(p) > heard(last) ||
                      (heard(p) == heard(last) && p->at_us > last->at_us))) {
            last = p;
        }
    }
    for (size_t k = 0; last != NULL && k < NX_SIZES_N; k++) {
        const struct nx_paper *p =
            nx_papers_find(papers, kinds[k], last->agent_id, at);
        sized[k] = p != NULL ? p->sized : NX_SIZED_NONE;
    }
}

static uint8_t says(bool yes) {
    return yes ? NX_SAYS_YES : NX_SAYS_NO;
}

void nx_server_paper_of(const struct nx_papers *papers,
                        const struct nx_endpoint *at,
                        struct nx_server_paper *out) {
    const struct nx_paper *tcp = newest(papers, NX_PAPER_TCP, at);
    const struct nx_paper *answer = newest(papers, NX_PAPER_ANSWER, at);
    const struct nx_paper *ns = newest(papers, NX_PAPER_NS, at);
    *out = (struct nx_server_paper){.ns = NULL};
    if (tcp != NULL && tcp->outcome != NX_LOCAL_ERROR) {
        out->tcp = says(tcp->outcome == NX_ANSWERED);
    }
    if (answer != NULL && answer->outcome == NX_ANSWERED) {
        out->edns = says((answer->flags & NX_ANS_EDNS) != 0);
    }
    put_sizes(papers, at, out->sized);
    if (ns != NULL && ns->outcome == NX_ANSWERED && ns->rdata_n > 0) {
        out->ns = ns;
    }
}
