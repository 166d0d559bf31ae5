/* The walk from inside: private to agent/dns/walk*.c.
 *
 * Hosts are name servers with their addresses; zones are NS sets (indexes of
 * hosts) below a parent zone; jobs are descents, each with at most one query
 * under way. Job 0 looks for the walk's name; the others each resolve one host
 * that came without an address, or with glue alone: caches hold what the host's
 * own zone says, too. */
#ifndef NX_AGENT_WALK_STATE_H
#define NX_AGENT_WALK_STATE_H

#include "agent/dns/rr.h"
#include "agent/dns/walk.h"

#define WALK_HOSTS_MAX 96U
#define WALK_ADDRESSES_MAX 6U /* of one host */
#define WALK_ZONES_MAX 24U
#define WALK_NS_MAX 32U         /* of one zone */
#define WALK_JOBS_MAX 12U       /* at once */
#define WALK_DEPTH_MAX 4U       /* hosts needed to resolve hosts */
#define WALK_TRIES_MAX 8U       /* servers of one zone asked in vain */
#define WALK_TRIES_GLUED_MAX 3U /* ... for a host that has addresses */
#define WALK_PARENTS_MAX 8U     /* addresses of the parent asked for the DS */
#define WALK_AUDITS_N 5U        /* questions of the audit to each server ... */
#define WALK_WILDS_MAX 16U /* ... wildcards besides, and each type with DO */
#define WALK_WILDS_MOST (2U * NX_WALK_TYPES_MAX) /* ... at two levels */
#define WALK_ROUND_MAX                                                         \
    (NX_DELEG_SERVERS_MAX *                                                    \
         (2 * NX_WALK_TYPES_MAX + 1U + NX_WALK_BETWEEN_MAX + WALK_AUDITS_N +   \
          WALK_WILDS_MOST) +                                                   \
     WALK_PARENTS_MAX + NX_WALK_LEFT_MAX * NX_WALK_TYPES_MAX)
#define WALK_NONE (-1)

enum walk_host_state {
    HOST_UNKNOWN, /* no address, nobody needs one */
    HOST_WANTED,  /* to be resolved as soon as a job is free */
    HOST_BUSY,    /* a job resolves it */
    HOST_KNOWN,
    HOST_FAILED,
};

/* Who gives a host's address. */
enum {
    WALK_GLUE = 1 << 0, /* a zone above the one whose server it is */
    WALK_OWN = 1 << 1,  /* the zone of its name, or the hints */
};

struct walk_address {
    uint8_t bytes[16];
    uint8_t len; /* 4 or 16 */
    uint16_t port;
    uint8_t failures; /* since it last worked */
    uint8_t from;     /* WALK_GLUE | WALK_OWN */
    uint8_t seen;     /* ... of them, while they are read */
};

/* What the zone of a host's name said when it was asked last. */
enum walk_own {
    OWN_UNKNOWN, /* not all of it */
    OWN_NONE,    /* no address */
    OWN_WHOLE,
};

struct walk_host {
    uint8_t state; /* enum walk_host_state */
    uint8_t depth; /* of the job that resolves it */
    uint8_t addresses_n;
    uint8_t crowded; /* those of whom there is no room for all addresses */
    uint8_t own;     /* enum walk_own */
    int64_t looked_us;
    int64_t until_us; /* a job looked for the addresses: it is well so long */
    struct walk_address addresses[WALK_ADDRESSES_MAX];
    uint8_t name[NX_DNAME_MAX];
};

struct walk_zone {
    uint8_t apex[NX_DNAME_MAX];
    int parent; /* zone, or WALK_NONE */
    uint32_t ns_ttl_s;
    uint8_t ns_n;
    uint8_t ns[WALK_NS_MAX];    /* hosts */
    uint8_t sides[WALK_NS_MAX]; /* NX_SIDE_*: who names them */
    bool glued[WALK_NS_MAX];    /* the referral has an address */
    bool referred;              /* there was one: the parent's own word */
    bool child_read;            /* its own NS set is in `sides` */
    bool incomplete;            /* more name servers than there is room for */
    unsigned turn;              /* whose turn it is to be asked */
    unsigned child_turn;        /* ... for the zone's own NS set */
    /* Its servers answered neither for the SOA nor for a cut: until then one of
     * them is asked in vain, not all. 0: never so, or one answered since. */
    int64_t mute_until_mono_us;
};

