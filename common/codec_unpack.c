#include "common/codec_unpack.h"

#include <string.h>

#include "common/codec_wire.h"

bool nx_unpack_fail(struct nx_unpacker *u, int err, const char *why) {
    if (u->err == 0) {
        u->err = err;
        u->why = why;
    }
    return false;
}

bool nx_unpack_want(struct nx_unpacker *u, bool holds, const char *why) {
    return holds || nx_unpack_fail(u, NX_EMALFORMED, why);
}

bool nx_unpack_at_most(struct nx_unpacker *u, size_t n, size_t max,
                       const char *why) {
    return n <= max || nx_unpack_fail(u, NX_ELIMIT, why);
}

void *nx_unpack_take(struct nx_unpacker *u, size_t n, size_t size) {
    void *got = nx_arena_alloc(u->arena, n, size);
    if (got == NULL) {
        (void)nx_unpack_fail(u, NX_ELIMIT, "message needs too much memory");
    }
    return got;
}

/* For protobuf-c: one unpacker's arena, and the only way it has to say why it
 * gives no message. */
static void *unpacker_alloc(void *unpacker, size_t size) {
    return nx_unpack_take(unpacker, 1, size);
}

static void unpacker_free(void *unpacker, void *pointer) {
    (void)unpacker;
    (void)pointer;
}

const uint8_t *nx_unpack_name(struct nx_unpacker *u,
                              const ProtobufCBinaryData *names, size_t n,
                              size_t index, const char *why) {
    return nx_unpack_want(u, index < n, why) ? names[index].data : NULL;
}

bool nx_unpack_names(struct nx_unpacker *u, const ProtobufCBinaryData *names,
                     size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!nx_unpack_want(u, nx_dname_check(names[i].data, names[i].len) == 0,
                            "names: not a domain name")) {
            return false;
        }
    }
    return true;
}

bool nx_unpack_endpoint(struct nx_unpacker *u, const Nxclear__Endpoint *from,
                        struct nx_endpoint *out) {
    if (!nx_unpack_want(u, from->address.len == 4 || from->address.len == 16,
                        "endpoint.address: neither 4 nor 16 octets") ||
        !nx_unpack_want(u, from->port >= 1 && from->port <= UINT16_MAX,
                        "endpoint.port: out of range") ||
        !nx_unpack_want(u, from->transport <= NX_TRANSPORT_MAX,
                        "endpoint.transport: unknown") ||
        !nx_unpack_want(u, from->layer < NX_LAYER_N,
                        "endpoint.layer: unknown")) {
        return false;
    }
    memcpy(out->address, from->address.data, from->address.len);
    out->address_len = (uint8_t)from->address.len;
    out->port = (uint16_t)from->port;
    out->transport = (uint8_t)from->transport;
    out->layer = (uint8_t)from->layer;
    out->scope_id = from->scope_id;
    out->withheld = from->withheld;
    if (from->server_name.len > 0) {
        if (!nx_unpack_want(u,
                            nx_dname_check(from->server_name.data,
                                           from->server_name.len) == 0,
                            "endpoint.server_name: not a domain name")) {
            return false;
        }
        out->server_name = from->server_name.data;
    }
    return true;
}

struct nx_endpoint *nx_unpack_endpoints(struct nx_unpacker *u,
                                        Nxclear__Endpoint *const *from,
                                        size_t n) {
    struct nx_endpoint *out = nx_unpack_take(u, n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        if (!nx_unpack_endpoint(u, from[i], &out[i])) {
            return NULL;
        }
    }
    return out;
}

bool nx_unpack_clock(struct nx_unpacker *u, const Nxclear__Clock *from,
                     struct nx_clock_sample *out) {
    if (!nx_unpack_want(u, from != NULL, "clock: missing") ||
        !nx_unpack_want(u, from->mono_us >= 0, "clock.mono_us: negative")) {
        return false;
    }
    out->mono_us = from->mono_us;
    out->wall_us = from->wall_us;
    out->offset_us = from->offset_us;
    out->offset_error_us = from->offset_error_us;
    out->offset_known = from->offset_known;
    return true;
}

/* --- hello, ack, plan --- */

static bool is_plain_text(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool unpack_keys(struct nx_unpacker *u, const ProtobufCBinaryData *from,
                        size_t n, struct nx_collector_keys *out) {
    if (!nx_unpack_at_most(u, n, NX_COLLECTOR_KEYS_MAX,
                           "collector_keys: too many")) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!nx_unpack_want(u, from[i].len == NX_KEY_BYTES,
                            "collector_keys: not 32 octets")) {
            return false;
        }
        memcpy(out->list[i], from[i].data, NX_KEY_BYTES);
    }
    out->n = n;
    return true;
}

