/* What an agent believes of its collectors' keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/pins.h"

static const uint8_t *key(uint8_t of) {
    static uint8_t keys[32][NX_KEY_BYTES];
    memset(keys[of], of, NX_KEY_BYTES);
    return keys[of];
}

static struct nx_collector_keys some(const char *of) {
    struct nx_collector_keys keys = {.n = strlen(of)};
    for (size_t i = 0; i < keys.n && i < NX_COLLECTOR_KEYS_MAX; i++) {
        memcpy(keys.list[i], key((uint8_t)(of[i] - '0')), NX_KEY_BYTES);
    }
    return keys;
}

static int take(struct nx_pins *pins, unsigned anchor, unsigned used,
                const char *of, bool *changed) {
    const struct nx_collector_keys keys = some(of);
    return nx_pins_take(pins, key((uint8_t)anchor), key((uint8_t)used), &keys,
                        changed);
}

static void believes(const struct nx_pins *pins, unsigned anchor,
                     const char *of) {
    const struct nx_collector_keys wanted = some(of);
    struct nx_collector_keys keys;
    nx_pins_keys(pins, key((uint8_t)anchor), &keys);
    assert_int_equal(keys.n, wanted.n);
    assert_memory_equal(keys.list, wanted.list, wanted.n * NX_KEY_BYTES);
}

/* Keys 1, then 2 announced, then 2 in force and 1 retired, then 3. */
static void test_rotation(void **state) {
    struct nx_pins pins = {.n = 0};
    bool changed = true;
    (void)state;
    believes(&pins, 1, "1");
    assert_int_equal(take(&pins, 1, 1, "1", &changed), NX_OK);
    assert_false(changed);
    assert_int_equal(pins.n, 0); /* as configured: nothing to keep */
    assert_int_equal(take(&pins, 1, 1, "12", &changed), NX_OK);
    assert_true(changed);
    believes(&pins, 1, "12");
    assert_int_equal(take(&pins, 1, 1, "12", &changed), NX_OK);
    assert_false(changed);
    assert_int_equal(take(&pins, 1, 2, "2", &changed), NX_OK);
    assert_true(changed);
    believes(&pins, 1, "2"); /* the anchor is retired */
    assert_int_equal(take(&pins, 1, 2, "23", &changed), NX_OK);
    believes(&pins, 1, "23");
    believes(&pins, 4, "4"); /* another collector */
}

static void test_what_cannot_be(void **state) {
    struct nx_pins pins = {.n = 0};
    bool changed = false;
    (void)state;
    assert_int_equal(take(&pins, 1, 1, "12", &changed), NX_OK);
    const struct nx_pins before = pins;
    changed = false;
    assert_int_equal(take(&pins, 1, 1, "3", &changed), NX_EDENIED);
    assert_int_equal(take(&pins, 1, 1, "23", &changed), NX_EDENIED);
    assert_int_equal(take(&pins, 1, 1, "", &changed), NX_EMALFORMED);
    assert_int_equal(take(&pins, 1, 1, "122", &changed), NX_EMALFORMED);
    assert_int_equal(take(&pins, 1, 1, "1234", &changed), NX_EMALFORMED);
    for (unsigned i = 11; i < 11 + NX_CONF_COLLECTORS_MAX; i++) {
        int err = take(&pins, i, 1, "19", &changed);
        assert_int_equal(err,
                         i < 10 + NX_CONF_COLLECTORS_MAX ? NX_OK : NX_ELIMIT);
    }
    assert_memory_equal(&pins.list[0], &before.list[0], sizeof(pins.list[0]));
}

/* An owner who writes another key into the configuration begins anew. */
static void test_only_what_is_configured(void **state) {
    struct nx_conf_collector list[1];
    const struct nx_agent_conf conf = {.collectors = list, .collectors_n = 1};
    struct nx_pins pins = {.n = 0};
    bool changed = false;
    (void)state;
    assert_int_equal(take(&pins, 1, 1, "12", &changed), NX_OK);
    assert_int_equal(take(&pins, 3, 3, "34", &changed), NX_OK);
    (void)nx_z85_key_text(key(3), list[0].key);
    nx_pins_keep(&pins, &conf);
    assert_int_equal(pins.n, 1);
    believes(&pins, 1, "1");
    believes(&pins, 3, "34");
}

static void test_text(void **state) {
    struct nx_pins pins = {.n = 0};
    struct nx_pins read;
    char text[NX_PINS_TEXT_MAX];
    bool changed = false;
    (void)state;
    size_t len = nx_pins_text(&pins, text);
    assert_int_equal(nx_pins_parse(text, len, &read), NX_OK);
    assert_int_equal(read.n, 0);
    for (unsigned i = 1; i <= NX_CONF_COLLECTORS_MAX; i++) {
        assert_int_equal(take(&pins, i, 9, i % 2 ? "9" : "789", &changed),
                         NX_OK);
    }
    len = nx_pins_text(&pins, text);
    assert_int_equal(nx_pins_parse(text, len, &read), NX_OK);
    assert_memory_equal(&read, &pins, sizeof(pins));
    /* Cut off anywhere but between two lines, or one octet wrong. */
    for (size_t i = 0; i < len; i++) {
        struct nx_pins none = {.n = 77};
        char damaged[NX_PINS_TEXT_MAX];
        memcpy(damaged, text, len);
        damaged[i] = '\x01';
        assert_int_not_equal(nx_pins_parse(damaged, len, &none), NX_OK);
        if (i == 0 || text[i - 1] != '\n') {
            assert_int_not_equal(nx_pins_parse(text, i, &none), NX_OK);
        }
        assert_int_equal(none.n, 77);
    }
    assert_int_equal(nx_pins_parse("nxclear-pins 2\n", 15, &read), NX_EVERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_only_what_is_configured),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
