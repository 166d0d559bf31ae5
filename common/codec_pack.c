#include "common/codec.h"

#include <string.h>

#include "common/codec_ttl.h"
#include "nxclear.pb-c.h"

/* A dictionary under construction: pointers to what has an index. */
struct dict {
    const void **items;
    size_t n;
    size_t cap;
};

struct packer {
    struct nx_arena *scratch;
    struct dict names;
    struct dict endpoints;
    int err; /* first failure; later calls do nothing */
};

static void *take(struct packer *p, size_t n, size_t size) {
    void *got = p->err == 0 ? nx_arena_alloc(p->scratch, n, size) : NULL;
    if (got == NULL && p->err == 0) {
        p->err = NX_ENOMEM;
    }
    return got;
}

static void dict_init(struct packer *p, struct dict *d, size_t cap) {
    d->n = 0;
    d->items = take(p, cap, sizeof(*d->items));
    d->cap = d->items != NULL ? cap : 0;
}

static uint32_t dict_add(struct packer *p, struct dict *d, const void *item) {
    if (d->n == d->cap) {
        p->err = p->err != 0 ? p->err : NX_ELIMIT;
        return 0;
    }
    d->items[d->n] = item;
    return (uint32_t)d->n++;
}

static uint32_t name_index(struct packer *p, const uint8_t *name) {
    size_t len = nx_dname_len(name);
    for (size_t i = 0; i < p->names.n; i++) {
        const uint8_t *known = p->names.items[i];
        if (known == name ||
            (nx_dname_len(known) == len && memcmp(known, name, len) == 0)) {
            return (uint32_t)i;
        }
    }
    return dict_add(p, &p->names, name);
}

/* Index + 1, 0 for NULL. */
static uint32_t name_ref(struct packer *p, const uint8_t *name) {
    return name != NULL ? name_index(p, name) + 1 : 0;
}

static uint32_t endpoint_index(struct packer *p, const struct nx_endpoint *e) {
    for (size_t i = 0; i < p->endpoints.n; i++) {
        if (nx_endpoint_equal(p->endpoints.items[i], e)) {
            return (uint32_t)i;
        }
    }
    return dict_add(p, &p->endpoints, e);
}

/* protobuf-c wants pointers to non-const; it only reads them when packing. */
static ProtobufCBinaryData bytes_of(const uint8_t *data, size_t len) {
    ProtobufCBinaryData out = {.len = len};
    memcpy(&out.data, &data, sizeof(data));
    return out;
}

static ProtobufCBinaryData *pack_names(struct packer *p, size_t *n) {
    ProtobufCBinaryData *out = take(p, p->names.n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < p->names.n; i++) {
        const uint8_t *name = p->names.items[i];
        out[i] = bytes_of(name, nx_dname_len(name));
    }
    *n = out != NULL ? p->names.n : 0;
    return out;
}

static void pack_endpoint(const struct nx_endpoint *e, Nxclear__Endpoint *out) {
    nxclear__endpoint__init(out);
    out->address = bytes_of(e->address, e->address_len);
    out->port = e->port;
    out->transport = e->transport;
    out->layer = e->layer;
    out->scope_id = e->scope_id;
    out->withheld = e->withheld;
    if (e->server_name != NULL) {
        out->server_name =
            bytes_of(e->server_name, nx_dname_len(e->server_name));
    }
}

/* n messages of one type with the array of pointers that protobuf-c wants. */
#define TAKE_MESSAGES(p, type, n, array, pointers)                             \
    type *array = take((p), (n), sizeof(type));                                \
    type **pointers = take((p), (n), sizeof(type *));                          \
    for (size_t i_ = 0; (p)->err == 0 && i_ < (n); i_++) {                     \
        pointers[i_] = &array[i_];                                             \
    }

static Nxclear__Endpoint **
pack_endpoints(struct packer *p, size_t n,
               const struct nx_endpoint *const *from) {
    TAKE_MESSAGES(p, Nxclear__Endpoint, n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < n; i++) {
        pack_endpoint(from[i], &array[i]);
    }
    return pointers;
}

static void pack_clock(const struct nx_clock_sample *clock,
                       Nxclear__Clock *out) {
    nxclear__clock__init(out);
    out->mono_us = clock->mono_us;
    out->wall_us = clock->wall_us;
    out->offset_us = clock->offset_us;
    out->offset_error_us = clock->offset_error_us;
    out->offset_known = clock->offset_known;
}

static int finish(const ProtobufCMessage *message, uint8_t *out, size_t cap,
                  size_t *len) {
    size_t need = protobuf_c_message_get_packed_size(message);
    if (need > cap || need > NX_MSG_MAX_BYTES) {
        return NX_ELIMIT;
    }
    *len = protobuf_c_message_pack(message, out);
    return 0;
}

