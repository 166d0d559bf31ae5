/* What was measured of resolvers: one row each. */
#include "collector/store/io_store_profiles.h"

#include <string.h>

#include "collector/store/io_store_sqlite.h"

#define SANE_US (INT64_C(1) << 60)

static void bind_seconds(struct nx_sq *sq, uint32_t seconds) {
    if (seconds == NX_NOT_MEASURED) {
        nx_sq_null(sq);
    } else {
        nx_sq_int(sq, seconds);
    }
}

static void bind_measured(struct nx_sq *sq, const struct nx_measured *m) {
    const struct nx_profile *p = &m->profile;
    bind_seconds(sq, m->nxdomain_cap_s);
    bind_seconds(sq, m->nodata_cap_s);
    bind_seconds(sq, m->floor_s);
    nx_sq_text(sq, nx_soa_clock_text(m->soa_clock));
    nx_sq_text(sq, nx_conv_text(p->conv));
    nx_sq_text(sq, nx_rd0_text(p->rd0));
    nx_sq_text(sq, nx_chain_text(m->chain));
    nx_sq_text(sq, nx_past_ttl_text(p->past_ttl));
    nx_sq_int(sq, p->caches);
    nx_sq_int(sq, m->caches_seen);
    nx_sq_int(sq, p->early_window_s);
    nx_sq_int(sq, p->never_decrements);
    nx_sq_int(sq, m->soa_shown);
    nx_sq_int(sq, m->rewrites_nxdomain);
}

static int forget(struct nx_store *store, int64_t before_us) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_RESOLVERS_FORGET,
                  "DELETE FROM resolver_profile WHERE measured_us < ?1");
    nx_sq_int(&sq, before_us);
    return nx_sq_run(&sq);
}

int nx_store_resolver_put(struct nx_store *store,
                          const struct nx_book_row *row) {
    char at[NX_ENDPOINT_TEXT_MAX];
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_RESOLVER_PUT,
        "INSERT OR REPLACE INTO resolver_profile(network, resolver, scope_id, "
        "measured_us, nxdomain_cap_s, nodata_cap_s, floor_s, soa_clock, "
        "rounding, rd0, chain, past_ttl, caches, caches_seen, early_window_s, "
        "never_decrements, soa_shown, rewrites_nxdomain) VALUES("
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
        "?16, ?17, ?18)");
    nx_sq_text(&sq, row->network);
    nx_sq_text(&sq, nx_endpoint_text(&row->at, at));
    nx_sq_int(&sq, row->at.scope_id);
    nx_sq_time(&sq, row->measured_us);
    bind_measured(&sq, &row->measured);
    int err = nx_sq_run(&sq);
    return err == NX_OK ? forget(store, row->measured_us - NX_BOOK_KEPT_US)
                        : err;
}

/* The value of an enum with that text; 0, "unknown", for any other. */
static uint8_t value_of(const struct nx_sq *sq, int column,
                        const char *(*text_of)(unsigned), unsigned values_n) {
    char text[32];
    nx_sq_get_text(sq, column, text, sizeof(text));
    for (unsigned i = 1; i < values_n; i++) {
        if (strcmp(text_of(i), text) == 0) {
            return (uint8_t)i;
        }
    }
    return 0;
}

static uint32_t get_seconds(const struct nx_sq *sq, int column) {
    int64_t seconds = nx_sq_get_time(sq, column); /* NULL: negative */
    return seconds < 0 || seconds > INT32_MAX ? NX_NOT_MEASURED
                                              : (uint32_t)seconds;
}

static void get_measured(const struct nx_sq *sq, struct nx_measured *m) {
    struct nx_profile *p = &m->profile;
    nx_profile_default(p);
    m->nxdomain_cap_s = get_seconds(sq, 4);
    m->nodata_cap_s = get_seconds(sq, 5);
    m->floor_s = get_seconds(sq, 6);
    m->soa_clock =
        value_of(sq, 7, nx_soa_clock_text, NX_SOA_CLOCK_SHARED_RENEWED + 1);
    p->conv = value_of(sq, 8, nx_conv_text, NX_CONV_T + 1);
    p->rd0 = value_of(sq, 9, nx_rd0_text, NX_RD0_RECURSES + 1);
    m->chain = value_of(sq, 10, nx_chain_text, NX_CHAIN_OTHER + 1);
    p->past_ttl = value_of(sq, 11, nx_past_ttl_text, NX_PAST_TTL_SERVED + 1);
    p->caches = (uint16_t)nx_sq_get_int(sq, 12);
    m->caches_seen = (uint16_t)nx_sq_get_int(sq, 13);
    p->early_window_s = (uint32_t)nx_sq_get_int(sq, 14);
    p->never_decrements = nx_sq_get_int(sq, 15) != 0;
    m->soa_shown = nx_sq_get_int(sq, 16) != 0;
    m->rewrites_nxdomain = nx_sq_get_int(sq, 17) != 0;
    nx_measured_settle(m);
}

int nx_store_resolvers(struct nx_store *store,
                       void (*visit)(void *user, const struct nx_book_row *row),
                       void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_RESOLVERS,
        "SELECT network, resolver, scope_id, measured_us, nxdomain_cap_s, "
        "nodata_cap_s, floor_s, soa_clock, rounding, rd0, chain, past_ttl, "
        "caches, caches_seen, early_window_s, never_decrements, soa_shown, "
        "rewrites_nxdomain FROM resolver_profile ORDER BY measured_us DESC "
        "LIMIT ?1");
    nx_sq_int(&sq, NX_BOOK_RESOLVERS_MAX);
    int more = 0;
    while ((more = nx_sq_step(&sq)) > 0) {
        struct nx_book_row row = {.failed_us = NX_TIME_UNKNOWN};
        char at[NX_ENDPOINT_TEXT_MAX];
        nx_sq_get_text(&sq, 0, row.network, sizeof(row.network));
        nx_sq_get_text(&sq, 1, at, sizeof(at));
        row.measured_us = nx_sq_get_time(&sq, 3);
        if (nx_endpoint_parse(at, &row.at) != NX_OK || row.measured_us < 0 ||
            row.measured_us > SANE_US) {
            continue; /* somebody else wrote it */
        }
        row.at.scope_id = (uint32_t)nx_sq_get_int(&sq, 2);
        get_measured(&sq, &row.measured);
        visit(user, &row);
    }
    return more;
}
