#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "collector/store/io_store.h"
#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_retain.h"
#include "collector/store/schema.h"
#include "common/rrtype.h"

#define PATH_MAX_BYTES 256

struct fixture {
    char folder[64];
    char path[96];
    struct nx_store *store;
    char why[NX_STORE_WHY_MAX];
};

static const struct nx_store_options plain = {.check = false};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    strcpy(f->folder, "/tmp/nx-test-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/nxclear.db", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    nx_store_close(&f->store);
    for (size_t i = 0; i < 3; i++) {
        char path[PATH_MAX_BYTES];
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void open_store(struct fixture *f) {
    int err = nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why));
    if (err != NX_OK) {
        fail_msg("%s", f->why);
    }
}

static void sql(const char *path, const char *text) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The first column of the first row; "" without one. */
static void ask(const char *path, const char *text, char *out, size_t cap) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    out[0] = '\0';
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(stmt, 0);
        snprintf(out, cap, "%s", value != NULL ? value : "NULL");
    }
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void assert_sql(const struct fixture *f, const char *text,
                       const char *expected) {
    char got[200];
    ask(f->path, text, got, sizeof(got));
    assert_string_equal(got, expected);
}

static struct nx_agent_record agent_record(const char *name, char key) {
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED,
                                     .changed_us = 5};
    record.agent.accepted = true;
    memset(record.key, key, NX_KEY_Z85_LEN);
    snprintf(record.agent.name, sizeof(record.agent.name), "%s", name);
    snprintf(record.agent.network, sizeof(record.agent.network), "lyon");
    return record;
}

static struct nx_store_batch batch_of(uint64_t first, uint32_t n,
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

struct seen {
    size_t n;
    struct nx_store_batch last;
    uint8_t payload[8];
    uint64_t first_seqs[8];
};

static void see_batch(void *user, const struct nx_store_batch *batch) {
    struct seen *seen = user;
    seen->last = *batch;
    assert_true(batch->payload_len <= sizeof(seen->payload));
    memcpy(seen->payload, batch->payload, batch->payload_len);
    seen->first_seqs[seen->n++] = batch->first_seq;
    assert_in_range(seen->n, 1, 8);
}

static void read_log(struct nx_store *store, int64_t from_us,
                     struct seen *seen) {
    struct nx_store_mark mark;
    int more = nx_store_mark_at(store, from_us, &mark);
    assert_int_equal(more, NX_OK);
    do {
        more = nx_store_log(store, &mark, 1, see_batch, seen);
    } while (more == 1);
    assert_int_equal(more, 0);
}

struct latest {
    unsigned n;
    uint64_t epoch, received_n;
};

static void see_latest(void *user, uint32_t agent_id, uint64_t epoch,
                       const struct nx_stream_position *position) {
    struct latest *latest = user;
    assert_int_equal(agent_id, 1);
    latest->n++;
    latest->epoch = epoch;
    latest->received_n = position->received_n;
}

static void test_log_survives(void **state) {
    struct fixture *f = *state;
    struct stat st;
    struct nx_stream_position at = {
        400, 401, 10, {{{402, 411}, {9000, NX_SEQ_MAX}}, 2}};
    open_store(f);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct nx_agent_record record = agent_record("a", 'a');
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    assert_int_equal(record.agent.id, 1);
    for (unsigned i = 0; i < 3; i++) {
        struct nx_store_batch batch = batch_of(1 + 200 * i, 200, 1000 + i);
        assert_int_equal(nx_store_batch_append(f->store, &batch), NX_OK);
    }
    struct nx_store_batch again = batch_of(201, 7, 2000);
    assert_int_equal(nx_store_batch_append(f->store, &again), NX_EEXISTS);
    assert_true(nx_store_open_transaction(f->store));
    assert_int_equal(nx_store_stream_put(f->store, 1, again.epoch, &at, 2000),
                     NX_OK);
    at.acked_seq = 600;
    at.received_n = 590;
    assert_int_equal(nx_store_stream_put(f->store, 1, again.epoch, &at, 2000),
                     NX_OK);
    const struct nx_stream_position older = {.received_n = 1};
    assert_int_equal(nx_store_stream_put(f->store, 1, 5, &older, 1999), NX_OK);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
    nx_store_close(&f->store);
    open_store(f);
    struct latest latest = {0};
    assert_int_equal(nx_store_stream_latest(f->store, see_latest, &latest),
                     NX_OK);
    assert_int_equal(latest.n, 1);
    assert_int_equal(latest.epoch, again.epoch);
    assert_int_equal(latest.received_n, 590);
    struct seen seen = {0};
    read_log(f->store, 1001, &seen);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.first_seqs[0], 201);
    assert_int_equal(seen.last.epoch, UINT64_C(0xffeeddccbbaa9988));
    assert_int_equal(seen.last.received_us, 1002);
    assert_int_equal(seen.last.results_n, 200);
    assert_int_equal(seen.last.payload_len, 4);
    assert_memory_equal(seen.payload, "\x01\x00\x02\xff", 4);
    struct nx_stream_position got;
    assert_int_equal(nx_store_stream_get(f->store, 1, again.epoch, &got),
                     NX_OK);
    assert_int_equal(got.acked_seq, 600);
    assert_int_equal(got.received_n, 590);
    assert_int_equal(got.dropped_n, 10);
    assert_int_equal(nx_store_stream_get(f->store, 1, 77, &got), NX_ENOTFOUND);
}

static void test_rollback(void **state) {
    struct fixture *f = *state;
    struct nx_store_batch batch = batch_of(1, 10, 1);
    struct seen seen = {0};
    open_store(f);
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_batch_append(f->store, &batch), NX_OK);
    nx_store_rollback(f->store);
    assert_false(nx_store_open_transaction(f->store));
    read_log(f->store, 0, &seen);
    assert_int_equal(seen.n, 0);
}

struct roster {
    size_t n;
    struct nx_agent_record last;
};

static void see_agent(void *user, const struct nx_agent_record *record) {
    struct roster *roster = user;
    roster->n++;
    roster->last = *record;
}

