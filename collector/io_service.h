/* The running collector: engine, store and stream behind the operations that
 * the API offers. Every change is stored and synced before it takes effect. */
#ifndef NX_COLLECTOR_IO_SERVICE_H
#define NX_COLLECTOR_IO_SERVICE_H

#include <event2/event.h>
#include <jansson.h>

#include "collector/api/access.h"
#include "collector/conf.h"
#include "collector/enrol/door_log.h"
#include "collector/enrol/enrolment.h"
#include "collector/ingest/agent_record.h"
#include "collector/store/io_store.h"

struct nx_service;

#define NX_SERVICE_WHY_MAX 512U

/* Starts everything but HTTP, in this order: keys, store, engine rebuilt from
 * the store, ZAP handler, ROUTER. conf and base are borrowed until _free. The
 * event loop is ended when keys cannot be judged any more (io_zap.h).
 * A store that can only be read now, or not even that, is one that refuses:
 * see nx_service_problem, nx_service_unread, nx_service_reopen.
 * store_check: look at every page of the store first. why: "what: reason" on
 * failure: NX_EDENIED (key file), NX_ECONFIG, NX_EMALFORMED, NX_ESTATE, NX_EIO,
 * NX_ENOMEM. */
int nx_service_new(struct event_base *base,
                   const struct nx_collector_conf *conf, bool store_check,
                   struct nx_service **out, char *why,
                   size_t why_cap) NX_MUSTUSE;
/* Commits what is open, acknowledges it, closes. */
void nx_service_free(struct nx_service **service);

/* Takes over what can change while running (where to listen); a broken part
 * leaves the old one in force and says so in the log. conf is borrowed from
 * now on instead of the one before. NX_EIO (a receiver's secret cannot be
 * read), NX_ENOMEM: said in the log, nothing has changed. */
int nx_service_reload(struct nx_service *service,
                      const struct nx_collector_conf *conf);

/* The service's clock: collector time now, microseconds. */
int64_t nx_service_now_us(const struct nx_service *service);

/* By which tokens and join strings expire: the collector's time, and never one
 * that is before what an earlier run knew. What has expired does not come back
 * where a start finds the clock behind. */
int64_t nx_service_doors_us(const struct nx_service *service);
struct nx_engine *nx_service_engine(struct nx_service *service);

/* Assigns incident->id. opened_us is set. NX_EIO/NX_EFULL from the store. */
int nx_service_incident_open(struct nx_service *service,
                             struct nx_incident *incident) NX_MUSTUSE;
int nx_service_incident_close(struct nx_service *service,
                              uint32_t id) NX_MUSTUSE;
/* The same a piece at a time, beside other work: of very many targets it takes
 * seconds. Until the last step the incident is open. new: NX_ENOTFOUND,
 * NX_ESTATE (it is closed), NX_ENOMEM. step: about so many targets, or what
 * takes as long; NX_CLOSING_*: there is more to do; 0: it is closed; else an
 * error of new or of the store, and it is not. Ends before the service does. */
struct nx_closing;
enum {
    NX_CLOSING_MORE = 1,
    NX_CLOSING_LATER, /* when the store is done with what it writes */
};
int nx_service_closing_new(struct nx_service *service, uint32_t id,
                           struct nx_closing **out) NX_MUSTUSE;
int nx_service_closing_step(struct nx_closing *closing,
                            size_t budget) NX_MUSTUSE;
void nx_service_closing_free(struct nx_closing **closing); /* NULL: nothing */

/* The recording of an incident; see io_export.h. NX_ENOTFOUND, NX_ENOMEM, an
 * error of the store. Ends before the service does. */
struct nx_export;
int nx_service_export(struct nx_service *service, uint32_t id,
                      struct nx_export **out) NX_MUSTUSE;

/* Changes of the incident's targets, see nx_store_transition_page.
 * NX_ENOTFOUND, an error of the store. */
struct nx_store_transition;
int nx_service_transitions(struct nx_service *service, uint32_t id,
                           const char *network, int64_t after_id,
                           unsigned n_max,
                           void (*visit)(void *user,
                                         const struct nx_store_transition *row),
                           void *user) NX_MUSTUSE;

