#include "common/codec.h"

#include <string.h>

#include "common/codec_ttl.h"
#include "nxclear.pb-c.h"

/* Everything below trusts nothing: the first rule a message breaks ends the
 * unpacking with its text in `why`. */
struct unpacker {
    struct nx_arena *arena;
    const char *why;
    int err;
};

static bool fail(struct unpacker *u, int err, const char *why) {
    if (u->err == 0) {
        u->err = err;
        u->why = why;
    }
    return false;
}

static bool want(struct unpacker *u, bool holds, const char *why) {
    return holds || fail(u, NX_EMALFORMED, why);
}

static bool want_at_most(struct unpacker *u, size_t n, size_t max,
                         const char *why) {
    return n <= max || fail(u, NX_ELIMIT, why);
}

static void *take(struct unpacker *u, size_t n, size_t size) {
    void *got = nx_arena_alloc(u->arena, n, size);
    if (got == NULL) {
        (void)fail(u, NX_ELIMIT, "message needs too much memory");
    }
    return got;
}

static void *arena_alloc(void *arena, size_t size) {
    return nx_arena_alloc(arena, 1, size);
}

static void arena_free(void *arena, void *pointer) {
    (void)arena;
    (void)pointer;
}

static const uint8_t *name_at(struct unpacker *u,
                              const ProtobufCBinaryData *names, size_t n,
                              size_t index, const char *why) {
    return want(u, index < n, why) ? names[index].data : NULL;
}

/* ref 0: absent, gives NULL. */
static const uint8_t *name_ref(struct unpacker *u,
                               const ProtobufCBinaryData *names, size_t n,
                               uint32_t ref, const char *why) {
    return ref == 0 ? NULL : name_at(u, names, n, (size_t)ref - 1, why);
}

static bool check_names(struct unpacker *u, const ProtobufCBinaryData *names,
                        size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!want(u, nx_dname_check(names[i].data, names[i].len) == 0,
                  "names: not a domain name")) {
            return false;
        }
    }
    return true;
}

static bool unpack_endpoint(struct unpacker *u, const Nxclear__Endpoint *from,
                            struct nx_endpoint *out) {
    if (!want(u, from->address.len == 4 || from->address.len == 16,
              "endpoint.address: neither 4 nor 16 octets") ||
        !want(u, from->port >= 1 && from->port <= UINT16_MAX,
              "endpoint.port: out of range") ||
        !want(u, from->transport <= NX_TLS, "endpoint.transport: unknown") ||
        !want(u, from->layer <= NX_LAYER_AUTHORITY,
              "endpoint.layer: unknown")) {
        return false;
    }
    memcpy(out->address, from->address.data, from->address.len);
    out->address_len = (uint8_t)from->address.len;
    out->port = (uint16_t)from->port;
    out->transport = (uint8_t)from->transport;
    out->layer = (uint8_t)from->layer;
    out->scope_id = from->scope_id;
    if (from->server_name.len > 0) {
        if (!want(u,
                  nx_dname_check(from->server_name.data,
                                 from->server_name.len) == 0,
                  "endpoint.server_name: not a domain name")) {
            return false;
        }
        out->server_name = from->server_name.data;
    }
    return true;
}

static struct nx_endpoint *
unpack_endpoints(struct unpacker *u, Nxclear__Endpoint *const *from, size_t n) {
    struct nx_endpoint *out = take(u, n, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        if (!unpack_endpoint(u, from[i], &out[i])) {
            return NULL;
        }
    }
    return out;
}

static bool unpack_clock(struct unpacker *u, const Nxclear__Clock *from,
                         struct nx_clock_sample *out) {
    if (!want(u, from != NULL, "clock: missing") ||
        !want(u, from->mono_us >= 0, "clock.mono_us: negative")) {
        return false;
    }
    out->mono_us = from->mono_us;
    out->wall_us = from->wall_us;
    out->offset_us = from->offset_us;
    out->offset_error_us = from->offset_error_us;
    out->offset_known = from->offset_known;
    return true;
}

