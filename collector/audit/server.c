#include "collector/audit/server.h"

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

static uint8_t sized(const struct nx_papers *papers, unsigned kind,
                     const struct nx_endpoint *at) {
    const struct nx_paper *p = newest(papers, kind, at);
    return p != NULL ? p->sized : NX_SIZED_NONE;
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
    out->sized[0] = sized(papers, NX_PAPER_512, at);
    out->sized[1] = sized(papers, NX_PAPER_DNSKEY, at);
    out->sized[2] = sized(papers, NX_PAPER_4096, at);
    if (ns != NULL && ns->outcome == NX_ANSWERED && ns->rdata_n > 0) {
        out->ns = ns;
    }
}
