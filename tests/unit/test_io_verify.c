/* --check and --rebuild: a store with an incident in it, as it was written and
 * with something gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/io_verify.h"
#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_retain.h"
#include "collector/store/io_store_sqlite.h"
#include "collector/store/schema.h"
#include "common/io_clock.h"
#include "common/rrtype.h"

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

static void open_store(struct bench *b) {
    static const struct nx_store_options plain = {.check = false};
    char why[NX_STORE_WHY_MAX];
    if (nx_store_open(b->path, &plain, &b->store, why, sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
}

static void put_agents(struct bench *b) {
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

static int setup(void **state) {
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

static int teardown(void **state) {
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

static struct nx_clock_sample clock_at(const struct bench *b, int64_t at_us) {
    return (struct nx_clock_sample){.mono_us = at_us - b->t0_us + THETA,
                                    .wall_us = at_us,
                                    .offset_us = THETA - b->t0_us,
                                    .offset_error_us = 1000,
                                    .offset_known = true};
}

static struct nx_endpoint resolver(void) {
    return (struct nx_endpoint){.address = {192, 0, 2, 1},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_NETWORK};
}

static void says_hello(struct bench *b, uint32_t agent, int64_t at_us) {
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

static void sends(struct bench *b, uint32_t agent, const struct nx_batch *batch,
                  int64_t at_us) {
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
static void saw(struct bench *b, uint32_t agent, const struct nx_question *q,
                const struct nx_answer *answer, uint32_t ttl_s,
                const struct nx_delegation *d, int64_t at_us) {
    int64_t tx_us = at_us - b->t0_us + THETA - 10000;
    const struct nx_obs obs = {.question = q,
                               .answer = answer,
                               .tx_mono_us = tx_us,
                               .rx_mono_us = tx_us + 3000,
                               .soa_ttl_s = ttl_s,
                               .answer_ttl_s = ttl_s};
    const struct nx_batch batch = {.epoch = agent,
                                   .first_seq = 1 + b->seq[agent],
                                   .clock = clock_at(b, at_us),
                                   .delegations = d,
                                   .delegations_n = d != NULL ? 1 : 0,
                                   .questions = q,
                                   .questions_n = 1,
                                   .answers = answer,
                                   .answers_n = 1,
                                   .obs = &obs,
                                   .obs_n = 1};
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

static void asks(struct bench *b, uint32_t agent,
                 const struct nx_answer *answer, uint32_t ttl_s,
                 int64_t at_us) {
    const struct nx_question q = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver()};
    saw(b, agent, &q, answer, ttl_s, NULL, at_us);
}

static void audits(struct bench *b, const struct nx_answer *answer,
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
static void live(struct bench *b, const struct nx_answer *at_last) {
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

static void sql(struct bench *b, const char *text) {
    char *error = NULL;
    if (sqlite3_exec(b->store->db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
}

#define STATES                                                                 \
    "SELECT coalesce(group_concat(agent_id || ' ' || state, ', '), '') FROM "  \
    "(SELECT * FROM target ORDER BY agent_id)"
#define TURNS                                                                  \
    "SELECT coalesce(group_concat(agent_id || ' ' || to_state, ', '), '') "    \
    "FROM (SELECT * FROM transition ORDER BY transition_id)"

static void expect(struct bench *b, const char *query, const char *expected) {
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(b->store->db, query, -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(stmt, 0), expected);
    sqlite3_finalize(stmt);
}

/* Of nothing wrong: problems 0. */
static unsigned look(struct bench *b,
                     int (*how)(const struct nx_collector_conf *conf, FILE *out,
                                unsigned *problems_n, char *why,
                                size_t why_cap)) {
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

static void rebuild(struct bench *b) {
    if (look(b, nx_rebuild) != 0) {
        fail_msg("%s", b->said);
    }
}

static void expect_sound(struct bench *b) {
    if (look(b, nx_verify) != 0) {
        fail_msg("%s", b->said);
    }
}

static void expect_said(struct bench *b, const char *part) {
    if (strstr(b->said, part) == NULL) {
        fail_msg("no \"%s\" in: %s", part, b->said);
    }
}

/* What is lost of a batch, in full. */
static void expect_lost(struct bench *b, const char *batch_id) {
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

static void made(struct bench *b) {
    live(b, &yes);
    rebuild(b);
    expect(b, STATES, ALL_STATES);
    expect(b, TURNS, ALL_TURNS);
    expect_sound(b);
}

/* --- tests --- */

static void test_twice(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE target SET state = 'refused'; DELETE FROM transition");
    (void)look(b, nx_verify);
    expect_said(b, "the table says refused, the log clear");
    rebuild(b);
    expect(b, STATES, ALL_STATES);
    expect(b, TURNS, ALL_TURNS);
}

static void retain(struct bench *b, int64_t before_us) {
    struct nx_store_retention pass = {.log_before_us = before_us,
                                      .now_us = nx_clock_wall_us()};
    int more = 1;
    while (more == 1) {
        more = nx_store_retain(b->store, &pass, 4);
    }
    assert_int_equal(more, NX_OK);
}

/* Its log is gone for its age: what was made of it stays. */
static void test_retired_log(void **state) {
    struct bench *b = *state;
    made(b);
    assert_int_equal(nx_store_incident_close(b->store, 1, b->t0_us + 500 * S),
                     NX_OK);
    retain(b, b->t0_us + 900 * S);
    expect(b, "SELECT '' || count(*) FROM batch", "0");
    expect_sound(b);
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
    expect_said(b, "0 incidents, 0 verdicts told; 1 incidents left");
    /* And when batches come again. */
    asks(b, OSLO, &yes, 300, b->t0_us + 3600 * S);
    expect(b, "SELECT '' || min(batch_id) FROM batch", "74");
    expect_sound(b);
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
    expect_said(b, "1 incidents left");
}

/* A row of a time to come stays, whatever is deleted behind it. */
static void test_row_of_a_time_to_come(void **state) {
    struct bench *b = *state;
    made(b);
    assert_int_equal(nx_store_incident_close(b->store, 1, b->t0_us + 500 * S),
                     NX_OK);
    sql(b, "UPDATE batch SET received_us = received_us + 86400000000 * 300, "
           "digest = NULL WHERE batch_id = 1");
    retain(b, b->t0_us + 900 * S);
    expect(b, "SELECT '' || count(*) FROM batch", "1");
    expect_sound(b);
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
}

/* A store of before that was written: what retention did is found out. */
static void test_older_store(void **state) {
    struct bench *b = *state;
    made(b);
    assert_int_equal(nx_store_incident_close(b->store, 1, b->t0_us + 500 * S),
                     NX_OK);
    retain(b, b->t0_us + 900 * S);
    sql(b, "DROP TABLE log_begin");
    int version = 1;
    while (strstr(nx_schema_step(version), "TABLE log_begin(") == NULL) {
        version++;
    }
    sql(b, nx_schema_step(version));
    expect_sound(b);
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
}

static void expect_refused(struct bench *b, const char *why) {
    assert_true(look(b, nx_rebuild) > 0);
    expect_said(b, why);
    expect_said(b, "NOT rebuilt, all is as it was");
    expect(b, STATES, ALL_STATES);
    expect(b, TURNS, ALL_TURNS);
}

/* Nothing good is replaced by what a damaged log gives. */
static void test_damaged_log(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE batch SET payload = zeroblob(9) WHERE batch_id = 11");
    expect_refused(b, "it is not what was written");
}

static void test_hole_in_the_log(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "INSERT INTO log_begin VALUES(1, 1, 1)"); /* not whole, either */
    sql(b, "DELETE FROM batch WHERE batch_id = 11");
    expect_refused(b, "1 batches are not in the log any more");
}

/* ... unless that is wanted: what is lost is said, and only that. */
static void test_without_damaged(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE batch SET payload = zeroblob(9) WHERE batch_id = 11");
    sql(b, "DELETE FROM batch WHERE batch_id = 12");
    sql(b, "UPDATE target SET state = 'refused'");
    if (look(b, nx_rebuild_without_damaged) != 0) {
        fail_msg("%s", b->said);
    }
    expect_lost(b, "11");
    expect_said(b, "LOST  1 batches are not in the log any more");
    expect_said(b, "results that were received are not in the log");
    assert_null(strstr(b->said, "WRONG"));
    expect_said(b, ": rebuilt, without what is lost\n");
    expect(b, STATES, ALL_STATES); /* later messages told them, too */
    assert_true(look(b, nx_verify) > 0);
    expect_said(b, "it is not what was written"); /* it is still there */
    expect_said(b, "targets  ok");
}

/* An end in the middle leaves all as it was, here too. */
static void test_without_damaged_whole(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE batch SET payload = zeroblob(9) WHERE batch_id = 11");
    sql(b, "UPDATE batch SET received_us = received_us + 86400000000, "
           "digest = NULL WHERE batch_id = 73");
    assert_true(look(b, nx_rebuild_without_damaged) > 0);
    expect_said(b, "NOT rebuilt, all is as it was");
    expect(b, TURNS, ALL_TURNS);
}

static void test_clock_behind(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE batch SET received_us = received_us + 86400000000, "
           "digest = NULL WHERE batch_id = 73");
    expect_refused(b, "1 messages of the log were received later than now");
}

