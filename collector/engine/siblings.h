/* Sibling labels: names that do not exist, in a zone that is in use, in place
 * of canary names where no zone is run for those (nxclear-estimator(7) 11).
 * Asked in quiet times alone, and only below an unsigned zone: a denial renews
 * the SOA that some resolvers show for all names of the zone, and in a signed
 * zone it plants NSEC records that deny other names too.
 *
 * An audit of the zone tells both, and the negative TTL that its servers send,
 * which what resolvers show is held against. Pure. */
#ifndef NX_COLLECTOR_SIBLINGS_H
#define NX_COLLECTOR_SIBLINGS_H

#include "collector/engine/engine_priv.h"

/* So long an audit's word holds after the audit. */
#define NX_SIBLINGS_AUDITED_US NX_AUDIT_ENDS_US

/* What the open audits and incidents say at now_us. Every second. */
void nx_siblings_survey(struct nx_engine *engine, int64_t now_us);

/* May they be asked, as of the last survey? */
bool nx_siblings_may(const struct nx_engine *engine);

/* Is an audit all that is missing for it? */
bool nx_siblings_lack_audit(const struct nx_engine *engine);

/* An incident was opened: they rest at once, not with the next survey. One that
 * was closed before this process began: for a day after, as nothing is known of
 * what it left. */
void nx_siblings_opened(struct nx_engine *engine, const struct nx_case *c);

/* An incident was closed, its items are there still: they rest until no cache
 * can hold a denial that it left. */
void nx_siblings_closed(struct nx_engine *engine, const struct nx_case *c);

#endif
