/* From the papers to findings (finding.h). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "collector/audit/dnssec.h"
#include "collector/audit/finding.h"
#include "collector/audit/server.h"
#include "common/rrtype.h"

#define US_PER_S INT64_C(1000000)
#define ENDS_SOON_S 86400
#define DAY_S 86400U

struct notes {
    const struct nx_audit_case *c;
    struct nx_finding *out;
    size_t n, max;
};

/* --- writing --- */

static bool same(const struct nx_finding *a, const struct nx_finding *b) {
    return a->tag == b->tag && strcmp(a->detail, b->detail) == 0;
}

static void note(struct notes *notes, enum nx_finding_tag tag,
                 const struct nx_paper *paper, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A full list gives up the mildest, of these the latest, for what is worse. */
static void put(struct notes *notes, const struct nx_finding *f) {
    size_t mildest = 0;
    for (size_t i = 0; i < notes->n; i++) {
        if (same(&notes->out[i], f)) {
            return;
        }
        if (nx_finding_severity(notes->out[i].tag) <=
            nx_finding_severity(notes->out[mildest].tag)) {
            mildest = i;
        }
    }
    if (notes->n < notes->max) {
        notes->out[notes->n++] = *f;
    } else if (notes->max > 0 &&
               nx_finding_severity(f->tag) >
                   nx_finding_severity(notes->out[mildest].tag)) {
        notes->out[mildest] = *f;
    }
}

static void note(struct notes *notes, enum nx_finding_tag tag,
                 const struct nx_paper *paper, const char *format, ...) {
    struct nx_finding f = {.tag = tag, .has_server = paper != NULL};
    size_t at = 0;
    va_list args;
    if (paper != NULL) {
        f.server = paper->at;
        (void)nx_finding_server(&paper->at, paper->name, f.detail,
                                sizeof(f.detail));
        at = strlen(f.detail);
    }
    va_start(args, format);
    (void)vsnprintf(f.detail + at, sizeof(f.detail) - at, format, args);
    va_end(args);
    put(notes, &f);
}

/* --- reading --- */

static bool in_set(const struct nx_audit_case *c, const struct nx_paper *p) {
    for (size_t i = 0; i < c->servers_n; i++) {
        if (nx_endpoint_same_server(&c->servers[i].at, &p->at)) {
            return true;
        }
    }
    return false;
}

/* The next paper of the kind, of a server that is asked now; i: 0 at first. */
static const struct nx_paper *next(const struct nx_audit_case *c,
                                   enum nx_paper_kind kind, size_t *i) {
    while (*i < c->papers->n) {
        const struct nx_paper *p = &c->papers->list[(*i)++];
        if (p->kind == kind && (kind == NX_PAPER_DS || in_set(c, p))) {
            return p;
        }
    }
    return NULL;
}

static bool answered(const struct nx_paper *p) {
    return p->outcome == NX_ANSWERED &&
           (p->rcode == NX_RCODE_NOERROR || p->rcode == NX_RCODE_NXDOMAIN);
}

static struct nx_rdata_list rdata_of(const struct nx_paper *p) {
    return (struct nx_rdata_list){p->rdata, p->rdata_len};
}

static bool same_rdata(const struct nx_paper *a, const struct nx_paper *b) {
    return a->rdata_len == b->rdata_len &&
           (a->rdata_len == 0 || memcmp(a->rdata, b->rdata, a->rdata_len) == 0);
}

/* --- transport --- */

static const struct nx_paper *paper_of(const struct nx_audit_case *c,
                                       enum nx_paper_kind kind,
                                       const struct nx_endpoint *at) {
    const struct nx_paper *p = NULL;
    for (size_t i = 0; (p = next(c, kind, &i)) != NULL;) {
        if (nx_endpoint_same_server(at, &p->at)) {
            return p;
        }
    }
    return NULL;
}

/* Its address cannot be asked at all from there: that is not about TCP. */
static bool is_unreached(const struct nx_audit_case *c,
                         const struct nx_paper *tcp) {
    const struct nx_paper *udp = paper_of(c, NX_PAPER_ANSWER, &tcp->at);
    return tcp->outcome == NX_UNREACHABLE && udp != NULL &&
           udp->outcome == NX_UNREACHABLE;
}

static void look_at_tcp(struct notes *notes) {
    const struct nx_paper *p = NULL;
    for (size_t i = 0; (p = next(notes->c, NX_PAPER_TCP, &i)) != NULL;) {
        if (p->outcome != NX_ANSWERED && p->outcome != NX_LOCAL_ERROR &&
            !is_unreached(notes->c, p)) {
            note(notes, NX_FIND_NO_TCP, p, " does not answer over TCP (%s)",
                 nx_outcome_text(p->outcome));
        }
    }
}

static void look_at_edns(struct notes *notes) {
    const struct nx_paper *p = NULL;
    for (size_t i = 0; (p = next(notes->c, NX_PAPER_ANSWER, &i)) != NULL;) {
        if (p->outcome == NX_ANSWERED && (p->flags & NX_ANS_EDNS) == 0) {
            char code[NX_RCODE_TEXT_MAX];
            note(notes, NX_FIND_NO_EDNS, p, " answers without EDNS (%s)",
                 nx_rcode_text(p->rcode, code));
        }
    }
}

static void look_at_sizes(struct notes *notes) {
    const struct nx_audit_case *c = notes->c;
    for (size_t i = 0; i < c->servers_n; i++) {
        const struct nx_endpoint *at = &c->servers[i].at;
        const struct nx_paper *p = paper_of(c, NX_PAPER_512, at);
        struct nx_server_paper server;
        struct nx_sizes sizes;
        nx_server_paper_of(c->papers, at, &server);
        nx_sizes_judge(server.sized, &sizes);
        if (p != NULL && sizes.limit_bytes != 0) {
            note(notes, NX_FIND_LARGE_ANSWERS_LOST, p,
                 ": no answer above %u octets comes over UDP; TCP %s",
                 sizes.limit_bytes, sizes.tcp ? "works" : "fails, too");
        }
    }
}

/* --- NS sets --- */

/* Canonical RDATA: names compare as octets. */
static bool names_server(const struct nx_paper *p, const uint8_t *wanted,
                         size_t wanted_len) {
    struct nx_rdata_list list = rdata_of(p);
    const uint8_t *rdata = NULL;
    size_t len = 0;
    while (nx_rdata_next(&list, &rdata, &len)) {
        if (len == wanted_len && memcmp(rdata, wanted, len) == 0) {
            return true;
        }
    }
    return false;
}

static const struct nx_paper *first_ns(const struct nx_audit_case *c) {
    size_t i = 0;
    const struct nx_paper *p = NULL;
    while ((p = next(c, NX_PAPER_NS, &i)) != NULL) {
        if (answered(p) && p->rdata_n > 0) {
            return p;
        }
    }
    return NULL;
}

/* A name of `of` that `other` has not, as text; false: there is none. */
static bool missing_name(const struct nx_paper *of,
                         const struct nx_paper *other, char *text) {
    struct nx_rdata_list list = rdata_of(of);
    const uint8_t *rdata = NULL;
    size_t len = 0;
    while (nx_rdata_next(&list, &rdata, &len)) {
        if (nx_dname_check(rdata, len) == 0 &&
            !names_server(other, rdata, len)) {
            (void)nx_dname_text(rdata, text);
            return true;
        }
    }
    return false;
}

/* Servers of the zone that name different servers. */
static void compare_children(struct notes *notes) {
    const struct nx_paper *first = first_ns(notes->c);
    const struct nx_paper *p = NULL;
    for (size_t i = 0;
         first != NULL && (p = next(notes->c, NX_PAPER_NS, &i)) != NULL;) {
        char name[NX_DNAME_TEXT_MAX];
        if (!answered(p) || p->rdata_n == 0 || same_rdata(p, first)) {
            continue;
        }
        if (missing_name(first, p, name)) {
            note(notes, NX_FIND_NS_SET_DIFFERS, p,
                 " does not name %.150s, as others do", name);
        } else if (missing_name(p, first, name)) {
            note(notes, NX_FIND_NS_SET_DIFFERS, p,
                 " names %.150s, others do not", name);
        }
    }
}

/* Servers that only one of parent and zone names. */
static void compare_sides(struct notes *notes) {
    const struct nx_audit_case *c = notes->c;
    for (size_t i = 0; i < c->servers_n; i++) {
        const struct nx_audit_server *s = &c->servers[i];
        char name[NX_DNAME_TEXT_MAX];
        bool one = s->sides == NX_SIDE_PARENT || s->sides == NX_SIDE_CHILD;
        if (one && s->at.server_name != NULL && first_ns(c) != NULL) {
            note(notes, NX_FIND_NS_SET_DIFFERS, NULL, "only %s names %.150s",
                 s->sides == NX_SIDE_PARENT ? "the parent" : "the zone itself",
                 nx_dname_text(s->at.server_name, name));
        }
    }
}

/* --- DNSSEC --- */

static const struct nx_paper *newest_ds(const struct nx_audit_case *c) {
    const struct nx_paper *found = NULL;
    const struct nx_paper *p = NULL;
    for (size_t i = 0; (p = next(c, NX_PAPER_DS, &i)) != NULL;) {
        if (answered(p) && (found == NULL || p->at_us > found->at_us)) {
            found = p;
        }
    }
    return found;
}

/* More than we keep: what is cut off may be the one. */
static bool whole(const struct nx_paper *p) {
    return (p->flags & NX_ANS_PARTIAL) == 0;
}

static void look_at_keys(struct notes *notes, const struct nx_paper *ds) {
    const struct nx_paper *p = NULL;
    const struct nx_paper *first = NULL;
    bool delegated = ds != NULL && ds->rdata_n > 0;
    for (size_t i = 0; (p = next(notes->c, NX_PAPER_DNSKEY, &i)) != NULL;) {
        if (!answered(p)) {
            continue;
        }
        if (delegated && whole(ds) && whole(p) &&
            !nx_ds_fit(rdata_of(ds), notes->c->apex, rdata_of(p))) {
            note(notes, NX_FIND_DS_WITHOUT_KEY, p,
                 p->rdata_n == 0 ? " has no DNSKEY, the parent has a DS"
                                 : " has no DNSKEY that the parent's DS names");
        }
        if (first != NULL && !same_rdata(p, first)) {
            note(notes, NX_FIND_DNSKEY_DIFFERS, p,
                 " has other DNSKEYs than other servers");
        }
        first = first != NULL ? first : p;
    }
    if (ds != NULL && !delegated && first != NULL && first->rdata_n > 0) {
        note(notes, NX_FIND_KEY_WITHOUT_DS, NULL,
             "the zone has keys, its parent no DS");
    }
}

/* Serial number arithmetic, RFC 4034 section 3.1.5: seconds from a to b. */
static int64_t seconds_to(uint32_t a, uint32_t b) {
    return (int32_t)(b - a); /* modulo 2^32 */
}

static void look_at_times(struct notes *notes, const struct nx_paper *p,
                          const char *what) {
    uint32_t now_s = (uint32_t)(p->at_us / US_PER_S);
    int64_t left_s = seconds_to(now_s, p->proof.expiration);
    if (p->proof.signatures_n == 0) {
        return;
    }
    if (left_s < 0) {
        note(notes, NX_FIND_SIGNATURE_EXPIRED, p,
             ": the signature of key %u over %s ended %" PRId64 " s before",
             p->proof.key_tag, what, -left_s);
    } else if (left_s < ENDS_SOON_S) {
        note(notes, NX_FIND_SIGNATURE_ENDS_SOON, p,
             ": the signature of key %u over %s ends in %" PRId64 " min",
             p->proof.key_tag, what, left_s / 60);
    }
    int64_t begins_s = seconds_to(now_s, p->proof.inception);
    if (begins_s > 0) {
        note(notes, NX_FIND_SIGNATURE_NOT_YET, p,
             ": a signature over %s begins in %" PRId64 " s", what, begins_s);
    }
}

static void look_at_signatures(struct notes *notes, const struct nx_paper *ds) {
    const struct nx_paper *p = NULL;
    bool delegated = ds != NULL && ds->rdata_n > 0;
    for (size_t i = 0; (p = next(notes->c, NX_PAPER_ANSWER, &i)) != NULL;) {
        if (!answered(p) || (p->flags & NX_ANS_AA) == 0) {
            continue;
        }
        if (delegated && p->proof.signatures_n == 0) {
            note(notes, NX_FIND_NOT_SIGNED, p, " sends no signatures");
        }
        look_at_times(notes, p, "the answer");
    }
    for (size_t i = 0; (p = next(notes->c, NX_PAPER_DNSKEY, &i)) != NULL;) {
        if (answered(p)) {
            look_at_times(notes, p, "the keys");
        }
    }
}

/* The zone's records that deny, as it shows them to whoever asks. */
static void look_at_denials(struct notes *notes, enum nx_paper_kind kind) {
    const struct nx_paper *p = NULL;
    for (size_t i = 0; (p = next(notes->c, kind, &i)) != NULL;) {
        if (!answered(p) || (p->flags & NX_ANS_AA) == 0) {
            continue;
        }
        if (p->proof.iterations > 0) {
            note(notes, NX_FIND_NSEC3_ITERATIONS, p,
                 " uses NSEC3 with %u iterations", p->proof.iterations);
        }
        if (p->proof.denial != NX_DENIAL_NONE && notes->c->negative_ttl_s > 0 &&
            p->proof.denial_ttl_s > notes->c->negative_ttl_s) {
            note(notes, NX_FIND_DENIAL_TTL_LONG, p,
                 " denies with an NSEC TTL of %" PRIu32
                 " s, the negative TTL is %" PRIu32 " s",
                 p->proof.denial_ttl_s, notes->c->negative_ttl_s);
        }
    }
}

/* --- the zone --- */

/* The nearest one; the item itself may be one. */
static void look_at_wildcard(struct notes *notes) {
    const struct nx_paper *p = NULL;
    unsigned labels = nx_dname_labels(notes->c->name);
    bool beside = false;
    bool above = false;
    for (size_t i = 0; (p = next(notes->c, NX_PAPER_WILDCARD, &i)) != NULL;) {
        bool own = nx_paper_is_wildcard(notes->c->name) && p->labels == labels;
        bool there = answered(p) && (p->rdata_n > 0 || p->cname_n > 0) && !own;
        beside |= there && p->labels >= labels;
        above |= there && p->labels < labels;
    }
    if (beside) {
        note(notes, NX_FIND_WILDCARD, NULL,
             "a wildcard answers for names beside this one");
    } else if (above) {
        note(notes, NX_FIND_WILDCARD, NULL,
             "a wildcard higher up answers once the names between this one and "
             "it are gone, too");
    }
}

static void look_at_negative_ttl(struct notes *notes) {
    if (notes->c->negative_ttl_s > DAY_S) {
        note(notes, NX_FIND_NEGATIVE_TTL_LONG, NULL,
             "the negative TTL is %" PRIu32 " s", notes->c->negative_ttl_s);
    }
}

/* Stable insertion: the worst first. */
static void sort(struct nx_finding *list, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct nx_finding f = list[i];
        size_t k = i;
        while (k > 0 && nx_finding_severity(list[k - 1].tag) <
                            nx_finding_severity(f.tag)) {
            list[k] = list[k - 1];
            k--;
        }
        list[k] = f;
    }
}

