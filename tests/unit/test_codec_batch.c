/* Batches of results: bytes and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/codec.h"
#include "common/hash.h"
#include "common/rrtype.h"
#include "tests/lib/newer_batch.h"

#define OBS_N 200U
#define RESOLVERS_N 5U

static uint8_t scratch_block[4U << 20];
static uint8_t unpack_block[NX_UNPACK_ARENA_BYTES];
static uint8_t message[NX_MSG_MAX_BYTES];

/* A batch as an incident makes it: five resolvers, one name, two types,
 * countdowns, answers and a timeout. */
struct sample {
    uint8_t name[NX_DNAME_MAX];
    uint8_t apex[NX_DNAME_MAX];
    uint8_t ns[NX_DNAME_MAX];
    struct nx_question questions[2 * RESOLVERS_N];
    struct nx_answer answers[4];
    struct nx_obs obs[OBS_N];
    struct nx_gap gap;
    struct nx_endpoint server;
    uint8_t side;
    struct nx_delegation delegation;
    struct nx_batch batch;
};

static const uint8_t address[] = {0, 4, 192, 0, 2, 10, 0, 4, 192, 0, 2, 11};

static void fill_tables(struct sample *s) {
    assert_int_equal(nx_dname_parse("www.example.com", s->name), 0);
    assert_int_equal(nx_dname_parse("example.com", s->apex), 0);
    assert_int_equal(nx_dname_parse("ns1.example.com", s->ns), 0);
    for (size_t i = 0; i < 2 * RESOLVERS_N; i++) {
        struct nx_question *q = &s->questions[i];
        q->name = s->name;
        q->qtype = i % 2 == 0 ? NX_TYPE_A : NX_TYPE_AAAA;
        q->flags = NX_Q_RD;
        q->udp_bytes = i == 1 ? 4096 : 0;
        assert_int_equal(nx_endpoint_parse("192.0.2.53@53", &q->to), 0);
        q->to.address[3] = (uint8_t)(53 + i / 2);
        q->to.layer = i < 2 ? NX_LAYER_UPSTREAM : NX_LAYER_NETWORK;
        q->to.withheld = i < 2;
    }
    for (size_t i = 0; i < 2; i++) {
        s->answers[i] =
            (struct nx_answer){.rcode = NX_RCODE_NXDOMAIN,
                               .flags = NX_ANS_SOA | NX_ANS_RA | NX_ANS_EDNS,
                               .soa_owner = s->apex,
                               .soa_serial = 2026112001U + (uint32_t)i,
                               .soa_minimum_s = 900};
    }
    s->answers[2] = (struct nx_answer){.flags = NX_ANS_RDATA | NX_ANS_RA,
                                       .rdata = address,
                                       .rdata_len = sizeof(address),
                                       .rdata_n = 2,
                                       .ede = {3, 19},
                                       .ede_n = 2,
                                       .nsid = s->apex,
                                       .nsid_len = 5,
                                       .over_tcp = true,
                                       .proof = {.inception = 4000000000U,
                                                 .expiration = 17,
                                                 .key_tag = 65535,
                                                 .algorithm = 13,
                                                 .signatures_n = 2,
                                                 .denial = NX_DENIAL_NSEC3,
                                                 .iterations = 10,
                                                 .denial_ttl_s = 3600}};
    s->answers[3] = (struct nx_answer){.outcome = NX_TIMEOUT};
}

static void fill_obs(struct sample *s) {
    uint64_t seed = 1;
    int64_t tx_us = INT64_C(86400) * 1000000;
    for (size_t i = 0; i < OBS_N; i++) {
        struct nx_obs *o = &s->obs[i];
        seed = nx_hash_u64(i, seed);
        tx_us += 40000 + (int64_t)(seed % 400000);
        size_t a = i % 17 == 16 ? 3 : i % 5 == 0 ? 2 : i % 2;
        o->question = &s->questions[seed % (2 * RESOLVERS_N)];
        o->answer = &s->answers[a];
        o->tx_mono_us = tx_us;
        o->rx_mono_us =
            tx_us + (a == 3 ? 2000000 : 300 + (int64_t)(seed % 9000));
        o->src_port = (uint16_t)(32768 + seed % 28000);
        uint32_t elapsed = (uint32_t)((tx_us / 1000000) % 900);
        o->soa_ttl_s = a < 2 ? 900 - elapsed : 0;
        o->answer_ttl_s = a == 2 ? 300 - elapsed % 300 : 0;
    }
}

