#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/yaml.h"

struct place {
    char *at;
    uint32_t n;
    int8_t shift;
};

struct raw {
    char *key;
    bool fast;
    struct place *places;
    unsigned places_count;
    char **words;
    unsigned words_count;
    struct place *sub;
    int role;
};

static const cyaml_schema_field_t place_fields[] = {
    CYAML_FIELD_STRING_PTR("at", CYAML_FLAG_POINTER, struct place, at, 1, 9),
    CYAML_FIELD_UINT("n", CYAML_FLAG_OPTIONAL, struct place, n),
    CYAML_FIELD_INT("shift", CYAML_FLAG_OPTIONAL, struct place, shift),
    CYAML_FIELD_END};
static const cyaml_schema_value_t place_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct place, place_fields)};
static const cyaml_schema_value_t word_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 20)};
static const cyaml_strval_t roles[] = {{"network", 1}, {"authority", 2}};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("key", CYAML_FLAG_POINTER, struct raw, key, 1, 10),
    CYAML_FIELD_BOOL("fast", CYAML_FLAG_OPTIONAL, struct raw, fast),
    CYAML_FIELD_SEQUENCE("places", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct raw, places, &place_value, 1, 2),
    CYAML_FIELD_SEQUENCE("words", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         struct raw, words, &word_value, 0, 3),
    CYAML_FIELD_MAPPING_PTR("sub", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct raw, sub, place_fields),
    CYAML_FIELD_ENUM("role", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                     struct raw, role, roles, 2),
    CYAML_FIELD_END};
static const cyaml_schema_value_t top = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, fields)};

static int load(const char *text, size_t len, struct raw **raw,
                struct nx_yaml **doc, char *why) {
    why[0] = '\0';
    return nx_yaml_load("f.yaml", (const uint8_t *)text, len, &top,
                        (void **)raw, doc, why, NX_YAML_WHY_MAX);
}

static void test_good(void **state) {
    (void)state;
    static const char text[] = "# a comment\n"
                               "key: a.key\n"
                               "fast: no\n"
                               "places:\n"
                               "  - at: x\n"
                               "    n: 4294967295\n"
                               "    shift: -128\n"
                               "  - {at: y}\n"
                               "words: [p, q]\n"
                               "sub:\n"
                               "  at: z\n"
                               "role: authority\n";
    struct raw *raw = NULL;
    struct nx_yaml *doc = NULL;
    char why[NX_YAML_WHY_MAX];
    assert_int_equal(load(text, strlen(text), &raw, &doc, why), NX_OK);
    assert_string_equal(raw->key, "a.key");
    assert_false(raw->fast);
    assert_int_equal(raw->places_count, 2);
    assert_int_equal(raw->places[0].n, UINT32_MAX);
    assert_int_equal(raw->places[0].shift, -128);
    assert_string_equal(raw->places[1].at, "y");
    assert_string_equal(raw->words[1], "q");
    assert_string_equal(raw->sub->at, "z");
    assert_int_equal(raw->role, 2);
    assert_int_equal(nx_yaml_line(doc, "key"), 2);
    assert_int_equal(nx_yaml_line(doc, "places[1].at"), 8);
    assert_int_equal(nx_yaml_line(doc, "places[0].n"), 6);
    assert_int_equal(nx_yaml_line(doc, "places[0].gone"), 5);
    assert_int_equal(nx_yaml_line(doc, "places[7]"), 5);
    assert_int_equal(nx_yaml_line(doc, "gone"), 2);
    assert_int_equal(nx_yaml_error(doc, why, sizeof(why), "words[1]",
                                   "%s is \x1b[31m bad", raw->words[1]),
                     NX_ECONFIG);
    assert_string_equal(why, "f.yaml:9: words[1]: q is \\027[31m bad");
    nx_yaml_free(&doc);
    assert_null(doc);
}

static void test_booleans(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool value;
    } rows[] = {{"key: a\nfast: true\n", true},
                {"key: a\nfast: yes\n", true},
                {"key: a\nfast: false\n", false},
                {"key: a\nfast: no\n", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct raw *raw = NULL;
        struct nx_yaml *doc = NULL;
        char why[NX_YAML_WHY_MAX];
        assert_int_equal(
            load(rows[i].text, strlen(rows[i].text), &raw, &doc, why), NX_OK);
        assert_int_equal(raw->fast, rows[i].value);
        nx_yaml_free(&doc);
    }
}

