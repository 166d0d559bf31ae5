/* The reply parser: what is believed, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/dns/query.h"
#include "agent/dns/reply.h"
#include "tests/lib/packet.h"

#define ID 0x1234U
#define QUERY_NAME "www.example.com."

static struct pkt p;
static struct nx_reply reply;
static uint8_t qname[NX_DNAME_MAX];
static struct nx_question question;

static int setup(void **state) {
    (void)state;
    question = (struct nx_question){.name = qname, .qtype = NX_TYPE_A};
    return nx_dname_parse(QUERY_NAME, qname);
}

static int parse_as(uint16_t type, uint16_t id) {
    question.qtype = type;
    return nx_reply_parse(p.bytes, p.len, id, &question, &reply);
}

static int parse(void) {
    return parse_as(NX_TYPE_A, ID);
}

static void begin(unsigned bits) {
    pkt_begin(&p, ID, PKT_QR | bits, QUERY_NAME, NX_TYPE_A);
}

static const char *text(const uint8_t *name) {
    static char out[NX_DNAME_TEXT_MAX];
    return nx_dname_text(name, out);
}

static void reads_a_denial(void **state) {
    (void)state;
    begin(PKT_RD | PKT_RA | NX_RCODE_NXDOMAIN);
    pkt_soa(&p, PKT_AUTHORITY, "Example.com.", 287, 2026112003, 900);
    assert_int_equal(parse(), 0);
    const struct nx_answer *a = &reply.answer;
    assert_int_equal(a->outcome, NX_ANSWERED);
    assert_int_equal(a->rcode, NX_RCODE_NXDOMAIN);
    assert_int_equal(a->flags, NX_ANS_RA | NX_ANS_SOA);
    assert_string_equal(text(a->soa_owner), "Example.com.");
    assert_int_equal(a->soa_serial, 2026112003);
    assert_int_equal(a->soa_minimum_s, 900);
    assert_int_equal(reply.soa_ttl_s, 287);
    assert_null(a->denied_name);
    assert_int_equal(a->rdata_n, 0);
}

static void sorts_the_rrset_and_drops_duplicates(void **state) {
    (void)state;
    static const uint8_t want[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 20};
    begin(PKT_AA);
    pkt_address(&p, PKT_ANSWER, QUERY_NAME, 300, "192.0.2.20");
    pkt_address(&p, PKT_ANSWER, "WWW.example.COM.", 299, "192.0.2.1");
    pkt_address(&p, PKT_ANSWER, QUERY_NAME, 300, "192.0.2.20");
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.flags, NX_ANS_AA | NX_ANS_RDATA);
    assert_int_equal(reply.answer_ttl_s, 299);
    assert_int_equal(reply.answer.rdata_n, 2);
    assert_int_equal(reply.answer.rdata_len, sizeof(want));
    assert_memory_equal(reply.answer.rdata, want, sizeof(want));
}

static void follows_a_chain_in_any_order(void **state) {
    (void)state;
    begin(0);
    pkt_address(&p, PKT_ANSWER, "c.example.net.", 60, "192.0.2.7");
    pkt_target(&p, PKT_ANSWER, "b.example.net.", NX_TYPE_CNAME, 50,
               "c.example.net.");
    pkt_target(&p, PKT_ANSWER, QUERY_NAME, NX_TYPE_CNAME, 300,
               "b.example.net.");
    pkt_address(&p, PKT_ANSWER, "stray.example.net.", 1, "192.0.2.66");
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.cname_n, 2);
    assert_string_equal(text(reply.answer.denied_name), "c.example.net.");
    assert_int_equal(reply.answer.rdata_n, 1);
    assert_int_equal(reply.answer_ttl_s, 50);
}

static void bounds_the_records(void **state) {
    (void)state;
    begin(PKT_AA);
    for (unsigned i = 0; i < NX_REPLY_RECORDS_MAX; i++) {
        pkt_address(&p, PKT_ANSWER, QUERY_NAME, 300, "192.0.2.1");
    }
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.rdata_n, 1);
    pkt_address(&p, PKT_ANSWER, QUERY_NAME, 300, "192.0.2.1");
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.flags, NX_ANS_AA | NX_ANS_TC);
    assert_int_equal(reply.answer.rdata_n, 0);
}

static void bounds_a_cname_loop(void **state) {
    (void)state;
    begin(0);
    pkt_target(&p, PKT_ANSWER, QUERY_NAME, NX_TYPE_CNAME, 1, "b.example.net.");
    pkt_target(&p, PKT_ANSWER, "b.example.net.", NX_TYPE_CNAME, 1, QUERY_NAME);
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.cname_n, NX_REPLY_CNAME_MAX);
    assert_int_equal(reply.answer.flags & NX_ANS_RDATA, 0);
}

static void decompresses_and_lowers_names_in_rdata(void **state) {
    (void)state;
    static const uint8_t want[] = {0,   22,  0,   10, 2,   'm', 'x', 3,
                                   'w', 'w', 'w', 7,  'e', 'x', 'a', 'm',
                                   'p', 'l', 'e', 3,  'c', 'o', 'm', 0};
    pkt_begin(&p, ID, PKT_QR, QUERY_NAME, NX_TYPE_MX);
    size_t at = pkt_open(&p, PKT_ANSWER, QUERY_NAME, NX_TYPE_MX, 60);
    pkt_u16(&p, 10);
    pkt_put(&p, "\2MX\300\14", 5); /* MX, then a pointer to the question */
    pkt_close(&p, at);
    assert_int_equal(parse_as(NX_TYPE_MX, ID), 0);
    assert_int_equal(reply.answer.rdata_len, sizeof(want));
    assert_memory_equal(reply.answer.rdata, want, sizeof(want));
}

