/* The labels that the engine was told, by name of network or agent. */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/engine_priv.h"

struct nx_labelled {
    struct nx_label_owner {
        uint8_t kind; /* enum nx_label_kind */
        char name[NX_TEXT_LABEL_MAX];
    } key;
    struct nx_labels labels[NX_LABEL_SOURCES_N_];
    UT_hash_handle hh;
};

static void make_key(struct nx_label_owner *key, enum nx_label_kind kind,
                     const char *name) {
    memset(key, 0, sizeof(*key));
    key->kind = (uint8_t)kind;
    memcpy(key->name, name, strnlen(name, sizeof(key->name) - 1));
}

static struct nx_labelled *find(const struct nx_engine *engine,
                                enum nx_label_kind kind, const char *name) {
    struct nx_label_owner key;
    struct nx_labelled *found = NULL;
    make_key(&key, kind, name);
    HASH_FIND(hh, engine->labelled, &key, sizeof(key), found);
    return found;
}

static struct nx_labelled *add(struct nx_engine *engine,
                               enum nx_label_kind kind, const char *name) {
    struct nx_labelled *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return NULL;
    }
    make_key(&l->key, kind, name);
    for (unsigned s = 0; s < NX_LABEL_SOURCES_N_; s++) {
        nx_labels_init(&l->labels[s]);
    }
    HASH_ADD(hh, engine->labelled, key, sizeof(l->key), l);
    if (l->hh.tbl == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

int nx_engine_labels_set(struct nx_engine *engine, enum nx_label_kind kind,
                         const char *name, enum nx_label_source source,
                         const struct nx_labels *labels) {
    engine->told_n++;
    struct nx_labelled *l = find(engine, kind, name);
    if (l == NULL && nx_labels_empty(labels)) {
        return 0;
    }
    if (l == NULL && HASH_COUNT(engine->labelled) >= NX_ENGINE_LABELLED_MAX) {
        return NX_ELIMIT;
    }
    l = l != NULL ? l : add(engine, kind, name);
    if (l == NULL) {
        return NX_ENOMEM;
    }
    l->labels[source] = *labels;
    return 0;
}

void nx_engine_labels_forget(struct nx_engine *engine,
                             enum nx_label_source source) {
    engine->told_n++;
    for (struct nx_labelled *l = engine->labelled; l != NULL; l = l->hh.next) {
        nx_labels_init(&l->labels[source]);
    }
}

void nx_engine_labels_own(const struct nx_engine *engine,
                          enum nx_label_kind kind, const char *name,
                          enum nx_label_source source, struct nx_labels *out) {
    const struct nx_labelled *l = find(engine, kind, name);
    nx_labels_init(out);
    if (l != NULL) {
        *out = l->labels[source];
    }
}

/* The sources in their order over what is in *out. */
static void lay(const struct nx_engine *engine, enum nx_label_kind kind,
                const char *name, struct nx_labels *out) {
    const struct nx_labelled *l = find(engine, kind, name);
    for (unsigned s = 0; l != NULL && s < NX_LABEL_SOURCES_N_; s++) {
        nx_labels_lay(&l->labels[s], out);
    }
}

void nx_engine_network_labels(const struct nx_engine *engine,
                              const char *network, struct nx_labels *out) {
    nx_labels_init(out);
    lay(engine, NX_LABELS_OF_NETWORK, network, out);
    out->weight = out->weight < 0 ? 1.0 : out->weight;
}

void nx_engine_agent_labels(const struct nx_engine *engine,
                            const struct nx_agent *agent,
                            struct nx_labels *out) {
    nx_labels_init(out);
    lay(engine, NX_LABELS_OF_NETWORK, agent->network, out);
    out->weight = -1; /* the network's is not the agent's */
    lay(engine, NX_LABELS_OF_AGENT, agent->name, out);
    out->weight = out->weight < 0 ? 1.0 : out->weight;
}

void nx_labelled_free(struct nx_engine *engine) {
    struct nx_labelled *l = engine->labelled;
    while (l != NULL) {
        struct nx_labelled *next = l->hh.next;
        HASH_DELETE(hh, engine->labelled, l);
        free(l);
        l = next;
    }
}
