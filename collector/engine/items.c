/* What an incident asks about: targets of it, room for them, its end. */
#include <stdlib.h>

#include "collector/engine/engine_priv.h"
#include "collector/engine/planner.h"
#include "collector/engine/targets.h"

/* From a look for room to the next one. */
#define FIT_EVERY_US INT64_C(10000000)

int nx_item_targets(struct nx_engine *engine, struct nx_item *item,
                    struct nx_agent_state *agent) {
    if (!nx_agent_probes(agent) || item->owner->incident.audit) {
        return 0;
    }
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        struct nx_target *target = NULL;
        if (!nx_endpoint_takes(&agent->resolvers[i], item->spec->name,
                               item->spec->qtype)) {
            continue;
        }
        int err =
            nx_targets_make(engine, agent, item, &agent->resolvers[i], &target);
        if (err == NX_ELIMIT) {
            engine->counts.no_room_n++;
            item->crowded = true;
        } else if (err != 0) {
            return err;
        }
    }
    return 0;
}

/* Room may have come since, or who had none may be gone. */
static void item_fit(struct nx_engine *engine, struct nx_item *item) {
    item->crowded = false;
    struct nx_agent_state *agent = engine->agents;
    for (; agent != NULL; agent = agent->hh.next) {
        if (nx_item_targets(engine, item, agent) != 0) {
            item->crowded = true;
            return;
        }
    }
}

/* One in a turn, the one that waited longest. */
void nx_cases_fit(struct nx_engine *engine, int64_t now_us) {
    struct nx_item *next = NULL;
    for (size_t i = 0; i < engine->cases_n; i++) {
        struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            struct nx_item *item = &c->items[k];
            if (item->crowded &&
                (next == NULL || item->fit_us < next->fit_us)) {
                next = item;
            }
        }
    }
    if (next != NULL && now_us >= next->fit_us) {
        next->fit_us = now_us + FIT_EVERY_US;
        item_fit(engine, next);
    }
}

static bool lacks_room(const struct nx_engine *engine,
                       const struct nx_item *item,
                       const struct nx_agent_state *agent) {
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        const struct nx_endpoint *at = &agent->resolvers[i];
        if (nx_layer_serves(at->layer) &&
            nx_endpoint_takes(at, item->spec->name, item->spec->qtype) &&
            nx_targets_find(engine, agent, item, at) == NULL) {
            return true;
        }
    }
    return false;
}

bool nx_engine_no_room(const struct nx_engine *engine, uint32_t incident_id,
                       uint32_t agent_id) {
    const struct nx_case *c = nx_cases_find(engine, incident_id);
    const struct nx_agent_state *agent = nx_agents_find(engine, agent_id);
    struct nx_labels own;
    if (c == NULL || agent == NULL || !nx_agent_probes(agent)) {
        return false;
    }
    nx_engine_agent_labels(engine, &agent->agent, &own);
    if (!(own.weight > 0)) {
        return false; /* it does not count for its network */
    }
    for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
        if (c->items[k].crowded && lacks_room(engine, &c->items[k], agent)) {
            return true;
        }
    }
    return false;
}

bool nx_engine_crowded(const struct nx_engine *engine) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            if (c->items[k].crowded) {
                return true;
            }
        }
    }
    return false;
}

int nx_item_init(struct nx_engine *engine, struct nx_case *c, unsigned index) {
    struct nx_item *item = &c->items[index];
    item->id = ++engine->items_made;
    item->owner = c;
    item->index = index;
    item->spec = &c->incident.items[index];
    item->expect = (struct nx_expect){.rdata = item->spec->rdata,
                                      .rdata_len = item->spec->rdata_len,
                                      .rdata_n = item->spec->rdata_n};
    int err = nx_authority_new(&item->authority);
    if (err == 0) {
        err = nx_topic_join(engine, item);
    }
    struct nx_agent_state *agent = engine->agents;
    for (; agent != NULL && err == 0; agent = agent->hh.next) {
        err = nx_item_targets(engine, item, agent);
    }
    return err;
}

/* Nobody asks for them any more. */
static void touch_askers(struct nx_engine *engine, const struct nx_case *c) {
    struct nx_agent_state *a = engine->agents;
    for (; a != NULL; a = a->hh.next) {
        const struct nx_target *t = a->targets; /* the newest ones first */
        while (t != NULL && t->item->owner != c) {
            t = t->agent_next;
        }
        if (t != NULL) {
            nx_plan_touch(a);
        }
    }
}

/* What is left of them are targets, which nobody finds. */
void nx_items_end(struct nx_engine *engine, struct nx_case *c) {
    touch_askers(engine, c);
    for (unsigned i = 0; c->items != NULL && i < c->incident.items_n; i++) {
        struct nx_item *item = &c->items[i];
        if (item->authority != NULL) {
            nx_topic_leave(engine, item);
        }
        nx_authority_free(&item->authority);
        item->over = true;
    }
    c->leaving = c->items;
    c->items = NULL;
    c->ordered = false; /* of targets that nobody finds */
}

/* True: there are more. */
bool nx_items_leave(struct nx_engine *engine, struct nx_case *c, size_t *max) {
    for (unsigned i = 0; c->leaving != NULL && i < c->incident.items_n; i++) {
        struct nx_item *item = &c->leaving[i];
        for (; item->targets != NULL; --*max) {
            if (*max == 0) {
                return true;
            }
            nx_targets_drop(engine, item->targets);
        }
    }
    free(c->leaving);
    c->leaving = NULL;
    return false;
}