static struct sample *sample_new(void) {
    struct sample *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    fill_tables(s);
    fill_obs(s);
    s->gap = (struct nx_gap){.from_seq = 3, .to_seq = 1000, .reason = 1};
    assert_int_equal(nx_endpoint_parse("198.51.100.1@53", &s->server), 0);
    s->server.layer = NX_LAYER_AUTHORITY;
    s->server.server_name = s->ns;
    s->side = NX_SIDE_CHILD;
    s->delegation = (struct nx_delegation){.name = s->name,
                                           .apex = s->apex,
                                           .parent = s->apex + 8,
                                           .ns_ttl_s = 3600,
                                           .servers = &s->server,
                                           .servers_n = 1,
                                           .sides = &s->side,
                                           .problems = NX_DELEG_LAME,
                                           .unasked_n = 3,
                                           .glue = NX_GLUE_MISSING,
                                           .at_mono_us = 77};
    s->batch =
        (struct nx_batch){.epoch = UINT64_C(0x8123456789abcdef),
                          .first_seq = 4001,
                          .clock = {.mono_us = INT64_C(86401) * 1000000,
                                    .wall_us = INT64_C(1795000000000000),
                                    .offset_us = -INT64_C(1794913600000000),
                                    .offset_error_us = 250,
                                    .offset_known = true},
                          .gaps = &s->gap,
                          .gaps_n = 1,
                          .delegations = &s->delegation,
                          .delegations_n = 1,
                          .questions = s->questions,
                          .questions_n = 2 * RESOLVERS_N,
                          .answers = s->answers,
                          .answers_n = 4,
                          .obs = s->obs,
                          .obs_n = OBS_N};
    return s;
}

static int pack(const struct nx_batch *batch, size_t *len) {
    struct nx_arena scratch;
    nx_arena_init(&scratch, scratch_block, sizeof(scratch_block));
    int err =
        nx_codec_pack_batch(batch, &scratch, message, sizeof(message), len);
    assert_int_equal(scratch.used_bytes, 0);
    return err;
}

static int unpack(const uint8_t *bytes, size_t len, struct nx_up *up,
                  const char **why) {
    struct nx_arena arena;
    nx_arena_init(&arena, unpack_block, sizeof(unpack_block));
    return nx_codec_unpack_up(bytes, len, &arena, up, why);
}

static void assert_obs_equal(const struct nx_obs *a, const struct nx_obs *b) {
    assert_true(nx_answer_equal(a->answer, b->answer));
    assert_true(nx_endpoint_equal(&a->question->to, &b->question->to));
    assert_true(nx_dname_equal(a->question->name, b->question->name));
    assert_int_equal(a->question->qtype, b->question->qtype);
    assert_int_equal(a->question->flags, b->question->flags);
    assert_int_equal(a->question->udp_bytes, b->question->udp_bytes);
    assert_int_equal(a->tx_mono_us, b->tx_mono_us);
    assert_int_equal(a->rx_mono_us, b->rx_mono_us);
    assert_int_equal(a->soa_ttl_s, b->soa_ttl_s);
    assert_int_equal(a->answer_ttl_s, b->answer_ttl_s);
    assert_int_equal(a->src_port, b->src_port);
}

