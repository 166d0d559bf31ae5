#include "collector/io_service_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "collector/store/io_export.h"
#include "common/io_log.h"

/* Less than that is the daily way of clocks. */
#define CLOCK_BEHIND_US INT64_C(60000000)

int64_t nx_service_now_us(const struct nx_service *service) {
    return nx_steady_wall_us(&service->clock);
}

int64_t nx_service_doors_us(const struct nx_service *service) {
    return nx_service_now_us(service) + service->doors_ahead_us;
}

struct nx_engine *nx_service_engine(struct nx_service *service) {
    return service->engine;
}

/* --- life --- */

static int start_store(struct nx_service *service, bool check, char *why,
                       size_t why_cap) {
    const struct nx_store_options options = {.check = check, .anyway = true};
    int err = nx_store_open(service->conf->store_path, &options,
                            &service->store, why, why_cap);
    if (err == NX_OK) {
        err = nx_engine_new(&service->settings, &service->engine);
    }
    if (err == NX_OK) {
        err = nx_service_tokens_load(service);
    }
    if (err == NX_OK) {
        err = nx_service_enrolments_load(service);
    }
    return err;
}

/* libzmq's own is known of NX_EIO only. */
static const char *reason(int err) {
    return err == NX_EIO ? zmq_strerror(zmq_errno()) : nx_strerror(err);
}

/* The ZAP handler before the CURVE socket: see io_auth.h. */
static int start_sockets(struct nx_service *service,
                         const struct nx_keypair *keys, char *why,
                         size_t why_cap) {
    service->zmq = zmq_ctx_new();
    if (service->zmq == NULL) {
        return NX_ENOMEM;
    }
    int err = nx_auth_new(service->base, service->zmq, &service->clock,
                          &service->auth);
    if (err != NX_OK) {
        snprintf(why, why_cap, "cannot bind the ZAP handler: %s", reason(err));
        return err;
    }
    const struct nx_ingest_parts parts = {
        .base = service->base,
        .zmq = service->zmq,
        .store = service->store,
        .engine = service->engine,
        .clock = &service->clock,
        .plan_valid_s = service->settings.plan_valid_s,
        .agent_bytes_per_hour =
            (uint64_t)service->conf->retention.agent_mib_per_hour << 20,
        .agent_messages_per_s = service->conf->limits.agent_messages_per_s,
        .agent_kib_per_s = service->conf->limits.agent_kib_per_s,
    };
    err = nx_ingest_new(&parts, keys, &service->ingest);
    if (err != NX_OK) {
        snprintf(why, why_cap, "cannot make the socket: %s", reason(err));
    }
    return err;
}

static void on_claim(void *arg, const char *key, const char *address,
                     const struct nx_join_request *request,
                     struct nx_join_reply *reply) {
    nx_service_enrol_claim(arg, key, address, request, reply);
}

static int start_enrolment(struct nx_service *service,
                           const struct nx_keypair *keys, char *why,
                           size_t why_cap) {
    const char *endpoint = service->conf->enrol_listen;
    if (endpoint == NULL) {
        return NX_OK;
    }
    service->enrol_listen = strdup(endpoint);
    return service->enrol_listen == NULL
               ? NX_ENOMEM
               : nx_enrol_new(service->base, &service->clock, endpoint, keys,
                              on_claim, service, &service->enrol, why, why_cap);
}

/* Incidents that were opened by a clock that was ahead go on by that clock. */
static int set_clock(struct nx_service *service) {
    struct nx_lead_marks marks;
    int64_t wall_us = nx_service_now_us(service);
    int err = nx_store_lead_marks(service->store, wall_us, &marks);
    if (err != NX_OK) {
        return err;
    }
    int64_t lead_us = nx_lead(&marks, wall_us);
    service->clock.wall0_us += lead_us;
    service->started_us = nx_service_now_us(service);
    if (lead_us > 0) {
        snprintf(service->clock_problem, sizeof(service->clock_problem),
                 "the clock was set back: for the incidents that were opened "
                 "before that, all times are by the old one, %" PRId64
                 " s ahead; start the collector again when they are closed",
                 lead_us / 1000000);
    } else if (marks.far_n > 0) {
        snprintf(service->clock_problem, sizeof(service->clock_problem),
                 "%" PRIu64 " open incidents were opened by a clock that was "
                 "more than a day ahead: nothing that agents see counts for "
                 "them; close them and open new ones",
                 marks.far_n);
    }
    if (service->clock_problem[0] != '\0') {
        nx_log(NX_LOG_ERROR, "%s", service->clock_problem);
    }
    return NX_OK;
}