static void test_agents(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record one = agent_record("one", 'a');
    struct nx_agent_record two = agent_record("one", 'b');
    struct roster roster = {0};
    open_store(f);
    assert_int_equal(nx_store_agent_put(f->store, &one), NX_OK);
    assert_int_equal(nx_store_agent_put(f->store, &two), NX_EEXISTS);
    one.agent.accepted = false;
    one.state = NX_AGENT_REVOKED;
    assert_int_equal(nx_store_agent_put(f->store, &one), NX_OK);
    two.agent.authority = true;
    strcpy(two.address, "192.0.2.9");
    assert_int_equal(nx_store_agent_put(f->store, &two), NX_OK);
    assert_int_equal(nx_store_agents(f->store, see_agent, &roster), NX_OK);
    assert_int_equal(roster.n, 2);
    assert_int_equal(roster.last.agent.id, two.agent.id);
    assert_int_equal(roster.last.state, NX_AGENT_ACCEPTED);
    assert_true(roster.last.agent.authority);
    assert_true(roster.last.agent.accepted);
    assert_string_equal(roster.last.agent.network, "lyon");
    assert_string_equal(roster.last.address, "192.0.2.9");
    assert_int_equal(strlen(roster.last.key), NX_KEY_Z85_LEN);
}

struct token_list {
    unsigned n;
    struct nx_token last;
};

static void see_token(void *user, const struct nx_token *token) {
    struct token_list *list = user;
    list->n++;
    list->last = *token;
}

static void test_tokens(void **state) {
    struct fixture *f = *state;
    struct nx_token one = {.name = "one",
                           .scope = NX_SCOPE_ADMIN,
                           .created_us = 5,
                           .expires_us = NX_TIME_UNKNOWN,
                           .revoked_us = NX_TIME_UNKNOWN,
                           .hash = {1}};
    struct nx_token two = {
        .name = "two",
        .sight = {.networks = {"lyon", "oslo"}, .networks_n = 2},
        .created_us = 6,
        .expires_us = 7,
        .revoked_us = NX_TIME_UNKNOWN,
        .hash = {2}};
    struct token_list list = {0};
    open_store(f);
    assert_int_equal(nx_store_token_put(f->store, &one), NX_OK);
    assert_int_equal(nx_store_token_put(f->store, &two), NX_OK);
    assert_int_equal(two.id, one.id + 1);
    two.revoked_us = 8;
    assert_int_equal(nx_store_token_put(f->store, &two), NX_OK);
    assert_int_equal(nx_store_tokens(f->store, see_token, &list), NX_OK);
    assert_int_equal(list.n, 2);
    assert_memory_equal(&list.last, &two, sizeof(two));
}

static struct nx_incident incident_of(const char *name) {
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

static void see_incident(void *user, const struct nx_incident *incident) {
    *(struct nx_incident *)user = *incident;
}

struct seen_labels {
    unsigned n;
    struct nx_labels lyon;
};

static void see_labels(void *user, enum nx_label_kind kind, const char *name,
                       const struct nx_labels *labels) {
    struct seen_labels *seen = user;
    seen->n++;
    if (kind == NX_LABELS_OF_NETWORK && strcmp(name, "lyon") == 0) {
        seen->lyon = *labels;
    }
}

static void put_label(struct fixture *f, enum nx_label_kind kind,
                      const char *name, struct nx_labels *labels,
                      enum nx_label_key key, const char *value) {
    const char *why = NULL;
    assert_int_equal(nx_labels_set(labels, key, value, &why), 0);
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_labels_put(f->store, kind, name, labels, 5),
                     NX_OK);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
}

static void see_profile(void *user, const struct nx_book_row *row) {
    *(struct nx_book_row *)user = *row;
}

/* All that is needed to make the same profile of it again. */
static void test_resolver_profiles(void **state) {
    struct fixture *f = *state;
    struct nx_book_row row = {.network = "lyon",
                              .measured_us = 77,
                              .failed_us = NX_TIME_UNKNOWN,
                              .measured = {.nxdomain_cap_s = 3600,
                                           .nodata_cap_s = NX_NOT_MEASURED,
                                           .floor_s = 5,
                                           .soa_clock = NX_SOA_CLOCK_OWN,
                                           .chain = NX_CHAIN_OWN,
                                           .caches_seen = 3,
                                           .soa_shown = true}};
    struct nx_book_row back = {.measured_us = 0};
    nx_profile_default(&row.measured.profile);
    row.measured.profile.conv = NX_CONV_F0;
    row.measured.profile.rd0 = NX_RD0_HONOURED;
    row.measured.profile.past_ttl = NX_PAST_TTL_SERVED;
    row.measured.profile.caches = 3;
    row.measured.ede_seen = true;
    row.measured.instances_seen = 2;
    row.measured.nsid = (struct nx_nsid){3, {'a', 0, 0xff}};
    row.measured.who = NX_WHO_TOLD;
    row.measured.server = (struct nx_nsid){2, {0, 'b'}};
    row.measured.validates = NX_VALIDATES_NOT_SAID;
    row.measured.asks_from = (struct nx_egress){{192, 0, 2, 7}, 4};
    row.measured.rewrites_to = (struct nx_egress){{192, 0, 2, 66}, 4};
    row.measured.sibling_w_s = 7200;
    row.measured.bogus = NX_BOGUS_FAILED;
    row.measured.bogus_ede_seen = true;
    row.measured.bogus_ede = 9;
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_endpoint_parse("[2001:db8::53]/tls", &row.at), NX_OK);
    row.at.scope_id = 3;
    row.agent_id = 4000000000U;
    open_store(f);
    for (unsigned i = 0; i < 2; i++) { /* the second one is the last */
        row.measured_us += i;
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        assert_int_equal(nx_store_resolver_put(f->store, &row), NX_OK);
        assert_int_equal(nx_store_commit(f->store), NX_OK);
    }
    nx_store_close(&f->store);
    open_store(f);
    assert_int_equal(
        nx_store_resolvers(f->store, row.measured_us, see_profile, &back),
        NX_OK);
    assert_int_equal(back.measured_us, 78);
    assert_string_equal(back.network, "lyon");
    assert_true(nx_endpoint_equal(&back.at, &row.at));
    assert_int_equal(back.agent_id, 4000000000U);
    assert_int_equal(back.measured.nodata_cap_s, NX_NOT_MEASURED);
    assert_int_equal(back.measured.nxdomain_cap_s, 3600);
    assert_int_equal(back.measured.caches_seen, 3);
    assert_true(back.measured.soa_shown);
    assert_false(back.measured.rewrites_nxdomain);
    assert_true(back.measured.ede_seen);
    assert_int_equal(back.measured.instances_seen, 2);
    assert_int_equal(back.measured.who, NX_WHO_TOLD);
    assert_memory_equal(&back.measured.server, &row.measured.server,
                        sizeof(row.measured.server));
    assert_int_equal(back.measured.validates, NX_VALIDATES_NOT_SAID);
    assert_memory_equal(&back.measured.nsid, &row.measured.nsid,
                        sizeof(row.measured.nsid));
    assert_memory_equal(&back.measured.asks_from, &row.measured.asks_from,
                        sizeof(row.measured.asks_from));
    assert_memory_equal(&back.measured.rewrites_to, &row.measured.rewrites_to,
                        sizeof(row.measured.rewrites_to));
    assert_int_equal(back.measured.sibling_w_s, 7200);
    assert_int_equal(back.measured.bogus, NX_BOGUS_FAILED);
    assert_true(back.measured.bogus_ede_seen);
    assert_int_equal(back.measured.bogus_ede, 9);
    assert_memory_equal(&back.measured.profile, &row.measured.profile,
                        sizeof(row.measured.profile));
}

