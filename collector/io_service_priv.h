/* Inside io_service*.c only. */
#ifndef NX_COLLECTOR_IO_SERVICE_PRIV_H
#define NX_COLLECTOR_IO_SERVICE_PRIV_H

#include "collector/alert/io_alerts.h"
#include "collector/enrol/io_enrol.h"
#include "collector/enrol/shelf.h"
#include "collector/ingest/io_auth.h"
#include "collector/ingest/io_ingest.h"
#include "collector/ingest/quiet.h"
#include "collector/io_service.h"
#include "collector/status/board.h"
#include "collector/status/status.h"
#include "collector/store/io_store_retain.h"
#include "common/slice.h"

struct nx_retain {
    struct event *on_slice;
    bool passing;
    struct nx_store_retention pass;
    unsigned rows;      /* of the next slice */
    int64_t took_us;    /* the last one, with its commit */
    uint64_t deleted_n; /* batches, since the start */
    struct nx_retained retained;
    enum nx_retained_clock clock;
    struct nx_retained_kept kept; /* when the pass is over */
    char problem[240]; /* the clock is not trusted, and what to do; "" */
};

struct nx_service {
    struct event_base *base;
    const struct nx_collector_conf *conf;
    struct nx_engine_settings settings; /* in force: those at the start */
    struct nx_steady clock;
    int64_t started_us;
    char clock_problem[240]; /* it was set back; "" */
    int64_t doors_ahead_us;  /* nx_service_doors_us: of the collector's time */
    void *zmq;
    struct nx_store *store;
    struct nx_engine *engine;
    struct nx_auth *auth;
    struct nx_ingest *ingest;
    struct nx_enrol *enrol; /* NULL: no enrolment port */
    char *enrol_listen;     /* where it is, whatever conf says by now */
    struct event *on_tick;
    struct event *on_judge;          /* between ticks, while targets are due */
    struct nx_slice judged;          /* ... so many at a time */
    bool judge_turn;                 /* of targets, not of networks */
    struct nx_agent_record *records; /* all that were ever accepted, by id */
    size_t records_n;
    size_t records_cap;
    struct nx_shelf strangers;  /* nx_agent_record: rejected, never accepted */
    struct nx_shelf tokens;     /* nx_token: all that were made, by id */
    struct nx_shelf enrolments; /* nx_enrolment: likewise */
    char server_key[NX_KEY_TEXT_MAX]; /* the collector's own, public */
    char next_key[NX_KEY_TEXT_MAX];   /* announced; "": none */
    char actor[NX_TEXT_LABEL_MAX + 8];
    /* The tables for people may lack something that could not be written;
     * they are put right from the engine's views. */
    bool derived_stale;
    uint64_t failures_n;        /* of the group, when that was looked at last */
    struct nx_alerts *alerts;   /* NULL without receivers */
    struct nx_postbox *postbox; /* NULL without receivers */
    bool resolvers_full;        /* said so */
    bool crowded;               /* the engine is: said so */
    uint64_t lost_told_n;       /* results without memory: said so of these */
    struct nx_quiet lost_quiet; /* ... not more often than it lets */
    /* What was measured of resolvers since then may not be stored; INT64_MAX:
     * all of it is. */
    int64_t resolvers_from_us;
    bool alerts_stale;          /* networks may have changed */
    int64_t alerts_seen_us;     /* when they were looked at last */
    struct nx_alert_look *look; /* under way; NULL: none is */
    struct event *on_look;      /* goes on with it; NULL: not used yet */
    struct nx_retain retain;
    bool networks_told;        /* their forecasts may have changed */
    int64_t networks_due_us;   /* not looked at before */
    int64_t siblings_audit_us; /* the last one that was opened for them */
    int64_t siblings_wait_us;  /* until the next one may be */
    struct nx_networks_pass *networks; /* under way; NULL: none is */
    int64_t networks_us;               /* it took so far */
    bool score_stale;                  /* the one for /metrics */
    int64_t score_at_us;
    json_t *score; /* NULL: none yet */
};