/* --- batch --- */

/* What is being unpacked, and into what. */
struct batch_unpacker {
    struct unpacker *u;
    const Nxclear__Batch *from;
    struct nx_endpoint *endpoints;
    struct nx_question *questions;
    struct nx_answer *answers;
    size_t soa_n;
    size_t rdata_n;
};

static bool check_counts(struct unpacker *u, const Nxclear__Batch *b) {
    return want(u, b->first_seq >= 1, "first_seq: zero") &&
           want(u, b->n_look >= 1, "look: no observation") &&
           want_at_most(u, b->n_look, NX_BATCH_OBS_MAX,
                        "look: too many observations") &&
           want(u, b->first_seq <= INT64_MAX - b->n_look,
                "first_seq: out of range") &&
           want_at_most(u, b->n_names, NX_BATCH_NAMES_MAX, "names: too many") &&
           want_at_most(u, b->n_endpoints, NX_BATCH_ENDPOINTS_MAX,
                        "endpoints: too many") &&
           want_at_most(u, b->n_questions, NX_BATCH_QUESTIONS_MAX,
                        "questions: too many") &&
           want_at_most(u, b->n_answers, NX_BATCH_ANSWERS_MAX,
                        "answers: too many") &&
           want_at_most(u, b->n_gaps, NX_BATCH_GAPS_MAX, "gaps: too many") &&
           want_at_most(u, b->n_delegations, NX_BATCH_DELEGATIONS_MAX,
                        "delegations: too many") &&
           want(u, b->n_tx_delta_us == b->n_look,
                "tx_delta_us: length is not that of look") &&
           want(u, b->n_rtt_us == b->n_look,
                "rtt_us: length is not that of look") &&
           want(u, b->src_port.len == 2 * b->n_look,
                "src_port: length is not twice that of look");
}

static bool unpack_questions(struct batch_unpacker *b) {
    const Nxclear__Batch *from = b->from;
    b->questions = take(b->u, from->n_questions, sizeof(*b->questions));
    for (size_t i = 0; b->questions != NULL && i < from->n_questions; i++) {
        const Nxclear__Question *q = from->questions[i];
        struct nx_question *out = &b->questions[i];
        out->name = name_at(b->u, from->names, from->n_names, q->name,
                            "question.name: no such name");
        if (out->name == NULL ||
            !want(b->u, q->endpoint < from->n_endpoints,
                  "question.endpoint: no such endpoint") ||
            !want(b->u, q->qtype <= UINT16_MAX,
                  "question.qtype: out of range") ||
            !want(b->u, (q->flags & ~(uint32_t)NX_Q_FLAGS_ALL) == 0,
                  "question.flags: unknown flag")) {
            return false;
        }
        out->qtype = (uint16_t)q->qtype;
        out->flags = (uint16_t)q->flags;
        out->to = b->endpoints[q->endpoint];
    }
    return b->questions != NULL;
}

