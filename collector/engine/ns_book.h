/* Which name servers zones had, as audits saw them: so that an incident which
 * is opened after a move, and one that a collector is started again in, knows
 * whom caches may still ask (left.h). What was never audited nobody knows.
 * Pure; zones that changed are to be stored by whoever holds the book. */
#ifndef NX_COLLECTOR_NS_BOOK_H
#define NX_COLLECTOR_NS_BOOK_H

#include "collector/engine/authority.h"

#define NX_NS_BOOK_ZONES_MAX 256U
/* Servers that nobody saw for so long left at a time that nobody knows. */
#define NX_NS_BOOK_KEPT_US ((int64_t)NX_LEFT_TTL_MAX_S * 1000000)

/* Of an hour's sightings the first is stored, of changes each. */
#define NX_NS_BOOK_STORE_US INT64_C(3600000000)

struct nx_ns_server {
    struct nx_endpoint at; /* server_name NULL: see name */
    bool named;
    uint8_t name[NX_DNAME_MAX];
    uint32_t ttl_s;   /* of the set that it was last seen in */
    int64_t since_us; /* first seen */
    int64_t seen_us;  /* last seen */
    int64_t gone_us;  /* a set without it was seen since; NX_TIME_UNKNOWN */
    int64_t until_us; /* no cache keeps a set of those seen longer */
};

struct nx_ns_book_zone {
    uint8_t apex[NX_DNAME_MAX];
    int64_t seen_us;
    int64_t stored_us; /* seen_us as it was stored; NX_TIME_UNKNOWN: never */
    bool changed;      /* more than seen_us since then */
    size_t servers_n;
    struct nx_ns_server servers[NX_DELEG_SERVERS_MAX];
};

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

/* --- across a start --- */

/* A server as it was stored, before anything is seen; those seen last come
 * first. What there is no room for is left out, NX_ELIMIT. NX_ERANGE: no such
 * times. NX_ENOMEM. */
int nx_ns_book_put(struct nx_ns_book *book, const uint8_t *apex,
                   const struct nx_ns_server *server) NX_MUSTUSE;
/* To visit servers that were stored; what the book does not take is left out.
 */
struct nx_ns_book_loading {
    struct nx_ns_book *book;
    int err; /* NX_ENOMEM */
};
void nx_ns_book_load(void *loading, const uint8_t *apex,
                     const struct nx_ns_server *server);

/* A zone that is to be stored, in place of what is stored of it; NULL: none.
 * Borrowed until the next change. */
struct nx_ns_book_zone *nx_ns_book_unstored(const struct nx_ns_book *book);
void nx_ns_book_stored(struct nx_ns_book_zone *zone);
/* What was stored may be lost. */
void nx_ns_book_store_again(struct nx_ns_book *book);

#endif
