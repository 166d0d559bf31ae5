/* What the HTTP server asks of the service: a small stand-in for it, with the
 * real engine. Included once, by tests/lib/http.h. */
#ifndef NX_TESTS_LIB_HTTP_SERVICE_H
#define NX_TESTS_LIB_HTTP_SERVICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/api/io_http.h"
#include "collector/store/io_export.h"
#include "collector/store/io_store.h"
#include "common/text.h"

struct nx_service {
    struct nx_engine *engine;
    struct nx_agent_record agents[4];
    size_t agents_n;
    uint32_t incidents_n;
    bool broken;
    bool unread;      /* and that, too */
    bool expired;     /* its token */
    uint32_t over_id; /* a token that was revoked */
};

int64_t nx_service_doors_us(const struct nx_service *service) {
    return nx_service_now_us(service);
}

int64_t nx_service_now_us(const struct nx_service *service) {
    struct timespec now;
    (void)service;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct nx_engine *nx_service_engine(struct nx_service *service) {
    return service->engine;
}

int nx_service_incident_open(struct nx_service *service,
                             struct nx_incident *incident) {
    if (strcmp(incident->note, "unread") == 0) {
        service->unread = true;
        service->broken = true;
        return NX_EFULL;
    }
    if (strcmp(incident->note, "break") == 0) {
        service->broken = true;
        return NX_EFULL;
    }
    incident->id = ++service->incidents_n;
    return nx_engine_incident_open(service->engine, incident);
}

/* Held up for as long as a test wants, which may share this with the server. */
struct closings {
    volatile bool held;
    volatile unsigned steps_n;
};
static struct closings own_closings;
static struct closings *closings = &own_closings;

struct nx_closing {
    struct nx_service *service;
    uint32_t id;
};

int nx_service_closing_new(struct nx_service *service, uint32_t id,
                           struct nx_closing **out) {
    const struct nx_incident *known = nx_engine_incident(service->engine, id);
    if (known == NULL || known->closed_us != NX_TIME_UNKNOWN) {
        return known == NULL ? NX_ENOTFOUND : NX_ESTATE;
    }
    *out = calloc(1, sizeof **out);
    assert_non_null(*out);
    **out = (struct nx_closing){service, id};
    return 0;
}

int nx_service_closing_step(struct nx_closing *closing, size_t budget) {
    (void)budget;
    closings->steps_n++;
    if (closings->held) {
        return 1;
    }
    return nx_engine_incident_close(closing->service->engine, closing->id,
                                    nx_service_now_us(closing->service));
}

void nx_service_closing_free(struct nx_closing **closing) {
    free(*closing);
    *closing = NULL;
}

/* The store has nothing to report. */
int nx_service_report_rows(struct nx_service *service, uint32_t id,
                           struct nx_service_rows *rows, unsigned max,
                           struct nx_report *report) {
    (void)service;
    (void)id;
    (void)max;
    (void)report;
    rows->kind = NX_ROWS_DONE;
    return 0;
}

/* Incident 1 has five transitions in two networks. */
int nx_service_transitions(struct nx_service *service, uint32_t id,
                           const char *network, int64_t after_id,
                           unsigned n_max,
                           void (*visit)(void *user,
                                         const struct nx_store_transition *row),
                           void *user) {
    if (nx_engine_incident(service->engine, id) == NULL) {
        return NX_ENOTFOUND;
    }
    for (int64_t i = after_id + 1; id == 1 && i <= 5 && n_max > 0; i++) {
        const struct nx_store_transition row = {
            .id = i,
            .at_us = 1795205946 * INT64_C(1000000) + i,
            .network = i % 2 == 1 ? "lyon" : "oslo",
            .agent = "lyon",
            .resolver = "192.0.2.53@53",
            .name = "www.example.com.",
            .type = "A",
            .from_state = i == 1 ? NULL : "unknown",
            .to_state = "cached-nxdomain"};
        if (network == NULL || strcmp(network, row.network) == 0) {
            visit(user, &row);
            n_max--;
        }
    }
    return 0;
}

/* Three parts of a recording; incident 2 breaks off, 4 is more than a socket
 * holds. */
struct nx_export {
    unsigned parts_n, parts_max;
    bool breaks;
};

int nx_service_export(struct nx_service *service, uint32_t id,
                      struct nx_export **out) {
    if (nx_engine_incident(service->engine, id) == NULL) {
        return NX_ENOTFOUND;
    }
    *out = calloc(1, sizeof **out);
    (*out)->breaks = id == 2;
    (*out)->parts_max = id == 4 ? 100 : 3;
    return 0;
}

int nx_export_next(struct nx_export *export, struct nx_text *out) {
    export->parts_n++;
    if (export->breaks && export->parts_n == 2) {
        return NX_EIO;
    }
    for (unsigned i = 0; i < 20000; i++) {
        nx_text_addf(out, "%u.%u\n", export->parts_n, i);
    }
    return export->parts_n < export->parts_max ? 1 : 0;
}

void nx_export_free(struct nx_export **export) {
    free(*export);
    *export = NULL;
}

int nx_service_agent_accept(struct nx_service *service, const char *key,
                            const struct nx_agent *agent,
                            struct nx_agent_record *out) {
    struct nx_agent_record *record = &service->agents[0];
    if (strcmp(key, "unknown") == 0) {
        return NX_ENOTFOUND;
    }
    memset(record, 0, sizeof *record);
    record->agent = *agent;
    record->agent.id = 1;
    record->state = NX_AGENT_ACCEPTED;
    record->changed_us = nx_service_now_us(service);
    (void)snprintf(record->key, sizeof record->key, "%s", key);
    service->agents_n = 1;
    *out = *record;
    return nx_engine_agent_set(service->engine, &record->agent);
}

int nx_service_agent_revoke(struct nx_service *service, const char *who,
                            struct nx_agent_record *out) {
    struct nx_agent_record *record = &service->agents[0];
    if (service->agents_n == 0 || strcmp(record->agent.name, who) != 0) {
        return NX_ENOTFOUND;
    }
    record->state = NX_AGENT_REVOKED;
    *out = *record;
    return 0;
}

int nx_service_label(struct nx_service *service, enum nx_label_kind kind,
                     const char *name, const struct nx_label_change *changes,
                     size_t n) {
    const struct nx_agent *agent = &service->agents[0].agent;
    struct nx_labels labels;
    const char *why = "";
    if (service->agents_n == 0 ||
        strcmp(kind == NX_LABELS_OF_AGENT ? agent->name : agent->network,
               name) != 0) {
        return NX_ENOTFOUND;
    }
    nx_engine_labels_own(service->engine, kind, name, NX_LABELS_STORED,
                         &labels);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(
            nx_labels_set(&labels, changes[i].key, changes[i].value, &why), 0);
    }
    return nx_engine_labels_set(service->engine, kind, name, NX_LABELS_STORED,
                                &labels);
}

