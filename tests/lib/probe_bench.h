/* A prober and a name server to ask, for unit tests. Include after cmocka.h. */
#ifndef NX_TESTS_PROBE_BENCH_H
#define NX_TESTS_PROBE_BENCH_H

#include "agent/dns/io_probe.h"
#include "common/io_clock.h"
#include "tests/lib/fake_server.h"

#define TIMEOUT_MS 60000U /* for what ends by itself */
#define SHORT_MS 200U     /* for what must run into it */
#define LONGEST_MS 60000U /* ... on a machine that is busy */

static struct event_base *base;
static struct nx_prober *prober;
static struct fake server;
static uint8_t qname[NX_DNAME_MAX];

/* What the callback was told, copied. */
static struct {
    unsigned calls;
    struct nx_obs obs;
    struct nx_answer answer;
    char denied[NX_DNAME_TEXT_MAX];
    int error;
    size_t msg_len;
    bool withheld, repeated;
} seen;

static inline int setup(void **state) {
    (void)state;
    base = event_base_new();
    fake_start(&server, base);
    memset(&seen, 0, sizeof(seen));
    return nx_probe_new(base, 8, &prober) |
           nx_dname_parse("example.com", qname);
}

static inline int teardown(void **state) {
    (void)state;
    nx_probe_free(&prober);
    fake_stop(&server);
    event_base_free(base);
    return 0;
}

static inline void on_result(void *user, const struct nx_probe_result *r) {
    (void)user;
    seen.calls++;
    seen.obs = r->obs;
    seen.answer = *r->obs.answer;
    seen.error = r->error_errno;
    seen.msg_len = r->msg_len;
    seen.withheld = r->withheld;
    seen.repeated = r->repeated;
    if (r->obs.answer->denied_name != NULL) {
        (void)nx_dname_text(r->obs.answer->denied_name, seen.denied);
    }
    assert_int_equal(r->msg != NULL,
                     r->obs.answer->outcome == NX_ANSWERED ? 1 : 0);
    (void)event_base_loopbreak(base);
}

static inline struct nx_question question(uint8_t transport) {
    struct nx_question q = {.name = qname,
                            .qtype = NX_TYPE_A,
                            .flags = NX_Q_RD,
                            .to = {.address = {127, 0, 0, 1},
                                   .address_len = 4,
                                   .transport = transport,
                                   .layer = NX_LAYER_NETWORK,
                                   .port = server.port}};
    return q;
}

static inline int send_it(const struct nx_question *q, unsigned timeout_ms) {
    return nx_probe_send(prober, q, timeout_ms, on_result, NULL);
}

/* Asks and waits; returns the outcome. */
static inline unsigned ask_for(const struct nx_question *q,
                               unsigned timeout_ms) {
    unsigned before = seen.calls;
    assert_int_equal(send_it(q, timeout_ms), 0);
    assert_int_equal(seen.calls, before); /* never from nx_probe_send */
    assert_int_equal(event_base_dispatch(base), 0);
    assert_int_equal(seen.calls, before + 1);
    assert_true(seen.obs.rx_mono_us >= seen.obs.tx_mono_us);
    assert_true(seen.obs.rx_mono_us <= nx_clock_mono_us());
    assert_int_equal(nx_probe_inflight(prober), 0);
    return seen.answer.outcome;
}

static inline unsigned ask(uint8_t transport, unsigned timeout_ms) {
    struct nx_question q = question(transport);
    return ask_for(&q, timeout_ms);
}

/* Asks until the server has seen it, with more time each time: a machine may be
 * too busy for any. Returns the last outcome. */
static inline unsigned ask_seen(uint8_t transport, const unsigned *seen_n) {
    unsigned before_n = *seen_n;
    unsigned outcome = NX_TIMEOUT;
    for (unsigned ms = SHORT_MS; *seen_n == before_n && ms <= LONGEST_MS;
         ms *= 4) {
        outcome = ask(transport, ms);
    }
    assert_true(*seen_n > before_n);
    return outcome;
}

/* The same until the outcome is this one. */
static inline bool ask_until(uint8_t transport, unsigned outcome) {
    unsigned ms = SHORT_MS;
    while (ask(transport, ms) != outcome && ms < LONGEST_MS) {
        ms *= 4;
    }
    return seen.answer.outcome == outcome;
}

static inline void make_good(struct fake *s, const uint8_t *q) {
    fake_begin(s, q, PKT_RD | PKT_RA);
    pkt_address(&s->reply, PKT_ANSWER, "example.com.", 300, "192.0.2.1");
}

static inline void udp_good(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    fake_udp(s);
}

static inline void tcp_good(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    fake_tcp(s);
}

static inline void silent(struct fake *s, const uint8_t *q, size_t n) {
    (void)s;
    (void)q;
    (void)n;
}

static inline void udp_cut(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_RA | PKT_TC);
    fake_udp(s);
}

static inline void make_short_soa(struct fake *s, const uint8_t *q) {
    fake_begin(s, q, NX_RCODE_NXDOMAIN);
    pkt_soa(&s->reply, PKT_AUTHORITY, "example.com.", 60, 1, 60);
    s->reply.len -= 7;
}

static inline void tcp_close(struct fake *s, const uint8_t *q, size_t n) {
    (void)q;
    (void)n;
    fake_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