/* All of it was stored by a clock that was two hours ahead. */
static void test_clock_set_back(void **state) {
    struct bench *b = *state;
    b->t0_us = nx_clock_wall_us() + 7200 * S;
    b->incident.opened_us = b->t0_us;
    b->incident.outage_from_us = b->t0_us - 300 * S;
    made(b);
    sql(b, "UPDATE target SET state = 'refused'; DELETE FROM transition");
    (void)look(b, nx_verify);
    expect_said(b, "the table says refused, the log clear");
    rebuild(b);
    expect(b, STATES, ALL_STATES);
    expect(b, TURNS, ALL_TURNS);
    /* Nobody needs that clock any more. */
    assert_int_equal(nx_store_incident_close(b->store, 1, b->t0_us + 500 * S),
                     NX_OK);
    expect_refused(b, "messages of the log were received later than now");
}

/* An error that ends the transaction: nothing is written after it. */
static void test_error_in_the_middle(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "CREATE TRIGGER full BEFORE INSERT ON transition WHEN NEW.to_state "
           "= 'cached-nxdomain' BEGIN SELECT RAISE(ROLLBACK, 'no room'); END");
    expect_refused(b, "no room");
}

/* What it saw before counts. */
static void test_revoked_agent(void **state) {
    struct bench *b = *state;
    made(b);
    for (unsigned i = 0; i < 3; i += 2) {
        b->records[i].state = NX_AGENT_REVOKED;
        b->records[i].agent.accepted = false;
        b->records[i].changed_us = b->t0_us + 3600 * S;
        assert_int_equal(nx_store_agent_put(b->store, &b->records[i]), NX_OK);
    }
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
}

