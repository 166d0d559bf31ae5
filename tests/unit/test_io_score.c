/* Forecasts meet what happened, with the real store and the service's own code:
 * each is scored once, and many incidents in virtual time teach what was drawn.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/io_service_priv.h"
#include "tests/lib/engine_bench.h"
#include "tests/lib/sql.h"

struct fixture {
    char folder[64];
    char path[96];
    struct engine_bench b;
    struct nx_service service; /* store and engine, no sockets */
};

static void open_store(struct fixture *f) {
    const struct nx_store_options plain = {.check = false};
    char why[NX_STORE_WHY_MAX];
    if (nx_store_open(f->path, &plain, &f->service.store, why, sizeof(why)) !=
        NX_OK) {
        fail_msg("%s", why);
    }
}

static void told(void *user, uint32_t incident_id, uint32_t agent_id,
                 const struct nx_question *question, int64_t at_us,
                 unsigned from_state, const struct nx_verdict *verdict,
                 int64_t since_us) {
    struct fixture *f = user;
    (void)from_state;
    f->service.networks_told = true;
    assert_int_equal(nx_score_target_told(f->service.store, incident_id,
                                          agent_id, question, verdict, since_us,
                                          at_us),
                     NX_OK);
}

static void join(struct fixture *f, uint32_t id, const char *network) {
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED};
    record.agent.accepted = true;
    (void)snprintf(record.key, sizeof(record.key), "key%u", id);
    (void)snprintf(record.agent.name, sizeof(record.agent.name), "%s", network);
    (void)snprintf(record.agent.network, sizeof(record.agent.network), "%s",
                   network);
    assert_int_equal(nx_store_agent_put(f->service.store, &record), NX_OK);
    assert_int_equal(record.agent.id, id);
    assert_int_equal(nx_engine_agent_set(f->b.engine, &record.agent), 0);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    strcpy(f->folder, "/tmp/nx-test-score-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/db", f->folder);
    nx_engine_settings_default(&f->b.settings);
    f->b.settings.settle_us = 10 * S;
    assert_int_equal(nx_engine_new(&f->b.settings, &f->b.engine), 0);
    f->b.sink = (struct nx_engine_sink){.user = f, .transition = told};
    f->service.engine = f->b.engine;
    nx_steady_init(&f->service.clock);
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    nx_store_close(&f->service.store);
    nx_engine_free(&f->b.engine);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static double ask(const struct fixture *f, const char *sql) {
    return sql_number(f->path, sql);
}

static int count(const struct fixture *f, const char *where) {
    char sql[160];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM forecast WHERE %s",
                   where);
    return (int)ask(f, sql);
}

/* --- one target: denied with 100 s left, clear when that is over --- */

static struct nx_incident open_one(struct fixture *f, uint32_t want,
                                   int64_t at_us) {
    struct nx_incident i = incident(0, at_us);
    i.outage_from_us = at_us - 300 * S;
    i.restored_us = at_us - 60 * S;
    assert_int_equal(nx_service_learnt(&f->service, &i.learnt), NX_OK);
    assert_int_equal(nx_store_incident_add(f->service.store, &i), NX_OK);
    assert_int_equal(i.id, want);
    assert_int_equal(nx_engine_incident_open(f->b.engine, &i), 0);
    return i;
}

static void look_negative(struct fixture *f, uint32_t agent, uint32_t ttl_s,
                          int64_t at_us) {
    sees_nxdomain(&f->b, agent, 1, ttl_s, at_us);
    tick(&f->b, at_us + 10000);
}

static void look_positive(struct fixture *f, uint32_t agent, int64_t at_us) {
    for (unsigned i = 0; i < 60; i++) {
        sees_address(&f->b, agent, 1, at_us + i * S / 10);
    }
    tick(&f->b, at_us + 7 * S);
}

static void begin(struct fixture *f) {
    assert_int_equal(nx_store_begin(f->service.store), NX_OK);
}

static void commit(struct fixture *f) {
    assert_int_equal(nx_store_commit(f->service.store), NX_OK);
}

static void deny_one(struct fixture *f) {
    begin(f);
    join(f, 1, "lyon");
    hello(&f->b, 1, 1, 0, T0);
    (void)open_one(f, 1, T0);
    look_negative(f, 1, 100, T0 + S);
    look_negative(f, 1, 50, T0 + 51 * S);
}