/* A host without a clock of its own may start long before its time is set. */
static int set_doors_clock(struct nx_service *service) {
    struct nx_retained_kept kept;
    int err = nx_store_retained_get(service->store, &kept);
    if (err != NX_OK) {
        return err == NX_ENOTFOUND ? NX_OK : err;
    }
    int64_t ahead_us = kept.by_us - nx_service_now_us(service);
    service->doors_ahead_us = ahead_us > 0 ? ahead_us : 0;
    if (ahead_us > CLOCK_BEHIND_US && service->clock_problem[0] == '\0') {
        snprintf(service->clock_problem, sizeof(service->clock_problem),
                 "the clock is at least %" PRId64
                 " s behind that of the run before: tokens and join strings "
                 "expire by that one; set a wrong clock, and start the "
                 "collector again; one that is right is trusted at a start "
                 "after a day",
                 ahead_us / 1000000);
        nx_log(NX_LOG_ERROR, "%s", service->clock_problem);
    }
    return NX_OK;
}

/* Agents whose keys are not known would be turned away. */
static int listen_to_agents(struct nx_service *service,
                            const struct nx_collector_conf *conf, char *why,
                            size_t why_cap) {
    return nx_service_unread(service)
               ? NX_OK
               : nx_ingest_listen(service->ingest, conf->listen, conf->listen_n,
                                  why, why_cap);
}

static int start(struct nx_service *service, const struct nx_keypair *keys,
                 bool check, char *why, size_t why_cap) {
    int err = start_store(service, check, why, why_cap);
    if (err == NX_OK) {
        why[0] = '\0'; /* what fails without a word is told below */
        err = set_clock(service);
    }
    if (err == NX_OK) {
        err = set_doors_clock(service);
    }
    if (err == NX_OK) {
        err = start_sockets(service, keys, why, why_cap);
    }
    if (err == NX_OK) {
        err = nx_service_rebuild(service, why, why_cap);
    }
    if (err == NX_OK) {
        nx_service_judged_anew(service);
        err = nx_service_announce(service, service->conf, why, why_cap);
    }
    if (err == NX_OK) {
        err = listen_to_agents(service, service->conf, why, why_cap);
    }
    if (err == NX_OK && !nx_service_unread(service)) {
        err = start_enrolment(service, keys, why, why_cap);
    }
    if (err == NX_OK) {
        err = nx_service_ticks_init(service);
    }
    if (err == NX_OK) {
        err = nx_service_alerts_init(service, &service->conf->alerts, why);
    }
    if (err == NX_OK) {
        why[0] = '\0';
        err = nx_service_retain_init(service);
    }
    if (err != NX_OK && why[0] == '\0') {
        snprintf(why, why_cap, "cannot start: %s",
                 nx_store_reason(service->store, err));
    }
    service->derived_stale = true; /* the last stop may have been a hard one */
    return err;
}

int nx_service_new(struct event_base *base,
                   const struct nx_collector_conf *conf, bool store_check,
                   struct nx_service **out, char *why, size_t why_cap) {
    struct nx_keypair keys;
    snprintf(why, why_cap, "%s", nx_strerror(NX_ENOMEM));
    int err = nx_keys_read(conf->key_path, &keys, why, why_cap);
    if (err != NX_OK) {
        return NX_EDENIED;
    }
    struct nx_service *service = calloc(1, sizeof(*service));
    if (service == NULL) {
        nx_keys_wipe(&keys);
        return NX_ENOMEM;
    }
    service->base = base;
    service->conf = conf;
    service->settings = conf->engine;
    memcpy(service->server_key, keys.public_key, sizeof(service->server_key));
    service->resolvers_from_us = INT64_MAX;
    nx_steady_init(&service->clock);
    service->started_us = nx_service_now_us(service);
    err = start(service, &keys, store_check, why, why_cap);
    nx_keys_wipe(&keys);
    if (err != NX_OK) {
        nx_service_free(&service);
        return err;
    }
    *out = service;
    return NX_OK;
}