/* --- batch --- */

static void pack_questions(struct packer *p, const struct nx_batch *batch,
                           Nxclear__Batch *out) {
    TAKE_MESSAGES(p, Nxclear__Question, batch->questions_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->questions_n; i++) {
        const struct nx_question *q = &batch->questions[i];
        nxclear__question__init(&array[i]);
        array[i].name = name_index(p, q->name);
        array[i].qtype = q->qtype;
        array[i].endpoint = endpoint_index(p, &q->to);
        array[i].flags = q->flags;
        array[i].udp_bytes = q->udp_bytes;
    }
    out->questions = pointers;
    out->n_questions = batch->questions_n;
}

static void pack_rdata(struct packer *p, const struct nx_answer *a,
                       Nxclear__Answer *out) {
    ProtobufCBinaryData *list = take(p, a->rdata_n, sizeof(*list));
    size_t at = 0;
    for (size_t i = 0; list != NULL && i < a->rdata_n; i++) {
        size_t len = (size_t)a->rdata[at] << 8 | a->rdata[at + 1];
        list[i] = bytes_of(a->rdata + at + 2, len);
        at += 2 + len;
    }
    out->rdata = list;
    out->n_rdata = list != NULL ? a->rdata_n : 0;
}

static void pack_answer(struct packer *p, const struct nx_answer *a,
                        Nxclear__Answer *out) {
    nxclear__answer__init(out);
    out->outcome = a->outcome;
    out->rcode = a->rcode;
    out->flags = a->flags;
    out->over_tcp = a->over_tcp;
    out->cname_n = a->cname_n;
    if ((a->flags & NX_ANS_SOA) != 0) {
        out->soa_owner = name_ref(p, a->soa_owner);
        out->soa_serial = a->soa_serial;
        out->soa_minimum_s = a->soa_minimum_s;
    }
    out->denied_name = name_ref(p, a->denied_name);
    out->ns_owner = name_ref(p, a->ns_owner);
    out->nsid = bytes_of(a->nsid, a->nsid_len);
    uint32_t *ede = take(p, a->ede_n, sizeof(*ede));
    for (size_t i = 0; ede != NULL && i < a->ede_n; i++) {
        ede[i] = a->ede[i];
    }
    out->ede = ede;
    out->n_ede = ede != NULL ? a->ede_n : 0;
    pack_rdata(p, a, out);
}

