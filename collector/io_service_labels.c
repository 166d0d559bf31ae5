/* Labels: those of the configuration, and over them those that were stored. */
#include "collector/io_service_priv.h"

#include <string.h>

#include "common/io_log.h"

struct loading {
    struct nx_service *service;
    int err; /* the first one */
};

static void see_labels(void *user, enum nx_label_kind kind, const char *name,
                       const struct nx_labels *labels) {
    struct loading *l = user;
    int err = nx_engine_labels_set(l->service->engine, kind, name,
                                   NX_LABELS_STORED, labels);
    l->err = l->err == NX_OK ? err : l->err;
}

int nx_service_labels_load(struct nx_service *service) {
    struct loading l = {service, NX_OK};
    int err = nx_store_labels(service->store, see_labels, &l);
    return err != NX_OK ? err : l.err;
}

void nx_service_labels_configure(struct nx_service *service) {
    const struct nx_collector_conf *conf = service->conf;
    int err = NX_OK;
    nx_engine_labels_forget(service->engine, NX_LABELS_CONFIGURED);
    for (size_t i = 0; i < conf->labels_n && err == NX_OK; i++) {
        const struct nx_conf_labels *l = &conf->labels[i];
        err = nx_engine_labels_set(service->engine, l->kind, l->name,
                                   NX_LABELS_CONFIGURED, &l->labels);
    }
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "labels of the configuration are incomplete: %s",
               nx_strerror(err));
    }
}

/* An accepted agent of that name; of a network: one that stands in it. */
static bool known(const struct nx_service *service, enum nx_label_kind kind,
                  const char *name) {
    for (size_t i = 0; i < service->records_n; i++) {
        const struct nx_agent *agent = &service->records[i].agent;
        if (agent->accepted &&
            strcmp(kind == NX_LABELS_OF_AGENT ? agent->name : agent->network,
                   name) == 0) {
            return true;
        }
    }
    return false;
}

static int store_labels(struct nx_service *service, enum nx_label_kind kind,
                        const char *name, const struct nx_labels *labels) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    int err = nx_group_begin(group);
    return err != NX_OK
               ? err
               : nx_group_end(group, nx_store_labels_put(
                                         service->store, kind, name, labels,
                                         nx_service_now_us(service)));
}

int nx_service_label(struct nx_service *service, enum nx_label_kind kind,
                     const char *name, const struct nx_label_change *changes,
                     size_t n) {
    struct nx_labels labels;
    const char *why = "";
    int err = NX_OK;
    if (!known(service, kind, name)) {
        return NX_ENOTFOUND;
    }
    nx_engine_labels_own(service->engine, kind, name, NX_LABELS_STORED,
                         &labels);
    for (size_t i = 0; i < n && err == NX_OK; i++) {
        err = nx_labels_set(&labels, changes[i].key, changes[i].value, &why);
    }
    if (err == NX_OK) {
        err = store_labels(service, kind, name, &labels);
    }
    return err != NX_OK ? err
                        : nx_engine_labels_set(service->engine, kind, name,
                                               NX_LABELS_STORED, &labels);
}
