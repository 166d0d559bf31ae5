#include "collector/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "collector/engine/canaries.h"
#include "collector/engine/planner.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_MS INT64_C(1000)

void nx_engine_settings_default(struct nx_engine_settings *out) {
    *out = (struct nx_engine_settings){
        .settle_us = 60 * US_PER_S,
        .vantages = 1,
        .authority_interval_ms = 5000,
        .plan_valid_s = 3600,
        .targets_max = 200000,
        .evaluate_every_us = US_PER_S / 2,
        .canary = {.every_s = 86400, .count_n = NX_CANARY_COUNT_MAX},
    };
    nx_diagnosis_settings_default(&out->diagnosis);
}

int nx_engine_new(const struct nx_engine_settings *settings,
                  struct nx_engine **out) {
    struct nx_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        return NX_ENOMEM;
    }
    engine->routes = calloc(NX_BATCH_QUESTIONS_MAX, sizeof(*engine->routes));
    if (engine->routes == NULL ||
        nx_book_new(&settings->canary, &engine->book) != 0) {
        free(engine->routes);
        free(engine);
        return NX_ENOMEM;
    }
    engine->settings = *settings;
    engine->now_us = NX_TIME_UNKNOWN;
    engine->woke_us = INT64_MAX;
    nx_profile_default(&engine->profile);
    *out = engine;
    return 0;
}

void nx_engine_free(struct nx_engine **engine) {
    struct nx_engine *e = *engine;
    if (e == NULL) {
        return;
    }
    nx_cases_free(e);
    nx_agents_free(e);
    nx_labelled_free(e);
    nx_book_free(&e->book);
    free(e->targets);
    free(e->due_us);
    free(e->routes);
    free(e);
    *engine = NULL;
}

void nx_engine_profile_set(struct nx_engine *engine,
                           const struct nx_profile *profile) {
    engine->profile = *profile;
    for (size_t i = 0; i < engine->targets_n; i++) {
        engine->due_us[i] = INT64_MIN;
    }
}

/* --- time --- */

static bool auditor_here(const struct nx_engine *engine, int64_t now_us) {
    int64_t silent_us = engine->settings.diagnosis.silent_after_us;
    const struct nx_agent_state *a = engine->agents;
    for (; a != NULL; a = a->hh.next) {
        if (nx_agent_audits(a) && a->last_seen_us != NX_TIME_UNKNOWN &&
            now_us - a->last_seen_us <= silent_us) {
            return true;
        }
    }
    return false;
}

static struct nx_auth_rules rules_at(const struct nx_engine *engine,
                                     int64_t now_us) {
    return (struct nx_auth_rules){
        .settle_us = engine->settings.settle_us,
        .interval_us =
            (int64_t)engine->settings.authority_interval_ms * US_PER_MS,
        .vantages = engine->settings.vantages,
        .audited = auditor_here(engine, now_us),
        .woke_us = engine->woke_us,
    };
}

static void item_step(struct nx_engine *engine, struct nx_item *item,
                      const struct nx_auth_rules *rules, int64_t now_us,
                      const struct nx_engine_sink *sink) {
    const struct nx_incident *incident = &item->owner->incident;
    bool was_allowed = nx_plan_allowed(item);
    bool changed = nx_authority_step(item->authority, rules, incident, now_us);
    if (was_allowed != nx_plan_allowed(item)) {
        nx_plan_touch_item(item); /* rule 1, at once */
    } else if (!changed) {
        return;
    }
    for (struct nx_target *t = item->targets; t != NULL; t = t->item_next) {
        engine->due_us[t->slot] = INT64_MIN;
    }
    if (sink != NULL && sink->authority != NULL) {
        sink->authority(sink->user, incident->id, item->index,
                        nx_authority_facts(item->authority), now_us);
    }
}

