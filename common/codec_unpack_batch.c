#include <string.h>

#include "common/codec_ttl.h"
#include "common/codec_unpack.h"

/* ref 0: absent, gives NULL. */
static const uint8_t *name_ref(struct nx_unpacker *u,
                               const ProtobufCBinaryData *names, size_t n,
                               uint32_t ref, const char *why) {
    return ref == 0 ? NULL : nx_unpack_name(u, names, n, (size_t)ref - 1, why);
}

/* What is being unpacked, and into what. */
struct batch_unpacker {
    struct nx_unpacker *u;
    const Nxclear__Batch *from;
    struct nx_endpoint *endpoints;
    struct nx_question *questions;
    struct nx_answer *answers;
    size_t soa_n;
    size_t rdata_n;
};

static bool check_counts(struct nx_unpacker *u, const Nxclear__Batch *b) {
    return nx_unpack_want(u, b->first_seq >= 1, "first_seq: zero") &&
           nx_unpack_want(u, b->n_look >= 1, "look: no observation") &&
           nx_unpack_at_most(u, b->n_look, NX_BATCH_OBS_MAX,
                             "look: too many observations") &&
           nx_unpack_want(u, b->first_seq <= INT64_MAX - b->n_look,
                          "first_seq: out of range") &&
           nx_unpack_at_most(u, b->n_names, NX_BATCH_NAMES_MAX,
                             "names: too many") &&
           nx_unpack_at_most(u, b->n_endpoints, NX_BATCH_ENDPOINTS_MAX,
                             "endpoints: too many") &&
           nx_unpack_at_most(u, b->n_questions, NX_BATCH_QUESTIONS_MAX,
                             "questions: too many") &&
           nx_unpack_at_most(u, b->n_answers, NX_BATCH_ANSWERS_MAX,
                             "answers: too many") &&
           nx_unpack_at_most(u, b->n_gaps, NX_BATCH_GAPS_MAX,
                             "gaps: too many") &&
           nx_unpack_at_most(u, b->n_delegations, NX_BATCH_DELEGATIONS_MAX,
                             "delegations: too many") &&
           nx_unpack_at_most(u, b->n_wires, NX_BATCH_WIRES_MAX,
                             "wires: too many") &&
           nx_unpack_want(u, b->n_tx_delta_us == b->n_look,
                          "tx_delta_us: length is not that of look") &&
           nx_unpack_want(u, b->n_rtt_us == b->n_look,
                          "rtt_us: length is not that of look") &&
           nx_unpack_want(u, b->src_port.len == 2 * b->n_look,
                          "src_port: length is not twice that of look");
}

static bool unpack_questions(struct batch_unpacker *b) {
    const Nxclear__Batch *from = b->from;
    b->questions =
        nx_unpack_take(b->u, from->n_questions, sizeof(*b->questions));
    for (size_t i = 0; b->questions != NULL && i < from->n_questions; i++) {
        const Nxclear__Question *q = from->questions[i];
        struct nx_question *out = &b->questions[i];
        out->name = nx_unpack_name(b->u, from->names, from->n_names, q->name,
                                   "question.name: no such name");
        if (out->name == NULL ||
            !nx_unpack_want(b->u, q->endpoint < from->n_endpoints,
                            "question.endpoint: no such endpoint") ||
            !nx_unpack_want(b->u, q->qtype <= UINT16_MAX,
                            "question.qtype: out of range") ||
            !nx_unpack_want(b->u, (q->flags & ~(uint32_t)NX_Q_FLAGS_ALL) == 0,
                            "question.flags: unknown flag") ||
            !nx_unpack_want(b->u, q->udp_bytes <= UINT16_MAX,
                            "question.udp_bytes: out of range")) {
            return false;
        }
        out->qtype = (uint16_t)q->qtype;
        out->flags = (uint16_t)q->flags;
        out->udp_bytes = (uint16_t)q->udp_bytes;
        out->to = b->endpoints[q->endpoint];
    }
    return b->questions != NULL;
}