/* Newest first, the last of each; what nobody measures any more is not known.
 */
static void test_resolver_profiles_are_forgotten(void **state) {
    struct fixture *f = *state;
    static const int64_t at_us[] = {5, 7 + NX_BOOK_KEPT_US / 2,
                                    6 + NX_BOOK_KEPT_US};
    struct nx_book_row row = {.network = "lyon"};
    struct nx_book_row back = {.measured_us = 0}; /* the last one seen */
    nx_profile_default(&row.measured.profile);
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &row.at), NX_OK);
    open_store(f);
    for (unsigned i = 0; i < 3; i++) {
        row.at.scope_id = i;
        row.measured_us = at_us[i];
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        assert_int_equal(nx_store_resolver_put(f->store, &row), NX_OK);
        assert_int_equal(nx_store_commit(f->store), NX_OK);
        assert_int_equal(
            nx_store_resolvers(f->store, row.measured_us, see_profile, &back),
            NX_OK);
        assert_int_equal(back.measured_us, at_us[i < 2 ? 0 : 1]);
    }
}

static void test_labels(void **state) {
    struct fixture *f = *state;
    struct nx_labels l;
    struct nx_labels other;
    nx_labels_init(&l);
    nx_labels_init(&other);
    open_store(f);
    put_label(f, NX_LABELS_OF_NETWORK, "lyon", &l, NX_LABEL_SITE, "o'Lyon");
    put_label(f, NX_LABELS_OF_NETWORK, "lyon", &l, NX_LABEL_WEIGHT, "0.5");
    put_label(f, NX_LABELS_OF_AGENT, "lyon", &other, NX_LABEL_ASN, "64500");
    put_label(f, NX_LABELS_OF_NETWORK, "oslo", &other, NX_LABEL_ASN, "64501");
    nx_store_close(&f->store);
    sql(f->path, "INSERT INTO label VALUES('network', 'paris', 'colour', 'x', "
                 "1, NULL)"); /* not ours */
    open_store(f);
    struct seen_labels seen = {.n = 0};
    assert_int_equal(nx_store_labels(f->store, see_labels, &seen), NX_OK);
    assert_int_equal(seen.n, 4);
    assert_string_equal(seen.lyon.site, "o'Lyon");
    assert_float_equal(seen.lyon.weight, 0.5, 0);
    put_label(f, NX_LABELS_OF_NETWORK, "lyon", &l, NX_LABEL_SITE, "");
    assert_sql(f,
               "SELECT group_concat(key) FROM label WHERE name = 'lyon' AND "
               "kind = 'network'",
               "weight");
}

static void test_incidents(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    struct nx_incident got = {0};
    open_store(f);
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(incident.id, 1);
    assert_int_equal(nx_store_incidents(f->store, see_incident, &got), NX_OK);
    assert_memory_equal(&got, &incident, sizeof(got));
    assert_int_equal(nx_store_incident_close(f->store, 1, 900), NX_OK);
    assert_int_equal(nx_store_incidents(f->store, see_incident, &got), NX_OK);
    assert_int_equal(got.closed_us, 900);
    assert_sql(f, "SELECT name || ' ' || type FROM incident_item WHERE item=1",
               "www.example.com. AAAA");
    assert_int_equal(nx_store_incident_drop(f->store, 1), NX_OK);
    assert_sql(f, "SELECT count(*) FROM incident_item", "0");
    /* An id is never given twice. */
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(incident.id, 2);
}

static void see_closed(void *user, uint32_t id, const char *document) {
    char *seen = user;
    size_t n = strlen(seen);
    (void)snprintf(seen + n, 64 - n, "%u%s ", id, document);
}

/* Parts count when their incident is closed, and no more of them than it was
 * closed with. */
static void test_closed_in_parts(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    char seen[64] = "";
    open_store(f);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    }
    for (uint32_t part = 0; part < 4; part++) {
        assert_int_equal(
            nx_store_closed_part_put(f->store, 1, 3 - part, "old", 3), NX_OK);
        assert_int_equal(nx_store_closed_part_put(f->store, 2, part, "x", 1),
                         NX_OK);
    }
    assert_int_equal(nx_store_closed_part_put(f->store, 1, 1, "bc", 2), NX_OK);
    assert_int_equal(nx_store_closed_part_put(f->store, 1, 0, "a", 1), NX_OK);
    assert_int_equal(nx_store_closed_statuses(f->store, 9, see_closed, seen),
                     NX_OK);
    assert_string_equal(seen, "");
    assert_int_equal(nx_store_incident_close(f->store, 1, 900), NX_OK);
    assert_int_equal(nx_store_closed_status_put(f->store, 1, 2, "d"), NX_OK);
    assert_int_equal(nx_store_incident_close(f->store, 3, 800), NX_OK);
    assert_int_equal(nx_store_closed_status_put(f->store, 3, 0, "e"), NX_OK);
    assert_int_equal(nx_store_closed_statuses(f->store, 9, see_closed, seen),
                     NX_OK);
    assert_string_equal(seen, "1abcd 3e ");
    assert_int_equal(nx_store_incident_drop(f->store, 2), NX_OK);
    assert_sql(f, "SELECT count(*) FROM closed_part", "2");
}