static void batch_round_trips(void **state) {
    struct sample *s = sample_new();
    struct nx_up up;
    size_t len = 0;
    (void)state;
    assert_int_equal(pack(&s->batch, &len), 0);
    assert_int_equal(unpack(message, len, &up, NULL), 0);
    assert_int_equal(up.kind, NX_UP_BATCH);
    const struct nx_batch *b = &up.u.batch;
    assert_true(b->epoch == s->batch.epoch);
    assert_true(b->first_seq == s->batch.first_seq);
    assert_memory_equal(&b->gaps[0], &s->gap, sizeof(s->gap));
    assert_int_equal(b->clock.offset_us, s->batch.clock.offset_us);
    assert_true(b->clock.offset_known);
    assert_int_equal(b->obs_n, OBS_N);
    for (size_t i = 0; i < OBS_N; i++) {
        assert_obs_equal(&b->obs[i], &s->obs[i]);
    }
    const struct nx_delegation *d = &b->delegations[0];
    assert_true(nx_dname_equal(d->apex, s->apex));
    assert_true(nx_dname_equal(d->parent, s->apex + 8));
    assert_true(nx_endpoint_equal(&d->servers[0], &s->server));
    assert_int_equal(d->problems, NX_DELEG_LAME);
    assert_int_equal(d->unasked_n, 3);
    assert_int_equal(d->glue, NX_GLUE_MISSING);
    s->delegation.glue = NX_GLUE_ALL | 1U << 31; /* one of a newer agent */
    assert_int_equal(pack(&s->batch, &len), 0);
    assert_int_equal(unpack(message, len, &up, NULL), 0);
    assert_int_equal(up.u.batch.delegations[0].glue, NX_GLUE_ALL);
    free(s);
}

static void observations_are_small(void **state) {
    struct sample *s = sample_new();
    size_t len = 0;
    (void)state;
    assert_int_equal(pack(&s->batch, &len), 0);
    print_message("%zu bytes for %u observations: %.2f each\n", len, OBS_N,
                  (double)len / OBS_N);
    assert_true(len <= 18 * OBS_N);
    free(s);
}

static void odd_ttls_survive(void **state) {
    static const uint32_t ttls[] = {0, UINT32_MAX, 0, 0x80000000U, 1, 604800};
    struct sample *s = sample_new();
    struct nx_up up;
    size_t len = 0;
    (void)state;
    s->batch.obs_n = sizeof(ttls) / sizeof(ttls[0]);
    for (size_t i = 0; i < s->batch.obs_n; i++) {
        s->obs[i].question = &s->questions[0];
        s->obs[i].answer = &s->answers[0];
        s->obs[i].soa_ttl_s = ttls[i];
        s->obs[i].answer_ttl_s = 0;
    }
    assert_int_equal(pack(&s->batch, &len), 0);
    assert_int_equal(unpack(message, len, &up, NULL), 0);
    for (size_t i = 0; i < s->batch.obs_n; i++) {
        assert_true(up.u.batch.obs[i].soa_ttl_s == ttls[i]);
    }
    free(s);
}

static void limits_hold_when_packing(void **state) {
    struct sample *s = sample_new();
    size_t len = 7;
    (void)state;
    s->batch.obs_n = 0;
    assert_int_equal(pack(&s->batch, &len), NX_ELIMIT);
    s->batch.obs_n = NX_BATCH_OBS_MAX + 1;
    assert_int_equal(pack(&s->batch, &len), NX_ELIMIT);
    s->batch.obs_n = OBS_N;
    struct nx_arena tiny;
    nx_arena_init(&tiny, scratch_block, 64);
    assert_int_equal(
        nx_codec_pack_batch(&s->batch, &tiny, message, sizeof(message), &len),
        NX_ENOMEM);
    nx_arena_init(&tiny, scratch_block, sizeof(scratch_block));
    assert_int_equal(nx_codec_pack_batch(&s->batch, &tiny, message, 100, &len),
                     NX_ELIMIT);
    assert_int_equal(len, 7);
    free(s);
}