static bool unpack_rdata(struct nx_unpacker *u, const Nxclear__Answer *from,
                         struct nx_answer *out) {
    size_t total = 0;
    if (!nx_unpack_at_most(u, from->n_rdata, NX_ANSWER_RECORDS_MAX,
                           "answer.rdata: too many records")) {
        return false;
    }
    for (size_t i = 0; i < from->n_rdata; i++) {
        total += 2 + from->rdata[i].len;
        if (!nx_unpack_at_most(u, total, NX_ANSWER_RDATA_MAX,
                               "answer.rdata: too long")) {
            return false;
        }
    }
    uint8_t *p = nx_unpack_take(u, total, 1);
    out->rdata = p;
    for (size_t i = 0; p != NULL && i < from->n_rdata; i++) {
        size_t len = from->rdata[i].len;
        *p++ = (uint8_t)(len >> 8);
        *p++ = (uint8_t)len;
        if (len > 0) {
            memcpy(p, from->rdata[i].data, len);
        }
        p += len;
    }
    out->rdata_len = (uint16_t)total;
    out->rdata_n = (uint8_t)from->n_rdata;
    return out->rdata != NULL;
}

static bool unpack_ede(struct nx_unpacker *u, const Nxclear__Answer *from,
                       struct nx_answer *out) {
    if (!nx_unpack_at_most(u, from->n_ede, NX_ANSWER_EDE_MAX,
                           "answer.ede: too many")) {
        return false;
    }
    for (size_t i = 0; i < from->n_ede; i++) {
        if (!nx_unpack_want(u, from->ede[i] <= UINT16_MAX,
                            "answer.ede: out of range")) {
            return false;
        }
        out->ede[i] = (uint16_t)from->ede[i];
    }
    out->ede_n = (uint8_t)from->n_ede;
    return true;
}

static bool unpack_proof(struct nx_unpacker *u, const Nxclear__Proof *from,
                         struct nx_proof *out) {
    if (from == NULL) {
        return true;
    }
    if (!nx_unpack_want(u, from->key_tag <= UINT16_MAX,
                        "proof.key_tag: out of range") ||
        !nx_unpack_want(u, from->algorithm <= UINT8_MAX,
                        "proof.algorithm: out of range") ||
        !nx_unpack_want(u, from->signatures_n <= UINT8_MAX,
                        "proof.signatures_n: out of range") ||
        !nx_unpack_want(u, from->denial <= NX_DENIAL_MAX,
                        "proof.denial: unknown") ||
        !nx_unpack_want(u, from->iterations <= UINT16_MAX,
                        "proof.iterations: out of range")) {
        return false;
    }
    out->inception = from->inception;
    out->expiration = from->expiration;
    out->key_tag = (uint16_t)from->key_tag;
    out->algorithm = (uint8_t)from->algorithm;
    out->signatures_n = (uint8_t)from->signatures_n;
    out->denial = (uint8_t)from->denial;
    out->iterations = (uint16_t)from->iterations;
    out->denial_ttl_s = from->denial_ttl_s;
    return true;
}

static bool check_answer(struct nx_unpacker *u, const Nxclear__Answer *a) {
    return nx_unpack_want(u, a->outcome <= NX_OUTCOME_MAX,
                          "answer.outcome: unknown") &&
           nx_unpack_want(u, a->rcode <= 0xfff, "answer.rcode: over 12 bits") &&
           nx_unpack_want(u, (a->flags & ~(uint32_t)NX_ANS_FLAGS_ALL) == 0,
                          "answer.flags: unknown flag") &&
           nx_unpack_want(u, a->cname_n <= UINT8_MAX,
                          "answer.cname_n: too many") &&
           nx_unpack_want(u, (a->flags & NX_ANS_SOA) == 0 || a->soa_owner != 0,
                          "answer.soa_owner: missing") &&
           nx_unpack_at_most(u, a->nsid.len, NX_ANSWER_NSID_MAX,
                             "answer.nsid: too long");
}

