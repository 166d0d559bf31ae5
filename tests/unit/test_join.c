/* Join strings and the messages of the enrolment port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/bucket.h"
#include "common/join.h"
#include "common/keyid.h"

static struct nx_join sample(void) {
    struct nx_join join;
    memset(&join, 0, sizeof join);
    for (uint8_t i = 0; i < NX_KEY_BYTES; i++) {
        join.server_key[i] = (uint8_t)(i * 7 + 1);
    }
    memset(join.token, 0xa5, sizeof join.token);
    assert_int_equal(nx_endpoint_parse("192.0.2.1@5531", &join.addresses[0]),
                     NX_OK);
    assert_int_equal(
        nx_endpoint_parse("[2001:db8::1]@5531", &join.addresses[1]), NX_OK);
    join.addresses_n = 2;
    return join;
}

static void assert_same(const struct nx_join *a, const struct nx_join *b) {
    assert_memory_equal(a->server_key, b->server_key, NX_KEY_BYTES);
    assert_memory_equal(a->token, b->token, NX_JOIN_TOKEN_BYTES);
    assert_int_equal(a->addresses_n, b->addresses_n);
    for (size_t i = 0; i < a->addresses_n; i++) {
        assert_memory_equal(a->addresses[i].address, b->addresses[i].address,
                            a->addresses[i].address_len);
        assert_int_equal(a->addresses[i].address_len,
                         b->addresses[i].address_len);
        assert_int_equal(a->addresses[i].port, b->addresses[i].port);
    }
}

static void test_text(void **state) {
    struct nx_join join = sample();
    struct nx_join back;
    char text[NX_JOIN_TEXT_MAX];
    char mailed[2 * NX_JOIN_TEXT_MAX];
    (void)state;
    assert_int_equal(nx_join_text(&join, text), NX_OK);
    assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789"),
                     strlen(text)); /* one word, for a double click */
    assert_int_equal(nx_join_parse(text, &back), NX_OK);
    assert_same(&join, &back);
    (void)snprintf(mailed, sizeof mailed, "  %.20s\r\n\t%s \n", text,
                   text + 20);
    assert_int_equal(nx_join_parse(mailed, &back), NX_OK);
    assert_same(&join, &back);
    for (size_t i = 4; text[i] != '\0'; i++) { /* capitals are as good */
        text[i] = (char)(text[i] >= 'a' ? text[i] - 32 : text[i]);
    }
    assert_int_equal(nx_join_parse(text, &back), NX_OK);
    join.addresses_n = 0;
    assert_int_equal(nx_join_text(&join, text), NX_ELIMIT);
    join.addresses_n = NX_JOIN_ADDRESSES_MAX + 1;
    assert_int_equal(nx_join_text(&join, text), NX_ELIMIT);
    join.addresses_n = 1;
    join.addresses[0].port = 0;
    assert_int_equal(nx_join_text(&join, text), NX_EADDRESS);
}

/* What was cut, mistyped or is something else is told apart and refused. */
static void test_bad_text(void **state) {
    struct nx_join join = sample();
    struct nx_join back;
    char text[NX_JOIN_TEXT_MAX];
    (void)state;
    memset(&back, 0x55, sizeof back);
    const struct nx_join before = back;
    assert_int_equal(nx_join_text(&join, text), NX_OK);
    size_t len = strlen(text);
    for (size_t i = 4; i < len; i++) {
        char was = text[i];
        text[i] = was == 'b' ? 'c' : 'b';
        assert_int_equal(nx_join_parse(text, &back), NX_EMISMATCH);
        text[i] = '!';
        assert_int_equal(nx_join_parse(text, &back), NX_EMISMATCH);
        text[i] = '\0';
        assert_int_equal(nx_join_parse(text, &back), NX_EMISMATCH);
        text[i] = was;
    }
    text[3] = '2';
    assert_int_equal(nx_join_parse(text, &back), NX_EVERSION);
    text[3] = 'x';
    assert_int_equal(nx_join_parse(text, &back), NX_EMALFORMED);
    assert_int_equal(nx_join_parse("", &back), NX_EMALFORMED);
    assert_int_equal(nx_join_parse("nxt_abc", &back), NX_EMALFORMED);
    static char wide[4096];
    memset(wide, 'a', sizeof wide - 1);
    memcpy(wide, "nxj1", 4);
    assert_int_equal(nx_join_parse(wide, &back), NX_EMALFORMED);
    assert_memory_equal(&back, &before, sizeof back); /* untouched */
}

