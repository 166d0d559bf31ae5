/* The agents as the engine knows them. */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/engine_priv.h"
#include "collector/engine/planner.h"
#include "collector/engine/targets.h"

struct nx_agent_state *nx_agents_find(const struct nx_engine *engine,
                                      uint32_t id) {
    struct nx_agent_state *found = NULL;
    HASH_FIND(hh, engine->agents, &id, sizeof(id), found);
    return found;
}

bool nx_agent_probes(const struct nx_agent_state *agent) {
    return agent->agent.accepted && !agent->agent.authority;
}

bool nx_agent_audits(const struct nx_agent_state *agent) {
    return agent->agent.accepted && agent->agent.authority;
}

bool nx_agent_counts(const struct nx_agent *agent,
                     const struct nx_incident *incident) {
    bool there = agent->accepted || (agent->revoked_us > 0 &&
                                     agent->revoked_us >= incident->opened_us);
    return there && !agent->authority && !incident->audit;
}

static bool same_resolver(const struct nx_endpoint *a,
                          const struct nx_endpoint *b) {
    return a->address_len == b->address_len && a->port == b->port &&
           a->transport == b->transport && a->scope_id == b->scope_id &&
           memcmp(a->address, b->address, a->address_len) == 0;
}

bool nx_agent_uses(const struct nx_agent_state *agent,
                   const struct nx_endpoint *at) {
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        if (same_resolver(&agent->resolvers[i], at)) {
            return true;
        }
    }
    return false;
}

/* --- life --- */

static void resolvers_free(struct nx_endpoint **resolvers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        /* Made by resolvers_copy, so ours to free. */
        uint8_t *name = NULL;
        memcpy(&name, &(*resolvers)[i].server_name, sizeof(name));
        free(name);
    }
    free(*resolvers);
    *resolvers = NULL;
}

static int resolver_copy(const struct nx_endpoint *from,
                         struct nx_endpoint *to) {
    *to = *from;
    if (from->server_name != NULL) {
        size_t len = nx_dname_len(from->server_name);
        uint8_t *name = malloc(len);
        to->server_name = name;
        if (name == NULL) {
            return NX_ENOMEM;
        }
        memcpy(name, from->server_name, len);
    }
    return 0;
}

static int resolvers_copy(const struct nx_hello *hello,
                          struct nx_endpoint **out, size_t *out_n) {
    size_t cap = hello->resolvers_n < NX_HELLO_RESOLVERS_MAX
                     ? hello->resolvers_n
                     : NX_HELLO_RESOLVERS_MAX;
    struct nx_endpoint *resolvers = calloc(cap + 1, sizeof(*resolvers));
    int err = resolvers == NULL ? NX_ENOMEM : 0;
    size_t n = 0;
    for (size_t i = 0; i < cap && err == 0; i++) {
        if (hello->resolvers[i].layer != NX_LAYER_AUTHORITY) {
            err = resolver_copy(&hello->resolvers[i], &resolvers[n++]);
        }
    }
    if (err != 0) {
        resolvers_free(&resolvers, n);
        return err;
    }
    *out = resolvers;
    *out_n = n;
    return 0;
}

static void drop_target(struct nx_engine *engine, struct nx_target *t) {
    if (t->task.set) {
        nx_plan_touch(t->agent);
    }
    nx_targets_drop(engine, t);
}

static void forget_vantage(struct nx_engine *engine, uint32_t agent_id) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            nx_authority_forget(c->items[k].authority, agent_id);
        }
    }
}

void nx_agents_woke(struct nx_engine *engine) {
    const struct nx_agent_state *a = engine->agents;
    for (; a != NULL; a = a->hh.next) {
        if (a->agent.authority && !a->agent.accepted) {
            forget_vantage(engine, a->agent.id);
        }
    }
}

/* Targets of the agent for each open item. */
static int all_targets(struct nx_engine *engine, struct nx_agent_state *agent) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            int err = nx_item_targets(engine, &c->items[k], agent);
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

static void set_listed(struct nx_engine *engine, struct nx_target *t,
                       bool listed) {
    t->unlisted = !listed;
    t->stale = true;
    t->changed_us = engine->now_us;
    engine->over_n -= t->over ? 1 : 0;
    t->over = false;
    nx_target_wake(engine, t, true);
}

/* A resolver that is not named for a while (a VPN, a lease, a file half
 * written), or whose agent nobody listens to any more, keeps what it has
 * cached: what was not seen to be clear stays. */