static void items_step(struct nx_engine *engine, int64_t now_us,
                       const struct nx_engine_sink *sink) {
    const struct nx_auth_rules rules = rules_at(engine, now_us);
    for (size_t i = 0; i < engine->cases_n; i++) {
        struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            item_step(engine, &c->items[k], &rules, now_us, sink);
        }
    }
}

/* Time does not go back. */
static int64_t move_on(struct nx_engine *engine, int64_t now_us) {
    engine->now_us = now_us > engine->now_us ? now_us : engine->now_us;
    return engine->now_us;
}

void nx_engine_catch_up(struct nx_engine *engine, int64_t at_us) {
    items_step(engine, move_on(engine, at_us), NULL);
}

void nx_engine_retell(struct nx_engine *engine) {
    for (size_t i = 0; i < engine->targets_n; i++) {
        engine->targets[i]->untold = true;
        engine->due_us[i] = INT64_MIN;
    }
}

void nx_engine_tick(struct nx_engine *engine, int64_t now_us,
                    const struct nx_engine_sink *sink) {
    now_us = move_on(engine, now_us);
    if (engine->woke_us == INT64_MAX) {
        engine->woke_us = now_us;
    }
    items_step(engine, now_us, sink);
    nx_targets_evaluate(engine, now_us, sink);
    nx_canaries_step(engine, now_us, sink);
    nx_plans_publish(engine, now_us, sink);
}

/* --- views --- */

const struct nx_engine_settings *
nx_engine_settings(const struct nx_engine *engine) {
    return &engine->settings;
}

const struct nx_engine_counts *
nx_engine_counts(const struct nx_engine *engine) {
    return &engine->counts;
}

size_t nx_engine_incidents(const struct nx_engine *engine,
                           const struct nx_incident ***out) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        engine->incidents[i] = &engine->cases[i]->incident;
    }
    *out = engine->incidents;
    return engine->cases_n;
}

const struct nx_incident *nx_engine_incident(const struct nx_engine *engine,
                                             uint32_t id) {
    const struct nx_case *c = nx_cases_find(engine, id);
    return c != NULL ? &c->incident : NULL;
}

int nx_engine_authority(const struct nx_engine *engine, uint32_t incident_id,
                        unsigned item, struct nx_auth_view *out) {
    const struct nx_case *c = nx_cases_find(engine, incident_id);
    if (c == NULL || item >= c->incident.items_n) {
        return NX_ENOTFOUND;
    }
    if (!nx_case_open(c)) {
        return NX_ESTATE;
    }
    return nx_authority_view(c->items[item].authority, out);
}

static int by_place(const void *a, const void *b) {
    const struct nx_target *x = *(struct nx_target *const *)a;
    const struct nx_target *y = *(struct nx_target *const *)b;
    const struct nx_agent *i = &x->agent->agent;
    const struct nx_agent *j = &y->agent->agent;
    int order = strcmp(i->network, j->network);
    order = order != 0 ? order : strcmp(i->name, j->name);
    order = order != 0 ? order : (i->id > j->id) - (i->id < j->id);
    order =
        order != 0 ? order : (int)x->key.address_len - (int)y->key.address_len;
    order = order != 0 ? order : memcmp(x->key.address, y->key.address, 16);
    order = order != 0 ? order : (int)x->key.port - (int)y->key.port;
    order = order != 0 ? order : (int)x->key.transport - (int)y->key.transport;
    return order != 0 ? order : (int)x->item->index - (int)y->item->index;
}

/* May the verdict of the last tick be shown? With very many targets also one
 * that is a few looks behind. */
static bool current(const struct nx_engine *engine, const struct nx_target *t,
                    int64_t now_us) {
    int64_t pace_us = nx_targets_pace_us(engine);
    bool crowded = pace_us > engine->settings.evaluate_every_us;
    return t->judged && (crowded || !t->stale) && now_us >= t->judged_us &&
           now_us - t->judged_us < pace_us && engine->due_us[t->slot] > now_us;
}