static void test_scored_once(void **state) {
    struct fixture *f = *state;
    deny_one(f);
    look_positive(f, 1, T0 + 102 * S);
    commit(f);
    int scored_n = count(f, "weight > 0");
    assert_true(scored_n >= 1);
    assert_int_equal(count(f, "scored_us IS NULL"), 0);
    assert_true(fabs(ask(f, "SELECT sum(weight) FROM forecast") - 1) < 1e-9);
    assert_true(ask(f, "SELECT max(abs(error_s)) FROM forecast WHERE "
                       "weight > 0") < 30);
    assert_int_equal((int)ask(f, "SELECT count(*) FROM outcome"), 1);
    /* The same verdict is put again: after a restart, by a late batch. */
    nx_store_close(&f->service.store);
    open_store(f);
    double before = ask(f, "SELECT total(error_s + weight * 7 + crps_s * 3) "
                           "FROM forecast");
    begin(f);
    look_positive(f, 1, T0 + 112 * S);
    struct seen_targets seen = targets_of(&f->b, 1, T0 + 120 * S);
    told(f, 1, 1, seen.at[0].question, T0 + 121 * S, 0, &seen.at[0].verdict,
         T0 + 103 * S);
    commit(f);
    assert_int_equal(count(f, "weight > 0"), scored_n);
    assert_int_equal((int)ask(f, "SELECT count(*) FROM outcome"), 1);
    assert_true(fabs(before - ask(f, "SELECT total(error_s + weight * 7 + "
                                     "crps_s * 3) FROM forecast")) < 1e-9);
}

/* Another cache behind the address was not met: it had not been clear. */
static void test_relapse_is_scored_again(void **state) {
    struct fixture *f = *state;
    deny_one(f);
    look_positive(f, 1, T0 + 60 * S);
    commit(f);
    double early_s = ask(f, "SELECT max(truth_hi_us) FROM forecast");
    assert_true(early_s > 0);
    begin(f);
    look_negative(f, 1, 20, T0 + 81 * S);
    look_negative(f, 1, 16, T0 + 85 * S); /* one alone is no proof */
    commit(f);
    assert_int_equal(count(f, "truth_hi_us IS NOT NULL"), 0);
    assert_int_equal((int)ask(f, "SELECT count(*) FROM outcome"), 0);
    begin(f);
    look_positive(f, 1, T0 + 102 * S);
    commit(f);
    assert_int_equal(count(f, "scored_us IS NULL"), 0);
    assert_true(ask(f, "SELECT min(truth_hi_us) FROM forecast WHERE weight > "
                       "0") > early_s + 30e6);
    assert_int_equal((int)ask(f, "SELECT count(*) FROM outcome"), 1);
}

/* Cached again by way of the servers and clear again, with nothing foretold: a
 * relapse after that takes back what was believed then, not what was true. */
static void test_relapse_of_another_clearing(void **state) {
    static const unsigned states[] = {NX_STATE_RECACHED, NX_STATE_CLEAR,
                                      NX_STATE_CACHED_NXDOMAIN};
    struct fixture *f = *state;
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = resolver(1)};
    deny_one(f);
    look_positive(f, 1, T0 + 102 * S);
    commit(f);
    int scored_n = count(f, "weight > 0");
    assert_true(scored_n > 0);
    begin(f);
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        int64_t at_us = T0 + (200 + 100 * (int64_t)i) * S;
        const struct nx_verdict verdict = {.state = (uint8_t)states[i],
                                           .clear_lo_us = at_us - 9 * S,
                                           .clear_hi_us = at_us,
                                           .doubt_us = NX_TIME_UNKNOWN};
        told(f, 1, 1, &question, at_us, 0, &verdict, at_us);
    }
    commit(f);
    assert_int_equal(count(f, "weight > 0"), scored_n);
    assert_int_equal((int)ask(f, "SELECT count(*) FROM outcome"), 1);
}

static void test_turns(void **state) {
    struct fixture *f = *state;
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = resolver(1)};
    const struct nx_store_subject of = {
        .incident_id = 1, .agent_id = 1, .question = &question};
    deny_one(f);
    /* Denied by a path to the authority: counts, but teaches nothing. */
    assert_int_equal(nx_store_forecasts_turn(f->service.store, &of,
                                             NX_TURN_REFILLED, T0 + 60 * S),
                     NX_OK);
    look_positive(f, 1, T0 + 102 * S);
    commit(f);
    assert_true(count(f, "weight > 0") >= 1);
    assert_int_equal((int)ask(f, "SELECT count(*) FROM outcome"), 0);
    begin(f);
    look_negative(f, 1, 500, T0 + 120 * S);
    look_negative(f, 1, 496, T0 + 124 * S);
    /* The servers deny it again: what was foretold had a condition. */
    assert_int_equal(nx_store_forecasts_turn(f->service.store, &of,
                                             NX_TURN_VOID, T0 + 130 * S),
                     NX_OK);
    commit(f);
    assert_int_equal(count(f, "scored_us IS NULL"), 0);
    assert_int_equal(count(f, "weight > 0"), 0); /* relapsed, then void */
}

/* --- networks --- */

static void put_lyon(struct fixture *f, int64_t now_us) {
    assert_int_equal(
        nx_service_network_put(&f->service, 1, "lyon", false, now_us), NX_OK);
}

