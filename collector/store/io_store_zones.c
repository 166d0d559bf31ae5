/* Name servers of zones: a row for each that is or was in a zone's set. */
#include "collector/store/io_store_zones.h"

#include "collector/store/io_store_sqlite.h"

static int drop(struct nx_store *store, const char *zone) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_ZONE_DROP,
                                "DELETE FROM zone_server WHERE zone = ?1");
    nx_sq_text(&sq, zone);
    return nx_sq_run(&sq);
}

/* Binds it from the second value on, and runs the statement. */
static int run_with(struct nx_sq *sq, const char *zone,
                    const struct nx_ns_server *s) {
    char at[NX_ENDPOINT_TEXT_MAX];
    char name[NX_DNAME_TEXT_MAX];
    nx_sq_text(sq, zone);
    nx_sq_text(sq, nx_endpoint_text(&s->at, at));
    nx_sq_int(sq, s->at.scope_id);
    if (s->named) {
        nx_sq_text(sq, nx_dname_text(s->name, name));
    } else {
        nx_sq_null(sq);
    }
    nx_sq_int(sq, s->ttl_s);
    nx_sq_int(sq, s->since_us);
    nx_sq_int(sq, s->seen_us);
    nx_sq_time(sq, s->gone_us);
    nx_sq_int(sq, s->until_us);
    return nx_sq_run(sq);
}

static int add(struct nx_store *store, const char *zone,
               const struct nx_ns_server *s) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ZONE_ADD,
        "INSERT OR REPLACE INTO zone_server(zone, address, scope_id, name, "
        "ttl_s, since_us, seen_us, gone_us, until_us, digest) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
        "nx_digest(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9))");
    return run_with(&sq, zone, s);
}

static int add_then(struct nx_store *store, uint32_t incident_id,
                    const char *zone, const struct nx_ns_server *s) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_ZONE_THEN_ADD,
        "INSERT OR REPLACE INTO incident_zone_server(incident_id, zone, "
        "address, scope_id, name, ttl_s, since_us, seen_us, gone_us, until_us, "
        "digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
        "nx_digest(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10))");
    nx_sq_int(&sq, incident_id);
    return run_with(&sq, zone, s);
}

static int trim(struct nx_store *store, int64_t now_us) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_ZONE_TRIM,
                  "DELETE FROM zone_server WHERE seen_us < ?1 OR zone NOT IN ("
                  "SELECT zone FROM zone_server GROUP BY zone "
                  "ORDER BY max(seen_us) DESC LIMIT ?2)");
    nx_sq_int(&sq, now_us - NX_NS_BOOK_KEPT_US);
    nx_sq_int(&sq, NX_NS_BOOK_ZONES_MAX);
    return nx_sq_run(&sq);
}

int nx_store_zone_put(struct nx_store *store,
                      const struct nx_ns_book_zone *zone, int64_t now_us) {
    char text[NX_DNAME_TEXT_MAX];
    int err = drop(store, nx_dname_text(zone->apex, text));
    for (size_t i = 0; i < zone->servers_n && err == NX_OK; i++) {
        err = add(store, text, &zone->servers[i]);
    }
    return err == NX_OK ? trim(store, now_us) : err;
}

int nx_store_zone_then_add(struct nx_store *store, uint32_t incident_id,
                           const struct nx_ns_book_zone *zone) {
    char text[NX_DNAME_TEXT_MAX];
    int err = NX_OK;
    (void)nx_dname_text(zone->apex, text);
    for (size_t i = 0; i < zone->servers_n && err == NX_OK; i++) {
        err = add_then(store, incident_id, text, &zone->servers[i]);
    }
    return err;
}

/* False: somebody else wrote it. */
static bool get_row(const struct nx_sq *sq, uint8_t *apex,
                    struct nx_ns_server *s) {
    char text[NX_DNAME_TEXT_MAX];
    char at[NX_ENDPOINT_TEXT_MAX];
    *s = (struct nx_ns_server){.named = false};
    nx_sq_get_text(sq, 0, text, sizeof(text));
    nx_sq_get_text(sq, 1, at, sizeof(at));
    if (nx_dname_parse(text, apex) != NX_OK ||
        nx_endpoint_parse(at, &s->at) != NX_OK) {
        return false;
    }
    s->at.layer = NX_LAYER_AUTHORITY;
    s->at.scope_id = (uint32_t)nx_sq_get_int(sq, 2);
    nx_sq_get_text(sq, 3, text, sizeof(text));
    s->named = text[0] != '\0' && nx_dname_parse(text, s->name) == NX_OK;
    s->ttl_s = (uint32_t)nx_sq_get_int(sq, 4);
    s->since_us = nx_sq_get_int(sq, 5);
    s->seen_us = nx_sq_get_int(sq, 6);
    s->gone_us = nx_sq_get_time(sq, 7);
    s->until_us = nx_sq_get_int(sq, 8);
    return true;
}

static int visit_all(struct nx_sq *sq,
                     void (*visit)(void *user, const uint8_t *apex,
                                   const struct nx_ns_server *server),
                     void *user) {
    uint8_t apex[NX_DNAME_MAX];
    struct nx_ns_server server;
    int more = 0;
    while ((more = nx_sq_step(sq)) > 0) {
        if (get_row(sq, apex, &server)) {
            visit(user, apex, &server);
        }
    }
    return more;
}

int nx_store_zones_then(struct nx_store *store, uint32_t incident_id,
                        void (*visit)(void *user, const uint8_t *apex,
                                      const struct nx_ns_server *server),
                        void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_ZONES_THEN,
                  "SELECT zone, address, scope_id, name, ttl_s, since_us, "
                  "seen_us, gone_us, until_us FROM incident_zone_server "
                  "WHERE incident_id = ?1 ORDER BY zone");
    nx_sq_int(&sq, incident_id);
    return visit_all(&sq, visit, user);
}

int nx_store_zones(struct nx_store *store, int64_t now_us,
                   void (*visit)(void *user, const uint8_t *apex,
                                 const struct nx_ns_server *server),
                   void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_ZONES,
                  "SELECT zone, address, scope_id, name, ttl_s, since_us, "
                  "seen_us, gone_us, until_us FROM zone_server "
                  "WHERE seen_us >= ?1 ORDER BY seen_us DESC");
    nx_sq_int(&sq, now_us - NX_NS_BOOK_KEPT_US);
    return visit_all(&sq, visit, user);
}
