/* The digests of rows that nothing else tells the damage of. A message of the
 * log has its own (io_store_log.c).
 *
 * A row without one was written by an older version, or by hand. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/store/io_store_sqlite.h"
#include "common/hash.h"

struct table {
    const char *check; /* of each row that is not what was written: whether it
                          has no digest, and in words which one it is; ?1:
                          pages and indices, too */
    const char *seal;
};

/* In pages and indices a row can be lost. */
#define INTEGRITY(table)                                                       \
    "SELECT 0, 'table " table ": ' || integrity_check FROM "                   \
    "pragma_integrity_check('" table "') WHERE ?1 AND integrity_check <> 'ok'"

/* row: which one it is, as a condition; values: what nx_digest gets where the
 * row is written, in this order. */
#define TABLE_AND(integrity, table, row, values)                               \
    {                                                                          \
        "SELECT digest IS NULL, 'the row of " table " with ' || " row          \
        " || ' is not what was written' FROM " table                           \
        " WHERE digest IS NOT nx_digest(" values ") UNION ALL " integrity,     \
            "UPDATE " table " SET digest = nx_digest(" values                  \
            ") WHERE digest IS NULL"                                           \
    }
#define TABLE(table, row, values)                                              \
    TABLE_AND(INTEGRITY(table), table, row, values)

/* Of hundreds of thousands: each row is read as it lies there anyway, and each
 * index too; a row is not looked for in them one by one. Sums, as the order is
 * another one. */
#define SUM(values) "sum(nx_digest(" values ") & 4294967295)"
#define BY_TIME SUM("measured_us, profile_id")
#define BY_KEY                                                                 \
    SUM("network, resolver, scope_id, agent_id, measured_us, profile_id")
#define PROFILE_INDICES                                                        \
    "SELECT 0, 'table resolver_profile: an index is not what its rows say' "   \
    "WHERE ?1 AND (SELECT " BY_TIME ", " BY_KEY                                \
    " FROM resolver_profile NOT INDEXED) IS NOT ((SELECT " BY_TIME             \
    " FROM resolver_profile INDEXED BY resolver_profile_measured), "           \
    "(SELECT " BY_KEY " FROM resolver_profile INDEXED BY "                     \
    "sqlite_autoindex_resolver_profile_1))"

#define OF_TARGET                                                              \
    "'incident_id = ' || incident_id || ' AND agent_id = ' || agent_id || "    \
    "' AND resolver = ' || quote(resolver) || ' AND name = ' || "              \
    "quote(name) || ' AND type = ' || quote(type)"