/* One address, a resolver on each of two links. */
/* Scopes, one after the other, as the digits of a number. */
static void see_scope(void *user, const struct nx_target_past *past) {
    uint32_t *scopes = user;
    assert_int_equal(past->question.to.address[0], 0xfe);
    *scopes = 10 * *scopes + past->question.to.scope_id;
}

static void test_targets_of_two_links(void **state) {
    static const uint8_t name[] = "\3www\7example\3com";
    uint32_t scopes = 0;
    struct fixture *f = *state;
    struct nx_question question = {.name = name, .qtype = NX_TYPE_A};
    struct nx_verdict verdict = {.basis = NX_BASIS_COUNTDOWN};
    assert_int_equal(nx_endpoint_parse("fe80::1", &question.to), NX_OK);
    open_store(f);
    struct nx_agent_record record = agent_record("lyon-1", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    struct nx_incident incident = incident_of("www.example.com");
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    for (unsigned i = 0; i < 4; i++) {
        enum nx_store_turn turn = NX_TURN_VOID;
        question.to.scope_id = 2 + i % 2;
        verdict.state = i % 2 == 0 ? NX_STATE_CLEAR : NX_STATE_CACHED_NXDOMAIN;
        assert_int_equal(nx_store_target_put(f->store, incident.id, 1,
                                             &question, &verdict, 100, 100 + i,
                                             &turn),
                         NX_OK);
        assert_int_equal(turn, NX_TURN_NONE); /* neither has turned */
    }
    assert_sql(f,
               "SELECT group_concat(resolver || ' ' || state, ', ') FROM "
               "(SELECT * FROM target ORDER BY resolver)",
               "[fe80::1%2]@53 clear, [fe80::1%3]@53 cached-nxdomain");
    assert_sql(f, "SELECT count(*) FROM transition", "2");
    assert_int_equal(nx_store_targets(f->store, see_scope, &scopes), 0);
    assert_true(scopes == 23 || scopes == 32);
}

static void test_target(void **state) {
    struct fixture *f = *state;
    uint8_t name[NX_DNAME_MAX];
    struct nx_question question = {.name = name, .qtype = NX_TYPE_A};
    struct nx_verdict verdict = {.state = NX_STATE_CACHED_NXDOMAIN,
                                 .basis = NX_BASIS_COUNTDOWN,
                                 .denied_ratio = 0.5,
                                 .last_look_us = 10};
    verdict.eta = (struct nx_eta){.known = true,
                                  .point_us = INT64_C(1700000000000000),
                                  .lo90_us = INT64_C(1699999999000000),
                                  .hi90_us = INT64_C(1700000001000000)};
    verdict.dist = (struct nx_dist){.known = true,
                                    .prior_used = true,
                                    .prior_a_us = INT64_C(1699999999000000),
                                    .prior_b_us = INT64_C(1700000001000000)};
    verdict.hard.reason = NX_HARD_AUTH_WINDOW;
    verdict.hard.at_us = INT64_C(1700000900000000);
    assert_int_equal(nx_dname_parse("b\\010d.example.com", name), NX_OK);
    assert_int_equal(nx_endpoint_parse("192.0.2.1", &question.to), NX_OK);
    open_store(f);
    struct nx_agent_record record = agent_record("lyon-1", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    for (unsigned i = 0; i < 3; i++) { /* the same again adds nothing */
        assert_int_equal(nx_store_target_put(f->store, 7, 1, &question,
                                             &verdict, 100, 100 + i, NULL),
                         NX_OK);
    }
    assert_sql(f, "SELECT count(*) FROM transition", "1");
    assert_sql(f, "SELECT from_state FROM transition", "NULL");
    assert_sql(f, "SELECT count(*) FROM forecast", "1");
    assert_sql(f, "SELECT since_us FROM target", "100");
    verdict.eta.point_us += 900000; /* within a second */
    assert_int_equal(nx_store_target_put(f->store, 7, 1, &question, &verdict,
                                         200, 200, NULL),
                     NX_OK);
    assert_sql(f, "SELECT count(*) FROM forecast", "1");
    verdict.eta.point_us += 1000001;
    verdict.state = NX_STATE_CLEAR;
    verdict.denied_ratio = -1;
    assert_int_equal(nx_store_target_put(f->store, 7, 1, &question, &verdict,
                                         300, 300, NULL),
                     NX_OK);
    assert_sql(f, "SELECT count(*) FROM forecast", "2");
    assert_sql(f,
               "SELECT from_state || ' ' || to_state || ' ' || at_us FROM "
               "transition ORDER BY transition_id DESC",
               "cached-nxdomain clear 300");
    assert_sql(f, "SELECT denied_ratio FROM target", "NULL");
    assert_sql(f,
               "SELECT agent || ' ' || resolver || ' ' || name || ' ' || type "
               "|| ' ' || clears FROM target_text",
               "lyon-1 192.0.2.1@53 b\\010d.example.com. A "
               "2023-11-14T22:13:21.900Z");
}

static void test_authority(void **state) {
    struct fixture *f = *state;
    struct nx_auth_facts facts = {.outage_lo_us = 5,
                                  .restored_lo_us = NX_TIME_UNKNOWN,
                                  .restored_hi_us = NX_TIME_UNKNOWN,
                                  .ns_total = 4,
                                  .ns_negative = 1};
    open_store(f);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(nx_store_authority_put(f->store, 7, 0, &facts, 10 + i),
                         NX_OK);
        assert_int_equal(nx_store_authority_put(f->store, 7, 1, &facts, 10 + i),
                         NX_OK);
    }
    assert_sql(f, "SELECT count(*) FROM authority_fact", "2");
    facts.all_ns_good = true;
    facts.serial_known = true;
    facts.serial_restored = UINT32_MAX;
    assert_int_equal(nx_store_authority_put(f->store, 7, 0, &facts, 20), NX_OK);
    assert_sql(f, "SELECT count(*) FROM authority_fact", "3");
    assert_sql(f, "SELECT serial FROM authority_fact WHERE all_good",
               "4294967295");
}

static void hello_at(struct fixture *f, uint32_t agent_id, int64_t at_us) {
    static const uint8_t payload[] = {7};
    assert_int_equal(nx_store_hello_append(f->store, agent_id, at_us, payload,
                                           sizeof(payload)),
                     NX_OK);
}

/* A whole pass; how many slices it took. */
static unsigned retain(struct fixture *f, struct nx_store_retention *pass,
                       unsigned rows) {
    unsigned slices = 0;
    int more = 1;
    while (more == 1) {
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        more = nx_store_retain(f->store, pass, rows);
        assert_int_equal(nx_store_commit(f->store), NX_OK);
        slices++;
        assert_in_range(slices, 1, 100);
    }
    assert_int_equal(more, 0);
    return slices;
}

static void test_retention(void **state) {
    struct fixture *f = *state;
    const struct nx_stream_position at = {
        .acked_seq = 100, .received_n = 100, .dropped_n = 0};
    struct nx_agent_record record = agent_record("a", 'a');
    open_store(f);
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    hello_at(f, 1, 5);
    hello_at(f, 2, 6);
    for (unsigned i = 0; i < 10; i++) {
        struct nx_store_batch batch = batch_of(1 + 10 * i, 10, 10 + i);
        assert_int_equal(nx_store_batch_append(f->store, &batch), NX_OK);
    }
    hello_at(f, 1, 12);
    hello_at(f, 1, 30);
    assert_int_equal(nx_store_stream_put(f->store, 1, 77, &at, 20), NX_OK);
    struct nx_store_retention pass = {
        .log_before_us = 15, .history_before_us = 15, .now_us = 40};
    assert_true(retain(f, &pass, 2) >= 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_BATCH], 5);
    assert_int_equal(pass.deleted_n[NX_RETAIN_HELLO], 1);
    assert_sql(f, "SELECT min(received_us) || ' ' || count(*) FROM batch",
               "15 5");
    /* The last hello of each before that place is what a restart needs. */
    assert_sql(f,
               "SELECT group_concat(agent_id || '@' || received_us) FROM "
               "(SELECT * FROM hello ORDER BY hello_id)",
               "2@6,1@12,1@30");
    assert_sql(f, "SELECT acked_seq FROM stream", "100");
    /* Nothing more to do: another pass finds that out at once. */
    struct nx_store_retention again = {
        .log_before_us = 15, .history_before_us = 15, .now_us = 40};
    assert_in_range(retain(f, &again, 64), 1, 3);
    assert_int_equal(again.deleted_n[NX_RETAIN_BATCH], 0);
    assert_int_equal(again.deleted_n[NX_RETAIN_HELLO], 0);
}