static void reads_edns(void **state) {
    (void)state;
    static const uint8_t options[] = {0,  3,  0, 2, 'n', '1', /* NSID */
                                      0,  15, 0, 4, 0,   22,  'x', 'y', 0,
                                      15, 0,  2, 0, 3,   0,   99,  0,   0};
    begin(1); /* with the OPT: 17 */
    pkt_opt(&p, 1, options, sizeof(options));
    assert_int_equal(parse(), 0);
    const struct nx_answer *a = &reply.answer;
    assert_int_equal(a->rcode, 17);
    assert_int_equal(a->flags, NX_ANS_EDNS);
    assert_int_equal(a->ede_n, 2);
    assert_int_equal(a->ede[0], 22);
    assert_int_equal(a->ede[1], 3);
    assert_int_equal(a->nsid_len, 2);
    assert_memory_equal(a->nsid, "n1", 2);
}

static void keeps_four_extended_errors_and_64_octets_of_nsid(void **state) {
    (void)state;
    uint8_t options[4 + 200 + 6 * 6] = {0, 3, 0, 200};
    for (size_t i = 0; i < 6; i++) {
        static const uint8_t ede[] = {0, 15, 0, 2, 0, 9};
        memcpy(options + 204 + 6 * i, ede, sizeof(ede));
    }
    begin(0);
    pkt_opt(&p, 0, options, sizeof(options));
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.ede_n, NX_ANSWER_EDE_MAX);
    assert_int_equal(reply.answer.nsid_len, NX_ANSWER_NSID_MAX);
}

static void counts_a_ttl_with_the_top_bit_as_0(void **state) {
    (void)state;
    begin(NX_RCODE_NXDOMAIN);
    pkt_soa(&p, PKT_AUTHORITY, "example.com.", 0x80000001U, 1, 0xffffffffU);
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.soa_ttl_s, 0);
    assert_int_equal(reply.answer.soa_minimum_s, 0xffffffffU);
    begin(0);
    pkt_address(&p, PKT_ANSWER, QUERY_NAME, 0xffffffffU, "192.0.2.1");
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer_ttl_s, 0);
}

