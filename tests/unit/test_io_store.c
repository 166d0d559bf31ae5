/* The log, agents, tokens, profiles of resolvers and labels in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "collector/store/io_store_profiles.h"
#include "tests/lib/store_bench.h"

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
    assert_int_equal(nx_store_token_put(f->store, &one), NX_OK);
    assert_int_equal(nx_store_token_put(f->store, &two), NX_OK);
    assert_int_equal(two.id, one.id + 1);
    two.revoked_us = 8;
    assert_int_equal(nx_store_token_put(f->store, &two), NX_OK);
    assert_int_equal(nx_store_tokens(f->store, see_token, &list), NX_OK);
    assert_int_equal(list.n, 2);
    assert_memory_equal(&list.last, &two, sizeof(two));
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
    put_label(f, NX_LABELS_OF_NETWORK, "lyon", &l, NX_LABEL_SITE, "o'Lyon");
    put_label(f, NX_LABELS_OF_NETWORK, "lyon", &l, NX_LABEL_WEIGHT, "0.5");
    put_label(f, NX_LABELS_OF_AGENT, "lyon", &other, NX_LABEL_ASN, "64500");
    put_label(f, NX_LABELS_OF_NETWORK, "oslo", &other, NX_LABEL_ASN, "64501");
    nx_store_close(&f->store);
    sql(f, "INSERT INTO label VALUES('network', 'paris', 'colour', 'x', "
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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_log_survives),
        TEST(test_rollback),
        TEST(test_agents),
        TEST(test_tokens),
        TEST(test_resolver_profiles),
        TEST(test_resolver_profiles_are_forgotten),
        TEST(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
