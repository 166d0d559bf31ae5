/* --check and --rebuild: a store with an incident in it, as it was written and
 * with something gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_retain.h"
#include "collector/store/io_store_zones.h"
#include "collector/store/schema.h"
#include "tests/lib/verify_bench.h"

static void test_twice(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE target SET state = 'refused', digest = NULL; DELETE FROM "
           "transition");
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
    sql(b, "ALTER TABLE log_begin ADD COLUMN digest INTEGER");
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
    sql(b,
        "INSERT INTO log_begin VALUES(1, 1, 1, NULL)"); /* not whole, either */
    sql(b, "DELETE FROM batch WHERE batch_id = 11");
    expect_refused(b, "1 batches are not in the log any more");
}

/* ... unless that is wanted: what is lost is said, and only that. */
static void test_without_damaged(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE batch SET payload = zeroblob(9) WHERE batch_id = 11");
    sql(b, "DELETE FROM batch WHERE batch_id = 12");
    sql(b, "UPDATE target SET state = 'refused', digest = NULL");
    if (look(b, nx_rebuild_without_damaged) != 0) {
        fail_msg("%s", b->said);
    }
    expect_lost(b, "11");
    expect_said(b, "LOST  1 batches are not in the log any more");
    expect_said(b, "results that were received are not in the log");
    assert_null(strstr(b->said, "WRONG"));
    expect_said(b, ": rebuilt, without what is lost\n");
    /* Of Lyon more was told; Oslo's only denial is what is lost. */
    expect(b, STATES, "1 clear, 2 unknown");
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

/* ... but no reason to refuse where all was over by the old clock. */
static void test_clock_behind_closed(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE batch SET received_us = received_us + 7200000000, "
           "digest = NULL WHERE batch_id = 73");
    expect_refused(b, "1 messages of the log were received later than now");
    sql(b, "UPDATE incident SET closed_us = (SELECT received_us FROM batch "
           "WHERE batch_id = 73) + 1000000, digest = NULL");
    if (look(b, nx_rebuild) != 0) {
        fail_msg("%s", b->said);
    }
}

/* What came of its messages would be gone. */
static void test_agent_unknown(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE agent SET network = '', digest = NULL WHERE agent_id = 2");
    assert_true(look(b, nx_verify) > 0);
    expect_said(b, "messages of the log are of agents that are not known");
    expect_refused(b, "messages of the log are of agents that are not known");
    assert_int_equal(look(b, nx_rebuild_without_damaged), 0);
    expect_said(b, "LOST  2 messages of the log are of agents");
    expect(b, STATES, "1 clear");
}

static int check_it(struct bench *b, unsigned *problems_n) {
    char why[NX_STORE_WHY_MAX];
    free(b->said);
    b->said = NULL;
    FILE *out = open_memstream(&b->said, &b->said_len);
    assert_non_null(out);
    int err = nx_verify(&b->conf, out, problems_n, why, sizeof(why));
    assert_int_equal(fclose(out), 0);
    return err;
}

/* Somebody else's network: all that it says would be another one's. */
static void test_damaged_row(void **state) {
    struct bench *b = *state;
    char why[NX_STORE_WHY_MAX];
    unsigned problems_n = 0;
    made(b);
    sql(b, "UPDATE agent SET network = 'nslo' WHERE agent_id = 2;"
           "UPDATE stream SET changed_us = 1 WHERE agent_id = 1");
    assert_int_equal(check_it(b, &problems_n), NX_OK); /* while it runs */
    assert_int_equal(problems_n, 3);
    expect_said(b, "  WRONG the row of agent with agent_id = 2 is not what was "
                   "written\n  WRONG the row of stream with agent_id = 1 AND "
                   "epoch = 1 is not what was written\nrows     NOT OK: ");
    expect_said(b, "epoch 0000000000000001: the position is not what was "
                   "written");
    nx_store_close(&b->store);
    assert_int_equal(
        nx_rebuild(&b->conf, stderr, &problems_n, why, sizeof(why)), NX_EIO);
    assert_non_null(strstr(why, "(the row of agent with agent_id = 2 is not"));
    /* What the manual says. */
    sql_run(b->path, "UPDATE agent SET network = 'oslo' WHERE agent_id = 2;"
                     "UPDATE stream SET digest = NULL WHERE agent_id = 1");
    open_store(b);
    expect_sound(b);
}

