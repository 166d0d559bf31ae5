#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/look.h"
#include "common/rrtype.h"

struct reply {
    struct nx_question question;
    struct nx_answer answer;
    struct nx_obs obs;
    uint8_t qname[NX_DNAME_MAX], apex[NX_DNAME_MAX];
    uint8_t owner[NX_DNAME_MAX], target[NX_DNAME_MAX];
};

static void name(const char *text, uint8_t *out) {
    assert_int_equal(0, nx_dname_parse(text, out));
}

/* An empty NOERROR to www.example.com A, RD=1. */
static void set_up(struct reply *r) {
    memset(r, 0, sizeof(*r));
    name("www.example.com.", r->qname);
    name("example.com.", r->apex);
    r->question.name = r->qname;
    r->question.qtype = NX_TYPE_A;
    r->question.flags = NX_Q_RD;
    r->answer.outcome = NX_ANSWERED;
    r->obs.question = &r->question;
    r->obs.answer = &r->answer;
    r->obs.tx_mono_us = 5000000;
    r->obs.rx_mono_us = 5010000;
    r->obs.src_port = 4711;
}

static void set_soa(struct reply *r, const char *owner, uint32_t ttl_s) {
    name(owner, r->owner);
    r->answer.soa_owner = r->owner;
    r->answer.soa_serial = 7;
    r->answer.soa_minimum_s = 60;
    r->answer.flags |= NX_ANS_SOA;
    r->obs.soa_ttl_s = ttl_s;
}

static struct nx_look take(struct reply *r, const struct nx_expect *expect) {
    struct nx_look look;

    nx_look_from_obs(&r->obs, expect, r->apex, 2000000, 300, &look);
    return look;
}

static unsigned kind(struct reply *r) {
    return take(r, NULL).kind;
}

static void test_times_move_to_collector(void **state) {
    struct reply r;

    (void)state;
    set_up(&r);
    struct nx_look look = take(&r, NULL);
    assert_int_equal(3000000, look.tx_us);
    assert_int_equal(3010000, look.rx_us);
    assert_int_equal(300, look.eps_us);
    assert_int_equal(4711, look.src_port);
}

static void test_noerror(void **state) {
    struct reply r;

    (void)state;
    set_up(&r);
    assert_int_equal(NX_KIND_NODATA, kind(&r)); /* RFC 2308 2.2, type 3 */
    assert_int_equal(NX_SOA_NONE, take(&r, NULL).soa_rel);
    assert_int_equal(-1, take(&r, NULL).r_s);
    r.answer.flags = NX_ANS_NS;
    assert_int_equal(NX_KIND_REFERRAL, kind(&r));
    r.question.flags = 0;
    assert_int_equal(NX_KIND_MISS, kind(&r));
    set_soa(&r, "example.com.", 30);
    assert_int_equal(NX_KIND_NODATA, kind(&r));
    assert_int_equal(30, take(&r, NULL).r_s);
    r.answer.flags |= NX_ANS_RDATA;
    assert_int_equal(NX_KIND_POS, kind(&r));
}

static void test_expected_set(void **state) {
    static const uint8_t GOOD[] = {0, 4, 192, 0, 2, 10};
    static const uint8_t BAD[] = {0, 4, 192, 0, 2, 11};
    struct nx_expect expect = {GOOD, sizeof(GOOD), 1};
    struct reply r;

    (void)state;
    set_up(&r);
    r.answer.flags = NX_ANS_RDATA;
    r.answer.rdata = GOOD;
    r.answer.rdata_len = sizeof(GOOD);
    r.answer.rdata_n = 1;
    r.obs.answer_ttl_s = 120;
    assert_int_equal(NX_KIND_POS, take(&r, &expect).kind);
    assert_int_equal(120, take(&r, &expect).r_s);
    r.answer.rdata = BAD;
    assert_int_equal(NX_KIND_POS_OTHER, take(&r, &expect).kind);
    assert_int_equal(NX_KIND_POS, take(&r, NULL).kind);
    r.answer.rdata = GOOD;
    assert_int_equal(0, take(&r, &expect).flags & NX_LOOK_DATA_WITHHELD);
    assert_int_not_equal(0, take(&r, &expect).answer_hash);
    r.answer.flags |= NX_ANS_PARTIAL;
    assert_int_equal(NX_KIND_POS_OTHER, take(&r, &expect).kind);
    /* Cut to nothing is known to be longer than what is expected. */
    r.answer.rdata_len = 0;
    r.answer.rdata_n = 0;
    assert_int_equal(NX_KIND_POS_OTHER, take(&r, &expect).kind);
    assert_int_equal(0, take(&r, &expect).flags & NX_LOOK_DATA_WITHHELD);
}

