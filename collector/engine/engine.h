/* The collector's memory: agents, incidents, authoritative side, targets.
 *
 * A pure state machine: events with their time go in, what to store and what
 * to send come out through the sink. No clock, no I/O; a simulator can run it.
 * Rebuilt at start by feeding it the stored agents, incidents and batches. */
#ifndef NX_COLLECTOR_ENGINE_H
#define NX_COLLECTOR_ENGINE_H

#include "collector/engine/authority.h"
#include "collector/engine/incident.h"
#include "collector/engine/labels.h"
#include "collector/infer/diagnosis.h"
#include "collector/infer/rollup.h"
#include "collector/profile/book.h"
#include "common/codec.h"

#define NX_TEXT_LABEL_MAX 64U /* bytes of a network or agent name with NUL */
#define NX_ENGINE_AGENTS_MAX 20000U /* ever accepted */

struct nx_ns_book;
struct nx_engine;

struct nx_engine_settings {
    struct nx_diagnosis_settings diagnosis;
    int64_t settle_us;              /* all servers good this long: 60 s */
    unsigned vantages;              /* ... from so many authority agents: 1 */
    uint32_t authority_interval_ms; /* between rounds of the audit: 5000 */
    uint32_t plan_valid_s;          /* 3600 */
    size_t targets_max;             /* 200000 */
    int64_t evaluate_every_us;      /* a dirty target at most so often: 0.5 s */
    /* Idle agents say hello (running collector): one that says nothing for
     * silent_after_us is away. False where hellos are not all known: replay. */
    bool presence;
    struct nx_canary_conf canary; /* how resolvers are measured */
};
void nx_engine_settings_default(struct nx_engine_settings *out);

struct nx_agent {
    uint32_t id; /* 1.. */
    char name[NX_TEXT_LABEL_MAX];
    char network[NX_TEXT_LABEL_MAX];
    bool authority;     /* role */
    bool accepted;      /* false: revoked, keeps its history */
    int64_t revoked_us; /* 0: it was not, or never accepted */
};

/* Does its network count in the incident? So it does when the agent was revoked
 * since it was opened: silence is no all-clear. */
bool nx_agent_counts(const struct nx_agent *agent,
                     const struct nx_incident *incident);

/* What the engine wants done; called from inside its functions. */
struct nx_engine_sink {
    void *user;
    /* A target changed its state (since_us: it began then), or its forecast was
     * shown first / moved by more than a second. */
    void (*transition)(void *user, uint32_t incident_id, uint32_t agent_id,
                       const struct nx_question *question, int64_t at_us,
                       unsigned from_state, const struct nx_verdict *verdict,
                       int64_t since_us);
    /* Authority facts of an incident's item changed. */
    void (*authority)(void *user, uint32_t incident_id, unsigned item,
                      const struct nx_auth_facts *facts, int64_t at_us);
    /* A resolver was measured. */
    void (*resolver)(void *user, const struct nx_book_row *row);
    /* This agent's plan is another one now. */
    void (*plan_changed)(void *user, uint32_t agent_id);
};

int nx_engine_new(const struct nx_engine_settings *settings,
                  struct nx_engine **out) NX_MUSTUSE;
void nx_engine_free(struct nx_engine **engine);

/* Adds or updates by id. NX_ELIMIT, NX_ENOMEM. */
int nx_engine_agent_set(struct nx_engine *engine,
                        const struct nx_agent *agent) NX_MUSTUSE;
int nx_engine_hello(struct nx_engine *engine, uint32_t agent_id,
                    const struct nx_hello *hello,
                    int64_t received_us) NX_MUSTUSE;

/* Folds obs[skip..] of a batch that the store holds (or is about to commit).
 * Never fails on content: what matches no target is counted and left.
 * NX_ENOTFOUND: no such agent; NX_ENOMEM. */
int nx_engine_batch(struct nx_engine *engine, uint32_t agent_id,
                    const struct nx_batch *batch, size_t skip,
                    int64_t received_us) NX_MUSTUSE;
/* The same from the log, which may be older than a revocation: what the agent
 * saw before that counts as it did then. Of an auditor nothing is believed any
 * more. Not for what arrives: a clock that was set back would let it in. */
int nx_engine_batch_again(struct nx_engine *engine, uint32_t agent_id,
                          const struct nx_batch *batch, size_t skip,
                          int64_t received_us) NX_MUSTUSE;

/* NX_EEXISTS, NX_ELIMIT, NX_ENOMEM. */
int nx_engine_incident_open(struct nx_engine *engine,
                            const struct nx_incident *incident) NX_MUSTUSE;
