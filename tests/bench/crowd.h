/* What a crowd of agents sees in the middle of a recovery, and the batches that
 * say so. What a resolver says is drawn from its number: most cached the denial
 * at some moment of the outage, some have more caches, or trouble of their own.
 */
#ifndef NX_TESTS_BENCH_CROWD_H
#define NX_TESTS_BENCH_CROWD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/bench_site.h"

#define US INT64_C(1000000)
#define OUTAGE_S 1500  /* ago it began */
#define RESTORED_S 420 /* ago it was over */
#define W_S 900
#define LOOK_EVERY_S 45
#define POSITIVES_N 60U               /* enough to be called clear */
#define SPAN_US (INT64_C(90000) * US) /* monotonic clocks began so long ago */

static const uint8_t name[] = "\3www\7example\3com";
static const uint8_t zone[] = "\7example\3com";
static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
static int64_t now_us; /* when all this is prepared */

/* --- what there is to be seen --- */

static inline uint64_t draw(unsigned network, unsigned resolver,
                            unsigned what) {
    return nx_hash_u64(network * UINT64_C(64) + resolver, what + 1);
}

static inline struct nx_endpoint resolver_at(unsigned network, unsigned i) {
    return (struct nx_endpoint){
        .address = {10, (uint8_t)(network / 250), (uint8_t)(network % 250),
                    (uint8_t)(i + 1)},
        .address_len = 4,
        .port = 53,
        .layer = i == 0 && network % 9 == 0 ? NX_LAYER_HOST : NX_LAYER_NETWORK};
}

enum habit { CACHED, NODATA, SERVFAIL, REFUSED, SILENT, UNSEEN, OTHER };

static inline enum habit habit_of(unsigned network, unsigned i) {
    unsigned n = (unsigned)(draw(network, 99, 0) % 100);
    (void)i;
    if (n < 82) {
        return CACHED;
    }
    return n < 87   ? NODATA
           : n < 89 ? SERVFAIL
           : n < 91 ? REFUSED
           : n < 93 ? SILENT
           : n < 96 ? UNSEEN
                    : OTHER;
}

/* When the cached denial ends; spread so that half of it is over. */
static inline int64_t ends_us(unsigned network, unsigned i) {
    int64_t filled_s = -RESTORED_S - (int64_t)(draw(network, i, 1) % 1000);
    return now_us + (filled_s + W_S) * US +
           (int64_t)(draw(network, i, 2) % 1000000);
}

static inline struct nx_answer answer_of(enum habit habit, bool denied) {
    struct nx_answer a = {.flags = NX_ANS_RA};
    if (habit == SERVFAIL || habit == REFUSED) {
        a.rcode = habit == SERVFAIL ? 2 : 5;
    } else if (habit == SILENT) {
        a.outcome = NX_TIMEOUT;
        a.flags = 0;
    } else if (denied) {
        a.rcode = habit == NODATA ? 0 : NX_RCODE_NXDOMAIN;
        a.flags |= NX_ANS_SOA;
        a.soa_owner = zone;
        a.soa_serial = 2026112001;
        a.soa_minimum_s = W_S;
    } else {
        static const uint8_t old[] = {0, 4, 192, 0, 2, 77};
        a.flags |= NX_ANS_RDATA;
        a.rdata = habit == OTHER ? old : rdata;
        a.rdata_len = sizeof(rdata);
        a.rdata_n = 1;
    }
    return a;
}

/* --- batches --- */

struct maker {
    struct nx_question questions[64];
    struct nx_answer answers[128];
    struct nx_obs obs[NX_BATCH_OBS_MAX];
    size_t questions_n, answers_n, obs_n;
    uint64_t seq;
};

static inline struct nx_clock_sample clock_at(int64_t at_us) {
    return (struct nx_clock_sample){.mono_us = at_us - now_us + SPAN_US,
                                    .wall_us = at_us,
                                    .offset_us = SPAN_US - now_us,
                                    .offset_error_us = 800,
                                    .offset_known = true};
}

