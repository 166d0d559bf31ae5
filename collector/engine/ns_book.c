#include "collector/engine/ns_book.h"

#include <stdlib.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)

struct known_server {
    struct nx_endpoint at; /* server_name NULL: see name */
    bool named;
    uint8_t name[NX_DNAME_MAX];
    uint32_t ttl_s; /* of the set that it was last seen in */
    int64_t seen_us;
    int64_t gone_us;  /* a set without it was seen since; NX_TIME_UNKNOWN */
    int64_t until_us; /* no cache keeps a set of those seen longer */
};

struct nx_ns_book_zone {
    uint8_t apex[NX_DNAME_MAX];
    int64_t seen_us;
    size_t servers_n;
    struct known_server servers[NX_DELEG_SERVERS_MAX];
};

void nx_ns_book_fini(struct nx_ns_book *book) {
    free(book->zones);
    *book = (struct nx_ns_book){.zones = NULL};
}

static struct nx_ns_book_zone *zone_of(const struct nx_ns_book *book,
                                       const uint8_t *apex) {
    for (size_t i = 0; i < book->n; i++) {
        if (nx_dname_equal(book->zones[i].apex, apex)) {
            return &book->zones[i];
        }
    }
    return NULL;
}

static struct nx_ns_book_zone *oldest_zone(const struct nx_ns_book *book) {
    struct nx_ns_book_zone *oldest = &book->zones[0];
    for (size_t i = 1; i < book->n; i++) {
        if (book->zones[i].seen_us < oldest->seen_us) {
            oldest = &book->zones[i];
        }
    }
    return oldest;
}

static struct nx_ns_book_zone *make_zone(struct nx_ns_book *book,
                                         const uint8_t *apex) {
    struct nx_ns_book_zone *zone = NULL;
    if (book->n == NX_NS_BOOK_ZONES_MAX) {
        zone = oldest_zone(book);
    } else {
        zone = realloc(book->zones, (book->n + 1) * sizeof(*zone));
        if (zone == NULL) {
            return NULL;
        }
        book->zones = zone;
        zone = &book->zones[book->n++];
    }
    memset(zone, 0, sizeof(*zone));
    zone->seen_us = NX_TIME_UNKNOWN;
    (void)nx_dname_lower(apex, zone->apex);
    return zone;
}

/* The server's place: its own, a free one, or that of the one seen longest ago.
 */
static struct known_server *place(struct nx_ns_book_zone *zone,
                                  const struct nx_endpoint *at) {
    struct known_server *oldest = &zone->servers[0];
    for (size_t i = 0; i < zone->servers_n; i++) {
        struct known_server *s = &zone->servers[i];
        if (nx_endpoint_same_server(&s->at, at)) {
            return s;
        }
        oldest = s->seen_us < oldest->seen_us ? s : oldest;
    }
    bool room = zone->servers_n < NX_DELEG_SERVERS_MAX;
    struct known_server *s = room ? &zone->servers[zone->servers_n++] : oldest;
    memset(s, 0, sizeof(*s));
    s->at = *at;
    s->at.server_name = NULL;
    s->seen_us = NX_TIME_UNKNOWN;
    s->gone_us = NX_TIME_UNKNOWN;
    s->until_us = NX_TIME_UNKNOWN;
    return s;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b; /* NX_TIME_UNKNOWN is the smallest */
}

static int64_t life_us(uint32_t ttl_s) {
    uint32_t kept_s = ttl_s < NX_LEFT_TTL_MAX_S ? ttl_s : NX_LEFT_TTL_MAX_S;
    return (int64_t)kept_s * US_PER_S;
}

static bool lists(const struct nx_delegation *set,
                  const struct nx_endpoint *at) {
    for (size_t i = 0; i < set->servers_n; i++) {
        if (nx_endpoint_same_server(&set->servers[i], at)) {
            return true;
        }
    }
    return false;
}

static void note_gone(struct nx_ns_book_zone *zone,
                      const struct nx_delegation *set, int64_t at_us) {
    for (size_t i = 0; i < zone->servers_n; i++) {
        struct known_server *s = &zone->servers[i];
        if (s->gone_us == NX_TIME_UNKNOWN && at_us > s->seen_us &&
            !lists(set, &s->at)) {
            s->gone_us = at_us;
        }
    }
}

static void note_seen(struct known_server *s, uint32_t ttl_s, int64_t at_us) {
    s->until_us = later(s->until_us, at_us + life_us(ttl_s));
    if (at_us >= s->seen_us) {
        s->seen_us = at_us;
        s->ttl_s = ttl_s;
    }
    if (at_us >= s->gone_us) {
        s->gone_us = NX_TIME_UNKNOWN;
    }
}

int nx_ns_book_see(struct nx_ns_book *book, const struct nx_delegation *set,
                   uint32_t ttl_s, int64_t at_us) {
    struct nx_ns_book_zone *zone = zone_of(book, set->apex);
    zone = zone != NULL ? zone : make_zone(book, set->apex);
    if (zone == NULL) {
        return NX_ENOMEM;
    }
    zone->seen_us = later(zone->seen_us, at_us);
    note_gone(zone, set, at_us);
    for (size_t i = 0; i < set->servers_n; i++) {
        const struct nx_endpoint *at = &set->servers[i];
        struct known_server *s = place(zone, at);
        note_seen(s, ttl_s, at_us);
        s->named = at->server_name != NULL;
        if (s->named) {
            (void)nx_dname_lower(at->server_name, s->name);
        }
    }
    return 0;
}

/* Nobody knows when it left, only that at some time it had: until then a cache
 * could be given the set that was seen last. */
static int64_t kept_until(const struct known_server *s, int64_t now_us) {
    int64_t gone_us = s->gone_us != NX_TIME_UNKNOWN ? s->gone_us : now_us;
    return later(s->until_us, gone_us + life_us(s->ttl_s));
}

int nx_ns_book_recall(const struct nx_ns_book *book,
                      const struct nx_delegation *set, int64_t at_us,
                      struct nx_authority *authority) {
    const struct nx_ns_book_zone *zone = zone_of(book, set->apex);
    int err = 0;
    for (size_t i = 0; zone != NULL && i < zone->servers_n && err == 0; i++) {
        const struct known_server *s = &zone->servers[i];
        if (at_us - s->seen_us <= NX_NS_BOOK_KEPT_US) {
            err = nx_authority_remember(authority, &s->at,
                                        s->named ? s->name : NULL, at_us,
                                        kept_until(s, at_us));
        }
    }
    return err;
}
