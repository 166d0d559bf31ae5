#include "collector/engine/planner.h"

#include "collector/engine/canaries.h"

#include "collector/infer/verdict.h"

#define US_PER_MS INT64_C(1000)
#define TOLERANCE_US (100 * US_PER_MS)
#define GRACE_US (2500 * US_PER_MS) /* jitter, timeout, batching, transport */
#define LINE_END_US (1500 * US_PER_MS)
#define VISIT_MAX 16U
#define SLACK_PARTS 8 /* a wait may be off by an eighth of itself */
#define LEAD_GAPS 4U  /* longer than a shown second and a round trip */

bool nx_plan_allowed(const struct nx_item *item) {
    return nx_authority_proven(item->authority);
}

void nx_plan_touch(struct nx_agent_state *agent) {
    agent->plan_dirty = true;
}

void nx_plan_touch_item(struct nx_item *item) {
    for (struct nx_target *t = item->targets; t != NULL; t = t->item_next) {
        nx_plan_touch(t->agent);
    }
}

void nx_plan_withdraw(struct nx_engine *engine, struct nx_item *item) {
    nx_plan_touch_item(item);
    engine->withdrawn = true;
}

void nx_plan_touch_auditors(struct nx_engine *engine) {
    for (struct nx_agent_state *a = engine->agents; a != NULL; a = a->hh.next) {
        if (nx_agent_audits(a)) {
            nx_plan_touch(a);
        }
    }
}

/* --- one target --- */

static int64_t visit_us(unsigned visit_n) {
    return (int64_t)(visit_n - 1) * NX_VISIT_GAP_MS * US_PER_MS;
}

int64_t nx_plan_visit_end(const struct nx_target *t, int64_t now_us) {
    const struct nx_target_task *task = &t->task;
    if (!task->set || task->due_us > now_us ||
        task->visit_seen_n >= task->visit_n) {
        return NX_TIME_UNKNOWN;
    }
    int64_t end_us = task->due_us + visit_us(task->visit_n) + GRACE_US;
    return end_us > now_us ? end_us : NX_TIME_UNKNOWN;
}

/* Is the wanted look one at the end of a countdown? Then 100 ms matter. */
static bool at_line_end(const struct nx_verdict *v) {
    for (size_t i = 0; i < v->lines_n; i++) {
        int64_t after_us = v->next_probe_us - v->lines[i].b_us;
        if (after_us >= 0 && after_us <= LINE_END_US) {
            return true;
        }
    }
    return false;
}

/* Nobody needs to look before the end of a measured resolver's countdown. But
 * then the record may have come back at any time since the look before, for all
 * that is known, and no forecast can be scored: so the visit begins before that
 * end, and goes on to it. */
static unsigned lead_gaps(const struct nx_engine *engine,
                          const struct nx_target *t) {
    return at_line_end(&t->verdict) &&
                   nx_canaries_profile(engine, t->agent, &t->question.to)
                       ->verified
               ? LEAD_GAPS
               : 0;
}

/* The task's first visit that is not before `from`. */
static int64_t occurrence(const struct nx_target_task *task, int64_t from_us) {
    int64_t step_us = (int64_t)task->interval_ms * US_PER_MS;
    if (task->due_us >= from_us || step_us == 0) {
        return task->due_us;
    }
    int64_t steps = (from_us - task->due_us + step_us - 1) / step_us;
    return task->due_us + steps * step_us;
}

static bool fits(const struct nx_target *t, const struct nx_target_task *want,
                 int64_t now_us) {
    if (!t->task.set || t->task.visit_n != want->visit_n) {
        return false;
    }
    int64_t slack_us = TOLERANCE_US;
    if (!at_line_end(&t->verdict) &&
        (want->due_us - now_us) / SLACK_PARTS > slack_us) {
        slack_us = (want->due_us - now_us) / SLACK_PARTS;
    }
    int64_t off_us = occurrence(&t->task, now_us) - want->due_us;
    return off_us <= slack_us && off_us >= -slack_us;
}

static void wanted(const struct nx_engine *engine, const struct nx_target *t,
                   int64_t now_us, struct nx_target_task *out) {
    const struct nx_diagnosis_settings *d = &engine->settings.diagnosis;
    const struct nx_verdict *v = &t->verdict;
    unsigned lead_n = lead_gaps(engine, t);
    int64_t due_us = v->next_probe_us - visit_us(lead_n + 1);
    int64_t last_us = now_us + d->probe_ceiling_us;
    due_us = due_us < now_us ? now_us : due_us;
    due_us = due_us > last_us ? last_us : due_us;
    unsigned n = v->visit_n + lead_n;
    n = n > VISIT_MAX ? VISIT_MAX : n;
    int64_t floor_us = d->probe_floor_us + visit_us(n);
    int64_t base_us = t->heard_us == NX_TIME_UNKNOWN ? now_us : t->heard_us;
    int64_t step_us = due_us - base_us;
    step_us = step_us < floor_us ? floor_us : step_us;
    step_us = step_us > d->probe_ceiling_us ? d->probe_ceiling_us : step_us;
    *out = (struct nx_target_task){
        .set = true,
        .due_us = due_us,
        .first_after_ms = (uint32_t)((due_us - now_us) / US_PER_MS),
        .interval_ms = (uint32_t)(step_us / US_PER_MS),
        .visit_n = (uint16_t)n,
    };
}

