#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/infer/home.h"

/* States by layer: of the device, the network, what is behind it and a
 * resolver for comparison; N_: none is asked. */
#define NOT_ASKED NX_STATE_N_

struct row {
    uint8_t host, network, upstream, control;
    bool authority_denies;
    enum nx_home home;
};

#define DENIED NX_STATE_CACHED_NXDOMAIN
#define GOOD NX_STATE_CLEAR

static const struct row rows[] = {
    /* Nothing denies. */
    {GOOD, GOOD, GOOD, GOOD, false, NX_HOME_NONE},
    {NOT_ASKED, GOOD, NOT_ASKED, NOT_ASKED, false, NX_HOME_NONE},
    {NOT_ASKED, NOT_ASKED, NOT_ASKED, NOT_ASKED, false, NX_HOME_NONE},
    /* A name server does: whatever the caches say. */
    {DENIED, DENIED, DENIED, DENIED, true, NX_HOME_AUTHORITY},
    {NOT_ASKED, NX_STATE_UNKNOWN, NOT_ASKED, NOT_ASKED, true,
     NX_HOME_AUTHORITY},
    {GOOD, GOOD, GOOD, GOOD, true, NX_HOME_AUTHORITY},
    /* The network's resolver does; what is behind it decides. */
    {NOT_ASKED, DENIED, NOT_ASKED, NOT_ASKED, false, NX_HOME_NETWORK},
    {DENIED, DENIED, NOT_ASKED, GOOD, false, NX_HOME_NETWORK},
    {DENIED, DENIED, GOOD, GOOD, false, NX_HOME_FORWARDER},
    {NOT_ASKED, DENIED, DENIED, GOOD, false, NX_HOME_RECURSIVE},
    {NOT_ASKED, DENIED, NX_STATE_UNKNOWN, GOOD, false, NX_HOME_NETWORK},
    {NOT_ASKED, DENIED, NX_STATE_PARTLY_CLEAR, GOOD, false, NX_HOME_RECURSIVE},
    {NOT_ASKED, NX_STATE_POLICY_BLOCKED, GOOD, GOOD, false, NX_HOME_FORWARDER},
    /* The device does alone. */
    {DENIED, GOOD, NOT_ASKED, NOT_ASKED, false, NX_HOME_DEVICE},
    {NX_STATE_CACHED_NODATA, GOOD, GOOD, GOOD, false, NX_HOME_DEVICE},
    /* Only as long as the network answers: a device that is handed denials by
     * a resolver nobody saw holds none of its own. */
    {DENIED, NX_STATE_UNKNOWN, NOT_ASKED, NOT_ASKED, false, NX_HOME_NONE},
    {DENIED, NX_STATE_REFUSED, NOT_ASKED, GOOD, false, NX_HOME_NONE},
    /* Failures and old answers are no denials. */
    {NOT_ASKED, NX_STATE_SERVFAIL_OTHER, NOT_ASKED, GOOD, false, NX_HOME_NONE},
    {NOT_ASKED, NX_STATE_OLD_POSITIVE, GOOD, GOOD, false, NX_HOME_NONE},
    /* What a resolver elsewhere denies says nothing of this network. */
    {NOT_ASKED, GOOD, NOT_ASKED, DENIED, false, NX_HOME_NONE},
    {NOT_ASKED, GOOD, DENIED, GOOD, false, NX_HOME_NONE},
};

static enum nx_home home_of(const struct row *row) {
    struct nx_layer_word words[NX_LAYER_N] = {{0}};
    const uint8_t states[NX_LAYER_N] = {
        [NX_LAYER_HOST] = row->host,
        [NX_LAYER_NETWORK] = row->network,
        [NX_LAYER_CONTROL] = row->control,
        [NX_LAYER_AUTHORITY] = NX_STATE_STILL_NEGATIVE_AT_AUTHORITY,
        [NX_LAYER_UPSTREAM] = row->upstream};
    for (unsigned layer = 0; layer < NX_LAYER_N; layer++) {
        if (states[layer] != NOT_ASKED) {
            nx_home_count(words, layer, states[layer]);
        }
    }
    return nx_home_of(words, row->authority_denies);
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (home_of(&rows[i]) != rows[i].home) {
            fail_msg("row %zu: %s, not %s", i, nx_home_text(home_of(&rows[i])),
                     nx_home_text(rows[i].home));
        }
    }
}

/* A stub may ask any of several resolvers: one that is not good is enough for
 * the denial to come from there. */
static void test_several(void **state) {
    (void)state;
    struct nx_layer_word words[NX_LAYER_N] = {{0}};
    nx_home_count(words, NX_LAYER_HOST, DENIED);
    nx_home_count(words, NX_LAYER_NETWORK, GOOD);
    assert_int_equal(nx_home_of(words, false), NX_HOME_DEVICE);
    nx_home_count(words, NX_LAYER_NETWORK, NX_STATE_UNREACHABLE);
    assert_int_equal(nx_home_of(words, false), NX_HOME_NONE);
    nx_home_count(words, NX_LAYER_NETWORK, DENIED);
    nx_home_count(words, NX_LAYER_UPSTREAM, GOOD);
    assert_int_equal(nx_home_of(words, false), NX_HOME_FORWARDER);
    nx_home_count(words, NX_LAYER_UPSTREAM, NX_STATE_UNKNOWN);
    assert_int_equal(nx_home_of(words, false), NX_HOME_NETWORK);
}

static void test_texts(void **state) {
    (void)state;
    assert_string_equal(nx_home_text(NX_HOME_DEVICE), "device");
    assert_string_equal(nx_home_text(NX_HOME_N_), "?");
    assert_string_equal(nx_layer_text(NX_LAYER_UPSTREAM), "upstream");
    assert_string_equal(nx_layer_text(NX_LAYER_N), "?");
    assert_true(nx_layer_serves(NX_LAYER_HOST));
    assert_false(nx_layer_serves(NX_LAYER_CONTROL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
