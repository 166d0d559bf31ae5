/* Changes to who may connect or ask: stored with a line of the audit log, all
 * or nothing. */
#include "collector/io_service_priv.h"

#include <stdio.h>

#include "common/io_log.h"

void nx_service_act_as(struct nx_service *service, const char *who) {
    snprintf(service->actor, sizeof(service->actor), "%s", who);
}

static const char *or_empty(const char *text) {
    return text != NULL ? text : "";
}

static int write_all(struct nx_service *service, struct nx_change *change) {
    struct nx_store *store = service->store;
    const struct nx_door_entry line = {
        .at_us = nx_service_now_us(service),
        .who = service->actor,
        .action = change->action,
        .subject = or_empty(change->subject),
        .key = or_empty(change->key),
        .detail = or_empty(change->detail),
    };
    int err = change->old_record != 0
                  ? nx_store_agent_drop(store, change->old_record)
                  : NX_OK;
    if (err == NX_OK && change->record != NULL) {
        err = nx_store_agent_put(store, change->record);
    }
    if (err == NX_OK && change->old_token != 0) {
        err = nx_store_token_drop(store, change->old_token);
    }
    if (err == NX_OK && change->old_enrolment != 0) {
        err = nx_store_enrolment_drop(store, change->old_enrolment);
    }
    if (err == NX_OK && change->token != NULL) {
        err = nx_store_token_put(store, change->token);
    }
    if (err == NX_OK && change->enrolment != NULL) {
        err = nx_store_enrolment_put(store, change->enrolment);
    }
    return err == NX_OK ? nx_store_door_log_add(store, &line) : err;
}

int nx_service_keep(struct nx_service *service, struct nx_change *change) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    int err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group, write_all(service, change));
    }
    if (err == NX_OK) {
        nx_log(NX_LOG_INFO, "%s: %s%s%s (by %s)", change->action,
               or_empty(change->subject),
               or_empty(change->detail)[0] != '\0' ? ": " : "",
               or_empty(change->detail), service->actor);
    }
    return err;
}

int nx_service_door_log(struct nx_service *service,
                        void (*visit)(void *user,
                                      const struct nx_door_entry *entry),
                        void *user) {
    return nx_store_door_log(service->store, NX_DOOR_LOG_SHOWN_MAX, visit,
                             user);
}
