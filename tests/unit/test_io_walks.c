/* Walks through the prober to one name server, which is the root itself: what
 * they say of denials (rule 1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/io_walks.h"
#include "tests/lib/fake_server.h"

#define PATIENT_MS 60000U
#define SHORT_MS 1000U /* where nobody answers */
#define AUDIT_N 8U     /* questions of the audit; the root has no parent */

static const uint16_t both[] = {NX_TYPE_A, NX_TYPE_AAAA};

static struct event_base *base;
static struct fake server;
static struct nx_hints hints;
static struct nx_ratelimit *limit;
static struct nx_prober *prober;
static struct nx_walks *walks;
static struct nx_walks_settings settings;
static uint8_t www[NX_DNAME_MAX];
static unsigned observed_n;
static bool denied[3]; /* A, AAAA, every type: as the planner knows it */
static unsigned lifted_n;
static unsigned good_n;

static void on_observed(void *user, const struct nx_obs *obs) {
    (void)user;
    (void)obs;
    observed_n++;
}

static void on_delegation(void *user, const struct nx_delegation *delegation) {
    (void)user;
    (void)delegation;
}

static void on_denied(void *user, const uint8_t *name, uint16_t qtype,
                      enum nx_guard_word word, int64_t at_us) {
    (void)at_us;
    (void)user;
    bool now = word == NX_GUARD_DENIED;
    assert_true(nx_dname_equal(name, www));
    denied[qtype == NX_GUARD_EVERY_TYPE ? 2
           : qtype == NX_TYPE_AAAA      ? 1
                                        : 0] = now;
    lifted_n += now ? 0 : 1;
    good_n += word == NX_GUARD_GOOD ? 1 : 0;
}

/* Answers with authority: the root's SOA, and denials for the rest. */
static void denies(struct fake *s, const uint8_t *q, size_t n) {
    bool root = q[12] == 0;
    (void)n;
    fake_begin(s, q, PKT_AA | (root ? 0 : NX_RCODE_NXDOMAIN));
    pkt_soa(&s->reply, root ? PKT_ANSWER : PKT_AUTHORITY, ".", 60, 1, 60);
    fake_udp(s);
}

static void has_it(struct fake *s, const uint8_t *q, size_t n) {
    unsigned type = q[n - 11 - 3]; /* before class and OPT */
    if (q[12] == 0) {
        denies(s, q, n);
        return;
    }
    fake_begin(s, q, PKT_AA);
    pkt_address(&s->reply, PKT_ANSWER, "www.example.", 60,
                type == NX_TYPE_A ? "192.0.2.1" : "2001:db8::1");
    fake_udp(s);
}

static void denies_over_tcp(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_AA | NX_RCODE_NXDOMAIN);
    pkt_soa(&s->reply, PKT_AUTHORITY, ".", 60, 1, 60);
    fake_tcp(s);
}

static void silent(struct fake *s, const uint8_t *q, size_t n) {
    (void)s;
    (void)q;
    (void)n;
}

static int setup(void **state) {
    (void)state;
    const struct nx_rate wide = {NX_RATE_MAX_MQPS, NX_BURST_MAX};
    const struct nx_walks_handler handler = {on_observed, on_delegation,
                                             on_denied, NULL};
    char text[64];
    unsigned line = 0;
    const char *why = "";
    base = event_base_new();
    fake_start(&server, base);
    (void)snprintf(text, sizeof(text), "ns.test. A 127.0.0.1@%u\n",
                   (unsigned)server.port);
    settings = (struct nx_walks_settings){.hints = &hints,
                                          .server_rate = wide,
                                          .timeout_ms = PATIENT_MS,
                                          .inflight_max = 8,
                                          .allow_private = true};
    observed_n = lifted_n = good_n = 0;
    memset(denied, 0, sizeof(denied));
    return nx_hints_parse(text, strlen(text), &hints, &line, &why) |
           nx_dname_parse("www.example.", www) |
           nx_ratelimit_new(&wide, &limit) | nx_probe_new(base, 8, &prober) |
           nx_walks_new(base, prober, limit, &settings, &handler, &walks);
}

