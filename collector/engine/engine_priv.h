/* The engine's memory as its own files see it: engine.c (life, tick),
 * agents.c and agents_*.c, cases.c (open incidents), targets.c, fold.c
 * (batches), evaluate.c, view.c, planner.c, canaries.c, label_book.c. */
#ifndef NX_COLLECTOR_ENGINE_PRIV_H
#define NX_COLLECTOR_ENGINE_PRIV_H

#include "common/hash.h"

/* An allocation that fails inside of uthash is seen as hh.tbl == NULL. */
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, hash)                                          \
    ((hash) = (unsigned)nx_hash((key), (len), 0))
#include <uthash.h>

#include "collector/engine/engine.h"
#include "collector/engine/ns_book.h"

#define NX_ENGINE_OPEN_MAX 64U          /* incidents open at a time */
#define NX_ENGINE_INCIDENTS_MAX 512U    /* the oldest closed ones are dropped */
#define NX_ENGINE_EVALUATIONS_MAX 2000U /* per tick, unless said */
#define NX_LATE_US INT64_C(5000000)     /* so much out of order: revises */

struct nx_agent_state;
struct nx_case;
struct nx_item;
struct nx_labelled;

/* What the agent is told to do about a target. */
struct nx_target_task {
    bool set;
    int64_t due_us;          /* begin of the next visit */
    uint32_t first_after_ms; /* of the first one, when the task was made */
    uint32_t interval_ms;
    uint16_t visit_n;
    uint16_t visit_seen_n; /* looks of the visit that began at due_us */
};

/* Whose denial it is, where the question does not say. */
struct nx_target_denied {
    bool alias, other_zone;
    uint8_t name[NX_DNAME_MAX]; /* alias: last target of the chain */
    uint8_t zone[NX_DNAME_MAX]; /* other_zone: SOA owner, not the item's apex */
};

/* (agent, resolver, item): looks and what they mean. */
struct nx_target {
    struct nx_target_key {
        uint8_t address[16];
        uint32_t scope_id;
        uint32_t agent_id;
        uint32_t item_id;
        uint16_t port;
        uint8_t transport;
        uint8_t address_len;
    } key;
    struct nx_agent_state *agent;
    struct nx_item *item;
    struct nx_question question; /* name: the item's; server_name: ours */
    uint8_t *server_name;

    /* Ring of the newest looks by their time, whenever they came; cap_n grows
     * 8, 16, ... NX_LOOKS_MAX. */
    struct nx_look *looks;
    uint16_t cap_n, looks_n, next_i;
    int64_t pushed_us; /* latest tx of them */
    bool mixed;        /* some came late: not in order of tx */
    uint8_t newest_kind;
    bool denial_seen;   /* some look was one, in the ring still or not ... */
    bool nxdomain_seen; /* ... an NXDOMAIN */
    bool denied_late; /* ... one, when no first cache could hold it any more */
    struct nx_target_denied *denied; /* newest denial's; NULL: no need yet */
    uint32_t nsid_hash;
    int64_t heard_us; /* newest look's rx; NX_TIME_UNKNOWN */
    int64_t told_us;  /* ... of one that tells of the name, in the ring still
                         or not: many in vain do not take it back */
    bool agent_heard; /* lately, whatever it said; as of the last judgement */
    bool fresh;       /* looks that the plan has not taken into account */

    struct nx_verdict verdict;
    bool judged;
    bool settled;     /* ... by this engine, not only recalled */
    bool stale;       /* looks came in since it was judged */
    bool revised;     /* one of them is older than what was judged */
    bool unlisted;    /* the agent's hello no longer names the resolver */
    bool over;        /* ... nor can it keep a denial any more: to be dropped */
    int64_t until_us; /* ... as it was judged while it was named; or
                         NX_TIME_UNKNOWN */
    bool untold;      /* tell the verdict whether or not it is news */
    int64_t judged_us;
    int64_t changed_us; /* what is shown of it did */
    int64_t since_us;
    bool point_told;
    int64_t told_point_us;
    struct nx_target_task task;

    size_t slot;      /* index in nx_engine.targets */
    size_t next_slot; /* of the one that was looked for after this; a guess */
    struct nx_target *item_prev, *item_next;
    struct nx_target *agent_prev, *agent_next;
    UT_hash_handle hh;
};