enum walk_phase {
    PHASE_DESCEND,   /* follow referrals to the name */
    PHASE_SOA,       /* the answer did not say its zone: ask for the SOA */
    PHASE_CUTS,      /* zones in between on the same servers: ask for NS */
    PHASE_CHILD_NS,  /* the zone's own NS set */
    PHASE_ADDRESSES, /* wait until all hosts of the zone are resolved */
};

/* One address of one host. */
struct walk_server {
    int host; /* WALK_NONE: not chosen */
    uint8_t address;
};

struct walk_job {
    bool active;
    bool asking;   /* query_id is under way */
    bool sticky;   /* the next query goes to `server` again */
    bool mute;     /* the zone answered for the SOA no more than for a cut */
    uint8_t phase; /* enum walk_phase; address jobs only descend */
    uint8_t depth;
    uint8_t tries;
    uint8_t cut_labels; /* PHASE_CUTS: labels of the name asked */
    uint16_t type;      /* of the descent */
    int host;           /* to be resolved; WALK_NONE in job 0 */
    int zone;           /* whose servers are asked */
    uint32_t query_id;
    uint32_t ttl_s; /* of the addresses found */
    struct walk_server server;
    uint8_t apex[NX_DNAME_MAX]; /* PHASE_CUTS: where it leads */
};

enum walk_stage { STAGE_IDLE, STAGE_WALK, STAGE_ROUND };

struct nx_walk {
    const struct nx_hints *hints; /* borrowed */
    uint8_t name[NX_DNAME_MAX];
    uint16_t types[NX_WALK_TYPES_MAX];
    size_t types_n;
    uint8_t stage;    /* enum walk_stage */
    uint32_t next_id; /* of a query */
    unsigned asked_n; /* of NX_WALK_QUERIES_MAX */
    int deepest;      /* zone found last, or WALK_NONE */
    uint32_t problems;
    bool ever_full;
    int64_t full_mono_us;  /* of the last full walk */
    int64_t retry_mono_us; /* when failed hosts were last given a chance */
    int64_t found_mono_us;

    size_t hosts_n;
    size_t zones_n;
    struct walk_host hosts[WALK_HOSTS_MAX];
    struct walk_zone zones[WALK_ZONES_MAX];
    struct walk_job jobs[WALK_JOBS_MAX];

    bool report; /* nx_walk_delegation has something new */
    uint32_t reported_problems;
    uint32_t round_id; /* of query 0 of the round */
    size_t round_n;    /* queries of the round */
    size_t round_out;  /* given out */
    size_t round_left; /* without result */
    uint8_t round_done[(WALK_ROUND_MAX + 7U) / 8U];
    size_t servers_n;
    struct nx_endpoint servers[NX_DELEG_SERVERS_MAX];
    uint8_t sides[NX_DELEG_SERVERS_MAX];
    unsigned unasked_n; /* servers of the zone that are not among them */
    uint32_t glue;      /* NX_GLUE_* of the zone */

    /* The round's questions to each server, and to those of the parent. */
    size_t plain_n;   /* of the types, and the SOA */
    size_t between_n; /* of names between the apex and the name */
    size_t kinds_n;   /* with those of the audit */
    bool no_name;     /* NXDOMAIN in this round */
    int between_zone; /* whose names between were asked last; WALK_NONE */
    int64_t between_mono_us;
    int64_t denied_mono_us; /* the last round with NXDOMAIN ended */
    bool between_doubted;   /* they are asked for that */
    bool between_unsaid;    /* ... and one server did not say that it is */
    bool audits;
    bool audited;
    bool keyed;            /* a DS or DNSKEY was seen */
    bool sizes_lost;       /* no reply with one of the sizes, last time */
    int64_t audit_mono_us; /* of the last audit */
    int64_t keys_mono_us;  /* ... or of its first questions */
    uint64_t audit_hash;   /* of the servers it asked */
    bool parent_doubted;   /* one said that there is no such zone, last round */
    bool parent_denied;    /* ... in this one, or does not take it back */
    size_t parents_n;
    struct nx_endpoint parents[WALK_PARENTS_MAX];

    /* Servers that left the set: as wanted, and those of the round. */
    size_t wanted_n;
    struct nx_endpoint wanted[NX_WALK_LEFT_MAX];
    size_t left_n;
    struct nx_endpoint left[NX_WALK_LEFT_MAX];
};

/* walk_zone.c: the tables. */

/* Forgets all but the root, which is zone 0. */
void nx_walk_reset_zones(struct nx_walk *w);

