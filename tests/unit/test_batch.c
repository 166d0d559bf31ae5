#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/batch.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)

static uint8_t www[NX_DNAME_MAX];
static uint8_t zone[NX_DNAME_MAX];
static const struct nx_clock_sample clock_sample = {.mono_us = 90 * S,
                                                    .wall_us = 1700000000 * S};

static int setup(void **state) {
    (void)state;
    return nx_dname_parse("www.example.com", www) |
           nx_dname_parse("example.com", zone);
}

static struct nx_question question(unsigned resolver) {
    struct nx_question q = {.name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD};
    q.to.address_len = 4;
    q.to.address[0] = 10;
    q.to.address[2] = (uint8_t)(resolver >> 8);
    q.to.address[3] = (uint8_t)resolver;
    q.to.port = 53;
    q.to.layer = NX_LAYER_NETWORK;
    return q;
}

static struct nx_answer denial(uint32_t serial) {
    return (struct nx_answer){.outcome = NX_ANSWERED,
                              .rcode = NX_RCODE_NXDOMAIN,
                              .flags = NX_ANS_RA | NX_ANS_SOA,
                              .soa_owner = zone,
                              .soa_serial = serial,
                              .soa_minimum_s = 45};
}

static struct nx_obs observe(const struct nx_question *q,
                             const struct nx_answer *a, unsigned i) {
    return (struct nx_obs){.question = q,
                           .answer = a,
                           .tx_mono_us = 80 * S + (int64_t)i * 1000,
                           .rx_mono_us = 80 * S + (int64_t)i * 1000 + 500,
                           .soa_ttl_s = 45 - i % 45,
                           .src_port = (uint16_t)(20000 + i)};
}

static struct nx_batcher *new_batcher(unsigned max_results) {
    struct nx_batcher *b = NULL;
    assert_int_equal(nx_batcher_new(7, 1, max_results, 500, &b), NX_OK);
    return b;
}

struct unpacked {
    uint8_t *bytes;
    size_t len;
    uint64_t first_seq;
    size_t n;
    void *memory;
    struct nx_up up;
};

static void close_and_unpack(struct nx_batcher *b, struct unpacked *out) {
    struct nx_arena arena;
    const char *why = "";
    assert_int_equal(nx_batcher_close(b, &clock_sample, &out->bytes, &out->len,
                                      &out->first_seq, &out->n),
                     NX_OK);
    out->memory = malloc(NX_UNPACK_ARENA_BYTES);
    assert_non_null(out->memory);
    nx_arena_init(&arena, out->memory, NX_UNPACK_ARENA_BYTES);
    assert_int_equal(
        nx_codec_unpack_up(out->bytes, out->len, &arena, &out->up, &why),
        NX_OK);
    assert_int_equal(out->up.kind, NX_UP_BATCH);
    assert_int_equal(out->up.u.batch.obs_n, out->n);
    assert_int_equal(out->up.u.batch.first_seq, out->first_seq);
    assert_int_equal(out->up.u.batch.epoch, 7);
}

static void free_unpacked(struct unpacked *u) {
    free(u->bytes);
    free(u->memory);
}

static void test_dictionary(void **state) {
    (void)state;
    struct nx_batcher *b = new_batcher(200);
    struct unpacked got;
    for (unsigned i = 0; i < 200; i++) {
        struct nx_question q = question(i % 5);
        struct nx_answer a = denial(i % 3);
        struct nx_obs obs = observe(&q, &a, i);
        assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_OK);
        memset(&q, 0xff, sizeof(q)); /* copied deeply */
        memset(&a, 0xff, sizeof(a));
    }
    assert_true(nx_batcher_due(b, INT64_MIN, 80 * S));
    struct nx_question q = question(1);
    struct nx_answer a = denial(1);
    struct nx_obs obs = observe(&q, &a, 200);
    assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_EFULL);
    close_and_unpack(b, &got);
    const struct nx_batch *batch = &got.up.u.batch;
    assert_int_equal(batch->questions_n, 5);
    assert_int_equal(batch->answers_n, 3);
    assert_true(got.len <= 200 * 18);
    for (unsigned i = 0; i < 200; i++) {
        struct nx_question want_q = question(i % 5);
        struct nx_answer want_a = denial(i % 3);
        struct nx_obs want = observe(&want_q, &want_a, i);
        const struct nx_obs *o = &batch->obs[i];
        assert_true(nx_endpoint_equal(&o->question->to, &want_q.to));
        assert_true(nx_answer_equal(o->answer, &want_a));
        assert_int_equal(o->tx_mono_us, want.tx_mono_us);
        assert_int_equal(o->rx_mono_us, want.rx_mono_us);
        assert_int_equal(o->soa_ttl_s, want.soa_ttl_s);
        assert_int_equal(o->src_port, want.src_port);
    }
    free_unpacked(&got);
    assert_int_equal(nx_batcher_next_seq(b), 201);
    assert_int_equal(nx_batcher_add(b, &obs, 81 * S), NX_OK);
    close_and_unpack(b, &got);
    assert_int_equal(got.first_seq, 201);
    free_unpacked(&got);
    nx_batcher_free(&b);
}

