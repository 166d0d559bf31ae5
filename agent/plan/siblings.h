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
 * - while no answer to such a name shows that the zone is signed. */
#ifndef NX_AGENT_SIBLINGS_H
#define NX_AGENT_SIBLINGS_H

#include "agent/plan/guard.h"

/* Does the plan ask for a name near the zone of this sibling task, other than
 * canary names? Near: below the zone, or below a name above it of two labels or
 * more, or above it. */
bool nx_sibling_rests(const struct nx_plan *plan, const struct nx_task *task);

/* signed_seen: by nx_sibling_is_signed. */
bool nx_sibling_may(const struct nx_guard *guard,
                    const struct nx_policy *policy, bool signed_seen,
                    int64_t now_mono_us);

/* Does the resolver say that it validated this? Older ones say so unasked
 * (RFC 6840 section 5.7). */
bool nx_sibling_is_signed(const struct nx_answer *answer);

#endif
