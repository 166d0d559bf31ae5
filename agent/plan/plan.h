/* The current plan as a schedule: what to ask next, and when.
 *
 * A pure state machine. It holds a copy of the plan, fans tasks without an
 * endpoint out to the resolvers of the day, spaces visits, and takes every
 * query from the token buckets: what they do not give is asked later, never
 * dropped and never in a burst. A new plan replaces the old one; targets whose
 * schedule did not change keep their phase. Neither a new plan nor a change of
 * resolvers can make a target be visited more often than min_interval_ms.
 *
 * Jitter only delays: by a hash of (epoch, target), up to a tenth of the
 * interval and at most 1 s, or 200 ms where the plan sets a first moment. */
#ifndef NX_AGENT_PLAN_H
#define NX_AGENT_PLAN_H

#include "agent/plan/guard.h"

#define NX_PLANNER_TARGETS_MAX 8192U /* (task, resolver) pairs */
#define NX_PLAN_VALID_MAX_S 86400U   /* a plan expires after a day at most */
#define NX_IDENTITY_INTERVAL_S 600U
#define NX_PLANNER_NEVER INT64_MAX

struct nx_planner;

enum nx_due_kind {
    NX_DUE_RESOLVER,  /* ask `to` with RD=1, or RD=0 if rd0 */
    NX_DUE_AUTHORITY, /* walk to the name's zone, ask its servers */
    NX_DUE_IDENTITY,  /* ask `to` for ". NS" with NSID */
};

/* name points into the planner until the next call that changes it. */
struct nx_due {
    enum nx_due_kind kind;
    const uint8_t *name;
    uint16_t qtype;
    bool rd0;
    bool nsid;   /* ask for the identifier too */
    bool chaos;  /* in class CH */
    bool ad;     /* with AD=1 */
    bool dnssec; /* with DO=1 */
    bool cd;     /* with CD=1: without validation (RFC 4035 section 3.2.2) */
    uint16_t udp_bytes;    /* EDNS size to offer; 0: the usual one */
    struct nx_endpoint to; /* not with NX_DUE_AUTHORITY */
};

/* What became of the tasks of a plan. */
struct nx_plan_outcome {
    size_t taken_n;
    size_t refused_n[NX_REFUSAL_N]; /* by reason */
    size_t example[NX_REFUSAL_N];   /* index of the first task refused so */
};

/* policy and limit are borrowed. NX_ENOMEM. */
int nx_planner_new(const struct nx_policy *policy, struct nx_ratelimit *limit,
                   uint64_t epoch, struct nx_planner **out) NX_MUSTUSE;
void nx_planner_free(struct nx_planner **planner);

/* Replaces the plan (all is copied). NX_ENOMEM: the old plan stays, but its
 * proof has lapsed (nx_planner_lapse). */
int nx_planner_load(struct nx_planner *planner, const struct nx_plan *plan,
                    int64_t now_mono_us,
                    struct nx_plan_outcome *outcome) NX_MUSTUSE;

/* Replaces the resolvers (copied, with their TLS names; at most
 * NX_POLICY_RESOLVERS_MAX, more are left out) and goes through the plan again:
 * a task refused for want of its resolver may come to life. NX_ENOMEM. */
int nx_planner_resolvers(struct nx_planner *planner,
                         const struct nx_resolver *list, size_t n,
                         int64_t now_mono_us) NX_MUSTUSE;

/* Replaces the policy (configuration reload); as nx_planner_resolvers. */
int nx_planner_policy(struct nx_planner *planner,
                      const struct nx_policy *policy,
                      int64_t now_mono_us) NX_MUSTUSE;

/* The next thing to do now, if any; a token is taken and the target goes to
 * its next time. Call until false, then again at nx_planner_wakeup. */
bool nx_planner_next(struct nx_planner *planner, int64_t now_mono_us,
                     struct nx_due *out);

/* When nx_planner_next is worth calling again: right after it returned false,
 * else INT64_MIN (at once); NX_PLANNER_NEVER without anything to wait for. */
int64_t nx_planner_wakeup(const struct nx_planner *planner);

/* The word of this agent's own walk, see agent/plan/guard.h: what is denied is
 * not asked at resolvers, whatever the plan says. True: what was not denied is
 * now, and questions that are on their way must be asked about
 * (nx_planner_may). */
