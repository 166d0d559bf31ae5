/* Inside the SQLite store only: statements that are prepared once, parameters
 * that are always bound. */
#ifndef NX_COLLECTOR_IO_STORE_SQLITE_H
#define NX_COLLECTOR_IO_STORE_SQLITE_H

#include <sqlite3.h>

#include "collector/store/io_store.h"
#include "common/rrtype.h"

/* With digests (io_store_digest.c). A start refuses a damaged row of the first
 * ones, whoever reads one of the others leaves it out, or says so. */
enum nx_sq_table {
    NX_SQ_TABLE_AGENT,
    NX_SQ_TABLE_ENROLMENT,
    NX_SQ_TABLE_TOKEN,
    NX_SQ_TABLE_STREAM,
    NX_SQ_TABLE_STREAM_FORGOTTEN,
    NX_SQ_TABLE_INCIDENT,
    NX_SQ_TABLE_INCIDENT_ITEM,
    NX_SQ_TABLE_INCIDENT_ZONE_SERVER,
    NX_SQ_TABLE_ZONE_SERVER,
    NX_SQ_TABLE_LABEL,
    NX_SQ_TABLE_RESOLVER_PROFILE,
    NX_SQ_TABLE_LOG_BEGIN,
    NX_SQ_TABLE_RETAINED,
    NX_SQ_TABLES_TRUSTED_N,
    NX_SQ_TABLE_CLOSED_STATUS = NX_SQ_TABLES_TRUSTED_N,
    NX_SQ_TABLE_CLOSED_PART,
    NX_SQ_TABLE_DOOR_LOG,
    NX_SQ_TABLE_ALERT,
    NX_SQ_TABLE_ALERT_TOLD,
    NX_SQ_TABLES_SEALED_N, /* those behind are many: old rows stay without */
    NX_SQ_TABLE_TARGET = NX_SQ_TABLES_SEALED_N,
    NX_SQ_TABLE_TRANSITION,
    NX_SQ_TABLE_FORECAST,
    NX_SQ_TABLE_OUTCOME,
    NX_SQ_TABLES_N
};

