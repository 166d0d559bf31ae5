/* What status reads of targets. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "collector/engine/planner.h"
#include "collector/engine/targets.h"

/* Of one agent. */
static int by_place(const void *a, const void *b) {
    const struct nx_target *x = *(struct nx_target *const *)a;
    const struct nx_target *y = *(struct nx_target *const *)b;
    int order = (int)x->key.address_len - (int)y->key.address_len;
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

_Static_assert(offsetof(struct nx_target_view, verdict) +
                       sizeof(struct nx_verdict) ==
                   sizeof(struct nx_target_view),
               "nx_target_view_copy copies what is before the verdict");

void nx_target_view_copy(const struct nx_target_view *from,
                         struct nx_target_view *to) {
    memcpy(to, from, offsetof(struct nx_target_view, verdict));
    nx_verdict_copy(&from->verdict, &to->verdict);
}

/* Does the agent get answers from another resolver that its network uses? */
static bool is_served(const struct nx_target *t) {
    const struct nx_target *other = t->agent->targets;
    for (; other != NULL; other = other->agent_next) {
        if (other != t && other->item == t->item && other->judged &&
            nx_layer_serves(other->question.to.layer) &&
            !nx_state_is_unverified(other->verdict.state)) {
            return true;
        }
    }
    return false;
}

/* Silence is no all-clear; but past its bound a resolver that gives its users
 * nothing holds no denial that it could give them when it is back. */
static bool is_set_aside(const struct nx_target *t, const struct nx_verdict *v,
                         int64_t now_us) {
    const struct nx_hard *latest = nx_verdict_latest(v);
    return (v->state == NX_STATE_UNREACHABLE || v->state == NX_STATE_REFUSED) &&
           latest->reason != NX_HARD_NONE && latest->at_us < now_us &&
           !t->denied_late && is_served(t);
}

static void show(struct nx_engine *engine, struct nx_target *t, int64_t now_us,
                 bool as_judged, struct nx_target_view *out) {
    out->agent_id = t->agent->agent.id;
    out->question = &t->question;
    out->item = t->item->index;
    out->agent_heard = t->agent_heard;
    out->since_us = t->since_us;
    out->nsid_hash = t->nsid_hash;
    out->denied_name = out->denied_by = NULL;
    out->apex = nx_authority_apex(t->item->authority);
    out->ancestor = nx_authority_ancestor(t->item->authority);
    nx_verdict_copy(&t->verdict, &out->verdict);
    if (t->denied != NULL && t->denied->alias) {
        out->denied_name = t->denied->name;
    }
    if (t->denied != NULL && t->denied->other_zone) {
        out->denied_by = t->denied->zone;
    }
    if (current(engine, t, now_us) || (as_judged && t->judged)) {
        out->set_aside = is_set_aside(t, &out->verdict, now_us);
        return;
    }
    nx_target_judge(engine, t, now_us, &out->verdict);
    out->set_aside = is_set_aside(t, &out->verdict, now_us);
    if (!t->judged || t->revised || out->verdict.state != t->verdict.state) {
        out->since_us = nx_target_since(engine, t, out->verdict.state, now_us);
    }
    out->agent_heard = t->agent_heard;
}

static size_t count(const struct nx_case *c) {
    size_t n = 0;
    for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
        n += c->items[k].targets_n;
    }
    return n;
}

/* Visits what the case has, and nothing of other cases, agents without a target
 * of it neither: begins[rank + 1] becomes how many the agent has. */
static void count_agents(const struct nx_case *c, size_t *begins) {
    for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
        const struct nx_target *t = c->items[k].targets;
        for (; t != NULL; t = t->item_next) {
            begins[t->agent->rank + 1]++;
        }
    }
}

/* begins[rank]: where the agent's go; then: where they end. */
static void place(const struct nx_case *c, size_t *begins) {
    for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
        struct nx_target *t = c->items[k].targets;
        for (; t != NULL; t = t->item_next) {
            c->order[begins[t->agent->rank]++] = t;
        }
    }
}

static void sort_each(const struct nx_case *c) {
    size_t from = 0;
    for (size_t i = 1; i <= c->order_n; i++) {
        if (i == c->order_n || c->order[i]->agent != c->order[from]->agent) {
            qsort(c->order + from, i - from, sizeof(struct nx_target *),
                  by_place);
            from = i;
        }
    }
}

