/* Verdicts of targets, when they are due. */
#include <string.h>

#include "collector/engine/canaries.h"
#include "collector/engine/doubt.h"
#include "collector/engine/planner.h"
#include "collector/engine/targets.h"

#define US_PER_S INT64_C(1000000)
/* A verdict is worked out at least so often. */
#define IDLE_US (30 * US_PER_S)
#define IDLE_TURNS 64
#define SHOWN_ANEW_US (120 * US_PER_S)
/* About what that costs, and the part of the time it may take: 1/SHARE. */
#define EVALUATION_US INT64_C(20)
#define SHARE 5
#define POINT_MOVED_US US_PER_S

/* Has the agent said anything lately? It says hello when it is idle, so a
 * silent one is away. */
static bool heard(const struct nx_engine *engine,
                  const struct nx_agent_state *agent, int64_t now_us) {
    return agent->last_seen_us != NX_TIME_UNKNOWN &&
           now_us - agent->last_seen_us <=
               engine->settings.diagnosis.silent_after_us;
}

/* The habits of the target's resolver, after its n looks in scratch. */
static enum nx_family profile_of(const struct nx_engine *engine,
                                 const struct nx_target *t, size_t n,
                                 struct nx_profile *out) {
    *out = *nx_canaries_profile(engine, t->agent, &t->question.to);
    enum nx_family family = nx_family_of(out, engine->scratch, n);
    nx_learnt_apply(&t->item->owner->incident.learnt, family, out);
    return family;
}

void nx_target_judge(struct nx_engine *engine, struct nx_target *t,
                     int64_t now_us, struct nx_verdict *out) {
    size_t n = nx_doubted_looks(engine, t, engine->scratch);
    struct nx_profile profile;
    enum nx_family family = profile_of(engine, t, n, &profile);
    struct nx_diagnosis_settings settings = engine->settings.diagnosis;
    t->agent_heard = heard(engine, t->agent, now_us);
    settings.agent_away =
        t->unlisted || (engine->settings.presence && !t->agent_heard &&
                        now_us - engine->woke_us > settings.silent_after_us);
    nx_diagnose(&settings, engine->scratch, n,
                nx_authority_facts(t->item->authority), &profile, now_us,
                t->judged ? &t->verdict : NULL, out);
    out->verified = profile.verified;
    out->family = (uint8_t)family;
    if (t->unlisted && (out->unknown_reason == NX_UNKNOWN_AGENT_SILENT ||
                        out->unknown_reason == NX_UNKNOWN_GUARDED)) {
        out->unknown_reason = t->agent->agent.accepted
                                  ? NX_UNKNOWN_NOT_LISTED /* or audits now */
                                  : NX_UNKNOWN_AGENT_REVOKED;
    }
}

/* When was the newest look that tells anything of the name? */
static int64_t told_us(const struct nx_engine *engine, size_t n) {
    while (n > 0 && !nx_kind_tells_of_name(engine->scratch[n - 1].kind)) {
        n--;
    }
    return n > 0 ? engine->scratch[n - 1].rx_us : NX_TIME_UNKNOWN;
}

/* Where no bound is known: a denial that was fetched just before that look, and
 * handed on once. */
static int64_t latest_us(const struct nx_target *t, const struct nx_verdict *v,
                         int64_t look_us) {
    const struct nx_auth_facts *f = nx_authority_facts(t->item->authority);
    const struct nx_hard *latest = nx_verdict_latest(v);
    if (f->restored_hi_us == NX_TIME_UNKNOWN) {
        return INT64_MAX; /* it goes on */
    }
    int64_t from_us = look_us > f->restored_hi_us ? look_us : f->restored_hi_us;
    return latest->reason != NX_HARD_NONE && !t->denied_late
               ? latest->at_us
               : from_us + 2 * nx_longest_life_us(f);
}

/* Just after it was judged, whose looks are in scratch. Looks that tell nothing
 * do not take the bound back that others had told. */
static void note_until(const struct nx_engine *engine, struct nx_target *t,
                       const struct nx_verdict *v) {
    int64_t look_us = told_us(engine, t->looks_n);
    if (t->unlisted || look_us == NX_TIME_UNKNOWN) {
        return;
    }
    int64_t until_us = latest_us(t, v, look_us);
    t->until_us = until_us < INT64_MAX ? until_us : NX_TIME_UNKNOWN;
}