enum nx_sq_slot {
    NX_SQ_BEGIN,
    NX_SQ_SNAPSHOT,
    NX_SQ_COMMIT,
    NX_SQ_ROLLBACK,
    NX_SQ_PROBE,
    NX_SQ_AGENT_ADD,
    NX_SQ_AGENT_UPDATE,
    NX_SQ_AGENT_DROP,
    NX_SQ_AGENTS,
    NX_SQ_LABEL_PUT,
    NX_SQ_LABEL_DROP,
    NX_SQ_LABELS,
    NX_SQ_RESOLVER_PUT,
    NX_SQ_RESOLVERS,
    NX_SQ_RESOLVERS_PAST,
    NX_SQ_ZONE_DROP,
    NX_SQ_ZONE_ADD,
    NX_SQ_ZONE_TRIM,
    NX_SQ_ZONES,
    NX_SQ_ZONE_THEN_ADD,
    NX_SQ_ZONES_THEN,
    NX_SQ_TOKEN_PUT,
    NX_SQ_TOKEN_DROP,
    NX_SQ_TOKENS,
    NX_SQ_ENROLMENT_PUT,
    NX_SQ_ENROLMENT_DROP,
    NX_SQ_ENROLMENTS,
    NX_SQ_DOOR_LOG_ADD,
    NX_SQ_DOOR_LOG,
    NX_SQ_DOOR_LOG_HAS,
    NX_SQ_STREAM_GET,
    NX_SQ_STREAM_PUT,
    NX_SQ_STREAM_LATEST,
    NX_SQ_BATCH_ADD,
    NX_SQ_HELLO_ADD,
    NX_SQ_LOG_MARK,
    NX_SQ_LOG_BATCHES,
    NX_SQ_LOG_HELLOS,
    NX_SQ_LOG_BEFORE,
    NX_SQ_INCIDENT_ADD,
    NX_SQ_INCIDENT_ITEM_ADD,
    NX_SQ_INCIDENT_CLOSE,
    NX_SQ_INCIDENT_SETTINGS_PUT,
    NX_SQ_INCIDENT_SETTINGS,
    NX_SQ_CLOSED_STATUS_PUT,
    NX_SQ_CLOSED_STATUSES,
    NX_SQ_CLOSED_PART_PUT,
    NX_SQ_CLOSED_PART_TRIM,
    NX_SQ_CLOSED_PARTS,
    NX_SQ_LEAD_MARKS,
    NX_SQ_INCIDENT_DROP,
    NX_SQ_INCIDENTS,
    NX_SQ_INCIDENT_ITEMS,
    NX_SQ_TARGET_GET,
    NX_SQ_TARGET_PUT,
    NX_SQ_TARGETS,
    NX_SQ_TRANSITION_ADD,
    NX_SQ_TRANSITION_PAGE,
    NX_SQ_FORECAST_ADD,
    NX_SQ_FORECAST_LAST,
    NX_SQ_FORECASTS_OPEN,
    NX_SQ_FORECASTS_COUNT,
    NX_SQ_FORECAST_SCORE,
    NX_SQ_FORECASTS_BAR,
    NX_SQ_FORECASTS_VOID,
    NX_SQ_FORECASTS_REOPEN,
    NX_SQ_FORECASTS_SCORED,
    NX_SQ_OUTCOME_PUT,
    NX_SQ_OUTCOME_DROP,
    NX_SQ_OUTCOMES,
    NX_SQ_AUTHORITY_ADD,
    NX_SQ_TRANSITIONS,
    NX_SQ_FORECASTS,
    NX_SQ_ALERT_ADD,
    NX_SQ_ALERT_NEXT,
    NX_SQ_ALERT_END,
    NX_SQ_ALERT_DROP,
    NX_SQ_ALERT_RETRY,
    NX_SQ_ALERT_TRIM,
    NX_SQ_ALERT_OVER,
    NX_SQ_ALERTS,
    NX_SQ_TOLD_PUT,
    NX_SQ_TOLD_DROP,
    NX_SQ_TOLD,
    NX_SQ_RETAIN_BATCH_OLDEST,
    NX_SQ_RETAIN_BATCH,
    NX_SQ_RETAIN_HELLO_OLDEST,
    NX_SQ_RETAIN_HELLO,
    NX_SQ_RETAIN_TRANSITION_OLDEST,
    NX_SQ_RETAIN_TRANSITION,
    NX_SQ_RETAIN_FORECAST_OLDEST,
    NX_SQ_RETAIN_FORECAST,
    NX_SQ_RETAIN_FACT_OLDEST,
    NX_SQ_RETAIN_FACT,
    NX_SQ_RETAIN_PROFILE_OLDEST,
    NX_SQ_RETAIN_PROFILE,
    NX_SQ_RETAIN_DOOR_OLDEST,
    NX_SQ_RETAIN_DOOR,
    NX_SQ_RETAIN_STREAM_OLDEST,
    NX_SQ_RETAIN_STREAM,
    NX_SQ_FORGET_STREAM,
    NX_SQ_FORGOTTEN_GET,
    NX_SQ_RETAIN_TARGET_OLDEST,
    NX_SQ_RETAIN_TARGET,
    NX_SQ_RETAIN_OUTCOME_OLDEST,
    NX_SQ_RETAIN_OUTCOME,
    NX_SQ_RETAIN_TOKEN,
    NX_SQ_RETAIN_ENROLMENT,
    NX_SQ_RETAINED_GET,
    NX_SQ_RETAINED_PUT,
    NX_SQ_SIZE,
    NX_SQ_CHECK_PAGES,
    NX_SQ_CHECK_TABLE, /* and NX_SQ_SEAL_TABLE: NX_SQ_TABLES_N each */
    NX_SQ_SEAL_TABLE = NX_SQ_CHECK_TABLE + NX_SQ_TABLES_N,
    NX_SQ_SEAL_TABLE_LAST = NX_SQ_SEAL_TABLE + NX_SQ_TABLES_N - 1,
    NX_SQ_STREAMS,
    NX_SQ_LOG_EXTENT,
    NX_SQ_LOG_MISSING,
    NX_SQ_LOG_BEGIN_PUT,
    NX_SQ_HEARD_BEFORE,
    NX_SQ_DROP_TARGET,
    NX_SQ_DROP_TRANSITION,
    NX_SQ_DROP_FORECAST,
    NX_SQ_DROP_DAMAGED,
    NX_SQ_DROP_OUTCOME,
    NX_SQ_DROP_FACT,
    NX_SQ_SLOTS_N
};

