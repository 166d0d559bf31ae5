/* Retention: old rows go, a window of ids at a time, so that no statement takes
 * long however large the tables are. */
#include "collector/store/io_store_retain.h"

#include "collector/store/io_store_sqlite.h"

#define TEXT_(number) #number
#define DAYS_US(days) TEXT_(days) " * 86400000000"

/* Rows of an open incident stay. */
#define CLOSED                                                                 \
    " AND incident_id NOT IN (SELECT incident_id FROM incident WHERE "         \
    "closed_us IS NULL)"

struct kept_table {
    enum nx_sq_slot oldest_slot, delete_slot;
    bool history;       /* else the log */
    const char *oldest; /* id and time of the first row after ?1 */
    const char *delete; /* of ids in (?1, ?2], older than ?3 */
};

static const struct kept_table tables[NX_RETAIN_STREAM] = {
    {NX_SQ_RETAIN_BATCH_OLDEST, NX_SQ_RETAIN_BATCH, false,
     "SELECT batch_id, received_us FROM batch WHERE batch_id > ?1 "
     "ORDER BY batch_id LIMIT 1",
     "DELETE FROM batch WHERE batch_id > ?1 AND batch_id <= ?2 "
     "AND received_us < ?3"},
    /* What an agent's resolvers were before the first batch that is kept: the
     * last hello before it stays. */
    {NX_SQ_RETAIN_HELLO_OLDEST, NX_SQ_RETAIN_HELLO, false,
     "SELECT hello_id, received_us FROM hello WHERE hello_id > ?1 "
     "ORDER BY hello_id LIMIT 1",
     "DELETE FROM hello WHERE hello_id > ?1 AND hello_id <= ?2 AND "
     "received_us < ?3 AND EXISTS (SELECT 1 FROM hello newer WHERE "
     "newer.agent_id = hello.agent_id AND newer.received_us >= "
     "hello.received_us AND newer.received_us < ?3 AND "
     "newer.hello_id > hello.hello_id)"},
    {NX_SQ_RETAIN_TRANSITION_OLDEST, NX_SQ_RETAIN_TRANSITION, true,
     "SELECT transition_id, at_us FROM transition WHERE transition_id > ?1 "
     "ORDER BY transition_id LIMIT 1",
     "DELETE FROM transition WHERE transition_id > ?1 AND transition_id <= ?2 "
     "AND at_us < ?3" CLOSED},
    {NX_SQ_RETAIN_FORECAST_OLDEST, NX_SQ_RETAIN_FORECAST, true,
     "SELECT forecast_id, at_us FROM forecast WHERE forecast_id > ?1 "
     "ORDER BY forecast_id LIMIT 1",
     "DELETE FROM forecast WHERE forecast_id > ?1 AND forecast_id <= ?2 "
     "AND at_us < ?3" CLOSED},
    {NX_SQ_RETAIN_FACT_OLDEST, NX_SQ_RETAIN_FACT, true,
     "SELECT fact_id, at_us FROM authority_fact WHERE fact_id > ?1 "
     "ORDER BY fact_id LIMIT 1",
     "DELETE FROM authority_fact WHERE fact_id > ?1 AND fact_id <= ?2 "
     "AND at_us < ?3" CLOSED},
    /* What a resolver was before what is kept: the last one before it stays,
     * for NX_BOOK_KEPT_US. */
    {NX_SQ_RETAIN_PROFILE_OLDEST, NX_SQ_RETAIN_PROFILE, false,
     "SELECT profile_id, measured_us FROM resolver_profile WHERE "
     "profile_id > ?1 ORDER BY profile_id LIMIT 1",
     "DELETE FROM resolver_profile WHERE profile_id > ?1 AND profile_id <= ?2 "
     "AND measured_us < ?3 AND (measured_us < ?3 - " DAYS_US(
         NX_BOOK_KEPT_DAYS) " OR EXISTS ("
                            "SELECT 1 FROM resolver_profile later WHERE "
                            "later.network = "
                            "resolver_profile.network AND later.resolver = "
                            "resolver_profile.resolver "
                            "AND later.scope_id = resolver_profile.scope_id "
                            "AND later.agent_id = resolver_profile.agent_id "
                            "AND later.measured_us > "
                            "resolver_profile.measured_us AND "
                            "later.measured_us < ?3))"},
    {NX_SQ_RETAIN_DOOR_OLDEST, NX_SQ_RETAIN_DOOR, true,
     "SELECT entry_id, at_us FROM door_log WHERE entry_id > ?1 "
     "ORDER BY entry_id LIMIT 1",
     "DELETE FROM door_log WHERE entry_id > ?1 AND entry_id <= ?2 "
     "AND at_us < ?3"},
};

