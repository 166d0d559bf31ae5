#include "tests/scenario/world.h"

#include <stdlib.h>
#include <string.h>

#include "common/rrtype.h"

#define STEP_US (US_PER_S / 20)
#define TICK_US (US_PER_S / 2)
#define BATCH_MAX 200U
#define ARENA_BYTES (1U << 20)
#define AGENT_EPOCH 99U

static const uint8_t root[1] = {0};

void world_init(struct world *w) {
    *w = (struct world){.next_port = 20000};
    model_init(&w->model);
    nx_engine_settings_default(&w->settings);
    w->settings.settle_us = 10 * US_PER_S;
    w->incident = (struct nx_incident){.id = WORLD_INCIDENT,
                                       .closed_us = NX_TIME_UNKNOWN,
                                       .outage_from_us = NX_TIME_UNKNOWN,
                                       .outage_to_us = NX_TIME_UNKNOWN,
                                       .restored_us = NX_TIME_UNKNOWN,
                                       .items_n = 1};
    memcpy(w->incident.items[0].name, w->model.name, NX_DNAME_MAX);
    w->incident.items[0].qtype = NX_TYPE_A;
}

void world_fini(struct world *w) {
    for (size_t i = 0; i < w->agents_n; i++) {
        nx_planner_free(&w->agents[i].planner);
        nx_ratelimit_free(&w->agents[i].limit);
        free(w->agents[i].queue);
    }
    nx_engine_free(&w->engine);
}

struct world_agent *world_agent(struct world *w, const char *name,
                                bool authority) {
    if (w->agents_n == WORLD_AGENTS_MAX || strlen(name) >= NX_TEXT_LABEL_MAX) {
        return NULL;
    }
    struct world_agent *a = &w->agents[w->agents_n++];
    a->agent.id = (uint32_t)w->agents_n;
    a->agent.accepted = true;
    a->agent.authority = authority;
    memcpy(a->agent.name, name, strlen(name) + 1);
    memcpy(a->agent.network, name, strlen(name) + 1);
    a->offset_us = (int64_t)w->agents_n * 1234567890;
    a->next_seq = 1;
    return a;
}

struct world_agent *world_find(struct world *w, const char *name) {
    for (size_t i = 0; i < w->agents_n; i++) {
        if (strcmp(w->agents[i].agent.name, name) == 0) {
            return &w->agents[i];
        }
    }
    return NULL;
}

static int64_t collector_us(const struct world *w) {
    return WORLD_EPOCH_US + w->now_us;
}

static int64_t mono_us(const struct world *w, const struct world_agent *a) {
    return w->now_us + a->offset_us;
}

static struct nx_clock_sample clock_of(const struct world *w,
                                       const struct world_agent *a) {
    return (struct nx_clock_sample){.mono_us = mono_us(w, a),
                                    .wall_us = collector_us(w),
                                    .offset_us = a->offset_us - WORLD_EPOCH_US,
                                    .offset_error_us = 2000,
                                    .offset_known = true};
}

/* --- start --- */

static int planner_start(struct world *w, struct world_agent *a) {
    static const uint8_t *const zones[] = {root};
    const struct nx_rate fast = {.mqps = 5000, .burst = 20};
    struct nx_resolver list[MODEL_RESOLVERS_MAX];
    a->policy = (struct nx_policy){.zones = zones,
                                   .zones_n = 1,
                                   .min_interval_ms = 500,
                                   .max_tasks = 2000,
                                   .authority_role = a->agent.authority,
                                   .proof_s = 3600,
                                   .own_rate = fast,
                                   .public_rate = fast,
                                   .server_rate = fast,
                                   .total_rate = {50000, 100}};
    int err = nx_ratelimit_new(&a->policy.total_rate, &a->limit);
    err = err != 0
              ? err
              : nx_planner_new(&a->policy, a->limit, AGENT_EPOCH, &a->planner);
    for (size_t i = 0; i < a->resolvers_n; i++) {
        list[i] = (struct nx_resolver){.at = a->resolvers[i]->at};
    }
    return err != 0 ? err
                    : nx_planner_resolvers(a->planner, list, a->resolvers_n,
                                           mono_us(w, a));
}

static int say_hello(struct world *w, struct world_agent *a) {
    struct nx_endpoint resolvers[MODEL_RESOLVERS_MAX];
    for (size_t i = 0; i < a->resolvers_n; i++) {
        resolvers[i] = a->resolvers[i]->at;
    }
    const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                   .software = "story",
                                   .epoch = AGENT_EPOCH,
                                   .next_seq = a->next_seq,
                                   .clock = clock_of(w, a),
                                   .resolvers = resolvers,
                                   .resolvers_n = a->resolvers_n,
                                   .authority_role = a->agent.authority,
                                   .plan_revision =
                                       nx_planner_revision(a->planner)};
    return nx_engine_hello(w->engine, a->agent.id, &hello, collector_us(w));
}

