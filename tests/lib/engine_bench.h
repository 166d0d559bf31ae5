/* A collector's engine to feed by hand, for unit tests: agent 1 stands in the
 * network "lyon", agent 2 in "oslo", agent 3 audits. Include after cmocka.h. */
#ifndef NX_TESTS_ENGINE_BENCH_H
#define NX_TESTS_ENGINE_BENCH_H

#include <string.h>

#include "collector/engine/engine.h"
#include "common/rrtype.h"
#include "tests/lib/one_look.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1800000000) * S)
#define THETA (-T0 + 5000 * S) /* agents' monotonic clocks minus ours */
#define LYON 1U
#define OSLO 2U
#define AUDITOR 3U

static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t apex[] = "\7example\3com";

struct engine_bench {
    struct nx_engine_settings settings;
    struct nx_engine *engine;
    struct nx_engine_sink sink;
    unsigned transitions_n, authority_n, plans_n[256];
    unsigned from_state, to_state; /* of the last transition */
    uint64_t memory[8192];         /* arena of plans */
    struct nx_plan plan;
    uint16_t port;
    bool rebuilds; /* batches come from the log */
};

static inline void on_transition(void *user, uint32_t incident_id,
                                 uint32_t agent_id,
                                 const struct nx_question *question,
                                 int64_t at_us, unsigned from_state,
                                 const struct nx_verdict *verdict,
                                 int64_t since_us) {
    struct engine_bench *b = user;
    (void)since_us;
    (void)incident_id;
    (void)agent_id;
    (void)question;
    (void)at_us;
    b->transitions_n++;
    b->from_state = from_state;
    b->to_state = verdict->state;
}

static inline void on_authority(void *user, uint32_t incident_id, unsigned item,
                                const struct nx_auth_facts *facts,
                                int64_t at_us) {
    struct engine_bench *b = user;
    (void)incident_id;
    (void)item;
    (void)facts;
    (void)at_us;
    b->authority_n++;
}

static inline void on_plan(void *user, uint32_t agent_id) {
    struct engine_bench *b = user;
    b->plans_n[agent_id]++;
}

static inline void add_agent(struct engine_bench *b, uint32_t id,
                             const char *network, bool authority) {
    struct nx_agent agent = {
        .id = id, .authority = authority, .accepted = true};
    memcpy(agent.name, network, strlen(network) + 1);
    memcpy(agent.network, network, strlen(network) + 1);
    assert_int_equal(nx_engine_agent_set(b->engine, &agent), 0);
}

/* An engine that knows of nothing but the agents. */
static inline int bench_renew(struct engine_bench *b) {
    nx_engine_free(&b->engine);
    if (nx_engine_new(&b->settings, &b->engine) != 0) {
        return -1;
    }
    add_agent(b, LYON, "lyon", false);
    add_agent(b, OSLO, "oslo", false);
    add_agent(b, AUDITOR, "audit", true);
    return 0;
}

static inline int bench_setup(void **state) {
    static struct engine_bench b;
    memset(&b, 0, sizeof(b));
    nx_engine_settings_default(&b.settings);
    b.settings.settle_us = 10 * S;
    b.settings.targets_max = 20;
    b.sink = (struct nx_engine_sink){.user = &b,
                                     .transition = on_transition,
                                     .authority = on_authority,
                                     .plan_changed = on_plan};
    *state = &b;
    return bench_renew(&b);
}

static inline int bench_teardown(void **state) {
    struct engine_bench *b = *state;
    nx_engine_free(&b->engine);
    return 0;
}

static inline struct nx_endpoint resolver(unsigned i) {
    return (struct nx_endpoint){.address = {192, 0, 2, (uint8_t)i},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_NETWORK};
}

static inline struct nx_endpoint name_server(unsigned i) {
    return (struct nx_endpoint){.address = {198, 51, 100, (uint8_t)i},
                                .address_len = 4,
                                .port = 53,
                                .layer = NX_LAYER_AUTHORITY};
}

static inline struct nx_clock_sample clock_at(int64_t now_us) {
    return (struct nx_clock_sample){.mono_us = now_us + THETA,
                                    .wall_us = now_us,
                                    .offset_us = THETA,
                                    .offset_error_us = 1000,
                                    .offset_known = true};
}

/* The agent has resolvers 1..n, and a plan of this revision. */
static inline void hello(struct engine_bench *b, uint32_t agent, unsigned n,
                         uint64_t revision, int64_t now_us) {
    struct nx_endpoint resolvers[16];
    for (unsigned i = 0; i < n; i++) {
        resolvers[i] = resolver(i + 1);
    }
    const struct nx_hello h = {.protocol = NX_PROTOCOL,
                               .software = "bench",
                               .epoch = 1,
                               .next_seq = 1,
                               .clock = clock_at(now_us),
                               .resolvers = resolvers,
                               .resolvers_n = n,
                               .plan_revision = revision};
    assert_int_equal(nx_engine_hello(b->engine, agent, &h, now_us), 0);
}

static inline struct nx_incident incident(uint32_t id, int64_t opened_us) {
    struct nx_incident i = {.id = id,
                            .opened_us = opened_us,
                            .closed_us = NX_TIME_UNKNOWN,
                            .outage_from_us = NX_TIME_UNKNOWN,
                            .outage_to_us = NX_TIME_UNKNOWN,
                            .restored_us = NX_TIME_UNKNOWN,
                            .items_n = 1};
    memcpy(i.items[0].name, www, sizeof(www));
    i.items[0].qtype = NX_TYPE_A;
    return i;
}