static void pack_proofs(struct packer *p, const struct nx_batch *batch,
                        Nxclear__Answer **answers) {
    for (size_t i = 0; p->err == 0 && i < batch->answers_n; i++) {
        const struct nx_proof *from = &batch->answers[i].proof;
        if (from->signatures_n == 0 && from->denial == NX_DENIAL_NONE) {
            continue;
        }
        Nxclear__Proof *to = take(p, 1, sizeof(*to));
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

static void pack_answers(struct packer *p, const struct nx_batch *batch,
                         Nxclear__Batch *out) {
    TAKE_MESSAGES(p, Nxclear__Answer, batch->answers_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->answers_n; i++) {
        pack_answer(p, &batch->answers[i], &array[i]);
    }
    pack_proofs(p, batch, pointers);
    out->answers = pointers;
    out->n_answers = batch->answers_n;
}

static void pack_gaps(struct packer *p, const struct nx_batch *batch,
                      Nxclear__Batch *out) {
    TAKE_MESSAGES(p, Nxclear__Gap, batch->gaps_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->gaps_n; i++) {
        nxclear__gap__init(&array[i]);
        array[i].from_seq = batch->gaps[i].from_seq;
        array[i].to_seq = batch->gaps[i].to_seq;
        array[i].reason = batch->gaps[i].reason;
    }
    out->gaps = pointers;
    out->n_gaps = batch->gaps_n;
}

static void pack_delegations(struct packer *p, const struct nx_batch *batch,
                             Nxclear__Batch *out) {
    TAKE_MESSAGES(p, Nxclear__Delegation, batch->delegations_n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < batch->delegations_n; i++) {
        const struct nx_delegation *d = &batch->delegations[i];
        nxclear__delegation__init(&array[i]);
        array[i].name = name_index(p, d->name);
        array[i].apex = name_index(p, d->apex);
        array[i].parent = name_ref(p, d->parent);
        array[i].ns_ttl_s = d->ns_ttl_s;
        array[i].problems = d->problems;
        array[i].at_mono_us = d->at_mono_us;
        uint32_t *servers = take(p, d->servers_n, sizeof(*servers));
        for (size_t s = 0; servers != NULL && s < d->servers_n; s++) {
            servers[s] = endpoint_index(p, &d->servers[s]);
        }
        array[i].servers = servers;
        array[i].n_servers = servers != NULL ? d->servers_n : 0;
        if (d->sides != NULL) {
            array[i].sides = bytes_of(d->sides, d->servers_n);
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

static void pack_wires(struct packer *p, const struct nx_batch *batch,
                       Nxclear__Batch *out) {
    size_t wires_n = count_wires(batch);
    TAKE_MESSAGES(p, Nxclear__Wire, wires_n, array, pointers)
    size_t n = 0;
    for (size_t i = 0; p->err == 0 && i < batch->obs_n; i++) {
        const struct nx_obs *obs = &batch->obs[i];
        if (obs->wire_len > 0) {
            nxclear__wire__init(&array[n]);
            array[n].look = (uint32_t)i;
            array[n++].reply = bytes_of(obs->wire, obs->wire_len);
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

static void take_columns(struct packer *p, const struct nx_batch *batch,
                         struct columns *c) {
    size_t n = batch->obs_n;
    c->look = take(p, n, sizeof(*c->look));
    c->tx_delta_us = take(p, n, sizeof(*c->tx_delta_us));
    c->rtt_us = take(p, n, sizeof(*c->rtt_us));
    c->soa_ttl = take(p, n, sizeof(*c->soa_ttl));
    c->answer_ttl = take(p, n, sizeof(*c->answer_ttl));
    c->src_port = take(p, n, 2);
    c->soa_before = take(p, batch->questions_n, sizeof(*c->soa_before));
    c->answer_before = take(p, batch->questions_n, sizeof(*c->answer_before));
}

static uint32_t rtt_of(const struct nx_obs *obs) {
    int64_t rtt = obs->rx_mono_us - obs->tx_mono_us;
    return rtt < 0 ? 0 : rtt > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt;
}

static void pack_columns(struct packer *p, const struct nx_batch *batch,
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
    out->src_port = bytes_of(c.src_port, 2 * batch->obs_n);
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
    struct packer p = {.scratch = scratch};
    Nxclear__Up up = NXCLEAR__UP__INIT;
    Nxclear__Batch b = NXCLEAR__BATCH__INIT;
    Nxclear__Clock clock;
    dict_init(&p, &p.names, NX_BATCH_NAMES_MAX);
    dict_init(&p, &p.endpoints, NX_BATCH_ENDPOINTS_MAX);
    pack_clock(&batch->clock, &clock);
    b.epoch = batch->epoch;
    b.first_seq = batch->first_seq;
    b.clock = &clock;
    pack_gaps(&p, batch, &b);
    pack_questions(&p, batch, &b);
    pack_answers(&p, batch, &b);
    pack_delegations(&p, batch, &b);
    pack_columns(&p, batch, &b);
    pack_wires(&p, batch, &b);
    b.names = pack_names(&p, &b.n_names);
    b.endpoints =
        pack_endpoints(&p, p.endpoints.n,
                       (const struct nx_endpoint *const *)p.endpoints.items);
    b.n_endpoints = p.endpoints.n;
    up.message_case = NXCLEAR__UP__MESSAGE_BATCH;
    up.batch = &b;
    int err = p.err != 0 ? p.err : finish(&up.base, out, cap, len);
    scratch->used_bytes = mark;
    return err;
}

/* --- hello, ack, plan --- */

static ProtobufCBinaryData *pack_keys(struct packer *p,
                                      const struct nx_collector_keys *keys) {
    ProtobufCBinaryData *out = take(p, keys->n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < keys->n; i++) {
        out[i] = bytes_of(keys->list[i], NX_KEY_BYTES);
    }
    return out;
}

int nx_codec_pack_hello(const struct nx_hello *hello, struct nx_arena *scratch,
                        uint8_t *out, size_t cap, size_t *len) {
    if (hello->resolvers_n > NX_HELLO_RESOLVERS_MAX ||
        hello->keys.n > NX_COLLECTOR_KEYS_MAX ||
        strlen(hello->software) > NX_SOFTWARE_MAX) {
        return NX_ELIMIT;
    }
    size_t mark = scratch->used_bytes;
    struct packer p = {.scratch = scratch};
    Nxclear__Up up = NXCLEAR__UP__INIT;
    Nxclear__Hello h;
    Nxclear__Clock clock;
    nxclear__hello__init(&h);
    pack_clock(&hello->clock, &clock);
    const struct nx_endpoint **list =
        take(&p, hello->resolvers_n, sizeof(struct nx_endpoint *));
    for (size_t i = 0; list != NULL && i < hello->resolvers_n; i++) {
        list[i] = &hello->resolvers[i];
    }
    memcpy(&h.software, &hello->software, sizeof(hello->software));
    h.protocol = hello->protocol;
    h.epoch = hello->epoch;
    h.next_seq = hello->next_seq;
    h.clock = &clock;
    h.resolvers = pack_endpoints(&p, hello->resolvers_n, list);
    h.n_resolvers = hello->resolvers_n;
    h.authority_role = hello->authority_role;
    h.resolver_rate_mqps = hello->resolver_rate_mqps;
    h.plan_revision = hello->plan_revision;
    h.produced = hello->produced;
    h.dropped = hello->dropped;
    h.collector_keys = pack_keys(&p, &hello->keys);
    h.n_collector_keys = hello->keys.n;
    up.message_case = NXCLEAR__UP__MESSAGE_HELLO;
    up.hello = &h;
    int err = p.err != 0 ? p.err : finish(&up.base, out, cap, len);
    scratch->used_bytes = mark;
    return err;
}

int nx_codec_pack_ack(const struct nx_ack *ack, uint8_t *out, size_t cap,
                      size_t *len) {
    Nxclear__Down down = NXCLEAR__DOWN__INIT;
    Nxclear__Ack a = NXCLEAR__ACK__INIT;
    Nxclear__Range runs[NX_AHEAD_MAX];
    Nxclear__Range *pointers[NX_AHEAD_MAX];
    if (!nx_settled_valid(ack->acked_seq, &ack->ahead)) {
        return NX_ELIMIT;
    }
    for (size_t i = 0; i < ack->ahead.n; i++) {
        nxclear__range__init(&runs[i]);
        runs[i].from_seq = ack->ahead.runs[i].from_seq;
        runs[i].to_seq = ack->ahead.runs[i].to_seq;
        pointers[i] = &runs[i];
    }
    a.n_ahead = ack->ahead.n;
    a.ahead = pointers;
    a.epoch = ack->epoch;
    a.acked_seq = ack->acked_seq;
    a.echo = ack->echo;
    a.received_us = ack->received_us;
    a.sent_us = ack->sent_us;
    down.message_case = NXCLEAR__DOWN__MESSAGE_ACK;
    down.ack = &a;
    return finish(&down.base, out, cap, len);
}

static void pack_task(struct packer *p, const struct nx_task *task,
                      Nxclear__Task *out) {
    nxclear__task__init(out);
    out->kind = task->kind;
    out->name = name_index(p, task->name);
    out->qtype = task->qtype;
    if (task->has_endpoint) {
        out->endpoint = take(p, 1, sizeof(*out->endpoint));
        if (out->endpoint != NULL) {
            pack_endpoint(&task->endpoint, out->endpoint);
        }
    }
    out->first_after_ms = task->first_after_ms;
    out->interval_ms = task->interval_ms;
    out->visit_n = task->visit_n;
    out->visit_gap_ms = task->visit_gap_ms;
    out->authority_verified = task->authority_verified;
    out->authority_epoch = task->authority_epoch;
    out->canary = task->canary;
    out->rd0 = task->rd0;
    out->nsid = task->nsid;
    out->chaos = task->chaos;
    out->ad = task->ad;
}

int nx_codec_pack_plan(const struct nx_plan *plan, struct nx_arena *scratch,
                       uint8_t *out, size_t cap, size_t *len) {
    if (plan->tasks_n > NX_PLAN_TASKS_MAX ||
        plan->keys.n > NX_COLLECTOR_KEYS_MAX) {
        return NX_ELIMIT;
    }
    size_t mark = scratch->used_bytes;
    struct packer p = {.scratch = scratch};
    Nxclear__Down down = NXCLEAR__DOWN__INIT;
    Nxclear__Plan message = NXCLEAR__PLAN__INIT;
    dict_init(&p, &p.names, NX_PLAN_TASKS_MAX);
    TAKE_MESSAGES(&p, Nxclear__Task, plan->tasks_n, array, pointers)
    for (size_t i = 0; p.err == 0 && i < plan->tasks_n; i++) {
        pack_task(&p, &plan->tasks[i], &array[i]);
    }
    message.revision = plan->revision;
    message.valid_s = plan->valid_s;
    message.tasks = pointers;
    message.n_tasks = plan->tasks_n;
    message.names = pack_names(&p, &message.n_names);
    message.collector_keys = pack_keys(&p, &plan->keys);
    message.n_collector_keys = plan->keys.n;
    down.message_case = NXCLEAR__DOWN__MESSAGE_PLAN;
    down.plan = &message;
    int err = p.err != 0 ? p.err : finish(&down.base, out, cap, len);
    scratch->used_bytes = mark;
    return err;
}