static bool unpack_rdata(struct unpacker *u, const Nxclear__Answer *from,
                         struct nx_answer *out) {
    size_t total = 0;
    if (!want_at_most(u, from->n_rdata, NX_ANSWER_RECORDS_MAX,
                      "answer.rdata: too many records")) {
        return false;
    }
    for (size_t i = 0; i < from->n_rdata; i++) {
        total += 2 + from->rdata[i].len;
        if (!want_at_most(u, total, NX_ANSWER_RDATA_MAX,
                          "answer.rdata: too long")) {
            return false;
        }
    }
    uint8_t *p = take(u, total, 1);
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

static bool unpack_ede(struct unpacker *u, const Nxclear__Answer *from,
                       struct nx_answer *out) {
    if (!want_at_most(u, from->n_ede, NX_ANSWER_EDE_MAX,
                      "answer.ede: too many")) {
        return false;
    }
    for (size_t i = 0; i < from->n_ede; i++) {
        if (!want(u, from->ede[i] <= UINT16_MAX, "answer.ede: out of range")) {
            return false;
        }
        out->ede[i] = (uint16_t)from->ede[i];
    }
    out->ede_n = (uint8_t)from->n_ede;
    return true;
}

static bool check_answer(struct unpacker *u, const Nxclear__Answer *a) {
    return want(u, a->outcome <= NX_OUTCOME_MAX, "answer.outcome: unknown") &&
           want(u, a->rcode <= 0xfff, "answer.rcode: over 12 bits") &&
           want(u, (a->flags & ~(uint32_t)NX_ANS_FLAGS_ALL) == 0,
                "answer.flags: unknown flag") &&
           want(u, a->cname_n <= UINT8_MAX, "answer.cname_n: too many") &&
           want(u, (a->flags & NX_ANS_SOA) == 0 || a->soa_owner != 0,
                "answer.soa_owner: missing") &&
           want_at_most(u, a->nsid.len, NX_ANSWER_NSID_MAX,
                        "answer.nsid: too long");
}

static bool unpack_answer(struct batch_unpacker *b, const Nxclear__Answer *a,
                          struct nx_answer *out) {
    struct unpacker *u = b->u;
    const ProtobufCBinaryData *names = b->from->names;
    size_t n = b->from->n_names;
    if (!check_answer(u, a)) {
        return false;
    }
    out->outcome = (uint8_t)a->outcome;
    out->rcode = (uint16_t)a->rcode;
    out->flags = (uint16_t)a->flags;
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
    return unpack_ede(u, a, out) && unpack_rdata(u, a, out) && u->err == 0;
}

static bool unpack_answers(struct batch_unpacker *b) {
    b->answers = take(b->u, b->from->n_answers, sizeof(*b->answers));
    for (size_t i = 0; b->answers != NULL && i < b->from->n_answers; i++) {
        if (!unpack_answer(b, b->from->answers[i], &b->answers[i])) {
            return false;
        }
    }
    return b->answers != NULL;
}

static bool unpack_gaps(struct batch_unpacker *b, struct nx_batch *out) {
    struct nx_gap *gaps = take(b->u, b->from->n_gaps, sizeof(*gaps));
    for (size_t i = 0; gaps != NULL && i < b->from->n_gaps; i++) {
        const Nxclear__Gap *g = b->from->gaps[i];
        if (!want(b->u, g->from_seq >= 1 && g->from_seq <= g->to_seq,
                  "gap: ends before it begins") ||
            !want(b->u, g->to_seq < b->from->first_seq,
                  "gap: not before first_seq") ||
            !want(b->u, g->reason <= NX_GAP_REASON_MAX,
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
    if (!want_at_most(b->u, d->n_servers, NX_DELEG_SERVERS_MAX,
                      "delegation.servers: too many")) {
        return NULL;
    }
    struct nx_endpoint *servers = take(b->u, d->n_servers, sizeof(*servers));
    for (size_t i = 0; servers != NULL && i < d->n_servers; i++) {
        if (!want(b->u, d->servers[i] < b->from->n_endpoints,
                  "delegation.servers: no such endpoint")) {
            return NULL;
        }
        servers[i] = b->endpoints[d->servers[i]];
    }
    return servers;
}

static bool unpack_delegation(struct batch_unpacker *b,
                              const Nxclear__Delegation *d,
                              struct nx_delegation *out) {
    const ProtobufCBinaryData *names = b->from->names;
    size_t n = b->from->n_names;
    out->name =
        name_at(b->u, names, n, d->name, "delegation.name: no such name");
    out->apex =
        name_at(b->u, names, n, d->apex, "delegation.apex: no such name");
    out->parent =
        name_ref(b->u, names, n, d->parent, "delegation.parent: no such name");
    out->servers = unpack_servers(b, d);
    out->servers_n = d->n_servers;
    out->ns_ttl_s = d->ns_ttl_s;
    out->problems = d->problems;
    out->at_mono_us = d->at_mono_us;
    return b->u->err == 0 &&
           want(b->u, (d->problems & ~(uint32_t)NX_DELEG_PROBLEMS_ALL) == 0,
                "delegation.problems: unknown bit") &&
           want(b->u, nx_dname_under(out->name, out->apex),
                "delegation.apex: not above the name") &&
           want(b->u,
                out->parent == NULL || nx_dname_under(out->apex, out->parent),
                "delegation.parent: not above the apex");
}

static bool unpack_delegations(struct batch_unpacker *b, struct nx_batch *out) {
    struct nx_delegation *list =
        take(b->u, b->from->n_delegations, sizeof(*list));
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
            return fail(b->u, NX_EMALFORMED, "soa_ttl_residual_s: too short");
        }
        obs->soa_ttl_s =
            nx_codec_ttl_unpack(&ttl->soa[question], obs->rx_mono_us,
                                from->soa_ttl_residual_s[b->soa_n++]);
    }
    if ((obs->answer->flags & NX_ANS_RDATA) != 0) {
        if (b->rdata_n >= from->n_answer_ttl_residual_s) {
            return fail(b->u, NX_EMALFORMED,
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
        return fail(b->u, NX_EMALFORMED, "look: out of its tables");
    }
    if (__builtin_add_overflow(*tx_us, from->tx_delta_us[i], tx_us) ||
        *tx_us < 0 || *tx_us > INT64_MAX - UINT32_MAX) {
        return fail(b->u, NX_EMALFORMED, "tx_delta_us: out of range");
    }
    out->question = &b->questions[q];
    out->answer = &b->answers[a];
    out->tx_mono_us = *tx_us;
    out->rx_mono_us = *tx_us + from->rtt_us[i];
    const uint8_t *port = from->src_port.data + 2 * i;
    out->src_port = (uint16_t)(port[0] << 8 | port[1]);
    return unpack_ttls(b, ttl, q, out);
}

static bool unpack_columns(struct batch_unpacker *b, struct nx_batch *out) {
    const Nxclear__Batch *from = b->from;
    struct ttl_columns ttl = {
        .soa = take(b->u, from->n_questions, sizeof(*ttl.soa)),
        .answer = take(b->u, from->n_questions, sizeof(*ttl.answer)),
    };
    struct nx_obs *obs = take(b->u, from->n_look, sizeof(*obs));
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
    return want(b->u, b->soa_n == from->n_soa_ttl_residual_s,
                "soa_ttl_residual_s: too long") &&
           want(b->u, b->rdata_n == from->n_answer_ttl_residual_s,
                "answer_ttl_residual_s: too long");
}

static bool unpack_batch(struct unpacker *u, const Nxclear__Batch *from,
                         struct nx_batch *out) {
    struct batch_unpacker b = {.u = u, .from = from};
    if (!check_counts(u, from) || !unpack_clock(u, from->clock, &out->clock) ||
        !check_names(u, from->names, from->n_names)) {
        return false;
    }
    b.endpoints = unpack_endpoints(u, from->endpoints, from->n_endpoints);
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

/* --- hello, ack, plan --- */

static bool is_plain_text(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool unpack_hello(struct unpacker *u, const Nxclear__Hello *from,
                         struct nx_hello *out) {
    if (!want_at_most(u, strlen(from->software), NX_SOFTWARE_MAX,
                      "software: too long") ||
        !want(u, is_plain_text(from->software),
              "software: not printable ASCII") ||
        !want_at_most(u, from->n_resolvers, NX_HELLO_RESOLVERS_MAX,
                      "resolvers: too many") ||
        !unpack_clock(u, from->clock, &out->clock)) {
        return false;
    }
    out->resolvers = unpack_endpoints(u, from->resolvers, from->n_resolvers);
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
    return out->resolvers != NULL;
}

static void unpack_ack(const Nxclear__Ack *from, struct nx_ack *out) {
    out->epoch = from->epoch;
    out->acked_seq = from->acked_seq;
    out->echo = from->echo;
    out->received_us = from->received_us;
    out->sent_us = from->sent_us;
}

static bool unpack_task(struct unpacker *u, const Nxclear__Plan *plan,
                        const Nxclear__Task *from, struct nx_task *out) {
    out->name = name_at(u, plan->names, plan->n_names, from->name,
                        "task.name: no such name");
    if (out->name == NULL ||
        !want(u, from->kind <= NX_TASK_KIND_MAX, "task.kind: unknown") ||
        !want(u, from->qtype >= 1 && from->qtype <= UINT16_MAX,
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
    return from->endpoint == NULL ||
           unpack_endpoint(u, from->endpoint, &out->endpoint);
}

static bool unpack_plan(struct unpacker *u, const Nxclear__Plan *from,
                        struct nx_plan *out) {
    if (!want_at_most(u, from->n_tasks, NX_PLAN_TASKS_MAX, "tasks: too many") ||
        !check_names(u, from->names, from->n_names)) {
        return false;
    }
    struct nx_task *tasks = take(u, from->n_tasks, sizeof(*tasks));
    for (size_t i = 0; tasks != NULL && i < from->n_tasks; i++) {
        if (!unpack_task(u, from, from->tasks[i], &tasks[i])) {
            return false;
        }
    }
    out->revision = from->revision;
    out->valid_s = from->valid_s;
    out->tasks = tasks;
    out->tasks_n = from->n_tasks;
    return tasks != NULL;
}

/* --- entry --- */

static int finish(const struct unpacker *u, bool done, const char **why) {
    if (!done && why != NULL) {
        *why = u->why;
    }
    return done ? 0 : u->err;
}

int nx_codec_unpack_up(const uint8_t *bytes, size_t len, struct nx_arena *arena,
                       struct nx_up *out, const char **why) {
    struct unpacker u = {.arena = arena};
    struct nx_up up = {0};
    bool done = false;
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    Nxclear__Up *from = NULL;
    if (want_at_most(&u, len, NX_MSG_MAX_BYTES, "message: too long")) {
        from = nxclear__up__unpack(&allocator, len, bytes);
        (void)want(&u, from != NULL, "not a message from an agent");
    }
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
            (void)fail(&u, NX_EMALFORMED, "a kind of message not known here");
            break;
        }
    }
    if (done) {
        *out = up;
    }
    return finish(&u, done, why);
}

int nx_codec_unpack_down(const uint8_t *bytes, size_t len,
                         struct nx_arena *arena, struct nx_down *out,
                         const char **why) {
    struct unpacker u = {.arena = arena};
    struct nx_down down = {0};
    bool done = false;
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    Nxclear__Down *from = NULL;
    if (want_at_most(&u, len, NX_MSG_MAX_BYTES, "message: too long")) {
        from = nxclear__down__unpack(&allocator, len, bytes);
        (void)want(&u, from != NULL, "not a message from a collector");
    }
    if (from != NULL) {
        switch (from->message_case) {
        case NXCLEAR__DOWN__MESSAGE_ACK:
            down.kind = NX_DOWN_ACK;
            unpack_ack(from->ack, &down.u.ack);
            done = true;
            break;
        case NXCLEAR__DOWN__MESSAGE_PLAN:
            down.kind = NX_DOWN_PLAN;
            done = unpack_plan(&u, from->plan, &down.u.plan);
            break;
        case NXCLEAR__DOWN__MESSAGE__NOT_SET:
        case _NXCLEAR__DOWN__MESSAGE__CASE_IS_INT_SIZE:
            (void)fail(&u, NX_EMALFORMED, "a kind of message not known here");
            break;
        }
    }
    if (done) {
        *out = down;
    }
    return finish(&u, done, why);
}