/* Opened now; restored long enough ago to be verified (by declaration). */
static inline void open_restored(struct engine_bench *b, uint32_t id,
                                 int64_t now_us) {
    struct nx_incident i = incident(id, now_us);
    i.outage_from_us = now_us - 300 * S;
    i.restored_us = now_us - 60 * S;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
}

static inline void batch_of(struct engine_bench *b, uint32_t agent,
                            const struct nx_question *question,
                            const struct nx_answer *answer, uint32_t ttl_s,
                            int64_t at_us, const struct nx_delegation *d) {
    const struct nx_obs obs = {.question = question,
                               .answer = answer,
                               .tx_mono_us = at_us + THETA,
                               .rx_mono_us = at_us + THETA + 2000,
                               .soa_ttl_s = ttl_s,
                               .answer_ttl_s = ttl_s,
                               .src_port = (uint16_t)(10000 + b->port++)};
    struct nx_batch batch = batch_of_one(&obs, clock_at(at_us + 2000));
    batch.delegations = d;
    batch.delegations_n = d != NULL ? 1 : 0;
    int (*fold)(struct nx_engine *, uint32_t, const struct nx_batch *, size_t,
                int64_t) =
        b->rebuilds ? nx_engine_batch_again : nx_engine_batch;
    assert_int_equal(fold(b->engine, agent, &batch, 0, at_us + 3000), 0);
}

static inline void sees(struct engine_bench *b, uint32_t agent, unsigned r,
                        const struct nx_answer *answer, uint32_t ttl_s,
                        int64_t at_us) {
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver(r)};
    batch_of(b, agent, &question, answer, ttl_s, at_us, NULL);
}

static inline void sees_nxdomain(struct engine_bench *b, uint32_t agent,
                                 unsigned r, uint32_t ttl_s, int64_t at_us) {
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_SOA | NX_ANS_RA,
                                     .soa_owner = apex,
                                     .soa_serial = 1,
                                     .soa_minimum_s = 900};
    sees(b, agent, r, &answer, ttl_s, at_us);
}

static inline void sees_address(struct engine_bench *b, uint32_t agent,
                                unsigned r, int64_t at_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    sees(b, agent, r, &answer, 300, at_us);
}

/* The auditor finds the zone at name server `of`, and asks one about it. */
static inline void audits_name(struct engine_bench *b, const uint8_t *name,
                               unsigned of, unsigned asked, uint16_t qtype,
                               bool good, int64_t at_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    const struct nx_endpoint at = name_server(of);
    const struct nx_delegation d = {.name = name,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .at_mono_us = at_us + THETA - 1};
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    const struct nx_answer no = {.rcode = NX_RCODE_NXDOMAIN,
                                 .flags = NX_ANS_SOA | NX_ANS_AA,
                                 .soa_owner = apex,
                                 .soa_serial = 1,
                                 .soa_minimum_s = 900};
    const struct nx_question question = {
        .name = name, .qtype = qtype, .to = name_server(asked)};
    batch_of(b, AUDITOR, &question, good ? &yes : &no, 900, at_us, &d);
}

static inline void audits_type(struct engine_bench *b, unsigned of,
                               unsigned asked, uint16_t qtype, bool good,
                               int64_t at_us) {
    audits_name(b, www, of, asked, qtype, good, at_us);
}

static inline void audits_at(struct engine_bench *b, unsigned of,
                             unsigned asked, bool good, int64_t at_us) {
    audits_type(b, of, asked, NX_TYPE_A, good, at_us);
}

/* The auditor asks the only name server. */
static inline void audits(struct engine_bench *b, bool good, int64_t at_us) {
    audits_at(b, 1, 1, good, at_us);
}

static inline void tick(struct engine_bench *b, int64_t now_us) {
    nx_engine_tick(b->engine, now_us, &b->sink);
}

static inline const struct nx_plan *plan_of(struct engine_bench *b,
                                            uint32_t agent, int64_t now_us) {
    struct nx_arena arena;
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    assert_int_equal(nx_engine_plan(b->engine, agent, now_us, &arena, &b->plan),
                     0);
    return &b->plan;
}

/* --- the targets of an incident, in order --- */

struct seen_targets {
    struct nx_engine *engine;
    uint32_t id;
    int64_t now_us;
    char network[NX_TEXT_LABEL_MAX];
    struct nx_target_view at[32];
    size_t n;
};

static inline void see_target(void *user, const struct nx_target_view *view) {
    struct seen_targets *seen = user;
    assert_in_range(seen->n, 0, 31);
    seen->at[seen->n++] = *view;
}

/* Agents come by network. */
static inline void see_network(void *user, const struct nx_agent_view *view) {
    struct seen_targets *seen = user;
    if (strcmp(seen->network, view->agent->network) != 0) {
        memcpy(seen->network, view->agent->network, sizeof(seen->network));
        assert_int_equal(nx_engine_targets_of(seen->engine, seen->id,
                                              seen->network, seen->now_us,
                                              false, see_target, seen),
                         0);
    }
}

static inline struct seen_targets targets_of(struct engine_bench *b,
                                             uint32_t id, int64_t now_us) {
    struct seen_targets seen = {
        .engine = b->engine, .id = id, .now_us = now_us};
    assert_int_equal(nx_engine_agents_of(b->engine, NULL, see_network, &seen),
                     0);
    return seen;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

#endif