/* Of what is made of the log: that is made anew. */
static void test_damaged_history(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "UPDATE transition SET to_state = 'refused' WHERE transition_id = 2;"
           "UPDATE target SET since_us = since_us + 1");
    assert_true(look(b, nx_verify) > 0);
    expect_said(b, "  WRONG the row of transition with transition_id = 2 is "
                   "not what was written\n");
    expect_said(b, "  WRONG the row of target with incident_id = 1 AND ");
    expect_said(b, "\nhistory  NOT OK: ");
    rebuild(b);
    expect(b, TURNS, ALL_TURNS);
    expect_sound(b);
}

#define FORECAST(digest)                                                       \
    "INSERT INTO forecast(incident_id, agent_id, resolver, name, type, "       \
    "at_us, "                                                                  \
    "basis, clear_us, clear_lo90_us, clear_hi90_us, digest) VALUES(1, 0, "     \
    "'x', "                                                                    \
    "'x', 'A', 1, 'prior', 3, 2, 4, " digest ");"
#define NETWORKS                                                               \
    "SELECT coalesce(group_concat(forecast_id), '') FROM forecast WHERE "      \
    "at_us = 1"

/* Nothing makes the forecasts of networks anew: the damaged ones are deleted,
 * of an incident that is left as it is, too. One without a digest stays. */
static void test_damaged_networks(void **state) {
    struct bench *b = *state;
    made(b);
    sql(b, "DELETE FROM forecast;" FORECAST("NULL") FORECAST("7"));
    assert_true(look(b, nx_verify) > 0);
    rebuild(b);
    expect_said(b, "deleted  1 damaged forecasts of whole networks");
    expect(b, NETWORKS, "1");
    expect_sound(b);
    assert_int_equal(nx_store_incident_close(b->store, 1, b->t0_us + 500 * S),
                     NX_OK);
    retain(b, b->t0_us + 900 * S);
    sql(b, "UPDATE forecast SET digest = 7 WHERE at_us = 1");
    rebuild(b);
    expect_said(b, "1 incidents left");
    expect(b, NETWORKS, "");
    expect_sound(b);
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
                     .chain = NX_CHAIN_OWN}};
    nx_profile_default(&row.measured.profile);
    nx_measured_settle(&row.measured);
    live(b, &rewritten);
    assert_int_equal(nx_store_resolver_put(b->store, &row), NX_OK);
    rebuild(b);
    expect(b, STATES, "1 old-positive, 2 cached-nxdomain");
    expect_sound(b);
}

/* A server that the zone had before fed what was cached after the restoration:
 * only the stored book knows of it. */
static void test_server_that_left(void **state) {
    struct bench *b = *state;
    struct nx_ns_book_zone zone = {.servers_n = 1};
    zone.servers[0] =
        (struct nx_ns_server){.at = {.address = {198, 51, 100, 9},
                                     .address_len = 4,
                                     .port = 53,
                                     .layer = NX_LAYER_AUTHORITY},
                              .ttl_s = 86400,
                              .since_us = b->t0_us - DAY,
                              .seen_us = b->t0_us - 3600 * S,
                              .gone_us = NX_TIME_UNKNOWN,
                              .until_us = b->t0_us - 3600 * S + DAY};
    memcpy(zone.apex, apex, sizeof(apex));
    assert_int_equal(nx_store_zone_put(b->store, &zone, b->t0_us), NX_OK);
    live(b, &yes);
    const struct nx_question q = {
        .name = www, .qtype = NX_TYPE_A, .to = zone.servers[0].at};
    for (int64_t s = 1200; s <= 1270; s += 6) {
        const struct nx_answer *said = s < 1240 ? &no : &from_server;
        saw(b, AUDIT, &q, said, 900, NULL, b->t0_us + s * S);
    }
    asks(b, OSLO, &no, 860, b->t0_us + 1275 * S);
    for (int64_t i = 0; i < 60; i++) { /* whatever it may have been fed */
        asks(b, LYON, &yes, 300, b->t0_us + 1300 * S + i * S);
    }
    asks(b, OSLO, &no, 774, b->t0_us + 1361 * S);
    rebuild(b);
    expect(b, STATES, ALL_STATES);
    expect_sound(b);
    sql(b, "DELETE FROM zone_server");
    assert_int_equal(look(b, nx_verify), 1);
    expect_said(b, "the table says cached-nxdomain, the log recached");
}

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
        TEST(test_clock_behind_closed),
        TEST(test_agent_unknown),
        TEST(test_damaged_row),
        TEST(test_damaged_history),
        TEST(test_damaged_networks),
        TEST(test_error_in_the_middle),
        TEST(test_revoked_agent),
        TEST(test_agent_of_another_role),
        TEST(test_measured_resolver),
        TEST(test_server_that_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