/* The targets of a case in order, kept until some come or go: agents are in
 * order already. */
static int in_order(struct nx_engine *engine, struct nx_case *c) {
    if (c->ordered) {
        return 0;
    }
    size_t n = count(c);
    struct nx_target **order =
        realloc(c->order, (n + 1) * sizeof(struct nx_target *));
    if (order == NULL) {
        return NX_ENOMEM;
    }
    c->order = order;
    c->order_n = 0;
    size_t *begins = nx_agents_in_order(engine)
                         ? calloc(engine->by_network_n + 1, sizeof(*begins))
                         : NULL;
    if (begins == NULL) {
        return NX_ENOMEM;
    }
    count_agents(c, begins);
    for (size_t i = 0; i < engine->by_network_n; i++) {
        begins[i + 1] += begins[i];
    }
    place(c, begins);
    free(begins);
    c->order_n = n;
    sort_each(c);
    c->ordered = true;
    return 0;
}

/* Where the targets of the networks from that name on begin. */
static size_t begin_of(const struct nx_case *c, const char *network) {
    size_t lo = 0;
    size_t hi = c->order_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(c->order[mid]->agent->agent.network, network) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

int nx_engine_targets_of(struct nx_engine *engine, uint32_t incident_id,
                         const char *network, int64_t now_us, bool as_judged,
                         void (*visit)(void *user,
                                       const struct nx_target_view *target),
                         void *user) {
    struct nx_case *c = nx_cases_find(engine, incident_id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    int err = in_order(engine, c);
    for (size_t i = err == 0 ? begin_of(c, network) : SIZE_MAX;
         err == 0 && i < c->order_n &&
         strcmp(c->order[i]->agent->agent.network, network) == 0;
         i++) {
        struct nx_target_view view;
        show(engine, c->order[i], now_us, as_judged, &view);
        visit(user, &view);
    }
    return err;
}

int nx_engine_verdicts(struct nx_engine *engine, uint32_t incident_id,
                       int64_t now_us, size_t judge_max,
                       void (*visit)(void *user, const struct nx_agent *agent,
                                     const struct nx_endpoint *at,
                                     const struct nx_verdict *verdict),
                       void *user) {
    struct nx_case *c = nx_cases_find(engine, incident_id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    int err = in_order(engine, c);
    for (size_t i = 0; err == 0 && i < c->order_n; i++) {
        struct nx_target *t = c->order[i];
        const struct nx_verdict *verdict = t->judged ? &t->verdict : NULL;
        struct nx_verdict now;
        if (judge_max > 0 && !current(engine, t, now_us)) {
            nx_target_judge(engine, t, now_us, &now);
            verdict = &now;
            judge_max--;
        }
        if (verdict == NULL || !is_set_aside(t, verdict, now_us)) {
            visit(user, &t->agent->agent, &t->question.to, verdict);
        }
    }
    return err;
}

void nx_engine_backlog(const struct nx_engine *engine, size_t *targets_n,
                       size_t *waiting_n) {
    *targets_n = engine->targets_n;
    *waiting_n = engine->targets_n - engine->settled_n;
}

void nx_engine_backlog_of(const struct nx_engine *engine, uint32_t incident_id,
                          size_t *targets_n, size_t *waiting_n) {
    const struct nx_case *c = nx_cases_find(engine, incident_id);
    *targets_n = *waiting_n = 0;
    if (c == NULL || !nx_case_open(c)) {
        return;
    }
    for (unsigned i = 0; i < c->incident.items_n; i++) {
        *targets_n += c->items[i].targets_n;
        *waiting_n += c->items[i].targets_n - c->items[i].settled_n;
    }
}

int nx_engine_changed(struct nx_engine *engine, uint32_t incident_id,
                      void (*visit)(void *user, const struct nx_agent *agent,
                                    const struct nx_endpoint *at,
                                    int64_t changed_us),
                      void *user) {
    struct nx_case *c = nx_cases_find(engine, incident_id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    int err = in_order(engine, c);
    for (size_t i = 0; err == 0 && i < c->order_n; i++) {
        const struct nx_target *t = c->order[i];
        int64_t changed_us = t->changed_us > t->item->changed_us
                                 ? t->changed_us
                                 : t->item->changed_us;
        visit(user, &t->agent->agent, &t->question.to,
              t->judged ? changed_us : INT64_MIN);
    }
    return err;
}
