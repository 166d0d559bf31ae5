/* For benchmarks: batches as a busy agent sends them. Four resolvers asked for
 * two types, 50 questions per second with jitter; half of the resolvers still
 * deny the name, their SOA TTL counting down. */
#ifndef NX_TESTS_LIB_BENCH_BATCHES_H
#define NX_TESTS_LIB_BENCH_BATCHES_H

#include <stdlib.h>
#include <string.h>

#include "common/codec.h"
#include "common/rrtype.h"

#define NX_BENCH_BATCH_RESULTS 200U
#define NX_BENCH_QUESTIONS 8U
#define NX_BENCH_SPACING_US 20000
#define NX_BENCH_MONO0_US INT64_C(86400000000) /* the agent is up for a day */

static const uint8_t nx_bench_name[] = "\3www\7example\3com";
static const uint8_t nx_bench_apex[] = "\7example\3com";

struct nx_bench_bytes {
    uint8_t *bytes;
    size_t len;
};

struct nx_bench_maker {
    uint64_t random;
    int64_t mono_us;  /* of the next result */
    int64_t theta_us; /* monotonic minus collector time */
    struct nx_question questions[NX_BENCH_QUESTIONS];
    struct nx_answer answers[2]; /* denied, restored */
    struct nx_obs obs[NX_BENCH_BATCH_RESULTS];
};

static inline unsigned nx_bench_pick(struct nx_bench_maker *m, unsigned n) {
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (unsigned)((m->random >> 33) % n);
}

/* start_us: collector time of the first result. */
static inline void nx_bench_maker_init(struct nx_bench_maker *m, uint64_t seed,
                                       int64_t start_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    memset(m, 0, sizeof(*m));
    m->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    m->mono_us = NX_BENCH_MONO0_US;
    m->theta_us = NX_BENCH_MONO0_US - start_us;
    for (unsigned i = 0; i < NX_BENCH_QUESTIONS; i++) {
        m->questions[i] = (struct nx_question){
            .name = nx_bench_name,
            .qtype = i % 2 == 0 ? NX_TYPE_A : NX_TYPE_AAAA,
            .flags = NX_Q_RD,
            .to = {.address = {192, 0, 2, (uint8_t)(1 + i / 2)},
                   .address_len = 4,
                   .layer = NX_LAYER_NETWORK,
                   .port = 53}};
    }
    m->answers[0] = (struct nx_answer){.outcome = NX_ANSWERED,
                                       .rcode = NX_RCODE_NXDOMAIN,
                                       .flags = NX_ANS_RA | NX_ANS_SOA,
                                       .soa_owner = nx_bench_apex,
                                       .soa_serial = 2026112001,
                                       .soa_minimum_s = 900};
    m->answers[1] = (struct nx_answer){.outcome = NX_ANSWERED,
                                       .flags = NX_ANS_RA | NX_ANS_RDATA,
                                       .rdata = rdata,
                                       .rdata_len = sizeof(rdata),
                                       .rdata_n = 1};
}

static inline void nx_bench_result(struct nx_bench_maker *m,
                                   struct nx_obs *out) {
    unsigned at = nx_bench_pick(m, NX_BENCH_QUESTIONS);
    int64_t ttl_s = 899 - (m->mono_us / 1000000 + 37 * (int64_t)at) % 900;
    bool denied = at < NX_BENCH_QUESTIONS / 2;
    *out = (struct nx_obs){
        .question = &m->questions[at],
        .answer = &m->answers[denied ? 0 : 1],
        .tx_mono_us = m->mono_us,
        .rx_mono_us = m->mono_us + 200 + nx_bench_pick(m, 30000),
        .soa_ttl_s = denied ? (uint32_t)ttl_s : 0,
        .answer_ttl_s = denied ? 0 : (uint32_t)ttl_s,
        .src_port = (uint16_t)(1024 + nx_bench_pick(m, 64000)),
    };
    m->mono_us += NX_BENCH_SPACING_US - 2000 + nx_bench_pick(m, 4000);
}

/* The batch that begins with first_seq, packed into memory of its own. */
static inline struct nx_bench_bytes
nx_bench_batch(struct nx_bench_maker *m, uint64_t epoch, uint64_t first_seq) {
    static _Alignas(16) uint8_t memory[1U << 20];
    static uint8_t out[NX_MSG_MAX_BYTES];
    struct nx_arena scratch;
    struct nx_bench_bytes packed = {NULL, 0};
    for (unsigned i = 0; i < NX_BENCH_BATCH_RESULTS; i++) {
        nx_bench_result(m, &m->obs[i]);
    }
    const struct nx_batch batch = {
        .epoch = epoch,
        .first_seq = first_seq,
        .clock = {.mono_us = m->mono_us,
                  .wall_us = m->mono_us - m->theta_us,
                  .offset_us = m->theta_us,
                  .offset_error_us = 700,
                  .offset_known = true},
        .questions = m->questions,
        .questions_n = NX_BENCH_QUESTIONS,
        .answers = m->answers,
        .answers_n = 2,
        .obs = m->obs,
        .obs_n = NX_BENCH_BATCH_RESULTS,
    };
    nx_arena_init(&scratch, memory, sizeof(memory));
    if (nx_codec_pack_batch(&batch, &scratch, out, sizeof(out), &packed.len) !=
        NX_OK) {
        abort();
    }
    packed.bytes = malloc(packed.len);
    if (packed.bytes == NULL) {
        abort();
    }
    memcpy(packed.bytes, out, packed.len);
    return packed;
}

#endif