static void notes_ns_and_soa_where_they_stand(void **state) {
    (void)state;
    begin(0);
    pkt_target(&p, PKT_AUTHORITY, "example.com.", NX_TYPE_NS, 60,
               "ns1.example.com.");
    pkt_address(&p, PKT_EXTRA, "ns1.example.com.", 60, "192.0.2.53");
    pkt_soa(&p, PKT_EXTRA, "rpz.example.net.", 60, 1, 1);
    assert_int_equal(parse(), 0);
    assert_int_equal(reply.answer.flags, NX_ANS_NS | NX_ANS_SOA_ADDITIONAL);
    assert_string_equal(text(reply.answer.ns_owner), "example.com.");
}

static void walks_the_records(void **state) {
    (void)state;
    notes_ns_and_soa_where_they_stand(state);
    struct nx_rr_iter iter;
    struct nx_rr rr;
    uint8_t target[NX_DNAME_MAX];
    nx_rr_iter_init(&iter, p.bytes, p.len);
    assert_true(nx_rr_next(&iter, &rr));
    assert_int_equal(rr.section, NX_SECTION_AUTHORITY);
    assert_int_equal(nx_rr_target(&iter, &rr, target), 0);
    assert_string_equal(text(target), "ns1.example.com.");
    assert_true(nx_rr_next(&iter, &rr));
    assert_int_equal(rr.section, NX_SECTION_EXTRA);
    assert_int_equal(rr.type, NX_TYPE_A);
    assert_memory_equal(p.bytes + rr.rdata_at, "\300\0\2\65", 4);
    assert_true(nx_rr_next(&iter, &rr));
    assert_false(nx_rr_next(&iter, &rr));
    assert_false(iter.broken);
}

static void ignores_what_is_not_the_reply(void **state) {
    (void)state;
    begin(0);
    assert_int_equal(parse_as(NX_TYPE_A, ID + 1), NX_EMISMATCH);
    assert_int_equal(parse_as(NX_TYPE_AAAA, ID), NX_EMISMATCH);
    p.bytes[2] &= 0x7f; /* a query */
    assert_int_equal(parse(), NX_EMISMATCH);
    begin(0x0800); /* opcode 1 */
    assert_int_equal(parse(), NX_EMISMATCH);
    pkt_begin(&p, ID, PKT_QR, "www.example.net.", NX_TYPE_A);
    assert_int_equal(parse(), NX_EMISMATCH);
    begin(0);
    p.bytes[p.len - 1] = 3; /* class CHAOS */
    assert_int_equal(parse(), NX_EMISMATCH);
    for (p.len = 0; p.len < NX_HEADER_BYTES; p.len++) {
        assert_int_equal(parse(), NX_EMISMATCH);
    }
}

static void accepts_the_question_in_other_case(void **state) {
    (void)state;
    pkt_begin(&p, ID, PKT_QR, "wWw.eXample.COM.", NX_TYPE_A);
    assert_int_equal(parse(), 0);
}

static void refuses_every_truncation_and_any_junk(void **state) {
    (void)state;
    begin(NX_RCODE_NXDOMAIN);
    pkt_target(&p, PKT_ANSWER, QUERY_NAME, NX_TYPE_CNAME, 1, "b.example.net.");
    pkt_soa(&p, PKT_AUTHORITY, "example.com.", 60, 1, 1);
    pkt_opt(&p, 0, "\0\3\0\1x", 5);
    size_t whole = p.len;
    assert_int_equal(parse(), 0);
    for (p.len = NX_HEADER_BYTES; p.len < whole; p.len++) {
        assert_int_equal(parse(), NX_EMALFORMED);
    }
    p.len = whole;
    pkt_u8(&p, 0);
    assert_int_equal(parse(), NX_EMALFORMED);
}