size_t nx_findings_of(const struct nx_audit_case *c, struct nx_finding *out,
                      size_t max) {
    struct notes notes = {.c = c, .out = out, .max = max};
    const struct nx_paper *ds = newest_ds(c);
    if (c->apex == NULL) {
        return 0;
    }
    look_at_tcp(&notes);
    look_at_edns(&notes);
    look_at_sizes(&notes);
    compare_sides(&notes);
    compare_children(&notes);
    look_at_keys(&notes, ds);
    look_at_signatures(&notes, ds);
    look_at_denials(&notes, NX_PAPER_ANSWER);
    look_at_denials(&notes, NX_PAPER_WILDCARD);
    look_at_wildcard(&notes);
    look_at_negative_ttl(&notes);
    sort(out, notes.n);
    return notes.n;
}

size_t nx_audited_n(const struct nx_audit_case *c) {
    const unsigned all_kinds = (1U << NX_PAPER_DS) - 1;
    size_t whole_n = 0;
    for (size_t i = 0; i < c->servers_n; i++) {
        unsigned kinds = 0;
        for (size_t k = 0; k < c->papers->n; k++) {
            const struct nx_paper *p = &c->papers->list[k];
            if (p->kind != NX_PAPER_DS &&
                nx_endpoint_same_server(&c->servers[i].at, &p->at)) {
                kinds |= 1U << p->kind;
            }
        }
        unsigned sizes = kinds >> NX_PAPER_512;
        bool all = (kinds & all_kinds) == all_kinds;
        whole_n += all && (sizes == 0 || sizes == 3) ? 1U : 0U;
    }
    return whole_n;
}