int nx_service_ledger(const struct nx_service *service, uint32_t agent_id,
                      struct nx_ledger *out) {
    (void)service;
    (void)agent_id;
    (void)out;
    return NX_ENOTFOUND;
}

int nx_service_scores(struct nx_service *service,
                      const struct nx_store_period *in, json_t **out) {
    if (service->broken) {
        return NX_EIO;
    }
    *out = json_pack("{s:I, s:[]}", "incident", (json_int_t)in->incident_id,
                     "learnt");
    return *out == NULL ? NX_ENOMEM : 0;
}

const json_t *nx_service_score_of_late(struct nx_service *service) {
    (void)service;
    return NULL;
}

void nx_service_agents(struct nx_service *service,
                       void (*visit)(void *user,
                                     const struct nx_agent_record *record),
                       void *user) {
    for (size_t i = 0; i < service->agents_n; i++) {
        visit(user, &service->agents[i]);
    }
}

const char *nx_service_problem(const struct nx_service *service) {
    return service->broken ? "no space left" : NULL;
}

bool nx_service_unread(const struct nx_service *service) {
    return service->unread;
}

void nx_service_health(const struct nx_service *service,
                       struct nx_service_health *out) {
    memset(out, 0, sizeof *out);
    out->storing = !service->broken;
    out->readable = !service->unread;
    out->admitting = true;
    out->results_n = 1234;
    out->started_us = 1795205946 * INT64_C(1000000);
    (void)snprintf(out->problem, sizeof out->problem, "%s",
                   service->broken ? "no space left" : "");
}

/* A token that reads one network, and one that does everything. */
#define TOKEN_READ "nxt_abcdefghijklmnopqrstuvwxyz234567"
#define TOKEN_ADMIN "nxt_234567abcdefghijklmnopqrstuvwxyz"
#define AS_ADMIN "Authorization: Bearer " TOKEN_ADMIN
#define AS_READER "Authorization: Bearer " TOKEN_READ

int nx_service_token_grant(const struct nx_service *service, const char *text,
                           struct nx_grant *out) {
    bool admin = strcmp(text, TOKEN_ADMIN) == 0;
    if (!admin && strcmp(text, TOKEN_READ) != 0) {
        return NX_EDENIED;
    }
    (void)service;
    *out = (struct nx_grant){.scope = admin ? NX_SCOPE_ADMIN : NX_SCOPE_READ,
                             .sight = {.networks_n = admin ? 0 : 1},
                             .token_id = admin ? 1 : 2};
    (void)snprintf(out->sight.networks[0], NX_TEXT_LABEL_MAX, "%s",
                   admin ? "" : "lyon");
    return 0;
}

