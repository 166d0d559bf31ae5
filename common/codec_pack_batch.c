/* nx_codec_pack_batch of codec.h. */
#include <string.h>

#include "common/codec_pack.h"
#include "common/codec_ttl.h"

static void pack_questions(struct nx_packer *p, const struct nx_batch *batch,
                           Nxclear__Batch *out) {
    NX_PACK_MESSAGES(p, Nxclear__Question, batch->questions_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->questions_n; i++) {
        const struct nx_question *q = &batch->questions[i];
        nxclear__question__init(&array[i]);
        array[i].name = nx_pack_name(p, q->name);
        array[i].qtype = q->qtype;
        array[i].endpoint = nx_pack_endpoint_index(p, &q->to);
        array[i].flags = q->flags;
        array[i].udp_bytes = q->udp_bytes;
    }
    out->questions = pointers;
    out->n_questions = batch->questions_n;
}

static void pack_rdata(struct nx_packer *p, const struct nx_answer *a,
                       Nxclear__Answer *out) {
    ProtobufCBinaryData *list = nx_pack_take(p, a->rdata_n, sizeof(*list));
    size_t at = 0;
    for (size_t i = 0; list != NULL && i < a->rdata_n; i++) {
        size_t len = (size_t)a->rdata[at] << 8 | a->rdata[at + 1];
        list[i] = nx_pack_bytes(a->rdata + at + 2, len);
        at += 2 + len;
    }
    out->rdata = list;
    out->n_rdata = list != NULL ? a->rdata_n : 0;
}

static void pack_answer(struct nx_packer *p, const struct nx_answer *a,
                        Nxclear__Answer *out) {
    nxclear__answer__init(out);
    out->outcome = a->outcome;
    out->rcode = a->rcode;
    out->flags = a->flags;
    out->over_tcp = a->over_tcp;
    out->cname_n = a->cname_n;
    if ((a->flags & NX_ANS_SOA) != 0) {
        out->soa_owner = nx_pack_name_ref(p, a->soa_owner);
        out->soa_serial = a->soa_serial;
        out->soa_minimum_s = a->soa_minimum_s;
    }
    out->denied_name = nx_pack_name_ref(p, a->denied_name);
    out->ns_owner = nx_pack_name_ref(p, a->ns_owner);
    out->nsid = nx_pack_bytes(a->nsid, a->nsid_len);
    uint32_t *ede = nx_pack_take(p, a->ede_n, sizeof(*ede));
    for (size_t i = 0; ede != NULL && i < a->ede_n; i++) {
        ede[i] = a->ede[i];
    }
    out->ede = ede;
    out->n_ede = ede != NULL ? a->ede_n : 0;
    pack_rdata(p, a, out);
}

static void pack_proofs(struct nx_packer *p, const struct nx_batch *batch,
                        Nxclear__Answer **answers) {
    for (size_t i = 0; p->err == 0 && i < batch->answers_n; i++) {
        const struct nx_proof *from = &batch->answers[i].proof;
        if (from->signatures_n == 0 && from->denial == NX_DENIAL_NONE) {
            continue;
        }
        Nxclear__Proof *to = nx_pack_take(p, 1, sizeof(*to));
        if (to == NULL) {
            return;
        }
        nxclear__proof__init(to);
        to->inception = from->inception;
        to->expiration = from->expiration;
        to->key_tag = from->key_tag;
        to->algorithm = from->algorithm;
        to->signatures_n = from->signatures_n;
        to->denial = from->denial;
        to->iterations = from->iterations;
        to->denial_ttl_s = from->denial_ttl_s;
        answers[i]->proof = to;
    }
}

static void pack_answers(struct nx_packer *p, const struct nx_batch *batch,
                         Nxclear__Batch *out) {
    NX_PACK_MESSAGES(p, Nxclear__Answer, batch->answers_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->answers_n; i++) {
        pack_answer(p, &batch->answers[i], &array[i]);
    }
    pack_proofs(p, batch, pointers);
    out->answers = pointers;
    out->n_answers = batch->answers_n;
}