static bool unpack_answer(struct batch_unpacker *b, const Nxclear__Answer *a,
                          struct nx_answer *out) {
    struct nx_unpacker *u = b->u;
    const ProtobufCBinaryData *names = b->from->names;
    size_t n = b->from->n_names;
    if (!check_answer(u, a)) {
        return false;
    }
    out->outcome = (uint8_t)a->outcome;
    out->rcode = (uint16_t)a->rcode;
    out->flags = (uint16_t)a->flags;
    out->over_tcp = a->over_tcp != 0;
    out->cname_n = (uint8_t)a->cname_n;
    out->soa_owner =
        name_ref(u, names, n, a->soa_owner, "answer.soa_owner: no such name");
    out->soa_serial = a->soa_serial;
    out->soa_minimum_s = a->soa_minimum_s;
    out->denied_name = name_ref(u, names, n, a->denied_name,
                                "answer.denied_name: no such name");
    out->ns_owner =
        name_ref(u, names, n, a->ns_owner, "answer.ns_owner: no such name");
    out->nsid = a->nsid.data;
    out->nsid_len = (uint8_t)a->nsid.len;
    return unpack_ede(u, a, out) && unpack_rdata(u, a, out) &&
           unpack_proof(u, a->proof, &out->proof) && u->err == 0;
}

static bool unpack_answers(struct batch_unpacker *b) {
    b->answers = nx_unpack_take(b->u, b->from->n_answers, sizeof(*b->answers));
    for (size_t i = 0; b->answers != NULL && i < b->from->n_answers; i++) {
        if (!unpack_answer(b, b->from->answers[i], &b->answers[i])) {
            return false;
        }
    }
    return b->answers != NULL;
}

static bool unpack_gaps(struct batch_unpacker *b, struct nx_batch *out) {
    struct nx_gap *gaps = nx_unpack_take(b->u, b->from->n_gaps, sizeof(*gaps));
    for (size_t i = 0; gaps != NULL && i < b->from->n_gaps; i++) {
        const Nxclear__Gap *g = b->from->gaps[i];
        if (!nx_unpack_want(b->u, g->from_seq >= 1 && g->from_seq <= g->to_seq,
                            "gap: ends before it begins") ||
            !nx_unpack_want(b->u, g->to_seq < b->from->first_seq,
                            "gap: not before first_seq") ||
            !nx_unpack_want(b->u, g->reason <= NX_GAP_REASON_MAX,
                            "gap.reason: unknown")) {
            return false;
        }
        gaps[i].from_seq = g->from_seq;
        gaps[i].to_seq = g->to_seq;
        gaps[i].reason = (uint8_t)g->reason;
    }
    out->gaps = gaps;
    out->gaps_n = b->from->n_gaps;
    return gaps != NULL;
}

static struct nx_endpoint *unpack_servers(struct batch_unpacker *b,
                                          const Nxclear__Delegation *d) {
    if (!nx_unpack_at_most(b->u, d->n_servers, NX_DELEG_SERVERS_MAX,
                           "delegation.servers: too many")) {
        return NULL;
    }
    struct nx_endpoint *servers =
        nx_unpack_take(b->u, d->n_servers, sizeof(*servers));
    for (size_t i = 0; servers != NULL && i < d->n_servers; i++) {
        if (!nx_unpack_want(b->u, d->servers[i] < b->from->n_endpoints,
                            "delegation.servers: no such endpoint")) {
            return NULL;
        }
        servers[i] = b->endpoints[d->servers[i]];
    }
    return servers;
}

static bool check_sides(struct nx_unpacker *u, const Nxclear__Delegation *d) {
    if (!nx_unpack_want(u, d->sides.len == 0 || d->sides.len == d->n_servers,
                        "delegation.sides: one for each server")) {
        return false;
    }
    for (size_t i = 0; i < d->sides.len; i++) {
        if (!nx_unpack_want(u, (d->sides.data[i] & ~NX_SIDES_ALL) == 0,
                            "delegation.sides: unknown bit")) {
            return false;
        }
    }
    return true;
}

