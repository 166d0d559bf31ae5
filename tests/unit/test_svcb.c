/* SVCB and HTTPS records: text to wire and back (RFC 9460 section 2.1, the
 * vectors of its appendix D, and what is wrong), and RDATA of strangers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/engine/rdata.h"
#include "common/rrtype.h"
#include "tests/lib/dice.h"

#define TEXT_MAX 4200

/* out: as shown; NULL: as `in`. wire: in hexadecimal. */
static const struct {
    const char *in, *out, *wire;
} good[] = {
    /* D.1: alias */
    {"0 foo.example.com.", NULL, "000003666f6f076578616d706c6503636f6d00"},
    /* D.2: service */
    {"1 .", NULL, "000100"},
    {"16 foo.example.com. port=53", NULL,
     "001003666f6f076578616d706c6503636f6d00000300020035"},
    {"1 foo.example.com. key667=hello", "1 foo.example.com. key667=\"hello\"",
     "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f"},
    {"1 foo.example.com. key667=\"hello\\210qoo\"", NULL,
     "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f"},
    {"1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
     "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1",
     "000103666f6f076578616d706c6503636f6d0000060020"
     "20010db800000000000000000000000120010db8000000000000000000530001"},
    {"1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
     "1 example.com. ipv6hint=2001:db8:122:344::c000:221",
     "0001076578616d706c6503636f6d00000600"
     "1020010db8012203440000"
     "0000c0000221"},
    {"16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn "
     "ipv4hint=192.0.2.1",
     "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" "
     "ipv4hint=192.0.2.1",
     "001003666f6f076578616d706c65036f726700"
     "0000000400010004"
     "00010009"
     "0268320568332d3139"
     "00040004c0000201"},
    {"16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", NULL,
     "001003666f6f076578616d706c65036f726700"
     "0001000c08665c6f6f2c626172026832"},
    {"16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
     "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
     "001003666f6f076578616d706c65036f726700"
     "0001000c08665c6f6f2c626172026832"},
    /* the other keys */
    {"1 . alpn=h2", "1 . alpn=\"h2\"", "00010000010003026832"},
    {"1\t.\tno-default-alpn  alpn=\"h2\" ", "1 . alpn=\"h2\" no-default-alpn",
     "0001000001000302683200020000"},
    {"1 . ech=AEX+DQ==", NULL,
     "00010000050004"
     "0045fe0d"},
    {"1 . mandatory=key667,port port=0 key667",
     "1 . mandatory=port,key667 "
     "port=0 key667",
     "000100000000040003029b"
     "000300020000"
     "029b0000"},
    {"1 . key1=\"\\002h2\"", "1 . alpn=\"h2\"", "00010000010003026832"},
    {"1 . key65534=\" a=b \"", NULL,
     "000100fffe0005"
     "20613d6220"},
    {"1 . alpn=\"\\\\,\"", NULL, "00010000010002012c"},
    {"\\# 10 0001 00 0001 0003 02 6832", "1 . alpn=\"h2\"",
     "00010000010003026832"},
    {"1 CDN.Example.NET.", "1 cdn.example.net.",
     "00010363646e076578616d706c65036e657400"},
};

static void to_hex(const uint8_t *p, size_t len, char *out) {
    out[0] = '\0';
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", p[i]);
    }
}

static void test_text_and_wire(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint8_t wire[1024];
        char hex[2 * sizeof(wire) + 1];
        char text[TEXT_MAX];
        size_t len = 0;
        int err =
            nx_rdata_parse(NX_TYPE_HTTPS, good[i].in, wire, sizeof(wire), &len);
        if (err != 0) {
            fail_msg("%s: %s", good[i].in, nx_strerror(err));
        }
        to_hex(wire, len, hex);
        assert_string_equal(hex, good[i].wire);
        (void)nx_rdata_present(NX_TYPE_SVCB, wire, len, text, sizeof(text));
        assert_string_equal(text,
                            good[i].out != NULL ? good[i].out : good[i].in);
    }
}