static void test_request(void **state) {
    struct nx_join_request request = {.name = "lyon-1"};
    struct nx_join_request back;
    uint8_t bytes[NX_JOIN_REQUEST_BYTES + 1] = {0};
    (void)state;
    memset(request.token, 3, sizeof request.token);
    nx_join_request_pack(&request, bytes);
    assert_int_equal(nx_join_request_parse(bytes, NX_JOIN_REQUEST_BYTES, &back),
                     NX_OK);
    assert_memory_equal(back.token, request.token, sizeof back.token);
    assert_string_equal(back.name, "lyon-1");
    for (size_t len = 0; len <= sizeof bytes; len++) {
        if (len != NX_JOIN_REQUEST_BYTES) {
            assert_int_equal(nx_join_request_parse(bytes, len, &back),
                             NX_EMALFORMED);
        }
    }
    /* Nothing may hide behind the name, nor in place of the magic. */
    for (size_t i = 0; i < NX_JOIN_REQUEST_BYTES; i++) {
        bytes[i] ^= 0x80;
        int err = nx_join_request_parse(bytes, NX_JOIN_REQUEST_BYTES, &back);
        bool free_octet = i >= 4 && i <= 26; /* token, name */
        assert_int_equal(err, free_octet ? NX_OK : NX_EMALFORMED);
        bytes[i] ^= 0x80;
    }
}

static void test_reply(void **state) {
    struct nx_join join = sample();
    struct nx_join_reply reply = {.verdict = NX_JOIN_ACCEPTED,
                                  .authority = true,
                                  .network = "lyon-office",
                                  .name = "lyon-1",
                                  .addresses_n = 2,
                                  .keys_n = 2};
    struct nx_join_reply back;
    uint8_t bytes[NX_JOIN_REPLY_BYTES];
    (void)state;
    memcpy(reply.addresses, join.addresses, sizeof join.addresses);
    memset(reply.keys[1], 9, NX_KEY_BYTES);
    assert_int_equal(nx_join_reply_pack(&reply, bytes), NX_OK);
    assert_int_equal(nx_join_reply_parse(bytes, sizeof bytes, &back), NX_OK);
    assert_string_equal(back.network, "lyon-office");
    assert_string_equal(back.name, "lyon-1");
    assert_true(back.authority);
    assert_int_equal(back.addresses_n, 2);
    assert_int_equal(back.addresses[1].port, 5531);
    assert_int_equal(back.addresses[1].address_len, 16);
    assert_int_equal(back.keys_n, 2);
    assert_memory_equal(back.keys, reply.keys, sizeof back.keys);
    for (size_t i = 0; i < sizeof bytes; i++) { /* and no byte crashes it */
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1U << bit);
            int err = nx_join_reply_parse(bytes, sizeof bytes, &back);
            assert_true(err == NX_OK || err == NX_EMALFORMED);
            bytes[i] ^= (uint8_t)(1U << bit);
        }
    }
    assert_int_equal(nx_join_reply_parse(bytes, sizeof bytes - 1, &back),
                     NX_EMALFORMED);
    reply.keys_n = NX_JOIN_KEYS_MAX + 1;
    assert_int_equal(nx_join_reply_pack(&reply, bytes), NX_ELIMIT);
}

/* --- names of a key --- */

static void test_key_id(void **state) {
    uint8_t key[32] = {0};
    char id[NX_KEY_ID_LEN + 1];
    char print[NX_KEY_FINGERPRINT_LEN + 1];
    (void)state;
    /* BLAKE2b-256 of 32 zero octets:
     * 89eb0d6a8a691dae2cd15ed0369931ce0a949eca... */
    assert_string_equal(nx_key_id(key, id), "rhvq22ukneo24lgr");
    assert_string_equal(nx_key_fingerprint(key, print),
                        "rhvq-22uk-neo2-4lgr-l3id-ngjr-zyfj-jhwk");
    key[31] = 1;
    assert_string_not_equal(nx_key_id(key, id), "rhvq22ukneo24lgr");
}

/* --- buckets --- */

#define S INT64_C(1000000)

static void test_bucket(void **state) {
    static const struct nx_bucket_rate rate = {.per_s = 10, .burst = 5};
    static const struct nx_bucket_rate none = {.per_s = 0};
    struct nx_bucket bucket = {0};
    int64_t now_us = 100 * S;
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(nx_bucket_take(&bucket, &rate, 1, now_us));
    }
    assert_false(nx_bucket_take(&bucket, &rate, 1, now_us));
    assert_false(nx_bucket_take(&bucket, &rate, 1, now_us + S / 10 - 1));
    assert_true(nx_bucket_take(&bucket, &rate, 1, now_us + S / 10));
    assert_false(nx_bucket_take(&bucket, &rate, 6, now_us + 100 * S));
    assert_true(nx_bucket_take(&bucket, &rate, 5, now_us + 100 * S));
    /* In the long run: the rate. */
    unsigned passed_n = 0;
    for (int64_t us = 200 * S; us < 300 * S; us += 1000) {
        passed_n += nx_bucket_take(&bucket, &rate, 1, now_us + us) ? 1 : 0;
    }
    assert_in_range(passed_n, 1000, 1005);
    /* A clock that goes back costs no more than an empty bucket. */
    assert_false(nx_bucket_take(&bucket, &rate, 1, 5 * S));
    assert_true(nx_bucket_take(&bucket, &rate, 1, 5 * S + S));
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(nx_bucket_take(&bucket, &none, UINT32_MAX, 0));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_request), cmocka_unit_test(test_reply),
        cmocka_unit_test(test_key_id),  cmocka_unit_test(test_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
