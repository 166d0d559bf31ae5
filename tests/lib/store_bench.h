/* An empty store in a folder of its own. Include after cmocka.h. */
#ifndef NX_TESTS_STORE_BENCH_H
#define NX_TESTS_STORE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/store/io_store.h"
#include "common/rrtype.h"
#include "tests/lib/sql.h"

struct fixture {
    char folder[64];
    char path[96];
    struct nx_store *store;
    char why[NX_STORE_WHY_MAX];
};

static const struct nx_store_options plain = {.check = false};

static inline void open_store(struct fixture *f) {
    int err = nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why));
    if (err != NX_OK) {
        fail_msg("%s", f->why);
    }
}

/* There is no store yet. */
static inline int setup_folder(void **state) {
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    strcpy(f.folder, "/tmp/nx-test-store-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof(f.path), "%s/nxclear.db", f.folder);
    *state = &f;
    return 0;
}

static inline int setup(void **state) {
    (void)setup_folder(state);
    open_store(*state);
    return 0;
}

static inline int teardown(void **state) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct fixture *f = *state;
    nx_store_close(&f->store);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- through another connection: only what is committed is seen --- */

static inline void sql(const struct fixture *f, const char *text) {
    sql_run(f->path, text);
}

static inline void ask(const struct fixture *f, const char *text, char *out,
                       size_t cap) {
    sql_ask(f->path, text, out, cap);
}

static inline void assert_sql(const struct fixture *f, const char *text,
                              const char *expected) {
    char got[200];
    ask(f, text, got, sizeof(got));
    assert_string_equal(got, expected);
}

/* --- what is put into it --- */

static inline struct nx_agent_record agent_record(const char *name, char key) {
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED,
                                     .changed_us = 5};
    record.agent.accepted = true;
    memset(record.key, key, NX_KEY_Z85_LEN);
    snprintf(record.agent.name, sizeof(record.agent.name), "%s", name);
    snprintf(record.agent.network, sizeof(record.agent.network), "lyon");
    return record;
}

static inline struct nx_store_batch batch_of(uint64_t first, uint32_t n,
                                             int64_t received_us) {
    static const uint8_t payload[] = {1, 0, 2, 255};
    return (struct nx_store_batch){.agent_id = 1,
                                   .epoch = UINT64_C(0xffeeddccbbaa9988),
                                   .first_seq = first,
                                   .results_n = n,
                                   .received_us = received_us,
                                   .payload = payload,
                                   .payload_len = sizeof(payload)};
}

static inline struct nx_incident incident_of(const char *name) {
    struct nx_incident incident = {.opened_us = 100,
                                   .closed_us = NX_TIME_UNKNOWN,
                                   .outage_from_us = 50,
                                   .outage_to_us = NX_TIME_UNKNOWN,
                                   .restored_us = NX_TIME_UNKNOWN,
                                   .items_n = 2};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(nx_dname_parse(name, incident.items[i].name), NX_OK);
    }
    incident.items[0].qtype = NX_TYPE_A;
    memcpy(incident.items[0].rdata, "\0\4\300\0\2\n", 6);
    incident.items[0].rdata_len = 6;
    incident.items[0].rdata_n = 1;
    incident.items[1].qtype = NX_TYPE_AAAA;
    strcpy(incident.note, "it's \"gone\"; DROP TABLE incident");
    return incident;
}

#endif