void nx_service_free(struct nx_service **service_p) {
    struct nx_service *service = *service_p;
    if (service == NULL) {
        return;
    }
    nx_service_retain_fini(service);
    nx_service_ticks_fini(service);
    nx_service_alerts_fini(service);
    nx_enrol_free(&service->enrol);
    nx_ingest_free(&service->ingest);
    nx_auth_free(&service->auth);
    nx_engine_free(&service->engine);
    nx_store_close(&service->store);
    if (service->zmq != NULL) { /* last: it waits for the network */
        (void)zmq_ctx_term(service->zmq);
    }
    free(service->records);
    json_decref(service->score);
    nx_shelf_fini(&service->strangers);
    nx_shelf_fini(&service->tokens);
    nx_shelf_fini(&service->enrolments);
    free(service->enrol_listen);
    free(service);
    *service_p = NULL;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void say_restart(bool same, const char *what) {
    if (!same) {
        nx_log(NX_LOG_WARN, "%s changed: takes effect at the next start", what);
    }
}

int nx_service_reload(struct nx_service *service,
                      const struct nx_collector_conf *conf) {
    const struct nx_collector_conf *old = service->conf;
    char why[NX_SERVICE_WHY_MAX];
    int err = nx_service_alerts_init(service, &conf->alerts, why);
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "alerts: %s; the old configuration stays", why);
        return err;
    }
    bool same_key = same_text(old->key_path, conf->key_path);
    say_restart(same_key, "key");
    /* With another key to come, agents must go on knowing that one. */
    if (same_key &&
        nx_service_announce(service, conf, why, sizeof(why)) != NX_OK) {
        nx_log(NX_LOG_ERROR, "%s; announcing what was announced before", why);
    }
    say_restart(same_text(old->store_path, conf->store_path), "store");
    say_restart(same_text(old->http_unix, conf->http_unix) &&
                    same_text(old->http_listen, conf->http_listen) &&
                    same_text(old->http_origin, conf->http_origin),
                "http");
    say_restart(same_text(old->enrol_listen, conf->enrol_listen),
                "enrol.listen");
    say_restart(memcmp(&old->limits, &conf->limits, sizeof(conf->limits)) ==
                        0 &&
                    old->retention.agent_mib_per_hour ==
                        conf->retention.agent_mib_per_hour,
                "limits or retention.agent_mib_per_hour");
    say_restart(memcmp(&old->engine, &conf->engine, sizeof(conf->engine)) == 0,
                "estimate, plan or canary");
    if (listen_to_agents(service, conf, why, sizeof(why)) != NX_OK) {
        nx_log(NX_LOG_ERROR, "%s; listening where it was before", why);
    }
    service->conf = conf;
    nx_service_labels_configure(service);
    return NX_OK;
}

/* --- incidents --- */

static int store_incident(struct nx_service *service,
                          struct nx_incident *incident) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    int err = nx_group_begin(group);
    if (err != NX_OK) {
        return err;
    }
    err = nx_store_incident_add(service->store, incident);
    if (err == NX_OK) {
        err = nx_service_then(service, incident);
    }
    return nx_group_end(group, err);
}

static void drop_incident(struct nx_service *service, uint32_t id) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    int err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group, nx_store_incident_drop(service->store, id));
    }
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "incident %" PRIu32 " stays in the store: %s", id,
               nx_store_reason(service->store, err));
    }
}

int nx_service_incident_open(struct nx_service *service,
                             struct nx_incident *incident) {
    struct nx_incident opened = *incident;
    if (opened.opened_us == 0) {
        opened.opened_us = nx_service_now_us(service);
    }
    int err = nx_service_learnt(service, &opened.learnt);
    if (err != NX_OK) {
        return err;
    }
    err = store_incident(service, &opened);
    if (err != NX_OK) {
        return err;
    }
    err = nx_engine_incident_open(service->engine, &opened);
    if (err != NX_OK) {
        drop_incident(service, opened.id);
        return err;
    }
    nx_ingest_withdraw(service->ingest); /* sibling labels rest from now on */
    incident->id = opened.id;
    incident->opened_us = opened.opened_us;
    return NX_OK;
}