static void test_age(void **state) {
    (void)state;
    struct nx_batcher *b = new_batcher(10);
    struct nx_question q = question(1);
    struct nx_answer a = denial(1);
    struct nx_obs obs = observe(&q, &a, 0);
    uint8_t *bytes = NULL;
    size_t len = 0;
    size_t n = 0;
    uint64_t seq = 0;
    assert_false(nx_batcher_due(b, INT64_MIN, 1000 * S));
    assert_int_equal(nx_batcher_due_at(b, INT64_MIN), INT64_MAX);
    assert_int_equal(nx_batcher_close(b, &clock_sample, &bytes, &len, &seq, &n),
                     NX_ESTATE);
    assert_int_equal(nx_batcher_add(b, &obs, 10 * S), NX_OK);
    assert_int_equal(nx_batcher_add(b, &obs, 11 * S), NX_OK);
    assert_int_equal(nx_batcher_due_at(b, INT64_MIN), 10 * S + 500000);
    assert_false(nx_batcher_due(b, INT64_MIN, 10 * S + 499999));
    assert_true(nx_batcher_due(b, INT64_MIN, 10 * S + 500000));
    /* While acks are slow it goes on growing, for so long. */
    int64_t most_us = 10 * S + 500000 + NX_BATCH_HOLD_US;
    assert_false(nx_batcher_due(b, INT64_MAX, most_us - 1));
    assert_true(nx_batcher_due(b, INT64_MAX, most_us));
    assert_int_equal(nx_batcher_due_at(b, 11 * S), 11 * S);
    assert_int_equal(nx_batcher_due_at(b, 10 * S), 10 * S + 500000);
    assert_int_equal(nx_batcher_abandon(b, &seq), 2);
    assert_int_equal(seq, 1);
    assert_int_equal(nx_batcher_open_n(b), 0);
    assert_int_equal(nx_batcher_next_seq(b), 3);
    nx_batcher_free(&b);
}

/* However large the answers: every batch stays below the limit of a message,
 * and no result is lost. */
static void test_large_answers(void **state) {
    (void)state;
    static uint8_t rdata[NX_ANSWER_RDATA_MAX];
    struct nx_batcher *b = new_batcher(NX_BATCH_OBS_MAX);
    struct unpacked got;
    uint64_t next = 1;
    for (unsigned i = 0; i < 3000; i++) {
        struct nx_question q = question(i);
        struct nx_answer a = {.outcome = NX_ANSWERED,
                              .flags = NX_ANS_RDATA,
                              .rdata = rdata,
                              .rdata_len = sizeof(rdata),
                              .rdata_n = 1};
        rdata[0] = (uint8_t)((sizeof(rdata) - 2) >> 8);
        rdata[1] = (uint8_t)(sizeof(rdata) - 2);
        rdata[2] = (uint8_t)(i >> 8);
        rdata[3] = (uint8_t)i;
        struct nx_obs obs = observe(&q, &a, i);
        if (nx_batcher_add(b, &obs, 80 * S) == NX_OK) {
            continue;
        }
        close_and_unpack(b, &got);
        assert_int_equal(got.first_seq, next);
        assert_true(got.n > 50 && got.len < NX_MSG_MAX_BYTES - 64);
        next += got.n;
        free_unpacked(&got);
        assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_OK);
    }
    close_and_unpack(b, &got);
    assert_int_equal(next + got.n, 3001);
    free_unpacked(&got);
    nx_batcher_free(&b);
}

