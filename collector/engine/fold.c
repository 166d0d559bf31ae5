/* Batches into targets and authoritative sides. The fast path: a question is
 * resolved once per batch, an observation of a target costs its normalisation
 * and a place in the ring. */
#include "collector/engine/fold.h"
#include "collector/engine/canaries.h"
#include "collector/engine/planner.h"
#include "collector/engine/targets.h"
#include "common/rrtype.h"

#define US_PER_S INT64_C(1000000)
#define OLDEST_US (INT64_C(30) * 86400 * US_PER_S)
#define EARLY_US (250 * INT64_C(1000)) /* a visit may begin so much early */

enum nx_way {
    NX_WAY_STRAY,
    NX_WAY_TARGET,
    NX_WAY_AUTHORITY,
    NX_WAY_SOA, /* SOA of some zone, maybe an item's apex */
    NX_WAY_AUDIT,
    NX_WAY_CANARY,
};

bool nx_fold_was_open(const struct nx_fold *f, const struct nx_item *item) {
    return f->received_us >= item->owner->incident.opened_us;
}

static struct nx_topic *topic_of(struct nx_fold *f,
                                 const struct nx_question *question) {
    if (f->name != question->name || f->qtype != question->qtype) {
        f->name = question->name;
        f->qtype = question->qtype;
        f->topic = nx_topics_find(f->engine, question->name, question->qtype);
    }
    return f->topic;
}

static struct nx_route *route_of(struct nx_fold *f,
                                 const struct nx_question *question) {
    size_t i = (size_t)(question - f->batch->questions);
    struct nx_route *route = &f->engine->routes[i];
    if (route->batch == f->engine->batch_n) {
        return route;
    }
    struct nx_topic *topic = topic_of(f, question);
    bool authority = question->to.layer == NX_LAYER_AUTHORITY;
    *route = (struct nx_route){.batch = f->engine->batch_n,
                               .items = topic != NULL ? topic->items : NULL};
    if (authority != f->agent->agent.authority) {
        route->way = NX_WAY_STRAY;
    } else if (!authority &&
               (topic == NULL || (question->flags & NX_Q_DO) != 0) &&
               nx_canaries_own(f->engine, question)) {
        route->way = NX_WAY_CANARY;
    } else if (nx_paper_is(question) &&
               (topic == NULL || (question->flags & NX_Q_DO) != 0)) {
        route->way = NX_WAY_AUDIT;
    } else if (topic != NULL) {
        route->way = authority ? NX_WAY_AUTHORITY : NX_WAY_TARGET;
    } else {
        route->way = authority && question->qtype == NX_TYPE_SOA ? NX_WAY_SOA
                                                                 : NX_WAY_STRAY;
    }
    return route;
}

static void look_at(const struct nx_fold *f, const struct nx_item *item,
                    const struct nx_obs *obs, struct nx_look *out) {
    nx_look_from_obs(obs, &item->expect, nx_authority_apex(item->authority),
                     f->theta_us, f->eps_us, out);
}

/* From this incident's time? What was seen before belongs to another one. */
static bool timely(const struct nx_fold *f, const struct nx_item *item,
                   const struct nx_look *look) {
    int64_t opened_us = item->owner->incident.opened_us;
    return nx_fold_was_open(f, item) &&
           look->rx_us >= opened_us - f->eps_us - US_PER_S &&
           look->rx_us >= f->received_us - OLDEST_US &&
           look->rx_us <= f->received_us + f->eps_us + US_PER_S;
}

/* Of name servers only what was asked since: a question under way for another
 * incident may be of a zone that was put right just before. */
static bool asked_since(const struct nx_fold *f, const struct nx_item *item,
                        const struct nx_look *look) {
    return look->tx_us >= item->owner->incident.opened_us &&
           timely(f, item, look);
}

/* A resolver that the agent's last hello does not name is used only if it was
 * seen after that hello. */
static bool in_use(const struct nx_fold *f, const struct nx_question *question,
                   const struct nx_look *look) {
    return !f->agent->resolvers_known || look->tx_us > f->agent->hello_us ||
           nx_agent_uses(f->agent, &question->to);
}

