/* Labels of networks and agents: values, conditions, which source counts, and
 * what becomes of them in the status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/status_bench.h"

static int set(struct nx_labels *labels, const char *key, const char *value) {
    const char *why = NULL;
    int err = nx_labels_set(labels, nx_label_key_of(key), value, &why);
    assert_true(err == 0 || why != NULL);
    return err;
}

static void test_values(void **state) {
    static const struct {
        const char *key, *value, *shown; /* NULL: refused */
    } rows[] = {
        {"site", "lyon", "lyon"},
        {"site", "Saint-\xc3\x89tienne", "Saint-\xc3\x89tienne"},
        {"site", "a\x1b[2J", NULL},
        {"site", "a\xc2\x9b", NULL},
        {"site", "\xff", NULL},
        {"site", "\xc3", NULL},
        {"site",
         "0123456789012345678901234567890123456789012345678901234567890123",
         NULL},
        {"provider", "Example ISP", "Example ISP"},
        {"asn", "64500", "64500"},
        {"asn", "AS4294967295", "4294967295"},
        {"asn", "4294967296", NULL},
        {"asn", "0", NULL},
        {"asn", "AS", NULL},
        {"asn", "-1", NULL},
        {"country", "fr", "FR"},
        {"country", "F", NULL},
        {"country", "FRA", NULL},
        {"country", "F1", NULL},
        {"weight", "120", "120"},
        {"weight", "0", "0"},
        {"weight", "0.5", "0.5"},
        {"weight", "-1", NULL},
        {"weight", "1e3", NULL},
        {"weight", "nan", NULL},
        {"weight", "0x10", NULL},
        {"weight", "1000000001", NULL},
        {"weight", "1.2.3", NULL},
        {"colour", "red", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_labels l;
        char number[NX_LABEL_VALUE_MAX];
        nx_labels_init(&l);
        assert_true(nx_labels_empty(&l));
        if (rows[i].shown == NULL) {
            assert_int_equal(set(&l, rows[i].key, rows[i].value),
                             NX_EMALFORMED);
            assert_true(nx_labels_empty(&l)); /* untouched */
            continue;
        }
        enum nx_label_key key = nx_label_key_of(rows[i].key);
        assert_int_equal(set(&l, rows[i].key, rows[i].value), 0);
        assert_string_equal(nx_labels_text(&l, key, number), rows[i].shown);
        assert_false(nx_labels_empty(&l));
        assert_int_equal(set(&l, rows[i].key, ""), 0);
        assert_true(nx_labels_empty(&l));
    }
}

static void test_where(void **state) {
    static const char *const bad[] = {
        "",           "site",    "site=",     "=lyon", "weight=1",
        "colour=red", "asn=abc", "country=1", "a=b=c", "resolver="};
    struct nx_where where = {.n = 0};
    struct nx_labels l;
    const char *why = NULL;
    (void)state;
    nx_labels_init(&l);
    assert_int_equal(set(&l, "site", "lyon"), 0);
    assert_int_equal(set(&l, "asn", "64500"), 0);
    assert_true(nx_where_holds(&where, &l));
    assert_int_equal(nx_where_add(&where, "site=lyon", &why), 0);
    assert_int_equal(nx_where_add(&where, "asn=AS64500", &why), 0);
    assert_true(nx_where_holds(&where, &l));
    assert_int_equal(
        nx_where_add(&where, "resolver=[2001:db8::1]@853/tls", &why), 0);
    assert_string_equal(where.resolver, "[2001:db8::1]@853/tls");
    assert_int_equal(nx_where_add(&where, "resolver=192.0.2.1@53", &why),
                     NX_ELIMIT);
    assert_true(nx_where_holds(&where, &l));
    assert_int_equal(nx_where_add(&where, "country=fr", &why), 0);
    assert_false(nx_where_holds(&where, &l));
    assert_int_equal(set(&l, "country", "FR"), 0);
    assert_true(nx_where_holds(&where, &l));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = NULL;
        assert_int_equal(nx_where_add(&where, bad[i], &why), NX_EMALFORMED);
        assert_non_null(why);
    }
    while (where.n < NX_WHERE_MAX) {
        assert_int_equal(nx_where_add(&where, "site=lyon", &why), 0);
    }
    assert_int_equal(nx_where_add(&where, "site=lyon", &why), NX_ELIMIT);
}