static bool unpack_hello(struct nx_unpacker *u, const Nxclear__Hello *from,
                         struct nx_hello *out) {
    if (!nx_unpack_at_most(u, strlen(from->software), NX_SOFTWARE_MAX,
                           "software: too long") ||
        !nx_unpack_want(u, is_plain_text(from->software),
                        "software: not printable ASCII") ||
        !nx_unpack_at_most(u, from->n_resolvers, NX_HELLO_RESOLVERS_MAX,
                           "resolvers: too many") ||
        !nx_unpack_clock(u, from->clock, &out->clock) ||
        !unpack_keys(u, from->collector_keys, from->n_collector_keys,
                     &out->keys)) {
        return false;
    }
    out->resolvers = nx_unpack_endpoints(u, from->resolvers, from->n_resolvers);
    out->resolvers_n = from->n_resolvers;
    out->protocol = from->protocol;
    out->software = from->software;
    out->epoch = from->epoch;
    out->next_seq = from->next_seq;
    out->authority_role = from->authority_role;
    out->resolver_rate_mqps = from->resolver_rate_mqps;
    out->plan_revision = from->plan_revision;
    out->produced = from->produced;
    out->dropped = from->dropped;
    out->spool_bytes = from->spool_bytes;
    return out->resolvers != NULL;
}

static bool unpack_ack(struct nx_unpacker *u, const Nxclear__Ack *from,
                       struct nx_ack *out) {
    if (!nx_unpack_at_most(u, from->n_ahead, NX_AHEAD_MAX,
                           "ack: too many ranges")) {
        return false;
    }
    memset(out, 0, sizeof(*out));
    out->epoch = from->epoch;
    out->acked_seq = from->acked_seq;
    out->echo = from->echo;
    out->received_us = from->received_us;
    out->sent_us = from->sent_us;
    out->refused_crc = from->refused_crc;
    out->keep = from->keep != 0;
    out->dropped_known = from->dropped > 0;
    out->dropped_n = out->dropped_known ? from->dropped - 1 : 0;
    out->ahead.n = from->n_ahead;
    for (size_t i = 0; i < from->n_ahead; i++) {
        out->ahead.runs[i].from_seq = from->ahead[i]->from_seq;
        out->ahead.runs[i].to_seq = from->ahead[i]->to_seq;
    }
    return nx_unpack_want(u, nx_settled_valid(out->acked_seq, &out->ahead),
                          "ack: impossible ranges");
}

static bool unpack_task(struct nx_unpacker *u, const Nxclear__Plan *plan,
                        const Nxclear__Task *from, struct nx_task *out) {
    out->name = nx_unpack_name(u, plan->names, plan->n_names, from->name,
                               "task.name: no such name");
    if (out->name == NULL ||
        !nx_unpack_want(u, from->kind <= NX_TASK_KIND_MAX,
                        "task.kind: unknown") ||
        !nx_unpack_want(u, from->qtype >= 1 && from->qtype <= UINT16_MAX,
                        "task.qtype: out of range")) {
        return false;
    }
    out->kind = (uint8_t)from->kind;
    out->qtype = (uint16_t)from->qtype;
    out->has_endpoint = from->endpoint != NULL;
    out->first_after_ms = from->first_after_ms;
    out->interval_ms = from->interval_ms;
    out->visit_n = from->visit_n;
    out->visit_gap_ms = from->visit_gap_ms;
    out->authority_verified = from->authority_verified;
    out->authority_epoch = from->authority_epoch;
    out->canary = from->canary != 0;
    out->rd0 = from->rd0 != 0;
    out->nsid = from->nsid != 0;
    out->chaos = from->chaos != 0;
    out->ad = from->ad != 0;
    out->sibling = from->sibling != 0;
    out->cd = from->cd != 0;
    out->audit = from->audit;
    return from->endpoint == NULL ||
           nx_unpack_endpoint(u, from->endpoint, &out->endpoint);
}

static bool unpack_plan(struct nx_unpacker *u, const Nxclear__Plan *from,
                        struct nx_plan *out) {
    if (!nx_unpack_at_most(u, from->n_tasks, NX_PLAN_TASKS_MAX,
                           "tasks: too many") ||
        !nx_unpack_names(u, from->names, from->n_names) ||
        !unpack_keys(u, from->collector_keys, from->n_collector_keys,
                     &out->keys)) {
        return false;
    }
    struct nx_task *tasks = nx_unpack_take(u, from->n_tasks, sizeof(*tasks));
    for (size_t i = 0; tasks != NULL && i < from->n_tasks; i++) {
        if (!unpack_task(u, from, from->tasks[i], &tasks[i])) {
            return false;
        }
    }
    out->revision = from->revision;
    out->valid_s = from->valid_s;
    out->spread_ms = from->spread_ms;
    out->tasks = tasks;
    out->tasks_n = from->n_tasks;
    return tasks != NULL;
}

/* --- entry --- */

/* What is wrong with a batch of a newer format may be right there. */
static bool unpack_batch(struct nx_unpacker *u, const Nxclear__Batch *from,
                         struct nx_batch *out) {
    bool done = nx_unpack_batch(u, from, out);
    if (!done && from->format > NX_BATCH_FORMAT) {
        u->err = NX_EVERSION;
    }
    return done;
}