/* They go with the log, but for the last one before what is kept, and that one
 * two weeks later. */
static void test_retention_of_profiles(void **state) {
    static const int64_t at_us[] = {10, 20, 30, 40};
    struct fixture *f = *state;
    struct nx_book_row row = {.network = "lyon"};
    struct nx_store_retention pass = {.log_before_us = 35, .now_us = 40};
    struct nx_store_retention late = {.log_before_us = 35 + NX_BOOK_KEPT_US,
                                      .now_us = 40 + NX_BOOK_KEPT_US};
    nx_profile_default(&row.measured.profile);
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &row.at), NX_OK);
    open_store(f);
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    for (unsigned i = 0; i < 4; i++) {
        row.measured_us = at_us[i];
        assert_int_equal(nx_store_resolver_put(f->store, &row), NX_OK);
    }
    row.agent_id = 7; /* the last one of another, in the same moment */
    row.measured_us = 10;
    assert_int_equal(nx_store_resolver_put(f->store, &row), NX_OK);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
    (void)retain(f, &pass, 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_PROFILE], 2);
    assert_sql(f,
               "SELECT group_concat(agent_id || '@' || measured_us) FROM "
               "(SELECT * FROM resolver_profile ORDER BY measured_us)",
               "7@10,0@30,0@40");
    (void)retain(f, &late, 3);
    assert_sql(f, "SELECT group_concat(measured_us) FROM resolver_profile",
               "40");
}

static void test_retention_of_history(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    open_store(f);
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(nx_store_incident_close(f->store, 1, 900), NX_OK);
    sql(f->path, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
                 "n WHERE i < 20) INSERT INTO transition(incident_id, agent_id,"
                 "resolver, name, type, at_us, to_state) SELECT 1 + i % 2, 1, "
                 "'r', 'n', 'A', i, 's' FROM n");
    struct nx_store_retention pass = {.history_before_us = 11, .now_us = 20};
    (void)retain(f, &pass, 3);
    assert_int_equal(pass.deleted_n[NX_RETAIN_TRANSITION], 5);
    assert_sql(f, "SELECT count(*) FROM transition WHERE incident_id = 2",
               "10"); /* it is open */
    assert_sql(f, "SELECT min(at_us) FROM transition WHERE incident_id = 1",
               "12");
}

/* What is derived of incidents that were closed long ago goes, and who changed
 * what. */
static void test_retention_of_closed(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    open_store(f);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    }
    assert_int_equal(nx_store_incident_close(f->store, 1, 10), NX_OK);
    assert_int_equal(nx_store_incident_close(f->store, 2, 90), NX_OK);
    sql(f->path,
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < 29) INSERT INTO target(incident_id, agent_id, resolver, name, "
        "type, state, basis, since_us, changed_us) SELECT 1 + i / 10, 1, 'r' "
        "|| i, 'n', 'A', 's', 'b', 1, 1 FROM n");
    sql(f->path,
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < 29) INSERT INTO outcome(incident_id, agent_id, resolver, name, "
        "type, truth_hi_us, truth_lo_us, network, family, base, late, "
        "survive_s, exposure_s) SELECT 1 + i / 10, 1, 'r' || i, 'n', 'A', 1, "
        "1, 'w', 'f', 1, 1, 1, 1 FROM n");
    sql(f->path, "INSERT INTO door_log(at_us, who, action, subject, key, "
                 "detail) VALUES(5, 'w', 'a', 's', 'k', ''), (49, 'w', 'a', "
                 "'s', 'k', ''), (50, 'w', 'a', 's', 'k', '')");
    struct nx_store_retention pass = {.history_before_us = 50, .now_us = 99};
    assert_true(retain(f, &pass, 3) >= 8);
    assert_int_equal(pass.deleted_n[NX_RETAIN_TARGET], 10);
    assert_int_equal(pass.deleted_n[NX_RETAIN_OUTCOME], 10);
    assert_int_equal(pass.deleted_n[NX_RETAIN_DOOR], 2);
    assert_sql(f,
               "SELECT (SELECT group_concat(n) FROM (SELECT count(*) AS n FROM "
               "target GROUP BY incident_id)) || ' ' || (SELECT "
               "min(incident_id) FROM outcome) || ' ' || (SELECT min(at_us) "
               "FROM door_log)",
               "10,10 2 50");
}

