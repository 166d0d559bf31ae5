/* Would an answer of an authoritative server leave a denial in the cache of a
 * resolver that asks it? Rule 1 (do no harm) needs the careful view: one kind
 * of resolver that takes it so is enough. Pure. */
#ifndef NX_COLLECTOR_PLANTS_H
#define NX_COLLECTOR_PLANTS_H

#include "collector/infer/look.h"
#include "common/obs.h"

/* NXDOMAIN, cut or not, and NODATA, authoritative or not: with a SOA; with an
 * empty authority section (RFC 2308 section 2.2, NODATA type 3); with the NS
 * set of `zone` itself, the one that the server is asked for (NULL: not known),
 * which is no way down; with AA and an NS set of a zone above it. Measured:
 * unbound keeps the second and the third whether or not AA is set, PowerDNS
 * Recursor the second and the fourth.
 *
 * Not: another answer, an alias, a referral downwards, a recursive resolver in
 * the place of a name server (RA without AA), which is lame. */
bool nx_answer_plants(const struct nx_answer *answer,
                      const struct nx_look *look, const uint8_t *zone);

/* Of these the ones without a SOA: kept for seconds, not for the zone's
 * negative TTL. */
bool nx_answer_is_bare(const struct nx_answer *answer, const uint8_t *zone);

#endif
