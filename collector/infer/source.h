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

#endif
