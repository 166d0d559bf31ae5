/* Signatures and denials in a message, as the audit takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/dns/proof.h"
#include "agent/dns/reply.h"
#include "tests/lib/packet.h"

#define OWNER "www.example.com."

static struct pkt message;
static struct nx_reply reply;

static void rrsig(unsigned section, uint16_t covered, uint32_t expiration,
                  uint32_t inception, uint16_t key_tag) {
    size_t at = pkt_open(&message, section, OWNER, NX_TYPE_RRSIG, 300);
    pkt_u16(&message, covered);
    pkt_u8(&message, 13);
    pkt_u8(&message, 3);
    pkt_u32(&message, 300);
    pkt_u32(&message, expiration);
    pkt_u32(&message, inception);
    pkt_u16(&message, key_tag);
    pkt_name(&message, "example.com.");
    pkt_put(&message, "signature", 9);
    pkt_close(&message, at);
}

static void nsec3(uint32_t ttl, uint8_t iterations) {
    const uint8_t rdata[] = {1, 0, 0, iterations, 0, 1, 'x', 0, 1, 64};
    pkt_raw(&message, PKT_AUTHORITY, "abc.example.com.", NX_TYPE_NSEC3, ttl,
            rdata, sizeof(rdata));
}

static int parse(unsigned flags) {
    uint8_t name[NX_DNAME_MAX];
    struct nx_question question = {.name = name, .qtype = NX_TYPE_A};
    question.flags = (uint16_t)flags;
    assert_int_equal(nx_dname_parse(OWNER, name), 0);
    return nx_reply_parse(message.bytes, message.len, 7, &question, &reply);
}

static void begin(unsigned rcode) {
    pkt_begin(&message, 7, PKT_QR | PKT_AA | rcode, OWNER, NX_TYPE_A);
}

static void takes_the_narrowest_time(void **state) {
    (void)state;
    begin(0);
    pkt_address(&message, PKT_ANSWER, OWNER, 300, "192.0.2.1");
    rrsig(PKT_ANSWER, NX_TYPE_A, 2000, 1000, 11);
    rrsig(PKT_AUTHORITY, NX_TYPE_NS, 1900, 900, 12);
    rrsig(PKT_AUTHORITY, NX_TYPE_SOA, 2100, 1100, 13);
    assert_int_equal(parse(NX_Q_DO), 0);
    const struct nx_proof *p = &reply.answer.proof;
    assert_int_equal(p->signatures_n, 3);
    assert_int_equal(p->expiration, 1900);
    assert_int_equal(p->key_tag, 12);
    assert_int_equal(p->algorithm, 13);
    assert_int_equal(p->inception, 1100);
    assert_int_equal(p->denial, NX_DENIAL_NONE);
}

/* What a retired key left beside a signature that holds is no fault: one is
 * enough (RFC 4035 section 5.3.3). */
static void takes_the_best_of_an_rrset(void **state) {
    (void)state;
    begin(0);
    pkt_address(&message, PKT_ANSWER, OWNER, 300, "192.0.2.1");
    rrsig(PKT_ANSWER, NX_TYPE_A, 1900, 900, 12);
    rrsig(PKT_ANSWER, NX_TYPE_A, 5000, 1000, 11);
    rrsig(PKT_ANSWER, NX_TYPE_A, 1800, 1700, 14);
    assert_int_equal(parse(NX_Q_DO), 0);
    const struct nx_proof *p = &reply.answer.proof;
    assert_int_equal(p->signatures_n, 3);
    assert_int_equal(p->expiration, 5000);
    assert_int_equal(p->key_tag, 11);
    assert_int_equal(p->inception, 900);
}

static void takes_so_many_rrsets(void **state) {
    (void)state;
    begin(0);
    for (uint16_t i = 0; i < 40; i++) {
        rrsig(PKT_ANSWER, (uint16_t)(100 + i), 5000U - i, 1000, i);
    }
    assert_int_equal(parse(NX_Q_DO), 0);
    assert_int_equal(reply.answer.proof.signatures_n, 40);
    assert_int_equal(reply.answer.proof.expiration,
                     5000 - (NX_PROOF_RRSETS_MAX - 1));
}

/* RFC 4034 section 3.1.5: 2^32 is not the end. */
static void compares_as_serial_numbers(void **state) {
    (void)state;
    begin(0);
    rrsig(PKT_ANSWER, NX_TYPE_A, 10, UINT32_MAX - 5, 1);
    rrsig(PKT_ANSWER, NX_TYPE_NS, UINT32_MAX - 1, 3, 2);
    assert_int_equal(parse(NX_Q_DO), 0);
    assert_int_equal(reply.answer.proof.expiration, UINT32_MAX - 1);
    assert_int_equal(reply.answer.proof.inception, 3);
}

static void reads_denials(void **state) {
    (void)state;
    begin(NX_RCODE_NXDOMAIN);
    pkt_soa(&message, PKT_AUTHORITY, "example.com.", 300, 1, 300);
    nsec3(900, 5);
    nsec3(600, 5);
    assert_int_equal(parse(NX_Q_DO), 0);
    assert_int_equal(reply.answer.proof.denial, NX_DENIAL_NSEC3);
    assert_int_equal(reply.answer.proof.iterations, 5);
    assert_int_equal(reply.answer.proof.denial_ttl_s, 600);
}

/* Looks of resolvers do not ask with DO: what came all the same is left. */
static void only_where_it_was_asked_for(void **state) {
    (void)state;
    begin(0);
    rrsig(PKT_ANSWER, NX_TYPE_A, 2000, 1000, 11);
    assert_int_equal(parse(NX_Q_RD), 0);
    assert_int_equal(reply.answer.proof.signatures_n, 0);
}

static void refuses_what_is_cut_off(void **state) {
    (void)state;
    for (size_t len = 0; len <= 18; len++) {
        static const uint8_t rdata[18] = {0};
        begin(0);
        pkt_raw(&message, PKT_ANSWER, OWNER, NX_TYPE_RRSIG, 300, rdata, len);
        assert_int_equal(parse(NX_Q_DO), NX_EMALFORMED);
    }
    for (size_t len = 0; len < 5; len++) {
        static const uint8_t rdata[5] = {0};
        begin(NX_RCODE_NXDOMAIN);
        pkt_raw(&message, PKT_AUTHORITY, OWNER, NX_TYPE_NSEC3, 300, rdata, len);
        assert_int_equal(parse(NX_Q_DO), NX_EMALFORMED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_narrowest_time),
        cmocka_unit_test(takes_the_best_of_an_rrset),
        cmocka_unit_test(takes_so_many_rrsets),
        cmocka_unit_test(compares_as_serial_numbers),
        cmocka_unit_test(reads_denials),
        cmocka_unit_test(only_where_it_was_asked_for),
        cmocka_unit_test(refuses_what_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