static void show(struct nx_engine *engine, struct nx_target *t, int64_t now_us,
                 bool as_judged, struct nx_target_view *out) {
    *out = (struct nx_target_view){.agent_id = t->agent->agent.id,
                                   .question = &t->question,
                                   .item = t->item->index,
                                   .verdict = t->verdict,
                                   .agent_heard = t->agent_heard,
                                   .since_us = t->since_us,
                                   .nsid_hash = t->nsid_hash};
    if (current(engine, t, now_us) || (as_judged && t->judged)) {
        return;
    }
    nx_target_judge(engine, t, now_us, &out->verdict);
    if (!t->judged || t->revised || out->verdict.state != t->verdict.state) {
        out->since_us = nx_target_since(engine, t, out->verdict.state, now_us);
    }
    out->agent_heard = t->agent_heard;
}

static size_t collect(const struct nx_case *c, struct nx_target **out) {
    size_t n = 0;
    for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
        struct nx_target *t = c->items[k].targets;
        for (; t != NULL; t = t->item_next) {
            if (out != NULL) {
                out[n] = t;
            }
            n++;
        }
    }
    return n;
}

/* The targets of a case in order, kept until some come or go. */
static int in_order(struct nx_case *c) {
    if (c->ordered) {
        return 0;
    }
    size_t n = collect(c, NULL);
    struct nx_target **order =
        realloc(c->order, (n + 1) * sizeof(struct nx_target *));
    if (order == NULL) {
        return NX_ENOMEM;
    }
    c->order = order;
    c->order_n = collect(c, order);
    qsort(order, n, sizeof(struct nx_target *), by_place);
    c->ordered = true;
    return 0;
}

/* Whom to ask whether and what to tell. */
struct visitor {
    bool (*want)(void *user, const struct nx_agent *agent);
    void (*visit)(void *user, const struct nx_target_view *target);
    void *user;
    bool as_judged;
};

static int visit_all(struct nx_engine *engine, uint32_t incident_id,
                     int64_t now_us, const struct visitor *v) {
    struct nx_case *c = nx_cases_find(engine, incident_id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    int err = in_order(c);
    for (size_t i = 0; err == 0 && i < c->order_n; i++) {
        struct nx_target *t = c->order[i];
        struct nx_target_view view;
        if (v->want == NULL || v->want(v->user, &t->agent->agent)) {
            show(engine, t, now_us, v->as_judged, &view);
            v->visit(v->user, &view);
        }
    }
    return err;
}

int nx_engine_targets(struct nx_engine *engine, uint32_t incident_id,
                      int64_t now_us,
                      void (*visit)(void *user,
                                    const struct nx_target_view *target),
                      void *user) {
    const struct visitor v = {.visit = visit, .user = user};
    return visit_all(engine, incident_id, now_us, &v);
}

int nx_engine_targets_judged(
    struct nx_engine *engine, uint32_t incident_id, int64_t now_us,
    bool (*want)(void *user, const struct nx_agent *agent),
    void (*visit)(void *user, const struct nx_target_view *target),
    void *user) {
    const struct visitor v = {
        .want = want, .visit = visit, .user = user, .as_judged = true};
    return visit_all(engine, incident_id, now_us, &v);
}

int nx_engine_judged(struct nx_engine *engine, uint32_t incident_id,
                     void (*visit)(void *user, const struct nx_agent *agent,
                                   int64_t judged_us),
                     void *user) {
    struct nx_case *c = nx_cases_find(engine, incident_id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    int err = in_order(c);
    for (size_t i = 0; err == 0 && i < c->order_n; i++) {
        const struct nx_target *t = c->order[i];
        visit(user, &t->agent->agent, t->judged ? t->judged_us : INT64_MIN);
    }
    return err;
}

uint64_t nx_engine_told(const struct nx_engine *engine) {
    return engine->told_n;
}
