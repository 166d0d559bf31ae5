#include "agent/dns/reply.h"

#include <string.h>

#include "agent/dns/proof.h"
#include "common/rrtype.h"

/* Header bits, RFC 1035 section 4.1.1, RFC 4035 section 3. */
#define BIT_QR 0x8000U
#define BITS_OPCODE 0x7800U
#define BIT_AA 0x0400U
#define BIT_TC 0x0200U
#define BIT_RA 0x0080U
#define BIT_AD 0x0020U
#define BIT_CD 0x0010U
#define BITS_RCODE 0x000FU

#define OPTION_NSID 3U /* RFC 5001 */
#define OPTION_EDE 15U /* RFC 8914 */

/* What is being read: the message, and the reply it becomes. */
struct reading {
    const uint8_t *msg;
    size_t len;
    const struct nx_question *question;
    struct nx_reply *out;
    struct nx_signatures signatures;
};

static int check_header(const uint8_t *msg, size_t len, uint16_t id) {
    if (len < NX_HEADER_BYTES || nx_wire_u16(msg) != id) {
        return NX_EMISMATCH;
    }
    uint16_t bits = nx_wire_u16(msg + 2);
    if ((bits & BIT_QR) == 0 || (bits & BITS_OPCODE) != 0) {
        return NX_EMISMATCH;
    }
    return nx_wire_u16(msg + 4) == 1 ? 0 : NX_EMALFORMED;
}

/* A bare header that says why there is no answer, as unbound's `refuse` sends
 * it: RFC 1035 section 4.1.1 asks for no copy of the question in errors. */
static bool is_bare_error(const uint8_t *msg, size_t len) {
    static const uint8_t no_counts[8] = {0};
    unsigned rcode = len == NX_HEADER_BYTES ? msg[3] & BITS_RCODE : 0;
    return rcode != NX_RCODE_NOERROR && rcode != NX_RCODE_NXDOMAIN &&
           memcmp(msg + 4, no_counts, sizeof(no_counts)) == 0;
}

static unsigned class_of(const struct reading *r) {
    return (r->question->flags & NX_Q_CH) != 0 ? NX_CLASS_CH : NX_CLASS_IN;
}

static int check_question(const struct reading *r) {
    uint8_t name[NX_DNAME_MAX];
    size_t at = 0;
    int err = nx_wire_name(r->msg, r->len, NX_HEADER_BYTES, name, &at);
    if (err != 0 || r->len - at < 4) {
        return NX_EMALFORMED;
    }
    if (!nx_dname_equal(name, r->question->name) ||
        nx_wire_u16(r->msg + at) != r->question->qtype ||
        nx_wire_u16(r->msg + at + 2) != class_of(r)) {
        return NX_EMISMATCH;
    }
    return 0;
}

static void read_header(struct reading *r) {
    static const struct {
        uint16_t bit;
        uint16_t flag;
    } map[] = {{BIT_AA, NX_ANS_AA},
               {BIT_TC, NX_ANS_TC},
               {BIT_RA, NX_ANS_RA},
               {BIT_AD, NX_ANS_AD},
               {BIT_CD, NX_ANS_CD}};
    uint16_t bits = nx_wire_u16(r->msg + 2);
    struct nx_answer *a = &r->out->answer;
    *a = (struct nx_answer){.outcome = NX_ANSWERED};
    a->rcode = bits & BITS_RCODE;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if ((bits & map[i].bit) != 0) {
            a->flags |= map[i].flag;
        }
    }
}

static int read_option(struct nx_reply *out, uint16_t code, const uint8_t *data,
                       size_t len) {
    struct nx_answer *a = &out->answer;
    if (code == OPTION_EDE) {
        if (len < 2) {
            return NX_EMALFORMED;
        }
        if (a->ede_n < NX_ANSWER_EDE_MAX) {
            a->ede[a->ede_n++] = nx_wire_u16(data);
        }
    } else if (code == OPTION_NSID && len > 0) {
        size_t kept = len < NX_ANSWER_NSID_MAX ? len : NX_ANSWER_NSID_MAX;
        memcpy(out->nsid, data, kept);
        a->nsid = out->nsid;
        a->nsid_len = (uint8_t)kept;
    }
    return 0;
}