int nx_engine_incident_close(struct nx_engine *engine, uint32_t id,
                             int64_t at_us) NX_MUSTUSE;

/* Keeps a copy of a text with a closed incident: its last status document. The
 * newest NX_ENGINE_KEPT_MAX of them are kept. NX_ENOTFOUND, NX_ESTATE (open),
 * NX_ENOMEM. */
#define NX_ENGINE_KEPT_MAX 64U
int nx_engine_incident_keep(struct nx_engine *engine, uint32_t id,
                            const char *text) NX_MUSTUSE;
/* The same with the text itself, from malloc; without NX_ENOMEM. It stays the
 * caller's after an error. */
int nx_engine_incident_take(struct nx_engine *engine, uint32_t id,
                            char *text) NX_MUSTUSE;
/* NULL: nothing is kept. Borrowed. */
const char *nx_engine_incident_kept(const struct nx_engine *engine,
                                    uint32_t id);

/* --- labels: what operators say of networks and agents, by name --- */

#define NX_ENGINE_LABELLED_MAX 40000U

enum nx_label_kind { NX_LABELS_OF_NETWORK, NX_LABELS_OF_AGENT };
/* The later one lies over the earlier one, label by label. */
enum nx_label_source {
    NX_LABELS_CONFIGURED,
    NX_LABELS_STORED, /* said by command */
    NX_LABEL_SOURCES_N_
};

/* Replaces what that source said of it. NX_ELIMIT, NX_ENOMEM. */
int nx_engine_labels_set(struct nx_engine *engine, enum nx_label_kind kind,
                         const char *name, enum nx_label_source source,
                         const struct nx_labels *labels) NX_MUSTUSE;
/* Takes all back that the source said. */
void nx_engine_labels_forget(struct nx_engine *engine,
                             enum nx_label_source source);
/* What that source alone said. */
void nx_engine_labels_own(const struct nx_engine *engine,
                          enum nx_label_kind kind, const char *name,
                          enum nx_label_source source, struct nx_labels *out);

/* What counts. An agent has the labels of its network where it has none of its
 * own. Weights are always given: 1 by default; an agent's is its part of the
 * network beside the others there. */
void nx_engine_network_labels(const struct nx_engine *engine,
                              const char *network, struct nx_labels *out);
void nx_engine_agent_labels(const struct nx_engine *engine,
                            const struct nx_agent *agent,
                            struct nx_labels *out);

/* The habits that resolvers are taken to have (nx_profile_default at first). */
void nx_engine_profile_set(struct nx_engine *engine,
                           const struct nx_profile *profile);

/* --- resolvers that were measured by canary names --- */

/* As it was stored. NX_ELIMIT, NX_ENOMEM. */
int nx_engine_resolver_put(struct nx_engine *engine,
                           const struct nx_book_row *row) NX_MUSTUSE;
/* Those, and the others that agents use while canary names are on; ordered by
 * network and address. NX_ENOMEM. */
int nx_engine_resolvers(const struct nx_engine *engine,
                        void (*visit)(void *user,
                                      const struct nx_book_row *row),
                        void *user) NX_MUSTUSE;
/* The same in the order in which they were noted: of very many, to put them in
 * order takes long. */
void nx_engine_resolvers_as_noted(const struct nx_engine *engine,
                                  void (*visit)(void *user,
                                                const struct nx_book_row *row),
                                  void *user);
/* Has the resolvers of a network (NULL: of all) measured now, see
 * nx_book_measure. NX_ESTATE: no canary zone is configured; NX_EAGAIN: an open
 * incident lies near it, canary names rest, those of a zone in use also until
 * caches cannot hold what it left; NX_EDENIED: the zone of sibling
 * labels is signed. */
struct nx_book_asked;
int nx_engine_resolvers_measure(struct nx_engine *engine, const char *network,
                                int64_t now_us,
                                struct nx_book_asked *out) NX_MUSTUSE;
/* Is a resolver due whose measuring by sibling labels waits for an audit of
 * their zone (canary.siblings_of)? */
bool nx_engine_siblings_want_audit(const struct nx_engine *engine,
                                   int64_t now_us);
/* When the last audit of that zone was opened, by whomever, in this run of the
 * collector or before; 0: none is known. */
int64_t nx_engine_siblings_audited_last_us(const struct nx_engine *engine);
/* So long after an audit that is opened now the next one may be: an hour; after
 * one, opened at last_us (0: none), that told too little, twice what was waited
 * for it, up to a day. */
int64_t nx_engine_siblings_audit_wait_us(const struct nx_engine *engine,
                                         int64_t last_us, int64_t wait_us);
/* How often one was not noted: there are too many. */
unsigned nx_engine_resolvers_turned_away(const struct nx_engine *engine);

