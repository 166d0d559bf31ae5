/* Join strings: made, revoked, and what happens when one is shown. */
#include "collector/io_service_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <sodium.h>

#include "common/io_log.h"

/* --- in memory --- */

static bool over(const void *item, int64_t now_us) {
    return nx_enrolment_state(item, now_us) != NX_ENROLMENT_OPEN;
}

struct loading {
    struct nx_shelf *enrolments;
    int err;
};

static void load_one(void *user, const struct nx_enrolment *enrolment) {
    struct loading *loading = user;
    if (loading->err == NX_OK) {
        loading->err = nx_shelf_load(loading->enrolments, enrolment);
    }
}

int nx_service_enrolments_load(struct nx_service *service) {
    struct loading loading = {&service->enrolments, NX_OK};
    service->enrolments =
        (struct nx_shelf){.item_bytes = sizeof(struct nx_enrolment),
                          .max = NX_ENROLMENTS_MAX,
                          .over = over};
    int err = nx_store_enrolments(service->store, load_one, &loading);
    return err != NX_OK ? err : loading.err;
}

/* One that was used is so for its agent until it expires. */
static int64_t over_us(const void *item) {
    const struct nx_enrolment *enrolment = item;
    return enrolment->revoked_us != NX_TIME_UNKNOWN &&
                   enrolment->revoked_us < enrolment->expires_us
               ? enrolment->revoked_us
               : enrolment->expires_us;
}

void nx_service_enrolments_trim(struct nx_service *service, int64_t before_us) {
    nx_shelf_trim(&service->enrolments, over_us, before_us);
}

void nx_service_enrolments(const struct nx_service *service,
                           void (*visit)(void *user,
                                         const struct nx_enrolment *enrolment),
                           void *user) {
    for (size_t i = 0; i < service->enrolments.n; i++) {
        visit(user, nx_shelf_at(&service->enrolments, i));
    }
}

/* --- where agents find the collector --- */

/* The address of a "tcp://" endpoint as agents reach it: the configured public
 * one, if there is one, with this port. NX_EADDRESS: none known. */
static int public_address(const struct nx_service *service,
                          const char *endpoint, struct nx_endpoint *out) {
    char text[NX_ENDPOINT_TEXT_MAX];
    const char *at = endpoint + strlen("tcp://");
    const char *colon = strrchr(at, ':');
    const char *host = service->conf->enrol_address;
    static const uint8_t any[16];
    if (colon == NULL) {
        return NX_EADDRESS;
    }
    if (host != NULL) {
        snprintf(text, sizeof(text), "%s@%s", host, colon + 1);
    } else {
        snprintf(text, sizeof(text), "%.*s@%s", (int)(colon - at), at,
                 colon + 1);
    }
    int err = nx_endpoint_parse(text, out);
    return err == NX_OK && memcmp(out->address, any, out->address_len) == 0
               ? NX_EADDRESS
               : err;
}

/* Where agents connect, as many as fit. */
static size_t agent_addresses(const struct nx_service *service,
                              struct nx_endpoint *out) {
    size_t n = 0;
    for (size_t i = 0; i < service->conf->listen_n && n < NX_JOIN_ADDRESSES_MAX;
         i++) {
        if (public_address(service, service->conf->listen[i], &out[n]) ==
            NX_OK) {
            n++;
        }
    }
    return n;
}

/* --- making and revoking --- */

/* old: makes room for it; NULL. */
static int keep(struct nx_service *service, struct nx_enrolment *enrolment,
                const struct nx_enrolment *old, const char *action) {
    char detail[NX_TEXT_LABEL_MAX + 64];
    bool named = enrolment->name[0] != '\0'; /* else after its network */
    snprintf(detail, sizeof(detail), "network %s, role %s", enrolment->network,
             enrolment->authority ? "authority" : "network");
    struct nx_change change = {.enrolment = enrolment,
                               .old_enrolment = old != NULL ? old->id : 0,
                               .action = action,
                               .subject =
                                   named ? enrolment->name : enrolment->network,
                               .detail = detail};
    return nx_service_keep(service, &change);
}

/* The string of a new token. */
static int draw(const struct nx_service *service, uint8_t *token_hash,
                char *text) {
    struct nx_join join;
    struct nx_endpoint agents[NX_JOIN_ADDRESSES_MAX];
    memset(&join, 0, sizeof(join));
    if (service->enrol_listen == NULL) {
        return NX_ESTATE;
    }
    int err =
        public_address(service, service->enrol_listen, &join.addresses[0]);
    if (err != NX_OK || agent_addresses(service, agents) == 0) {
        return NX_EADDRESS;
    }
    join.addresses_n = 1;
    err = nx_z85_key_parse(service->server_key, join.server_key);
    if (err == NX_OK && getrandom(join.token, sizeof(join.token), 0) !=
                            (ssize_t)sizeof(join.token)) {
        err = NX_EIO;
    }
    if (err == NX_OK) {
        nx_join_token_hash(join.token, token_hash);
        err = nx_join_text(&join, text);
    }
    sodium_memzero(&join, sizeof(join));
    return err;
}