static const struct table tables[NX_SQ_TABLES_N] = {
    [NX_SQ_TABLE_AGENT] =
        TABLE("agent", "'agent_id = ' || agent_id",
              "agent_id, key, name, network, role, state, address, changed_us, "
              "reason"),
    [NX_SQ_TABLE_ENROLMENT] =
        TABLE("enrolment", "'enrolment_id = ' || enrolment_id",
              "enrolment_id, token_hash, network, name, role, created_us, "
              "expires_us, revoked_us, used_us, used_key"),
    [NX_SQ_TABLE_TOKEN] =
        TABLE("token", "'token_id = ' || token_id",
              "token_id, hash, name, scope, networks, created_us, expires_us, "
              "revoked_us"),
    [NX_SQ_TABLE_STREAM] =
        TABLE("stream", "'agent_id = ' || agent_id || ' AND epoch = ' || epoch",
              "agent_id, epoch, acked_seq, received_n, dropped_n, changed_us, "
              "ahead"),
    [NX_SQ_TABLE_STREAM_FORGOTTEN] = TABLE(
        "stream_forgotten", "'agent_id = ' || agent_id", "agent_id, until_us"),
    [NX_SQ_TABLE_INCIDENT] =
        TABLE("incident", "'incident_id = ' || incident_id",
              NX_SQ_INCIDENT_VALUES("closed_us", "settings")),
    [NX_SQ_TABLE_INCIDENT_ITEM] = TABLE(
        "incident_item",
        "'incident_id = ' || incident_id || ' AND item = ' || item",
        "incident_id, item, name, type, wire_name, qtype, rdata, rdata_n"),
    [NX_SQ_TABLE_INCIDENT_ZONE_SERVER] = TABLE(
        "incident_zone_server",
        "'incident_id = ' || incident_id || ' AND zone = ' || quote(zone) "
        "|| ' AND address = ' || quote(address)",
        "incident_id, zone, address, scope_id, name, ttl_s, since_us, "
        "seen_us, gone_us, until_us"),
    [NX_SQ_TABLE_ZONE_SERVER] = TABLE(
        "zone_server",
        "'zone = ' || quote(zone) || ' AND address = ' || quote(address)",
        "zone, address, scope_id, name, ttl_s, since_us, seen_us, gone_us, "
        "until_us"),
    [NX_SQ_TABLE_LABEL] =
        TABLE("label",
              "'kind = ' || quote(kind) || ' AND name = ' || quote(name) || "
              "' AND key = ' || quote(key)",
              "kind, name, key, value, changed_us"),
    [NX_SQ_TABLE_RESOLVER_PROFILE] =
        TABLE_AND(PROFILE_INDICES, "resolver_profile",
                  "'profile_id = ' || profile_id", NX_SQ_PROFILE_COLUMNS),
    [NX_SQ_TABLE_LOG_BEGIN] =
        TABLE("log_begin", "'one = ' || one", "one, after_batch, from_us"),
    [NX_SQ_TABLE_RETAINED] =
        TABLE("retained", "'one = ' || one", "one, by_us, doubt_us"),
    [NX_SQ_TABLE_CLOSED_STATUS] =
        TABLE("closed_status", "'incident_id = ' || incident_id",
              NX_SQ_CLOSED_VALUES),
    [NX_SQ_TABLE_CLOSED_PART] =
        TABLE("closed_part",
              "'incident_id = ' || incident_id || ' AND part = ' || part",
              NX_SQ_PART_VALUES),
    [NX_SQ_TABLE_DOOR_LOG] =
        TABLE("door_log", "'entry_id = ' || entry_id", NX_SQ_DOOR_VALUES),
    [NX_SQ_TABLE_ALERT] =
        TABLE("alert", "'alert_id = ' || alert_id", NX_SQ_ALERT),
    [NX_SQ_TABLE_ALERT_TOLD] =
        TABLE("alert_told",
              "'incident_id = ' || incident_id || ' AND network = ' || "
              "quote(network)",
              NX_SQ_TOLD_VALUES),
    [NX_SQ_TABLE_TARGET] = TABLE("target", OF_TARGET, NX_SQ_TARGET_VALUES),
    [NX_SQ_TABLE_TRANSITION] =
        TABLE("transition", "'transition_id = ' || transition_id",
              NX_SQ_TRANSITION_VALUES),
    [NX_SQ_TABLE_FORECAST] =
        TABLE("forecast", "'forecast_id = ' || forecast_id", NX_SQ_FORECAST),
    [NX_SQ_TABLE_OUTCOME] =
        TABLE("outcome", "'rowid = ' || rowid", NX_SQ_OUTCOME_VALUES),
};

static uint64_t mix(sqlite3_value *value, uint64_t digest) {
    int type = sqlite3_value_type(value);
    digest = nx_hash_u64((uint64_t)type, digest);
    switch (type) {
    case SQLITE_INTEGER:
        return nx_hash_u64((uint64_t)sqlite3_value_int64(value), digest);
    case SQLITE_NULL:
        return digest;
    case SQLITE_FLOAT: {
        double real = sqlite3_value_double(value) + 0.0; /* -0.0 is kept as 0 */
        uint64_t bits = 0;
        memcpy(&bits, &real, sizeof(bits));
        return nx_hash_u64(bits, digest);
    }
    default: {
        const void *bytes = sqlite3_value_blob(value);
        return nx_hash(bytes, (size_t)sqlite3_value_bytes(value), digest);
    }
    }
}

static void digest_of(sqlite3_context *context, int n, sqlite3_value **values) {
    uint64_t digest = 1;
    for (int i = 0; i < n; i++) {
        digest = mix(values[i], digest);
    }
    sqlite3_result_int64(context, (int64_t)digest);
}

