/* A collector's service with a store of its own, and an agent of it. Include
 * after cmocka.h. */
#ifndef NX_TESTS_SERVICE_BENCH_H
#define NX_TESTS_SERVICE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "collector/io_service_priv.h"
#include "common/io_log.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/loop.h"
#include "tests/lib/port.h"
#include "tests/lib/sql.h"

struct fixture {
    char folder[64];
    char key_path[96], store_path[96], endpoint[64];
    char server_key[NX_KEY_TEXT_MAX];
    struct nx_collector_conf conf;
    struct event_base *base;
    struct nx_service *service;
    void *zmq;
    struct nx_test_client client;
    uint64_t want_seq;
};

/* Restored a second ago. */
static inline struct nx_incident incident_of(int64_t now_us) {
    struct nx_incident incident = {.closed_us = NX_TIME_UNKNOWN,
                                   .outage_from_us = now_us - 60000000,
                                   .outage_to_us = now_us - 1000000,
                                   .restored_us = now_us - 1000000,
                                   .items_n = 1};
    assert_int_equal(nx_dname_parse("www.example.com", incident.items[0].name),
                     NX_OK);
    incident.items[0].qtype = NX_TYPE_A;
    return incident;
}

static inline void start(struct fixture *f) {
    char why[NX_SERVICE_WHY_MAX];
    if (nx_service_new(f->base, &f->conf, false, &f->service, why,
                       sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
}

static inline int setup_files(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    assert_non_null(f);
    nx_log_set_level(NX_LOG_ERROR);
    strcpy(f->folder, "/tmp/nx-test-service-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->key_path, sizeof(f->key_path), "%s/key", f->folder);
    snprintf(f->store_path, sizeof(f->store_path), "%s/db", f->folder);
    snprintf(f->endpoint, sizeof(f->endpoint), "tcp://127.0.0.1:%u",
             nx_test_free_port());
    assert_int_equal(nx_keys_create(f->key_path, &keys, why, sizeof(why)),
                     NX_OK);
    memcpy(f->server_key, keys.public_key, sizeof(f->server_key));
    nx_engine_settings_default(&f->conf.engine);
    f->conf.key_path = f->key_path;
    f->conf.store_path = f->store_path;
    f->conf.listen[0] = f->endpoint;
    f->conf.listen_n = 1;
    f->conf.retention.agent_mib_per_hour = 256;
    f->conf.retention.observations_days = 30;
    f->conf.retention.history_days = 400;
    nx_test_client_keys(&f->client);
    f->client.epoch = UINT64_C(0xdeadbeef12345678);
    *state = f;
    return 0;
}

static inline int setup(void **state) {
    (void)setup_files(state);
    struct fixture *f = *state;
    f->base = event_base_new();
    start(f);
    return 0;
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    nx_test_client_close(&f->client);
    if (f->zmq != NULL) {
        zmq_ctx_term(f->zmq);
    }
    nx_service_free(&f->service);
    if (f->base != NULL) {
        event_base_free(f->base);
    }
    (void)unlink(f->key_path);
    (void)unlink(f->store_path);
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", f->store_path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static inline void restart(struct fixture *f) {
    nx_service_free(&f->service);
    start(f);
}

static inline void connect_client(struct fixture *f) {
    if (f->zmq == NULL) {
        f->zmq = zmq_ctx_new();
    }
    nx_test_client_connect(&f->client, f->zmq, f->endpoint, f->server_key);
}

static inline struct nx_agent agent_in(const char *network, const char *name) {
    struct nx_agent agent = {.id = 0};
    snprintf(agent.network, sizeof(agent.network), "%s", network);
    snprintf(agent.name, sizeof(agent.name), "%s", name);
    return agent;
}

static inline void write_sql(const struct fixture *f, const char *sql) {
    sql_run(f->store_path, sql);
}

/* "lyon", with the client's key. */
static inline void accept_client(struct fixture *f) {
    const struct nx_agent lyon = agent_in("lyon", "");
    struct nx_agent_record record;
    assert_int_equal(nx_service_agent_accept(
                         f->service, f->client.keys.public_key, &lyon, &record),
                     NX_OK);
}

#define WITH_SERVICE(test)                                                     \
    cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