/* RFC 6891 section 6.1: one at most, at the root, in the additional section. */
static int read_opt(struct reading *r, const struct nx_rr *rr) {
    struct nx_answer *a = &r->out->answer;
    if (rr->section != NX_SECTION_EXTRA || rr->owner[0] != 0 ||
        (a->flags & NX_ANS_EDNS) != 0) {
        return NX_EMALFORMED;
    }
    a->flags |= NX_ANS_EDNS;
    a->rcode |= (uint16_t)(rr->ttl_raw >> 24 << 4);
    const uint8_t *p = r->msg + rr->rdata_at;
    size_t left = rr->rdata_len;
    while (left > 0) {
        if (left < 4 || left - 4 < nx_wire_u16(p + 2)) {
            return NX_EMALFORMED;
        }
        size_t len = nx_wire_u16(p + 2);
        int err = read_option(r->out, nx_wire_u16(p), p + 4, len);
        if (err != 0) {
            return err;
        }
        p += 4 + len;
        left -= 4 + len;
    }
    return 0;
}

static void read_soa(struct reading *r, const struct nx_rr *rr) {
    struct nx_answer *a = &r->out->answer;
    if (rr->section == NX_SECTION_EXTRA) {
        a->flags |= NX_ANS_SOA_ADDITIONAL;
    }
    if (rr->section != NX_SECTION_AUTHORITY || (a->flags & NX_ANS_SOA) != 0) {
        return;
    }
    const uint8_t *end = r->msg + rr->rdata_at + rr->rdata_len;
    memcpy(r->out->soa_owner, rr->owner, nx_dname_len(rr->owner));
    a->flags |= NX_ANS_SOA;
    a->soa_owner = r->out->soa_owner;
    a->soa_serial = nx_wire_u32(end - 20);
    a->soa_minimum_s = nx_wire_u32(end - 4);
    r->out->soa_ttl_s = rr->ttl_s;
}

static void read_ns(struct reading *r, const struct nx_rr *rr) {
    struct nx_answer *a = &r->out->answer;
    if (rr->section == NX_SECTION_AUTHORITY && (a->flags & NX_ANS_NS) == 0) {
        memcpy(r->out->ns_owner, rr->owner, nx_dname_len(rr->owner));
        a->flags |= NX_ANS_NS;
        a->ns_owner = r->out->ns_owner;
    }
}

static int read_record(struct reading *r, const struct nx_rr *rr) {
    if (rr->type == NX_TYPE_OPT) {
        return read_opt(r, rr);
    }
    if (nx_rr_check(r->msg, r->len, rr) != 0) {
        return NX_EMALFORMED;
    }
    if (rr->rclass == NX_CLASS_IN && rr->type == NX_TYPE_SOA) {
        read_soa(r, rr);
    } else if (rr->rclass == NX_CLASS_IN && rr->type == NX_TYPE_NS) {
        read_ns(r, rr);
    }
    return (r->question->flags & NX_Q_DO) != 0
               ? nx_proof_read(r->msg, rr, &r->signatures,
                               &r->out->answer.proof)
               : 0;
}

/* The records that the header promises. */
static unsigned records_n(const struct reading *r) {
    return (unsigned)nx_wire_u16(r->msg + 6) + nx_wire_u16(r->msg + 8) +
           nx_wire_u16(r->msg + 10);
}

static int read_records(struct reading *r) {
    struct nx_rr_iter iter;
    struct nx_rr rr;
    nx_rr_iter_init(&iter, r->msg, r->len);
    while (nx_rr_next(&iter, &rr)) {
        int err = read_record(r, &rr);
        if (err != 0) {
            return err;
        }
    }
    nx_proof_end(&r->signatures, &r->out->answer.proof);
    return iter.broken || iter.at != iter.len ? NX_EMALFORMED : 0;
}

/* The next record (owner, type, class of the question) of the answer. */
static bool next_match(const struct reading *r, struct nx_rr_iter *iter,
                       const uint8_t *owner, uint16_t type, struct nx_rr *out) {
    while (nx_rr_next(iter, out) && out->section == NX_SECTION_ANSWER) {
        if (out->type == type && out->rclass == class_of(r) &&
            nx_dname_equal(out->owner, owner)) {
            return true;
        }
    }
    return false;
}

static bool first_match(const struct reading *r, const uint8_t *owner,
                        uint16_t type, struct nx_rr_iter *iter,
                        struct nx_rr *out) {
    nx_rr_iter_init(iter, r->msg, r->len);
    return next_match(r, iter, owner, type, out);
}

/* Follows CNAMEs from the question's name, in whatever order they stand. owner
 * gets the name at the end; *ttl_s the lowest TTL on the way. True when the
 * asked RRset is there. */
