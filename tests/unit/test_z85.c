#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/z85.h"

/* The test key of ZeroMQ RFC 32 and libzmq. */
#define TEXT "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
static const uint8_t key[NX_KEY_BYTES] = {
    0xbb, 0x88, 0x47, 0x1d, 0x65, 0xe2, 0x65, 0x9b, 0x30, 0xc5, 0x5a,
    0x53, 0x21, 0xce, 0xbb, 0x5a, 0xab, 0x2b, 0x70, 0xa3, 0x98, 0x64,
    0x5c, 0x26, 0xdc, 0xa2, 0xb2, 0xfc, 0xb4, 0x3f, 0xc5, 0x18};

static void test_both_ways(void **state) {
    (void)state;
    uint8_t out[NX_KEY_BYTES];
    char text[NX_KEY_TEXT_MAX];
    assert_int_equal(nx_z85_key_parse(TEXT, out), NX_OK);
    assert_memory_equal(out, key, sizeof(key));
    assert_string_equal(nx_z85_key_text(key, text), TEXT);
    memset(out, 0xff, sizeof(out));
    uint8_t again[NX_KEY_BYTES];
    assert_int_equal(nx_z85_key_parse(nx_z85_key_text(out, text), again),
                     NX_OK);
    assert_memory_equal(out, again, sizeof(out));
}

static void test_refused(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf",   /* 39 */
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf78", /* 41 */
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\"", /* not in Z85 */
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf ",  /* not in Z85 */
        "#####>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",  /* over 2^32 - 1 */
    };
    uint8_t out[NX_KEY_BYTES] = {7};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(nx_z85_key_parse(rows[i], out), NX_EMALFORMED);
        assert_int_equal(out[0], 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