/* --- in the engine --- */

static void say(struct engine_bench *b, enum nx_label_kind kind,
                const char *name, enum nx_label_source source, const char *key,
                const char *value) {
    struct nx_labels l;
    nx_engine_labels_own(b->engine, kind, name, source, &l);
    assert_int_equal(set(&l, key, value), 0);
    assert_int_equal(nx_engine_labels_set(b->engine, kind, name, source, &l),
                     0);
}

static void say_network(struct engine_bench *b, const char *name,
                        const char *key, const char *value) {
    say(b, NX_LABELS_OF_NETWORK, name, NX_LABELS_STORED, key, value);
}

static void test_sources(void **state) {
    struct engine_bench *b = *state;
    const struct nx_agent lyon = {.name = "lyon", .network = "lyon"};
    struct nx_labels l;
    nx_engine_network_labels(b->engine, "lyon", &l);
    assert_float_equal(l.weight, 1.0, 0);
    assert_string_equal(l.site, "");
    say_network(b, "lyon", "site", "Lyon");
    say(b, NX_LABELS_OF_NETWORK, "lyon", NX_LABELS_CONFIGURED, "site", "FR1");
    say(b, NX_LABELS_OF_NETWORK, "lyon", NX_LABELS_CONFIGURED, "weight", "40");
    say(b, NX_LABELS_OF_AGENT, "lyon", NX_LABELS_STORED, "provider", "Two");
    nx_engine_network_labels(b->engine, "lyon", &l);
    assert_string_equal(l.site, "Lyon"); /* said last counts */
    assert_string_equal(l.provider, "");
    assert_float_equal(l.weight, 40.0, 0);
    nx_engine_agent_labels(b->engine, &lyon, &l);
    assert_string_equal(l.site, "Lyon"); /* its network's */
    assert_string_equal(l.provider, "Two");
    assert_float_equal(l.weight, 1.0,
                       0); /* its part, not the network's clients */
    say_network(b, "lyon", "site", "");
    nx_engine_network_labels(b->engine, "lyon", &l);
    assert_string_equal(l.site, "FR1");
    nx_engine_labels_forget(b->engine, NX_LABELS_CONFIGURED);
    nx_engine_network_labels(b->engine, "lyon", &l);
    assert_string_equal(l.site, "");
    assert_float_equal(l.weight, 1.0, 0);
}

/* --- in the status: lyon denied, oslo clear --- */

static void two_networks(struct engine_bench *b) {
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    for (unsigned i = 0; i < 60; i++) {
        sees_address(b, OSLO, 1, T0 + S + i * S / 10);
    }
    tick(b, T0 + 10 * S);
    say_network(b, "lyon", "site", "FR1");
    say_network(b, "lyon", "asn", "64500");
    say_network(b, "lyon", "weight", "30");
    say_network(b, "oslo", "weight", "10");
}

static json_t *ask(struct engine_bench *b, const char *where, bool grouped) {
    struct nx_status_query query = {.grouped = grouped, .group = NX_LABEL_SITE};
    const char *why = NULL;
    if (where != NULL) {
        assert_int_equal(nx_where_add(&query.where, where, &why), 0);
    }
    return status_where(b, &query, T0 + 10 * S);
}

static double number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void test_document(void **state) {
    struct engine_bench *b = *state;
    two_networks(b);
    json_t *d = ask(b, NULL, false);
    const json_t *lyon = json_array_get(json_object_get(d, "networks"), 0);
    const json_t *oslo = json_array_get(json_object_get(d, "networks"), 1);
    const json_t *labels = json_object_get(lyon, "labels");
    assert_string_equal(json_string_value(json_object_get(labels, "site")),
                        "FR1");
    assert_int_equal(json_integer_value(json_object_get(labels, "asn")), 64500);
    assert_true(json_is_null(json_object_get(labels, "country")));
    assert_float_equal(number_at(lyon, "weight"), 30.0, 0);
    assert_true(
        json_is_null(json_object_get(json_object_get(oslo, "labels"), "site")));
    /* Three clients in four are denied. */
    const json_t *summary = json_object_get(d, "summary");
    assert_float_equal(number_at(summary, "denied"), 0.75, 1e-9);
    assert_float_equal(number_at(summary, "affected"), 0.75, 1e-3);
    assert_null(json_object_get(d, "groups"));
    json_decref(d);
}