/* One item of an open incident. */
struct nx_item {
    uint32_t id; /* never used again */
    struct nx_case *owner;
    unsigned index;
    const struct nx_incident_item *spec;
    struct nx_expect expect;
    struct nx_authority *authority;
    bool recalled;      /* who the zone's servers were before */
    uint64_t left_told; /* servers that came to and went from auditors' plans */
    int64_t changed_us; /* what is known of the servers did */
    struct nx_target *targets;
    size_t targets_n;
    size_t settled_n;     /* of them */
    bool crowded;         /* some found no room */
    int64_t fit_us;       /* ... which is looked for again then */
    struct nx_item *same; /* another incident's item, same name and type */
    bool over; /* its incident is closed: its targets are on their way out */
};

/* All items with one name and type; key: lower-case name, type. */
struct nx_topic {
    uint8_t key[NX_DNAME_MAX + 2];
    unsigned key_len;
    struct nx_item *items;
    UT_hash_handle hh;
};

/* An incident with its working memory; items: while it is open. */
struct nx_case {
    struct nx_incident incident;
    struct nx_item *items;
    struct nx_target **order; /* for views; borrowed */
    size_t order_n;
    bool ordered;            /* false: targets came or went */
    struct nx_item *leaving; /* items that it had, while they have targets */
    char *kept; /* its last status, once it is closed; NULL: none */
};

struct nx_agent_state {
    struct nx_agent agent;
    bool connected_once;
    int64_t last_seen_us, last_result_us;
    struct nx_clock_sample clock;
    uint64_t epoch; /* of the clock guess below */
    bool guess_known;
    int64_t guess_us; /* agent's monotonic clock minus collector time */
    char software[NX_SOFTWARE_MAX + 1];
    struct nx_endpoint *resolvers; /* server_name: own copies */
    size_t resolvers_n;
    bool resolvers_known; /* by a hello */
    int64_t hello_us;
    uint64_t results_n;
    uint8_t reached; /* nx_auth_family of name servers that answered it, ever */

    struct nx_target *targets;
    size_t rank; /* index in nx_engine.by_network */
    uint64_t plan_revision;
    int64_t plan_at_us;
    bool plan_dirty;    /* content changed since plan_revision */
    bool plan_announce; /* the agent has another revision */
    UT_hash_handle hh;
};

/* Where the observations of one question of the current batch go. */
struct nx_route {
    uint32_t batch; /* valid when equal to nx_engine.batch_n */
    uint8_t way;    /* enum nx_way */
    struct nx_item *items;
    struct nx_target *target; /* of items; NULL: look it up */
};

/* What is known of the zone of sibling labels, see siblings.h. */
struct nx_siblings {
    bool quiet;     /* no incident is near it, nor what one left in caches */
    bool is_signed; /* as of the last audit */
    uint32_t w_s;   /* negative TTL that its servers send; 0: not audited */
    int64_t audited_us;
    int64_t trouble_us;    /* it was not quiet then */
    int64_t rest_until_us; /* caches may hold what closed incidents left */
};

struct nx_engine {
    struct nx_engine_settings settings;
    struct nx_profile profile;
    struct nx_book *book;
    int64_t canaries_us; /* when they were looked at last */
    struct nx_siblings siblings;
    struct nx_agent_state *agents;
    struct nx_agent_state **by_network; /* of them; as of told */
    size_t by_network_n;
    uint64_t by_network_told;
    struct nx_labelled *labelled;
    struct nx_case **cases; /* by id */
    size_t cases_n, cases_cap;
    const struct nx_incident **incidents; /* of cases, for status */
    struct nx_topic *topics;
    struct nx_ns_book ns_book;
    uint32_t items_made;
    uint64_t told_n;

    struct nx_target *by_key;
    struct nx_target **targets;
    int64_t *due_us; /* when targets[i] is to be judged again */
    size_t targets_n, targets_cap;
    size_t settled_n;  /* of them */
    size_t over_n;     /* of them */
    size_t cursor;     /* where the next tick begins */
    size_t found_slot; /* of the one that was looked for last */