static void pack_gaps(struct nx_packer *p, const struct nx_batch *batch,
                      Nxclear__Batch *out) {
    NX_PACK_MESSAGES(p, Nxclear__Gap, batch->gaps_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->gaps_n; i++) {
        nxclear__gap__init(&array[i]);
        array[i].from_seq = batch->gaps[i].from_seq;
        array[i].to_seq = batch->gaps[i].to_seq;
        array[i].reason = batch->gaps[i].reason;
    }
    out->gaps = pointers;
    out->n_gaps = batch->gaps_n;
}

static void pack_delegations(struct nx_packer *p, const struct nx_batch *batch,
                             Nxclear__Batch *out) {
    NX_PACK_MESSAGES(p, Nxclear__Delegation, batch->delegations_n, array,
                     pointers)
    for (size_t i = 0; p->err == 0 && i < batch->delegations_n; i++) {
        const struct nx_delegation *d = &batch->delegations[i];
        nxclear__delegation__init(&array[i]);
        array[i].name = nx_pack_name(p, d->name);
        array[i].apex = nx_pack_name(p, d->apex);
        array[i].parent = nx_pack_name_ref(p, d->parent);
        array[i].ns_ttl_s = d->ns_ttl_s;
        array[i].problems = d->problems;
        array[i].unasked = d->unasked_n;
        array[i].glue = d->glue;
        array[i].at_mono_us = d->at_mono_us;
        uint32_t *servers = nx_pack_take(p, d->servers_n, sizeof(*servers));
        for (size_t s = 0; servers != NULL && s < d->servers_n; s++) {
            servers[s] = nx_pack_endpoint_index(p, &d->servers[s]);
        }
        array[i].servers = servers;
        array[i].n_servers = servers != NULL ? d->servers_n : 0;
        if (d->sides != NULL) {
            array[i].sides = nx_pack_bytes(d->sides, d->servers_n);
        }
    }
    out->delegations = pointers;
    out->n_delegations = batch->delegations_n;
}

static size_t count_wires(const struct nx_batch *batch) {
    size_t n = 0;
    for (size_t i = 0; i < batch->obs_n; i++) {
        n += batch->obs[i].wire_len > 0 ? 1 : 0;
    }
    return n;
}

static void pack_wires(struct nx_packer *p, const struct nx_batch *batch,
                       Nxclear__Batch *out) {
    size_t wires_n = count_wires(batch);
    NX_PACK_MESSAGES(p, Nxclear__Wire, wires_n, array, pointers)
    size_t n = 0;
    for (size_t i = 0; p->err == 0 && i < batch->obs_n; i++) {
        const struct nx_obs *obs = &batch->obs[i];
        if (obs->wire_len > 0) {
            nxclear__wire__init(&array[n]);
            array[n].look = (uint32_t)i;
            array[n++].reply = nx_pack_bytes(obs->wire, obs->wire_len);
        }
    }
    out->wires = pointers;
    out->n_wires = n;
}

struct columns {
    uint32_t *look;
    int64_t *tx_delta_us;
    uint32_t *rtt_us;
    int32_t *soa_ttl;
    int32_t *answer_ttl;
    uint8_t *src_port;
    struct nx_codec_ttl *soa_before;
    struct nx_codec_ttl *answer_before;
};

static void take_columns(struct nx_packer *p, const struct nx_batch *batch,
                         struct columns *c) {
    size_t n = batch->obs_n;
    c->look = nx_pack_take(p, n, sizeof(*c->look));
    c->tx_delta_us = nx_pack_take(p, n, sizeof(*c->tx_delta_us));
    c->rtt_us = nx_pack_take(p, n, sizeof(*c->rtt_us));
    c->soa_ttl = nx_pack_take(p, n, sizeof(*c->soa_ttl));
    c->answer_ttl = nx_pack_take(p, n, sizeof(*c->answer_ttl));
    c->src_port = nx_pack_take(p, n, 2);
    c->soa_before = nx_pack_take(p, batch->questions_n, sizeof(*c->soa_before));
    c->answer_before =
        nx_pack_take(p, batch->questions_n, sizeof(*c->answer_before));
}

static uint32_t rtt_of(const struct nx_obs *obs) {
    int64_t rtt = obs->rx_mono_us - obs->tx_mono_us;
    return rtt < 0 ? 0 : rtt > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt;
}