/* The visit at due_us is over: the agent's next one is an interval later. */
static void roll(struct nx_target_task *task, int64_t now_us) {
    int64_t over_us = task->due_us + visit_us(task->visit_n) + GRACE_US;
    bool done = task->visit_seen_n >= task->visit_n;
    if (!task->set || (now_us < over_us && !done)) {
        return;
    }
    int64_t from_us = now_us - (over_us - task->due_us);
    task->due_us =
        occurrence(task, from_us > task->due_us ? from_us : task->due_us + 1);
    task->visit_seen_n = 0;
}

/* The agent takes a task with the numbers of the one before for the same one,
 * and keeps its phase; so another task needs other numbers. */
static void set_task(struct nx_target *t, const struct nx_target_task *want) {
    const struct nx_target_task old = t->task;
    t->task = *want;
    if (old.set && old.first_after_ms == want->first_after_ms &&
        old.interval_ms == want->interval_ms && old.visit_n == want->visit_n) {
        t->task.first_after_ms++;
    }
    nx_plan_touch(t->agent);
}

static void clear_task(struct nx_target *t) {
    if (t->task.set) {
        nx_plan_touch(t->agent);
    }
    t->task.set = false;
}

void nx_plan_target(const struct nx_engine *engine, struct nx_target *t,
                    int64_t now_us) {
    const struct nx_verdict *v = &t->verdict;
    if (t->unlisted || !nx_plan_allowed(t->item) || v->visit_n == 0 ||
        v->next_probe_us == NX_TIME_UNKNOWN) {
        clear_task(t);
        return;
    }
    if (nx_plan_visit_end(t, now_us) != NX_TIME_UNKNOWN) {
        return;
    }
    struct nx_target_task want;
    wanted(engine, t, now_us, &want);
    roll(&t->task, now_us);
    /* Without a new look the forecast only grows older: a wait that is under
     * way is not begun again, but may be cut short. */
    bool later = t->task.set && !t->fresh && want.due_us > t->task.due_us &&
                 want.visit_n == t->task.visit_n;
    t->fresh = false;
    if (!later && !fits(t, &want, now_us)) {
        set_task(t, &want);
    }
}

/* A visit that should have happened while the agent was away is due now. */
static void reanchor(struct nx_target *t, int64_t now_us) {
    struct nx_target_task again = t->task;
    bool missed = again.due_us < now_us && t->heard_us < again.due_us;
    again.due_us = missed ? now_us : occurrence(&again, now_us);
    again.first_after_ms = (uint32_t)((again.due_us - now_us) / US_PER_MS);
    again.visit_seen_n = 0;
    set_task(t, &again);
}

void nx_plan_revive(struct nx_agent_state *agent, int64_t now_us) {
    for (struct nx_target *t = agent->targets; t != NULL; t = t->agent_next) {
        if (t->task.set) {
            reanchor(t, now_us);
        }
    }
}

/* --- the plan as a message --- */

static void resolver_task(const struct nx_target *t, struct nx_task *out) {
    *out = (struct nx_task){
        .kind = NX_TASK_RESOLVER,
        .name = t->item->spec->name,
        .qtype = t->item->spec->qtype,
        .has_endpoint = true,
        .endpoint = t->question.to,
        .first_after_ms = t->task.first_after_ms,
        .interval_ms = t->task.interval_ms,
        .visit_n = t->task.visit_n,
        .visit_gap_ms = NX_VISIT_GAP_MS,
        .authority_verified = true,
        .authority_epoch = nx_authority_facts(t->item->authority)->epoch,
    };
    out->endpoint.server_name = NULL; /* TLS names are the agent's own */
}

static size_t resolver_tasks(const struct nx_agent_state *agent,
                             struct nx_task *tasks, size_t cap) {
    size_t n = 0;
    for (const struct nx_target *t = agent->targets; t != NULL && n < cap;
         t = t->agent_next) {
        if (!t->item->over && !t->unlisted && nx_plan_allowed(t->item) &&
            t->task.set) {
            resolver_task(t, &tasks[n++]);
        }
    }
    return n;
}

static struct nx_task authority_task(const struct nx_engine *engine,
                                     const struct nx_case *c,
                                     const struct nx_item *item) {
    return (struct nx_task){
        .kind = NX_TASK_AUTHORITY,
        .name = item->spec->name,
        .qtype = item->spec->qtype,
        .interval_ms = engine->settings.authority_interval_ms,
        .visit_n = 1,
        .audit = c->incident.id,
    };
}