    struct nx_route *routes; /* NX_BATCH_QUESTIONS_MAX */
    uint32_t batch_n;
    struct nx_look scratch[NX_LOOKS_MAX];
    bool withdrawn;  /* plans must be published before the next tick */
    int64_t now_us;  /* latest time seen by tick */
    int64_t woke_us; /* of the first tick: before it agents could not talk */
    struct nx_engine_counts counts;
};

/* agents.c */
struct nx_agent_state *nx_agents_find(const struct nx_engine *engine,
                                      uint32_t id);
bool nx_agent_probes(const struct nx_agent_state *agent);
bool nx_agent_audits(const struct nx_agent_state *agent);
bool nx_agent_uses(const struct nx_agent_state *agent,
                   const struct nx_endpoint *at);
void nx_agents_free(struct nx_engine *engine);

/* The log is folded: what was seen by auditors that are revoked is the past. */
void nx_agents_woke(struct nx_engine *engine);

/* Targets that wait for nothing any more. */
void nx_agents_drop_over(struct nx_engine *engine);

/* agents_clock.c */
/* Offset and error for a batch or hello received at received_us. */
void nx_agent_clock(struct nx_agent_state *agent, uint64_t epoch,
                    const struct nx_clock_sample *clock, int64_t received_us,
                    int64_t *theta_us, uint32_t *eps_us);
/* What its wall clock is ahead of ours; 0 when the agent tells nonsense. */
int64_t nx_agent_wall_offset_us(const struct nx_clock_sample *clock);

/* agents_view.c */
/* Fills engine->by_network, by network, name and id; the order is kept until an
 * operator says something. False: no memory. */
bool nx_agents_in_order(struct nx_engine *engine);

/* cases.c */
struct nx_case *nx_cases_find(const struct nx_engine *engine, uint32_t id);
bool nx_case_open(const struct nx_case *c);
/* Frees so many targets of closed incidents. True: there are more. */
bool nx_cases_leave(struct nx_engine *engine, size_t max);
void nx_cases_free(struct nx_engine *engine);

/* topics.c */
struct nx_topic *nx_topics_find(const struct nx_engine *engine,
                                const uint8_t *name, uint16_t qtype);
int nx_topic_join(struct nx_engine *engine, struct nx_item *item) NX_MUSTUSE;
void nx_topic_leave(struct nx_engine *engine, struct nx_item *item);

/* items.c */
int nx_item_init(struct nx_engine *engine, struct nx_case *c,
                 unsigned index) NX_MUSTUSE;
/* Of an open incident: what is left of its items are targets, which nobody
 * finds ... */
void nx_items_end(struct nx_engine *engine, struct nx_case *c);
/* ... so many of them are freed. True: there are more. */
bool nx_items_leave(struct nx_engine *engine, struct nx_case *c, size_t *max);
/* Makes the targets of agent x item for the agent's resolvers. NX_ENOMEM. */
int nx_item_targets(struct nx_engine *engine, struct nx_item *item,
                    struct nx_agent_state *agent) NX_MUSTUSE;
/* Makes, now and then, those for which there was no room. */
void nx_cases_fit(struct nx_engine *engine, int64_t now_us);

/* engine.c: was an authority agent heard lately? */
bool nx_auditor_here(const struct nx_engine *engine, int64_t now_us);

/* label_book.c */
void nx_labelled_free(struct nx_engine *engine);

/* evaluate.c */
void nx_target_judge(struct nx_engine *engine, struct nx_target *target,
                     int64_t now_us, struct nx_verdict *out);
/* As the agent no longer names its resolver: notes until when what that has
 * cached may still be there. False: it may not; nothing is to be kept. */
bool nx_target_keep(struct nx_engine *engine, struct nx_target *target,
                    int64_t now_us);
/* When the state began that was found at now_us. */
int64_t nx_target_since(struct nx_engine *engine,
                        const struct nx_target *target, unsigned state,
                        int64_t now_us);
/* True: not all that were due could be judged. */
bool nx_targets_evaluate(struct nx_engine *engine, int64_t now_us, size_t max,
                         const struct nx_engine_sink *sink);
/* How long a verdict may stand while looks come in: evaluate_every_us, longer
 * where so many targets would take too much of the time. */
int64_t nx_targets_pace_us(const struct nx_engine *engine);
/* Evaluate at that pace; urgent: after evaluate_every_us. */
void nx_target_wake(struct nx_engine *engine, struct nx_target *target,
                    bool urgent);

#endif
