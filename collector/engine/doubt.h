/* Is a resolver's positive answer the record? Where the incident names no
 * answer (--expect), not every one is: there are resolvers that give an address
 * in place of a denial, cached denials too.
 *
 * Decided when the looks of a target are judged, not when they come, from what
 * is known then of the resolver and of the name servers: so a collector that
 * was started again says the same of old looks as one that ran on, and so does
 * a recording. Only whether each record of an RRset was given by then
 * (NX_LOOK_OF_SERVERS) is noted as it comes. Pure. */
#ifndef NX_COLLECTOR_DOUBT_H
#define NX_COLLECTOR_DOUBT_H

#include "collector/engine/engine_priv.h"

/* The target's looks as nx_target_looks gives them; those that are not believed
 * become NX_KIND_POS_OTHER.
 *
 * The address that the resolver gives for canary names that do not exist is
 * never the record, unless a good name server gave it.
 *
 * Nor is any answer of such a resolver whose data the agent keeps, even where
 * one is named with --expect, unless it handed on a denial of this very name
 * and says not that the answer is its own (AA).
 *
 * An answer that no good server was seen to give, neither whole nor record by
 * record, is not believed (NX_LOOK_UNLIKE_SERVERS), however long it is given:
 * time makes a record of nothing. Where a server gives a way out of the zone,
 * an answer that shows an alias is believed. It is believed where this
 * resolver is known to hand denials on: it was measured (for addresses), or did
 * so with this very name, by NXDOMAIN with any type. Where servers gave more
 * records than are kept it is believed, too (NX_LOOK_NOT_COMPARED). What it has
 * is what the servers give its network then, unless it says that it has it from
 * a zone of its own (AA). */
size_t nx_doubted_looks(const struct nx_engine *engine,
                        const struct nx_target *target, struct nx_look *out);

#endif