/* 1: *id and *at_us are of the first row after `after`; 0: there is none. */
static int oldest_after(struct nx_store *store, const struct kept_table *table,
                        int64_t after, int64_t *id, int64_t *at_us) {
    struct nx_sq sq = nx_sq_use(store, table->oldest_slot, table->oldest);
    nx_sq_int(&sq, after);
    int row = nx_sq_step(&sq);
    if (row > 0) {
        *id = nx_sq_get_int(&sq, 0);
        *at_us = nx_sq_get_int(&sq, 1);
        nx_sq_end(&sq);
    }
    return row;
}

/* Behind the first row that is kept all are younger, as ids go by time; but a
 * row of a time to come was written by a wrong clock, and says nothing of those
 * behind it. */
static bool is_kept(const struct nx_store_retention *r, int64_t before_us,
                    int64_t at_us) {
    return at_us >= before_us && at_us <= r->now_us;
}

/* What is about to be deleted of the log: it is not whole any more. */
static int log_begins(struct nx_store *store, int64_t after, int64_t last,
                      int64_t before_us) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_LOG_BEGIN_PUT,
        "INSERT INTO log_begin(one, after_batch, from_us, digest) "
        "SELECT 1, last, ?3, nx_digest(1, last, ?3) FROM (SELECT max(batch_id) "
        "AS last FROM batch "
        "WHERE batch_id > ?1 AND batch_id <= ?2 AND received_us < ?3) "
        "WHERE last > 0 "
        "ON CONFLICT(one) DO UPDATE SET after_batch = max(after_batch, "
        "excluded.after_batch), from_us = max(from_us, "
        "excluded.from_us), " NX_SQ_REDIGEST(
            "one, after_batch, from_us",
            "one, max(after_batch, excluded.after_batch), "
            "max(from_us, excluded.from_us)"));
    nx_sq_int(&sq, after);
    nx_sq_int(&sq, last);
    nx_sq_int(&sq, before_us);
    return nx_sq_run(&sq);
}

/* One window; 1: there may be more, 0: nothing older is left. */
static int retain_table(struct nx_store *store, unsigned number,
                        struct nx_store_retention *r, unsigned rows) {
    const struct kept_table *table = &tables[number];
    int64_t before_us =
        table->history ? r->history_before_us : r->log_before_us;
    int64_t id = 0;
    int64_t at_us = 0;
    int more = oldest_after(store, table, r->done_id[number], &id, &at_us);
    if (more <= 0 || is_kept(r, before_us, at_us)) {
        return more < 0 ? more : 0;
    }
    int64_t last = id - 1 + (int64_t)rows;
    int err = number == NX_RETAIN_BATCH
                  ? log_begins(store, id - 1, last, before_us)
                  : NX_OK;
    if (err != NX_OK) {
        return err;
    }
    struct nx_sq sq = nx_sq_use(store, table->delete_slot, table->delete);
    nx_sq_int(&sq, id - 1);
    nx_sq_int(&sq, last);
    nx_sq_int(&sq, before_us);
    err = nx_sq_run(&sq);
    if (err != NX_OK) {
        return err;
    }
    r->done_id[number] = last;
    r->deleted_n[number] += (uint64_t)sqlite3_changes(store->db);
    return 1;
}

/* --- streams --- */

#define STREAM_WINDOW                                                          \
    "WHERE (agent_id, epoch) > (?1, ?2) AND (agent_id, epoch) <= (?3, ?4) "    \
    "AND changed_us < ?5 AND NOT EXISTS (SELECT 1 FROM batch WHERE "           \
    "batch.agent_id = stream.agent_id AND batch.epoch = stream.epoch)"

/* The end of the next window; 1: there is one, 0: no stream is left. */
static int stream_window(struct nx_store *store,
                         const struct nx_store_retention *r, unsigned rows,
                         int64_t *agent_id, int64_t *epoch) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_RETAIN_STREAM_OLDEST,
                  "SELECT agent_id, epoch FROM (SELECT agent_id, epoch FROM "
                  "stream WHERE (agent_id, epoch) > (?1, ?2) ORDER BY "
                  "agent_id, epoch LIMIT ?3) ORDER BY agent_id DESC, epoch "
                  "DESC LIMIT 1");
    nx_sq_int(&sq, r->done_id[NX_RETAIN_STREAM]);
    nx_sq_int(&sq, r->done_epoch);
    nx_sq_int(&sq, rows);
    int row = nx_sq_step(&sq);
    if (row > 0) {
        *agent_id = nx_sq_get_int(&sq, 0);
        *epoch = nx_sq_get_int(&sq, 1);
        nx_sq_end(&sq);
    }
    return row;
}

