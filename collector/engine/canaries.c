#include "collector/engine/canaries.h"

#include <string.h>

#include "collector/engine/planner.h"
#include "collector/engine/siblings.h"

#define STEP_US INT64_C(1000000)
#define RUNS_OF_AGENT_MAX 1U /* one per network at a time */

static bool on(const struct nx_engine *engine) {
    return engine->settings.canary.on;
}

/* --- when --- */

static bool has_bogus(const struct nx_engine *engine) {
    return engine->settings.canary.bogus_zone[0] != 0;
}

static bool disturbs(const struct nx_engine *engine, const uint8_t *name) {
    const struct nx_canary_conf *conf = &engine->settings.canary;
    return (!conf->sibling && nx_canary_disturbs(conf->zone, name)) ||
           (has_bogus(engine) && nx_canary_disturbs(conf->bogus_zone, name));
}

static bool quiet(const struct nx_engine *engine) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            if (disturbs(engine, c->items[k].spec->name)) {
                return false;
            }
        }
    }
    return true;
}

/* May names be asked? quiet and audited, for sibling labels. */
static bool may_ask_now(const struct nx_engine *engine) {
    return quiet(engine) &&
           (!engine->settings.canary.sibling || nx_siblings_may(engine));
}

static bool present(const struct nx_engine *engine,
                    const struct nx_agent_state *agent, int64_t now_us) {
    return nx_agent_probes(agent) && agent->resolvers_known &&
           now_us - agent->last_seen_us <=
               engine->settings.diagnosis.silent_after_us;
}

static void offer(struct nx_engine *engine, const struct nx_agent_state *agent,
                  int64_t now_us) {
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        if (agent->resolvers[i].transport == NX_SYSTEM) {
            continue; /* no resolver, and shows no TTL */
        }
        nx_book_offer(engine->book, agent->agent.network, &agent->resolvers[i],
                      agent->agent.id, now_us);
    }
}

static void begun(void *user, uint32_t agent_id) {
    struct nx_agent_state *agent = nx_agents_find(user, agent_id);
    if (agent != NULL) {
        nx_plan_touch(agent);
    }
}

/* Sibling labels show nothing of chains, so nothing of who denies. */
void nx_canaries_want(struct nx_engine *engine,
                      const struct nx_agent_state *agent,
                      const struct nx_endpoint *at, int64_t now_us) {
    if (on(engine) && !engine->settings.canary.sibling) {
        nx_book_want(engine->book, agent->agent.network, at, agent->agent.id,
                     now_us);
    }
}

/* --- what came of it --- */

struct ending {
    struct nx_engine *engine;
    const struct nx_engine_sink *sink;
};

static void wake_targets(struct nx_engine *engine,
                         const struct nx_book_row *row) {
    for (size_t i = 0; i < engine->targets_n; i++) {
        const struct nx_target *t = engine->targets[i];
        const struct nx_agent *agent = &t->agent->agent;
        bool theirs = strcmp(agent->network, row->network) == 0 &&
                      (row->agent_id == 0 || row->agent_id == agent->id);
        if (theirs && t->key.address_len == row->at.address_len &&
            memcmp(t->key.address, row->at.address, t->key.address_len) == 0) {
            engine->due_us[i] = INT64_MIN;
        }
    }
}

static void ended(void *user, uint32_t agent_id,
                  const struct nx_book_row *row) {
    struct ending *e = user;
    begun(e->engine, agent_id);
    if (row != NULL) {
        wake_targets(e->engine, row);
    }
    if (row != NULL && e->sink != NULL && e->sink->resolver != NULL) {
        e->sink->resolver(e->sink->user, row);
    }
}

void nx_canaries_step(struct nx_engine *engine, int64_t now_us,
                      const struct nx_engine_sink *sink) {
    struct ending ending = {engine, sink};
    if (!on(engine) || now_us - engine->canaries_us < STEP_US) {
        return;
    }
    engine->canaries_us = now_us;
    if (engine->settings.canary.sibling) {
        nx_siblings_survey(engine, now_us);
        nx_book_w_set(engine->book, engine->siblings.w_s);
    }
    bool may = may_ask_now(engine);
    nx_book_end(engine->book, now_us, !may, ended, &ending);
    const struct nx_agent_state *a =
        may || nx_siblings_lack_audit(engine) ? engine->agents : NULL;
    for (; a != NULL; a = a->hh.next) {
        if (present(engine, a, now_us)) {
            offer(engine, a, now_us);
        }
    }
    if (may) {
        nx_book_begin(engine->book, now_us, begun, engine);
    }
}