bool nx_planner_own(struct nx_planner *planner, const uint8_t *name,
                    uint16_t qtype, enum nx_guard_word word,
                    int64_t at_mono_us);

/* When the guard may close next though nothing comes: a proof or the plan ends.
 * Questions that are on their way must be asked about then (nx_planner_may).
 * NX_PLANNER_NEVER: none holds. */
int64_t nx_planner_lapses(const struct nx_planner *planner,
                          int64_t now_mono_us);

/* A walk for these types of a name is under way; none: it was refused. Where
 * the guard would await the word of a walk that does not come, visits pass by.
 */
void nx_planner_walked(struct nx_planner *planner, const uint8_t *name,
                       const uint16_t *types, size_t types_n);

/* What came of a question. A resolver that answers SERVFAIL is asked once more
 * with CD=1: an answer then means that validation failed, and not the resolver;
 * for a canary name only where the plan says so.
 * One that does not answer over UDP, or truncated with nothing over TCP, is
 * asked again with the EDNS sizes 512, 1232 and 4096: which of them bring an
 * answer tells whether large ones are lost on the way.
 * Questions like any other: under the guard, by the rates, and for each target
 * at most every NX_TWIN_INTERVAL_S and NX_SIZES_INTERVAL_S, or min_interval_ms
 * if that is longer. True: there is one more to ask. */
#define NX_TWIN_INTERVAL_S 5
#define NX_SIZES_INTERVAL_S 60
bool nx_planner_seen(struct nx_planner *planner, const struct nx_obs *obs,
                     int64_t now_mono_us);
/* Of walks, too, and before nx_planner_seen. True: this is the first to show
 * that a zone of sibling labels is signed, and questions that are on their way
 * must be asked about. */
bool nx_planner_signed(struct nx_planner *planner, const struct nx_obs *obs);

/* getaddrinfo asks one thing at a time: while it is busy, what is to be asked
 * there waits. */
void nx_planner_system_busy(struct nx_planner *planner, bool busy);

/* Would this question be asked now, by plan and guard? */
bool nx_planner_asks(const struct nx_planner *planner,
                     const struct nx_question *question, int64_t now_mono_us);
/* May a question that nx_planner_next gave still be sent? With RD=0 always, and
 * ". NS"; else when it would be asked now. Of sibling labels RD=0 is no excuse:
 * forwarders keep what comes of it (nxclear-estimator(7) 12.9). */
bool nx_planner_may(const struct nx_planner *planner,
                    const struct nx_question *question, int64_t now_mono_us);

/* Some message of the collector came. */
void nx_planner_heard(struct nx_planner *planner, int64_t now_mono_us);

/* A plan came that could not be read: it may take back what the current one
 * says, whose proof has lapsed therefore until a plan is loaded. */
void nx_planner_lapse(struct nx_planner *planner);

/* guard.h: nothing that was proven before is any more. */
void nx_planner_stood(struct nx_planner *planner, int64_t now_mono_us);
bool nx_planner_clocks(struct nx_planner *planner, int64_t now_mono_us,
                       int64_t now_wall_us);

/* Does the plan prove its resolver tasks? False: it has lapsed (or never came),
 * and the collector has to send it again. */
bool nx_planner_proven(const struct nx_planner *planner, int64_t now_mono_us);

/* The record types of the walks for a name, those of the guard's own proof
 * among them; at most cap. */
size_t nx_planner_authority_types(const struct nx_planner *planner,
                                  const uint8_t *name, uint16_t *types,
                                  size_t cap);

/* What the audit of the walk for a name was wanted for: once it is another than
 * in the walk's last round, it is wanted again. 0: by nothing. */
uint64_t nx_planner_audit(const struct nx_planner *planner,
                          const uint8_t *name);

/* Servers beside its zone's own that the walk for a name is to ask: they left
 * the zone's set. At most cap; each once. */
size_t nx_planner_left(const struct nx_planner *planner, const uint8_t *name,
                       struct nx_endpoint *servers, size_t cap);

/* Is there a plan in force? Its revision, 0 before the first. */
bool nx_planner_in_force(const struct nx_planner *planner, int64_t now_mono_us);
uint64_t nx_planner_revision(const struct nx_planner *planner);

#endif