static bool unpack_delegation(struct batch_unpacker *b,
                              const Nxclear__Delegation *d,
                              struct nx_delegation *out) {
    const ProtobufCBinaryData *names = b->from->names;
    size_t n = b->from->n_names;
    out->name = nx_unpack_name(b->u, names, n, d->name,
                               "delegation.name: no such name");
    out->apex = nx_unpack_name(b->u, names, n, d->apex,
                               "delegation.apex: no such name");
    out->parent =
        name_ref(b->u, names, n, d->parent, "delegation.parent: no such name");
    out->servers = unpack_servers(b, d);
    out->servers_n = d->n_servers;
    out->ns_ttl_s = d->ns_ttl_s;
    out->problems = d->problems;
    out->unasked_n = d->unasked;
    out->glue = d->glue & NX_GLUE_ALL;
    out->at_mono_us = d->at_mono_us;
    out->sides = d->sides.len > 0 ? d->sides.data : NULL;
    return b->u->err == 0 && check_sides(b->u, d) &&
           nx_unpack_want(b->u,
                          (d->problems & ~(uint32_t)NX_DELEG_PROBLEMS_ALL) == 0,
                          "delegation.problems: unknown bit") &&
           nx_unpack_want(b->u, d->unasked <= NX_DELEG_UNASKED_MAX,
                          "delegation.unasked: too many") &&
           nx_unpack_want(b->u, nx_dname_under(out->name, out->apex),
                          "delegation.apex: not above the name") &&
           nx_unpack_want(b->u,
                          out->parent == NULL ||
                              nx_dname_under(out->apex, out->parent),
                          "delegation.parent: not above the apex");
}

static bool unpack_delegations(struct batch_unpacker *b, struct nx_batch *out) {
    struct nx_delegation *list =
        nx_unpack_take(b->u, b->from->n_delegations, sizeof(*list));
    for (size_t i = 0; list != NULL && i < b->from->n_delegations; i++) {
        if (!unpack_delegation(b, b->from->delegations[i], &list[i])) {
            return false;
        }
    }
    out->delegations = list;
    out->delegations_n = b->from->n_delegations;
    return list != NULL;
}

/* TTLs of a countdown from their residuals; false when a column is short. */
struct ttl_columns {
    struct nx_codec_ttl *soa;    /* one per question */
    struct nx_codec_ttl *answer; /* one per question */
};

static bool unpack_ttls(struct batch_unpacker *b, struct ttl_columns *ttl,
                        size_t question, struct nx_obs *obs) {
    const Nxclear__Batch *from = b->from;
    if ((obs->answer->flags & NX_ANS_SOA) != 0) {
        if (b->soa_n >= from->n_soa_ttl_residual_s) {
            return nx_unpack_fail(b->u, NX_EMALFORMED,
                                  "soa_ttl_residual_s: too short");
        }
        obs->soa_ttl_s =
            nx_codec_ttl_unpack(&ttl->soa[question], obs->rx_mono_us,
                                from->soa_ttl_residual_s[b->soa_n++]);
    }
    if ((obs->answer->flags & NX_ANS_RDATA) != 0) {
        if (b->rdata_n >= from->n_answer_ttl_residual_s) {
            return nx_unpack_fail(b->u, NX_EMALFORMED,
                                  "answer_ttl_residual_s: too short");
        }
        obs->answer_ttl_s =
            nx_codec_ttl_unpack(&ttl->answer[question], obs->rx_mono_us,
                                from->answer_ttl_residual_s[b->rdata_n++]);
    }
    return true;
}