/* Was it seen otherwise than clear, and may what its resolver has cached then
 * still be there? */
static bool may_deny(const struct nx_target *t, const struct nx_verdict *v,
                     int64_t now_us) {
    int64_t until_us = latest_us(t, v, t->told_us);
    return v->state != NX_STATE_CLEAR && t->told_us != NX_TIME_UNKNOWN &&
           now_us <= nx_time_later(until_us, t->until_us);
}

bool nx_target_keep(struct nx_engine *engine, struct nx_target *t,
                    int64_t now_us) {
    struct nx_verdict v;
    nx_target_judge(engine, t, now_us, &v);
    note_until(engine, t, &v);
    return may_deny(t, &v, now_us);
}

/* What states of the past are judged by. */
struct past {
    struct nx_profile profile; /* what is learnt of families makes no state */
    struct nx_auth_facts facts, before_restored;
};

static void past_of(const struct nx_engine *engine, const struct nx_target *t,
                    struct past *out) {
    out->profile = *nx_canaries_profile(engine, t->agent, &t->question.to);
    out->facts = out->before_restored = *nx_authority_facts(t->item->authority);
    out->before_restored.all_ns_good = false;
    out->before_restored.verified = false;
    out->before_restored.restored_lo_us = NX_TIME_UNKNOWN;
    out->before_restored.restored_hi_us = NX_TIME_UNKNOWN;
}

/* What was to be known of the servers at an instant before now. */
static const struct nx_auth_facts *facts_at(const struct past *past,
                                            int64_t at_us) {
    int64_t restored_us = past->facts.restored_hi_us;
    return restored_us != NX_TIME_UNKNOWN && at_us < restored_us
               ? &past->before_restored
               : &past->facts;
}

/* The state after the first n looks at an instant; `memory`: of the evaluation
 * before. */
static unsigned state_then(const struct nx_engine *engine,
                           const struct past *past, size_t n, int64_t at_us,
                           struct nx_memory *memory) {
    return nx_diagnose_state(&engine->settings.diagnosis, engine->scratch, n,
                             facts_at(past, at_us), &past->profile, at_us,
                             memory);
}

/* The first instant after the newest look at which time alone, or the servers,
 * made the state what it is; now, when none of them did. `after`: that look. */
static int64_t timer_of(const struct nx_engine *engine,
                        const struct nx_target *t, const struct past *past,
                        size_t n, int64_t from_us, int64_t now_us,
                        const struct nx_memory *after, unsigned state) {
    int64_t silent_us =
        t->heard_us + engine->settings.diagnosis.silent_after_us + 1;
    int64_t at_us[NX_LINES_MAX + 4] = {silent_us, past->facts.restored_hi_us,
                                       t->verdict.hard.at_us + 1};
    size_t at_n = 3;
    if (after->doubt_us != NX_TIME_UNKNOWN) {
        at_us[at_n++] = after->doubt_us + NX_CONFIRM_US + 1;
    }
    int64_t best_us = now_us;
    for (size_t i = 0; i < t->verdict.lines_n && i < NX_LINES_MAX; i++) {
        at_us[at_n++] = t->verdict.lines[i].b_us + 1;
    }
    for (size_t i = 0; i < at_n; i++) {
        struct nx_memory memory = nx_memory_of(&t->verdict);
        if (at_us[i] > from_us && at_us[i] < best_us &&
            state_then(engine, past, n, at_us[i], &memory) == state) {
            best_us = at_us[i];
        }
    }
    return best_us;
}

/* When did the state begin? By the looks and the clock's rules, not by the
 * tick that found it, so that a collector that was started again says the
 * same. */
int64_t nx_target_since(struct nx_engine *engine, const struct nx_target *t,
                        unsigned state, int64_t now_us) {
    size_t n = nx_doubted_looks(engine, t, engine->scratch);
    int64_t since_us = t->item->owner->incident.opened_us;
    int64_t last_us = NX_TIME_UNKNOWN;
    struct nx_memory memory = {0};
    unsigned then = NX_STATE_UNKNOWN;
    struct past past;
    past_of(engine, t, &past);
    for (size_t i = 0; i < n; i++) {
        int64_t at_us = engine->scratch[i].rx_us;
        last_us = at_us > last_us ? at_us : last_us;
        unsigned next = state_then(engine, &past, i + 1, last_us, &memory);
        since_us = next != then ? last_us : since_us;
        then = next;
    }
    if (n > 0 && then != state) {
        since_us =
            timer_of(engine, t, &past, n, last_us, now_us, &memory, state);
    }
    return since_us;
}