/* Who served zones, as audits saw it (ns_book.h): filled before incidents when
 * a collector starts, and stored by whoever runs the engine. */
struct nx_ns_book *nx_engine_ns_book(struct nx_engine *engine);

/* Time passes: settle times, silent agents, dirty targets, schedules.
 * Call at least every evaluate_every_us. */
void nx_engine_tick(struct nx_engine *engine, int64_t now_us,
                    const struct nx_engine_sink *sink);
/* The same where others wait for the loop: judges at most so many targets. */
void nx_engine_tick_some(struct nx_engine *engine, int64_t now_us, size_t max,
                         const struct nx_engine_sink *sink);
/* Between ticks: goes on with the targets that were left for later. True: there
 * may be more, call again soon. */
bool nx_engine_judge(struct nx_engine *engine, int64_t now_us, size_t max,
                     const struct nx_engine_sink *sink);

/* Rule 1, to be called after batches: a name server that turned bad takes back
 * what plans say; those are published now, not with the next tick. Mostly there
 * is nothing to do. */
void nx_engine_withdraw(struct nx_engine *engine, int64_t now_us,
                        const struct nx_engine_sink *sink);

/* --- starting again ---
 *
 * Agents, incidents and the log are fed as they were; nx_engine_catch_up takes
 * the place of ticks. Then nx_engine_recall says what targets were known to be
 * in, and the first tick goes on from there. */

/* Time passed in the log: settle times of the servers. Targets wait for a
 * tick: what all of their looks together mean is all that matters. */
void nx_engine_catch_up(struct nx_engine *engine, int64_t at_us);

/* What was kept of a target's verdict. */
struct nx_target_past {
    uint32_t incident_id, agent_id;
    struct nx_question question;
    uint8_t state;      /* enum nx_state */
    int64_t since_us;   /* it began */
    int64_t seen_us;    /* newest look then; NX_TIME_UNKNOWN */
    int64_t changed_us; /* it was told */
    int64_t doubt_us;   /* nx_verdict.doubt_us */
};
/* Ignored when there is no such target, or it has been judged already. */
void nx_engine_recall(struct nx_engine *engine,
                      const struct nx_target_past *past);

/* The state that the looks alone give that target at at_us. NX_ENOTFOUND. */
int nx_engine_state_at(struct nx_engine *engine,
                       const struct nx_target_past *past, int64_t at_us,
                       unsigned *out) NX_MUSTUSE;

/* Tells each target's verdict again, with the next ticks: what was told before
 * may not have been kept. */
void nx_engine_retell(struct nx_engine *engine);

/* The plan of one agent now, in the arena; revision grows with each change. */
int nx_engine_plan(struct nx_engine *engine, uint32_t agent_id, int64_t now_us,
                   struct nx_arena *arena, struct nx_plan *out) NX_MUSTUSE;

const struct nx_engine_settings *
nx_engine_settings(const struct nx_engine *engine);

/* --- what status reads; borrowed until the next call that changes --- */

struct nx_target_view {
    uint32_t agent_id;
    const struct nx_question *question;
    unsigned item;      /* index of the incident's item */
    bool agent_heard;   /* within silent_after_us */
    bool set_aside;     /* it gives its users nothing, and can hold no denial
                           any more: another one answers them */
    int64_t since_us;   /* when this state began */
    uint32_t nsid_hash; /* of the newest look that had one; 0: none */
    /* Of the newest denial, NULL: none or nothing special. */
    const uint8_t *denied_name; /* the question's name is an alias of this */
    const uint8_t *denied_by;   /* apex of another zone that denies */
    const uint8_t *apex;        /* of the item's zone; NULL: not known */
    const uint8_t *ancestor;    /* denied above the name; NULL: none known */
    struct nx_verdict verdict;  /* stays last */
};
/* Without the room for lines that are not there: that is most of it. */
void nx_target_view_copy(const struct nx_target_view *from,
                         struct nx_target_view *to);

size_t nx_engine_incidents(const struct nx_engine *engine,
                           const struct nx_incident ***out);
const struct nx_incident *nx_engine_incident(const struct nx_engine *engine,
                                             uint32_t id);
int nx_engine_authority(const struct nx_engine *engine, uint32_t incident_id,
                        unsigned item, struct nx_auth_view *out) NX_MUSTUSE;

/* Calls visit for each target of one network, ordered by agent, endpoint, item.
 * as_judged: without judging anew what was judged already, as the last ticks
 * left it. */
int nx_engine_targets_of(struct nx_engine *engine, uint32_t incident_id,
                         const char *network, int64_t now_us, bool as_judged,
                         void (*visit)(void *user,
                                       const struct nx_target_view *target),
                         void *user) NX_MUSTUSE;

