/* Targets after a restart: what was kept of their verdicts. */
#include "collector/engine/engine_priv.h"
#include "collector/engine/targets.h"

static struct nx_target *target_of(const struct nx_engine *engine,
                                   const struct nx_target_past *past) {
    const struct nx_agent_state *agent = nx_agents_find(engine, past->agent_id);
    const struct nx_topic *topic =
        nx_topics_find(engine, past->question.name, past->question.qtype);
    struct nx_item *item = topic != NULL ? topic->items : NULL;
    while (item != NULL && item->owner->incident.id != past->incident_id) {
        item = item->same;
    }
    return agent != NULL && item != NULL
               ? nx_targets_find(engine, agent, item, &past->question.to)
               : NULL;
}

/* Due as before: the next tick judges it with all looks, and finds out when
 * another state began; the same one began when it is said here. */
void nx_engine_recall(struct nx_engine *engine,
                      const struct nx_target_past *past) {
    struct nx_target *t = target_of(engine, past);
    if (t == NULL || t->judged || past->since_us == NX_TIME_UNKNOWN) {
        return;
    }
    t->judged = true;
    t->judged_us = 0;
    t->revised = false;
    t->since_us = past->since_us;
    t->verdict.state = past->state;
    t->verdict.last_look_us = past->seen_us;
    t->verdict.doubt_us = past->doubt_us;
}

int nx_engine_state_at(struct nx_engine *engine,
                       const struct nx_target_past *past, int64_t at_us,
                       unsigned *out) {
    struct nx_target *t = target_of(engine, past);
    struct nx_verdict verdict;
    if (t == NULL) {
        return NX_ENOTFOUND;
    }
    nx_target_judge(engine, t, at_us, &verdict);
    *out = verdict.state;
    return NX_OK;
}