/* A question that was asked again tells of the look before it. */
static void fold_again(struct nx_fold *f, struct nx_target *t,
                       const struct nx_look *look) {
    bool said = (look->flags & NX_LOOK_CD) != 0 ? nx_target_twin(t, look)
                                                : nx_target_sized(t, look);
    if (said) {
        t->stale = true;
        nx_target_wake(f->engine, t, true);
    }
}

/* A denial that no cache can have filled from before the restoration: this
 * resolver gets it anew, so no bound says when it is rid of it. */
static bool is_late(const struct nx_target *t, const struct nx_look *look) {
    const struct nx_auth_facts *a = nx_authority_facts(t->item->authority);
    return nx_kind_is_negative(look->kind) && nx_longest_w(a) > 0 &&
           a->restored_hi_us != NX_TIME_UNKNOWN &&
           look->tx_us > a->restored_hi_us + nx_longest_life_us(a);
}

static void fold_look(struct nx_fold *f, struct nx_target *t,
                      const struct nx_look *look) {
    bool turned = t->looks_n == 0 || look->kind != t->newest_kind;
    if (nx_target_push(t, look) != 0) {
        f->engine->counts.lost_n++; /* it, or an older look */
    }
    t->denied_late = t->denied_late || is_late(t, look);
    t->fresh = true;
    t->stale = true;
    t->revised = t->revised || look->rx_us + NX_LATE_US < t->heard_us;
    t->newest_kind = look->kind;
    t->nsid_hash = look->nsid_hash != 0 ? look->nsid_hash : t->nsid_hash;
    t->heard_us = look->rx_us > t->heard_us ? look->rx_us : t->heard_us;
    if (t->task.set && look->tx_us >= t->task.due_us - EARLY_US &&
        t->task.visit_seen_n < UINT16_MAX) {
        t->task.visit_seen_n++;
    }
    f->engine->counts.looks_n++;
    nx_target_wake(f->engine, t, turned);
}

static struct nx_target *target_for(struct nx_fold *f, struct nx_item *item,
                                    const struct nx_obs *obs,
                                    const struct nx_look *look) {
    const struct nx_endpoint *at = &obs->question->to;
    struct nx_target *t = nx_targets_next(f->engine, f->agent, item, at);
    int err = t != NULL ? 0
              : !in_use(f, obs->question, look)
                  ? NX_ESTATE
                  : nx_targets_make(f->engine, f->agent, item, at, &t);
    if (err != 0) {
        ++*(err == NX_ELIMIT   ? &f->engine->counts.no_room_n
            : err == NX_ESTATE ? &f->engine->counts.refused_n
                               : &f->engine->counts.lost_n);
        return NULL;
    }
    t->unlisted = t->unlisted || !nx_agent_probes(f->agent);
    return t;
}

static void fold_target(struct nx_fold *f, struct nx_route *route,
                        const struct nx_obs *obs) {
    for (struct nx_item *item = route->items; item != NULL; item = item->same) {
        struct nx_look look;
        look_at(f, item, obs, &look);
        if (item->owner->incident.audit || !timely(f, item, &look)) {
            f->engine->counts.untimely_n++;
            continue;
        }
        look.flags |=
            nx_given_covers(nx_authority_given(item->authority), obs->answer)
                ? NX_LOOK_OF_SERVERS
                : 0U;
        bool first = item == route->items;
        struct nx_target *t = first ? route->target : NULL;
        t = t != NULL ? t : target_for(f, item, obs, &look);
        if (t != NULL) {
            bool again =
                (look.flags & NX_LOOK_CD) != 0 || nx_look_is_sized(obs);
            (again ? fold_again : fold_look)(f, t, &look);
            nx_target_denied_by(t, obs->answer, &look);
            route->target = first ? t : route->target;
        }
    }
}

/* NXDOMAIN denies every type of the name, and all below (RFC 8020): no question
 * for those may plant it, until their own next round says otherwise. */
static void doubt_below(struct nx_fold *f, const struct nx_question *question,
                        const struct nx_look *look) {
    for (size_t i = 0; i < f->engine->cases_n; i++) {
        struct nx_case *c = f->engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            struct nx_item *item = &c->items[k];
            if (nx_dname_under(item->spec->name, question->name) &&
                nx_plan_allowed(item)) {
                nx_authority_doubt(item->authority, look->rx_us);
                nx_plan_withdraw(f->engine, item);
            }
        }
    }
}