/* D.3 and more: an error, and never another record. */
static void test_bad_text(void **state) {
    static const char *const bad[] = {
        "",
        "1",
        "65536 .",
        "-1 .",
        "1 a..b",
        "1 foo.example.com. key123=abc key123=def", /* D.3 */
        "1 foo.example.com. mandatory",
        "1 foo.example.com. alpn",
        "1 foo.example.com. port",
        "1 foo.example.com. ipv4hint",
        "1 foo.example.com. ipv6hint",
        "1 foo.example.com. no-default-alpn=abc",
        "1 foo.example.com. mandatory=key123",
        "1 foo.example.com. mandatory=mandatory",
        "1 foo.example.com. mandatory=key123,key123 key123=abc",
        "1 . alpn=\"\"",
        "1 . alpn=h2,,h3",
        "1 . alpn=h2,",
        "1 . alpn=\"h2\\\\\"",
        "1 . alpn=\"h2",
        "1 . alpn=\"h2\"x",
        "1 . alpn=h2 alpn=h3",
        "1 . alpn=h2 key1=\"\\002h3\"",
        "1 . ALPN=h2",
        "1 . alpn =h2",
        "1 . =h2",
        "1 . \"alpn=h2\"",
        "1 . port=65536",
        "1 . port=080",
        "1 . port=80x",
        "1 . port=\"80\\000x\"",
        "1 . port=80,81",
        "1 . ipv4hint=192.0.2",
        "1 . ipv4hint=2001:db8::1",
        "1 . ipv4hint=192.0.2.1\\000",
        "1 . ipv6hint=192.0.2.1",
        "1 . ech=\"\"",
        "1 . ech=AEX+DQ",
        "1 . ech=AEX-DQ==",
        "1 . key=1",
        "1 . key01=1",
        "1 . key65535=1",
        "1 . key65536=1",
        "1 . keyx=1",
        "1 . dohpath2=1",
        "1 . key9=\\256",
        "1 . key9=\\",
        "1 . mandatory=nothing",
        "\\# 2 0001",
        "\\# 7 00010000010000", /* an empty list of protocols */
        "\\# 4 00010001",
        "\\# 15 000100"
        "000300020050"
        "000100"
        "0302", /* keys descend */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t wire[1024];
        size_t len = 77;
        int err =
            nx_rdata_parse(NX_TYPE_SVCB, bad[i], wire, sizeof(wire), &len);
        if (err != NX_EMALFORMED || len != 77) {
            fail_msg("%s: %s", bad[i], nx_strerror(err));
        }
    }
}

static void test_limits(void **state) {
    static char text[8192];
    uint8_t wire[1024];
    size_t len = 77;
    (void)state;
    strcpy(text, "1 .");
    for (unsigned i = 0; i < 65; i++) {
        (void)snprintf(text + strlen(text), 16, " key%u", 200 - i);
    }
    assert_int_equal(
        nx_rdata_parse(NX_TYPE_SVCB, text, wire, sizeof(wire), &len),
        NX_ELIMIT);
    text[strlen(text) - strlen(" key136")] = '\0'; /* one fewer */
    assert_int_equal(
        nx_rdata_parse(NX_TYPE_SVCB, text, wire, sizeof(wire), &len), 0);
    assert_int_equal(len, 3 + 64 * 4);
    assert_int_equal(wire[4], 137); /* the lowest first */
    assert_int_equal(nx_rdata_parse(NX_TYPE_SVCB, text, wire, len - 1, &len),
                     NX_ELIMIT);
    memset(text, 'x', sizeof(text));
    memcpy(text, "1 . key9=", 9);
    text[9 + 4097] = '\0';
    assert_int_equal(
        nx_rdata_parse(NX_TYPE_SVCB, text, wire, sizeof(wire), &len),
        NX_ELIMIT);
}

/* Whatever RDATA: printable; what was shown in words is read as the same. */
static void test_any_rdata(void **state) {
    struct dice dice = {.state = 9460};
    unsigned in_words = 0;
    (void)state;
    for (unsigned n = 0; n < 20000; n++) {
        uint8_t rdata[64];
        uint8_t again[sizeof(rdata)];
        char text[TEXT_MAX];
        size_t len = 0;
        const char *wire = good[n % (sizeof(good) / sizeof(good[0]))].wire;
        for (; len < sizeof(rdata) && wire[2 * len] != '\0'; len++) {
            unsigned octet = 0;
            assert_int_equal(sscanf(wire + 2 * len, "%2x", &octet), 1);
            rdata[len] = (uint8_t)octet;
        }
        rdata[dice_below(&dice, (unsigned)len)] =
            (uint8_t)dice_below(&dice, 256);
        len -= dice_below(&dice, 3) == 0 ? dice_below(&dice, (unsigned)len) : 0;
        (void)nx_rdata_present(NX_TYPE_HTTPS, rdata, len, text, sizeof(text));
        for (const char *p = text; *p != '\0'; p++) {
            assert_in_range(*p, 0x20, 0x7e);
        }
        if (text[0] == '\\') {
            continue;
        }
        in_words++;
        size_t again_len = 0;
        int err = nx_rdata_parse(NX_TYPE_HTTPS, text, again, sizeof(again),
                                 &again_len);
        if (err != 0 || again_len != len ||
            nx_rdata_canonical(NX_TYPE_HTTPS, rdata, len) != 0 ||
            memcmp(again, rdata, len) != 0) {
            fail_msg("%s: %s", text, nx_strerror(err));
        }
    }
    assert_in_range(in_words, 5000, 19000); /* both forms were met */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_wire),
        cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_rdata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
