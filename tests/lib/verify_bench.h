/* A store with an incident in it, made as a collector makes it, to be checked
 * and rebuilt. Include after cmocka.h. */
#ifndef NX_TESTS_VERIFY_BENCH_H
#define NX_TESTS_VERIFY_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/io_verify.h"
#include "collector/store/io_store_sqlite.h"
#include "common/io_clock.h"
#include "common/rrtype.h"
#include "tests/lib/one_look.h"
#include "tests/lib/sql.h"

#define S INT64_C(1000000)
#define DAY (86400 * S)
#define THETA (5000 * S) /* agents' monotonic clocks minus ours, as of T0 */
#define LYON 1U
#define OSLO 2U
#define AUDIT 3U

static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t apex[] = "\7example\3com";

struct bench {
    char folder[64];
    char path[96];
    struct nx_store *store; /* NULL: closed */
    struct nx_collector_conf conf;
    struct nx_agent_record records[3];
    struct nx_incident incident;
    int64_t t0_us;
    uint64_t seq[4];
    char *said; /* by the last check or rebuild */
    size_t said_len;
    uint8_t bytes[NX_MSG_MAX_BYTES];
    uint64_t memory[NX_UNPACK_ARENA_BYTES / 8];
};

static inline void open_store(struct bench *b) {
    static const struct nx_store_options plain = {.check = false};
    char why[NX_STORE_WHY_MAX];
    if (nx_store_open(b->path, &plain, &b->store, why, sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
}

static inline void put_agents(struct bench *b) {
    static const char *const names[] = {"lyon", "oslo", "audit"};
    for (unsigned i = 0; i < 3; i++) {
        struct nx_agent_record *r = &b->records[i];
        r->state = NX_AGENT_ACCEPTED;
        r->changed_us = b->t0_us - DAY;
        r->agent.authority = i + 1 == AUDIT;
        r->agent.accepted = true;
        strcpy(r->agent.name, names[i]);
        strcpy(r->agent.network, names[i]);
        strcpy(r->key, names[i]);
        assert_int_equal(nx_store_agent_put(b->store, r), NX_OK);
        assert_int_equal(r->agent.id, i + 1);
    }
}

static inline int setup(void **state) {
    static struct bench b;
    free(b.said);
    memset(&b, 0, sizeof(b));
    strcpy(b.folder, "/tmp/nx-test-verify-XXXXXX");
    assert_non_null(mkdtemp(b.folder));
    (void)snprintf(b.path, sizeof(b.path), "%s/nxclear.db", b.folder);
    b.conf.store_path = b.path;
    nx_engine_settings_default(&b.conf.engine);
    b.conf.engine.settle_us = 10 * S;
    b.t0_us = nx_clock_wall_us() - 7200 * S;
    open_store(&b);
    put_agents(&b);
    b.incident = (struct nx_incident){.opened_us = b.t0_us,
                                      .closed_us = NX_TIME_UNKNOWN,
                                      .outage_from_us = b.t0_us - 300 * S,
                                      .outage_to_us = NX_TIME_UNKNOWN,
                                      .restored_us = NX_TIME_UNKNOWN,
                                      .items_n = 1};
    memcpy(b.incident.items[0].name, www, sizeof(www));
    b.incident.items[0].qtype = NX_TYPE_A;
    *state = &b;
    return 0;
}

static inline int teardown(void **state) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct bench *b = *state;
    nx_store_close(&b->store);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", b->path, suffixes[i]);
        (void)unlink(path);
    }
    free(b->said);
    b->said = NULL;
    return rmdir(b->folder);
}

/* --- what was received --- */

static inline struct nx_clock_sample clock_at(const struct bench *b,
                                              int64_t at_us) {
    return (struct nx_clock_sample){.mono_us = at_us - b->t0_us + THETA,
                                    .wall_us = at_us,
                                    .offset_us = THETA - b->t0_us,
                                    .offset_error_us = 1000,
                                    .offset_known = true};
}

static inline struct nx_endpoint resolver(void) {
    return (struct nx_endpoint){.address = {192, 0, 2, 1},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_NETWORK};
}

