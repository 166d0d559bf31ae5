/* From messages through the store to a recording, and into another engine that
 * must say the same as the one that got the messages. */
#include "collector/replay/recording_in.h"
#include "tests/lib/export_bench.h"

static void test_same(void **state) {
    struct bench *b = *state;
    live(b);
    char *text = status_of(b->engine, T0 + 36 * S);
    assert_non_null(
        strstr(text, "cached-nxdomain")); /* it is about something */
    assert_non_null(strstr(text, "192.0.2.2@53"));
    free(text);
    assert_same(b, T0 + 40 * S);
    assert_same(b, T0 + 400 * S);
}

static void measured(struct bench *b, uint32_t cap_s, enum nx_soa_clock clock,
                     int64_t at_us) {
    struct nx_book_row row = {
        .network = "lyon",
        .at = {.address = {192, 0, 2, 1}, .address_len = 4, .port = 53},
        .measured_us = at_us,
        .failed_us = NX_TIME_UNKNOWN,
        .measured = {.nxdomain_cap_s = cap_s,
                     .nodata_cap_s = 0,
                     .floor_s = 5,
                     .soa_clock = (uint8_t)clock,
                     .caches_seen = 3,
                     .chain = NX_CHAIN_OWN}};
    struct nx_profile *p = &row.measured.profile;
    nx_profile_default(p);
    p->conv = NX_CONV_F0;
    p->rd0 = NX_RD0_REFUSED;
    p->past_ttl = NX_PAST_TTL_SERVED;
    p->early_window_s = 0;
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_store_begin(b->store), 0);
    assert_int_equal(nx_store_resolver_put(b->store, &row), 0);
    assert_int_equal(nx_store_commit(b->store), 0);
    if (at_us > b->ticked_us) {
        pass(b, at_us);
    }
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
}

/* A replay knows of a resolver what was known then: what was measured last
 * before the incident, and then each time; not what was measured after. */
static void test_measured_resolvers(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    measured(b, 3600, NX_SOA_CLOCK_OWN, T0 - 9 * INT64_C(86400) * S);
    measured(b, 600, NX_SOA_CLOCK_OWN, T0 - 200000 * S);
    measured(b, 700, NX_SOA_CLOCK_OWN, T0 - 100000 * S);
    live(b);
    char *text = status_of(b->engine, T0 + 36 * S);
    assert_non_null(strstr(text, "\"verified\": true"));
    free(text);
    assert_same(b, T0 + 38 * S);
    measured(b, 900, NX_SOA_CLOCK_SHARED_UNTIL_CHANGE, T0 + 39 * S);
    assert_same(b, T0 + 45 * S);
    assert_same(b, T0 + 400 * S);
    b->incident.closed_us = T0 + 500 * S;
    measured(b, 30, NX_SOA_CLOCK_OWN, T0 + 501 * S);
    (void)export_all(b, &recording);
    assert_int_equal(count_of(recording.bytes, "\"kind\":\"resolver\""), 2);
    assert_null(strstr(recording.bytes, "\"nxdomain_cap_s\":600"));
    assert_null(strstr(recording.bytes, "\"nxdomain_cap_s\":30"));
    nx_text_fini(&recording);
}

/* The bench's incident, with what a collector keeps with it. */
static void store_incident(struct bench *b,
                           const struct nx_ns_book_zone *zone) {
    struct nx_incident incident = b->incident;
    struct nx_text text;
    nx_text_init(&text);
    nx_recording_write_settings(&b->settings, &text);
    assert_int_equal(nx_store_begin(b->store), 0);
    do {
        assert_int_equal(nx_store_incident_add(b->store, &incident), 0);
    } while (incident.id < b->incident.id);
    assert_int_equal(nx_store_zone_then_add(b->store, incident.id, zone), 0);
    assert_int_equal(
        nx_store_incident_settings_put(b->store, incident.id, text.bytes), 0);
    assert_int_equal(nx_store_commit(b->store), 0);
    nx_text_fini(&text);
}

/* Who served the zone before, and by what it was judged: not what is known and
 * set when the recording is written. */
static void test_servers_and_settings_of_the_time(void **state) {
    struct bench *b = *state;
    static struct nx_ns_book_zone zone;
    struct nx_text recording;
    zone = (struct nx_ns_book_zone){.servers_n = 2};
    memcpy(zone.apex, apex, sizeof(apex));
    for (size_t i = 0; i < 2; i++) {
        zone.servers[i] = (struct nx_ns_server){
            .at = {.address = {198, 51, 100, (uint8_t)(90 + i)},
                   .address_len = 4,
                   .port = 53,
                   .layer = NX_LAYER_AUTHORITY},
            .named = i == 0,
            .ttl_s = 3600,
            .since_us = T0 - 9000 * S,
            .seen_us = T0 - 100 * S - (int64_t)i,
            .gone_us = i == 0 ? NX_TIME_UNKNOWN : T0 - 50 * S,
            .until_us = T0 + 3000 * S};
        memcpy(zone.servers[i].name, other, i == 0 ? sizeof(other) : 0);
        assert_int_equal(nx_ns_book_put(nx_engine_ns_book(b->engine), apex,
                                        &zone.servers[i]),
                         0);
    }
    store_incident(b, &zone);
    live(b);
    char *text = status_of(b->engine, T0 + 36 * S);
    assert_non_null(strstr(text, "198.51.100.90@53"));
    assert_non_null(strstr(text, "198.51.100.91@53"));
    free(text);
    b->settings.settle_us = 900 * S;
    b->settings.diagnosis.silent_after_us = S;
    (void)export_all(b, &recording);
    assert_int_equal(count_of(recording.bytes, "\"kind\":\"zone\""), 1);
    assert_non_null(strstr(recording.bytes, "{\"nxclear_recording\":2,"));
    nx_text_fini(&recording);
    assert_same(b, T0 + 40 * S);
    assert_same(b, T0 + 400 * S);
}