static int teardown(void **state) {
    (void)state;
    nx_walks_free(&walks);
    nx_probe_free(&prober);
    nx_ratelimit_free(&limit);
    fake_stop(&server);
    event_base_free(base);
    return 0;
}

static void wait_for_answers(void) {
    while (nx_probe_inflight(prober) > 0) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

/* How long answers are waited for. */
static void wait_for(uint32_t timeout_ms) {
    settings.timeout_ms = timeout_ms;
    nx_walks_reload(walks, &settings);
}

/* A whole round for so many types. */
static void audit_of(size_t types_n, fake_fn *answers, uint64_t audit) {
    server.on_udp = answers;
    assert_int_equal(nx_walks_round(walks, www, both, types_n, NULL, 0, audit),
                     NX_OK);
    wait_for_answers();
}

static void round_of(size_t types_n, fake_fn *answers) {
    audit_of(types_n, answers, 0);
}

static void tells_what_is_denied(void **state) {
    (void)state;
    round_of(2, denies);
    assert_int_equal(observed_n, 4); /* with the SOA, and the name above */
    assert_true(denied[0] && denied[1]);
    round_of(2, has_it);
    assert_int_equal(observed_n, 4 + 4);
    assert_false(denied[0] || denied[1]);
}

/* The owner's SIGHUP in the middle of an outage is no proof of its end. */
static void keeps_denials_over_a_reload(void **state) {
    (void)state;
    round_of(2, denies);
    wait_for(SHORT_MS);
    assert_int_equal(lifted_n, 0);
    round_of(2, silent);
    assert_true(denied[0] && denied[1]);
    wait_for(PATIENT_MS);
    round_of(2, has_it);
    assert_false(denied[0] || denied[1]);
}

static void reloads_in_the_middle_of_a_round(void **state) {
    (void)state;
    round_of(2, denies);
    server.on_udp = silent;
    wait_for(SHORT_MS);
    assert_int_equal(nx_walks_round(walks, www, both, 2, NULL, 0, 0), NX_OK);
    assert_int_equal(nx_walks_round(walks, www, both, 2, NULL, 0, 0),
                     NX_EAGAIN); /* it may be for other types */
    nx_walks_reload(walks, &settings);
    nx_walks_reload(walks, &settings);
    wait_for_answers();
    assert_int_equal(lifted_n, 0);
    nx_walks_keep(walks, NULL);
    assert_false(denied[0] || denied[1]);
}

/* Do no harm: who asks the same again, in whatever plan, has the audit already.
 */
static void audits_for_another_incident(void **state) {
    (void)state;
    settings.audit = true;
    nx_walks_reload(walks, &settings);
    server.on_tcp = denies_over_tcp;
    audit_of(1, has_it, 7);
    assert_int_equal(observed_n, 3 + AUDIT_N); /* with the name above */
    audit_of(1, has_it, 7);
    assert_int_equal(observed_n, 5 + AUDIT_N);
    audit_of(1, has_it, 8);
    assert_int_equal(observed_n, 7 + 2 * AUDIT_N);
    wait_for(PATIENT_MS); /* another configuration */
    audit_of(1, has_it, 8);
    assert_int_equal(observed_n, 10 + 3 * AUDIT_N);
}

/* Nobody asks for AAAA any more: nobody could ever lift its denial. */
static void lifts_the_types_that_left_the_plan(void **state) {
    (void)state;
    round_of(2, denies);
    round_of(1, denies);
    assert_true(denied[0]);
    assert_false(denied[1]);
}

/* Resolvers cache the absence of a name for all types, so whoever asks for one
 * that no walk asks for would plant it, too. A type alone is not the name. */
static void has_the_name(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_AA);
    pkt_soa(&s->reply, PKT_AUTHORITY, ".", 60, 1, 60);
    fake_udp(s);
}

static void tells_a_name_from_a_type(void **state) {
    (void)state;
    round_of(1, denies);
    assert_true(denied[2]);
    wait_for(SHORT_MS);
    round_of(1, silent);
    assert_true(denied[2]);
    wait_for(PATIENT_MS);
    round_of(1, has_it);
    assert_false(denied[0] || denied[2]);
    round_of(1, has_the_name);
    assert_true(denied[0]);
    assert_false(denied[2]);
}