static void pack_columns(struct nx_packer *p, const struct nx_batch *batch,
                         Nxclear__Batch *out) {
    struct columns c;
    take_columns(p, batch, &c);
    if (p->err != 0) {
        return;
    }
    int64_t before_us = batch->clock.mono_us;
    for (size_t i = 0; i < batch->obs_n; i++) {
        const struct nx_obs *obs = &batch->obs[i];
        size_t q = (size_t)(obs->question - batch->questions);
        size_t a = (size_t)(obs->answer - batch->answers);
        c.look[i] = (uint32_t)(q * batch->answers_n + a);
        c.tx_delta_us[i] = obs->tx_mono_us - before_us;
        before_us = obs->tx_mono_us;
        c.rtt_us[i] = rtt_of(obs);
        int64_t rx_us = obs->tx_mono_us + (int64_t)c.rtt_us[i];
        c.src_port[2 * i] = (uint8_t)(obs->src_port >> 8);
        c.src_port[2 * i + 1] = (uint8_t)obs->src_port;
        if ((obs->answer->flags & NX_ANS_SOA) != 0) {
            c.soa_ttl[out->n_soa_ttl_residual_s++] =
                nx_codec_ttl_pack(&c.soa_before[q], rx_us, obs->soa_ttl_s);
        }
        if ((obs->answer->flags & NX_ANS_RDATA) != 0) {
            c.answer_ttl[out->n_answer_ttl_residual_s++] = nx_codec_ttl_pack(
                &c.answer_before[q], rx_us, obs->answer_ttl_s);
        }
    }
    out->look = c.look;
    out->tx_delta_us = c.tx_delta_us;
    out->rtt_us = c.rtt_us;
    out->soa_ttl_residual_s = c.soa_ttl;
    out->answer_ttl_residual_s = c.answer_ttl;
    out->n_look = out->n_tx_delta_us = out->n_rtt_us = batch->obs_n;
    out->src_port = nx_pack_bytes(c.src_port, 2 * batch->obs_n);
}

static bool batch_within_limits(const struct nx_batch *b) {
    return b->obs_n > 0 && b->obs_n <= NX_BATCH_OBS_MAX &&
           b->questions_n <= NX_BATCH_QUESTIONS_MAX &&
           b->answers_n <= NX_BATCH_ANSWERS_MAX &&
           b->gaps_n <= NX_BATCH_GAPS_MAX &&
           b->delegations_n <= NX_BATCH_DELEGATIONS_MAX &&
           count_wires(b) <= NX_BATCH_WIRES_MAX;
}

int nx_codec_pack_batch(const struct nx_batch *batch, struct nx_arena *scratch,
                        uint8_t *out, size_t cap, size_t *len) {
    if (!batch_within_limits(batch)) {
        return NX_ELIMIT;
    }
    size_t mark = scratch->used_bytes;
    struct nx_packer p = {.scratch = scratch};
    Nxclear__Up up = NXCLEAR__UP__INIT;
    Nxclear__Batch b = NXCLEAR__BATCH__INIT;
    Nxclear__Clock clock;
    nx_pack_dict_init(&p, &p.names, NX_BATCH_NAMES_MAX);
    nx_pack_dict_init(&p, &p.endpoints, NX_BATCH_ENDPOINTS_MAX);
    nx_pack_clock(&batch->clock, &clock);
    b.epoch = batch->epoch;
    b.first_seq = batch->first_seq;
    b.format = NX_BATCH_FORMAT;
    b.clock = &clock;
    pack_gaps(&p, batch, &b);
    pack_questions(&p, batch, &b);
    pack_answers(&p, batch, &b);
    pack_delegations(&p, batch, &b);
    pack_columns(&p, batch, &b);
    pack_wires(&p, batch, &b);
    b.names = nx_pack_names(&p, &b.n_names);
    b.endpoints =
        nx_pack_endpoints(&p, p.endpoints.n,
                          (const struct nx_endpoint *const *)p.endpoints.items);
    b.n_endpoints = p.endpoints.n;
    up.message_case = NXCLEAR__UP__MESSAGE_BATCH;
    up.batch = &b;
    int err = p.err != 0 ? p.err : nx_pack_finish(&up.base, out, cap, len);
    scratch->used_bytes = mark;
    return err;
}