static void truncation_is_refused(void **state) {
    struct sample *s = sample_new();
    struct nx_up up;
    size_t len = 0;
    (void)state;
    assert_int_equal(pack(&s->batch, &len), 0);
    for (size_t cut = 0; cut < len; cut++) {
        const char *why = NULL;
        uint8_t *exact = malloc(cut > 0 ? cut : 1);
        assert_non_null(exact);
        memcpy(exact, message, cut);
        assert_int_not_equal(unpack(exact, cut, &up, &why), 0);
        assert_non_null(why);
        free(exact);
    }
    free(s);
}

/* Random damage must never crash, and what is accepted must keep its rules. */
static void damage_never_breaks_the_rules(void **state) {
    struct sample *s = sample_new();
    struct nx_up up;
    size_t len = 0;
    uint64_t seed = 42;
    (void)state;
    print_message("seed 42\n");
    assert_int_equal(pack(&s->batch, &len), 0);
    uint8_t *copy = malloc(len);
    assert_non_null(copy);
    for (int round = 0; round < 20000; round++) {
        memcpy(copy, message, len);
        for (int hit = 0; hit < 3; hit++) {
            seed = nx_hash_u64((uint64_t)round, seed);
            copy[seed % len] = (uint8_t)(seed >> 32);
        }
        if (unpack(copy, len, &up, NULL) != 0 || up.kind != NX_UP_BATCH) {
            continue;
        }
        const struct nx_batch *b = &up.u.batch;
        for (size_t i = 0; i < b->obs_n; i++) {
            const struct nx_obs *o = &b->obs[i];
            assert_true(o->question >= b->questions &&
                        o->question < b->questions + b->questions_n);
            assert_true(o->answer >= b->answers &&
                        o->answer < b->answers + b->answers_n);
            assert_true(o->rx_mono_us >= o->tx_mono_us);
            assert_true(nx_dname_len(o->question->name) <= NX_DNAME_MAX);
        }
    }
    free(copy);
    free(s);
}

static void a_full_arena_is_a_limit(void **state) {
    struct sample *s = sample_new();
    struct nx_arena arena;
    struct nx_up up;
    const char *why = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(pack(&s->batch, &len), 0);
    for (size_t cap = 0; cap < 60000; cap += 997) {
        nx_arena_init(&arena, unpack_block, cap);
        int err = nx_codec_unpack_up(message, len, &arena, &up, &why);
        assert_true(err == 0 || err == NX_ELIMIT || err == NX_EMALFORMED);
    }
    free(s);
}

/* What cannot be read of a newer format is said to be that; what can be is. */
static void newer_batches_are_told(void **state) {
    struct sample *s = sample_new();
    struct nx_up up;
    const char *why = NULL;
    size_t len = 0;
    (void)state;
    for (uint8_t format = NX_BATCH_FORMAT; format <= NX_BATCH_FORMAT + 1;
         format++) {
        int bad = format > NX_BATCH_FORMAT ? NX_EVERSION : NX_EMALFORMED;
        assert_int_equal(pack(&s->batch, &len), 0);
        len = nx_test_newer(message, len, format);
        assert_int_equal(unpack(message, len, &up, &why), bad);
        assert_string_equal(why, "question.flags: unknown flag");
        assert_int_equal(unpack(message, len - 1, &up, &why), NX_EMALFORMED);
        message[len - 4] = 0; /* the flag */
        assert_int_equal(unpack(message, len, &up, &why), 0);
        assert_int_equal(up.u.batch.obs_n, s->batch.obs_n);
    }
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_round_trips),
        cmocka_unit_test(observations_are_small),
        cmocka_unit_test(odd_ttls_survive),
        cmocka_unit_test(limits_hold_when_packing),
        cmocka_unit_test(truncation_is_refused),
        cmocka_unit_test(damage_never_breaks_the_rules),
        cmocka_unit_test(a_full_arena_is_a_limit),
        cmocka_unit_test(newer_batches_are_told),
    };
    return cmocka_run_group_tests_name("codec batch", tests, NULL, NULL);
}