int nx_service_export(struct nx_service *service, uint32_t id,
                      struct nx_export **out) {
    const struct nx_export_parts parts = {
        .store = service->store,
        .incident = nx_engine_incident(service->engine, id),
        .settings = &service->settings,
        .records = service->records,
        .records_n = service->records_n,
    };
    return parts.incident == NULL ? NX_ENOTFOUND : nx_export_new(&parts, out);
}

int nx_service_transitions(struct nx_service *service, uint32_t id,
                           const char *network, int64_t after_id,
                           unsigned n_max,
                           void (*visit)(void *user,
                                         const struct nx_store_transition *row),
                           void *user) {
    return nx_engine_incident(service->engine, id) == NULL
               ? NX_ENOTFOUND
               : nx_store_transition_page(service->store, id, network, after_id,
                                          n_max, visit, user);
}

/* --- health --- */

int nx_service_ledger(const struct nx_service *service, uint32_t agent_id,
                      struct nx_ledger *out) {
    return nx_ingest_ledger(service->ingest, agent_id, out);
}

static const char *problem_of(const struct nx_service *service) {
    const char *problems[] = {
        nx_group_problem(nx_ingest_group(service->ingest)),
        nx_auth_problem(service->auth),
        service->enrol != NULL ? nx_enrol_problem(service->enrol) : "",
        nx_ingest_problem(service->ingest),
        service->clock_problem,
        service->retain.problem,
    };
    size_t i = 0;
    while (i < 5 && problems[i][0] == '\0') {
        i++;
    }
    return problems[i];
}

const char *nx_service_problem(const struct nx_service *service) {
    return nx_group_storing(nx_ingest_group(service->ingest))
               ? NULL
               : problem_of(service);
}

bool nx_service_unread(const struct nx_service *service) {
    return nx_store_unread(service->store);
}

bool nx_service_reopen(const struct nx_service *service) {
    return nx_group_reopen(nx_ingest_group(service->ingest));
}

void nx_service_health(const struct nx_service *service,
                       struct nx_service_health *out) {
    struct nx_group *group = nx_ingest_group(service->ingest);
    const struct nx_group_counters *stored = nx_group_counters(group);
    struct nx_ingest_counters in;
    nx_ingest_counters(service->ingest, &in);
    memset(out, 0, sizeof(*out));
    out->storing = nx_group_storing(group);
    out->readable = !nx_service_unread(service);
    snprintf(out->problem, sizeof(out->problem), "%s", problem_of(service));
    out->batches_n = stored->batches_n;
    out->results_n = stored->results_n;
    out->duplicates_n = in.duplicates_n;
    out->out_of_order_n = in.out_of_order_n;
    out->deleted_n = service->retain.deleted_n;
    if (nx_store_size(service->store, &out->kept_bytes, &out->free_bytes) !=
        NX_OK) {
        out->kept_bytes = out->free_bytes = 0;
    }
    out->over_quota_n = in.over_quota_n;
    out->too_fast_n = in.too_fast_n;
    out->no_room_n = nx_engine_counts(service->engine)->no_room_n;
    out->lost_n = nx_engine_counts(service->engine)->lost_n;
    out->surplus_n = in.surplus_n + nx_auth_crowding(service->auth);
    out->rejected_n = in.rejected_n + in.unidentified_n;
    out->too_new_n = in.too_new_n;
    out->refused_keys_n = nx_auth_refused(service->auth);
    out->admitting = nx_auth_problem(service->auth)[0] == '\0';
    out->handlers_remade_n = nx_auth_remade(service->auth);
    if (service->enrol != NULL) {
        struct nx_enrol_counters enrol;
        nx_enrol_counters(service->enrol, &enrol);
        out->handlers_remade_n += enrol.remade_n;
    }
    out->started_us = service->started_us;
    if (service->postbox != NULL) {
        struct nx_postbox_counters alerts;
        nx_postbox_counters(service->postbox, &alerts);
        out->alerts_sent_n = alerts.sent_n;
        out->alerts_failed_n = alerts.failed_n;
        out->alerts_given_up_n =
            alerts.given_up_n + nx_store_alerts_over(service->store);
    }
}