/* Streams go by the time of their last change, some at a time, and what is
 * remembered of an agent's is the last of those times. */
static void test_retention_of_streams(void **state) {
    struct fixture *f = *state;
    const struct nx_stream_position at = {.acked_seq = 1, .received_n = 1};
    int64_t until_us = 0;
    struct nx_agent_record one = agent_record("a", 'a');
    struct nx_agent_record two = agent_record("b", 'b');
    open_store(f);
    assert_int_equal(nx_store_agent_put(f->store, &one), NX_OK);
    assert_int_equal(nx_store_agent_put(f->store, &two), NX_OK);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(nx_store_stream_put(f->store, 1 + i % 2,
                                             UINT64_MAX / 20 * i, &at, 1 + i),
                         NX_OK);
    }
    assert_int_equal(nx_store_forgotten(f->store, 1, &until_us), NX_ENOTFOUND);
    struct nx_store_retention pass = {.history_before_us = 11, .now_us = 20};
    assert_true(retain(f, &pass, 3) >= 7);
    assert_int_equal(pass.deleted_n[NX_RETAIN_STREAM], 10);
    assert_sql(f, "SELECT min(changed_us) || ' ' || count(*) FROM stream",
               "11 10");
    assert_int_equal(nx_store_forgotten(f->store, 1, &until_us), NX_OK);
    assert_int_equal(until_us, 9);
    assert_int_equal(nx_store_forgotten(f->store, 2, &until_us), NX_OK);
    assert_int_equal(until_us, 10);
}

static void expect_refused(struct fixture *f, int expected, const char *before,
                           const char *after) {
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        expected);
    assert_null(f->store);
    char message[4 * NX_STORE_WHY_MAX];
    snprintf(message, sizeof(message), "%s%s%s", before, f->path, after);
    assert_string_equal(f->why, message);
}

static void test_newer_schema(void **state) {
    struct fixture *f = *state;
    char after[NX_STORE_WHY_MAX];
    open_store(f);
    nx_store_close(&f->store);
    sql(f->path, "PRAGMA user_version = 1000");
    snprintf(after, sizeof(after),
             ": schema version 1000, this program knows %d: it was written by "
             "a newer nxclear-collector, start that one",
             nx_schema_newest());
    expect_refused(f, NX_EVERSION, "", after);
}

static const struct nx_store_options anyway = {.anyway = true};

static void count_incident(void *user, const struct nx_incident *incident) {
    (void)incident;
    ++*(unsigned *)user;
}

static void expect_incidents(struct fixture *f, unsigned expected) {
    unsigned n = 0;
    assert_int_equal(nx_store_incidents(f->store, count_incident, &n), NX_OK);
    assert_int_equal(n, expected);
}

/* Opened all the same where the cause may go away: nothing is written, and it
 * says so. */
static void expect_unwritable(struct fixture *f, int expected,
                              const char *words) {
    assert_int_equal(
        nx_store_open(f->path, &anyway, &f->store, f->why, sizeof(f->why)),
        NX_OK);
    assert_int_equal(nx_store_begin(f->store), expected);
    assert_non_null(strstr(nx_store_problem(f->store), words));
    assert_int_equal(nx_store_probe(f->store), expected);
    assert_non_null(strstr(nx_store_problem(f->store), words));
    assert_int_equal(nx_store_unwritable(f->store), expected);
}

/* What a newer version means by its rows is not known. */
static void test_newer_anyway(void **state) {
    struct fixture *f = *state;
    char back[64];
    open_store(f);
    nx_store_close(&f->store);
    sql(f->path, "INSERT INTO incident(incident_id, opened_us, outage_from_us, "
                 "outage_to_us, note) VALUES(7, 1, 0, 0, '');"
                 "PRAGMA user_version = 1000");
    expect_unwritable(f, NX_EVERSION, "written by a newer nxclear-collector");
    assert_true(nx_store_unread(f->store));
    expect_incidents(f, 0);
    snprintf(back, sizeof(back), "PRAGMA user_version = %d",
             nx_schema_newest());
    sql(f->path, back);
    assert_int_equal(nx_store_probe(f->store), NX_ESTATE);
    nx_store_close(&f->store);
    open_store(f);
    assert_false(nx_store_unread(f->store));
    assert_int_equal(nx_store_unwritable(f->store), NX_OK);
    expect_incidents(f, 1);
}

/* Another one that holds it for itself alone; whose file is replaced. */
static void test_locked_anyway(void **state) {
    struct fixture *f = *state;
    char aside[PATH_MAX_BYTES];
    sqlite3 *db = NULL;
    open_store(f);
    nx_store_close(&f->store);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA locking_mode = EXCLUSIVE;"
                                  "DELETE FROM probe",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    expect_unwritable(f, NX_EAGAIN, "locked by another program");
    assert_true(nx_store_unread(f->store));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    snprintf(aside, sizeof(aside), "%s-aside", f->path);
    assert_int_equal(rename(f->path, aside), 0);
    struct nx_store *other = NULL;
    char why[NX_STORE_WHY_MAX];
    assert_int_equal(nx_store_open(f->path, &anyway, &other, why, sizeof(why)),
                     NX_OK); /* a new one, in another one's hands */
    assert_int_equal(nx_store_probe(f->store), NX_EAGAIN);
    nx_store_close(&other);
    assert_int_equal(nx_store_probe(f->store), NX_ESTATE);
    assert_int_equal(nx_store_open(f->path, &anyway, &other, why, sizeof(why)),
                     NX_ESTATE); /* which is locked now */
    assert_int_equal(unlink(aside), 0);
}