struct nx_store {
    sqlite3 *db;
    struct nx_committer *committer; /* NULL: not started */
    bool committing;                /* it has the connection */
    int lock_fd;
    char *path;
    sqlite3_stmt *slots[NX_SQ_SLOTS_N];
    char problem[256];
    bool again;        /* others are served already: no long waits */
    int unwritable;    /* why it could only be read when it was opened, and */
    char refusal[256]; /* ... in words; NX_OK: it can be written */
    bool stand_in;     /* not even read: an empty one in memory */
    bool checked;      /* every page was looked at, and is well */
    bool brought_up;   /* to this version, when it was opened */
    uint64_t alerts_over_n;      /* nx_store_alerts_over, */
    uint64_t alerts_over_open_n; /* ... and in the open transaction */
};

/* One use of a statement: parameters are bound in order, the first error is
 * kept and reported by run or step. */
struct nx_sq {
    struct nx_store *store;
    sqlite3_stmt *stmt; /* NULL when it could not be prepared */
    int bound_n;
    int rc;
};

/* Waits until the committer has given the connection back, if it has it, and
 * takes back what it could not commit. */
void nx_store_settle(struct nx_store *store);
void nx_store_committer_stop(struct nx_store *store); /* none: nothing */

/* --- io_store_alerts.c: the open transaction is over --- */
void nx_store_alerts_committed(struct nx_store *store);
void nx_store_alerts_rolled_back(struct nx_store *store);

/* --- io_store_open.c: what opening is made of --- */
int nx_store_open_file(struct nx_store *store,
                       const struct nx_store_options *options, char *why,
                       size_t why_cap) NX_MUSTUSE;
int nx_store_exec(struct nx_store *store, const char *sql, char *why,
                  size_t why_cap) NX_MUSTUSE;
/* The version, as text; "0" of a new one. NX_EMALFORMED: not ours. */
int nx_store_version(struct nx_store *store, char *version, size_t cap,
                     char *why, size_t why_cap) NX_MUSTUSE;
int nx_store_bring_up(struct nx_store *store, int version, char *why,
                      size_t why_cap) NX_MUSTUSE;
void nx_store_harden(struct nx_store *store);
/* All but the lock. */
void nx_store_shut(struct nx_store *store);

/* --- io_store_digest.c --- */
/* So that statements can say nx_digest(values). A code of SQLite. */
int nx_store_digests(struct nx_store *store) NX_MUSTUSE;
/* Rows of the table without a digest get one. */
int nx_store_seal(struct nx_store *store, enum nx_sq_table table) NX_MUSTUSE;
/* NX_EIO: a row is not what was written. Those without a digest get one. */
int nx_store_trust_rows(struct nx_store *store, char *why,
                        size_t why_cap) NX_MUSTUSE;

/* A table to read from, and whether a row of it is damaged: it is not what was
 * written. NULL, of one without a digest: that is not known. */
#define NX_SQ_ROWS(table, values)                                              \
    "(SELECT *, digest <> nx_digest(" values ") AS damaged FROM " table ") "
#define NX_SQ_SOUND "damaged IS NOT TRUE"
/* Where a row gets other values: the digest of one that is damaged stays
 * wrong. */
#define NX_SQ_REDIGEST(old, new)                                               \
    "digest = CASE digest WHEN nx_digest(" old                                 \
    ") THEN nx_digest(" new ") ELSE digest END"

