/* The agents' door with a store and an engine behind it, and two agents before
 * it. */
#ifndef NX_TESTS_LIB_INGEST_BENCH_H
#define NX_TESTS_LIB_INGEST_BENCH_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/ingest/io_auth.h"
#include "collector/ingest/io_ingest.h"
#include "common/io_log.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/loop.h"
#include "tests/lib/sql.h"

#define CLIENTS_N 2U
#define ACCEPT_QUIET_US 300000
#define RATE                                                                   \
    10U /* messages of an agent in a second, where that is looked at           \
         */

struct fixture {
    char folder[64];
    char path[96];
    struct event_base *base;
    struct nx_steady clock;
    void *zmq;
    void *client_zmq;
    struct nx_store *store;
    struct nx_engine *engine;
    struct nx_auth *auth;
    struct nx_ingest *ingest;
    struct nx_keypair keys;
    struct nx_test_client clients[CLIENTS_N];
    uint32_t max_pages; /* of the store; 0: no limit */
    uint32_t rate;      /* of messages; 0: no limit */
    uint64_t per_hour;  /* bytes; 0: as good as no limit */
    unsigned want_n;    /* for the predicates below */
};

static inline const char *agent_name(unsigned i) {
    return i == 0 ? "one" : "two";
}

static inline void enrol(struct fixture *f, unsigned i, bool accepted) {
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED};
    record.agent = (struct nx_agent){.id = i + 1, .accepted = accepted};
    strcpy(record.agent.name, agent_name(i));
    strcpy(record.agent.network, "lyon");
    assert_int_equal(nx_engine_agent_set(f->engine, &record.agent), NX_OK);
    assert_int_equal(nx_ingest_agent_set(f->ingest, &record.agent), NX_OK);
}

static inline void start_collector(struct fixture *f) {
    char why[NX_STORE_WHY_MAX];
    const struct nx_store_options options = {.max_pages = f->max_pages};
    struct nx_engine_settings settings;
    char endpoint[] = "tcp://127.0.0.1:*";
    char *endpoints[] = {endpoint};
    f->zmq = zmq_ctx_new();
    nx_engine_settings_default(&settings);
    assert_int_equal(
        nx_store_open(f->path, &options, &f->store, why, sizeof(why)), NX_OK);
    assert_int_equal(nx_engine_new(&settings, &f->engine), NX_OK);
    assert_int_equal(nx_auth_new(f->base, f->zmq, &f->clock, &f->auth), NX_OK);
    const struct nx_ingest_parts parts = {
        .base = f->base,
        .zmq = f->zmq,
        .store = f->store,
        .engine = f->engine,
        .clock = &f->clock,
        .plan_valid_s = 60,
        .agent_bytes_per_hour = f->per_hour > 0 ? f->per_hour : 1U << 30,
        .agent_messages_per_s = f->rate};
    assert_int_equal(nx_ingest_new(&parts, &f->keys, &f->ingest), NX_OK);
    for (unsigned i = 0; i < CLIENTS_N; i++) {
        enrol(f, i, true);
        assert_int_equal(
            nx_auth_allow(f->auth, f->clients[i].keys.public_key, i + 1),
            NX_OK);
    }
    assert_int_equal(
        nx_ingest_listen(f->ingest, endpoints, 1, why, sizeof(why)), NX_OK);
}

static inline void stop_collector(struct fixture *f) {
    nx_ingest_free(&f->ingest);
    nx_auth_free(&f->auth);
    zmq_ctx_term(f->zmq);
    nx_engine_free(&f->engine);
    nx_store_close(&f->store);
}

static inline void connect_clients(struct fixture *f) {
    for (unsigned i = 0; i < CLIENTS_N; i++) {
        nx_test_client_connect(&f->clients[i], f->client_zmq,
                               nx_ingest_endpoint(f->ingest, 0),
                               f->keys.public_key);
    }
}

static inline void add_agents_to_store(const struct fixture *f) {
    sql_run(f->path,
            "INSERT INTO agent(agent_id, key, name, network, role, state, "
            "address, changed_us) VALUES(1,'a','one','lyon','network',"
            "'accepted','',0),(2,'b','two','lyon','network',"
            "'accepted','',0)");
}

static inline int setup_with(void **state, uint32_t rate) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->rate = rate;
    nx_log_set_level(NX_LOG_ERROR);
    strcpy(f->folder, "/tmp/nx-test-ingest-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/nxclear.db", f->folder);
    f->base = event_base_new();
    f->client_zmq = zmq_ctx_new();
    nx_steady_init(&f->clock);
    assert_int_equal(zmq_curve_keypair(f->keys.public_key, f->keys.secret_key),
                     0);
    for (unsigned i = 0; i < CLIENTS_N; i++) {
        nx_test_client_keys(&f->clients[i]);
        f->clients[i].epoch = UINT64_C(0xf00dfeed00000000) + i;
    }
    start_collector(f);
    add_agents_to_store(f);
    connect_clients(f);
    *state = f;
    return 0;
}

static inline int setup(void **state) {
    return setup_with(state, 0);
}

static inline int setup_rate(void **state) {
    return setup_with(state, RATE);
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    for (unsigned i = 0; i < CLIENTS_N; i++) {
        nx_test_client_close(&f->clients[i]);
    }
    stop_collector(f);
    zmq_ctx_term(f->client_zmq);
    event_base_free(f->base);
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static inline bool client_acked(void *user) {
    struct fixture *f = user;
    nx_test_client_read(&f->clients[0]);
    return f->clients[0].acks_n >= f->want_n;
}

/* Waits for one more ack, which must say this. */
static inline void expect_ack(struct fixture *f, uint64_t acked_seq,
                              uint64_t echo) {
    struct nx_test_client *client = &f->clients[0];
    f->want_n = client->acks_n + 1;
    assert_true(nx_test_wait(f->base, client_acked, f));
    assert_int_equal(client->ack.epoch, client->epoch);
    assert_int_equal(client->ack.acked_seq, acked_seq);
    assert_int_equal(client->ack.echo, echo);
    assert_true(client->ack.received_us <= client->ack.sent_us);
}

static inline int64_t ask(const struct fixture *f, const char *sql) {
    return sql_integer(f->path, sql);
}

/* Results of the first agent that the engine has taken. */
static inline uint64_t folded(struct fixture *f) {
    struct nx_agent_view view;
    assert_int_equal(nx_engine_agent(f->engine, 1, &view), 0);
    return view.results_n;
}

static inline struct nx_ingest_counters counters(const struct fixture *f) {
    struct nx_ingest_counters out;
    nx_ingest_counters(f->ingest, &out);
    return out;
}

#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