int64_t nx_targets_pace_us(const struct nx_engine *engine) {
    int64_t pace_us = engine->settings.evaluate_every_us;
    int64_t fair_us = (int64_t)engine->targets_n * EVALUATION_US * SHARE;
    return fair_us > pace_us ? fair_us : pace_us;
}

void nx_target_wake(struct nx_engine *engine, struct nx_target *t,
                    bool urgent) {
    int64_t pace_us = urgent ? engine->settings.evaluate_every_us
                             : nx_targets_pace_us(engine);
    int64_t due_us = t->judged ? t->judged_us + pace_us : INT64_MIN;
    if (due_us < engine->due_us[t->slot]) {
        engine->due_us[t->slot] = due_us;
    }
}

static int64_t sooner(int64_t due_us, int64_t at_us, int64_t now_us) {
    return at_us > now_us && at_us < due_us ? at_us : due_us;
}

/* Not all of those that were judged together at once again. */
static int64_t idle_us(const struct nx_target *t) {
    return IDLE_US -
           (int64_t)(t->slot % IDLE_TURNS) * (IDLE_US / IDLE_TURNS) / 2;
}

/* The next instant at which time alone may change the verdict. */
static int64_t next_due(const struct nx_engine *engine,
                        const struct nx_target *t, int64_t now_us) {
    const struct nx_verdict *v = &t->verdict;
    int64_t due_us = now_us + idle_us(t);
    due_us = sooner(due_us, nx_plan_visit_end(t, now_us), now_us);
    if (t->heard_us != NX_TIME_UNKNOWN) {
        int64_t silent_us =
            t->heard_us + engine->settings.diagnosis.silent_after_us + 1;
        due_us = sooner(due_us, silent_us, now_us);
    }
    if (t->agent_heard) {
        int64_t away_us = t->agent->last_seen_us +
                          engine->settings.diagnosis.silent_after_us + 1;
        due_us = sooner(due_us, away_us, now_us);
    }
    if (v->hard.reason != NX_HARD_NONE) {
        due_us = sooner(due_us, v->hard.at_us + 1, now_us);
    }
    if (v->doubt_us != NX_TIME_UNKNOWN) {
        due_us = sooner(due_us, v->doubt_us + NX_CONFIRM_US + 1, now_us);
    }
    for (size_t i = 0; i < v->lines_n; i++) {
        due_us = sooner(due_us, v->lines[i].b_us + 1, now_us);
    }
    return due_us;
}

static bool news(const struct nx_target *t, unsigned from_state) {
    const struct nx_eta *eta = &t->verdict.eta;
    if (t->untold || t->verdict.state != from_state) {
        return true;
    }
    if (!eta->known) {
        return false;
    }
    int64_t moved_us = eta->point_us - t->told_point_us;
    return !t->point_told || moved_us > POINT_MOVED_US ||
           moved_us < -POINT_MOVED_US;
}

static void tell(const struct nx_target *t, unsigned from_state, int64_t now_us,
                 const struct nx_engine_sink *sink) {
    if (sink != NULL && sink->transition != NULL) {
        sink->transition(sink->user, t->item->owner->incident.id,
                         t->agent->agent.id, &t->question, now_us, from_state,
                         &t->verdict, t->since_us);
    }
}

static bool between(int64_t at_us, int64_t from_us, int64_t to_us) {
    return at_us >= from_us && at_us < to_us;
}

/* Is something else to be shown of it than after the last judgement? Of equal
 * values padding may differ: then it is shown anew for nothing, and so it is
 * after a while in any case. */
static bool shows_news(const struct nx_target *t, const struct nx_verdict *now,
                       bool was_heard, int64_t now_us) {
    struct nx_verdict a = t->verdict;
    struct nx_verdict b = *now;
    a.p_clear = b.p_clear = 0; /* grows by itself, and is not shown */
    return !t->judged || was_heard != t->agent_heard ||
           memcmp(&a, &b, sizeof(a)) != 0 ||
           between(b.hard.at_us, t->judged_us, now_us) ||
           between(b.hard_stack.at_us, t->judged_us, now_us) ||
           now_us - t->changed_us >= SHOWN_ANEW_US || now_us < t->changed_us;
}

