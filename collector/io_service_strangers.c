/* Keys that were turned away by hand and never belonged to the fleet. Strangers
 * can bring any number of them, so they take no agent's place: the oldest ones
 * are forgotten, and then they are unknown again, which lets nobody in. */
#include "collector/io_service_priv.h"

#include <stdio.h>
#include <string.h>

static bool may_go(const void *item, int64_t now_us) {
    (void)item;
    (void)now_us;
    return true;
}

void nx_service_strangers_init(struct nx_service *service) {
    service->strangers =
        (struct nx_shelf){.item_bytes = sizeof(struct nx_agent_record),
                          .max = NX_STRANGERS_MAX,
                          .over = may_go};
}

int nx_service_stranger_load(struct nx_service *service,
                             const struct nx_agent_record *record) {
    int err = nx_shelf_load(&service->strangers, record);
    int denied =
        err == NX_OK ? nx_auth_deny(service->auth, record->key) : NX_OK;
    /* What is no key lets nobody in. */
    return denied == NX_ENOMEM ? denied : err;
}

struct nx_agent_record *nx_service_stranger(const struct nx_service *service,
                                            const char *key) {
    for (size_t i = 0; i < service->strangers.n; i++) {
        struct nx_agent_record *record = nx_shelf_at(&service->strangers, i);
        if (strcmp(record->key, key) == 0) {
            return record;
        }
    }
    return NULL;
}

static int keep(struct nx_service *service, struct nx_agent_record *record,
                const struct nx_agent_record *old) {
    struct nx_change change = {.record = record,
                               .old_record = old != NULL ? old->agent.id : 0,
                               .action = "agent rejected",
                               .subject = record->agent.name,
                               .key = record->key};
    return nx_service_keep(service, &change);
}

static int add(struct nx_service *service, struct nx_agent_record *record) {
    void *place = NULL;
    int err = nx_shelf_reserve(&service->strangers, record->changed_us, &place);
    const struct nx_agent_record *old = place;
    if (err == NX_OK) {
        err = keep(service, record, old);
    }
    if (err != NX_OK) {
        return err;
    }
    if (old != NULL) {
        nx_auth_forget(service->auth, old->key);
    }
    nx_shelf_add(&service->strangers, place, record);
    return nx_auth_deny(service->auth, record->key);
}

int nx_service_stranger_reject(struct nx_service *service, const char *key,
                               const char *address,
                               struct nx_agent_record *out) {
    struct nx_agent_record record;
    struct nx_agent_record *known = nx_service_stranger(service, key);
    memset(&record, 0, sizeof(record));
    if (known != NULL) {
        record = *known;
    } else {
        snprintf(record.key, sizeof(record.key), "%s", key);
        snprintf(record.address, sizeof(record.address), "%s", address);
    }
    record.state = NX_AGENT_REJECTED;
    record.changed_us = nx_service_now_us(service);
    int err =
        known != NULL ? keep(service, &record, NULL) : add(service, &record);
    if (err == NX_OK && known != NULL) {
        *known = record;
    }
    if (err == NX_OK) {
        *out = record;
    }
    return err;
}