/* Before a full walk: what is known stays as a fallback, but hosts without glue
 * are resolved anew. Forgets all but the root when the tables fill up. */
void nx_walk_renew_zones(struct nx_walk *w);

int nx_walk_find_zone(const struct nx_walk *w, const uint8_t *apex);

/* The deepest known zone at or above the name that has a usable address. */
int nx_walk_enclosing_zone(const struct nx_walk *w, const uint8_t *name);

/* Takes the NS set of `owner` from the given section of the message, with the
 * addresses of hosts below the apex of `from`, the zone whose server spoke: for
 * others it has no say. Returns the zone, new or renewed, or WALK_NONE. */
int nx_walk_learn_zone(struct nx_walk *w, int from, const uint8_t *owner,
                       enum nx_section section, const uint8_t *msg,
                       size_t msg_len);

/* Unites the zone's NS set with its own in the message's answer section. */
void nx_walk_learn_child(struct nx_walk *w, int zone, const uint8_t *msg,
                         size_t msg_len);

/* Adds addresses from an answer of type A or AAAA. */
void nx_walk_learn_addresses(struct nx_walk *w, int host,
                             const struct nx_answer *answer, uint16_t type);

/* Around the reading of a host's addresses, as WALK_GLUE or WALK_OWN: what
 * neither of them gives any more is dropped, if this was the whole set and not
 * empty. True: they changed. */
void nx_walk_unsee(struct walk_host *h, uint8_t from);
bool nx_walk_sees(const struct walk_host *h, uint8_t from); /* any? */
bool nx_walk_keep_seen(struct walk_host *h, uint8_t from, bool whole);

/* NX_GLUE_* of the zone, as far as its parent and its hosts' zones spoke. */
uint32_t nx_walk_judge_glue(const struct nx_walk *w, int zone);

bool nx_walk_serves(const struct nx_walk *w, int zone,
                    const struct nx_endpoint *at);

/* Usable addresses of a zone. */
unsigned nx_walk_addresses_n(const struct nx_walk *w, int zone);

/* The server of the zone to ask now: of those that failed least, in turn. */
struct walk_server nx_walk_pick(const struct nx_walk *w, int zone,
                                unsigned turn);

/* Has hosts of the zone resolved, at most `n` at a time; bare: only those that
 * have no address at all. False when there is none left to wait for. */
bool nx_walk_want(struct nx_walk *w, int zone, uint8_t depth, unsigned n,
                  bool bare);

/* Has hosts resolved again whose addresses were found long ago. */
void nx_walk_expire_hosts(struct nx_walk *w, int64_t now_mono_us);

/* Changes the state of all hosts in state `from`. */
void nx_walk_move_hosts(struct nx_walk *w, enum walk_host_state from,
                        enum walk_host_state to);

/* walk_job.c: the descents, what they ask next. */

void nx_walk_start_jobs(struct nx_walk *w, int zone);

/* The next query of any job; false when all wait or are done. */
bool nx_walk_job_query(struct nx_walk *w, struct nx_walk_query *out);

/* The name that the job descends to: the walk's, or a host's. */
const uint8_t *nx_walk_job_target(const struct nx_walk *w,
                                  const struct walk_job *j);

/* walk_reply.c: what a reply, or none, means to a descent. */

/* False when no job asked this. */
bool nx_walk_job_result(struct nx_walk *w, uint32_t id,
                        const struct nx_obs *obs, const uint8_t *msg,
                        size_t msg_len);

/* Begins a phase: none of the zone's servers has been asked in vain yet. */
void nx_walk_job_enter(struct walk_job *j, enum walk_phase phase);

/* The zone's servers gave nothing to go on with: the job goes on without, or
 * is over. */
void nx_walk_job_give_up(struct nx_walk *w, struct walk_job *j);

/* Does this answer point from a zone further down to the name? */
bool nx_walk_is_referral(const struct nx_answer *a, const uint8_t *apex,
                         const uint8_t *name);

/* walk_round.c: every server of the zone. */

void nx_walk_begin_round(struct nx_walk *w, int64_t now_mono_us);
bool nx_walk_round_query(struct nx_walk *w, struct nx_walk_query *out);
void nx_walk_round_result(struct nx_walk *w, uint32_t id,
                          const struct nx_obs *obs);

/* The name of `labels` labels at the end of name. */
const uint8_t *nx_walk_suffix(const uint8_t *name, unsigned labels);

#endif