/* With hardly any client there, Lyon does not hold the milestones up. */
static void test_weight_moves_milestones(void **state) {
    struct engine_bench *b = *state;
    two_networks(b);
    json_t *d = ask(b, NULL, false);
    const char *now = json_string_value(json_object_get(d, "now"));
    const char *at = json_string_value(
        json_object_get(json_object_get(d, "summary"), "below_10pct"));
    assert_true(strcmp(at, now) > 0);
    json_decref(d);
    say_network(b, "lyon", "weight", "0.1");
    d = ask(b, NULL, false);
    at = json_string_value(
        json_object_get(json_object_get(d, "summary"), "below_10pct"));
    assert_string_equal(at, json_string_value(json_object_get(d, "now")));
    json_decref(d);
}

/* Nine clients ask one resolver, one asks nine: nine in ten are denied. One
 * without a client is shown, and neither counts nor holds anything up. */
static void test_weight_of_agents(void **state) {
    struct engine_bench *b = *state;
    const struct nx_agent other = {
        .id = OSLO, .name = "lyon-2", .network = "lyon", .accepted = true};
    assert_int_equal(nx_engine_agent_set(b->engine, &other), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 9, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    for (unsigned r = 1; r <= 9; r++) {
        for (unsigned i = 0; i < 60; i++) {
            sees_address(b, OSLO, r, T0 + S + i * S / 10);
        }
    }
    tick(b, T0 + 10 * S);
    say(b, NX_LABELS_OF_AGENT, "lyon", NX_LABELS_STORED, "weight", "9");
    json_t *d = ask(b, NULL, false);
    assert_float_equal(number_at(json_object_get(d, "summary"), "denied"), 0.9,
                       1e-9);
    json_decref(d);
    say(b, NX_LABELS_OF_AGENT, "lyon", NX_LABELS_STORED, "weight", "0");
    d = ask(b, NULL, false);
    const json_t *lyon = json_array_get(json_object_get(d, "networks"), 0);
    assert_int_equal(json_array_size(json_object_get(lyon, "targets")), 10);
    assert_string_equal(json_string_value(json_object_get(lyon, "state")),
                        "clear");
    assert_float_equal(number_at(json_object_get(d, "summary"), "denied"), 0,
                       1e-9);
    json_decref(d);
}

static void test_filter(void **state) {
    struct engine_bench *b = *state;
    two_networks(b);
    json_t *d = ask(b, "site=FR1", false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 1);
    const json_t *summary = json_object_get(d, "summary");
    assert_float_equal(number_at(summary, "networks"), 1.0, 0);
    assert_float_equal(number_at(summary, "denied"), 1.0, 1e-9);
    assert_string_equal(json_string_value(json_object_get(d, "outlook")),
                        "waiting");
    json_decref(d);
    d = ask(b, "site=nowhere", false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 0);
    json_decref(d);
    /* An agent with a label of its own brings its network in. */
    say(b, NX_LABELS_OF_AGENT, "oslo", NX_LABELS_STORED, "provider", "Two");
    d = ask(b, "provider=Two", false);
    const json_t *one = json_array_get(json_object_get(d, "networks"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "network")),
                        "oslo");
    assert_string_equal(json_string_value(json_object_get(d, "outlook")),
                        "clear");
    assert_int_equal(json_array_size(json_object_get(one, "targets")), 1);
    json_decref(d);
}