/* --- io_service_agents.c --- */

/* Keeps a copy of the record and tells everybody who must know. */
int nx_service_record_put(struct nx_service *service,
                          const struct nx_agent_record *record) NX_MUSTUSE;

/* --- io_service_labels.c --- */

int nx_service_labels_load(struct nx_service *service) NX_MUSTUSE;
/* Those of service->conf take the place of the ones before. */
void nx_service_labels_configure(struct nx_service *service);

/* --- io_service_resolvers.c --- */

int nx_service_resolvers_load(struct nx_service *service) NX_MUSTUSE;
void nx_service_resolver_measured(struct nx_service *service,
                                  const struct nx_book_row *row);
/* What was measured since from_us may not be stored, or was rolled back. */
void nx_service_resolvers_lost(struct nx_service *service, int64_t from_us);
/* Stores it again, if anything was lost. */
void nx_service_resolvers_again(struct nx_service *service);
/* Opens the audit that sibling labels wait for, at most once an hour. */
void nx_service_siblings_audit(struct nx_service *service, int64_t now_us);
/* Says once that there are more resolvers than are measured. */
void nx_service_resolvers_notice(struct nx_service *service);

/* --- io_service_zones.c --- */

int nx_service_zones_load(struct nx_service *service) NX_MUSTUSE;
/* Stores some of what changed; the next tick goes on. */
void nx_service_zones_keep(struct nx_service *service, int64_t now_us);

/* --- io_service_then.c --- */

/* Inside of the transaction that adds an incident: by what it is judged, and
 * who served its zones before. */
int nx_service_then(struct nx_service *service,
                    const struct nx_incident *incident) NX_MUSTUSE;
/* At a start: open incidents are judged anew, by the settings of now. */
void nx_service_judged_anew(struct nx_service *service);

/* --- io_service_score.c; inside a transaction --- */

/* A target's state or forecast: into the tables, and scored when it is clear.
 */
int nx_score_target_told(struct nx_store *store, uint32_t incident_id,
                         uint32_t agent_id, const struct nx_question *question,
                         const struct nx_verdict *verdict, int64_t since_us,
                         int64_t at_us) NX_MUSTUSE;
/* Networks follow their targets: one; or some of all, NX_EAGAIN: there are
 * more. judged: by verdicts as the engine judged last. */
int nx_service_network_put(struct nx_service *service, uint32_t incident_id,
                           const char *network, bool judged,
                           int64_t now_us) NX_MUSTUSE;
int nx_service_networks_some(struct nx_service *service,
                             int64_t now_us) NX_MUSTUSE;
/* Not yet: so much later at least. */
void nx_service_networks_later(struct nx_service *service, int64_t now_us);
void nx_service_networks_forget(struct nx_service *service);
/* What outcomes taught until now. */
int nx_service_learnt(struct nx_service *service,
                      struct nx_learnt *out) NX_MUSTUSE;

/* --- io_service_keep.c --- */

/* Something to be stored, all of it in one transaction with a line about it. */
struct nx_change {
    struct nx_agent_record *record;                /* NULL: none */
    struct nx_token *token;                        /* NULL: none */
    struct nx_enrolment *enrolment;                /* NULL: none */
    uint32_t old_record, old_token, old_enrolment; /* that go; 0: none */
    const char *action;                            /* for the audit log ... */
    const char *subject, *key, *detail;
};
/* Stores it; ids that are 0 are assigned. Any error of the store. */
int nx_service_keep(struct nx_service *service,
                    struct nx_change *change) NX_MUSTUSE;

/* --- io_service_agents.c --- */

/* The record of a key that was ever accepted, Z85; NULL: none. */
const struct nx_agent_record *
nx_service_record_of_key(const struct nx_service *service, const char *key);

/* --- io_service_strangers.c --- */

#define NX_STRANGERS_MAX 4096U