/* Version 1 is read, too, a later one is not. */
static void test_versions(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    struct nx_recording_header header;
    struct nx_json_fault fault;
    (void)export_all(b, &recording);
    size_t len = strcspn(recording.bytes, "\n");
    char *digit = strstr(recording.bytes, ":2,");
    assert_non_null(digit);
    digit[1] = '1';
    assert_int_equal(
        nx_recording_read_header(recording.bytes, len, &header, &fault), 0);
    digit[1] = '3';
    assert_int_equal(
        nx_recording_read_header(recording.bytes, len, &header, &fault),
        NX_EMALFORMED);
    assert_non_null(strstr(fault.why, "nxclear_recording"));
    nx_text_fini(&recording);
}

/* More of them than are read at once, all measured at one instant. */
static void test_many_measured_resolvers(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    assert_int_equal(nx_store_begin(b->store), 0);
    for (unsigned i = 0; i < 3 * NX_RESOLVERS_PAGE; i++) {
        struct nx_book_row row = {.network = "lyon",
                                  .at = {.address = {192, 0, 2, (uint8_t)i},
                                         .address_len = 4,
                                         .port = 53},
                                  .measured_us = T0 - 5 * S};
        nx_profile_default(&row.measured.profile);
        assert_int_equal(nx_store_resolver_put(b->store, &row), 0);
    }
    assert_int_equal(nx_store_commit(b->store), 0);
    (void)export_all(b, &recording);
    assert_int_equal(count_of(recording.bytes, "\"kind\":\"resolver\""),
                     3 * NX_RESOLVERS_PAGE);
    nx_text_fini(&recording);
}

/* Others' messages are not in it, and do not hold it up. */
static void test_others(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    for (int i = 0; i < 500; i++) {
        asks_other(b, 1, T0 + 37 * S + i * 10000);
    }
    resolver_denies(b, 1, 780, 0, T0 + 50 * S);
    assert_true(export_all(b, &recording) > 3);
    assert_null(strstr(recording.bytes, "other.example.net"));
    assert_true(recording.len < 30000);
    nx_text_fini(&recording);
    assert_same(b, T0 + 52 * S);
}

static void test_revoked(void **state) {
    struct bench *b = *state;
    live(b);
    pass(b, T0 + 39 * S);
    b->records[1].state = NX_AGENT_REVOKED;
    b->records[1].agent.accepted = false;
    b->records[1].changed_us = T0 + 39 * S;
    b->records[1].agent.revoked_us = T0 + 39 * S;
    assert_int_equal(nx_engine_agent_set(b->engine, &b->records[1].agent), 0);
    assert_same(b, T0 + 45 * S);
}

/* Its network is gone then, and unknown before. */
static void test_rejected(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    pass(b, T0 + 39 * S);
    b->records[1].state = NX_AGENT_REJECTED;
    b->records[1].agent.accepted = false;
    b->records[1].changed_us = T0 + 39 * S;
    assert_int_equal(nx_engine_agent_set(b->engine, &b->records[1].agent), 0);
    assert_same(b, T0 + 45 * S);
    (void)export_all(b, &recording);
    assert_non_null(strstr(recording.bytes, "\"rejected\":true"));
    nx_text_fini(&recording);
}

static void test_closed(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    b->incident.closed_us = T0 + 60 * S;
    resolver_denies(b, 1, 400, 0, T0 + 400 * S);
    (void)export_all(b, &recording);
    const char *close = strstr(recording.bytes, "\"kind\":\"close\"");
    assert_non_null(close);
    assert_null(strstr(close, "\"batch\""));
    nx_text_fini(&recording);
}

/* What makes the profile is read back: here, that it never validates. */
static void test_habits_are_read_back(void **state) {
    struct nx_book_row row = {
        .network = "lyon",
        .at = {.address = {192, 0, 2, 1}, .address_len = 4, .port = 53},
        .measured_us = T0,
        .measured = {.soa_clock = NX_SOA_CLOCK_OWN,
                     .chain = NX_CHAIN_OWN,
                     .caches_seen = 1,
                     .validates = NX_VALIDATES_NOT_SAID,
                     .bogus = NX_BOGUS_ANSWERED}};
    struct nx_book_row back;
    struct nx_text text;
    struct nx_arena arena;
    struct nx_json_fault fault = {.failed = false};
    uint8_t memory[256];
    (void)state;
    nx_profile_default(&row.measured.profile);
    row.measured.profile.caches = 1;
    nx_measured_settle(&row.measured);
    assert_true(row.measured.profile.never_validates);
    nx_text_init(&text);
    nx_recording_write_resolver(T0, &row, &text);
    json_t *line = json_loads(text.bytes, 0, NULL);
    assert_non_null(line);
    struct nx_in in = nx_in_root(line, &fault);
    nx_arena_init(&arena, memory, sizeof(memory));
    nx_take_resolver(&in, &arena, &back);
    assert_string_equal(fault.why, "");
    assert_true(back.measured.profile.never_validates);
    assert_memory_equal(&back.measured.profile, &row.measured.profile,
                        sizeof(back.measured.profile));
    json_decref(line);
    nx_text_fini(&text);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(test_same, setup, teardown),
        cmocka_unit_test(test_habits_are_read_back),
        cmocka_unit_test_setup_teardown(test_measured_resolvers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_servers_and_settings_of_the_time,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_measured_resolvers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revoked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rejected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
