/* What was measured of resolvers: a row for each time. */
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
    nx_sq_int(sq, m->ede_seen);
    nx_sq_int(sq, m->instances_seen);
    nx_sq_blob(sq, m->nsid.bytes, m->nsid.len);
    nx_sq_blob(sq, m->asks_from.address, m->asks_from.len);
    nx_sq_text(sq, nx_who_text(m->who));
    nx_sq_blob(sq, m->server.bytes, m->server.len);
    nx_sq_text(sq, nx_validates_text(m->validates));
    nx_sq_int(sq, m->sibling_w_s);
    nx_sq_blob(sq, m->rewrites_to.address, m->rewrites_to.len);
    nx_sq_int(sq, p->early_seen);
    nx_sq_text(sq, nx_bogus_text(m->bogus));
    if (m->bogus_ede_seen) {
        nx_sq_int(sq, m->bogus_ede);
    } else {
        nx_sq_null(sq);
    }
}

#define VALUES                                                                 \
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "  \
    "?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, "   \
    "?31"

int nx_store_resolver_put(struct nx_store *store,
                          const struct nx_book_row *row) {
    char at[NX_ENDPOINT_TEXT_MAX];
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_RESOLVER_PUT,
        "INSERT OR REPLACE INTO resolver_profile(" NX_SQ_PROFILE_COLUMNS
        ", digest) VALUES(" VALUES ", nx_digest(" VALUES "))");
    nx_sq_text(&sq, row->network);
    nx_sq_text(&sq, nx_endpoint_text(&row->at, at));
    nx_sq_int(&sq, row->at.scope_id);
    nx_sq_time(&sq, row->measured_us);
    bind_measured(&sq, &row->measured);
    nx_sq_int(&sq, row->agent_id);
    return nx_sq_run(&sq);
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
    int64_t seconds = nx_sq_get_int_or(sq, column, -1);
    return seconds < 0 || seconds > INT32_MAX ? NX_NOT_MEASURED
                                              : (uint32_t)seconds;
}

/* The length; 0 for what is longer than any that is written. */
static uint8_t get_bytes(const struct nx_sq *sq, int column, uint8_t *out,
                         size_t cap) {
    size_t len = nx_sq_get_blob(sq, column, out, cap);
    return len <= cap ? (uint8_t)len : 0;
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
    m->ede_seen = nx_sq_get_int(sq, 18) != 0;
    m->instances_seen = (uint8_t)nx_sq_get_int(sq, 19);
    m->nsid.len = get_bytes(sq, 20, m->nsid.bytes, sizeof(m->nsid.bytes));
    m->asks_from.len =
        get_bytes(sq, 21, m->asks_from.address, sizeof(m->asks_from.address));
    m->who = value_of(sq, 22, nx_who_text, NX_WHO_REFUSED + 1);
    m->server.len = get_bytes(sq, 23, m->server.bytes, sizeof(m->server.bytes));
    m->validates =
        value_of(sq, 24, nx_validates_text, NX_VALIDATES_NOT_SAID + 1);
    m->sibling_w_s = (uint32_t)nx_sq_get_int(sq, 25);
    m->rewrites_to.len = get_bytes(sq, 26, m->rewrites_to.address,
                                   sizeof(m->rewrites_to.address));
    int64_t early = nx_sq_get_int(sq, 27);
    p->early_seen = early >= 0 && early <= NX_EARLY_NEVER ? (uint8_t)early
                                                          : NX_EARLY_UNKNOWN;
    m->bogus = value_of(sq, 28, nx_bogus_text, NX_BOGUS_ANSWERED + 1);
    int64_t ede = nx_sq_get_int_or(sq, 29, -1);
    m->bogus_ede_seen = ede >= 0 && ede <= UINT16_MAX;
    m->bogus_ede = m->bogus_ede_seen ? (uint16_t)ede : 0;
    nx_measured_settle(m);
}

#define COLUMNS                                                                \
    "SELECT " NX_SQ_PROFILE_COLUMNS ", profile_id FROM resolver_profile one "
/* Not another one of that resolver after it, up to ?1. */
#define IS_LAST                                                                \
    "NOT EXISTS (SELECT 1 FROM resolver_profile later WHERE later.network = "  \
    "one.network AND later.resolver = one.resolver AND later.scope_id = "      \
    "one.scope_id AND later.agent_id = one.agent_id AND "                      \
    "later.measured_us > one.measured_us AND "                                 \
    "later.measured_us <= ?1) "

/* False: somebody else wrote it. */
static bool get_row(const struct nx_sq *sq, struct nx_book_row *row) {
    char at[NX_ENDPOINT_TEXT_MAX];
    *row = (struct nx_book_row){.failed_us = NX_TIME_UNKNOWN};
    nx_sq_get_text(sq, 0, row->network, sizeof(row->network));
    nx_sq_get_text(sq, 1, at, sizeof(at));
    row->measured_us = nx_sq_get_time(sq, 3);
    if (nx_endpoint_parse(at, &row->at) != NX_OK || row->measured_us < 0 ||
        row->measured_us > SANE_US) {
        return false;
    }
    row->at.scope_id = (uint32_t)nx_sq_get_int(sq, 2);
    row->agent_id = (uint32_t)nx_sq_get_int(sq, 30);
    get_measured(sq, &row->measured);
    return true;
}

int nx_store_resolvers(struct nx_store *store, int64_t now_us,
                       void (*visit)(void *user, const struct nx_book_row *row),
                       void *user) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_RESOLVERS,
        COLUMNS "WHERE measured_us > ?2 AND measured_us <= ?1 AND " IS_LAST
                "ORDER BY measured_us DESC LIMIT ?3");
    struct nx_book_row row;
    int more = 0;
    nx_sq_int(&sq, now_us);
    nx_sq_int(&sq, now_us - NX_BOOK_KEPT_US);
    nx_sq_int(&sq, NX_BOOK_RESOLVERS_MAX);
    while ((more = nx_sq_step(&sq)) > 0) {
        if (get_row(&sq, &row)) {
            visit(user, &row);
        }
    }
    return more;
}

int nx_store_resolvers_past(struct nx_store *store, int64_t at_us,
                            int64_t until_us, struct nx_profile_mark *mark,
                            void (*visit)(void *user,
                                          const struct nx_book_row *row),
                            void *user) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_RESOLVERS_PAST,
                  COLUMNS "WHERE (measured_us, profile_id) > (?2, ?3) AND "
                          "measured_us <= ?4 AND (measured_us > ?1 OR " IS_LAST
                          ") ORDER BY measured_us, profile_id LIMIT ?5");
    struct nx_book_row row;
    int more = 0;
    int n = 0;
    nx_sq_int(&sq, at_us);
    nx_sq_int(&sq, mark->measured_us);
    nx_sq_int(&sq, mark->id);
    nx_sq_int(&sq, until_us);
    nx_sq_int(&sq, NX_RESOLVERS_PAGE);
    for (; (more = nx_sq_step(&sq)) > 0; n++) {
        mark->measured_us = nx_sq_get_int(&sq, 3);
        mark->id = nx_sq_get_int(&sq, 31);
        if (get_row(&sq, &row)) {
            visit(user, &row);
        }
    }
    return more < 0 ? more : n;
}