static void prune(struct nx_engine *engine, struct nx_agent_state *agent,
                  int64_t now_us) {
    struct nx_target *next = NULL;
    for (struct nx_target *t = agent->targets; t != NULL; t = next) {
        next = t->agent_next;
        bool listed =
            nx_agent_probes(agent) && nx_agent_uses(agent, &t->question.to);
        if (t->item->over || listed == !t->unlisted) {
            continue;
        }
        if (listed || nx_target_keep(engine, t, now_us)) {
            set_listed(engine, t, listed);
        } else {
            drop_target(engine, t);
        }
    }
}

static int role_changed(struct nx_engine *engine,
                        struct nx_agent_state *agent) {
    nx_plan_touch(agent);
    if (!nx_agent_audits(agent)) {
        forget_vantage(engine, agent->agent.id);
    }
    prune(engine, agent, nx_time_later(engine->now_us, agent->last_seen_us));
    return all_targets(engine, agent);
}

static struct nx_agent_state *agent_new(struct nx_engine *engine, uint32_t id) {
    struct nx_agent_state *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return NULL;
    }
    a->agent.id = id;
    a->last_seen_us = NX_TIME_UNKNOWN;
    a->last_result_us = NX_TIME_UNKNOWN;
    a->hello_us = NX_TIME_UNKNOWN;
    HASH_ADD(hh, engine->agents, agent.id, sizeof(a->agent.id), a);
    if (a->hh.tbl == NULL) {
        free(a);
        return NULL;
    }
    return a;
}

/* Targets are shown by network and name. */
static void note_told(struct nx_engine *engine) {
    engine->told_n++;
    for (size_t i = 0; i < engine->cases_n; i++) {
        engine->cases[i]->ordered = false;
    }
}

int nx_engine_agent_set(struct nx_engine *engine,
                        const struct nx_agent *agent) {
    struct nx_agent_state *a = nx_agents_find(engine, agent->id);
    note_told(engine);
    if (a == NULL) {
        if (HASH_COUNT(engine->agents) >= NX_ENGINE_AGENTS_MAX) {
            return NX_ELIMIT;
        }
        a = agent_new(engine, agent->id);
        if (a == NULL) {
            return NX_ENOMEM;
        }
    } else if (a->agent.authority == agent->authority &&
               a->agent.accepted == agent->accepted) {
        a->agent = *agent;
        return 0;
    }
    a->agent = *agent;
    return role_changed(engine, a);
}

void nx_agents_drop_over(struct nx_engine *engine) {
    for (size_t i = engine->targets_n; i > 0 && engine->over_n > 0; i--) {
        struct nx_target *t = engine->targets[i - 1];
        if (t->over && !t->stale) { /* nothing came since it was judged */
            drop_target(engine, t);
        }
    }
}

static void note_hello(struct nx_agent_state *a, const struct nx_hello *hello,
                       int64_t received_us) {
    a->connected_once = true;
    a->last_seen_us = received_us;
    a->hello_us = received_us;
    a->clock = hello->clock;
    a->plan_announce = hello->plan_revision != a->plan_revision;
    size_t len = strnlen(hello->software, NX_SOFTWARE_MAX);
    memcpy(a->software, hello->software, len);
    a->software[len] = '\0';
}

int nx_engine_hello(struct nx_engine *engine, uint32_t agent_id,
                    const struct nx_hello *hello, int64_t received_us) {
    struct nx_agent_state *a = nx_agents_find(engine, agent_id);
    if (a == NULL) {
        return NX_ENOTFOUND;
    }
    struct nx_endpoint *resolvers = NULL;
    size_t resolvers_n = 0;
    int err = resolvers_copy(hello, &resolvers, &resolvers_n);
    if (err != 0) {
        return err;
    }
    resolvers_free(&a->resolvers, a->resolvers_n);
    a->resolvers = resolvers;
    a->resolvers_n = resolvers_n;
    a->resolvers_known = true;
    int64_t theta_us = 0;
    uint32_t eps_us = 0;
    nx_agent_clock(a, hello->epoch, &hello->clock, received_us, &theta_us,
                   &eps_us);
    note_hello(a, hello, received_us);
    prune(engine, a, received_us);
    for (struct nx_target *t = a->targets; t != NULL; t = t->agent_next) {
        if (t->judged && !t->agent_heard) {
            nx_target_wake(engine, t, true); /* it is back */
        }
    }
    if (a->plan_announce) {
        nx_plan_revive(a, received_us);
    }
    return all_targets(engine, a);
}

void nx_agents_free(struct nx_engine *engine) {
    struct nx_agent_state *a = engine->agents;
    while (a != NULL) {
        struct nx_agent_state *next = a->hh.next;
        HASH_DELETE(hh, engine->agents, a);
        resolvers_free(&a->resolvers, a->resolvers_n);
        free(a);
        a = next;
    }
    free(engine->by_network);
}