/* Unbound's access control refuses with nothing but a header. */
static void takes_a_bare_error(void **state) {
    static const struct {
        unsigned rcode;
        int err;
    } rows[] = {{NX_RCODE_REFUSED, 0},
                {NX_RCODE_SERVFAIL, 0},
                {NX_RCODE_NOERROR, NX_EMALFORMED},
                {NX_RCODE_NXDOMAIN, NX_EMALFORMED}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i].rcode);
        p.len = NX_HEADER_BYTES;
        p.bytes[5] = 0;
        assert_int_equal(parse(), rows[i].err);
        if (rows[i].err == 0) {
            assert_int_equal(reply.answer.rcode, rows[i].rcode);
        }
        p.bytes[7] = 1; /* an answer that is not there */
        assert_int_equal(parse(), NX_EMALFORMED);
    }
}

static void refuses_other_than_one_question(void **state) {
    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        begin(0);
        p.bytes[5] = (uint8_t)n;
        assert_int_equal(parse(), n == 1 ? 0 : NX_EMALFORMED);
    }
}

/* One record of a type with a wrong RDATA. */
struct bad_rdata {
    uint16_t type;
    const char *bytes;
    size_t len;
};

static void refuses_rdata_that_breaks_its_type(void **state) {
    (void)state;
    static const struct bad_rdata bad[] = {
        {NX_TYPE_A, "\1\2\3", 3},
        {NX_TYPE_A, "\1\2\3\4\5", 5},
        {NX_TYPE_A, "", 0},
        {NX_TYPE_AAAA, "\1\2\3\4", 4},
        {NX_TYPE_NS, "", 0},
        {NX_TYPE_NS, "\1a\0x", 4},
        {NX_TYPE_CNAME, "\1a", 2},
        {NX_TYPE_DNAME, "\77", 1},
        {NX_TYPE_PTR, "\100a\0", 3}, /* label type 01 */
        {NX_TYPE_MX, "\0", 1},
        {NX_TYPE_MX, "\0\1", 2},
        {NX_TYPE_SRV, "\0\1\0\1\0", 5},
        {NX_TYPE_SOA, "\0\0\0\0\0\1", 6},
        {NX_TYPE_SOA, "\0\0........................", 26},
        {NX_TYPE_TXT, "", 0},
        {NX_TYPE_TXT, "\3ab", 3},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        begin(0);
        pkt_raw(&p, PKT_EXTRA, "x.example.com.", bad[i].type, 1, bad[i].bytes,
                bad[i].len);
        pkt_u32(&p, 0); /* what a reader past the end would find */
        p.len -= 4;
        assert_int_equal(parse(), NX_EMALFORMED);
    }
}

static void refuses_bad_compression(void **state) {
    (void)state;
    static const uint8_t targets[][2] = {
        {0xc0, 0},    /* into the header */
        {0xc0, 11},   /* likewise */
        {0xc0, 33},   /* to itself: the owner is at 33 */
        {0xc0, 34},   /* forward */
        {0xff, 0xff}, /* past the end */
    };
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        begin(0);
        assert_int_equal(p.len, 33);
        p.bytes[7] = 1;
        pkt_put(&p, targets[i], 2);
        pkt_put(&p, "\0\1\0\1\0\0\0\1\0\4\300\0\2\1", 14);
        assert_int_equal(parse(), NX_EMALFORMED);
    }
}

/* Two pointers that point at each other: one of them goes forward. */
static void refuses_a_compression_loop(void **state) {
    (void)state;
    begin(0);
    p.bytes[7] = 1;
    pkt_put(&p, "\1a\300\14", 4); /* fine: backwards to the question */
    pkt_put(&p, "\0\5\0\1\0\0\0\1\0\4", 10);
    size_t at = p.len;
    pkt_u8(&p, 0xc0);
    pkt_u8(&p, (unsigned)at + 2);
    pkt_u8(&p, 0xc0);
    pkt_u8(&p, (unsigned)at);
    assert_int_equal(parse(), NX_EMALFORMED);
}