/* That is not to be mended by waiting. */
static void test_refused_anyway(void **state) {
    struct fixture *f = *state;
    sql(f->path, "CREATE TABLE theirs(a)");
    assert_int_equal(
        nx_store_open(f->path, &anyway, &f->store, f->why, sizeof(f->why)),
        NX_EMALFORMED);
    assert_non_null(strstr(f->why, "some other program's"));
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(fputs("no database", file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(
        nx_store_open(f->path, &anyway, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "damaged"));
}

/* What the first release wrote becomes what this one reads. */
static void test_older_schema(void **state) {
    struct fixture *f = *state;
    char newest[8];
    sql(f->path, nx_schema_step(1));
    sql(f->path, "PRAGMA application_id = 1853383532; PRAGMA user_version = 1;"
                 "INSERT INTO agent VALUES(3, 'k', 'lyon-1', 'lyon', 'network',"
                 " 'accepted', '', 9);"
                 "INSERT INTO stream VALUES(3, 5, 40, 40, 0, 9);"
                 "INSERT INTO incident VALUES(7, 1, NULL, 0, 0, NULL, 'kept');"
                 "INSERT INTO target(incident_id, agent_id, resolver, name, "
                 "type, state, basis, since_us, changed_us) SELECT 7, 3, "
                 "value, 'www.example.com', 'A', 'clear', 'none', 1, 1 FROM "
                 "json_each('[\"[fe80::1]@53\", \"[2001:db8::1]@53\"]')");
    open_store(f);
    snprintf(newest, sizeof(newest), "%d", nx_schema_newest());
    assert_sql(f, "PRAGMA user_version", newest);
    assert_sql(f, "SELECT note FROM incident", "kept");
    assert_sql(f, "SELECT name || ' ' || state FROM agent WHERE agent_id = 3",
               "lyon-1 accepted");
    assert_sql(f, "SELECT acked_seq FROM stream WHERE agent_id = 3", "40");
    assert_sql(f, "SELECT count(*) FROM pragma_foreign_key_check", "0");
    assert_sql(f, "SELECT count(*) FROM hello", "0");
    assert_sql(f, "SELECT group_concat(resolver) FROM target",
               "[2001:db8::1]@53"); /* one of which link? */
    assert_sql(f,
               "SELECT count(digest) FROM (SELECT digest FROM agent UNION ALL "
               "SELECT digest FROM stream UNION ALL SELECT digest FROM "
               "incident)",
               "3");
}

static void see_old(void *user, const struct nx_book_row *row) {
    struct nx_book_row *out = user;
    assert_int_equal(row->agent_id, 0);
    *out = *row;
}

/* A resolver of whom it was said that it asks no other one. */
static void test_older_profile(void **state) {
    struct fixture *f = *state;
    struct nx_book_row back = {.measured_us = 0};
    int version = 1;
    for (; strstr(nx_schema_step(version), "bogus_ede") == NULL; version++) {
        sql(f->path, nx_schema_step(version));
    }
    sql(f->path,
        "INSERT INTO resolver_profile(network, resolver, scope_id, "
        "measured_us, soa_clock, rounding, rd0, chain, past_ttl, caches, "
        "caches_seen, early_window_s, never_decrements, soa_shown, "
        "rewrites_nxdomain) VALUES('lyon', '192.168.1.1@53', 0, 9, 'own', 'F', "
        "'refused', 'none', 'never', 1, 1, 0, 0, 1, 0);"
        "PRAGMA application_id = 1853383532");
    char mark[64];
    (void)snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", version - 1);
    sql(f->path, mark);
    open_store(f);
    assert_int_equal(nx_store_resolvers(f->store, 9, see_old, &back), NX_OK);
    assert_int_equal(back.measured_us, 9);
    assert_int_equal(back.measured.chain, NX_CHAIN_OWN);
    assert_int_equal(back.measured.bogus, NX_BOGUS_UNKNOWN);
    assert_false(back.measured.bogus_ede_seen);
}

static void test_foreign_database(void **state) {
    struct fixture *f = *state;
    sql(f->path, "CREATE TABLE music(title TEXT)");
    expect_refused(f, NX_EMALFORMED, "", ": is some other program's database");
    sql(f->path, "PRAGMA user_version = 1");
    expect_refused(f, NX_EMALFORMED, "", ": is some other program's database");
}

static void write_at(const char *path, long at, const char *bytes, size_t n) {
    FILE *file = fopen(path, "r+b");
    if (file == NULL) {
        file = fopen(path, "wb");
    }
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void test_not_a_database(void **state) {
    struct fixture *f = *state;
    write_at(f->path, 0, "This is a letter to my aunt, not a database.", 44);
    expect_refused(f, NX_EIO, "store ",
                   ": damaged: nxclear-collector(8) says how to repair it or "
                   "put a backup in its place (file is not a database)");
}

static void test_damaged(void **state) {
    struct fixture *f = *state;
    char zeros[8192] = {0};
    open_store(f);
    struct nx_agent_record record = agent_record("a", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    nx_store_close(&f->store);
    for (long page = 1; page < 6; page++) {
        write_at(f->path, page * 8192, zeros, sizeof(zeros));
    }
    for (int any = 0; any < 4; any++) { /* nor only to be read */
        const struct nx_store_options check = {.check = any < 2,
                                               .anyway = any % 2 != 0};
        f->why[0] = '\0';
        assert_int_equal(
            nx_store_open(f->path, &check, &f->store, f->why, sizeof(f->why)),
            NX_EIO);
        assert_null(f->store);
        assert_non_null(strstr(f->why, "damaged: nxclear-collector(8)"));
    }
}

/* It is not even brought up to date. */
static void test_damaged_and_older(void **state) {
    struct fixture *f = *state;
    const struct nx_store_options check = {.check = true, .anyway = true};
    char mark[96];
    char before[24];
    char after[24];
    char zeros[4096] = {0};
    for (int version = 1; version < nx_schema_newest(); version++) {
        sql(f->path, nx_schema_step(version));
    }
    (void)snprintf(mark, sizeof(mark),
                   "PRAGMA application_id = 1853383532;"
                   "PRAGMA user_version = %d",
                   nx_schema_newest() - 1);
    sql(f->path, mark);
    for (long page = 1; page < 6; page++) {
        write_at(f->path, page * 4096, zeros, sizeof(zeros));
    }
    ask(f->path, "PRAGMA user_version", before, sizeof(before));
    assert_int_equal(
        nx_store_open(f->path, &check, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "damaged: nxclear-collector(8)"));
    ask(f->path, "PRAGMA user_version", after, sizeof(after));
    assert_string_equal(after, before);
    /* Without the check it is, and then rows are looked at. */
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    ask(f->path, "PRAGMA user_version", after, sizeof(after));
    assert_string_not_equal(after, before);
}

/* A bit of the words that say what the tables are. */
static void test_damaged_words(void **state) {
    struct fixture *f = *state;
    struct nx_retained_kept kept;
    open_store(f);
    nx_store_close(&f->store);
    sql(f->path, "ALTER TABLE retained RENAME COLUMN by_us TO cy_us");
    open_store(f);
    assert_int_equal(nx_store_retained_get(f->store, &kept), NX_EIO);
    assert_non_null(
        strstr(nx_store_problem(f->store), "damaged: nxclear-collector(8)"));
    nx_store_close(&f->store);
    /* Of those that are looked at first. */
    sql(f->path, "ALTER TABLE agent RENAME COLUMN network TO netwobk");
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "damaged: nxclear-collector(8)"));
}

static void test_locked(void **state) {
    struct fixture *f = *state;
    struct nx_store *second = NULL;
    open_store(f);
    assert_int_equal(
        nx_store_open(f->path, &plain, &second, f->why, sizeof(f->why)),
        NX_ESTATE);
    assert_null(second);
    assert_non_null(strstr(f->why, "is open in another nxclear-collector"));
    /* An operator's long transaction is no reason to stop for ever. */
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(nx_store_begin(f->store), NX_EAGAIN);
    assert_non_null(strstr(nx_store_problem(f->store), "locked"));
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(nx_store_probe(f->store), NX_OK);
}

static void test_full(void **state) {
    struct fixture *f = *state;
    open_store(f); /* with a schema, 25 pages or so */
    nx_store_close(&f->store);
    const struct nx_store_options tight = {.max_pages = 60};
    assert_int_equal(
        nx_store_open(f->path, &tight, &f->store, f->why, sizeof(f->why)),
        NX_OK);
    static uint8_t payload[65536];
    uint64_t committed = 0;
    int err = NX_OK;
    for (unsigned i = 0; err == NX_OK && i < 100; i++) {
        struct nx_store_batch batch = batch_of(1 + i, 1, i);
        batch.payload = payload;
        batch.payload_len = sizeof(payload);
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        err = nx_store_batch_append(f->store, &batch);
        if (err == NX_OK) {
            err = nx_store_commit(f->store);
            committed += err == NX_OK;
        }
        nx_store_rollback(f->store);
    }
    assert_int_equal(err, NX_EFULL);
    assert_true(committed > 0 && committed < 10);
    assert_non_null(strstr(nx_store_problem(f->store), "no space left"));
    assert_int_equal(nx_store_probe(f->store), NX_EFULL);
    /* Reading goes on, and nothing half-written is there. */
    char expected[24];
    snprintf(expected, sizeof(expected), "%u", (unsigned)committed);
    assert_sql(f, "SELECT count(*) FROM batch", expected);
    nx_store_close(&f->store);
    open_store(f); /* more room now */
    assert_int_equal(nx_store_probe(f->store), NX_OK);
}

static void test_no_folder(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/none/x.db", f->folder);
    assert_int_equal(
        nx_store_open(path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EDENIED);
    assert_non_null(strstr(f->why, "No such file or directory"));
}

struct history {
    int64_t ids[8];
    size_t n;
    char last_to[40];
};

static void note_transition(void *user, const struct nx_store_transition *row) {
    struct history *h = user;
    assert_in_range(h->n, 0, 7);
    h->ids[h->n++] = row->id;
    snprintf(h->last_to, sizeof(h->last_to), "%s", row->to_state);
}

static struct history history_of(struct fixture *f, const char *network,
                                 int64_t after, unsigned n_max) {
    struct history h = {.n = 0};
    assert_int_equal(nx_store_transition_page(f->store, 1, network, after,
                                              n_max, note_transition, &h),
                     NX_OK);
    return h;
}

static void test_transitions_in_pages(void **state) {
    struct fixture *f = *state;
    open_store(f);
    sql(f->path,
        "INSERT INTO agent(agent_id, key, name, network, role, state, address, "
        "changed_us) VALUES(1, 'k1', 'a', 'lyon', 'network', "
        "'accepted', '', 0), (2, 'k2', 'b', 'oslo', 'network', 'accepted', "
        "'', 0); INSERT INTO transition VALUES"
        "(1, 1, 1, 'r', 'n.', 'A', 10, NULL, 'unknown'),"
        "(2, 1, 2, 'r', 'n.', 'A', 11, NULL, 'clear'),"
        "(3, 2, 1, 'r', 'n.', 'A', 12, NULL, 'clear'),"
        "(4, 1, 1, 'r', 'n.', 'A', 13, 'unknown', 'cached-nxdomain')");
    struct history h = history_of(f, NULL, 0, 2);
    assert_int_equal(h.n, 2);
    h = history_of(f, NULL, h.ids[1], 2);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.ids[0], 4);
    assert_string_equal(h.last_to, "cached-nxdomain");
    assert_int_equal(history_of(f, "lyon", 0, 8).n, 2);
    assert_int_equal(history_of(f, "none", 0, 8).n, 0);
}

int main(void) {
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_transitions_in_pages),
        WITH_STORE(test_log_survives),
        WITH_STORE(test_rollback),
        WITH_STORE(test_agents),
        WITH_STORE(test_resolver_profiles),
        WITH_STORE(test_older_profile),
        WITH_STORE(test_resolver_profiles_are_forgotten),
        WITH_STORE(test_retention_of_profiles),
        WITH_STORE(test_labels),
        WITH_STORE(test_tokens),
        WITH_STORE(test_incidents),
        WITH_STORE(test_closed_in_parts),
        WITH_STORE(test_target),
        WITH_STORE(test_targets_of_two_links),
        WITH_STORE(test_authority),
        WITH_STORE(test_retention),
        WITH_STORE(test_retention_of_history),
        WITH_STORE(test_retention_of_closed),
        WITH_STORE(test_retention_of_streams),
        WITH_STORE(test_newer_schema),
        WITH_STORE(test_newer_anyway),
        WITH_STORE(test_locked_anyway),
        WITH_STORE(test_refused_anyway),
        WITH_STORE(test_older_schema),
        WITH_STORE(test_foreign_database),
        WITH_STORE(test_not_a_database),
        WITH_STORE(test_damaged),
        WITH_STORE(test_damaged_and_older),
        WITH_STORE(test_damaged_words),
        WITH_STORE(test_locked),
        WITH_STORE(test_full),
        WITH_STORE(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