bool nx_service_token_valid(const struct nx_service *service, uint32_t id) {
    return !service->broken && service->over_id != id;
}

void nx_service_act_as(struct nx_service *service, const char *who) {
    (void)service;
    (void)who;
}

int nx_service_agent_reject(struct nx_service *service, const char *key,
                            struct nx_agent_record *out) {
    (void)service;
    (void)out;
    return strcmp(key, "lyon-1") == 0 ? NX_ESTATE : NX_ENOTFOUND;
}

int nx_service_agent_quarantine(struct nx_service *service, const char *who,
                                const char *reason,
                                struct nx_agent_record *out) {
    struct nx_agent_record *record = &service->agents[0];
    if (strcmp(who, record->agent.name) != 0) {
        return NX_ENOTFOUND;
    }
    record->state = NX_AGENT_QUARANTINED;
    (void)snprintf(record->reason, sizeof record->reason, "%s", reason);
    *out = *record;
    return 0;
}

int nx_service_agent_release(struct nx_service *service, const char *who,
                             struct nx_agent_record *out) {
    (void)service;
    (void)who;
    (void)out;
    return NX_ESTATE;
}

int nx_service_door_log(struct nx_service *service,
                        void (*visit)(void *user,
                                      const struct nx_door_entry *entry),
                        void *user) {
    const struct nx_door_entry entry = {.at_us = nx_service_now_us(service),
                                        .who = "unix socket, uid 0",
                                        .action = "agent accepted",
                                        .subject = "lyon-1",
                                        .key = "",
                                        .detail = ""};
    visit(user, &entry);
    return 0;
}

int nx_service_enrol_create(struct nx_service *service,
                            const struct nx_api_enrolment *asked,
                            struct nx_enrolment *out, char *text) {
    if (strcmp(asked->network, "noport") == 0) {
        return NX_ESTATE;
    }
    *out = (struct nx_enrolment){.id = 3,
                                 .created_us = nx_service_now_us(service),
                                 .expires_us = nx_service_now_us(service) +
                                               asked->lasts_us,
                                 .revoked_us = NX_TIME_UNKNOWN,
                                 .used_us = NX_TIME_UNKNOWN};
    (void)snprintf(out->network, sizeof out->network, "%s", asked->network);
    (void)snprintf(text, NX_JOIN_TEXT_MAX, "nxj1abc");
    return 0;
}

int nx_service_enrol_revoke(struct nx_service *service, uint32_t id,
                            struct nx_enrolment *out) {
    (void)service;
    (void)out;
    return id == 3 ? NX_ESTATE : NX_ENOTFOUND;
}

void nx_service_enrolments(const struct nx_service *service,
                           void (*visit)(void *user,
                                         const struct nx_enrolment *enrolment),
                           void *user) {
    (void)service;
    (void)visit;
    (void)user;
}

int nx_service_token_create(struct nx_service *service,
                            const struct nx_api_token *asked,
                            struct nx_token *out, char *text) {
    if (strcmp(asked->name, "taken") == 0) {
        return NX_EEXISTS;
    }
    *out = (struct nx_token){.id = 3,
                             .scope = asked->scope,
                             .sight = asked->sight,
                             .created_us = nx_service_now_us(service),
                             .expires_us = NX_TIME_UNKNOWN,
                             .revoked_us = NX_TIME_UNKNOWN};
    (void)snprintf(out->name, sizeof out->name, "%s", asked->name);
    (void)snprintf(text, NX_TOKEN_TEXT_LEN + 1, "%s", TOKEN_READ);
    return 0;
}

int nx_service_token_revoke(struct nx_service *service, const char *name,
                            struct nx_token *out) {
    if (strcmp(name, "reader") != 0 && strcmp(name, "admin") != 0) {
        return NX_ENOTFOUND;
    }
    service->over_id = strcmp(name, "admin") == 0 ? 1 : 2;
    *out = (struct nx_token){.id = service->over_id,
                             .expires_us = NX_TIME_UNKNOWN,
                             .revoked_us = nx_service_now_us(service)};
    return 0;
}

void nx_service_tokens(const struct nx_service *service,
                       void (*visit)(void *user, const struct nx_token *token),
                       void *user) {
    const struct nx_token token = {.name = "grafana",
                                   .expires_us =
                                       service->expired ? 1 : NX_TIME_UNKNOWN,
                                   .revoked_us = NX_TIME_UNKNOWN};
    if (!service->broken) {
        visit(user, &token);
    }
}

#endif