/* Pointers to pointers: thousands of them behind each of thousands of names
 * would keep the agent busy for seconds. */
static void refuses_long_chains_of_pointers(void **state) {
    (void)state;
    for (unsigned hops = 100; hops <= 300; hops += 200) {
        begin(0);
        size_t at = pkt_open(&p, PKT_EXTRA, ".", 10 /* NULL */, 1);
        unsigned to = NX_HEADER_BYTES;
        for (unsigned i = 1; i < hops; i++) {
            unsigned here = (unsigned)p.len;
            pkt_u16(&p, 0xc000U | to);
            to = here;
        }
        pkt_close(&p, at);
        p.bytes[11]++;
        pkt_u16(&p, 0xc000U | to);
        pkt_put(&p, "\0\20\0\1\0\0\0\1\0\1\0", 11);
        assert_int_equal(parse(), hops < 200 ? 0 : NX_EMALFORMED);
    }
}

/* 255 octets are a name, 256 are none, however short the message. */
static void bounds_the_length_of_a_name(void **state) {
    (void)state;
    begin(0);
    p.bytes[9] = 1;
    size_t label = p.len;
    for (unsigned i = 0; i < 3; i++) {
        pkt_u8(&p, 63);
        for (unsigned k = 0; k < 63; k++) {
            pkt_u8(&p, 'a');
        }
    }
    pkt_u8(&p, 46 - 1);
    for (unsigned k = 0; k < 45; k++) {
        pkt_u8(&p, 'b');
    }
    pkt_put(&p, "\300\14", 2); /* 3 * 64 + 46 + 17 = 255 */
    pkt_put(&p, "\0\20\0\1\0\0\0\1\0\1\0", 11);
    assert_int_equal(parse(), 0);
    p.len -= 13; /* one octet more */
    p.bytes[label + 3 * 64]++;
    pkt_u8(&p, 'b');
    pkt_put(&p, "\300\14", 2);
    pkt_put(&p, "\0\20\0\1\0\0\0\1\0\1\0", 11);
    assert_int_equal(parse(), NX_EMALFORMED);
}

static void refuses_a_second_or_misplaced_opt(void **state) {
    (void)state;
    begin(0);
    pkt_opt(&p, 0, "", 0);
    assert_int_equal(parse(), 0);
    pkt_opt(&p, 0, "", 0);
    assert_int_equal(parse(), NX_EMALFORMED);
    begin(0);
    pkt_raw(&p, PKT_ANSWER, ".", NX_TYPE_OPT, 0, "", 0);
    assert_int_equal(parse(), NX_EMALFORMED);
    begin(0);
    pkt_raw(&p, PKT_EXTRA, "a.", NX_TYPE_OPT, 0, "", 0);
    assert_int_equal(parse(), NX_EMALFORMED);
    begin(0);
    pkt_opt(&p, 0, "\0\3\0\5x", 5);
    assert_int_equal(parse(), NX_EMALFORMED);
    begin(0);
    pkt_opt(&p, 0, "\0\17\0\1x", 5); /* EDE without a code */
    assert_int_equal(parse(), NX_EMALFORMED);
}

static void keeps_strange_octets_in_names(void **state) {
    (void)state;
    begin(0);
    pkt_target(&p, PKT_ANSWER, QUERY_NAME, NX_TYPE_CNAME, 1,
               "\\027[2J\\000\\255<b>\\034.example.net.");
    assert_int_equal(parse(), 0);
    assert_string_equal(text(reply.answer.denied_name),
                        "\\027[2J\\000\\255<b>\\034.example.net.");
}