/* One address may be many servers: what another one has says nothing. */
static bool is_same_cache(const struct nx_engine *engine,
                          const struct nx_target *a,
                          const struct nx_target *b) {
    return a->nsid_hash != 0 && b->nsid_hash != 0
               ? a->nsid_hash == b->nsid_hash
               : nx_canaries_profile(engine, a->agent, &a->question.to)
                         ->caches == 1; /* 0: not known */
}

/* Did it say anything after the newest look of the other one? */
static bool told_later(struct nx_engine *engine, const struct nx_target *t,
                       const struct nx_target *than) {
    size_t n = nx_doubted_looks(engine, t, engine->scratch);
    return told_us(engine, n) > than->heard_us;
}

/* Another agent sees the same resolver clear, later than this one looked. At a
 * private address it is another resolver. */
static bool is_clear_elsewhere(struct nx_engine *engine,
                               const struct nx_target *t) {
    const struct nx_endpoint *at = &t->question.to;
    const struct nx_target *o = t->item->targets;
    bool same = false;
    for (; o != NULL && !same && !nx_endpoint_is_private(at);
         o = o->item_next) {
        same = o->judged && !o->unlisted &&
               o->verdict.state == NX_STATE_CLEAR &&
               nx_endpoint_same_server(&o->question.to, at) &&
               strcmp(o->agent->agent.network, t->agent->agent.network) == 0 &&
               is_same_cache(engine, t, o) && told_later(engine, o, t);
    }
    return same;
}

static void evaluate(struct nx_engine *engine, struct nx_target *t,
                     int64_t now_us, const struct nx_engine_sink *sink) {
    struct nx_verdict v;
    unsigned from_state = t->verdict.state;
    bool was_heard = t->agent_heard;
    nx_target_judge(engine, t, now_us, &v);
    note_until(engine, t, &v);
    if (shows_news(t, &v, was_heard, now_us) || t->revised) {
        t->changed_us = now_us;
    }
    t->verdict = v;
    if (v.wants_canary) {
        nx_canaries_want(engine, t->agent, &t->question.to, now_us);
    }
    if (!t->judged || t->revised || v.state != from_state) {
        t->since_us = nx_target_since(engine, t, v.state, now_us);
    }
    engine->settled_n += t->settled ? 0 : 1;
    t->item->settled_n += t->settled ? 0 : 1;
    t->settled = true;
    t->judged = true;
    t->stale = false;
    t->revised = false;
    t->judged_us = now_us;
    if (news(t, from_state)) {
        t->point_told = v.eta.known;
        t->told_point_us = v.eta.point_us;
        t->untold = false;
        tell(t, from_state, now_us, sink);
    }
    bool over = t->unlisted &&
                (!may_deny(t, &v, now_us) ||
                 (!nx_agent_probes(t->agent) && is_clear_elsewhere(engine, t)));
    engine->over_n += over ? 1 : 0;
    engine->over_n -= t->over ? 1 : 0;
    t->over = over;
    nx_plan_target(engine, t, now_us);
    engine->due_us[t->slot] = next_due(engine, t, now_us);
}

/* Of a closed incident there is nothing to be judged any more. */
static void evaluate_one(struct nx_engine *engine, struct nx_target *t,
                         int64_t now_us, const struct nx_engine_sink *sink) {
    if (t->item->over) {
        engine->due_us[t->slot] = INT64_MAX;
    } else {
        evaluate(engine, t, now_us, sink);
    }
}

bool nx_targets_evaluate(struct nx_engine *engine, int64_t now_us, size_t max,
                         const struct nx_engine_sink *sink) {
    size_t left = max;
    size_t n = engine->targets_n;
    size_t at = engine->cursor < n ? engine->cursor : 0;
    for (size_t i = 0; i < n && left > 0; i++) {
        if (engine->due_us[at] <= now_us) {
            evaluate_one(engine, engine->targets[at], now_us, sink);
            left--;
        }
        at = at + 1 < n ? at + 1 : 0;
    }
    engine->cursor = at;
    return left == 0;
}