/* Ends the use at such a row: NX_EIO, and its problem. id: of column 0. */
int nx_sq_refuse_row(struct nx_sq *sq, const char *table, int64_t id);

/* What the digest of an incident is made of, with these as closed_us and
 * settings; that of a resolver's measurement; ... */
#define NX_SQ_INCIDENT_VALUES(closed, settings)                                \
    "incident_id, opened_us, " closed                                          \
    ", outage_from_us, outage_to_us, restored_us, note, audit, "               \
    "learnt, " settings
#define NX_SQ_PROFILE_COLUMNS                                                  \
    "network, resolver, scope_id, measured_us, nxdomain_cap_s, nodata_cap_s, " \
    "floor_s, soa_clock, rounding, rd0, chain, past_ttl, caches, "             \
    "caches_seen, early_window_s, never_decrements, soa_shown, "               \
    "rewrites_nxdomain, ede_seen, instances_seen, nsid, asks_from, "           \
    "server_id_answer, server_id, validates, sibling_w_s, rewrites_to, "       \
    "early_seen, bogus, bogus_ede, agent_id"
#define NX_SQ_DOOR_VALUES "at_us, who, action, subject, key, detail"
#define NX_SQ_ALERT_VALUES(state, due, ended, attempts, problem)               \
    "receiver, key, " state ", made_us, " due ", " ended ", " attempts         \
    ", " problem ", document"
#define NX_SQ_ALERT                                                            \
    NX_SQ_ALERT_VALUES("state", "due_us", "ended_us", "attempts", "problem")
#define NX_SQ_TOLD_VALUES "incident_id, network, state, stuck, at_us, penalty"
#define NX_SQ_TARGET_VALUES                                                    \
    "incident_id, agent_id, resolver, name, type, state, reason, basis, "      \
    "denied_ratio, clear_us, clear_lo90_us, clear_hi90_us, bound_us, "         \
    "bound_reason, seen_us, since_us, changed_us, doubt_us, clear_hi_us"
#define NX_SQ_TRANSITION_VALUES                                                \
    "incident_id, agent_id, resolver, name, type, at_us, from_state, to_state"
#define NX_SQ_FORECAST_VALUES(family, score)                                   \
    "incident_id, agent_id, resolver, name, type, at_us, basis, clear_us, "    \
    "clear_lo90_us, clear_hi90_us, bound_us, bound_reason, state, "            \
    "verified, " family                                                        \
    ", clear_lo50_us, clear_hi50_us, p_late, shape, network, " score
#define NX_SQ_FORECAST_SCORED                                                  \
    "scored_us, truth_lo_us, truth_hi_us, weight, error_s, in50, in90, "       \
    "pit_lo, pit_hi, crps_s"
#define NX_SQ_FORECAST NX_SQ_FORECAST_VALUES("family", NX_SQ_FORECAST_SCORED)
#define NX_SQ_OUTCOME_VALUES                                                   \
    "incident_id, agent_id, resolver, name, type, truth_hi_us, truth_lo_us, "  \
    "family, base, late, survive_s, exposure_s, network"
/* Of a closed status also how many parts stand before it. */
#define NX_SQ_CLOSED_VALUES                                                    \
    "incident_id, document, (SELECT count(*) FROM closed_part WHERE "          \
    "closed_part.incident_id = closed_status.incident_id)"
#define NX_SQ_PART_VALUES "incident_id, part, bytes"

#define NX_SQ_CLOSED_ROWS NX_SQ_ROWS("closed_status", NX_SQ_CLOSED_VALUES)
#define NX_SQ_PART_ROWS NX_SQ_ROWS("closed_part", NX_SQ_PART_VALUES)
#define NX_SQ_DOOR_ROWS NX_SQ_ROWS("door_log", NX_SQ_DOOR_VALUES)
#define NX_SQ_ALERT_ROWS NX_SQ_ROWS("alert", NX_SQ_ALERT)
#define NX_SQ_TOLD_ROWS NX_SQ_ROWS("alert_told", NX_SQ_TOLD_VALUES)
#define NX_SQ_TARGET_ROWS NX_SQ_ROWS("target", NX_SQ_TARGET_VALUES)
#define NX_SQ_TRANSITION_ROWS NX_SQ_ROWS("transition", NX_SQ_TRANSITION_VALUES)
#define NX_SQ_FORECAST_ROWS NX_SQ_ROWS("forecast", NX_SQ_FORECAST)
#define NX_SQ_OUTCOME_ROWS NX_SQ_ROWS("outcome", NX_SQ_OUTCOME_VALUES)