/* The verdicts of all targets but those that are set aside, by network and then
 * in the same order, borrowed: nothing is copied.
 * Those that ought to be judged anew are, at most judge_max of them; the others
 * are as the last ticks left them: NULL: never judged. NX_ENOTFOUND, NX_ENOMEM.
 */
int nx_engine_verdicts(struct nx_engine *engine, uint32_t incident_id,
                       int64_t now_us, size_t judge_max,
                       void (*visit)(void *user, const struct nx_agent *agent,
                                     const struct nx_endpoint *at,
                                     const struct nx_verdict *verdict),
                       void *user) NX_MUSTUSE;

/* How many targets there are, and how many of them nx_engine_judge has not come
 * to yet: after a start, all of them. */
void nx_engine_backlog(const struct nx_engine *engine, size_t *targets_n,
                       size_t *waiting_n);
/* The same of one incident; 0 of 0 when it is closed or there is none. */
void nx_engine_backlog_of(const struct nx_engine *engine, uint32_t incident_id,
                          size_t *targets_n, size_t *waiting_n);

/* When did each target, or what is known of its servers, come to show something
 * else (INT64_MIN: never judged)? In the same order. What was shown of a target
 * after that is what would be shown now. */
int nx_engine_changed(struct nx_engine *engine, uint32_t incident_id,
                      void (*visit)(void *user, const struct nx_agent *agent,
                                    const struct nx_endpoint *at,
                                    int64_t changed_us),
                      void *user) NX_MUSTUSE;

/* Is there no room for what the agent is to ask about the open incident, of
 * resolvers that its network uses? That is not seen, so it is not clear. An
 * agent without weight does not count. */
bool nx_engine_no_room(const struct nx_engine *engine, uint32_t incident_id,
                       uint32_t agent_id);
/* Of any agent and incident, as it was found last. */
bool nx_engine_crowded(const struct nx_engine *engine);

/* Counts what operators said: agents, incidents. */
uint64_t nx_engine_told(const struct nx_engine *engine);

/* What a target's verdict rests on. */
struct nx_target_evidence {
    struct nx_look looks[NX_LOOKS_MAX]; /* the newest, by sending time */
    size_t looks_n;
    struct nx_profile profile;          /* the habits it is taken to have */
    const struct nx_measured *measured; /* ... if they were measured; borrowed
                                           until the engine changes; NULL */
};
/* NX_ENOTFOUND: no such target of an open incident. */
int nx_engine_target_evidence(const struct nx_engine *engine,
                              uint32_t incident_id, unsigned item,
                              uint32_t agent_id, const struct nx_endpoint *at,
                              struct nx_target_evidence *out) NX_MUSTUSE;

struct nx_agent_view {
    const struct nx_agent *agent;
    bool connected_once;
    int64_t last_seen_us;   /* NX_TIME_UNKNOWN */
    int64_t last_result_us; /* NX_TIME_UNKNOWN */
    int64_t offset_us;      /* its monotonic clock minus collector time */
    int64_t wall_offset_us; /* its wall clock minus collector time */
    uint64_t offset_error_us;
    bool offset_known; /* of all three */
    const struct nx_endpoint *resolvers;
    size_t resolvers_n;
    uint64_t results_n;
    const char *software;
};
/* Those of one network; NULL: all. Ordered by network, then name. NX_ENOMEM:
 * none is visited. */
int nx_engine_agents_of(struct nx_engine *engine, const char *network,
                        void (*visit)(void *user,
                                      const struct nx_agent_view *agent),
                        void *user) NX_MUSTUSE;
/* One of them. NX_ENOTFOUND. */
int nx_engine_agent(const struct nx_engine *engine, uint32_t agent_id,
                    struct nx_agent_view *out) NX_MUSTUSE;

/* What came in since the engine was made, observation by observation: each is
 * taken or counted here. */
struct nx_engine_counts {
    uint64_t looks_n;     /* went to a target */
    uint64_t authority_n; /* went to an authoritative side */
    uint64_t canaries_n;  /* went to the measuring of a resolver */
    uint64_t strays_n;    /* belong to no open incident */
    uint64_t untimely_n;  /* of another time than the incident, or of none */
    uint64_t no_room_n;   /* targets, and looks at them: there was no room */
    uint64_t lost_n;      /* no memory: not used before the next start */
    uint64_t refused_n;   /* of a resolver no longer in use; delegations: no
                             room for one more agent's */
    uint64_t revoked_n;   /* from revoked agents */
};
const struct nx_engine_counts *nx_engine_counts(const struct nx_engine *engine);

#endif