/* Servers that left the zone's set: no walk leads to them. */
static size_t left_tasks(const struct nx_engine *engine,
                         const struct nx_case *c, const struct nx_item *item,
                         struct nx_task *tasks, size_t cap) {
    uint64_t changes_n = 0;
    size_t left_n = 0;
    const struct nx_left_server *left =
        nx_authority_left(item->authority, &left_n, &changes_n);
    size_t n = 0;
    for (size_t i = 0; i < left_n && n < cap; i++) {
        tasks[n] = authority_task(engine, c, item);
        tasks[n].has_endpoint = true;
        tasks[n].endpoint = left[i].at;
        tasks[n++].endpoint.layer = NX_LAYER_AUTHORITY;
    }
    return n;
}

static size_t walk_tasks(const struct nx_engine *engine,
                         const struct nx_case *c, const struct nx_item *item,
                         struct nx_task *tasks, size_t cap) {
    if (cap > 0) {
        tasks[0] = authority_task(engine, c, item);
    }
    return cap > 0 ? 1 : 0;
}

typedef size_t nx_item_tasks(const struct nx_engine *engine,
                             const struct nx_case *c,
                             const struct nx_item *item, struct nx_task *tasks,
                             size_t cap);

static size_t for_items(const struct nx_engine *engine, nx_item_tasks *make,
                        struct nx_task *tasks, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_case *c = engine->cases[i];
        unsigned items_n = nx_case_open(c) ? c->incident.items_n : 0;
        for (unsigned k = 0; k < items_n; k++) {
            n += make(engine, c, &c->items[k], &tasks[n], cap - n);
        }
    }
    return n;
}

/* All walks first: one that is left out sees nothing of what it should. */
static size_t authority_tasks(const struct nx_engine *engine,
                              struct nx_task *tasks, size_t cap) {
    size_t n = for_items(engine, walk_tasks, tasks, cap);
    return n + for_items(engine, left_tasks, &tasks[n], cap - n);
}

static size_t tasks_cap(const struct nx_engine *engine,
                        const struct nx_agent_state *agent) {
    size_t n = 0;
    for (const struct nx_target *t = agent->targets; t != NULL;
         t = t->agent_next) {
        n++;
    }
    for (size_t i = 0; nx_agent_audits(agent) && i < engine->cases_n; i++) {
        n += engine->cases[i]->incident.items_n * (1U + NX_LEFT_MAX);
    }
    n += nx_canaries_tasks_max(engine);
    return n > NX_PLAN_TASKS_MAX ? NX_PLAN_TASKS_MAX : n;
}

int nx_engine_plan(struct nx_engine *engine, uint32_t agent_id, int64_t now_us,
                   struct nx_arena *arena, struct nx_plan *out) {
    struct nx_agent_state *agent = nx_agents_find(engine, agent_id);
    if (agent == NULL) {
        return NX_ENOTFOUND;
    }
    *out = (struct nx_plan){.revision = agent->plan_revision,
                            .valid_s = engine->settings.plan_valid_s};
    size_t cap = tasks_cap(engine, agent);
    struct nx_task *tasks =
        nx_arena_alloc(arena, cap > 0 ? cap : 1, sizeof(*tasks));
    if (tasks == NULL) {
        return NX_ENOMEM;
    }
    size_t n = nx_agent_audits(agent) ? authority_tasks(engine, tasks, cap)
                                      : resolver_tasks(agent, tasks, cap);
    n += nx_canaries_tasks(engine, agent, arena, &tasks[n], cap - n);
    (void)now_us; /* tasks count from the receipt of the plan that made them */
    out->tasks = tasks;
    out->tasks_n = n;
    return 0;
}

/* --- publishing --- */

static bool expires_soon(const struct nx_engine *engine,
                         const struct nx_agent_state *agent, int64_t now_us) {
    int64_t valid_us =
        (int64_t)engine->settings.plan_valid_s * 1000 * US_PER_MS;
    return agent->plan_revision != 0 &&
           now_us - agent->plan_at_us >= valid_us / 2;
}

void nx_plans_publish(struct nx_engine *engine, int64_t now_us,
                      const struct nx_engine_sink *sink) {
    engine->withdrawn = false;
    for (struct nx_agent_state *a = engine->agents; a != NULL; a = a->hh.next) {
        if (a->plan_dirty || expires_soon(engine, a, now_us)) {
            /* Time keeps revisions growing over a restart. */
            uint64_t least = now_us > 0 ? (uint64_t)(now_us / US_PER_MS) : 1;
            a->plan_revision =
                a->plan_revision + 1 > least ? a->plan_revision + 1 : least;
            a->plan_at_us = now_us;
        } else if (!a->plan_announce) {
            continue;
        }
        a->plan_dirty = false;
        a->plan_announce = false;
        if (a->agent.accepted && sink != NULL && sink->plan_changed != NULL) {
            sink->plan_changed(sink->user, a->agent.id);
        }
    }
}