int nx_store_digests(struct nx_store *store) {
    return sqlite3_create_function(store->db, "nx_digest", -1,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC |
                                       SQLITE_DIRECTONLY,
                                   NULL, digest_of, NULL, NULL);
}

struct rows {
    unsigned from, to; /* tables */
    bool pages;
};

static int check(struct nx_store *store, const struct rows *rows,
                 void (*found)(void *user, const char *text), void *user,
                 uint64_t *without_n) {
    int row = 0;
    *without_n = 0;
    for (unsigned i = rows->from; i < rows->to && row == 0; i++) {
        struct nx_sq sq = nx_sq_use(
            store, (enum nx_sq_slot)(NX_SQ_CHECK_TABLE + i), tables[i].check);
        nx_sq_int(&sq, rows->pages);
        while ((row = nx_sq_step(&sq)) > 0) {
            char text[256];
            nx_sq_get_text(&sq, 1, text, sizeof(text));
            if (nx_sq_get_int(&sq, 0) != 0) {
                (*without_n)++;
            } else {
                found(user, text);
            }
        }
    }
    return row;
}

int nx_store_check_rows(struct nx_store *store, enum nx_store_rows which,
                        void (*found)(void *user, const char *text), void *user,
                        uint64_t *without_n) {
    static const struct rows rows[] = {
        [NX_STORE_ROWS_TRUSTED] = {0, NX_SQ_TABLES_TRUSTED_N, false},
        [NX_STORE_ROWS_TOLD] = {NX_SQ_TABLES_TRUSTED_N, NX_SQ_TABLES_N, false}};
    return check(store, &rows[which], found, user, without_n);
}

int nx_sq_refuse_row(struct nx_sq *sq, const char *table, int64_t id) {
    snprintf(sq->store->problem, sizeof(sq->store->problem),
             "store %s: damaged: nxclear-collector(8) says how to repair it "
             "(the row of %s with %s_id = %" PRId64 " is not what was written)",
             sq->store->path, table, table, id);
    nx_sq_end(sq);
    return NX_EIO;
}

struct first {
    bool any;
    char text[200];
};

static void keep_first(void *user, const char *text) {
    struct first *first = user;
    if (!first->any) {
        snprintf(first->text, sizeof(first->text), "%s", text);
    }
    first->any = true;
}

int nx_store_seal(struct nx_store *store, enum nx_sq_table table) {
    struct nx_sq sq = nx_sq_use(
        store, (enum nx_sq_slot)(NX_SQ_SEAL_TABLE + table), tables[table].seal);
    return nx_sq_run(&sq);
}

/* What cannot be written now is tried again at the next start. */
static void seal_all(struct nx_store *store) {
    int err = nx_store_begin(store);
    unsigned n = store->brought_up ? NX_SQ_TABLES_SEALED_N /* read as a whole */
                                   : NX_SQ_TABLES_TRUSTED_N;
    for (unsigned i = 0; i < n && err == NX_OK; i++) {
        err = nx_store_seal(store, (enum nx_sq_table)i);
    }
    if (err == NX_OK) {
        err = nx_store_commit(store);
    }
    if (err != NX_OK) {
        nx_store_rollback(store);
    }
}

int nx_store_trust_rows(struct nx_store *store, char *why, size_t why_cap) {
    static const struct rows rows = {0, NX_SQ_TABLES_TRUSTED_N, true};
    struct first first = {.any = false};
    uint64_t without_n = 0;
    int err = check(store, &rows, keep_first, &first, &without_n);
    if (err != NX_OK) {
        snprintf(why, why_cap, "%s", store->problem);
        return err;
    }
    if (first.any) {
        snprintf(why, why_cap,
                 "%s: damaged: nxclear-collector(8) says how to repair it or "
                 "put a backup in its place (%s)",
                 store->path, first.text);
        return NX_EIO;
    }
    if (without_n > 0 || store->brought_up) {
        seal_all(store);
    }
    return NX_OK;
}
