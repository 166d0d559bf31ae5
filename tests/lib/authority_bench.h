/* An authoritative side to feed by hand, for its unit tests. Include after
 * cmocka.h. */
#ifndef NX_TESTS_AUTHORITY_BENCH_H
#define NX_TESTS_AUTHORITY_BENCH_H

#include "collector/engine/authority.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define T0 (1000 * S) /* the incident is opened */
#define EPS 2000U

static const uint8_t name[] = "\3www\7example\3com";
static const uint8_t apex[] = "\7example\3com";
static const uint8_t com[] = "\3com";
static const uint8_t ns_name[] = "\2ns\7example\3com";

static const struct nx_auth_rules rules = {
    .settle_us = 60 * S, .interval_us = 5 * S, .vantages = 1};

struct bench {
    struct nx_authority *a;
    struct nx_incident incident;
};

static inline int setup(void **state) {
    static struct bench b;
    b = (struct bench){.incident = {.id = 1,
                                    .opened_us = T0,
                                    .closed_us = NX_TIME_UNKNOWN,
                                    .outage_from_us = NX_TIME_UNKNOWN,
                                    .outage_to_us = NX_TIME_UNKNOWN,
                                    .restored_us = NX_TIME_UNKNOWN,
                                    .items_n = 1}};
    *state = &b;
    return nx_authority_new(&b.a);
}

static inline int teardown(void **state) {
    struct bench *b = *state;
    nx_authority_free(&b->a);
    return 0;
}

static inline struct nx_endpoint server(unsigned i) {
    return (struct nx_endpoint){.address = {198, 51, 100, (uint8_t)i},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_AUTHORITY,
                                .server_name = ns_name};
}

/* Servers from..to make up the zone, as agent sees it, and some without an
 * address. */
static inline void delegate_part(struct bench *b, uint32_t agent,
                                 const uint8_t *zone, unsigned from,
                                 unsigned to, unsigned unasked_n,
                                 int64_t at_us) {
    struct nx_endpoint servers[8];
    size_t n = 0;
    for (unsigned i = from; i <= to; i++) {
        servers[n++] = server(i);
    }
    const struct nx_delegation d = {.name = name,
                                    .apex = zone,
                                    .ns_ttl_s = 3600,
                                    .servers = servers,
                                    .servers_n = n,
                                    .unasked_n = unasked_n};
    assert_int_equal(nx_authority_delegation(b->a, agent, &d, at_us, EPS), 0);
}

static inline void delegate(struct bench *b, uint32_t agent,
                            const uint8_t *zone, unsigned from, unsigned to,
                            int64_t at_us) {
    delegate_part(b, agent, zone, from, to, 0, at_us);
}

static inline void fold(struct bench *b, uint32_t agent, unsigned i,
                        const struct nx_answer *answer, unsigned kind,
                        uint32_t ttl_s, bool soa, int64_t at_us) {
    const struct nx_question question = {.name = soa ? apex : name,
                                         .qtype = soa ? NX_TYPE_SOA : NX_TYPE_A,
                                         .to = server(i)};
    const struct nx_obs obs = {.question = &question,
                               .answer = answer,
                               .soa_ttl_s = ttl_s,
                               .answer_ttl_s = ttl_s};
    const struct nx_look look = {
        .tx_us = at_us - 4000,
        .rx_us = at_us,
        .eps_us = EPS,
        .kind = (uint8_t)kind,
        .flags = (answer->flags & NX_ANS_AA) != 0 ? NX_LOOK_AA : 0};
    if (soa) {
        nx_authority_soa(b->a, agent, &obs, &look);
    } else {
        nx_authority_answer(b->a, agent, &obs, &look);
    }
}

static inline void good(struct bench *b, uint32_t agent, unsigned i,
                        int64_t at_us) {
    const struct nx_answer answer = {.flags = NX_ANS_AA | NX_ANS_RDATA};
    fold(b, agent, i, &answer, NX_KIND_POS, 300, false, at_us);
}

static inline void denies(struct bench *b, uint32_t agent, unsigned i,
                          const uint8_t *owner, uint32_t ttl_s, int64_t at_us) {
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_AA | NX_ANS_SOA,
                                     .soa_owner = owner,
                                     .soa_serial = 10,
                                     .soa_minimum_s = 700};
    fold(b, agent, i, &answer, NX_KIND_NXDOMAIN, ttl_s, false, at_us);
}

static inline void silent(struct bench *b, uint32_t agent, unsigned i,
                          int64_t at_us) {
    const struct nx_answer answer = {.outcome = NX_TIMEOUT};
    fold(b, agent, i, &answer, NX_KIND_TIMEOUT, 0, false, at_us);
}

/* SOA with root names for its two. */
static inline void soa(struct bench *b, unsigned i, uint8_t serial,
                       int64_t at_us) {
    const uint8_t rdata[24] = {0, 22, [7] = serial, [22] = 1, [23] = 44};
    const struct nx_answer answer = {.flags = NX_ANS_AA | NX_ANS_RDATA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    fold(b, 1, i, &answer, NX_KIND_POS, 900, true, at_us);
}

static inline const struct nx_auth_facts *step(struct bench *b,
                                               int64_t now_us) {
    (void)nx_authority_step(b->a, &rules, &b->incident, now_us);
    return nx_authority_facts(b->a);
}

/* Good answers of servers 1..to, every five seconds. */
static inline void rounds(struct bench *b, uint32_t agent, unsigned to,
                          int64_t from, int64_t until) {
    for (int64_t t = from; t <= until; t += 5 * S) {
        for (unsigned i = 1; i <= to; i++) {
            good(b, agent, i, t);
        }
        (void)step(b, t);
    }
}

static inline const struct nx_auth_view *view_of(struct bench *b) {
    static struct nx_auth_view view;
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    return &view;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