static void test_groups(void **state) {
    struct engine_bench *b = *state;
    two_networks(b);
    json_t *d = ask(b, NULL, true);
    const json_t *groups = json_object_get(d, "groups");
    const json_t *list = json_object_get(groups, "list");
    assert_string_equal(json_string_value(json_object_get(groups, "label")),
                        "site");
    assert_int_equal(json_array_size(list), 2);
    const json_t *fr = json_array_get(list, 0);
    const json_t *none = json_array_get(list, 1);
    assert_string_equal(json_string_value(json_object_get(fr, "value")), "FR1");
    assert_true(json_is_null(json_object_get(none, "value")));
    assert_float_equal(number_at(fr, "weight"), 30.0, 0);
    assert_float_equal(number_at(fr, "denied"), 1.0, 1e-9);
    assert_float_equal(number_at(none, "denied"), 0.0, 1e-9);
    assert_true(json_is_object(json_object_get(fr, "all_clear")));
    assert_true(json_is_null(json_object_get(none, "all_clear")));
    json_decref(d);
}

/* A network is in the group of each resolver that it asks, with what is seen of
 * that one; those with most that are not clear come first. */
static void test_resolver_groups(void **state) {
    struct engine_bench *b = *state;
    struct nx_status_query query = {.grouped = true, .by_resolver = true};
    two_networks(b);
    hello(b, LYON, 2, 0, T0 + 10 * S);
    for (unsigned i = 0; i < 60; i++) {
        sees_address(b, LYON, 2, T0 + 11 * S + i * S / 10);
    }
    json_t *d = status_where(b, &query, T0 + 20 * S);
    const json_t *groups = json_object_get(d, "groups");
    const json_t *list = json_object_get(groups, "list");
    assert_string_equal(json_string_value(json_object_get(groups, "label")),
                        "resolver");
    assert_int_equal(json_array_size(list), 2);
    const json_t *one = json_array_get(list, 0);
    const json_t *two = json_array_get(list, 1);
    assert_float_equal(number_at(one, "networks"), 2.0, 0);
    assert_float_equal(number_at(one, "weight"), 40.0, 0);
    assert_float_equal(number_at(one, "denied"), 0.75, 1e-9);
    assert_float_equal(number_at(json_object_get(one, "states"), "clear"), 1,
                       0);
    assert_float_equal(
        number_at(json_object_get(one, "states"), "cached-nxdomain"), 1, 0);
    assert_float_equal(number_at(two, "networks"), 1.0, 0);
    assert_float_equal(number_at(json_object_get(two, "states"), "clear"), 1,
                       0);
    assert_float_equal(number_at(two, "denied"), 0.0, 1e-9);
    json_decref(d);
}

/* Those that ask a resolver; also of a closed incident. */
static void test_filter_by_resolver(void **state) {
    struct engine_bench *b = *state;
    two_networks(b);
    json_t *d = ask(b, NULL, false);
    const json_t *lyon = json_array_get(json_object_get(d, "networks"), 0);
    const json_t *resolvers = json_object_get(lyon, "resolvers");
    assert_int_equal(json_array_size(resolvers), 1);
    char where[100];
    (void)snprintf(where, sizeof where, "resolver=%s",
                   json_string_value(json_array_get(resolvers, 0)));
    json_decref(d);
    d = ask(b, where, false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 2);
    json_decref(d);
    d = ask(b, "resolver=192.0.2.99@53", false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 0);
    json_decref(d);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 10 * S), 0);
    d = ask(b, where, false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 2);
    json_decref(d);
    d = ask(b, "resolver=192.0.2.99@53", false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 0);
    json_decref(d);
}

/* A closed incident is what it was; a part of it can be asked for. */
static void test_filter_of_closed(void **state) {
    struct engine_bench *b = *state;
    two_networks(b);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 10 * S), 0);
    json_t *d = ask(b, "asn=64500", false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 1);
    const json_t *summary = json_object_get(d, "summary");
    assert_float_equal(number_at(summary, "networks"), 1.0, 0);
    assert_float_equal(
        number_at(json_object_get(summary, "states"), "cached-nxdomain"), 1.0,
        0);
    assert_true(json_is_null(json_object_get(summary, "all_clear")));
    json_decref(d);
    d = ask(b, NULL, false);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 2);
    json_decref(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_where),
        TEST(test_sources),
        TEST(test_document),
        TEST(test_weight_moves_milestones),
        TEST(test_weight_of_agents),
        TEST(test_filter),
        TEST(test_groups),
        TEST(test_resolver_groups),
        TEST(test_filter_by_resolver),
        TEST(test_filter_of_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