/* Records in both directions give the same first part of a large RRset. */
static void cuts_a_large_rrset_the_same_way(void **state) {
    (void)state;
    uint8_t first[NX_ANSWER_RDATA_MAX];
    for (int turn = 0; turn < 2; turn++) {
        begin(0);
        for (int i = 0; i < 500; i++) {
            int k = turn == 0 ? i : 499 - i;
            uint8_t rdata[4] = {10, 0, (uint8_t)(k >> 8), (uint8_t)k};
            pkt_raw(&p, PKT_ANSWER, "www.example.com.", NX_TYPE_A,
                    (uint32_t)(100 + k), rdata, 4);
            p.len -= 31; /* the owner again, compressed */
            pkt_put(&p, "\300\14\0\1\0\1\0\0\0", 9);
            pkt_u8(&p, 100);
            pkt_u16(&p, 4);
            pkt_put(&p, rdata, 4);
        }
        assert_int_equal(parse(), 0);
        assert_int_equal(reply.answer.rdata_n, NX_ANSWER_RECORDS_MAX);
        assert_true((reply.answer.flags & NX_ANS_PARTIAL) != 0);
        if (turn == 0) {
            memcpy(first, reply.answer.rdata, reply.answer.rdata_len);
        } else {
            assert_memory_equal(first, reply.answer.rdata,
                                reply.answer.rdata_len);
        }
    }
}

static void marks_a_record_too_large_to_keep(void **state) {
    (void)state;
    static uint8_t rdata[60000];
    pkt_begin(&p, ID, PKT_QR, QUERY_NAME, 65280);
    pkt_raw(&p, PKT_ANSWER, QUERY_NAME, 65280, 1, rdata, sizeof(rdata));
    assert_int_equal(parse_as(65280, ID), 0);
    assert_int_equal(reply.answer.flags, NX_ANS_RDATA | NX_ANS_PARTIAL);
    assert_int_equal(reply.answer.rdata_n, 0);
}

/* Only what is of the question's class is its answer (RFC 1035 section 3.2.4).
 */
static void reads_the_class_asked_for(void **state) {
    (void)state;
    static const uint8_t id[] = {4, 'r', 'e', 's', '1'};
    for (unsigned i = 0; i < 3; i++) {
        pkt_begin(&p, ID, PKT_QR | PKT_AA, QUERY_NAME, NX_TYPE_TXT);
        p.bytes[p.len - 1] = 3; /* the question's class: CH */
        size_t at = p.len + nx_dname_len(question.name) + 3;
        pkt_raw(&p, PKT_ANSWER, QUERY_NAME, NX_TYPE_TXT, 0, id, sizeof(id));
        p.bytes[at] = i == 1 ? 1 : 3; /* ... and the record's */
        question.flags = i == 2 ? 0 : NX_Q_CH;
        assert_int_equal(parse_as(NX_TYPE_TXT, ID), i == 2 ? NX_EMISMATCH : 0);
        if (i == 0) {
            assert_int_equal(reply.answer.flags, NX_ANS_AA | NX_ANS_RDATA);
            assert_int_equal(reply.answer.rdata_len, 2 + sizeof(id));
            assert_memory_equal(reply.answer.rdata + 2, id, sizeof(id));
        } else if (i == 1) {
            assert_int_equal(reply.answer.flags, NX_ANS_AA);
        }
    }
    question.flags = 0;
}