/* key: Z85, or an unambiguous prefix (at least 6 characters) of a pending
 * key. Accepting a known key updates network, name and role.
 * NX_ENOTFOUND, NX_EMALFORMED (key or label), NX_EEXISTS (another agent has
 * this name), NX_ELIMIT (too many agents), NX_EIO. An empty name becomes the
 * network's, with a number when that is taken. */
int nx_service_agent_accept(struct nx_service *service, const char *key,
                            const struct nx_agent *agent,
                            struct nx_agent_record *out) NX_MUSTUSE;
/* who: an agent's name, key, beginning of the key, id or fingerprint
 * (common/keyid.h). Its connection is closed. NX_ENOTFOUND, NX_EIO. */
int nx_service_agent_revoke(struct nx_service *service, const char *who,
                            struct nx_agent_record *out) NX_MUSTUSE;
/* key: as for accept. It is refused from now on, and not pending any more.
 * NX_ENOTFOUND, NX_EMALFORMED, NX_ESTATE (accepted: revoke it), NX_EIO. */
int nx_service_agent_reject(struct nx_service *service, const char *key,
                            struct nx_agent_record *out) NX_MUSTUSE;
/* Shuts an accepted agent out until it is released; its network goes on without
 * it. reason: for people. NX_ENOTFOUND, NX_ESTATE (it is already), NX_EIO. */
int nx_service_agent_quarantine(struct nx_service *service, const char *who,
                                const char *reason,
                                struct nx_agent_record *out) NX_MUSTUSE;
/* NX_ENOTFOUND, NX_ESTATE (it is not in quarantine), NX_EIO. */
int nx_service_agent_release(struct nx_service *service, const char *who,
                             struct nx_agent_record *out) NX_MUSTUSE;
void nx_service_agents(struct nx_service *service,
                       void (*visit)(void *user,
                                     const struct nx_agent_record *record),
                       void *user);

/* How far the stored rows of an incident are read; {0}: not at all. */
struct nx_service_rows {
    enum { NX_ROWS_TRANSITIONS, NX_ROWS_FORECASTS, NX_ROWS_DONE } kind;
    int64_t after_id;
    unsigned read_n; /* of this kind, about */
    bool truncated;  /* there are more than NX_REPORT_EVENTS_MAX */
};
/* At most so many rows more into the report. NX_EAGAIN: there are more;
 * negative: an error of the store. */
struct nx_report;
int nx_service_report_rows(struct nx_service *service, uint32_t id,
                           struct nx_service_rows *rows, unsigned max,
                           struct nx_report *report) NX_MUSTUSE;

/* Alerts: who is told, and the newest messages, as JSON (nxclear-api(7)); NULL
 * when out of memory. */
json_t *nx_service_alert_list(struct nx_service *service);
/* Queues a message that tries receivers out; receiver "": all. NX_ENOTFOUND: no
 * such receiver, or none at all; an error of the store. */
int nx_service_alert_test(struct nx_service *service,
                          const char *receiver) NX_MUSTUSE;
/* Sets labels of a network that an accepted agent stands in, or of an accepted
 * agent, by name. NX_ENOTFOUND, NX_EMALFORMED (a value), NX_ELIMIT, an error of
 * the store. */
int nx_service_label(struct nx_service *service, enum nx_label_kind kind,
                     const char *name, const struct nx_label_change *changes,
                     size_t n) NX_MUSTUSE;

/* The ledger of an agent; NX_ENOTFOUND: it said no hello since the start. */
struct nx_ledger;
int nx_service_ledger(const struct nx_service *service, uint32_t agent_id,
                      struct nx_ledger *out) NX_MUSTUSE;
/* The score of the period as a document (score/document.h); a new reference.
 * NX_ENOMEM, an error of the store. */
int nx_service_scores(struct nx_service *service,
                      const struct nx_store_period *in,
                      json_t **out) NX_MUSTUSE;
/* The same of the last 30 days, at most a minute old while nothing is scored,
 * without how many are not scored; borrowed until the next call. NULL: could
 * not be read. */
const json_t *nx_service_score_of_late(struct nx_service *service);

/* --- doors --- */

/* Who asks for what is done from now on, for the audit log; copied. */
void nx_service_act_as(struct nx_service *service, const char *who);
/* The newest entries of that log, NX_DOOR_LOG_SHOWN_MAX at most, oldest first.
 */
