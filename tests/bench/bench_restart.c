/* The store of a large incident, for the benchmark of a restart.
 *
 *   bench_restart DIR AGENTS LOOKS PORT
 *
 * Writes a configuration, a key and a store into DIR: an incident opened an
 * hour ago, AGENTS agents with 10 resolvers each, 10 types of the name: 100
 * targets of each agent, LOOKS looks at each. Prints the bytes of the log.
 *
 *   bench_restart floor DIR
 *
 * Reads every row of every table of that store by plain SQLite. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "collector/store/io_store.h"
#include "common/io_clock.h"
#include "common/io_keys.h"
#include "tests/lib/bench_batches.h"

#define RESOLVERS 10U
#define TYPES 10U
#define TARGETS (RESOLVERS * TYPES)
#define HOUR_US INT64_C(3600000000)
#define PATH_BYTES 512

static const uint16_t types[TYPES] = {1, 2, 5, 12, 15, 16, 28, 33, 64, 65};
static struct nx_store *store;
static uint8_t out[NX_MSG_MAX_BYTES];
static _Alignas(16) uint8_t memory[1U << 20];

static void must(int err, const char *what) {
    if (err != NX_OK) {
        fprintf(stderr, "bench_restart: %s: %s %s\n", what, nx_strerror(err),
                store != NULL ? nx_store_problem(store) : "");
        exit(1);
    }
}

static void prepare(const char *folder, unsigned port) {
    char path[PATH_BYTES];
    char why[NX_STORE_WHY_MAX];
    struct nx_keypair keys;
    const struct nx_store_options options = {.check = false};
    snprintf(path, sizeof(path), "%s/collector.key", folder);
    must(nx_keys_create(path, &keys, why, sizeof(why)), path);
    snprintf(path, sizeof(path), "%s/collector.yaml", folder);
    FILE *conf = fopen(path, "w");
    if (conf == NULL) {
        must(NX_EIO, path);
        return;
    }
    fprintf(conf,
            "key: collector.key\nlisten: tcp://127.0.0.1:%u\n"
            "http:\n  unix: nxclear.sock\n",
            port);
    fclose(conf);
    snprintf(path, sizeof(path), "%s/nxclear.db", folder);
    must(nx_store_open(path, &options, &store, why, sizeof(why)), why);
}

static void add_incident(int64_t now_us) {
    static struct nx_incident incident;
    incident = (struct nx_incident){.opened_us = now_us - HOUR_US,
                                    .closed_us = NX_TIME_UNKNOWN,
                                    .outage_from_us = now_us - HOUR_US - 1000,
                                    .outage_to_us = now_us - HOUR_US,
                                    .restored_us = now_us - HOUR_US,
                                    .items_n = TYPES};
    for (unsigned i = 0; i < TYPES; i++) {
        memcpy(incident.items[i].name, nx_bench_name, sizeof(nx_bench_name));
        incident.items[i].qtype = types[i];
    }
    must(nx_store_incident_add(store, &incident), "incident");
}

static struct nx_endpoint resolver(unsigned i) {
    return (struct nx_endpoint){.address = {192, 0, 2, (uint8_t)(1 + i)},
                                .address_len = 4,
                                .layer = NX_LAYER_NETWORK,
                                .port = 53};
}

static void add_agent(unsigned id, int64_t at_us) {
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED};
    struct nx_endpoint resolvers[RESOLVERS];
    struct nx_arena arena;
    size_t len = 0;
    record.agent.accepted = true;
    snprintf(record.key, sizeof(record.key), "%040u", id);
    snprintf(record.agent.name, sizeof(record.agent.name), "agent%u", id);
    snprintf(record.agent.network, sizeof(record.agent.network), "net%u", id);
    must(nx_store_agent_put(store, &record), "agent");
    for (unsigned i = 0; i < RESOLVERS; i++) {
        resolvers[i] = resolver(i);
    }
    const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                   .software = "bench",
                                   .epoch = id,
                                   .next_seq = 1,
                                   .resolvers = resolvers,
                                   .resolvers_n = RESOLVERS};
    nx_arena_init(&arena, memory, sizeof(memory));
    must(nx_codec_pack_hello(&hello, &arena, out, sizeof(out), &len), "hello");
    must(nx_store_hello_append(store, id, at_us, out, len), "hello");
}

/* One look at each target, all within a second. */
static size_t add_batch(unsigned id, unsigned round, int64_t at_us) {
    static struct nx_bench_maker m;
    static struct nx_question questions[TARGETS];
    static struct nx_obs obs[TARGETS];
    struct nx_arena arena;
    size_t len = 0;
    nx_bench_maker_init(&m, id, at_us);
    for (unsigned i = 0; i < TARGETS; i++) {
        int64_t ttl_s = 899 - (at_us / 1000000 + 37 * i) % 900;
        bool denied = i % 2 == 0;
        questions[i] = (struct nx_question){.name = nx_bench_name,
                                            .qtype = types[i % TYPES],
                                            .flags = NX_Q_RD,
                                            .to = resolver(i / TYPES)};
        obs[i] = (struct nx_obs){.question = &questions[i],
                                 .answer = &m.answers[denied ? 0 : 1],
                                 .tx_mono_us = m.mono_us + i * 10000,
                                 .rx_mono_us = m.mono_us + i * 10000 + 900,
                                 .soa_ttl_s = denied ? (uint32_t)ttl_s : 0,
                                 .answer_ttl_s = denied ? 0 : (uint32_t)ttl_s,
                                 .src_port = (uint16_t)(1024 + i)};
    }
    const struct nx_batch batch = {.epoch = id,
                                   .first_seq = 1 + (uint64_t)round * TARGETS,
                                   .clock = {.mono_us = m.mono_us + 1000000,
                                             .offset_us = m.theta_us,
                                             .offset_error_us = 700,
                                             .offset_known = true},
                                   .questions = questions,
                                   .questions_n = TARGETS,
                                   .answers = m.answers,
                                   .answers_n = 2,
                                   .obs = obs,
                                   .obs_n = TARGETS};
    nx_arena_init(&arena, memory, sizeof(memory));
    must(nx_codec_pack_batch(&batch, &arena, out, sizeof(out), &len), "batch");
    const struct nx_store_batch row = {.agent_id = id,
                                       .epoch = id,
                                       .first_seq = batch.first_seq,
                                       .results_n = TARGETS,
                                       .received_us = at_us + 1000000,
                                       .payload = out,
                                       .payload_len = len};
    must(nx_store_batch_append(store, &row), "batch");
    return len;
}