static inline void says_hello(struct bench *b, uint32_t agent, int64_t at_us) {
    const struct nx_endpoint at = resolver();
    const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                   .software = "test",
                                   .epoch = agent,
                                   .next_seq = 1,
                                   .clock = clock_at(b, at_us),
                                   .resolvers = &at,
                                   .resolvers_n = agent == AUDIT ? 0 : 1};
    struct nx_arena arena;
    size_t len = 0;
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    assert_int_equal(
        nx_codec_pack_hello(&hello, &arena, b->bytes, sizeof(b->bytes), &len),
        0);
    assert_int_equal(
        nx_store_hello_append(b->store, agent, at_us, b->bytes, len), NX_OK);
}

static inline void sends(struct bench *b, uint32_t agent,
                         const struct nx_batch *batch, int64_t at_us) {
    struct nx_arena arena;
    size_t len = 0;
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    assert_int_equal(
        nx_codec_pack_batch(batch, &arena, b->bytes, sizeof(b->bytes), &len),
        0);
    const struct nx_store_batch row = {.agent_id = agent,
                                       .epoch = batch->epoch,
                                       .first_seq = batch->first_seq,
                                       .results_n = (uint32_t)batch->obs_n,
                                       .received_us = at_us,
                                       .payload = b->bytes,
                                       .payload_len = len};
    b->seq[agent] += batch->obs_n;
    const struct nx_stream_position done = {.acked_seq = b->seq[agent],
                                            .received_n = b->seq[agent]};
    assert_int_equal(nx_store_batch_append(b->store, &row), NX_OK);
    assert_int_equal(
        nx_store_stream_put(b->store, agent, batch->epoch, &done, at_us),
        NX_OK);
}

/* One answer, that came a moment ago. */
static inline void saw(struct bench *b, uint32_t agent,
                       const struct nx_question *q,
                       const struct nx_answer *answer, uint32_t ttl_s,
                       const struct nx_delegation *d, int64_t at_us) {
    int64_t tx_us = at_us - b->t0_us + THETA - 10000;
    const struct nx_obs obs = {.question = q,
                               .answer = answer,
                               .tx_mono_us = tx_us,
                               .rx_mono_us = tx_us + 3000,
                               .soa_ttl_s = ttl_s,
                               .answer_ttl_s = ttl_s};
    struct nx_batch batch = batch_of_one(&obs, clock_at(b, at_us));
    batch.epoch = agent;
    batch.first_seq = 1 + b->seq[agent];
    batch.delegations = d;
    batch.delegations_n = d != NULL ? 1 : 0;
    sends(b, agent, &batch, at_us);
}

static const uint8_t restored[] = {0, 4, 192, 0, 2, 10};
static const uint8_t made_up[] = {0, 4, 192, 0, 2, 99};
static const struct nx_answer from_server = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                             .rdata = restored,
                                             .rdata_len = sizeof(restored),
                                             .rdata_n = 1};
static const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                     .rdata = restored,
                                     .rdata_len = sizeof(restored),
                                     .rdata_n = 1};
static const struct nx_answer rewritten = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                           .rdata = made_up,
                                           .rdata_len = sizeof(made_up),
                                           .rdata_n = 1};
static const struct nx_answer no = {.rcode = NX_RCODE_NXDOMAIN,
                                    .flags = NX_ANS_SOA | NX_ANS_RA,
                                    .soa_owner = apex,
                                    .soa_serial = 1,
                                    .soa_minimum_s = 900};

static inline void asks(struct bench *b, uint32_t agent,
                        const struct nx_answer *answer, uint32_t ttl_s,
                        int64_t at_us) {
    const struct nx_question q = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver()};
    saw(b, agent, &q, answer, ttl_s, NULL, at_us);
}

static inline void audits(struct bench *b, const struct nx_answer *answer,
                          int64_t at_us) {
    const struct nx_endpoint at = {.address = {198, 51, 100, 1},
                                   .address_len = 4,
                                   .port = 53,
                                   .layer = NX_LAYER_AUTHORITY};
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .at_mono_us =
                                        at_us - b->t0_us + THETA - 3 * S};
    const struct nx_question q = {.name = www, .qtype = NX_TYPE_A, .to = at};
    saw(b, AUDIT, &q, answer, 900, &d, at_us);
}