static bool unpack_obs(struct batch_unpacker *b, struct ttl_columns *ttl,
                       size_t i, int64_t *tx_us, struct nx_obs *out) {
    const Nxclear__Batch *from = b->from;
    size_t q = from->n_answers > 0 ? from->look[i] / from->n_answers : 0;
    size_t a = from->n_answers > 0 ? from->look[i] % from->n_answers : 0;
    if (q >= from->n_questions || a >= from->n_answers) {
        return nx_unpack_fail(b->u, NX_EMALFORMED, "look: out of its tables");
    }
    if (__builtin_add_overflow(*tx_us, from->tx_delta_us[i], tx_us) ||
        *tx_us < 0 || *tx_us > INT64_MAX - UINT32_MAX) {
        return nx_unpack_fail(b->u, NX_EMALFORMED, "tx_delta_us: out of range");
    }
    out->question = &b->questions[q];
    out->answer = &b->answers[a];
    out->tx_mono_us = *tx_us;
    out->rx_mono_us = *tx_us + from->rtt_us[i];
    const uint8_t *port = from->src_port.data + 2 * i;
    out->src_port = (uint16_t)(port[0] << 8 | port[1]);
    return unpack_ttls(b, ttl, q, out);
}

static bool unpack_wires(struct batch_unpacker *b, struct nx_obs *obs) {
    const Nxclear__Batch *from = b->from;
    for (size_t i = 0; i < from->n_wires; i++) {
        const Nxclear__Wire *wire = from->wires[i];
        if (!nx_unpack_want(b->u, wire->look < from->n_look,
                            "wire.look: no such observation") ||
            !nx_unpack_want(b->u,
                            i == 0 || wire->look > from->wires[i - 1]->look,
                            "wire.look: not ascending") ||
            !nx_unpack_want(b->u, wire->reply.len > 0, "wire.reply: empty") ||
            !nx_unpack_at_most(b->u, wire->reply.len, NX_OBS_WIRE_MAX,
                               "wire.reply: too long")) {
            return false;
        }
        obs[wire->look].wire = wire->reply.data;
        obs[wire->look].wire_len = (uint16_t)wire->reply.len;
    }
    return true;
}

static bool unpack_columns(struct batch_unpacker *b, struct nx_batch *out) {
    const Nxclear__Batch *from = b->from;
    struct ttl_columns ttl = {
        .soa = nx_unpack_take(b->u, from->n_questions, sizeof(*ttl.soa)),
        .answer = nx_unpack_take(b->u, from->n_questions, sizeof(*ttl.answer)),
    };
    struct nx_obs *obs = nx_unpack_take(b->u, from->n_look, sizeof(*obs));
    if (b->u->err != 0) {
        return false;
    }
    int64_t tx_us = out->clock.mono_us;
    for (size_t i = 0; i < from->n_look; i++) {
        if (!unpack_obs(b, &ttl, i, &tx_us, &obs[i])) {
            return false;
        }
    }
    out->obs = obs;
    out->obs_n = from->n_look;
    return unpack_wires(b, obs) &&
           nx_unpack_want(b->u, b->soa_n == from->n_soa_ttl_residual_s,
                          "soa_ttl_residual_s: too long") &&
           nx_unpack_want(b->u, b->rdata_n == from->n_answer_ttl_residual_s,
                          "answer_ttl_residual_s: too long");
}

bool nx_unpack_batch(struct nx_unpacker *u, const Nxclear__Batch *from,
                     struct nx_batch *out) {
    struct batch_unpacker b = {.u = u, .from = from};
    if (!check_counts(u, from) ||
        !nx_unpack_clock(u, from->clock, &out->clock) ||
        !nx_unpack_names(u, from->names, from->n_names)) {
        return false;
    }
    b.endpoints = nx_unpack_endpoints(u, from->endpoints, from->n_endpoints);
    if (b.endpoints == NULL || !unpack_questions(&b) || !unpack_answers(&b) ||
        !unpack_gaps(&b, out) || !unpack_delegations(&b, out) ||
        !unpack_columns(&b, out)) {
        return false;
    }
    out->epoch = from->epoch;
    out->first_seq = from->first_seq;
    out->questions = b.questions;
    out->questions_n = from->n_questions;
    out->answers = b.answers;
    out->answers_n = from->n_answers;
    return true;
}
