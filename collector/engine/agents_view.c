/* The agents as others see them, in order. */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/engine_priv.h"

static int by_network(const void *a, const void *b) {
    const struct nx_agent *x = &(*(struct nx_agent_state *const *)a)->agent;
    const struct nx_agent *y = &(*(struct nx_agent_state *const *)b)->agent;
    int order = strcmp(x->network, y->network);
    order = order != 0 ? order : strcmp(x->name, y->name);
    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static struct nx_agent_view view_of(const struct nx_agent_state *a) {
    return (struct nx_agent_view){
        .agent = &a->agent,
        .connected_once = a->connected_once,
        .last_seen_us = a->last_seen_us,
        .last_result_us = a->last_result_us,
        .offset_us = a->clock.offset_us,
        .wall_offset_us = nx_agent_wall_offset_us(&a->clock),
        .offset_error_us = a->clock.offset_error_us,
        .offset_known = a->clock.offset_known,
        .resolvers = a->resolvers,
        .resolvers_n = a->resolvers_n,
        .results_n = a->results_n,
        .software = a->software,
    };
}

int nx_engine_agent(const struct nx_engine *engine, uint32_t agent_id,
                    struct nx_agent_view *out) {
    const struct nx_agent_state *a = nx_agents_find(engine, agent_id);
    if (a == NULL) {
        return NX_ENOTFOUND;
    }
    *out = view_of(a);
    return 0;
}

/* All, by network and name; NULL: no memory. The caller frees it. */
static struct nx_agent_state **sort(const struct nx_engine *engine) {
    size_t n = HASH_COUNT(engine->agents);
    struct nx_agent_state **sorted = calloc(n + 1, sizeof(void *));
    size_t i = 0;
    struct nx_agent_state *a = engine->agents;
    for (; a != NULL && sorted != NULL; a = a->hh.next) {
        sorted[i++] = a;
    }
    if (sorted != NULL) {
        qsort(sorted, n, sizeof(void *), by_network);
    }
    return sorted;
}

bool nx_agents_in_order(struct nx_engine *engine) {
    if (engine->by_network != NULL &&
        engine->by_network_told == engine->told_n) {
        return true;
    }
    free(engine->by_network);
    engine->by_network = sort(engine);
    engine->by_network_n = HASH_COUNT(engine->agents);
    engine->by_network_told = engine->told_n;
    for (size_t i = 0; engine->by_network != NULL && i < engine->by_network_n;
         i++) {
        engine->by_network[i]->rank = i;
    }
    return engine->by_network != NULL;
}

int nx_engine_agents_of(struct nx_engine *engine, const char *network,
                        void (*visit)(void *user,
                                      const struct nx_agent_view *agent),
                        void *user) {
    if (!nx_agents_in_order(engine)) {
        return NX_ENOMEM;
    }
    size_t lo = 0;
    size_t hi = network != NULL ? engine->by_network_n : 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        bool before =
            strcmp(engine->by_network[mid]->agent.network, network) < 0;
        lo = before ? mid + 1 : lo;
        hi = before ? hi : mid;
    }
    for (size_t i = lo;
         i < engine->by_network_n &&
         (network == NULL ||
          strcmp(engine->by_network[i]->agent.network, network) == 0);
         i++) {
        const struct nx_agent_view view = view_of(engine->by_network[i]);
        visit(user, &view);
    }
    return 0;
}
