/* Where an answer comes from that is not the restored one, when it comes from
 * no cache that waiting would clear: the resolver's own copy or view of the
 * zone. Pure. */
#ifndef NX_COLLECTOR_SOURCE_H
#define NX_COLLECTOR_SOURCE_H

#include "collector/infer/evidence.h"

/* Authoritative (AA), and its TTL never counts down: the resolver has the zone
 * itself, or hands on what a server of it says. What is denied must be denied
 * from the apex of the zone, else it is policy (10.1). */
bool nx_source_is_own_zone(const struct nx_evidence *ev);

/* Another answer than the expected one came again, after every entry with it
 * that was seen had ended, and they ended after the restoration; and it lasts
 * longer than one from before the restoration can: it was fetched anew, or is
 * kept past its end. */
bool nx_source_is_renewed(const struct nx_evidence *ev);

/* Did the resolver resolve canary names while it denied this one? Then it is
 * not out of order, and does not deny all. It says nothing of an entry that was
 * cached: other names are resolved beside it. */
bool nx_canary_resolves(const struct nx_evidence *ev);

/* Denials without SOA, at a resolver that shows the SOA of what it has cached
 * and works: canary names say so of this very time. Its own cache does not make
 * them. Only where nobody else's can: canaries saw one cache, the servers of
 * their zone were asked by the resolver itself, and it keeps the SOA with the
 * denial (dnsmasq may lose it before); and only since all servers are good,
 * whose own denials have an SOA. One denial with an SOA, or one answer, and it
 * may be a cache. Never a reason to take a name for clear. */
bool nx_source_is_singled_out(const struct nx_evidence *ev);

/* Would canary names that are resolved now tell whether it is so? */
bool nx_source_wants_canary(const struct nx_evidence *ev);

#endif