/* An answer, and which is not told. */
static void test_data_withheld(void **state) {
    static const uint8_t GOOD[] = {0, 4, 192, 0, 2, 10};
    struct nx_expect expect = {GOOD, sizeof(GOOD), 1};
    struct reply r;

    (void)state;
    set_up(&r);
    r.answer.flags = NX_ANS_RDATA;
    r.obs.answer_ttl_s = 120;
    struct nx_look look = take(&r, &expect);
    assert_int_equal(NX_KIND_POS, look.kind);
    assert_int_equal(120, look.r_s);
    assert_int_equal(0, look.answer_hash);
    assert_int_not_equal(0, look.flags & NX_LOOK_DATA_WITHHELD);
}

static void test_rcodes_and_outcomes(void **state) {
    static const uint16_t RCODES[][2] = {{NX_RCODE_NXDOMAIN, NX_KIND_NXDOMAIN},
                                         {NX_RCODE_SERVFAIL, NX_KIND_SERVFAIL},
                                         {NX_RCODE_REFUSED, NX_KIND_REFUSED},
                                         {NX_RCODE_NOTAUTH, NX_KIND_REFUSED},
                                         {NX_RCODE_NOTIMP, NX_KIND_REFUSED},
                                         {NX_RCODE_FORMERR, NX_KIND_OTHER},
                                         {16, NX_KIND_OTHER}};
    static const uint8_t OUTCOMES[][2] = {
        {NX_TIMEOUT, NX_KIND_TIMEOUT},     {NX_UNREACHABLE, NX_KIND_NETERR},
        {NX_CONN_REFUSED, NX_KIND_NETERR}, {NX_CONN_CLOSED, NX_KIND_NETERR},
        {NX_TLS_FAILED, NX_KIND_NETERR},   {NX_INVALID, NX_KIND_NETERR},
        {NX_LOCAL_ERROR, NX_KIND_OTHER}};
    struct reply r;

    (void)state;
    set_up(&r);
    for (size_t i = 0; i < sizeof(RCODES) / sizeof(RCODES[0]); i++) {
        r.answer.rcode = RCODES[i][0];
        assert_int_equal(RCODES[i][1], kind(&r));
    }
    r.answer.rcode = NX_RCODE_NXDOMAIN;
    r.answer.flags = NX_ANS_TC;
    assert_int_equal(NX_KIND_OTHER, kind(&r));
    for (size_t i = 0; i < sizeof(OUTCOMES) / sizeof(OUTCOMES[0]); i++) {
        r.answer.outcome = OUTCOMES[i][0];
        assert_int_equal(OUTCOMES[i][1], kind(&r));
    }
}

static unsigned relation(const char *owner, const char *target) {
    struct reply r;

    set_up(&r);
    r.answer.rcode = NX_RCODE_NXDOMAIN;
    set_soa(&r, owner, 30);
    if (target != NULL) {
        name(target, r.target);
        r.answer.denied_name = r.target;
    }
    return take(&r, NULL).soa_rel;
}

static void test_soa_owner(void **state) {
    (void)state;
    assert_int_equal(NX_SOA_APEX, relation("EXAMPLE.com.", NULL));
    assert_int_equal(NX_SOA_ANCESTOR, relation("com.", NULL));
    assert_int_equal(NX_SOA_ANCESTOR, relation(".", NULL));
    assert_int_equal(NX_SOA_QNAME, relation("www.example.com.", NULL));
    assert_int_equal(NX_SOA_FOREIGN, relation("rpz.example.net.", NULL));
    assert_int_equal(NX_SOA_TARGET,
                     relation("example.net.", "t.cdn.example.net."));
    assert_int_equal(NX_SOA_FOREIGN,
                     relation("example.com.", "t.cdn.example.net."));
    assert_int_equal(NX_SOA_APEX, relation("example.com.", "a.example.com."));
    assert_int_equal(NX_SOA_TARGET,
                     relation("sub.example.com.", "a.sub.example.com."));
}

/* A zone between ours and the name: of a cut that was removed, or of another
 * view. */
static void test_soa_owner_below_apex(void **state) {
    struct reply r;

    (void)state;
    assert_int_equal(NX_SOA_FOREIGN, relation("a.example.com.", NULL));
    set_up(&r);
    name("www.sub.example.com.", r.qname);
    r.answer.rcode = NX_RCODE_NXDOMAIN;
    set_soa(&r, "SUB.example.com.", 30);
    assert_int_equal(NX_SOA_BELOW, take(&r, NULL).soa_rel);
    set_soa(&r, "www.sub.example.com.", 30);
    assert_int_equal(NX_SOA_QNAME, take(&r, NULL).soa_rel);
    r.answer.rcode = NX_RCODE_NOERROR; /* an apex has no such type */
    assert_int_equal(NX_SOA_BELOW, take(&r, NULL).soa_rel);
    set_soa(&r, "x.www.sub.example.com.", 30);
    assert_int_equal(NX_SOA_FOREIGN, take(&r, NULL).soa_rel);
}