static const struct {
    const char *text;
    const char *why;
} broken[] = {
    {"", "f.yaml:1: empty"},
    {"# only this\n", "f.yaml:1: empty"},
    {"- a\n", "f.yaml:1: expected keys with values (\"key: value\")"},
    {"fast: true\n", "f.yaml:1: key \"key\" is missing"},
    {"key: a\n\nnetwrk: b\n",
     "f.yaml:3: unknown key \"netwrk\" (known: key, fast, places, words, sub, "
     "role)"},
    {"key: a\nfast: maybe\n", "f.yaml:2: fast: \"maybe\" is not true or false"},
    {"key: a\nfast:\n", "f.yaml:2: fast: \"\" is not true or false"},
    {"key:\n", "f.yaml:1: key: must not be empty"},
    {"key: abcdefghijk\n", "f.yaml:1: key: 11 characters, allowed are 1 to 10"},
    {"key: [a]\n", "f.yaml:1: key: expected a single value"},
    {"key: a\nkey: b\n", "f.yaml:2: key: given twice"},
    {"key: a\nplaces: 3\n",
     "f.yaml:2: places: expected a list (\"- item\" or [item, item])"},
    {"key: a\nplaces: []\n", "f.yaml:2: places: 0 entries, allowed are 1 to 2"},
    {"key: a\nplaces:\n  - n: 1\n",
     "f.yaml:3: places[0]: key \"at\" is missing"},
    {"key: a\nplaces:\n  - at: x\n  - at: y\n    n: 3x\n",
     "f.yaml:5: places[1].n: \"3x\" is not a whole number"},
    {"key: a\nsub: {at: x, n: 010}\n",
     "f.yaml:2: sub.n: \"010\" is not a whole number"},
    {"key: a\nsub: {at: x, n: -1}\n", "f.yaml:2: sub.n: -1 is negative"},
    {"key: a\nsub: {at: x, n: 4294967296}\n",
     "f.yaml:2: sub.n: 4294967296 is too large"},
    {"key: a\nsub: {at: x, n: 99999999999999999999999}\n",
     "f.yaml:2: sub.n: 99999999999999999999999 is too large"},
    {"key: a\nsub: {at: x, shift: -129}\n",
     "f.yaml:2: sub.shift: -129 is too large"},
    {"key: a\nsub: {at: x, shift: 128}\n",
     "f.yaml:2: sub.shift: 128 is too large"},
    {"key: a\nrole: boss\n",
     "f.yaml:2: role: \"boss\" is none of: network, authority"},
    {"key: a\nwords:\n  - b\n  - [c]\n",
     "f.yaml:4: words[1]: expected a single value"},
    {"key: a\n\tfast: true\n",
     "f.yaml:2: found a tab character that violates indentation"},
    {"key: 'a\n", "f.yaml:2: found unexpected end of stream"},
    {"key: &x a\nwords: [*x]\n", "f.yaml:2: YAML alias unsupported"},
    {"key: a\n---\nkey: b\n", "f.yaml:3: more than one document"},
    {"? [a]\n: b\n", "f.yaml:1: a key must be a plain word"},
    {"key: \"a\\0b\"\n", "f.yaml:1: key: contains a NUL character"},
    {"key: a\n\"\\e[2J\": 1\n",
     "f.yaml:2: unknown key \"\\027[2J\" (known: key, fast, places, words, "
     "sub, role)"},
    {"key: \x80\n", "f.yaml:1: invalid leading UTF-8 octet"},
};

static void test_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct raw *raw = NULL;
        struct nx_yaml *doc = NULL;
        char why[NX_YAML_WHY_MAX];
        const char *text = broken[i].text;
        assert_int_equal(load(text, strlen(text), &raw, &doc, why), NX_ECONFIG);
        assert_string_equal(why, broken[i].why);
        assert_null(doc);
        assert_null(raw);
    }
}

static void test_too_long(void **state) {
    (void)state;
    static char text[NX_YAML_TEXT_MAX + 1];
    memset(text, '#', sizeof(text));
    struct raw *raw = NULL;
    struct nx_yaml *doc = NULL;
    char why[NX_YAML_WHY_MAX];
    assert_int_equal(load(text, sizeof(text), &raw, &doc, why), NX_ELIMIT);
    assert_string_equal(why, "f.yaml: larger than 1048576 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
