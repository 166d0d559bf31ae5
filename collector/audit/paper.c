#include "collector/audit/paper.h"

#include <stdlib.h>
#include <string.h>

#include "collector/infer/sizes.h"
#include "common/rrtype.h"

bool nx_paper_is_wildcard(const uint8_t *name) {
    return name[0] == 1 && name[1] == '*';
}

bool nx_paper_is(const struct nx_question *q) {
    if (q->to.layer != NX_LAYER_AUTHORITY) {
        return false;
    }
    return (q->flags & NX_Q_DO) != 0 || nx_paper_is_wildcard(q->name) ||
           q->qtype == NX_TYPE_NS || q->qtype == NX_TYPE_DNSKEY ||
           q->qtype == NX_TYPE_DS ||
           (q->qtype == NX_TYPE_SOA && q->to.transport == NX_TCP);
}

static int kind_of_keys(const struct nx_question *q) {
    return q->udp_bytes == 512    ? NX_PAPER_512
           : q->udp_bytes == 4096 ? NX_PAPER_4096
                                  : NX_PAPER_DNSKEY;
}

static int kind_at_apex(const struct nx_question *q) {
    switch (q->qtype) {
    case NX_TYPE_SOA:
        return NX_PAPER_TCP;
    case NX_TYPE_NS:
        return NX_PAPER_NS;
    case NX_TYPE_DNSKEY:
        return kind_of_keys(q);
    case NX_TYPE_DS:
        return NX_PAPER_DS;
    default:
        return -1;
    }
}

int nx_paper_kind_of(const struct nx_question *q, const uint8_t *name,
                     uint16_t qtype, const uint8_t *apex) {
    bool signed_wanted = (q->flags & NX_Q_DO) != 0;
    if (nx_dname_equal(q->name, apex)) {
        int kind = kind_at_apex(q);
        if (kind >= 0 && !(signed_wanted && kind == NX_PAPER_TCP)) {
            return kind;
        }
    }
    if (signed_wanted && q->qtype == qtype && nx_dname_equal(q->name, name)) {
        return NX_PAPER_ANSWER;
    }
    if (q->qtype == NX_TYPE_NS && nx_dname_under(name, q->name) &&
        nx_dname_under(q->name, apex) && !nx_dname_equal(q->name, name)) {
        return NX_PAPER_BETWEEN;
    }
    bool beside = nx_paper_is_wildcard(q->name) && q->qtype == qtype &&
                  nx_dname_under(name, nx_dname_parent(q->name)) &&
                  nx_dname_under(q->name, apex);
    return beside ? NX_PAPER_WILDCARD : -1;
}

/* --- the file --- */

struct nx_paper *nx_papers_find(const struct nx_papers *papers, unsigned kind,
                                uint32_t agent_id,
                                const struct nx_endpoint *at) {
    for (size_t i = 0; i < papers->n; i++) {
        struct nx_paper *p = &papers->list[i];
        if (p->kind == kind && p->agent_id == agent_id &&
            nx_endpoint_same_server(&p->at, at)) {
            return p;
        }
    }
    return NULL;
}

/* The one in whose place the answer is filed. */
static struct nx_paper *same_question(const struct nx_papers *papers,
                                      unsigned kind, uint32_t agent_id,
                                      const struct nx_question *q) {
    unsigned labels = nx_dname_labels(q->name);
    for (size_t i = 0; i < papers->n; i++) {
        struct nx_paper *p = &papers->list[i];
        if (p->kind == kind && p->agent_id == agent_id && p->labels == labels &&
            nx_endpoint_same_server(&p->at, &q->to)) {
            return p;
        }
    }
    return NULL;
}

static struct nx_paper *oldest(const struct nx_papers *papers) {
    struct nx_paper *found = &papers->list[0];
    for (size_t i = 1; i < papers->n; i++) {
        if (papers->list[i].at_us < found->at_us) {
            found = &papers->list[i];
        }
    }
    return found;
}

/* A place for a new one; empty. */
static struct nx_paper *make(struct nx_papers *papers) {
    if (papers->n == NX_PAPERS_MAX) {
        struct nx_paper *p = oldest(papers);
        free(p->rdata);
        memset(p, 0, sizeof(*p));
        return p;
    }
    struct nx_paper *grown =
        realloc(papers->list, (papers->n + 1) * sizeof(*grown));
    if (grown == NULL) {
        return NULL;
    }
    papers->list = grown;
    memset(&grown[papers->n], 0, sizeof(*grown));
    return &grown[papers->n++];
}

static int copy_rdata(const struct nx_answer *a, uint8_t **out) {
    *out = NULL;
    if (a->rdata_len == 0) {
        return 0;
    }
    *out = malloc(a->rdata_len);
    if (*out == NULL) {
        return NX_ENOMEM;
    }
    memcpy(*out, a->rdata, a->rdata_len);
    return 0;
}

static void fill(struct nx_paper *p, const struct nx_obs *obs) {
    const struct nx_answer *a = obs->answer;
    const uint8_t *server_name = obs->question->to.server_name;
    p->outcome = a->outcome;
    p->sized = (uint8_t)nx_sized_of(a);
    p->rcode = a->rcode;
    p->flags = a->flags;
    p->ttl_s = obs->answer_ttl_s;
    if ((obs->question->flags & NX_Q_DO) != 0) { /* else nothing was shown */
        p->proof = a->proof;
    }
    p->cname_n = a->cname_n;
    p->labels = (uint8_t)nx_dname_labels(obs->question->name);
    p->rdata_n = a->rdata_n;
    p->rdata_len = a->rdata_len;
    p->at = obs->question->to;
    p->at.server_name = NULL;
    p->name[0] = 0;
    if (server_name != NULL) {
        (void)nx_dname_lower(server_name, p->name);
    }
}

int nx_papers_put(struct nx_papers *papers, enum nx_paper_kind kind,
                  uint32_t agent_id, const struct nx_obs *obs, int64_t at_us) {
    uint8_t *rdata = NULL;
    struct nx_paper *p = same_question(papers, kind, agent_id, obs->question);
    if (p != NULL && at_us < p->at_us) {
        return 0; /* late news */
    }
    int err = copy_rdata(obs->answer, &rdata);
    if (err != 0) {
        return err;
    }
    p = p != NULL ? p : make(papers);
    if (p == NULL) {
        free(rdata);
        return NX_ENOMEM;
    }
    free(p->rdata);
    p->kind = (uint8_t)kind;
    p->agent_id = agent_id;
    p->at_us = at_us;
    p->rdata = rdata;
    fill(p, obs);
    return 0;
}

void nx_papers_fini(struct nx_papers *papers) {
    for (size_t i = 0; i < papers->n; i++) {
        free(papers->list[i].rdata);
    }
    free(papers->list);
    *papers = (struct nx_papers){0};
}
