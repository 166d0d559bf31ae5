#include "collector/engine/ns_book.h"

#include <stdlib.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)
#define SANE_US (INT64_C(1) << 60)

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
    zone->stored_us = NX_TIME_UNKNOWN;
    (void)nx_dname_lower(apex, zone->apex);
    return zone;
}

/* The server's place: its own, a free one, or that of the one seen longest ago.
 */
static struct nx_ns_server *place(struct nx_ns_book_zone *zone,
                                  const struct nx_endpoint *at) {
    struct nx_ns_server *oldest = &zone->servers[0];
    for (size_t i = 0; i < zone->servers_n; i++) {
        struct nx_ns_server *s = &zone->servers[i];
        if (nx_endpoint_same_server(&s->at, at)) {
            return s;
        }
        oldest = s->seen_us < oldest->seen_us ? s : oldest;
    }
    bool room = zone->servers_n < NX_DELEG_SERVERS_MAX;
    struct nx_ns_server *s = room ? &zone->servers[zone->servers_n++] : oldest;
    memset(s, 0, sizeof(*s));
    s->at = *at;
    s->at.server_name = NULL;
    s->since_us = NX_TIME_UNKNOWN;
    s->seen_us = NX_TIME_UNKNOWN;
    s->gone_us = NX_TIME_UNKNOWN;
    s->until_us = NX_TIME_UNKNOWN;
    return s;
}

static int64_t life_us(uint32_t ttl_s) {
    return (int64_t)nx_left_kept_s(ttl_s) * US_PER_S;
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
        struct nx_ns_server *s = &zone->servers[i];
        if (s->gone_us == NX_TIME_UNKNOWN && at_us > s->seen_us &&
            !lists(set, &s->at)) {
            s->gone_us = at_us;
            zone->changed = true;
        }
    }
}

static void note_seen(struct nx_ns_book_zone *zone, struct nx_ns_server *s,
                      uint32_t ttl_s, int64_t at_us) {
    s->until_us = nx_time_later(s->until_us, at_us + life_us(ttl_s));
    if (s->since_us == NX_TIME_UNKNOWN || at_us < s->since_us) {
        s->since_us = at_us;
        zone->changed = true;
    }
    if (at_us >= s->seen_us) {
        zone->changed |= s->ttl_s != ttl_s;
        s->seen_us = at_us;
        s->ttl_s = ttl_s;
    }
    if (s->gone_us != NX_TIME_UNKNOWN && at_us >= s->gone_us) {
        s->gone_us = NX_TIME_UNKNOWN;
        zone->changed = true;
    }
}

static void note_name(struct nx_ns_server *s, const uint8_t *name) {
    s->named = name != NULL;
    if (s->named) {
        (void)nx_dname_lower(name, s->name);
    }
}

int nx_ns_book_see(struct nx_ns_book *book, const struct nx_delegation *set,
                   uint32_t ttl_s, int64_t at_us) {
    struct nx_ns_book_zone *zone = zone_of(book, set->apex);
    zone = zone != NULL ? zone : make_zone(book, set->apex);
    if (zone == NULL) {
        return NX_ENOMEM;
    }
    zone->seen_us = nx_time_later(zone->seen_us, at_us);
    note_gone(zone, set, at_us);
    for (size_t i = 0; i < set->servers_n; i++) {
        const struct nx_endpoint *at = &set->servers[i];
        struct nx_ns_server *s = place(zone, at);
        note_seen(zone, s, ttl_s, at_us);
        note_name(s, at->server_name);
    }
    return 0;
}

/* Nobody knows when it left, only that at some time it had: until then a cache
 * could be given the set that was seen last. */
static int64_t kept_until(const struct nx_ns_server *s, int64_t now_us) {
    int64_t gone_us = s->gone_us != NX_TIME_UNKNOWN ? s->gone_us : now_us;
    return nx_time_later(s->until_us, gone_us + life_us(s->ttl_s));
}

int nx_ns_book_recall(const struct nx_ns_book *book,
                      const struct nx_delegation *set, int64_t at_us,
                      struct nx_authority *authority) {
    const struct nx_ns_book_zone *zone = zone_of(book, set->apex);
    int err = 0;
    for (size_t i = 0; zone != NULL && i < zone->servers_n && err == 0; i++) {
        const struct nx_ns_server *s = &zone->servers[i];
        /* At a start the book knows more than it did then. */
        if (at_us - s->seen_us <= NX_NS_BOOK_KEPT_US && s->since_us <= at_us) {
            err = nx_authority_remember(authority, &s->at,
                                        s->named ? s->name : NULL, at_us,
                                        kept_until(s, at_us));
        }
    }
    return err;
}

/* --- across a start --- */

static bool sane(const struct nx_ns_server *s) {
    bool gone = s->gone_us == NX_TIME_UNKNOWN || s->gone_us >= s->seen_us;
    return s->since_us >= 0 && s->since_us <= s->seen_us &&
           s->seen_us <= SANE_US && gone && s->gone_us <= SANE_US &&
           s->until_us >= s->seen_us &&
           s->until_us <= s->seen_us + NX_NS_BOOK_KEPT_US;
}

int nx_ns_book_put(struct nx_ns_book *book, const uint8_t *apex,
                   const struct nx_ns_server *server) {
    struct nx_ns_book_zone *zone = zone_of(book, apex);
    if (!sane(server)) {
        return NX_ERANGE;
    }
    if (zone == NULL && book->n == NX_NS_BOOK_ZONES_MAX) {
        return NX_ELIMIT;
    }
    zone = zone != NULL ? zone : make_zone(book, apex);
    if (zone == NULL) {
        return NX_ENOMEM;
    }
    if (zone->servers_n == NX_DELEG_SERVERS_MAX) {
        return NX_ELIMIT;
    }
    *place(zone, &server->at) = *server;
    zone->seen_us = nx_time_later(zone->seen_us, server->seen_us);
    zone->stored_us = zone->seen_us;
    return 0;
}

void nx_ns_book_load(void *loading, const uint8_t *apex,
                     const struct nx_ns_server *server) {
    struct nx_ns_book_loading *l = loading;
    int err = nx_ns_book_put(l->book, apex, server);
    l->err = err == NX_ENOMEM ? err : l->err;
}

struct nx_ns_book_zone *nx_ns_book_unstored(const struct nx_ns_book *book) {
    for (size_t i = 0; i < book->n; i++) {
        struct nx_ns_book_zone *zone = &book->zones[i];
        if (zone->changed || zone->stored_us == NX_TIME_UNKNOWN ||
            zone->seen_us - zone->stored_us >= NX_NS_BOOK_STORE_US) {
            return zone;
        }
    }
    return NULL;
}

void nx_ns_book_stored(struct nx_ns_book_zone *zone) {
    zone->changed = false;
    zone->stored_us = zone->seen_us;
}

void nx_ns_book_store_again(struct nx_ns_book *book) {
    for (size_t i = 0; i < book->n; i++) {
        book->zones[i].changed = true;
    }
}