/* Small answers that are all different: the counts bound the batch. */
static void test_many_names(void **state) {
    (void)state;
    struct nx_batcher *b = new_batcher(NX_BATCH_OBS_MAX);
    struct unpacked got;
    size_t total = 0;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t name[NX_DNAME_MAX];
        uint8_t owner[NX_DNAME_MAX];
        char text[32];
        (void)snprintf(text, sizeof(text), "n%u", i);
        assert_int_equal(nx_dname_parse(text, name), NX_OK);
        (void)snprintf(text, sizeof(text), "z%u", i);
        assert_int_equal(nx_dname_parse(text, owner), NX_OK);
        struct nx_question q = question(i);
        struct nx_answer a = denial(i);
        q.name = name;
        a.soa_owner = a.denied_name = a.ns_owner = owner;
        struct nx_obs obs = observe(&q, &a, i);
        if (nx_batcher_add(b, &obs, 80 * S) != NX_OK) {
            close_and_unpack(b, &got);
            total += got.n;
            free_unpacked(&got);
            assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_OK);
        }
    }
    close_and_unpack(b, &got);
    assert_int_equal(total + got.n, 5000);
    free_unpacked(&got);
    nx_batcher_free(&b);
}

static void test_delegation(void **state) {
    (void)state;
    struct nx_batcher *b = new_batcher(10);
    struct nx_question q = question(1);
    struct nx_answer a = denial(1);
    struct nx_obs obs = observe(&q, &a, 0);
    struct nx_endpoint servers[2] = {question(1).to, question(2).to};
    struct nx_delegation d = {.name = www,
                              .apex = zone,
                              .ns_ttl_s = 300,
                              .servers = servers,
                              .servers_n = 2,
                              .problems = NX_DELEG_LAME,
                              .at_mono_us = 70 * S};
    struct unpacked got;
    servers[0].server_name = servers[1].server_name = zone;
    servers[0].layer = servers[1].layer = NX_LAYER_AUTHORITY;
    assert_int_equal(nx_batcher_add_delegation(b, &d), NX_OK);
    d.problems = 0;
    d.unasked_n = 2;
    d.glue = NX_GLUE_DIFFERS;
    assert_int_equal(nx_batcher_add_delegation(b, &d), NX_OK);
    /* It waits for a result to travel with. */
    assert_false(nx_batcher_due(b, INT64_MIN, 1000 * S));
    assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_OK);
    memset(servers, 0, sizeof(servers));
    close_and_unpack(b, &got);
    const struct nx_batch *batch = &got.up.u.batch;
    assert_int_equal(batch->delegations_n, 1);
    assert_int_equal(batch->delegations[0].problems, 0);
    assert_int_equal(batch->delegations[0].unasked_n, 2);
    assert_int_equal(batch->delegations[0].glue, NX_GLUE_DIFFERS);
    assert_int_equal(batch->delegations[0].servers_n, 2);
    assert_true(
        nx_dname_equal(batch->delegations[0].servers[1].server_name, zone));
    assert_int_equal(batch->delegations[0].servers[1].address[3], 2);
    free_unpacked(&got);
    nx_batcher_free(&b);
}

/* A walk that reaches nobody reports round after round without a result: the
 * batch must not fill up with that for ever. */
static void test_delegations_without_results(void **state) {
    (void)state;
    struct nx_batcher *b = new_batcher(10);
    struct nx_question q = question(1);
    struct nx_answer a = denial(1);
    struct nx_obs obs = observe(&q, &a, 0);
    struct nx_endpoint servers[NX_DELEG_SERVERS_MAX];
    struct nx_delegation d = {.name = www,
                              .apex = zone,
                              .servers = servers,
                              .servers_n = NX_DELEG_SERVERS_MAX};
    struct unpacked got;
    for (unsigned i = 0; i < NX_DELEG_SERVERS_MAX; i++) {
        servers[i] = question(i).to;
        servers[i].server_name = zone;
    }
    for (unsigned i = 0; i < 2000; i++) {
        d.at_mono_us = (int64_t)i;
        d.servers_n = NX_DELEG_SERVERS_MAX - i % 2;
        assert_int_equal(nx_batcher_add_delegation(b, &d), NX_OK);
    }
    assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_OK);
    close_and_unpack(b, &got);
    assert_int_equal(got.up.u.batch.delegations_n, 1);
    assert_int_equal(got.up.u.batch.delegations[0].at_mono_us, 1999);
    free_unpacked(&got);
    nx_batcher_free(&b);
}

