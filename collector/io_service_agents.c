/* Enrolment: which keys may connect, as whom. */
#include "collector/io_service_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keyid.h"

#define PREFIX_MIN 6U
#define NAME_TRIES 10000U

static int by_id(const void *key, const void *element) {
    const uint32_t *id = key;
    const struct nx_agent_record *record = element;
    return (*id > record->agent.id) - (*id < record->agent.id);
}

/* Ids grow, and new records go to the end. */
static struct nx_agent_record *record_of_id(struct nx_service *service,
                                            uint32_t id) {
    return service->records_n == 0
               ? NULL
               : bsearch(&id, service->records, service->records_n,
                         sizeof(*service->records), by_id);
}

static struct nx_agent_record *record_slot(struct nx_service *service,
                                           uint32_t id) {
    struct nx_agent_record *record = record_of_id(service, id);
    if (record != NULL) {
        return record;
    }
    if (service->records_n == service->records_cap) {
        size_t cap = service->records_cap == 0 ? 16 : 2 * service->records_cap;
        struct nx_agent_record *grown =
            realloc(service->records, cap * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        service->records = grown;
        service->records_cap = cap;
    }
    return &service->records[service->records_n++];
}

/* The engine keeps an agent in quarantine: its network is unknown then, not
 * gone. The door does not. */
int nx_service_record_put(struct nx_service *service,
                          const struct nx_agent_record *record) {
    struct nx_agent_record *slot = record_slot(service, record->agent.id);
    struct nx_agent at_door = record->agent;
    bool open = record->state == NX_AGENT_ACCEPTED;
    if (slot == NULL) {
        return NX_ENOMEM;
    }
    *slot = *record;
    at_door.accepted = open;
    int err = nx_engine_agent_set(service->engine, &record->agent);
    if (err == NX_OK) {
        err = nx_ingest_agent_set(service->ingest, &at_door);
    }
    int listed =
        open && err == NX_OK
            ? nx_auth_allow(service->auth, record->key, record->agent.id)
            : nx_auth_deny(service->auth, record->key);
    if (!open && listed == NX_EMALFORMED) {
        listed = NX_OK; /* what is no key lets nobody in */
    }
    return err != NX_OK ? err : listed;
}

/* Stores a record, then lets it take effect: one that was a stranger's is a new
 * one. used: the join string that made it, NULL. */
static int change(struct nx_service *service, struct nx_agent_record *record,
                  const char *action, struct nx_enrolment *used) {
    char detail[NX_TEXT_LABEL_MAX + 64];
    struct nx_change change = {.record = record,
                               .enrolment = used,
                               .action = action,
                               .subject = record->agent.name,
                               .key = record->key,
                               .detail = record->reason};
    if (record->state == NX_AGENT_ACCEPTED) {
        snprintf(detail, sizeof(detail), "network %s, role %s",
                 record->agent.network,
                 record->agent.authority ? "authority" : "network");
        change.detail = detail;
    }
    struct nx_agent_record *stranger =
        nx_service_stranger(service, record->key);
    change.old_record = stranger != NULL ? stranger->agent.id : 0;
    int err = nx_service_keep(service, &change);
    if (err == NX_OK && stranger != NULL) {
        nx_shelf_remove(&service->strangers, stranger);
    }
    return err == NX_OK ? nx_service_record_put(service, record) : err;
}

/* Is `text` a short name of this key? (keyid.h) */
static bool is_name_of_key(const char *text, const char *key) {
    uint8_t bytes[NX_KEY_BYTES];
    char name[NX_KEY_FINGERPRINT_LEN + 1];
    size_t len = strlen(text);
    return (len == NX_KEY_ID_LEN || len == NX_KEY_FINGERPRINT_LEN) &&
           nx_z85_key_parse(key, bytes) == NX_OK &&
           strcmp(len == NX_KEY_ID_LEN ? nx_key_id(bytes, name)
                                       : nx_key_fingerprint(bytes, name),
                  text) == 0;
}

/* The whole key that `text` means: a key, or the id, fingerprint or beginning
 * of exactly one that is pending. */
static int resolve_key(const struct nx_service *service, const char *text,
                       char *out) {
    size_t len = strlen(text);
    if (len == NX_KEY_TEXT_LEN) {
        int err = nx_z85_key_parse(text, NULL);
        if (err == NX_OK) {
            memcpy(out, text, NX_KEY_TEXT_MAX);
        }
        return err;
    }
    if (len < PREFIX_MIN || len > NX_KEY_TEXT_LEN) {
        return NX_EMALFORMED;
    }
    const struct nx_auth_pending *pending = NULL;
    size_t n = nx_auth_pending(service->auth, &pending);
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(pending[i].key, text, len) == 0 ||
            is_name_of_key(text, pending[i].key)) {
            memcpy(out, pending[i].key, NX_KEY_TEXT_MAX);
            hits++;
        }
    }
    return hits == 1 ? NX_OK : NX_ENOTFOUND;
}