/* The same servers are asked for what is below that name: as long as one says
 * that there is no such name, though nobody say so of the other. */
static int fold_above(struct nx_fold *f, const struct nx_obs *obs) {
    const uint8_t *above = obs->question->name;
    int err = 0;
    for (size_t i = 0; i < f->engine->cases_n; i++) {
        struct nx_case *c = f->engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            struct nx_item *item = &c->items[k];
            const uint8_t *name = item->spec->name;
            if (err != 0 || !nx_dname_under(name, above) ||
                nx_dname_equal(name, above)) {
                continue;
            }
            struct nx_look look;
            look_at(f, item, obs, &look);
            bool allowed = nx_plan_allowed(item);
            err = asked_since(f, item, &look)
                      ? nx_authority_above(item->authority, f->agent->agent.id,
                                           obs, look.rx_us)
                      : 0;
            if (allowed && !nx_plan_allowed(item)) {
                nx_plan_withdraw(f->engine, item);
            }
        }
    }
    return err;
}

static int fold_answer(struct nx_fold *f, const struct nx_route *route,
                       const struct nx_obs *obs) {
    for (struct nx_item *item = route->items; item != NULL; item = item->same) {
        struct nx_look look;
        look_at(f, item, obs, &look);
        if (asked_since(f, item, &look)) {
            bool allowed = nx_plan_allowed(item);
            nx_authority_answer(item->authority, f->agent->agent.id, obs,
                                &look);
            f->engine->counts.authority_n++;
            if (allowed && !nx_plan_allowed(item)) {
                nx_plan_withdraw(f->engine, item);
                if (look.kind == NX_KIND_NXDOMAIN &&
                    (look.flags & NX_LOOK_CNAME) == 0) {
                    doubt_below(f, obs->question, &look);
                }
            }
        } else {
            f->engine->counts.untimely_n++;
        }
    }
    return fold_above(f, obs);
}

static void fold_soa_item(struct nx_fold *f, struct nx_item *item,
                          const struct nx_obs *obs) {
    struct nx_look look;
    look_at(f, item, obs, &look);
    if (asked_since(f, item, &look)) {
        nx_authority_soa(item->authority, f->agent->agent.id, obs, &look);
        f->engine->counts.authority_n++;
    } else {
        f->engine->counts.untimely_n++;
    }
}

/* Of whatever type the items are: false when there is none of that zone. */
static bool fold_soa(struct nx_fold *f, const struct nx_obs *obs) {
    bool wanted = false;
    for (size_t i = 0; i < f->engine->cases_n; i++) {
        struct nx_case *c = f->engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            const uint8_t *apex = nx_authority_apex(c->items[k].authority);
            if (apex != NULL && nx_dname_equal(apex, obs->question->name)) {
                fold_soa_item(f, &c->items[k], obs);
                wanted = true;
            }
        }
    }
    return wanted;
}

static int fold_paper(struct nx_fold *f, const struct nx_obs *obs) {
    for (size_t i = 0; i < f->engine->cases_n; i++) {
        struct nx_case *c = f->engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            struct nx_item *item = &c->items[k];
            struct nx_look look;
            look_at(f, item, obs, &look);
            bool allowed = nx_plan_allowed(item);
            int err =
                !asked_since(f, item, &look)
                    ? 0
                    : nx_authority_paper(item->authority, f->agent->agent.id,
                                         item->spec->name, item->spec->qtype,
                                         obs, look.rx_us);
            if (err != 0) {
                return err;
            }
            if (allowed && !nx_plan_allowed(item)) {
                nx_plan_withdraw(f->engine, item);
            }
        }
    }
    return 0;
}

static void fold_canary(struct nx_fold *f, const struct nx_obs *obs) {
    const struct nx_agent *agent = &f->agent->agent;
    bool taken = nx_book_look(f->engine->book, agent->network, agent->id, obs,
                              f->theta_us, f->eps_us);
    f->engine->counts.canaries_n += taken ? 1 : 0;
    f->engine->counts.strays_n += taken ? 0 : 1; /* of a run that is over */
}

/* The audit asks for them with DO, which shows their signatures and is larger.
 */
static bool is_of_keys(const struct nx_question *question) {
    return question->qtype == NX_TYPE_DNSKEY || question->qtype == NX_TYPE_DS;
}