static int finish(const struct nx_unpacker *u, bool done, const char **why) {
    if (!done && why != NULL) {
        *why = u->why;
    }
    return done ? 0 : u->err;
}

/* What is taken once must be read for ever, with an arena of no more than it
 * takes: more of this one is not used, whatever is left. */
static void begin(struct nx_unpacker *u, struct nx_arena *arena,
                  struct nx_arena *part) {
    *part = *arena;
    if (part->cap_bytes - part->used_bytes > NX_UNPACK_ARENA_BYTES) {
        part->cap_bytes = part->used_bytes + NX_UNPACK_ARENA_BYTES;
    }
    *u = (struct nx_unpacker){.arena = part};
}

/* Nothing came out of it: too large for the arena, or no message at all. One of
 * a newer format may be of a kind that is not too large there. */
static void not_unpacked(struct nx_unpacker *u, const uint8_t *bytes,
                         size_t len, const char *why) {
    bool full = !nx_unpack_want(u, false, why) && u->err == NX_ELIMIT;
    if (full && nx_wire_batch_format(bytes, len) > NX_BATCH_FORMAT) {
        u->err = NX_EVERSION;
    }
}

static Nxclear__Up *unpack_up(struct nx_unpacker *u, const uint8_t *bytes,
                              size_t len) {
    ProtobufCAllocator allocator = {unpacker_alloc, unpacker_free, u};
    if (!nx_unpack_at_most(u, len, NX_MSG_MAX_BYTES, "message: too long")) {
        return NULL;
    }
    Nxclear__Up *from = nxclear__up__unpack(&allocator, len, bytes);
    if (from == NULL) {
        not_unpacked(u, bytes, len, "not a message from an agent");
    }
    return from;
}

int nx_codec_unpack_up(const uint8_t *bytes, size_t len, struct nx_arena *arena,
                       struct nx_up *out, const char **why) {
    struct nx_unpacker u;
    struct nx_arena part;
    struct nx_up up = {0};
    bool done = false;
    begin(&u, arena, &part);
    Nxclear__Up *from = unpack_up(&u, bytes, len);
    if (from != NULL) {
        switch (from->message_case) {
        case NXCLEAR__UP__MESSAGE_HELLO:
            up.kind = NX_UP_HELLO;
            done = unpack_hello(&u, from->hello, &up.u.hello);
            break;
        case NXCLEAR__UP__MESSAGE_BATCH:
            up.kind = NX_UP_BATCH;
            done = unpack_batch(&u, from->batch, &up.u.batch);
            break;
        case NXCLEAR__UP__MESSAGE__NOT_SET:
        case _NXCLEAR__UP__MESSAGE__CASE_IS_INT_SIZE:
            (void)nx_unpack_fail(&u, NX_EMALFORMED,
                                 "a kind of message not known here");
            break;
        }
    }
    arena->used_bytes = part.used_bytes;
    if (done) {
        *out = up;
    }
    return finish(&u, done, why);
}

static Nxclear__Down *unpack_down(struct nx_unpacker *u, const uint8_t *bytes,
                                  size_t len) {
    ProtobufCAllocator allocator = {unpacker_alloc, unpacker_free, u};
    if (!nx_unpack_at_most(u, len, NX_MSG_MAX_BYTES, "message: too long")) {
        return NULL;
    }
    Nxclear__Down *from = nxclear__down__unpack(&allocator, len, bytes);
    (void)nx_unpack_want(u, from != NULL, "not a message from a collector");
    return from;
}

int nx_codec_unpack_down(const uint8_t *bytes, size_t len,
                         struct nx_arena *arena, struct nx_down *out,
                         const char **why) {
    struct nx_unpacker u;
    struct nx_arena part;
    struct nx_down down = {0};
    bool done = false;
    begin(&u, arena, &part);
    Nxclear__Down *from = unpack_down(&u, bytes, len);
    if (from != NULL) {
        switch (from->message_case) {
        case NXCLEAR__DOWN__MESSAGE_ACK:
            down.kind = NX_DOWN_ACK;
            done = unpack_ack(&u, from->ack, &down.u.ack);
            break;
        case NXCLEAR__DOWN__MESSAGE_PLAN:
            down.kind = NX_DOWN_PLAN;
            done = unpack_plan(&u, from->plan, &down.u.plan);
            break;
        case NXCLEAR__DOWN__MESSAGE__NOT_SET:
        case _NXCLEAR__DOWN__MESSAGE__CASE_IS_INT_SIZE:
            (void)nx_unpack_fail(&u, NX_EMALFORMED,
                                 "a kind of message not known here");
            break;
        }
    }
    arena->used_bytes = part.used_bytes;
    if (done) {
        *out = down;
    }
    return finish(&u, done, why);
}
