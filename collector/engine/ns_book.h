/* Which name servers zones had, as audits saw them: so that an incident which
 * is opened after a move knows whom caches may still ask (left.h). What was
 * never audited, or not since the collector was started, nobody knows. Pure. */
#ifndef NX_COLLECTOR_NS_BOOK_H
#define NX_COLLECTOR_NS_BOOK_H

#include "collector/engine/authority.h"

#define NX_NS_BOOK_ZONES_MAX 256U
/* Servers that nobody saw for so long left at a time that nobody knows. */
#define NX_NS_BOOK_KEPT_US ((int64_t)NX_LEFT_TTL_MAX_S * 1000000)

struct nx_ns_book_zone;

struct nx_ns_book {
    struct nx_ns_book_zone *zones; /* NULL: none */
    size_t n;
};

void nx_ns_book_fini(struct nx_ns_book *book);

/* The zone has these servers (and no others any more), and caches keep its NS
 * set for ttl_s. The zone that was seen longest ago gives way. NX_ENOMEM. */
int nx_ns_book_see(struct nx_ns_book *book, const struct nx_delegation *set,
                   uint32_t ttl_s, int64_t at_us) NX_MUSTUSE;

/* Tells the authoritative side of an item in that zone, as it gets its first
 * set, of the servers that the zone had before, as long as caches may keep a
 * set with them: each that was seen for its own TTL, and the last one for its
 * TTL from the first set without it (none was seen: from now). NX_ENOMEM. */
int nx_ns_book_recall(const struct nx_ns_book *book,
                      const struct nx_delegation *set, int64_t at_us,
                      struct nx_authority *authority) NX_MUSTUSE;

#endif