static inline void see(struct maker *m, size_t question, enum habit habit,
                       int64_t at_us, int64_t end_us) {
    bool denied = at_us < end_us;
    struct nx_answer *a = &m->answers[2 * question + (denied ? 0 : 1)];
    *a = answer_of(habit, denied);
    if (m->obs_n == NX_BATCH_OBS_MAX) {
        return;
    }
    uint32_t ttl_s = denied ? (uint32_t)((end_us - at_us) / US) : 300;
    m->obs[m->obs_n] = (struct nx_obs){
        .question = &m->questions[question],
        .answer = a,
        .tx_mono_us = at_us - now_us + SPAN_US,
        .rx_mono_us =
            at_us - now_us + SPAN_US +
            (habit == SILENT ? 2 * US : 900 + (int64_t)(m->obs_n * 37 % 9000)),
        .soa_ttl_s = ttl_s,
        .answer_ttl_s = ttl_s,
        .src_port = (uint16_t)(20000 + m->obs_n % 40000)};
    m->obs_n++;
}

static inline size_t add_question(struct maker *m, const struct nx_endpoint *to,
                                  uint16_t flags) {
    size_t i = m->questions_n++;
    m->questions[i] = (struct nx_question){
        .name = name, .qtype = NX_TYPE_A, .flags = flags, .to = *to};
    m->answers[2 * i] = answer_of(CACHED, true);
    m->answers[2 * i + 1] = answer_of(CACHED, false);
    m->answers_n = 2 * m->questions_n;
    return i;
}

/* What a resolver said from the restoration to now. */
static inline void watch(struct maker *m, unsigned network, unsigned resolver,
                         size_t question) {
    enum habit habit = habit_of(network, resolver);
    int64_t end_us = habit == OTHER ? 0 : ends_us(network, resolver);
    int64_t from_us = now_us - (RESTORED_S - 60) * US +
                      (int64_t)(draw(network, resolver, 3) % 20) * US;
    bool two = draw(network, resolver, 4) % 12 == 0;
    for (int64_t t = from_us; t < now_us && habit != UNSEEN;
         t += LOOK_EVERY_S * US) {
        see(m, question, habit, t, end_us);
        if (two) { /* another cache behind the same address */
            see(m, question, habit, t + 400000, end_us - 90 * US);
        }
    }
    bool confirms = habit == CACHED || habit == NODATA;
    for (unsigned i = 0; confirms && i < POSITIVES_N; i++) {
        int64_t t = end_us + (2 + (int64_t)i / 4) * US;
        if (t < now_us) {
            see(m, question, habit, t + (int64_t)i * 1000, end_us);
        }
    }
}

static inline size_t pack(struct maker *m, uint64_t epoch, int64_t at_us,
                          const struct nx_delegation *delegation,
                          uint8_t *out) {
    const struct nx_batch batch = {.epoch = epoch,
                                   .first_seq = m->seq + 1,
                                   .clock = clock_at(at_us),
                                   .delegations = delegation,
                                   .delegations_n = delegation != NULL ? 1 : 0,
                                   .questions = m->questions,
                                   .questions_n = m->questions_n,
                                   .answers = m->answers,
                                   .answers_n = m->answers_n,
                                   .obs = m->obs,
                                   .obs_n = m->obs_n};
    size_t len = 0;
    if (nx_codec_pack_batch(&batch, nx_test_scratch(), out, NX_MSG_MAX_BYTES,
                            &len) != NX_OK) {
        die("a batch was not packed");
    }
    m->seq += m->obs_n;
    return len;
}

static inline size_t pack_hello(unsigned network, unsigned resolvers_n,
                                uint64_t epoch, int64_t at_us, uint8_t *out) {
    struct nx_endpoint at[NX_HELLO_RESOLVERS_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < resolvers_n; i++) {
        at[i] = resolver_at(network, i);
    }
    const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                   .software = "crowd",
                                   .epoch = epoch,
                                   .next_seq = 1,
                                   .clock = clock_at(at_us),
                                   .resolvers = at,
                                   .resolvers_n = resolvers_n,
                                   .authority_role = resolvers_n == 0};
    if (nx_codec_pack_hello(&hello, nx_test_scratch(), out, NX_MSG_MAX_BYTES,
                            &len) != NX_OK) {
        die("a hello was not packed");
    }
    return len;
}

static inline struct maker *maker(void) {
    static struct maker m;
    memset(&m, 0, sizeof(m));
    return &m;
}

static inline uint8_t *message(void) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    return bytes;
}

#endif