static void test_network_is_scored(void **state) {
    struct fixture *f = *state;
    begin(f);
    join(f, 1, "lyon");
    hello(&f->b, 1, 2, 0, T0);
    (void)open_one(f, 1, T0);
    sees_nxdomain(&f->b, 1, 2, 40, T0 + S / 2);
    look_negative(f, 1, 100, T0 + S);
    put_lyon(f, T0 + 2 * S);
    for (unsigned i = 0; i < 60; i++) {
        sees_address(&f->b, 1, 2, T0 + 42 * S + i * S / 10);
    }
    tick(&f->b, T0 + 49 * S);
    put_lyon(f, T0 + 49 * S);
    commit(f);
    assert_int_equal(count(f, "agent_id = 0 AND weight > 0"), 0);
    assert_true(count(f, "agent_id = 0 AND name = 'lyon'") >= 1);
    begin(f);
    look_positive(f, 1, T0 + 102 * S);
    put_lyon(f, T0 + 110 * S);
    commit(f);
    assert_int_equal(count(f, "agent_id = 0 AND scored_us IS NULL"), 0);
    assert_true(fabs(ask(f, "SELECT sum(weight) FROM forecast WHERE agent_id = "
                            "0") -
                     1) < 1e-9);
    /* Its clearing is that of its last resolver. */
    assert_true(ask(f, "SELECT min(truth_hi_us) FROM forecast WHERE agent_id = "
                       "0 AND weight > 0") > (double)(T0 + 101 * S));
}

static void test_document(void **state) {
    struct fixture *f = *state;
    const struct nx_store_period all = {NX_TIME_UNKNOWN, INT64_MAX, 0};
    const struct nx_store_period early = {NX_TIME_UNKNOWN, T0 + 60 * S, 0};
    const struct nx_store_period other = {NX_TIME_UNKNOWN, INT64_MAX, 2};
    json_t *d = NULL;
    deny_one(f);
    commit(f);
    assert_int_equal(nx_service_scores(&f->service, &all, &d), NX_OK);
    assert_int_equal(json_integer_value(json_object_get(d, "open")), 1);
    assert_true(json_is_null(
        json_object_get(json_object_get(d, "targets"), "overall")));
    json_decref(d);
    begin(f);
    look_positive(f, 1, T0 + 102 * S);
    commit(f);
    assert_int_equal(nx_service_scores(&f->service, &all, &d), NX_OK);
    const json_t *overall =
        json_object_get(json_object_get(d, "targets"), "overall");
    assert_true(json_is_object(overall));
    assert_int_equal(json_integer_value(json_object_get(d, "open")), 0);
    json_decref(d);
    assert_int_equal(nx_service_scores(&f->service, &early, &d), NX_OK);
    assert_true(json_is_null(
        json_object_get(json_object_get(d, "targets"), "overall")));
    json_decref(d);
    assert_int_equal(nx_service_scores(&f->service, &other, &d), NX_OK);
    assert_true(json_is_null(
        json_object_get(json_object_get(d, "targets"), "overall")));
    json_decref(d);
}

/* --- learning: what was drawn comes back --- */

#define INCIDENTS 60U
#define NETWORKS 150U
#define PER_INCIDENT 10U
#define W_S 3600U
#define P_LATE 0.25
#define EARLY_PER_H 0.15
#define EVERY_US (100 * S)

static unsigned seed = 20261126;

static double fraction(void) {
    seed = seed * 1664525U + 1013904223U;
    return ((seed >> 8) + 0.5) / 16777216.0;
}

static void look_denied(struct fixture *f, uint32_t agent, uint32_t ttl_s,
                        int64_t at_us) {
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_SOA | NX_ANS_RA,
                                     .soa_owner = apex,
                                     .soa_serial = 1,
                                     .soa_minimum_s = W_S};
    sees(&f->b, agent, 1, &answer, ttl_s, at_us);
    tick(&f->b, at_us + 10000);
}

/* A network with one entry in its resolver's cache. */
struct cache {
    uint32_t agent;
    int64_t end_us;   /* of the TTL */
    int64_t clear_us; /* really */
    int64_t look_us;  /* next one; INT64_MAX: it is clear */
};

/* The entry ends with its TTL; sometimes it lives on for up to another W,
 * sometimes it is flushed. */
static void draw(struct cache *c, int64_t from_us) {
    double late_s = fraction() < P_LATE ? fraction() * W_S : 0;
    double early_s = -log(fraction()) / EARLY_PER_H * 3600;
    double left_s = (double)(c->end_us - from_us) / 1e6;
    double clear_s = left_s - fraction() + late_s;
    clear_s = early_s < clear_s ? early_s : clear_s;
    c->clear_us = from_us + (int64_t)(clear_s * 1e6);
    c->look_us = from_us + S / 2;
}

