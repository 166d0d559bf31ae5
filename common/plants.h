/* What an answer of an authoritative server does to a resolver that asks it:
 * would it leave a denial in its cache? Rule 1 (do no harm) needs the careful
 * view: one kind of resolver that takes it so is enough. The same for the
 * agent's guard and the collector's. Pure. */
#ifndef NX_COMMON_PLANTS_H
#define NX_COMMON_PLANTS_H

#include "common/obs.h"

/* NXDOMAIN, cut or not, and NODATA, authoritative or not: with a SOA, at the
 * end of a chain too; with an empty authority section (RFC 2308 section 2.2,
 * NODATA type 3); with the NS set of `zone` itself, the one that the server is
 * asked for (NULL: not known), which is no way down; with AA and an NS set of a
 * zone above it. Measured: unbound keeps the second and the third whether or
 * not AA is set, PowerDNS Recursor the second and the fourth.
 *
 * Not: another answer, an alias, a referral downwards, a recursive resolver in
 * the place of a name server (RA without AA), which is lame. */
bool nx_answer_plants(const struct nx_answer *answer, const uint8_t *zone);

/* Of these the ones without a SOA: kept for seconds, not for the zone's
 * negative TTL. */
bool nx_answer_is_bare(const struct nx_answer *answer, const uint8_t *zone);

/* No chain of aliases, or one that ends in `zone` (NULL: not known). */
bool nx_answer_ends_in(const struct nx_answer *answer, const uint8_t *zone);

/* There is something of the type, by the word of the zone. At the end of a
 * chain that leaves it, the server has no say, though it may have a copy of the
 * other zone: resolvers drop that part and ask there. */
bool nx_answer_affirms(const struct nx_answer *answer, const uint8_t *zone);

/* A chain of aliases that ends outside of `zone` (NULL: not known), with or
 * without what the server says to be there, or in a child zone that is named
 * beside it: what is there is for others to say. One that stops inside of the
 * zone says nothing: its end may be denied. */
bool nx_answer_leaves(const struct nx_answer *answer, const uint8_t *zone);

/* That one: it neither affirms nor denies. Most servers go on to the end, which
 * RFC 1034 section 4.3.2, step 3a asks for. */
bool nx_answer_stops(const struct nx_answer *answer, const uint8_t *zone);

/* An alias that leaves affirms the name only if it was missing (`missed`: a
 * server denied it, not where it leads to) and is back: one that always stood
 * says nothing of its target, which may be what is denied. */
bool nx_answer_is_back(const struct nx_answer *answer, const uint8_t *zone,
                       bool missed);

/* Names above, which resolvers ask for first (RFC 9156). */

/* NXDOMAIN of what was asked for, not of an alias's end. */
bool nx_answer_is_no_name(const struct nx_answer *answer);
bool nx_answer_is_no_error(const struct nx_answer *answer);
/* A way down from the server's zone to name: the cut is there, and what is
 * below it is for others to say. One to the zone itself, or upwards, is what a
 * lame server gives. */
bool nx_answer_leads_down(const struct nx_answer *answer, const uint8_t *name,
                          const uint8_t *zone);
/* Asked for name: does a server of zone say that it is there? With AA, or by a
 * way down. */
bool nx_answer_shows_name(const struct nx_answer *answer, const uint8_t *name,
                          const uint8_t *zone);
/* The name of so many labels that is name or above it. */
const uint8_t *nx_name_above(const uint8_t *name, unsigned labels);

/* A name above, as a bit: what is said of one says nothing of the others. */
uint64_t nx_above_bit(const uint8_t *name);
#define NX_ABOVE_ALL UINT64_MAX

#endif