int nx_service_enrol_create(struct nx_service *service,
                            const struct nx_api_enrolment *asked,
                            struct nx_enrolment *out, char *text) {
    int64_t now_us = nx_service_doors_us(service);
    struct nx_enrolment enrolment = {.authority = asked->authority,
                                     .created_us = now_us,
                                     .expires_us = now_us + asked->lasts_us,
                                     .revoked_us = NX_TIME_UNKNOWN,
                                     .used_us = NX_TIME_UNKNOWN};
    void *old = NULL;
    memcpy(enrolment.network, asked->network, sizeof(enrolment.network));
    memcpy(enrolment.name, asked->name, sizeof(enrolment.name));
    int err = nx_shelf_reserve(&service->enrolments, now_us, &old);
    if (err == NX_OK) {
        err = draw(service, enrolment.token_hash, text);
    }
    if (err == NX_OK) {
        err = keep(service, &enrolment, old, "join string created");
    }
    if (err == NX_OK) {
        nx_shelf_add(&service->enrolments, old, &enrolment);
        *out = enrolment;
    }
    return err;
}

int nx_service_enrol_revoke(struct nx_service *service, uint32_t id,
                            struct nx_enrolment *out) {
    int64_t now_us = nx_service_doors_us(service);
    for (size_t i = 0; i < service->enrolments.n; i++) {
        struct nx_enrolment *known = nx_shelf_at(&service->enrolments, i);
        if (known->id != id) {
            continue;
        }
        if (nx_enrolment_state(known, now_us) != NX_ENROLMENT_OPEN) {
            return NX_ESTATE;
        }
        struct nx_enrolment enrolment = *known;
        enrolment.revoked_us = now_us;
        int err = keep(service, &enrolment, NULL, "join string revoked");
        if (err == NX_OK) {
            *known = enrolment;
            *out = enrolment;
        }
        return err;
    }
    return NX_ENOTFOUND;
}

/* --- one is shown --- */

/* Was this key turned away by hand? A join string does not undo that. */
static bool banned(const struct nx_service *service, const char *key) {
    const struct nx_agent_record *record =
        nx_service_record_of_key(service, key);
    return record != NULL ? record->state != NX_AGENT_ACCEPTED
                          : nx_service_stranger(service, key) != NULL;
}

static enum nx_join_verdict admit(struct nx_service *service, const char *key,
                                  const char *address,
                                  const struct nx_join_request *request,
                                  struct nx_agent_record *record) {
    int64_t now_us = nx_service_doors_us(service);
    struct nx_enrolment *list = service->enrolments.items;
    const struct nx_enrolment *found =
        nx_enrolment_find(list, service->enrolments.n, request->token);
    if (found == NULL || !nx_enrolment_admits(found, key, now_us)) {
        return NX_JOIN_TOKEN;
    }
    if (banned(service, key)) {
        return NX_JOIN_KEY;
    }
    struct nx_enrolment *known = &list[found - list];
    if (known->used_us != NX_TIME_UNKNOWN) { /* the answer did not arrive */
        *record = *nx_service_record_of_key(service, key);
        return NX_JOIN_ACCEPTED;
    }
    struct nx_enrolment used = *known;
    struct nx_agent agent = {.authority = known->authority};
    used.used_us = now_us;
    snprintf(used.used_key, sizeof(used.used_key), "%s", key);
    snprintf(agent.network, sizeof(agent.network), "%s", known->network);
    snprintf(agent.name, sizeof(agent.name), "%s",
             known->name[0] != '\0' ? known->name : request->name);
    char who[32];
    snprintf(who, sizeof(who), "join string %" PRIu32, known->id);
    nx_service_act_as(service, who);
    int err =
        nx_service_agent_enrol(service, key, address, &agent, &used, record);
    if (err != NX_OK) {
        nx_log(NX_LOG_WARN, "agent %s: %s is not taken: %s", key, who,
               err == NX_ESTATE ? "an incident is open in which the agent's "
                                  "present network counts"
                                : nx_store_reason(service->store, err));
        return NX_JOIN_LATER;
    }
    *known = used;
    return NX_JOIN_ACCEPTED;
}

void nx_service_enrol_claim(struct nx_service *service, const char *key,
                            const char *address,
                            const struct nx_join_request *request,
                            struct nx_join_reply *reply) {
    struct nx_agent_record record;
    memset(reply, 0, sizeof(*reply));
    memset(&record, 0, sizeof(record));
    reply->verdict = admit(service, key, address, request, &record);
    if (reply->verdict != NX_JOIN_ACCEPTED) {
        return;
    }
    reply->authority = record.agent.authority;
    snprintf(reply->network, sizeof(reply->network), "%s",
             record.agent.network);
    snprintf(reply->name, sizeof(reply->name), "%s", record.agent.name);
    reply->addresses_n = agent_addresses(service, reply->addresses);
    if (nx_z85_key_parse(service->server_key, reply->keys[0]) == NX_OK) {
        reply->keys_n = 1;
    }
}