static int run_window(struct nx_store *store, enum nx_sq_slot slot,
                      const char *sql, const struct nx_store_retention *r,
                      int64_t agent_id, int64_t epoch, int64_t before_us) {
    struct nx_sq sq = nx_sq_use(store, slot, sql);
    nx_sq_int(&sq, r->done_id[NX_RETAIN_STREAM]);
    nx_sq_int(&sq, r->done_epoch);
    nx_sq_int(&sq, agent_id);
    nx_sq_int(&sq, epoch);
    nx_sq_int(&sq, before_us);
    return nx_sq_run(&sq);
}

/* A stream that still has a batch in the log stays, so that the log knows none
 * that is not there. Agents that make a new one at each start would otherwise
 * leave them all. */
static int retain_streams(struct nx_store *store, struct nx_store_retention *r,
                          unsigned rows) {
    int64_t agent_id = 0;
    int64_t epoch = 0;
    int more = stream_window(store, r, rows, &agent_id, &epoch);
    if (more <= 0) {
        return more;
    }
    int err = run_window(
        store, NX_SQ_FORGET_STREAM,
        "INSERT INTO stream_forgotten(agent_id, until_us, digest) SELECT "
        "agent_id, max(changed_us), nx_digest(agent_id, max(changed_us)) FROM "
        "stream " STREAM_WINDOW " GROUP BY agent_id "
        "ON CONFLICT(agent_id) DO UPDATE SET until_us = max(until_us, "
        "excluded.until_us), digest = nx_digest(agent_id, max(until_us, "
        "excluded.until_us))",
        r, agent_id, epoch, r->history_before_us);
    if (err == NX_OK) {
        err = run_window(store, NX_SQ_RETAIN_STREAM,
                         "DELETE FROM stream " STREAM_WINDOW, r, agent_id,
                         epoch, r->history_before_us);
    }
    if (err != NX_OK) {
        return err;
    }
    r->deleted_n[NX_RETAIN_STREAM] += (uint64_t)sqlite3_changes(store->db);
    r->done_id[NX_RETAIN_STREAM] = agent_id;
    r->done_epoch = epoch;
    return 1;
}

int nx_store_forgotten(struct nx_store *store, uint32_t agent_id,
                       int64_t *until_us) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_FORGOTTEN_GET,
                                "SELECT until_us FROM stream_forgotten WHERE "
                                "agent_id = ?1");
    nx_sq_int(&sq, agent_id);
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_ENOTFOUND : row;
    }
    *until_us = nx_sq_get_int(&sq, 0);
    nx_sq_end(&sq);
    return NX_OK;
}

/* --- what is derived of closed incidents --- */

#define OF_CLOSED(table)                                                       \
    "SELECT incident_id FROM incident WHERE incident_id >= ?1 AND "            \
    "closed_us < ?2 AND EXISTS (SELECT 1 FROM " table " WHERE " table          \
    ".incident_id = incident.incident_id) ORDER BY incident_id LIMIT 1"

struct derived_table {
    enum nx_sq_slot oldest_slot, delete_slot;
    const char *oldest; /* incident from ?1 on that was closed before ?2 */
    const char *delete; /* ?2 rows of the incident ?1 */
};

static const struct derived_table derived[] = {
    {NX_SQ_RETAIN_TARGET_OLDEST, NX_SQ_RETAIN_TARGET, OF_CLOSED("target"),
     "DELETE FROM target WHERE incident_id = ?1 AND (agent_id, resolver, name, "
     "type) IN (SELECT agent_id, resolver, name, type FROM target WHERE "
     "incident_id = ?1 LIMIT ?2)"},
    {NX_SQ_RETAIN_OUTCOME_OLDEST, NX_SQ_RETAIN_OUTCOME, OF_CLOSED("outcome"),
     "DELETE FROM outcome WHERE incident_id = ?1 AND rowid IN (SELECT rowid "
     "FROM outcome WHERE incident_id = ?1 LIMIT ?2)"},
};