/* Each hundred seconds, and right after the end of the TTL. */
static void look(struct fixture *f, struct cache *c) {
    int64_t at_us = c->look_us;
    int64_t left_s = (c->end_us - at_us) / S;
    int64_t after_us = c->end_us + S / 4;
    if (at_us >= c->clear_us) {
        look_positive(f, c->agent, at_us);
        c->look_us = INT64_MAX;
        return;
    }
    look_denied(f, c->agent, left_s > 1 ? (uint32_t)left_s : 1, at_us);
    c->look_us = at_us + EVERY_US;
    if (at_us < after_us && c->look_us > after_us) {
        c->look_us = after_us;
    }
}

static struct cache *next_of(struct cache *caches) {
    struct cache *next = &caches[0];
    for (unsigned i = 1; i < PER_INCIDENT; i++) {
        next = caches[i].look_us < next->look_us ? &caches[i] : next;
    }
    return next->look_us < INT64_MAX ? next : NULL;
}

static void one_incident(struct fixture *f, uint32_t id, int64_t from_us) {
    int64_t end_us = from_us + 3 * W_S * S;
    struct cache caches[PER_INCIDENT];
    struct cache *c = NULL;
    begin(f);
    (void)open_one(f, id, from_us);
    for (unsigned i = 0; i < PER_INCIDENT; i++) {
        /* Filled in the outage, 13 s apart. */
        caches[i].agent = 1 + (id * PER_INCIDENT + i) % NETWORKS;
        caches[i].end_us = from_us + (W_S - 65 - 13 * i) * S;
        hello(&f->b, caches[i].agent, 1, 0, from_us);
        draw(&caches[i], from_us);
    }
    while ((c = next_of(caches)) != NULL) {
        look(f, c);
    }
    for (unsigned i = 0; i < PER_INCIDENT; i++) {
        hello(&f->b, caches[i].agent, 0, 0, end_us);
    }
    assert_int_equal(nx_store_incident_close(f->service.store, id, end_us),
                     NX_OK);
    assert_int_equal(nx_engine_incident_close(f->b.engine, id, end_us), 0);
    commit(f);
}

static void test_learns_what_was_drawn(void **state) {
    struct fixture *f = *state;
    struct nx_learnt learnt;
    const struct nx_store_period all = {NX_TIME_UNKNOWN, INT64_MAX, 0};
    json_t *d = NULL;
    begin(f);
    for (uint32_t id = 1; id <= NETWORKS; id++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%u", id);
        join(f, id, name);
    }
    commit(f);
    assert_int_equal(nx_service_learnt(&f->service, &learnt), NX_OK);
    assert_true(fabs(learnt.of[NX_FAMILY_UNKNOWN].p_late - 0.06) < 1e-9);
    for (uint32_t id = 1; id <= INCIDENTS; id++) {
        one_incident(f, id, T0 + (int64_t)id * 4 * W_S * S);
    }
    assert_int_equal(nx_service_learnt(&f->service, &learnt), NX_OK);
    assert_int_equal(nx_service_scores(&f->service, &all, &d), NX_OK);
    char *text = json_dumps(json_object_get(d, "learnt"), JSON_COMPACT);
    print_message("# drawn: late %.2f, early %.2f per hour; learnt: %s\n",
                  P_LATE, EARLY_PER_H, text);
    free(text);
    json_decref(d);
    double p_late = learnt.of[NX_FAMILY_UNKNOWN].p_late;
    double early_per_h = learnt.of[NX_FAMILY_UNKNOWN].lambda_early_per_s * 3600;
    /* The prior still weighs, so both stay a little below what was drawn. */
    assert_true(p_late > 0.7 * P_LATE && p_late < 1.2 * P_LATE);
    assert_true(early_per_h > 0.6 * EARLY_PER_H &&
                early_per_h < 1.3 * EARLY_PER_H);
    /* The next incident uses it, and keeps it. */
    begin(f);
    struct nx_incident next =
        open_one(f, INCIDENTS + 1, T0 + (INCIDENTS + 1) * 4 * W_S * S);
    hello(&f->b, 1, 1, 0, next.opened_us);
    look_negative(f, 1, 600, next.opened_us + S);
    commit(f);
    struct seen_targets seen =
        targets_of(&f->b, next.id, next.opened_us + 2 * S);
    for (size_t i = 0; i < seen.n; i++) {
        if (seen.at[i].verdict.dist.known) {
            assert_true(fabs(seen.at[i].verdict.dist.p_late - p_late) < 1e-9);
        }
    }
}

int main(void) {
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(test_scored_once),
        WITH(test_relapse_is_scored_again),
        WITH(test_relapse_of_another_clearing),
        WITH(test_turns),
        WITH(test_network_is_scored),
        WITH(test_document),
        WITH(test_learns_what_was_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