/* Whatever the zone. */
static void note_reached(struct nx_fold *f, const struct nx_obs *obs) {
    const struct nx_endpoint *at = &obs->question->to;
    if (at->layer == NX_LAYER_AUTHORITY &&
        obs->answer->outcome == NX_ANSWERED) {
        f->agent->reached |= nx_auth_family(at);
    }
}

static int fold_obs(struct nx_fold *f, const struct nx_obs *obs) {
    int err = 0;
    if (obs->tx_mono_us < -NX_FOLD_SANE_US ||
        obs->rx_mono_us > NX_FOLD_SANE_US) {
        f->engine->counts.untimely_n++;
        return 0;
    }
    note_reached(f, obs);
    struct nx_route *route = route_of(f, obs->question);
    switch ((enum nx_way)route->way) {
    case NX_WAY_STRAY:
        f->engine->counts.strays_n++;
        break;
    case NX_WAY_CANARY:
        fold_canary(f, obs);
        break;
    case NX_WAY_TARGET:
        fold_target(f, route, obs);
        break;
    case NX_WAY_AUTHORITY:
        err = nx_fold_delegations(f, obs->tx_mono_us);
        err = err == 0 ? fold_answer(f, route, obs) : err;
        if (err == 0 && obs->question->qtype == NX_TYPE_SOA) {
            (void)fold_soa(f, obs); /* an item of that type */
        }
        /* An item may ask the audit's own question. */
        if (err == 0 && nx_paper_is(obs->question) &&
            !is_of_keys(obs->question)) {
            err = fold_paper(f, obs);
        }
        break;
    case NX_WAY_SOA:
        err = nx_fold_delegations(f, obs->tx_mono_us);
        f->engine->counts.strays_n += fold_soa(f, obs) ? 0 : 1;
        break;
    case NX_WAY_AUDIT:
        err = nx_fold_delegations(f, obs->tx_mono_us);
        err = err == 0 ? fold_paper(f, obs) : err;
        f->engine->counts.authority_n++;
        break;
    }
    return err;
}

static void note_batch(struct nx_agent_state *a, const struct nx_batch *batch,
                       size_t skip, int64_t received_us) {
    a->last_seen_us = received_us;
    a->last_result_us = received_us;
    a->clock = batch->clock;
    a->results_n += batch->obs_n - skip;
}

static int fold_all(struct nx_fold *f, size_t skip) {
    bool audits = f->agent->agent.authority;
    int err = audits ? nx_fold_first_sets(f) : 0;
    for (size_t i = skip; i < f->batch->obs_n && err == 0; i++) {
        err = fold_obs(f, &f->batch->obs[i]);
    }
    return audits && err == 0 ? nx_fold_delegations(f, INT64_MAX) : err;
}

static int fold_batch(struct nx_engine *engine, uint32_t agent_id,
                      const struct nx_batch *batch, size_t skip,
                      int64_t received_us, bool again) {
    struct nx_agent_state *agent = nx_agents_find(engine, agent_id);
    if (agent == NULL) {
        return NX_ENOTFOUND;
    }
    bool believed = agent->agent.accepted ||
                    (again && received_us < agent->agent.revoked_us);
    skip = skip < batch->obs_n ? skip : batch->obs_n;
    if (!believed || batch->questions_n > NX_BATCH_QUESTIONS_MAX) {
        engine->counts.revoked_n += batch->obs_n - skip;
        return 0;
    }
    struct nx_fold f = {.engine = engine,
                        .agent = agent,
                        .batch = batch,
                        .received_us = received_us};
    nx_agent_clock(agent, batch->epoch, &batch->clock, received_us, &f.theta_us,
                   &f.eps_us);
    note_batch(agent, batch, skip, received_us);
    engine->batch_n++;
    return fold_all(&f, skip);
}

int nx_engine_batch(struct nx_engine *engine, uint32_t agent_id,
                    const struct nx_batch *batch, size_t skip,
                    int64_t received_us) {
    return fold_batch(engine, agent_id, batch, skip, received_us, false);
}

int nx_engine_batch_again(struct nx_engine *engine, uint32_t agent_id,
                          const struct nx_batch *batch, size_t skip,
                          int64_t received_us) {
    return fold_batch(engine, agent_id, batch, skip, received_us, true);
}