/* What it was when it saw that is not known any more. */
static void test_agent_of_another_role(void **state) {
    struct bench *b = *state;
    made(b);
    b->records[1].agent.authority = true;
    b->records[1].changed_us = b->t0_us + 3600 * S;
    assert_int_equal(nx_store_agent_put(b->store, &b->records[1]), NX_OK);
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
    expect_said(b, "1 incidents left");
}

/* An address that a resolver makes up is no answer, to whoever looks. */
static void test_measured_resolver(void **state) {
    struct bench *b = *state;
    struct nx_book_row row = {
        .network = "lyon",
        .at = {.address = {192, 0, 2, 1}, .address_len = 4, .port = 53},
        .measured_us = b->t0_us - 3600 * S,
        .failed_us = NX_TIME_UNKNOWN,
        .measured = {.rewrites_nxdomain = true,
                     .rewrites_to = {.address = {192, 0, 2, 99}, .len = 4},
                     .caches_seen = 1,
                     .chain = NX_CHAIN_NONE}};
    nx_profile_default(&row.measured.profile);
    nx_measured_settle(&row.measured);
    live(b, &rewritten);
    assert_int_equal(nx_store_resolver_put(b->store, &row), NX_OK);
    rebuild(b);
    expect(b, STATES, "1 old-positive, 2 cached-nxdomain");
    expect_sound(b);
}

/* More than there is room for, and none of them is asked: nothing follows. */
static void test_too_many_resolvers(void **state) {
    struct bench *b = *state;
    struct nx_book_row row = {
        .network = "oslo",
        .at = {.address = {0x20, 0x01, 0x0d, 0xb8},
               .address_len = 16,
               .port = 53},
        .measured_us = b->t0_us - 3600 * S,
        .failed_us = NX_TIME_UNKNOWN,
        .measured = {.caches_seen = 1, .chain = NX_CHAIN_NONE}};
    nx_profile_default(&row.measured.profile);
    live(b, &yes);
    sql(b, "BEGIN");
    for (unsigned i = 0; i <= NX_BOOK_RESOLVERS_MAX; i++) {
        row.at.address[14] = (uint8_t)(i >> 8);
        row.at.address[15] = (uint8_t)i;
        assert_int_equal(nx_store_resolver_put(b->store, &row), NX_OK);
    }
    sql(b, "COMMIT");
    rebuild(b);
    expect(b, STATES, ALL_STATES);
    expect_sound(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_twice),
        TEST(test_retired_log),
        TEST(test_row_of_a_time_to_come),
        TEST(test_older_store),
        TEST(test_damaged_log),
        TEST(test_without_damaged),
        TEST(test_without_damaged_whole),
        TEST(test_hole_in_the_log),
        TEST(test_clock_behind),
        TEST(test_clock_set_back),
        TEST(test_error_in_the_middle),
        TEST(test_revoked_agent),
        TEST(test_agent_of_another_role),
        TEST(test_measured_resolver),
        TEST(test_too_many_resolvers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