/* Nor may they keep a result out, wherever the brim is. */
static void test_result_goes_before_delegations(void **state) {
    (void)state;
    static uint8_t rdata[NX_ANSWER_RDATA_MAX] = {1022 >> 8, 1022 & 0xff};
    struct nx_question q = question(1);
    struct nx_answer a = {.outcome = NX_ANSWERED,
                          .flags = NX_ANS_RDATA,
                          .rdata = rdata,
                          .rdata_len = sizeof(rdata),
                          .rdata_n = 1};
    struct nx_obs obs = observe(&q, &a, 0);
    struct nx_delegation d = {.name = www};
    for (unsigned n = 900; n < 1200; n++) {
        struct nx_batcher *b = new_batcher(10);
        for (unsigned i = 0; i < n; i++) {
            d.apex = i % 2 == 0 ? zone : www;
            assert_int_equal(nx_batcher_add_delegation(b, &d), NX_OK);
        }
        assert_int_equal(nx_batcher_add(b, &obs, 80 * S), NX_OK);
        nx_batcher_free(&b);
    }
}

static void test_ranges(void **state) {
    (void)state;
    struct nx_batcher *b = NULL;
    assert_int_equal(nx_batcher_new(1, 1, 0, 500, &b), NX_ERANGE);
    assert_int_equal(nx_batcher_new(1, 1, NX_BATCH_OBS_MAX + 1, 500, &b),
                     NX_ERANGE);
    assert_int_equal(nx_batcher_new(1, 0, 10, 500, &b), NX_ERANGE);
    assert_null(b);
}

/* Replies as they came are copied, stay with their looks, and have a limit. */
static void test_wires(void **state) {
    const struct nx_question q = question(1);
    const struct nx_answer a = denial(1);
    uint8_t octets[NX_OBS_WIRE_MAX];
    struct nx_batcher *b = new_batcher(200);
    struct unpacked u;
    (void)state;
    for (unsigned i = 0; i < 2 * NX_BATCH_WIRES_MAX; i++) {
        struct nx_obs obs = observe(&q, &a, i);
        memset(octets, (int)i, sizeof(octets));
        if (i % 2 == 1) {
            obs.wire = octets;
            obs.wire_len = (uint16_t)(sizeof(octets) - i);
        }
        assert_int_equal(nx_batcher_add(b, &obs, 90 * S), NX_OK);
    }
    struct nx_obs more = observe(&q, &a, 199);
    assert_int_equal(nx_batcher_add(b, &more, 90 * S), NX_OK);
    more.wire = octets;
    more.wire_len = 12;
    assert_int_equal(nx_batcher_add(b, &more, 90 * S), NX_EFULL);
    close_and_unpack(b, &u);
    assert_int_equal(u.n, 2 * NX_BATCH_WIRES_MAX + 1);
    for (unsigned i = 0; i < u.n; i++) {
        const struct nx_obs *obs = &u.up.u.batch.obs[i];
        bool has = i % 2 == 1;
        assert_int_equal(obs->wire_len, has ? NX_OBS_WIRE_MAX - i : 0);
        for (unsigned k = 0; k < obs->wire_len; k++) {
            assert_int_equal(obs->wire[k], (uint8_t)i);
        }
    }
    free_unpacked(&u);
    assert_int_equal(nx_batcher_add(b, &more, 90 * S), NX_OK);
    nx_batcher_free(&b);
}

/* Longer ones, and none: refused before they are used. */
static void test_bad_wires(void **state) {
    const struct nx_question q = question(1);
    const struct nx_answer a = denial(1);
    static uint8_t octets[NX_OBS_WIRE_MAX + 1];
    static uint8_t block[NX_UNPACK_ARENA_BYTES];
    static uint8_t work[1024 * 1024];
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    struct nx_obs obs = observe(&q, &a, 0);
    struct nx_batch batch = {.epoch = 1,
                             .first_seq = 1,
                             .clock = clock_sample,
                             .questions = &q,
                             .questions_n = 1,
                             .answers = &a,
                             .answers_n = 1,
                             .obs = &obs,
                             .obs_n = 1};
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct nx_arena arena;
        struct nx_arena scratch;
        struct nx_up up;
        const char *why = "";
        size_t len = 0;
        obs.wire = octets;
        obs.wire_len = (uint16_t)(NX_OBS_WIRE_MAX + extra);
        nx_arena_init(&arena, block, sizeof(block));
        nx_arena_init(&scratch, work, sizeof(work));
        assert_int_equal(
            nx_codec_pack_batch(&batch, &scratch, bytes, sizeof(bytes), &len),
            0);
        assert_int_equal(nx_codec_unpack_up(bytes, len, &arena, &up, &why),
                         extra == 0 ? NX_OK : NX_ELIMIT);
        assert_string_equal(why, extra == 0 ? "" : "wire.reply: too long");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dictionary),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_large_answers),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_delegation),
        cmocka_unit_test(test_delegations_without_results),
        cmocka_unit_test(test_result_goes_before_delegations),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_wires),
        cmocka_unit_test(test_bad_wires),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