/* Servers restored, both networks denied, then one of them clear. */
static inline void live(struct bench *b, const struct nx_answer *at_last) {
    says_hello(b, LYON, b->t0_us - 300 * S);
    says_hello(b, OSLO, b->t0_us - 200 * S);
    says_hello(b, AUDIT, b->t0_us - 100 * S);
    assert_int_equal(nx_store_incident_add(b->store, &b->incident), NX_OK);
    audits(b, &no, b->t0_us + 6 * S);
    for (int64_t s = 12; s <= 60; s += 6) {
        audits(b, &from_server, b->t0_us + s * S);
    }
    asks(b, LYON, &no, 400, b->t0_us + 61 * S);
    asks(b, OSLO, &no, 800, b->t0_us + 62 * S);
    asks(b, LYON, &no, 390, b->t0_us + 71 * S);
    for (int64_t i = 0; i < 60; i++) { /* one cache after the other */
        asks(b, LYON, at_last, 300, b->t0_us + 480 * S + i * S / 10);
    }
}

/* --- what is there, and what is said of it --- */

static inline void sql(struct bench *b, const char *text) {
    sql_run(b->path, text);
}

#define STATES                                                                 \
    "SELECT coalesce(group_concat(agent_id || ' ' || state, ', '), '') FROM "  \
    "(SELECT * FROM target ORDER BY agent_id)"
#define TURNS                                                                  \
    "SELECT coalesce(group_concat(agent_id || ' ' || to_state, ', '), '') "    \
    "FROM (SELECT * FROM transition ORDER BY transition_id)"

static inline void expect(struct bench *b, const char *query,
                          const char *expected) {
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(b->store->db, query, -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(stmt, 0), expected);
    sqlite3_finalize(stmt);
}

/* Of nothing wrong: problems 0. */
static inline unsigned look(struct bench *b,
                            int (*how)(const struct nx_collector_conf *conf,
                                       FILE *out, unsigned *problems_n,
                                       char *why, size_t why_cap)) {
    char why[NX_STORE_WHY_MAX] = "";
    unsigned problems_n = 0;
    free(b->said);
    b->said = NULL;
    FILE *out = open_memstream(&b->said, &b->said_len);
    assert_non_null(out);
    nx_store_close(&b->store);
    int err = how(&b->conf, out, &problems_n, why, sizeof(why));
    assert_int_equal(fclose(out), 0);
    if (err != NX_OK) {
        fail_msg("%s", why);
    }
    open_store(b);
    return problems_n;
}

static inline void rebuild(struct bench *b) {
    if (look(b, nx_rebuild) != 0) {
        fail_msg("%s", b->said);
    }
}

static inline void expect_sound(struct bench *b) {
    if (look(b, nx_verify) != 0) {
        fail_msg("%s", b->said);
    }
}

static inline void expect_said(struct bench *b, const char *part) {
    if (strstr(b->said, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, b->said);
    }
}

/* What is lost of a batch, in full. */
static inline void expect_lost(struct bench *b, const char *batch_id) {
    char cells[4][32];
    char line[256];
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(
            b->store->db,
            "SELECT agent_id, printf('%016x', epoch), first_seq, first_seq + "
            "results_n - 1 FROM batch WHERE batch_id = ?1",
            -1, &stmt, NULL),
        SQLITE_OK);
    sqlite3_bind_text(stmt, 1, batch_id, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    for (int i = 0; i < 4; i++) {
        snprintf(cells[i], sizeof(cells[i]), "%s",
                 (const char *)sqlite3_column_text(stmt, i));
    }
    sqlite3_finalize(stmt);
    snprintf(
        line, sizeof(line),
        "  LOST  message of agent %s, epoch %s, results %s to %s, received ",
        cells[0], cells[1], cells[2], cells[3]);
    expect_said(b, line);
}

#define ALL_STATES "1 clear, 2 cached-nxdomain"
#define ALL_TURNS                                                              \
    "1 unknown, 2 unknown, 1 cached-nxdomain, 2 cached-nxdomain, "             \
    "1 partly-clear, 1 clear"

static inline void made(struct bench *b) {
    live(b, &yes);
    rebuild(b);
    expect(b, STATES, ALL_STATES);
    expect(b, TURNS, ALL_TURNS);
    expect_sound(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