static void test_soa_owner_without_apex(void **state) {
    struct reply r;
    struct nx_look look;

    (void)state;
    set_up(&r);
    r.answer.rcode = NX_RCODE_NXDOMAIN;
    set_soa(&r, "example.com.", 30);
    nx_look_from_obs(&r.obs, NULL, NULL, 0, 0, &look);
    assert_int_equal(NX_SOA_APEX, look.soa_rel);
    set_soa(&r, "example.org.", 30);
    nx_look_from_obs(&r.obs, NULL, NULL, 0, 0, &look);
    assert_int_equal(NX_SOA_FOREIGN, look.soa_rel);
}

static unsigned ede_flags(uint16_t code, uint16_t rcode) {
    struct reply r;

    set_up(&r);
    r.answer.rcode = rcode;
    r.answer.ede_n = 1;
    r.answer.ede[0] = code;
    return take(&r, NULL).flags &
           (NX_LOOK_EDE_STALE | NX_LOOK_EDE_POLICY | NX_LOOK_EDE_DNSSEC |
            NX_LOOK_EDE_SYNTH | NX_LOOK_EDE_NETWORK);
}

static void test_extended_errors(void **state) {
    (void)state;
    assert_int_equal(NX_LOOK_EDE_STALE, ede_flags(3, NX_RCODE_NXDOMAIN));
    assert_int_equal(NX_LOOK_EDE_STALE, ede_flags(19, NX_RCODE_NXDOMAIN));
    assert_int_equal(NX_LOOK_EDE_POLICY, ede_flags(4, NX_RCODE_NXDOMAIN));
    assert_int_equal(NX_LOOK_EDE_POLICY, ede_flags(17, NX_RCODE_NXDOMAIN));
    assert_int_equal(NX_LOOK_EDE_POLICY, ede_flags(18, NX_RCODE_NXDOMAIN));
    assert_int_equal(0, ede_flags(18, NX_RCODE_REFUSED));
    assert_int_equal(NX_LOOK_EDE_DNSSEC, ede_flags(7, NX_RCODE_SERVFAIL));
    assert_int_equal(NX_LOOK_EDE_NETWORK, ede_flags(22, NX_RCODE_SERVFAIL));
    assert_int_equal(NX_LOOK_EDE_SYNTH, ede_flags(29, NX_RCODE_NXDOMAIN));
    assert_int_equal(0, ede_flags(0, NX_RCODE_SERVFAIL));
}

/* Of several the one that counts here is told. */
static void test_which_extended_error(void **state) {
    struct reply r;

    (void)state;
    set_up(&r);
    r.answer.rcode = NX_RCODE_SERVFAIL;
    assert_int_equal(0, take(&r, NULL).ede);
    r.answer.ede_n = 3;
    r.answer.ede[0] = 0;
    r.answer.ede[1] = 14;
    r.answer.ede[2] = 4711;
    assert_int_equal(14, take(&r, NULL).ede);
    r.answer.ede[2] = 9;
    assert_int_equal(9, take(&r, NULL).ede);
    r.answer.rcode = NX_RCODE_REFUSED;
    r.answer.ede[1] = 18; /* says that this client is refused */
    r.answer.ede[2] = 0;
    assert_int_equal(18, take(&r, NULL).ede);
    r.answer.outcome = NX_TIMEOUT;
    assert_int_equal(0, take(&r, NULL).ede);
}

static void test_odd_ttl_and_additional_soa(void **state) {
    struct reply r;

    (void)state;
    set_up(&r);
    r.answer.rcode = NX_RCODE_NXDOMAIN;
    set_soa(&r, "example.com.", UINT32_MAX); /* RFC 2181 section 8 */
    assert_int_equal(0, take(&r, NULL).r_s);
    r.answer.soa_minimum_s = 1U << 31;
    assert_int_equal(0, take(&r, NULL).soa_minimum_s);
    r.answer.soa_minimum_s = INT32_MAX;
    assert_int_equal(INT32_MAX, take(&r, NULL).soa_minimum_s);
    r.answer.flags = NX_ANS_SOA_ADDITIONAL;
    struct nx_look look = take(&r, NULL);
    assert_int_equal(NX_SOA_NONE, look.soa_rel);
    assert_true((look.flags & NX_LOOK_SOA_ADDITIONAL) != 0);
    assert_int_equal(0, look.flags & NX_LOOK_SERIAL);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_times_move_to_collector),
        cmocka_unit_test(test_noerror),
        cmocka_unit_test(test_expected_set),
        cmocka_unit_test(test_data_withheld),
        cmocka_unit_test(test_rcodes_and_outcomes),
        cmocka_unit_test(test_soa_owner),
        cmocka_unit_test(test_soa_owner_below_apex),
        cmocka_unit_test(test_soa_owner_without_apex),
        cmocka_unit_test(test_extended_errors),
        cmocka_unit_test(test_which_extended_error),
        cmocka_unit_test(test_odd_ttl_and_additional_soa),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
