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

static json_t *entry_of(const struct nx_engine *engine, const char *name,
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

size_t nx_network_list_n(const struct nx_network_list *l) {
    return l->n;
}

const char *nx_network_list_at(const struct nx_network_list *l, size_t i) {
    return l->names[i];
}

int nx_status_network_entry(struct nx_engine *engine, const char *name,
                            json_t **out) {
    struct network network = {.last_seen_us = NX_TIME_UNKNOWN,
                              .last_result_us = NX_TIME_UNKNOWN};
    *out = NULL;
    int err = nx_engine_agents_of(engine, name, take_agent, &network);
    if (err != 0 || network.agents_n == 0) {
        return err;
    }
    *out = entry_of(engine, name, &network);
    return *out != NULL ? 0 : NX_ENOMEM;
}

int nx_network_list_some(struct nx_network_list *l, struct nx_engine *engine,
                         json_t *to, size_t n) {
    for (; l->at < l->n && n > 0; n--) {
        json_t *entry = NULL;
        int err =
            nx_status_network_entry(engine, nx_network_list_next(l), &entry);
        if (err != 0 || (entry != NULL && !nx_json_add(to, entry))) {
            return NX_ENOMEM;
        }
    }
    return l->at < l->n ? NX_EAGAIN : 0;
}