/* An alias to a name of the same zone without the record: resolvers keep the
 * end of the chain as NODATA (RFC 2308 section 2.2). */
static void has_half_a_chain(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_AA);
    pkt_target(&s->reply, PKT_ANSWER, "www.example.", NX_TYPE_CNAME, 60,
               "web.example.");
    pkt_soa(&s->reply, PKT_AUTHORITY, ".", 60, 1, 60);
    fake_udp(s);
}

/* Says nothing of the end, which is in the zone. */
static void has_an_alias(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_AA);
    pkt_target(&s->reply, PKT_ANSWER, "www.example.", NX_TYPE_CNAME, 60,
               "web.example.net.");
    fake_udp(s);
}

/* The end is somebody else's to answer for. */
static void has_an_alias_below(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_AA);
    pkt_target(&s->reply, PKT_ANSWER, "www.example.", NX_TYPE_CNAME, 60,
               "web.example.net.");
    pkt_target(&s->reply, PKT_AUTHORITY, "net.", NX_TYPE_NS, 60, "ns.net.");
    fake_udp(s);
}

/* Resolvers take it for NODATA without AA, too (common/plants.h). */
static void has_nothing(struct fake *s, const uint8_t *q, size_t n) {
    if (observed_n == 0 && s->udp_n <= 4) { /* A, SOA, two NS: its zone */
        has_it(s, q, n);
        return;
    }
    fake_begin(s, q, 0);
    fake_udp(s);
}

static void takes_half_a_chain_as_a_denial(void **state) {
    (void)state;
    round_of(1, has_half_a_chain);
    assert_true(denied[0]);
    assert_false(denied[2]);
    round_of(1, has_an_alias);
    assert_true(denied[0]);
    round_of(1, has_an_alias_below);
    assert_false(denied[0]);
}

static void takes_nothing_as_a_denial(void **state) {
    (void)state;
    round_of(1, has_nothing);
    assert_true(denied[0]);
    assert_int_equal(good_n, 0);
}

/* One server of three is no proof that all are good. */
static void needs_half_of_the_servers(void **state) {
    (void)state;
    char text[192];
    unsigned line = 0;
    const char *why = "";
    (void)snprintf(text, sizeof(text),
                   "ns.test. A 127.0.0.1@%u\nns.test. A 127.0.0.2@%u\n"
                   "ns.test. A 127.0.0.3@%u\n",
                   (unsigned)server.port, (unsigned)server.port,
                   (unsigned)server.port);
    (void)close(server.other); /* refuses, as the third does */
    server.other = -1;
    assert_int_equal(nx_hints_parse(text, strlen(text), &hints, &line, &why),
                     0);
    round_of(1, has_it);
    assert_int_equal(good_n, 0);
    strcpy(strstr(text, "ns.test. A 127.0.0.3"), "");
    assert_int_equal(nx_hints_parse(text, strlen(text), &hints, &line, &why),
                     0);
    nx_walks_reload(walks, &settings);
    round_of(1, has_it);
    assert_int_equal(good_n, 1);
}

static void cuts(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_AA | PKT_TC);
    fake_udp(s);
}

/* Whoever truncates gets each query twice: that must count twice, too. */
static void pays_for_tcp(void **state) {
    (void)state;
    const struct nx_rate slow = {1, 8};
    struct nx_walks_settings limited = settings;
    limited.server_rate = slow;
    nx_walks_reload(walks, &limited);
    server.on_tcp = denies_over_tcp;
    server.on_udp = cuts;
    for (int i = 0; i < 10; i++) { /* at last one waits for its turn */
        int err = nx_walks_round(walks, www, both, 2, NULL, 0, 0);
        assert_true(err == NX_OK || err == NX_EAGAIN);
        wait_for_answers();
    }
    /* Each costs two of the burst of eight. */
    assert_in_range(server.udp_n, 4, 5);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(tells_what_is_denied),
        T(keeps_denials_over_a_reload),
        T(reloads_in_the_middle_of_a_round),
        T(audits_for_another_incident),
        T(lifts_the_types_that_left_the_plan),
        T(tells_a_name_from_a_type),
        T(takes_half_a_chain_as_a_denial),
        T(takes_nothing_as_a_denial),
        T(needs_half_of_the_servers),
        T(pays_for_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