int world_start(struct world *w) {
    int err = nx_engine_new(&w->settings, &w->engine);
    for (size_t i = 0; i < w->agents_n && err == 0; i++) {
        struct world_agent *a = &w->agents[i];
        a->queue = calloc(WORLD_QUEUE_MAX, sizeof(*a->queue));
        err = a->queue == NULL ? NX_ENOMEM : planner_start(w, a);
        err = err != 0 ? err : nx_engine_agent_set(w->engine, &a->agent);
        err = err != 0 ? err : say_hello(w, a);
    }
    return err;
}

int world_reconnect(struct world *w, struct world_agent *a) {
    a->cut = false;
    return say_hello(w, a);
}

/* --- agents ask --- */

static struct queued *enqueue(struct world *w, struct world_agent *a) {
    if (a->queue_n == WORLD_QUEUE_MAX) { /* the oldest is dropped */
        memmove(a->queue, a->queue + 1, --a->queue_n * sizeof(*a->queue));
    }
    struct queued *q = &a->queue[a->queue_n++];
    *q = (struct queued){.tx_us = w->now_us, .src_port = w->next_port++};
    return q;
}

static struct resolver *resolver_at(struct world *w,
                                    const struct nx_endpoint *at) {
    for (size_t i = 0; i < w->model.resolvers_n; i++) {
        if (nx_endpoint_equal(&w->model.resolvers[i].at, at)) {
            return &w->model.resolvers[i];
        }
    }
    return NULL;
}

static void ask_resolver(struct world *w, struct world_agent *a,
                         const struct nx_due *due) {
    struct resolver *r = resolver_at(w, &due->to);
    if (r == NULL) {
        return;
    }
    struct queued *q = enqueue(w, a);
    bool identity = due->kind == NX_DUE_IDENTITY;
    q->question = (struct nx_question){
        .name = identity ? root : w->model.name,
        .qtype = due->qtype,
        .flags = (uint16_t)(identity ? NX_Q_RD | NX_Q_NSID : NX_Q_RD),
        .to = due->to};
    if (identity) {
        q->reply = (struct reply){.rtt_us = 1000};
        q->reply.answer.outcome = NX_ANSWERED;
    } else {
        model_ask_resolver(&w->model, r, w->now_us, &q->reply);
    }
    q->rx_us = q->tx_us + q->reply.rtt_us;
}

static void ask_server(struct world *w, struct world_agent *a,
                       const struct server *s, bool soa, uint16_t qtype) {
    struct queued *q = enqueue(w, a);
    q->question = (struct nx_question){
        .name = soa ? (w->model.lost ? w->model.parent : w->model.apex)
                    : w->model.name,
        .qtype = soa ? (uint16_t)NX_TYPE_SOA : qtype,
        .to = s->at};
    model_ask_server(&w->model, s, soa, &q->reply);
    q->rx_us = q->tx_us + q->reply.rtt_us;
}

static void walk(struct world *w, struct world_agent *a, uint16_t qtype) {
    struct model *m = &w->model;
    a->walked = true;
    a->walked_us = w->now_us;
    if (m->lost) {
        ask_server(w, a, &m->parent_server, false, qtype);
        ask_server(w, a, &m->parent_server, true, qtype);
    }
    for (size_t i = 0; i < m->servers_n && !m->lost; i++) {
        if (m->servers[i].listed) {
            ask_server(w, a, &m->servers[i], false, qtype);
            ask_server(w, a, &m->servers[i], true, qtype);
        }
    }
}

static void agent_step(struct world *w, struct world_agent *a) {
    struct nx_due due;
    nx_planner_heard(a->planner, mono_us(w, a)); /* always connected */
    while (nx_planner_next(a->planner, mono_us(w, a), &due)) {
        switch (due.kind) {
        case NX_DUE_RESOLVER:
        case NX_DUE_IDENTITY:
            ask_resolver(w, a, &due);
            break;
        case NX_DUE_AUTHORITY:
            walk(w, a, due.qtype);
            break;
        }
    }
}

/* --- agents send --- */

static size_t servers_of(const struct model *m, struct nx_endpoint *out) {
    size_t n = 0;
    if (m->lost) {
        out[n++] = m->parent_server.at;
    }
    for (size_t i = 0; i < m->servers_n && !m->lost; i++) {
        if (m->servers[i].listed) {
            out[n++] = m->servers[i].at;
        }
    }
    return n;
}

static void set_obs(const struct world_agent *a, const struct queued *q,
                    struct nx_obs *out) {
    *out = (struct nx_obs){.question = &q->question,
                           .answer = &q->reply.answer,
                           .tx_mono_us = q->tx_us + a->offset_us,
                           .rx_mono_us = q->rx_us + a->offset_us,
                           .soa_ttl_s = q->reply.soa_ttl_s,
                           .answer_ttl_s = q->reply.answer_ttl_s,
                           .src_port = q->src_port};
}

