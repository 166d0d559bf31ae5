/* Is a resolver's positive answer the record? Where the incident names no
 * answer (--expect), not every one is: there are resolvers that give an address
 * in place of a denial, cached denials too.
 *
 * Decided when the looks of a target are judged, not when they come, from what
 * is known then of the resolver and of the name servers: so a collector that
 * was started again says the same of old looks as one that ran on, and so does
 * a recording. Pure. */
#ifndef NX_COLLECTOR_DOUBT_H
#define NX_COLLECTOR_DOUBT_H

#include "collector/engine/engine_priv.h"

/* What the doubt rests on: looks[0..n) are the newest of one target, of which
 * denial_seen says whether any look ever was a denial. Those that are not
 * believed become NX_KIND_POS_OTHER.
 *
 * The address that the resolver gives for canary names that do not exist is
 * never the record, unless a good name server gives it.
 *
 * Another answer than the one that all good servers give, each time, is not
 * believed while a denial from the outage may be cached still
 * (NX_LOOK_UNLIKE_SERVERS); but it is where this resolver is known to hand
 * denials on: it was measured (for type A), or did so with this very name. What
 * it has is what the servers give its network then, unless it says that it has
 * it from a zone of its own (AA). */
void nx_doubt(const struct nx_item *item, const struct nx_profile *profile,
              bool denial_seen, struct nx_look *looks, size_t n);

/* The target's looks as nx_target_looks gives them, judged so. */
size_t nx_doubted_looks(const struct nx_engine *engine,
                        const struct nx_target *target, struct nx_look *out);

#endif