static int retain_derived(struct nx_store *store, unsigned number,
                          struct nx_store_retention *r, unsigned rows) {
    const struct derived_table *table = &derived[number - NX_RETAIN_TARGET];
    struct nx_sq sq = nx_sq_use(store, table->oldest_slot, table->oldest);
    nx_sq_int(&sq, r->done_id[number]);
    nx_sq_int(&sq, r->history_before_us);
    int more = nx_sq_step(&sq);
    if (more <= 0) {
        return more;
    }
    r->done_id[number] = nx_sq_get_int(&sq, 0);
    nx_sq_end(&sq);
    sq = nx_sq_use(store, table->delete_slot, table->delete);
    nx_sq_int(&sq, r->done_id[number]);
    nx_sq_int(&sq, rows);
    int err = nx_sq_run(&sq);
    if (err != NX_OK) {
        return err;
    }
    r->deleted_n[number] += (uint64_t)sqlite3_changes(store->db);
    return 1;
}

/* --- what let somebody in --- */

/* What is kept of them in memory goes by the same times. Few: all at once. */
static int retain_doors(struct nx_store *store, unsigned number,
                        struct nx_store_retention *r) {
    struct nx_sq sq =
        number == NX_RETAIN_TOKEN
            ? nx_sq_use(store, NX_SQ_RETAIN_TOKEN,
                        "DELETE FROM token WHERE expires_us < ?1 OR "
                        "revoked_us < ?1")
            : nx_sq_use(store, NX_SQ_RETAIN_ENROLMENT,
                        "DELETE FROM enrolment WHERE expires_us < ?1 OR "
                        "revoked_us < ?1");
    nx_sq_int(&sq, r->history_before_us);
    int err = nx_sq_run(&sq);
    if (err == NX_OK) {
        r->deleted_n[number] += (uint64_t)sqlite3_changes(store->db);
    }
    return err;
}

/* --- a pass --- */

static int retain_some(struct nx_store *store, unsigned number,
                       struct nx_store_retention *r, unsigned rows) {
    return number < NX_RETAIN_STREAM    ? retain_table(store, number, r, rows)
           : number == NX_RETAIN_STREAM ? retain_streams(store, r, rows)
           : number >= NX_RETAIN_TOKEN  ? retain_doors(store, number, r)
                                       : retain_derived(store, number, r, rows);
}

int nx_store_retain(struct nx_store *store, struct nx_store_retention *r,
                    unsigned rows) {
    for (unsigned i = 0; i < NX_RETAIN_TABLES_N; i++) {
        int more = retain_some(store, i, r, rows);
        if (more != 0) {
            return more;
        }
    }
    return 0;
}

int nx_store_retained_get(struct nx_store *store,
                          struct nx_retained_kept *kept) {
    struct nx_sq sq = nx_sq_use(
        store, NX_SQ_RETAINED_GET,
        "SELECT coalesce((SELECT by_us FROM retained), "
        "max((SELECT coalesce(max(received_us), 0) FROM (SELECT received_us "
        "FROM batch ORDER BY batch_id DESC LIMIT 1)), "
        "(SELECT coalesce(max(received_us), 0) FROM (SELECT received_us FROM "
        "hello ORDER BY hello_id DESC LIMIT 1)))), "
        "(SELECT doubt_us FROM retained)");
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    struct nx_retained_kept found = {.by_us = nx_sq_get_int(&sq, 0),
                                     .doubt_us = nx_sq_get_time(&sq, 1)};
    nx_sq_end(&sq);
    if (found.by_us == 0) {
        return NX_ENOTFOUND;
    }
    *kept = found;
    return NX_OK;
}

int nx_store_retained_put(struct nx_store *store,
                          const struct nx_retained_kept *kept) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_RETAINED_PUT,
                  "INSERT INTO retained(one, by_us, doubt_us, digest) "
                  "VALUES(1, ?1, ?2, nx_digest(1, ?1, ?2)) ON CONFLICT(one) DO "
                  "UPDATE SET by_us = ?1, doubt_us = ?2, "
                  "digest = excluded.digest");
    nx_sq_int(&sq, kept->by_us);
    nx_sq_time(&sq, kept->doubt_us);
    return nx_sq_run(&sq);
}

int nx_store_size(struct nx_store *store, uint64_t *bytes,
                  uint64_t *free_bytes) {
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_SIZE,
                  "SELECT page_count * page_size, freelist_count * page_size "
                  "FROM pragma_page_count, pragma_freelist_count, "
                  "pragma_page_size");
    int row = nx_sq_step(&sq);
    if (row <= 0) {
        return row == 0 ? NX_EIO : row;
    }
    *bytes = (uint64_t)nx_sq_get_int(&sq, 0);
    *free_bytes = (uint64_t)nx_sq_get_int(&sq, 1);
    nx_sq_end(&sq);
    return NX_OK;
}