static const char *last_address(const struct nx_service *service,
                                const char *key) {
    const struct nx_agent_record *stranger = nx_service_stranger(service, key);
    if (stranger != NULL) {
        return stranger->address;
    }
    const struct nx_auth_pending *pending = NULL;
    size_t n = nx_auth_pending(service->auth, &pending);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pending[i].key, key) == 0) {
            return pending[i].address;
        }
    }
    return "";
}

const struct nx_agent_record *
nx_service_record_of_key(const struct nx_service *service, const char *key) {
    for (size_t i = 0; i < service->records_n; i++) {
        if (strcmp(service->records[i].key, key) == 0) {
            return &service->records[i];
        }
    }
    return NULL;
}

/* Has another accepted agent than the one of this key the name? */
static bool name_taken(const struct nx_service *service, const char *name,
                       const char *key) {
    for (size_t i = 0; i < service->records_n; i++) {
        const struct nx_agent_record *record = &service->records[i];
        if (record->agent.accepted && strcmp(record->key, key) != 0 &&
            strcmp(record->agent.name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The network's name, with a number where that is taken. */
static void choose_name(const struct nx_service *service,
                        struct nx_agent_record *record) {
    char *name = record->agent.name;
    snprintf(name, NX_TEXT_LABEL_MAX, "%s", record->agent.network);
    for (unsigned i = 2;
         i < NAME_TRIES && name_taken(service, name, record->key); i++) {
        snprintf(name, NX_TEXT_LABEL_MAX, "%.56s-%u", record->agent.network, i);
    }
}

/* Fills the record that this acceptance makes, from what is known. */
static int draft(const struct nx_service *service, const char *key,
                 const struct nx_agent *agent, struct nx_agent_record *out) {
    memset(out, 0, sizeof(*out));
    int err = resolve_key(service, key, out->key);
    if (err != NX_OK) {
        return err;
    }
    const struct nx_agent_record *known =
        nx_service_record_of_key(service, out->key);
    if (known != NULL) {
        *out = *known;
    } else {
        snprintf(out->address, sizeof(out->address), "%s",
                 last_address(service, out->key));
    }
    snprintf(out->agent.network, sizeof(out->agent.network), "%s",
             agent->network);
    if (agent->name[0] != '\0') {
        snprintf(out->agent.name, sizeof(out->agent.name), "%s", agent->name);
    } else if (out->agent.name[0] == '\0') {
        choose_name(service, out);
    }
    out->agent.authority = agent->authority;
    out->agent.accepted = true;
    out->agent.revoked_us = 0;
    out->state = NX_AGENT_ACCEPTED;
    out->reason[0] = '\0';
    out->changed_us = nx_service_now_us(service);
    return NX_OK;
}

/* Moved away while an incident is open, it would take along what that network's
 * state rests on: no one would be left to say that it is not clear. */
static bool is_needed(const struct nx_service *service,
                      const struct nx_agent_record *record) {
    const struct nx_agent_record *known =
        nx_service_record_of_key(service, record->key);
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    bool needed = false;
    bool moved = known != NULL &&
                 (known->agent.authority != record->agent.authority ||
                  strcmp(known->agent.network, record->agent.network) != 0);
    for (size_t i = 0; moved && i < n; i++) {
        needed = needed || (incidents[i]->closed_us == NX_TIME_UNKNOWN &&
                            nx_agent_counts(&known->agent, incidents[i]));
    }
    return needed;
}

/* used: the join string that lets it in, and address where it stands then. */
static int accept_key(struct nx_service *service, const char *key,
                      const struct nx_agent *agent, const char *address,
                      struct nx_enrolment *used, struct nx_agent_record *out) {
    struct nx_agent_record record;
    if (!nx_agent_label_valid(agent->network) ||
        (agent->name[0] != '\0' && !nx_agent_label_valid(agent->name))) {
        return NX_EMALFORMED;
    }
    int err = draft(service, key, agent, &record);
    if (err == NX_OK && name_taken(service, record.agent.name, record.key)) {
        err = NX_EEXISTS;
    }
    if (err == NX_OK && is_needed(service, &record)) {
        err = NX_ESTATE;
    }
    /* Asked before it is stored: what is stored is there at the next start. */
    if (err == NX_OK && record.agent.id == 0 &&
        service->records_n >= NX_ENGINE_AGENTS_MAX) {
        err = NX_ELIMIT;
    }
    if (err == NX_OK && address != NULL) {
        snprintf(record.address, sizeof(record.address), "%s", address);
    }
    if (err == NX_OK) {
        err = change(service, &record, "agent accepted", used);
    }
    if (err == NX_OK) {
        *out = record;
    }
    return err;
}

int nx_service_agent_accept(struct nx_service *service, const char *key,
                            const struct nx_agent *agent,
                            struct nx_agent_record *out) {
    return accept_key(service, key, agent, NULL, NULL, out);
}

/* A name that the agent wishes is dropped rather than refused. */
int nx_service_agent_enrol(struct nx_service *service, const char *key,
                           const char *address, const struct nx_agent *agent,
                           struct nx_enrolment *used,
                           struct nx_agent_record *out) {
    struct nx_agent wanted = *agent;
    if (used->name[0] == '\0' && (!nx_agent_label_valid(wanted.name) ||
                                  name_taken(service, wanted.name, key))) {
        wanted.name[0] = '\0';
    }
    return accept_key(service, key, &wanted, address, used, out);
}

/* An agent of the fleet: by name, or by what names one key. */
static const struct nx_agent_record *
fleet_record(const struct nx_service *service, const char *who) {
    const struct nx_agent_record *found = NULL;
    size_t len = strlen(who);
    size_t hits = 0;
    for (size_t i = 0; i < service->records_n; i++) {
        const struct nx_agent_record *record = &service->records[i];
        if (!record->agent.accepted) {
            continue;
        }
        if (strcmp(record->agent.name, who) == 0) {
            return record;
        }
        if ((len >= PREFIX_MIN && strncmp(record->key, who, len) == 0) ||
            is_name_of_key(who, record->key)) {
            found = record;
            hits++;
        }
    }
    return hits == 1 ? found : NULL;
}

/* Gives a record a new state. */
static int move(struct nx_service *service, const struct nx_agent_record *known,
                enum nx_agent_state state, const char *reason,
                const char *action, struct nx_agent_record *out) {
    struct nx_agent_record record = *known;
    record.state = (uint8_t)state;
    record.agent.accepted =
        state == NX_AGENT_ACCEPTED || state == NX_AGENT_QUARANTINED;
    record.changed_us = nx_service_now_us(service);
    record.agent.revoked_us = state == NX_AGENT_REVOKED ? record.changed_us : 0;
    snprintf(record.reason, sizeof(record.reason), "%s", reason);
    int err = change(service, &record, action, NULL);
    if (err == NX_OK) {
        *out = record;
    }
    return err;
}

int nx_service_agent_revoke(struct nx_service *service, const char *who,
                            struct nx_agent_record *out) {
    const struct nx_agent_record *known = fleet_record(service, who);
    return known == NULL ? NX_ENOTFOUND
                         : move(service, known, NX_AGENT_REVOKED, "",
                                "agent revoked", out);
}

int nx_service_agent_reject(struct nx_service *service, const char *key,
                            struct nx_agent_record *out) {
    char whole[NX_KEY_TEXT_MAX];
    int err = resolve_key(service, key, whole);
    if (err != NX_OK) {
        return err;
    }
    const struct nx_agent_record *known =
        nx_service_record_of_key(service, whole);
    if (known == NULL) {
        return nx_service_stranger_reject(service, whole,
                                          last_address(service, whole), out);
    }
    return known->agent.accepted ? NX_ESTATE
                                 : move(service, known, NX_AGENT_REJECTED, "",
                                        "agent rejected", out);
}

int nx_service_agent_quarantine(struct nx_service *service, const char *who,
                                const char *reason,
                                struct nx_agent_record *out) {
    const struct nx_agent_record *known = fleet_record(service, who);
    if (known == NULL) {
        return NX_ENOTFOUND;
    }
    if (known->state == NX_AGENT_QUARANTINED) {
        return NX_ESTATE;
    }
    return move(service, known, NX_AGENT_QUARANTINED, reason,
                "agent quarantined", out);
}

int nx_service_agent_release(struct nx_service *service, const char *who,
                             struct nx_agent_record *out) {
    const struct nx_agent_record *known = fleet_record(service, who);
    if (known == NULL) {
        return NX_ENOTFOUND;
    }
    if (known->state != NX_AGENT_QUARANTINED) {
        return NX_ESTATE;
    }
    return move(service, known, NX_AGENT_ACCEPTED, "", "agent released", out);
}

void nx_service_clones(struct nx_service *service) {
    char why[NX_AGENT_REASON_MAX];
    uint32_t id = 0;
    while ((id = nx_ingest_clone(service->ingest, id, why, sizeof(why))) != 0) {
        struct nx_agent_record record;
        const struct nx_agent_record *known = record_of_id(service, id);
        if (known != NULL) {
            nx_service_act_as(service, "collector");
            /* Not stored: with the next tick. Until then nothing is taken of
             * it, and the others do not wait for it. */
            (void)move(service, known, NX_AGENT_QUARANTINED, why,
                       "agent quarantined", &record);
        }
    }
}

static void visit_pending(const struct nx_service *service,
                          void (*visit)(void *user,
                                        const struct nx_agent_record *record),
                          void *user) {
    const struct nx_auth_pending *pending = NULL;
    size_t n = nx_auth_pending(service->auth, &pending);
    for (size_t i = 0; i < n; i++) {
        struct nx_agent_record record = {.state = NX_AGENT_PENDING,
                                         .changed_us = pending[i].last_us};
        memcpy(record.key, pending[i].key, sizeof(record.key));
        memcpy(record.address, pending[i].address, sizeof(record.address));
        visit(user, &record);
    }
}

void nx_service_agents(struct nx_service *service,
                       void (*visit)(void *user,
                                     const struct nx_agent_record *record),
                       void *user) {
    for (size_t i = 0; i < service->records_n; i++) {
        struct nx_agent_record record = service->records[i];
        const char *address =
            nx_ingest_address(service->ingest, record.agent.id);
        if (address[0] != '\0') {
            snprintf(record.address, sizeof(record.address), "%s", address);
        }
        record.claim =
            (uint8_t)nx_ingest_claim(service->ingest, record.agent.id);
        record.next =
            (uint8_t)nx_ingest_next_key(service->ingest, record.agent.id);
        visit(user, &record);
    }
    for (size_t i = 0; i < service->strangers.n; i++) {
        visit(user, nx_shelf_at(&service->strangers, i));
    }
    visit_pending(service, visit, user);
}
