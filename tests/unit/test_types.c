/* Each record type on its whole way: named at the command line, asked by the
 * agent, read from the reply, shown, and compared with what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/dns/query.h"
#include "agent/dns/reply.h"
#include "collector/cli/args.h"
#include "collector/engine/incident.h"
#include "collector/infer/look.h"
#include "tests/lib/packet.h"

#define ID 0x1234
#define NAME "www.example.com"

/* out: as shown; NULL: as `in`. */
static const struct {
    const char *type;
    uint16_t number;
    const char *in, *out;
    uint8_t rdata[80];
    size_t len;
} rows[] = {
    {"A", 1, "192.0.2.80", NULL, {192, 0, 2, 80}, 4},
    {"AAAA", 28, "2001:db8::1", NULL, {0x20, 1, 13, 0xb8, [15] = 1}, 16},
    {"CNAME", 5, "Cdn.example.net.", "cdn.example.net.", "\3cdn\7example\3net",
     17},
    {"MX", 15, "10 mail.example.com.", NULL, "\0\12\4mail\7example\3com", 20},
    {"TXT", 16, "\"v=spf1 -all\"", NULL, "\13v=spf1 -all", 12},
    {"CAA", 257, "0 issue \"ca.example.net\"", NULL, "\0\5issueca.example.net",
     21},
    {"HTTPS", 65, "1 . alpn=\"h2,h3\" port=8443 ipv4hint=192.0.2.80", NULL,
     "\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\x20\xfb\0\4\0\4\300\0\2\120", 27},
    {"SVCB", 64, "0 Pool.example.net.", "0 pool.example.net.",
     "\0\0\4POOL\7example\3net", 20},
    {"NS", 2, "ns1.example.com.", NULL, "\3ns1\7example\3com", 17},
    {"SRV", 33, "1 2 5060 sip.example.com.", NULL,
     "\0\1\0\2\23\304\3sip\7example\3com", 23},
    {"PTR", 12, "host.example.com.", NULL, "\4host\7example\3com", 18},
    {"DS",
     43,
     "60485 13 2 2BB183AF",
     NULL,
     {0xec, 0x45, 13, 2, 0x2b, 0xb1, 0x83, 0xaf},
     8},
    {"SOA", 6, "ns1.example.com. root.example.com. 7 3600 600 86400 300", NULL,
     "\3ns1\7example\3com\0\4root\7example\3com\0"
     "\0\0\0\7\0\0\16\20\0\0\2\130\0\1\121\200\0\0\1\54",
     55},
    {"TYPE65280", 65280, "\\# 4 C0000250", NULL, {192, 0, 2, 80}, 4},
};

static void named(const char *type) {
    static char why[NX_ARGS_WHY_MAX];
    static struct nx_args args;
    const char *argv[] = {"incident", "open", NAME, type, "--restored", "auto"};
    if (nx_args_parse(argv, 6, NULL, 0, &args, why) != 0) {
        fail_msg("%s: %s", type, why);
    }
    assert_int_equal(args.types_n, 1);
    assert_string_equal(args.types[0], type);
}

/* Type in the question: after the header and the name. */
static void asked(const struct nx_question *question) {
    uint8_t out[NX_QUERY_MAX_BYTES];
    size_t at = 12 + nx_dname_len(question->name);
    assert_true(nx_query_build(question, ID, out) > at + 2);
    assert_int_equal((unsigned)out[at] << 8 | out[at + 1], question->qtype);
}

/* The reply with the row's record, read and shown. */
static void read_reply(size_t i, const struct nx_question *question,
                       struct nx_reply *reply) {
    static struct pkt packet;
    char text[512];
    pkt_begin(&packet, ID, PKT_QR | PKT_RD | PKT_RA, NAME, rows[i].number);
    pkt_raw(&packet, PKT_ANSWER, NAME, rows[i].number, 60, rows[i].rdata,
            rows[i].len);
    if (nx_reply_parse(packet.bytes, packet.len, ID, question, reply) != 0) {
        fail_msg("%s: the reply is not read", rows[i].type);
    }
    assert_int_equal(reply->answer.rdata_n, 1);
    assert_string_equal(nx_rdata_text(question->qtype, reply->answer.rdata,
                                      reply->answer.rdata_len, 0, text,
                                      sizeof(text)),
                        rows[i].out != NULL ? rows[i].out : rows[i].in);
}

static unsigned kind_of(const struct nx_question *question,
                        const struct nx_reply *reply,
                        const struct nx_incident_item *item) {
    const struct nx_obs obs = {.question = question,
                               .answer = &reply->answer,
                               .answer_ttl_s = reply->answer_ttl_s};
    const struct nx_expect expect = {.rdata = item->rdata,
                                     .rdata_len = item->rdata_len,
                                     .rdata_n = item->rdata_n};
    struct nx_look look;
    nx_look_from_obs(&obs, &expect, NULL, 0, 0, &look);
    assert_int_equal(look.r_s, 60);
    return look.kind;
}

static void test_every_type(void **state) {
    static struct nx_reply reply;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t name[NX_DNAME_MAX];
        char mnemonic[NX_RRTYPE_TEXT_MAX];
        struct nx_question question = {.name = name, .flags = NX_Q_RD};
        struct nx_incident_item item = {.qtype = rows[i].number};
        named(rows[i].type);
        assert_int_equal(nx_dname_parse(NAME, name), 0);
        assert_int_equal(nx_rrtype_parse(rows[i].type, &question.qtype), 0);
        assert_int_equal(question.qtype, rows[i].number);
        assert_string_equal(nx_rrtype_text(question.qtype, mnemonic),
                            rows[i].type);
        asked(&question);
        read_reply(i, &question, &reply);
        assert_int_equal(nx_incident_expect(&item, rows[i].in), 0);
        assert_int_equal(kind_of(&question, &reply, &item), NX_KIND_POS);
        item.rdata[item.rdata_len - 1] ^= 1; /* something else is expected */
        assert_int_equal(kind_of(&question, &reply, &item), NX_KIND_POS_OTHER);
    }
}

/* Those that are no question about an RRset. */
static void test_no_types(void **state) {
    static const char *const texts[] = {"ANY",   "OPT",       "AXFR",   "TYPE",
                                        "TYPE0", "TYPE65536", "TYPE41", "B",
                                        "",      "TYPE-1",    "TYPE255"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint16_t number = 7;
        assert_int_equal(nx_rrtype_parse(texts[i], &number), NX_ETYPE);
        assert_int_equal(number, 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_no_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
