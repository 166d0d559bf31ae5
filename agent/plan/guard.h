/* Rule 1, decided here for the agent: may a resolver be asked for a name?
 *
 * A query with RD=1 during the outage can plant the very denial that we came to
 * watch. The plan's task says that the authoritative servers are verified good
 * (policy.h refuses those that do not). That word is a proof for a time only:
 * the collector would take it back if a server turned bad, so it holds while
 * the collector is heard. Without news for policy.proof_s it has lapsed, and
 * only a plan makes a new one: an ack does not say that nothing has changed.
 *
 * What the agent's own walks see goes before the plan: a denial closes the
 * guard at once, whoever says otherwise. That no server denies and at least
 * half of them have the record is a proof of its own, as long as a plan's; with
 * policy.own_proof it is needed, so that no plan, wrong or forged, opens the
 * guard alone.
 *
 * A virtual machine that is paused does not count that time: its proofs look
 * younger than they are. Once there is a sign of it (its clock was set forward,
 * or stands behind the collector's) none of them holds any more.
 *
 * What was asked before the guard closed cannot be taken back. A resolver that
 * reaches the name servers has asked them within milliseconds. One that does
 * not (its line is down) goes on trying by itself for as long as it likes,
 * after the end of who asked too; systemd-resolved for 74 s (io_lookup.h). If
 * the record goes away in that time and the line comes back, the denial that it
 * meets then is of a question of ours. No schedule rules that out: the first
 * question to such a resolver is enough, and that it does not answer is known
 * only afterwards. */
#ifndef NX_AGENT_GUARD_H
#define NX_AGENT_GUARD_H

#include "agent/plan/policy.h"

/* What the walks can say (io_walks.c checks it). More denials than that, and
 * every name is taken for denied until a plan comes and there is room again. */
#define NX_GUARD_WORDS_MAX 1088U

/* Apart from the types: the name does not exist, which resolvers cache for all
 * of its types (RFC 2308 section 5) and for all names below it (RFC 8020). */
#define NX_GUARD_EVERY_TYPE 0U

enum nx_guard_word {
    NX_GUARD_NO_WORD, /* forget what was said */
    NX_GUARD_GOOD,    /* none denies the record, and at least half of those that
                       * can be reached from here have it */
    NX_GUARD_DENIED,  /* one denies */
};

enum nx_guard_state {
    NX_GUARD_OPEN,
    NX_GUARD_AWAITS, /* the first word of an own walk */
    NX_GUARD_LAPSED, /* neither plan nor own walk proves anything now */
    NX_GUARD_DENIES, /* our own walk saw a denial */
};

struct nx_guard;

int nx_guard_new(struct nx_guard **out) NX_MUSTUSE; /* NX_ENOMEM */
void nx_guard_free(struct nx_guard **guard);

/* A plan came: its tasks are proven from now on. */
void nx_guard_plan(struct nx_guard *guard, int64_t now_mono_us);

/* A plan came that could not be taken: it may have taken back what the last one
 * says, which proves nothing from now on. Only a plan makes a new proof. */
void nx_guard_lapse(struct nx_guard *guard);

/* The machine may have stood still until now without counting it: what was
 * proven before proves nothing. */
void nx_guard_stood(struct nx_guard *guard, int64_t now_mono_us);

/* Before each question. True, and as nx_guard_stood: since the last call the
 * clock of day went further than the other one. A step of NTP looks the same.
 */
bool nx_guard_clocks(struct nx_guard *guard, int64_t now_mono_us,
                     int64_t now_wall_us);

/* Some message of the collector came. Does not bring back what has lapsed. */
void nx_guard_heard(struct nx_guard *guard, const struct nx_policy *policy,
                    int64_t now_mono_us);

/* Does the word of the last plan still hold? */
bool nx_guard_proven(const struct nx_guard *guard,
                     const struct nx_policy *policy, int64_t now_mono_us);

/* When the first of the proofs that hold now ends if nothing comes, the plan's
 * or one of our own; INT64_MAX: there is none. */
int64_t nx_guard_lapses(const struct nx_guard *guard,
                        const struct nx_policy *policy, int64_t now_mono_us);

/* The word of our own walk, whose first answers are from at_mono_us. True: what
 * was not denied is now. */
bool nx_guard_own(struct nx_guard *guard, const uint8_t *name, uint16_t qtype,
                  enum nx_guard_word word, int64_t at_mono_us);

enum nx_guard_state nx_guard_state(const struct nx_guard *guard,
                                   const struct nx_policy *policy,
                                   const uint8_t *name, uint16_t qtype,
                                   int64_t now_mono_us);

#endif