/* --- plan --- */

size_t nx_canaries_tasks_max(const struct nx_engine *engine) {
    return on(engine) ? RUNS_OF_AGENT_MAX * NX_CANARIES_N_ : 0;
}

static bool task_of(const struct nx_canary_run *run, enum nx_canary which,
                    const struct nx_endpoint *at, struct nx_arena *arena,
                    struct nx_task *out) {
    uint8_t *name = nx_arena_alloc(arena, NX_DNAME_MAX, 1);
    if (name == NULL) {
        return false;
    }
    nx_canary_task(run, which, name, out);
    out->has_endpoint = true;
    out->endpoint = *at;
    return true;
}

/* Class CH and AD=1 are not asked for over TLS. */
static bool may_ask(const struct nx_endpoint *at, const struct nx_task *task) {
    return at->transport != NX_TLS || (!task->chaos && !task->ad);
}

size_t nx_canaries_tasks(const struct nx_engine *engine,
                         const struct nx_agent_state *agent,
                         struct nx_arena *arena, struct nx_task *tasks,
                         size_t cap) {
    size_t n = 0;
    if (!on(engine) || !may_ask_now(engine)) {
        return 0;
    }
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        struct nx_canary_run run;
        if (!nx_book_run(engine->book, agent->agent.network,
                         &agent->resolvers[i], agent->agent.id, &run)) {
            continue;
        }
        for (unsigned k = 0; k < NX_CANARIES_N_ && n < cap; k++) {
            if (nx_canary_visit(&run, (enum nx_canary)k) > 0 &&
                task_of(&run, (enum nx_canary)k, &agent->resolvers[i], arena,
                        &tasks[n]) &&
                may_ask(&agent->resolvers[i], &tasks[n])) {
                n++;
            }
        }
    }
    return n;
}

/* --- results --- */

bool nx_canaries_own(const struct nx_engine *engine,
                     const struct nx_question *question) {
    return on(engine) &&
           ((question->flags & (NX_Q_CH | NX_Q_AD)) != 0 ||
            question->name[0] == 0 || /* NSID of the root */
            nx_dname_under(question->name, engine->settings.canary.zone) ||
            (has_bogus(engine) &&
             nx_dname_under(question->name,
                            engine->settings.canary.bogus_zone)));
}

const struct nx_profile *nx_canaries_profile(const struct nx_engine *engine,
                                             const struct nx_agent_state *agent,
                                             const struct nx_endpoint *at) {
    const struct nx_profile *measured =
        nx_book_profile(engine->book, agent->agent.network, at, agent->agent.id,
                        engine->now_us);
    return measured != NULL ? measured : &engine->profile;
}

int nx_engine_resolver_put(struct nx_engine *engine,
                           const struct nx_book_row *row) {
    int err = nx_book_put(engine->book, row);
    if (err == 0) {
        wake_targets(engine, row);
    }
    return err;
}

int nx_engine_resolvers(const struct nx_engine *engine,
                        void (*visit)(void *user,
                                      const struct nx_book_row *row),
                        void *user) {
    return nx_book_rows(engine->book, visit, user);
}

void nx_engine_resolvers_as_noted(const struct nx_engine *engine,
                                  void (*visit)(void *user,
                                                const struct nx_book_row *row),
                                  void *user) {
    nx_book_each(engine->book, visit, user);
}

int nx_engine_resolvers_measure(struct nx_engine *engine, const char *network,
                                int64_t now_us, struct nx_book_asked *out) {
    if (!on(engine)) {
        return NX_ESTATE;
    }
    if (engine->settings.canary.sibling && engine->siblings.is_signed) {
        return NX_EDENIED;
    }
    if (!may_ask_now(engine) && !nx_siblings_lack_audit(engine)) {
        return NX_EAGAIN;
    }
    nx_book_measure(engine->book, network, now_us, out);
    return NX_OK;
}

unsigned nx_engine_resolvers_turned_away(const struct nx_engine *engine) {
    return nx_book_turned_away(engine->book);
}