/* --- io_store_as_is.c --- */
/* After err of nx_store_open_file, which is passed through with why when
 * nothing is to be made of it. */
int nx_store_open_as_is(struct nx_store *store, int err, char *why,
                        size_t why_cap) NX_MUSTUSE;
/* nx_store_probe of one that was opened so. */
int nx_store_try_again(struct nx_store *store) NX_MUSTUSE;

/* sql: a constant, prepared at the slot's first use. */
struct nx_sq nx_sq_use(struct nx_store *store, enum nx_sq_slot slot,
                       const char *sql);
void nx_sq_int(struct nx_sq *sq, int64_t value);
void nx_sq_u64(struct nx_sq *sq, uint64_t value); /* bits kept */
void nx_sq_real(struct nx_sq *sq, double value);
void nx_sq_text(struct nx_sq *sq, const char *text); /* borrowed until run */
void nx_sq_blob(struct nx_sq *sq, const uint8_t *bytes, size_t len);
void nx_sq_null(struct nx_sq *sq);
/* NULL for NX_TIME_UNKNOWN. */
void nx_sq_time(struct nx_sq *sq, int64_t at_us);

/* Runs a statement that gives no row. NX_EEXISTS on a uniqueness conflict. */
int nx_sq_run(struct nx_sq *sq) NX_MUSTUSE;

/* 1: a row is there; 0: no more; negative: error. Ends the use unless 1. */
int nx_sq_step(struct nx_sq *sq) NX_MUSTUSE;
void nx_sq_end(struct nx_sq *sq);

int64_t nx_sq_get_int(const struct nx_sq *sq, int column);
uint64_t nx_sq_get_u64(const struct nx_sq *sq, int column);
bool nx_sq_is_null(const struct nx_sq *sq, int column);
/* none: of NULL. */
int64_t nx_sq_get_int_or(const struct nx_sq *sq, int column, int64_t none);
/* NX_TIME_UNKNOWN: NULL. */
int64_t nx_sq_get_time(const struct nx_sq *sq, int column);
/* Copies with the NUL; what is longer is cut. */
void nx_sq_get_text(const struct nx_sq *sq, int column, char *out, size_t cap);
/* Copies at most cap bytes, returns the column's length. */
size_t nx_sq_get_blob(const struct nx_sq *sq, int column, uint8_t *out,
                      size_t cap);

/* The id of the newest batch, which may be deleted: ids are marks (of hellos,
 * of readers), and are never given twice. */
#define NX_SQ_NEWEST_BATCH                                                     \
    "max(coalesce((SELECT max(batch_id) FROM batch), 0), "                     \
    "coalesce((SELECT after_batch FROM log_begin), 0))"

/* Of a row of the log: what was received, and where it belongs. A hello has
 * neither epoch nor numbers. */
uint64_t nx_sq_digest(const struct nx_store_batch *row);

/* Turns SQLite's code into ours and writes the problem. */
int nx_sq_error(struct nx_store *store, int rc);

double nx_sq_get_real(const struct nx_sq *sq, int column);

/* --- io_store_derived.c: the key of a target, as text --- */

struct nx_sq_target {
    uint32_t incident_id, agent_id; /* agent 0: a network */
    char resolver[NX_ENDPOINT_TEXT_MAX];
    char name[NX_DNAME_TEXT_MAX]; /* or the network's */
    char type[NX_RRTYPE_TEXT_MAX];
};
void nx_sq_target(struct nx_sq_target *out, const struct nx_store_subject *of);
void nx_sq_bind_target(struct nx_sq *sq, const struct nx_sq_target *key);

#endif