static void builds_the_query_as_stubs_do(void **state) {
    (void)state;
    static const uint8_t want[] = {
        0x12, 0x34, 1,   0,   0,    1,   0,   0,   0,   0,   0,
        1,    3,    'w', 'w', 'w',  7,   'e', 'x', 'a', 'm', 'p',
        'l',  'e',  3,   'c', 'o',  'm', 0,   0,   1,   0,   1, /* question */
        0,    0,    41,  4,   0xd0, 0,   0,   0,   0,   0,   0};
    uint8_t out[NX_QUERY_MAX_BYTES];
    question.qtype = NX_TYPE_A;
    question.flags = NX_Q_RD;
    assert_int_equal(nx_query_build(&question, ID, out), sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
}

static void builds_the_flags_asked_for(void **state) {
    (void)state;
    uint8_t out[NX_QUERY_MAX_BYTES];
    question.flags = NX_Q_CD | NX_Q_DO | NX_Q_NSID;
    size_t n = nx_query_build(&question, ID, out);
    assert_int_equal(out[2], 0);    /* no RD */
    assert_int_equal(out[3], 0x10); /* CD */
    assert_memory_equal(out + n - 10, "\0\0\200\0\0\4\0\3\0\0", 10);
    question.flags = NX_Q_AD | NX_Q_CH;
    n = nx_query_build(&question, ID, out);
    assert_int_equal(out[3], 0x20);
    assert_int_equal(out[n - 12], 3); /* the class, before the OPT */
    question.flags = 0;
    n = nx_query_build(&question, ID, out);
    assert_memory_equal(out + n - 11, "\0\0\51\4\320\0\0\0\0\0\0", 11);
    question.udp_bytes = 4096;
    n = nx_query_build(&question, ID, out);
    assert_memory_equal(out + n - 11, "\0\0\51\20\0\0\0\0\0\0\0", 11);
    question.udp_bytes = 0;
}

static void builds_the_longest_name(void **state) {
    (void)state;
    uint8_t name[NX_DNAME_MAX];
    uint8_t out[NX_QUERY_MAX_BYTES];
    for (size_t i = 0; i < 254; i += 2) {
        name[i] = 1;
        name[i + 1] = 'x';
    }
    name[254] = 0;
    struct nx_question q = {.name = name, .qtype = 1, .flags = NX_Q_FLAGS_ALL};
    assert_int_equal(nx_query_build(&q, ID, out), 12 + 255 + 4 + 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_a_denial, setup),
        cmocka_unit_test_setup(reads_the_class_asked_for, setup),
        cmocka_unit_test_setup(sorts_the_rrset_and_drops_duplicates, setup),
        cmocka_unit_test_setup(follows_a_chain_in_any_order, setup),
        cmocka_unit_test_setup(bounds_the_records, setup),
        cmocka_unit_test_setup(bounds_a_cname_loop, setup),
        cmocka_unit_test_setup(decompresses_and_lowers_names_in_rdata, setup),
        cmocka_unit_test_setup(reads_edns, setup),
        cmocka_unit_test_setup(keeps_four_extended_errors_and_64_octets_of_nsid,
                               setup),
        cmocka_unit_test_setup(counts_a_ttl_with_the_top_bit_as_0, setup),
        cmocka_unit_test_setup(notes_ns_and_soa_where_they_stand, setup),
        cmocka_unit_test_setup(walks_the_records, setup),
        cmocka_unit_test_setup(ignores_what_is_not_the_reply, setup),
        cmocka_unit_test_setup(accepts_the_question_in_other_case, setup),
        cmocka_unit_test_setup(refuses_every_truncation_and_any_junk, setup),
        cmocka_unit_test_setup(takes_a_bare_error, setup),
        cmocka_unit_test_setup(refuses_other_than_one_question, setup),
        cmocka_unit_test_setup(refuses_rdata_that_breaks_its_type, setup),
        cmocka_unit_test_setup(refuses_bad_compression, setup),
        cmocka_unit_test_setup(refuses_a_compression_loop, setup),
        cmocka_unit_test_setup(refuses_long_chains_of_pointers, setup),
        cmocka_unit_test_setup(bounds_the_length_of_a_name, setup),
        cmocka_unit_test_setup(refuses_a_second_or_misplaced_opt, setup),
        cmocka_unit_test_setup(keeps_strange_octets_in_names, setup),
        cmocka_unit_test_setup(cuts_a_large_rrset_the_same_way, setup),
        cmocka_unit_test_setup(marks_a_record_too_large_to_keep, setup),
        cmocka_unit_test_setup(builds_the_query_as_stubs_do, setup),
        cmocka_unit_test_setup(builds_the_flags_asked_for, setup),
        cmocka_unit_test_setup(builds_the_longest_name, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
