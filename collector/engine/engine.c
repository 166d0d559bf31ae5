#include "collector/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "collector/engine/canaries.h"
#include "collector/engine/planner.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_MS INT64_C(1000)
/* Targets of closed incidents freed in the time in which one is judged. */
#define LEAVE_PER_JUDGED 16U

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
    nx_ns_book_fini(&e->ns_book);
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

/* Who audits and was heard lately: ids, cap at most. */
static size_t auditors_here(const struct nx_engine *engine, int64_t now_us,
                            uint32_t *ids, size_t cap) {
    int64_t silent_us = engine->settings.diagnosis.silent_after_us;
    const struct nx_agent_state *a = engine->agents;
    size_t n = 0;
    for (; a != NULL && n < cap; a = a->hh.next) {
        if (nx_agent_audits(a) && a->last_seen_us != NX_TIME_UNKNOWN &&
            now_us - a->last_seen_us <= silent_us) {
            ids[n++] = a->agent.id;
        }
    }
    return n;
}

bool nx_auditor_here(const struct nx_engine *engine, int64_t now_us) {
    uint32_t id = 0;
    return auditors_here(engine, now_us, &id, 1) > 0;
}

/* Accepted, and after a start it has not had the time yet to be heard: of idle
 * ones the log knows nothing. */
static bool auditor_may_come(const struct nx_engine *engine, int64_t now_us) {
    const struct nx_agent_state *a = engine->agents;
    while (a != NULL && !nx_agent_audits(a)) {
        a = a->hh.next;
    }
    return a != NULL && (engine->woke_us == INT64_MAX ||
                         now_us - engine->woke_us <
                             engine->settings.diagnosis.silent_after_us);
}

static struct nx_auth_rules rules_at(const struct nx_engine *engine,
                                     int64_t now_us) {
    struct nx_auth_rules rules = {
        .settle_us = engine->settings.settle_us,
        .interval_us =
            (int64_t)engine->settings.authority_interval_ms * US_PER_MS,
        .vantages = engine->settings.vantages,
        .woke_us = engine->woke_us,
    };
    rules.auditors_n =
        auditors_here(engine, now_us, rules.auditors, NX_AUTH_VANTAGES_MAX);
    rules.audited = rules.auditors_n > 0 || auditor_may_come(engine, now_us);
    return rules;
}

static void item_step(struct nx_engine *engine, struct nx_item *item,
                      const struct nx_auth_rules *rules, int64_t now_us,
                      const struct nx_engine_sink *sink) {
    const struct nx_incident *incident = &item->owner->incident;
    bool was_allowed = nx_plan_allowed(item);
    bool changed = nx_authority_step(item->authority, rules, incident, now_us);
    uint64_t left_told = item->left_told;
    size_t left_n = 0;
    (void)nx_authority_left(item->authority, &left_n, &item->left_told);
    if (item->left_told != left_told) {
        nx_plan_touch_auditors(engine);
    }
    if (was_allowed != nx_plan_allowed(item)) {
        nx_plan_touch_item(item); /* rule 1, at once */
    } else if (!changed) {
        return;
    }
    item->changed_us = now_us;
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
        bool begun =
            c->incident.opened_us <= now_us; /* in the log: maybe not */
        for (unsigned k = 0;
             nx_case_open(c) && begun && k < c->incident.items_n; k++) {
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

void nx_engine_withdraw(struct nx_engine *engine, int64_t now_us,
                        const struct nx_engine_sink *sink) {
    if (engine->withdrawn) {
        nx_plans_publish(engine, move_on(engine, now_us), sink);
    }
}

void nx_engine_tick_some(struct nx_engine *engine, int64_t now_us, size_t max,
                         const struct nx_engine_sink *sink) {
    now_us = move_on(engine, now_us);
    if (engine->woke_us == INT64_MAX) {
        engine->woke_us = now_us;
        nx_agents_woke(engine);
    }
    items_step(engine, now_us, sink);
    (void)nx_cases_leave(engine, max * LEAVE_PER_JUDGED);
    (void)nx_targets_evaluate(engine, now_us, max, sink);
    nx_agents_drop_over(engine);
    nx_cases_fit(engine, now_us);
    nx_canaries_step(engine, now_us, sink);
    nx_plans_publish(engine, now_us, sink);
}

void nx_engine_tick(struct nx_engine *engine, int64_t now_us,
                    const struct nx_engine_sink *sink) {
    nx_engine_tick_some(engine, now_us, NX_ENGINE_EVALUATIONS_MAX, sink);
}

bool nx_engine_judge(struct nx_engine *engine, int64_t now_us, size_t max,
                     const struct nx_engine_sink *sink) {
    return nx_cases_leave(engine, max * LEAVE_PER_JUDGED) ||
           nx_targets_evaluate(engine, move_on(engine, now_us), max, sink);
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
    struct nx_authority *authority = c->items[item].authority;
    const struct nx_agent_state *s = engine->agents;
    for (; s != NULL; s = s->hh.next) {
        nx_authority_reached(authority, s->agent.id, s->reached);
    }
    return nx_authority_view(authority, out);
}

struct nx_ns_book *nx_engine_ns_book(struct nx_engine *engine) {
    return &engine->ns_book;
}

uint64_t nx_engine_told(const struct nx_engine *engine) {
    return engine->told_n;
}