void nx_service_strangers_init(struct nx_service *service);
/* One that the store has. */
int nx_service_stranger_load(struct nx_service *service,
                             const struct nx_agent_record *record) NX_MUSTUSE;
/* NULL: the key is none of these. */
struct nx_agent_record *nx_service_stranger(const struct nx_service *service,
                                            const char *key);
/* Turns a key away that was never accepted. Any error of the store. */
int nx_service_stranger_reject(struct nx_service *service, const char *key,
                               const char *address,
                               struct nx_agent_record *out) NX_MUSTUSE;

/* --- io_service_agents.c, further --- */

/* Quarantine for an agent whose key is used twice. */
void nx_service_clones(struct nx_service *service);

/* Accepts a key by a join string, which is stored as used with it. Errors of
 * nx_service_agent_accept. */
int nx_service_agent_enrol(struct nx_service *service, const char *key,
                           const char *address, const struct nx_agent *agent,
                           struct nx_enrolment *used,
                           struct nx_agent_record *out) NX_MUSTUSE;

/* --- io_service_keys.c --- */

/* Announces the present key and, when the configuration names one, the next.
 * NX_EDENIED, NX_EIO, NX_EMALFORMED (its file), NX_ECONFIG (it is the present
 * one), with why; what was announced before stays then. */
int nx_service_announce(struct nx_service *service,
                        const struct nx_collector_conf *conf, char *why,
                        size_t why_cap) NX_MUSTUSE;

/* --- io_service_enrol.c --- */

/* Reads them from the store. */
int nx_service_enrolments_load(struct nx_service *service) NX_MUSTUSE;
/* Forgets those that were over before that time, as retention does. */
void nx_service_enrolments_trim(struct nx_service *service, int64_t before_us);

/* --- io_service_tokens.c --- */

/* Reads them from the store. */
int nx_service_tokens_load(struct nx_service *service) NX_MUSTUSE;
/* Forgets those that were over before that time, as retention does. */
void nx_service_tokens_trim(struct nx_service *service, int64_t before_us);

/* --- io_service_rebuild.c --- */

/* Brings everything in memory up to what is stored. */
int nx_service_rebuild(struct nx_service *service, char *why,
                       size_t why_cap) NX_MUSTUSE;

/* --- io_service_retain.c --- */

int nx_service_retain_init(struct nx_service *service) NX_MUSTUSE;
void nx_service_retain_fini(struct nx_service *service);

/* --- io_service_tick.c --- */

int nx_service_ticks_init(struct nx_service *service) NX_MUSTUSE;
void nx_service_ticks_fini(struct nx_service *service);

/* --- io_service_alerts.c --- */

/* conf: what is to be in force; why: NX_COURIER_WHY_MAX. */
int nx_service_alerts_init(struct nx_service *service,
                           const struct nx_alert_conf *conf,
                           char *why) NX_MUSTUSE;
void nx_service_alerts_fini(struct nx_service *service);
/* An incident is being closed, and this is its last page: its last message goes
 * into the transaction that is open. Afterwards, with the transaction's
 * outcome, _closed. */
int nx_service_alerts_closing(struct nx_service *service,
                              const struct nx_board_page *page,
                              int64_t now_us) NX_MUSTUSE;
void nx_service_alerts_closed(struct nx_service *service, uint32_t id);
/* A message, and that so much was told; into the transaction that is open. */
int nx_service_alerts_store(struct nx_service *service,
                            const struct nx_board_page *page, const char *kind,
                            const struct nx_alert_change *changes, size_t n,
                            int64_t now_us) NX_MUSTUSE;

/* --- io_service_look.c --- */

/* Looks whether there is something to tell, if it is time. */
void nx_service_alerts_tick(struct nx_service *service, int64_t now_us);
/* The networks are as the page says. */
int nx_service_alerts_see(struct nx_service *service,
                          const struct nx_board_page *page,
                          int64_t now_us) NX_MUSTUSE;
void nx_service_look_fini(struct nx_service *service);

#endif
