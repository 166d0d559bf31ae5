#include "common/codec_pack.h"

#include "common/crc32c.h"

#include <string.h>

/* --- shared --- */

void *nx_pack_take(struct nx_packer *p, size_t n, size_t size) {
    void *got = p->err == 0 ? nx_arena_alloc(p->scratch, n, size) : NULL;
    if (got == NULL && p->err == 0) {
        p->err = NX_ENOMEM;
    }
    return got;
}

void nx_pack_dict_init(struct nx_packer *p, struct nx_pack_dict *d,
                       size_t cap) {
    d->n = 0;
    d->items = nx_pack_take(p, cap, sizeof(*d->items));
    d->cap = d->items != NULL ? cap : 0;
}

static uint32_t dict_add(struct nx_packer *p, struct nx_pack_dict *d,
                         const void *item) {
    if (d->n == d->cap) {
        p->err = p->err != 0 ? p->err : NX_ELIMIT;
        return 0;
    }
    d->items[d->n] = item;
    return (uint32_t)d->n++;
}

uint32_t nx_pack_name(struct nx_packer *p, const uint8_t *name) {
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

uint32_t nx_pack_name_ref(struct nx_packer *p, const uint8_t *name) {
    return name != NULL ? nx_pack_name(p, name) + 1 : 0;
}

uint32_t nx_pack_endpoint_index(struct nx_packer *p,
                                const struct nx_endpoint *e) {
    for (size_t i = 0; i < p->endpoints.n; i++) {
        if (nx_endpoint_equal(p->endpoints.items[i], e)) {
            return (uint32_t)i;
        }
    }
    return dict_add(p, &p->endpoints, e);
}

ProtobufCBinaryData nx_pack_bytes(const uint8_t *data, size_t len) {
    ProtobufCBinaryData out = {.len = len};
    memcpy(&out.data, &data, sizeof(data));
    return out;
}

ProtobufCBinaryData *nx_pack_names(struct nx_packer *p, size_t *n) {
    ProtobufCBinaryData *out = nx_pack_take(p, p->names.n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < p->names.n; i++) {
        const uint8_t *name = p->names.items[i];
        out[i] = nx_pack_bytes(name, nx_dname_len(name));
    }
    *n = out != NULL ? p->names.n : 0;
    return out;
}

static void pack_endpoint(const struct nx_endpoint *e, Nxclear__Endpoint *out) {
    nxclear__endpoint__init(out);
    out->address = nx_pack_bytes(e->address, e->address_len);
    out->port = e->port;
    out->transport = e->transport;
    out->layer = e->layer;
    out->scope_id = e->scope_id;
    out->withheld = e->withheld;
    if (e->server_name != NULL) {
        out->server_name =
            nx_pack_bytes(e->server_name, nx_dname_len(e->server_name));
    }
}

Nxclear__Endpoint **nx_pack_endpoints(struct nx_packer *p, size_t n,
                                      const struct nx_endpoint *const *from) {
    NX_PACK_MESSAGES(p, Nxclear__Endpoint, n, array, pointers)
    for (size_t i = 0; p->err == 0 && i < n; i++) {
        pack_endpoint(from[i], &array[i]);
    }
    return pointers;
}

void nx_pack_clock(const struct nx_clock_sample *clock, Nxclear__Clock *out) {
    nxclear__clock__init(out);
    out->mono_us = clock->mono_us;
    out->wall_us = clock->wall_us;
    out->offset_us = clock->offset_us;
    out->offset_error_us = clock->offset_error_us;
    out->offset_known = clock->offset_known;
}

int nx_pack_finish(const ProtobufCMessage *message, uint8_t *out, size_t cap,
                   size_t *len) {
    size_t need = protobuf_c_message_get_packed_size(message);
    if (need > cap || need > NX_MSG_MAX_BYTES) {
        return NX_ELIMIT;
    }
    *len = protobuf_c_message_pack(message, out);
    return 0;
}

/* --- hello, ack, plan --- */

static ProtobufCBinaryData *pack_keys(struct nx_packer *p,
                                      const struct nx_collector_keys *keys) {
    ProtobufCBinaryData *out = nx_pack_take(p, keys->n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < keys->n; i++) {
        out[i] = nx_pack_bytes(keys->list[i], NX_KEY_BYTES);
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
    struct nx_packer p = {.scratch = scratch};
    Nxclear__Up up = NXCLEAR__UP__INIT;
    Nxclear__Hello h;
    Nxclear__Clock clock;
    nxclear__hello__init(&h);
    nx_pack_clock(&hello->clock, &clock);
    const struct nx_endpoint **list =
        nx_pack_take(&p, hello->resolvers_n, sizeof(struct nx_endpoint *));
    for (size_t i = 0; list != NULL && i < hello->resolvers_n; i++) {
        list[i] = &hello->resolvers[i];
    }
    memcpy(&h.software, &hello->software, sizeof(hello->software));
    h.protocol = hello->protocol;
    h.epoch = hello->epoch;
    h.next_seq = hello->next_seq;
    h.clock = &clock;
    h.resolvers = nx_pack_endpoints(&p, hello->resolvers_n, list);
    h.n_resolvers = hello->resolvers_n;
    h.authority_role = hello->authority_role;
    h.resolver_rate_mqps = hello->resolver_rate_mqps;
    h.plan_revision = hello->plan_revision;
    h.produced = hello->produced;
    h.dropped = hello->dropped;
    h.spool_bytes = hello->spool_bytes;
    h.collector_keys = pack_keys(&p, &hello->keys);
    h.n_collector_keys = hello->keys.n;
    up.message_case = NXCLEAR__UP__MESSAGE_HELLO;
    up.hello = &h;
    int err = p.err != 0 ? p.err : nx_pack_finish(&up.base, out, cap, len);
    scratch->used_bytes = mark;
    return err;
}

uint32_t nx_codec_crc(const uint8_t *bytes, size_t len) {
    uint32_t crc = nx_crc32c(0, bytes, len);
    return crc != 0 ? crc : 1;
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
    a.refused_crc = ack->refused_crc;
    a.keep = ack->keep;
    a.dropped = ack->dropped_known ? ack->dropped_n + 1 : 0;
    down.message_case = NXCLEAR__DOWN__MESSAGE_ACK;
    down.ack = &a;
    return nx_pack_finish(&down.base, out, cap, len);
}

static void pack_task(struct nx_packer *p, const struct nx_task *task,
                      Nxclear__Task *out) {
    nxclear__task__init(out);
    out->kind = task->kind;
    out->name = nx_pack_name(p, task->name);
    out->qtype = task->qtype;
    if (task->has_endpoint) {
        out->endpoint = nx_pack_take(p, 1, sizeof(*out->endpoint));
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
    out->sibling = task->sibling;
    out->cd = task->cd;
    out->audit = task->audit;
}

int nx_codec_pack_plan(const struct nx_plan *plan, struct nx_arena *scratch,
                       uint8_t *out, size_t cap, size_t *len) {
    if (plan->tasks_n > NX_PLAN_TASKS_MAX ||
        plan->keys.n > NX_COLLECTOR_KEYS_MAX) {
        return NX_ELIMIT;
    }
    size_t mark = scratch->used_bytes;
    struct nx_packer p = {.scratch = scratch};
    Nxclear__Down down = NXCLEAR__DOWN__INIT;
    Nxclear__Plan message = NXCLEAR__PLAN__INIT;
    nx_pack_dict_init(&p, &p.names, NX_PLAN_TASKS_MAX);
    NX_PACK_MESSAGES(&p, Nxclear__Task, plan->tasks_n, array, pointers)
    for (size_t i = 0; p.err == 0 && i < plan->tasks_n; i++) {
        pack_task(&p, &plan->tasks[i], &array[i]);
    }
    message.revision = plan->revision;
    message.valid_s = plan->valid_s;
    message.spread_ms = plan->spread_ms;
    message.tasks = pointers;
    message.n_tasks = plan->tasks_n;
    message.names = nx_pack_names(&p, &message.n_names);
    message.collector_keys = pack_keys(&p, &plan->keys);
    message.n_collector_keys = plan->keys.n;
    down.message_case = NXCLEAR__DOWN__MESSAGE_PLAN;
    down.plan = &message;
    int err = p.err != 0 ? p.err : nx_pack_finish(&down.base, out, cap, len);
    scratch->used_bytes = mark;
    return err;
}