/* Moves what has come back from the queue, at most BATCH_MAX. */
static size_t take_done(const struct world *w, struct world_agent *a,
                        struct queued *out) {
    size_t n = 0;
    size_t kept = 0;
    for (size_t i = 0; i < a->queue_n; i++) {
        if (a->queue[i].rx_us > w->now_us || n == BATCH_MAX) {
            a->queue[kept++] = a->queue[i];
        } else {
            out[n++] = a->queue[i];
        }
    }
    a->queue_n = kept;
    return n;
}

/* The batch's questions and answers, as tables that obs point into. */
struct tables {
    struct queued done[BATCH_MAX];
    struct nx_question questions[BATCH_MAX];
    struct nx_answer answers[BATCH_MAX];
    struct nx_obs obs[BATCH_MAX];
};

static void fill_tables(const struct world_agent *a, struct tables *t,
                        size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct queued *q = &t->done[i];
        if (q->reply.answer.rdata_n > 0) {
            q->reply.answer.rdata = q->reply.rdata;
        }
        t->questions[i] = q->question;
        t->answers[i] = q->reply.answer;
        set_obs(a, q, &t->obs[i]);
        t->obs[i].question = &t->questions[i];
        t->obs[i].answer = &t->answers[i];
    }
}

static int send_batch(struct world *w, struct world_agent *a, size_t *sent_n) {
    static struct tables t;
    struct nx_endpoint servers[MODEL_SERVERS_MAX];
    const struct nx_delegation delegation = {
        .name = w->model.name,
        .apex = w->model.lost ? w->model.parent : w->model.apex,
        .parent = w->model.lost ? root : w->model.parent,
        .ns_ttl_s = 86400,
        .servers = servers,
        .servers_n = servers_of(&w->model, servers),
        .at_mono_us = a->walked_us + a->offset_us};
    size_t n = take_done(w, a, t.done);
    *sent_n = n;
    if (n == 0) {
        return 0;
    }
    fill_tables(a, &t, n);
    const struct nx_batch batch = {.epoch = AGENT_EPOCH,
                                   .first_seq = a->next_seq,
                                   .clock = clock_of(w, a),
                                   .delegations = &delegation,
                                   .delegations_n = a->walked ? 1 : 0,
                                   .questions = t.questions,
                                   .questions_n = n,
                                   .answers = t.answers,
                                   .answers_n = n,
                                   .obs = t.obs,
                                   .obs_n = n};
    a->next_seq += n;
    a->walked = false;
    return nx_engine_batch(w->engine, a->agent.id, &batch, 0, collector_us(w));
}

static int agent_send(struct world *w, struct world_agent *a) {
    size_t sent_n = 0;
    int err = 0;
    do {
        err = a->cut ? 0 : send_batch(w, a, &sent_n);
    } while (err == 0 && !a->cut && sent_n == BATCH_MAX);
    return err;
}

/* --- the collector --- */

static void on_plan(void *user, uint32_t agent_id) {
    struct world *w = user;
    w->agents[agent_id - 1].plan_waits = true;
}

static int with_plan(struct world *w, struct world_agent *a, bool load,
                     size_t *tasks_n) {
    void *memory = malloc(ARENA_BYTES);
    struct nx_arena arena;
    struct nx_plan plan;
    struct nx_plan_outcome outcome;
    if (memory == NULL) {
        return NX_ENOMEM;
    }
    nx_arena_init(&arena, memory, ARENA_BYTES);
    int err =
        nx_engine_plan(w->engine, a->agent.id, collector_us(w), &arena, &plan);
    *tasks_n = err == 0 ? plan.tasks_n : 0;
    if (err == 0 && load) {
        err = nx_planner_load(a->planner, &plan, mono_us(w, a), &outcome);
        err = err == 0 && outcome.taken_n != plan.tasks_n ? NX_EDENIED : err;
    }
    free(memory);
    return err;
}

size_t world_tasks(struct world *w, const struct world_agent *a) {
    size_t n = 0;
    (void)!with_plan(w, &w->agents[a->agent.id - 1], false, &n);
    return n;
}

static int tick(struct world *w) {
    const struct nx_engine_sink sink = {.user = w, .plan_changed = on_plan};
    int err = 0;
    for (size_t i = 0; i < w->agents_n && err == 0; i++) {
        err = agent_send(w, &w->agents[i]);
    }
    nx_engine_tick(w->engine, collector_us(w), &sink);
    for (size_t i = 0; i < w->agents_n && err == 0; i++) {
        struct world_agent *a = &w->agents[i];
        size_t n = 0;
        if (a->plan_waits && !a->cut) {
            a->plan_waits = false;
            err = with_plan(w, a, true, &n);
        }
    }
    return err;
}

int world_run(struct world *w, int64_t until_us) {
    int err = 0;
    while (w->now_us < until_us && err == 0) {
        w->now_us += STEP_US;
        for (size_t i = 0; i < w->agents_n; i++) {
            agent_step(w, &w->agents[i]);
        }
        if (w->now_us % TICK_US == 0) {
            err = tick(w);
        }
    }
    return err;
}
