/* The list of networks. */
#include <stdlib.h>
#include <string.h>

#include "collector/status/status.h"
#include "collector/status/status_text.h"

struct nx_network_list {
    const struct nx_incident *incident; /* while it is made */
    char (*names)[NX_TEXT_LABEL_MAX];   /* each once, in order */
    size_t n, cap, at;
    bool failed;
};

static bool is_listed(const struct nx_agent *agent) {
    return agent->accepted && !agent->authority;
}

static void take_name(void *user, const struct nx_agent_view *view) {
    struct nx_network_list *l = user;
    const char *name = view->agent->network;
    bool counts = l->incident != NULL
                      ? nx_agent_counts(view->agent, l->incident)
                      : is_listed(view->agent);
    if (!counts || (l->n > 0 && strcmp(l->names[l->n - 1], name) == 0)) {
        return;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        void *grown = realloc(l->names, cap * sizeof(*l->names));
        if (grown == NULL) {
            l->failed = true;
            return;
        }
        l->names = grown;
        l->cap = cap;
    }
    memcpy(l->names[l->n++], name, strlen(name) + 1);
}

int nx_network_list_new(struct nx_engine *engine,
                        const struct nx_incident *incident,
                        struct nx_network_list **out) {
    struct nx_network_list *l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->incident = incident;
        l->failed |= nx_engine_agents_of(engine, NULL, take_name, l) != 0;
    }
    if (l == NULL || l->failed) {
        nx_network_list_free(&l);
        return NX_ENOMEM;
    }
    *out = l;
    return 0;
}

void nx_network_list_free(struct nx_network_list **list) {
    if (*list != NULL) {
        free((*list)->names);
        free(*list);
        *list = NULL;
    }
}

struct network {
    json_int_t agents_n, resolvers_n;
    int64_t last_seen_us, last_result_us;
};

static void take_agent(void *user, const struct nx_agent_view *view) {
    struct network *n = user;
    if (is_listed(view->agent)) {
        n->agents_n++;
        n->resolvers_n += (json_int_t)view->resolvers_n;
        n->last_seen_us = nx_time_later(n->last_seen_us, view->last_seen_us);
        n->last_result_us =
            nx_time_later(n->last_result_us, view->last_result_us);
    }
}

static json_t *entry(const struct nx_engine *engine, const char *name,
                     const struct network *n) {
    struct nx_labels labels;
    nx_engine_network_labels(engine, name, &labels);
    return json_pack("{s:o, s:o, s:f, s:I, s:I, s:o, s:o}", "network",
                     nx_json_text(name), "labels", nx_json_labels(&labels),
                     "weight", labels.weight, "agents", n->agents_n,
                     "resolvers", n->resolvers_n, "last_seen",
                     nx_json_time(n->last_seen_us), "last_result",
                     nx_json_time(n->last_result_us));
}

const char *nx_network_list_next(struct nx_network_list *l) {
    return l->at < l->n ? l->names[l->at++] : NULL;
}

int nx_network_list_some(struct nx_network_list *l, struct nx_engine *engine,
                         json_t *to, size_t n) {
    for (; l->at < l->n && n > 0; n--) {
        const char *name = nx_network_list_next(l);
        struct network network = {.last_seen_us = NX_TIME_UNKNOWN,
                                  .last_result_us = NX_TIME_UNKNOWN};
        int err = nx_engine_agents_of(engine, name, take_agent, &network);
        /* Without an agent it has gone meanwhile. */
        if (err != 0 || (network.agents_n > 0 &&
                         !nx_json_add(to, entry(engine, name, &network)))) {
            return NX_ENOMEM;
        }
    }
    return l->at < l->n ? NX_EAGAIN : 0;
}

json_t *nx_status_networks(struct nx_engine *engine, int64_t now_us) {
    struct nx_network_list *l = NULL;
    json_t *list = json_array();
    int err = nx_network_list_new(engine, NULL, &l);
    err = err == 0 ? nx_network_list_some(l, engine, list, SIZE_MAX) : err;
    nx_network_list_free(&l);
    if (err != 0) {
        json_decref(list);
        return NULL;
    }
    return json_pack("{s:o, s:o}", "now", nx_json_time(now_us), "networks",
                     list);
}