int nx_service_door_log(struct nx_service *service,
                        void (*visit)(void *user,
                                      const struct nx_door_entry *entry),
                        void *user) NX_MUSTUSE;

/* Makes a join string; text (NX_JOIN_TEXT_MAX bytes) is shown once and kept
 * nowhere. NX_ESTATE: no enrolment port is configured; NX_EADDRESS: it listens
 * on every address, and which one is the agents' is not configured; NX_ELIMIT:
 * too many; NX_EIO, NX_EFULL. */
int nx_service_enrol_create(struct nx_service *service,
                            const struct nx_api_enrolment *asked,
                            struct nx_enrolment *out, char *text) NX_MUSTUSE;
/* NX_ENOTFOUND; NX_ESTATE: not open any more. */
int nx_service_enrol_revoke(struct nx_service *service, uint32_t id,
                            struct nx_enrolment *out) NX_MUSTUSE;
void nx_service_enrolments(const struct nx_service *service,
                           void (*visit)(void *user,
                                         const struct nx_enrolment *enrolment),
                           void *user);
/* A stranger shows a token at the enrolment port: he is accepted, or told why
 * not. key: the one CURVE authenticated, Z85; address: where he comes from. */
void nx_service_enrol_claim(struct nx_service *service, const char *key,
                            const char *address,
                            const struct nx_join_request *request,
                            struct nx_join_reply *reply);

/* Makes a token; text (NX_TOKEN_TEXT_LEN + 1 bytes) is shown once and kept
 * nowhere. NX_EEXISTS: a valid token has the name; NX_ELIMIT: too many;
 * NX_EIO, NX_EFULL. */
int nx_service_token_create(struct nx_service *service,
                            const struct nx_api_token *asked,
                            struct nx_token *out, char *text) NX_MUSTUSE;
/* NX_ENOTFOUND: no valid token of that name. */
int nx_service_token_revoke(struct nx_service *service, const char *name,
                            struct nx_token *out) NX_MUSTUSE;
void nx_service_tokens(const struct nx_service *service,
                       void (*visit)(void *user, const struct nx_token *token),
                       void *user);
/* See nx_token_grant. */
int nx_service_token_grant(const struct nx_service *service, const char *text,
                           struct nx_grant *out) NX_MUSTUSE;
bool nx_service_token_valid(const struct nx_service *service, uint32_t id);

/* What keeps results from being stored, and what to do; NULL: nothing. Does not
 * wait for the disk. Borrowed until the service changes. */
const char *nx_service_problem(const struct nx_service *service);
/* Nothing of what is stored is known: nobody is to be told that there is none,
 * and no agent is listened to. */
bool nx_service_unread(const struct nx_service *service);
/* The event loop was ended because a store that could not be written at the
 * start can be: the service is to be made anew. */
bool nx_service_reopen(const struct nx_service *service);

/* Counters for /healthz and /metrics. */
struct nx_service_health {
    bool storing;      /* false: the store refuses, acks stopped */
    bool readable;     /* false: nothing of what is stored is known */
    bool admitting;    /* false: nobody judges keys, no agent gets in */
    char problem[256]; /* what is wrong and what to do; "" */
    uint64_t batches_n, results_n, duplicates_n, out_of_order_n;
    uint64_t rejected_n; /* messages that broke a rule */
    uint64_t too_new_n;  /* of a newer version, left with their agents */
    uint64_t refused_keys_n;
    uint64_t handlers_remade_n; /* of keys: io_zap.h */
    uint64_t over_quota_n;      /* batches left for later: io_ingest.h */
    uint64_t too_fast_n;        /* messages, the same */
    uint64_t no_room_n;         /* targets: engine.h */
    uint64_t lost_n;            /* results, for want of memory: engine.h */
    uint64_t surplus_n;         /* connections of keys that have too many */
    uint64_t kept_bytes;        /* the store's file */
    uint64_t free_bytes;        /* of it, to be used again */
    uint64_t deleted_n;         /* batches, by retention */
    int64_t started_us;
    uint64_t alerts_sent_n, alerts_failed_n; /* attempts */
    uint64_t alerts_given_up_n;              /* messages */
};
void nx_service_health(const struct nx_service *service,
                       struct nx_service_health *out);

#endif