static bool follow_chain(struct reading *r, uint8_t *owner, uint32_t *ttl_s) {
    struct nx_answer *a = &r->out->answer;
    struct nx_rr_iter iter;
    struct nx_rr rr;
    memcpy(owner, r->question->name, nx_dname_len(r->question->name));
    for (;;) {
        if (first_match(r, owner, r->question->qtype, &iter, &rr)) {
            return true;
        }
        if (a->cname_n == NX_REPLY_CNAME_MAX ||
            !first_match(r, owner, NX_TYPE_CNAME, &iter, &rr) ||
            nx_rr_target(&iter, &rr, owner) != 0) {
            return false;
        }
        a->cname_n++;
        *ttl_s = rr.ttl_s < *ttl_s ? rr.ttl_s : *ttl_s;
        memcpy(r->out->denied_name, owner, nx_dname_len(owner));
        a->denied_name = r->out->denied_name;
    }
}

/* A canonical RDATA: in the message, or in the scratch of its own. */
struct rdata {
    const uint8_t *bytes; /* NULL: none */
    size_t len;
    uint8_t scratch[NX_RR_SCRATCH_BYTES];
};

/* The smallest RDATA of the RRset that is greater than `last`. */
static const struct rdata *next_rdata(const struct reading *r,
                                      const uint8_t *owner, const uint8_t *last,
                                      size_t last_len, struct rdata pair[2]) {
    struct rdata *best = &pair[0];
    struct rdata *spare = &pair[1];
    struct nx_rr_iter iter;
    struct nx_rr rr;
    best->bytes = NULL;
    nx_rr_iter_init(&iter, r->msg, r->len);
    while (next_match(r, &iter, owner, r->question->qtype, &rr)) {
        spare->bytes =
            nx_rr_canonical(r->msg, r->len, &rr, spare->scratch, &spare->len);
        bool fresh = last == NULL || nx_rdata_compare(spare->bytes, spare->len,
                                                      last, last_len) > 0;
        if (fresh && (best->bytes == NULL ||
                      nx_rdata_compare(spare->bytes, spare->len, best->bytes,
                                       best->len) < 0)) {
            struct rdata *swap = best;
            best = spare;
            spare = swap;
        }
    }
    return best->bytes != NULL ? best : NULL;
}

/* Collects the RRset by selection: sorted, without duplicates, and when it does
 * not fit always the same first part, however the server rotates it. */
static void read_rrset(struct reading *r, const uint8_t *owner) {
    struct nx_answer *a = &r->out->answer;
    struct rdata pair[2];
    const uint8_t *last = NULL;
    size_t last_len = 0;
    const struct rdata *next = next_rdata(r, owner, NULL, 0, pair);
    while (next != NULL) {
        uint8_t *to = r->out->rdata + a->rdata_len;
        if (a->rdata_n == NX_ANSWER_RECORDS_MAX ||
            next->len + 2 > NX_ANSWER_RDATA_MAX - (size_t)a->rdata_len) {
            a->flags |= NX_ANS_PARTIAL;
            return;
        }
        to[0] = (uint8_t)(next->len >> 8);
        to[1] = (uint8_t)next->len;
        memcpy(to + 2, next->bytes, next->len);
        a->rdata = r->out->rdata;
        a->rdata_len = (uint16_t)(a->rdata_len + next->len + 2);
        a->rdata_n++;
        last = to + 2;
        last_len = next->len;
        next = next_rdata(r, owner, last, last_len, pair);
    }
}

static void read_answer(struct reading *r) {
    uint8_t owner[NX_DNAME_MAX];
    uint32_t ttl_s = INT32_MAX;
    if (!follow_chain(r, owner, &ttl_s)) {
        return;
    }
    struct nx_rr_iter iter;
    struct nx_rr rr;
    nx_rr_iter_init(&iter, r->msg, r->len);
    while (next_match(r, &iter, owner, r->question->qtype, &rr)) {
        ttl_s = rr.ttl_s < ttl_s ? rr.ttl_s : ttl_s;
    }
    r->out->answer.flags |= NX_ANS_RDATA;
    r->out->answer_ttl_s = ttl_s;
    read_rrset(r, owner);
}

int nx_reply_parse(const uint8_t *msg, size_t len, uint16_t id,
                   const struct nx_question *question, struct nx_reply *out) {
    struct reading r = {msg, len, question, out, {0}};
    int err = check_header(msg, len, id);
    bool bare = err == NX_EMALFORMED && is_bare_error(msg, len);
    if (err == 0) {
        err = check_question(&r);
    }
    if (err != 0 && !bare) {
        return err;
    }
    out->soa_ttl_s = 0;
    out->answer_ttl_s = 0;
    read_header(&r);
    if (bare) {
        return 0;
    }
    err = read_records(&r);
    if (err == 0 && records_n(&r) > NX_REPLY_RECORDS_MAX) {
        out->answer.flags |= NX_ANS_TC;
    } else if (err == 0) {
        read_answer(&r);
    }
    return err;
}
