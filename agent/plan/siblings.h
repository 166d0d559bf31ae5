/* Rule 1 for sibling labels: may names that do not exist be asked for below a
 * zone that is in use?
 *
 * Where no zone is run for canary names, they show some of a resolver's habits,
 * but not for free: a denial renews the SOA that unbound and dnsmasq show for
 * all names of the zone, and in a signed zone it plants NSEC records that deny
 * other names as well (nxclear-estimator(7) 11). So only below a zone that the
 * owner gave for it (policy.sibling_zones: none by default), and only
 *
 * - while the plan has nothing to ask of names near the zone: that is an
 *   incident, or what is left of one;
 * - under the word of the plan, which says that none is open and that the zone
 *   is not signed. It lapses like any proof (agent/plan/guard.h), and with
 *   policy.own_proof it counts for nothing;
 * - while nothing that this agent saw shows that the zone is signed: no answer
 *   of a resolver, and none of a name server to a walk of its own;
 * - of a resolver that said lately that it is not. Whoever makes plans may be
 *   wrong, so the agent asks itself, before the first sibling label and each
 *   NX_SIBLING_ASK_S while there are any: the zone's NS set, which is there and
 *   plants nothing, with DO=1. Signatures, or AD=1, say that it is signed
 *   (RFC 4035 section 3.2). Without EDNS in the answer (RFC 6891) the resolver
 *   could not say so, and said nothing. */
#ifndef NX_AGENT_SIBLINGS_H
#define NX_AGENT_SIBLINGS_H

#include "agent/plan/guard.h"

/* The zone of a sibling task that nx_policy_check let pass. */
const uint8_t *nx_sibling_zone(const struct nx_task *task);

/* Does the plan ask for a name near the zone of this sibling task, other than
 * canary names? Near: below the zone, or below a name above it of two labels or
 * more, or above it. */
bool nx_sibling_rests(const struct nx_plan *plan, const struct nx_task *task);

/* signed_seen: NX_SIBLING_SIGNED was said. */
bool nx_sibling_may(const struct nx_guard *guard,
                    const struct nx_policy *policy, bool signed_seen,
                    int64_t now_mono_us);

#define NX_SIBLING_ASK_S 30
/* So long a resolver's word holds that the zone is not signed. */
#define NX_SIBLING_WORD_S 75

enum nx_sibling_word {
    NX_SIBLING_NO_WORD,
    NX_SIBLING_UNSIGNED, /* the answer to the agent's own question */
    NX_SIBLING_SIGNED,   /* any answer that shows it */
};

/* What an observation says of a sibling zone of the policy: of one that its
 * name is, or lies directly below. */
enum nx_sibling_word nx_sibling_word(const struct nx_policy *policy,
                                     const struct nx_obs *obs);

#endif