/* --- the floor --- */

static void must_sqlite(sqlite3 *db, int rc) {
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
        fprintf(stderr, "bench_restart: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static uint64_t read_table(sqlite3 *db, const char *table, uint64_t *bytes_n) {
    char sql[128];
    sqlite3_stmt *rows = NULL;
    uint64_t n = 0;
    int rc = SQLITE_ROW;
    snprintf(sql, sizeof(sql), "SELECT * FROM \"%.90s\"", table);
    must_sqlite(db, sqlite3_prepare_v2(db, sql, -1, &rows, NULL));
    while ((rc = sqlite3_step(rows)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(rows); i++) {
            (void)sqlite3_column_blob(rows, i);
            *bytes_n += (uint64_t)sqlite3_column_bytes(rows, i);
        }
        n++;
    }
    must_sqlite(db, rc);
    (void)sqlite3_finalize(rows);
    return n;
}

static int read_all(const char *folder) {
    char path[PATH_BYTES];
    sqlite3 *db = NULL;
    sqlite3_stmt *tables = NULL;
    uint64_t rows_n = 0;
    uint64_t bytes_n = 0;
    int64_t began_us = nx_clock_mono_us();
    snprintf(path, sizeof(path), "%s/nxclear.db", folder);
    must_sqlite(db, sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL));
    must_sqlite(db, sqlite3_prepare_v2(
                        db, "SELECT name FROM sqlite_schema WHERE type='table'",
                        -1, &tables, NULL));
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(tables, 0);
        rows_n += read_table(db, table, &bytes_n);
    }
    (void)sqlite3_finalize(tables);
    (void)sqlite3_close(db);
    printf("{\"rows\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"seconds\": %.6f}\n",
           rows_n, bytes_n, (double)(nx_clock_mono_us() - began_us) / 1e6);
    return 0;
}

int main(int argc, char **argv) {
    unsigned n[3] = {0};
    if (argc == 3 && strcmp(argv[1], "floor") == 0) {
        return read_all(argv[2]);
    }
    for (int i = 2; i < argc && i < 5; i++) {
        n[i - 2] = (unsigned)strtoul(argv[i], NULL, 10);
    }
    if (argc != 5 || n[0] == 0 || n[0] > 10000 || n[1] == 0) {
        fprintf(stderr, "bench_restart: see tests/bench/restart\n");
        return 64;
    }
    uint64_t bytes_n = 0;
    int64_t now_us = nx_clock_wall_us();
    prepare(argv[1], n[2]);
    must(nx_store_begin(store), "begin");
    for (unsigned id = 1; id <= n[0]; id++) {
        add_agent(id, now_us - HOUR_US + id);
    }
    add_incident(now_us);
    for (unsigned round = 0; round < n[1]; round++) {
        for (unsigned id = 1; id <= n[0]; id++) {
            int64_t at_us = now_us - HOUR_US + 1000000 +
                            (HOUR_US - 3000000) / n[1] * round +
                            (HOUR_US - 3000000) / n[1] * id / (n[0] + 1);
            bytes_n += add_batch(id, round, at_us);
        }
    }
    must(nx_store_commit(store), "commit");
    nx_store_close(&store);
    printf("{\"targets\": %u, \"results\": %u, \"log_bytes\": %" PRIu64 "}\n",
           n[0] * TARGETS, n[0] * TARGETS * n[1], bytes_n);
    return 0;
}
