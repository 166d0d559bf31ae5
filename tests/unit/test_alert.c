#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/alert/alert.h"
#include "collector/alert/payload.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1800000000) * S)

static const struct nx_alert_rules rules = {.hold_us = 30 * S,
                                            .group_wait_us = 10 * S,
                                            .group_interval_us = 300 * S,
                                            .half_life_us = 3600 * S};

static int setup(void **state) {
    struct nx_alerts *alerts = NULL;
    assert_int_equal(nx_alerts_new(&rules, &alerts), 0);
    *state = alerts;
    return 0;
}

static int teardown(void **state) {
    struct nx_alerts *alerts = *state;
    nx_alerts_free(&alerts);
    return 0;
}

static void see(struct nx_alerts *alerts, const char *network, unsigned state,
                int64_t at_s) {
    assert_int_equal(
        nx_alerts_see(alerts, 7, network, state, false, T0 + at_s * S), 0);
}

/* What is told at this moment: "lyon affected, oslo recovered". */
static const char *told_at(struct nx_alerts *alerts, int64_t at_s) {
    static char text[512];
    const struct nx_alert_change *changes = NULL;
    size_t n = 0;
    text[0] = '\0';
    assert_int_equal(nx_alerts_decide(alerts, 7, T0 + at_s * S, &changes, &n),
                     0);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, "%s%s %s",
                       i > 0 ? ", " : "", changes[i].now.network,
                       nx_alert_kind_text(changes[i].kind));
    }
    if (n > 0) {
        nx_alerts_told(alerts);
    }
    return text;
}

/* Runs second by second; the first second in which something is told, -1. */
static int64_t runs(struct nx_alerts *alerts, int64_t from_s, int64_t to_s,
                    const char *want) {
    for (int64_t s = from_s; s <= to_s; s++) {
        const char *text = told_at(alerts, s);
        if (text[0] != '\0') {
            assert_string_equal(text, want);
            return s;
        }
    }
    return -1;
}

static void test_one_network(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "lyon", NX_STATE_UNKNOWN, 0);
    assert_int_equal(runs(alerts, 0, 100, ""), -1);
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 100);
    assert_true(nx_alerts_next_us(alerts) == T0 + 130 * S);
    assert_int_equal(runs(alerts, 100, 300, "lyon affected"), 140);
    assert_int_equal(runs(alerts, 141, 1000, ""), -1); /* nothing new */
    see(alerts, "lyon", NX_STATE_CLEAR, 1000);
    assert_int_equal(runs(alerts, 1000, 1200, "lyon recovered"), 1040);
    assert_int_equal(runs(alerts, 1041, 3000, ""), -1); /* once */
    assert_true(nx_alerts_next_us(alerts) == NX_TIME_UNKNOWN);
}

/* A network that was never affected is never told of. */
static void test_never_affected(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "lyon", NX_STATE_UNKNOWN, 0);
    see(alerts, "lyon", NX_STATE_CLEAR, 10);
    see(alerts, "lyon", NX_STATE_UNKNOWN, 100);
    see(alerts, "lyon", NX_STATE_CLEAR, 200);
    assert_int_equal(runs(alerts, 0, 1000, ""), -1);
}

/* Silence after an affliction is news, and no recovery. */
static void test_lost(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "lyon", NX_STATE_CACHED_NODATA, 0);
    assert_int_equal(runs(alerts, 0, 100, "lyon affected"), 40);
    see(alerts, "lyon", NX_STATE_UNKNOWN, 100);
    assert_int_equal(runs(alerts, 100, 1000, "lyon lost"), 340);
    see(alerts, "lyon", NX_STATE_CLEAR, 1000);
    assert_int_equal(runs(alerts, 1000, 2000, "lyon recovered"), 1040);
}

/* Many networks within the waiting time: one message; the next one not before
 * the interval is over, and with all that stands then. */
static void test_grouping(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "oslo", NX_STATE_CACHED_NXDOMAIN, 0);
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 8);
    see(alerts, "rome", NX_STATE_CACHED_NXDOMAIN, 60);
    assert_int_equal(runs(alerts, 0, 50, "lyon affected, oslo affected"), 40);
    see(alerts, "lyon", NX_STATE_CLEAR, 200);
    assert_int_equal(runs(alerts, 41, 500, "lyon recovered, rome affected"),
                     340);
}

/* What is over before it is told is not told. */
static void test_short(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 0);
    assert_int_equal(runs(alerts, 0, 35, ""), -1);
    see(alerts, "lyon", NX_STATE_CLEAR, 36);
    assert_int_equal(runs(alerts, 36, 500, ""), -1);
}

/* From bad to bad every 20 s: affected all the time. */
static void test_bad_to_bad(void **state) {
    struct nx_alerts *alerts = *state;
    int64_t told_s = -1;
    for (int64_t s = 0; s < 100 && told_s < 0; s++) {
        see(alerts, "lyon",
            s / 20 % 2 == 0 ? NX_STATE_CACHED_NXDOMAIN : NX_STATE_PARTLY_CLEAR,
            s);
        told_s = told_at(alerts, s)[0] != '\0' ? s : -1;
    }
    assert_int_equal(told_s, 40);
}

static void test_stuck(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 0);
    assert_int_equal(runs(alerts, 0, 100, "lyon affected"), 40);
    assert_int_equal(nx_alerts_see(alerts, 7, "lyon", NX_STATE_CACHED_NXDOMAIN,
                                   true, T0 + 400 * S),
                     0);
    assert_int_equal(runs(alerts, 400, 500, "lyon stuck"), 440);
}

/* It goes up and down each 60 s for two hours: without damping, as many
 * tellings as intervals. */
static void test_flapping(void **state) {
    struct nx_alerts *alerts = *state;
    unsigned told_n = 0;
    for (int64_t s = 0; s < 7200; s++) {
        see(alerts, "lyon",
            s / 60 % 2 == 0 ? NX_STATE_CACHED_NXDOMAIN : NX_STATE_CLEAR, s);
        told_n += told_at(alerts, s)[0] != '\0' ? 1 : 0;
    }
    assert_in_range(told_n, 3, 8);
    see(alerts, "lyon", NX_STATE_CLEAR, 7201);
    int64_t told_s = runs(alerts, 7201, 12000, "lyon recovered");
    if (told_s < 0) { /* recovered was the last word already */
        see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 12001);
        assert_true(runs(alerts, 12001, 12100, "lyon affected") > 0);
    }
}

/* What was decided and not stored is decided again. */
static void test_not_stored(void **state) {
    struct nx_alerts *alerts = *state;
    const struct nx_alert_change *changes = NULL;
    size_t n = 0;
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 0);
    assert_int_equal(runs(alerts, 0, 39, ""), -1);
    for (int64_t s = 40; s < 42; s++) {
        assert_int_equal(nx_alerts_decide(alerts, 7, T0 + s * S, &changes, &n),
                         0);
        assert_int_equal(n, 1);
    }
    nx_alerts_told(alerts);
    assert_int_equal(runs(alerts, 42, 1000, ""), -1);
}

static void test_restart(void **state) {
    struct nx_alerts *alerts = *state;
    const struct nx_alert_told told = {.network = "lyon",
                                       .state = NX_STATE_CACHED_NXDOMAIN,
                                       .at_us = T0,
                                       .penalty = 1};
    assert_int_equal(nx_alerts_restore(alerts, 7, &told, T0), 0);
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 10);
    assert_int_equal(runs(alerts, 10, 100, ""), -1); /* told already */
    see(alerts, "lyon", NX_STATE_CLEAR, 100);
    assert_int_equal(runs(alerts, 100, 400, "lyon recovered"), 300);
}

/* The clock was ahead by a year before the restart. */
static void test_restart_clock_back(void **state) {
    struct nx_alerts *alerts = *state;
    const struct nx_alert_told told = {.network = "lyon",
                                       .state = NX_STATE_CACHED_NXDOMAIN,
                                       .at_us = T0 + 365 * 86400 * S,
                                       .penalty = 1};
    assert_int_equal(nx_alerts_restore(alerts, 7, &told, T0), 0);
    see(alerts, "lyon", NX_STATE_CLEAR, 10);
    assert_int_equal(runs(alerts, 10, 400, "lyon recovered"), 300);
}

/* Its last agent was revoked: no evidence any more. */
static void test_gone(void **state) {
    struct nx_alerts *alerts = *state;
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 0);
    see(alerts, "oslo", NX_STATE_CLEAR, 0);
    nx_alerts_seen_all(alerts, 7, T0);
    assert_int_equal(runs(alerts, 0, 100, "lyon affected"), 40);
    see(alerts, "oslo", NX_STATE_CLEAR, 100);
    nx_alerts_seen_all(alerts, 7, T0 + 100 * S);
    assert_int_equal(runs(alerts, 100, 1000, "lyon lost"), 340);
    nx_alerts_seen_all(alerts, 7, T0 + 1000 * S); /* oslo, too: no news */
    assert_int_equal(runs(alerts, 1000, 2000, ""), -1);
    see(alerts, "lyon", NX_STATE_CLEAR, 2000);
    nx_alerts_seen_all(alerts, 7, T0 + 2000 * S);
    assert_int_equal(runs(alerts, 2000, 3000, "lyon recovered"), 2040);
}

static void test_ending(void **state) {
    struct nx_alerts *alerts = *state;
    const struct nx_alert_change *changes = NULL;
    size_t n = 0;
    see(alerts, "lyon", NX_STATE_CACHED_NXDOMAIN, 0);
    see(alerts, "oslo", NX_STATE_CLEAR, 0);
    assert_int_equal(runs(alerts, 0, 100, "lyon affected"), 40);
    assert_int_equal(nx_alerts_ending(alerts, 7, T0 + 50 * S, &changes, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(changes[0].now.network, "lyon");
    nx_alerts_forget(alerts, 7);
    assert_int_equal(nx_alerts_ending(alerts, 7, T0 + 50 * S, &changes, &n), 0);
    assert_int_equal(n, 0);
}

/* --- payloads --- */

static json_t *document(const char *network) {
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:i, s:s}, s:{s:{s:i, s:i}}, "
        "s:[{s:s, s:s, s:s, s:s, s:f, s:b, s:s, s:{s:s}, s:n}]}",
        "key", "nxclear-7-1", "kind", "change", "at",
        "2026-11-20T20:19:06.000Z", "outlook", "waiting", "incident", "id", 7,
        "name", "www.example.com.", "summary", "states", "clear", 38,
        "cached-nxdomain", 1, "changes", "network", network, "kind", "affected",
        "to", "cached-nxdomain", "advice", "wait", "denied", 0.5, "stuck", 0,
        "why", "cached", "clears", "point", "2026-11-20T20:31:10.000Z", "hard");
}

/* The document is taken; it is read so many bytes at a time. */
static char *payload_of(unsigned kind, json_t *d, size_t bytes) {
    const struct nx_receiver receiver = {
        .kind = (uint8_t)kind,
        .email = (char[]){"ops@example.com"},
    };
    struct nx_letter *letter = NULL;
    struct nx_alert_payload out;
    size_t budget = bytes;
    char *text = json_dumps(d, JSON_COMPACT | JSON_ENSURE_ASCII);
    assert_non_null(text);
    assert_int_equal(nx_letter_new(kind, text, &letter), 0);
    while (nx_letter_read(letter, &budget) == NX_EAGAIN) {
        assert_int_equal(budget, 0);
        budget = bytes;
    }
    assert_int_equal(nx_letter_read(letter, &budget), 0);
    nx_alert_payload(&receiver, letter, &out);
    nx_letter_free(&letter);
    free(text);
    json_decref(d);
    text = nx_text_take(&out.body);
    assert_non_null(text);
    return text;
}

static char *payload(unsigned kind, const char *network) {
    return payload_of(kind, document(network), SIZE_MAX);
}

#define LINES                                                                  \
    "lyon: affected, cached-nxdomain, 50 % of queries denied, clears "         \
    "2026-11-20 20:31:10 UTC\\n    wait\\nAll networks now: 38 clear, 1 "      \
    "cached-nxdomain.\\n"

static void test_payloads(void **state) {
    static const struct {
        unsigned kind;
        const char *want;
    } rows[] = {
        {NX_RECEIVER_SLACK,
         "{\"text\":\"```\\nnxclear: incident 7 www.example.com.: 1 "
         "affected\\n" LINES "```\"}"},
        {NX_RECEIVER_MATRIX,
         "{\"body\":\"nxclear: incident 7 www.example.com.: 1 affected\\n" LINES
         "\",\"msgtype\":\"m.text\"}"},
        {NX_RECEIVER_ALERTMANAGER,
         "[{\"annotations\":{\"state\":\"cached-nxdomain\",\"stuck\":\"false\","
         "\"summary\":\"lyon: affected, cached-nxdomain, 50 % of queries "
         "denied, clears 2026-11-20 20:31:10 UTC\\n    wait\\n\"},\"endsAt\":"
         "\"2026-11-27T20:19:06.000Z\",\"labels\":{\"alertname\":"
         "\"NxclearNetworkAffected\",\"incident\":\"7\",\"name\":"
         "\"www.example.com.\",\"network\":\"lyon\"},\"startsAt\":"
         "\"2026-11-20T20:19:06.000Z\"}]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = payload(rows[i].kind, "lyon");
        assert_string_equal(text, rows[i].want);
        free(text);
    }
}

/* Markup and mail headers of strangers stay text. */
static void test_hostile_payloads(void **state) {
    (void)state;
    char *slack = payload(NX_RECEIVER_SLACK, "<!channel>```&");
    assert_null(strstr(slack, "<!"));
    assert_non_null(strstr(slack, "&lt;!channel&gt;'''&amp;"));
    free(slack);
    char *teams = payload(NX_RECEIVER_TEAMS, "[x](https://example.com)*");
    assert_non_null(strstr(teams,
                           "{\"inlines\":[{\"fontType\":\"Monospace\",\"text\":"
                           "\"[x](https://example.com)*: affected, "));
    assert_null(strstr(teams, "\"TextBlock\"")); /* it would read Markdown */
    free(teams);
    char *mail = payload(NX_RECEIVER_EMAIL, "a\r\nBcc: x@example.com");
    assert_null(strstr(mail, "\nBcc"));
    assert_non_null(strstr(mail, "a\\013\\010Bcc: x@example.com: affected"));
    free(mail);
}

/* `nxclear alerts test` reaches a receiver of any kind. */
static void test_every_kind_takes_a_test(void **state) {
    (void)state;
    for (uint8_t kind = 0; kind < NX_RECEIVER_N_; kind++) {
        char *text = payload_of(kind, nx_alert_test_document(T0), SIZE_MAX);
        if (text[0] == '\0') {
            fail_msg("nothing for %s", nx_receiver_kind_text(kind));
        }
        free(text);
    }
}

#define MANY 30U /* changes, half of them recoveries */

static json_t *many_changes(void) {
    json_t *d = document("net-00");
    json_t *changes = json_object_get(d, "changes");
    for (unsigned i = 1; i < MANY; i++) {
        char name[16];
        json_t *change = json_deep_copy(json_array_get(changes, 0));
        (void)snprintf(name, sizeof(name), "net-%02u", i);
        assert_int_equal(
            json_object_set_new(change, "network", json_string(name)), 0);
        assert_int_equal(
            json_object_set_new(
                change, "kind",
                json_string(i % 2 == 1 ? "recovered" : "affected")),
            0);
        assert_int_equal(json_array_append_new(changes, change), 0);
    }
    return d;
}

/* All are counted, people are told of the first ones; in whatever pieces it is
 * read. */
static void test_many_changes(void **state) {
    (void)state;
    for (uint8_t kind = 0; kind < NX_RECEIVER_N_; kind++) {
        char *whole = payload_of(kind, many_changes(), SIZE_MAX);
        char *pieces = payload_of(kind, many_changes(), 1);
        assert_string_equal(whole, pieces);
        free(whole);
        free(pieces);
    }
    char *text = payload_of(NX_RECEIVER_EMAIL, many_changes(), SIZE_MAX);
    assert_non_null(
        strstr(text, "www.example.com.: 15 affected, 15 recovered"));
    assert_non_null(strstr(text, "net-19: recovered\n... and 10 more: "));
    assert_null(strstr(text, "net-20"));
    free(text);
    text = payload_of(NX_RECEIVER_ALERTMANAGER, many_changes(), SIZE_MAX);
    json_t *list = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(list), MANY);
    json_decref(list);
    free(text);
    text = payload_of(NX_RECEIVER_WEBHOOK, many_changes(), SIZE_MAX);
    json_t *sent = json_loads(text, 0, NULL);
    json_t *made = many_changes();
    assert_true(json_equal(sent, made));
    json_decref(sent);
    json_decref(made);
    free(text);
}

static void test_no_letter(void **state) {
    static const char *const texts[] = {
        "",          "{",           "[]",
        "{}x",       "{\"key\":}",  "{\"changes\":[{]}",
        "{\"key\":", "{\"key\":1]", "{\"changes\":[{}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nx_letter *letter = NULL;
        size_t budget = SIZE_MAX;
        assert_int_equal(nx_letter_new(NX_RECEIVER_EXEC, texts[i], &letter), 0);
        if (nx_letter_read(letter, &budget) != NX_EMALFORMED) {
            fail_msg("taken: %s", texts[i]);
        }
        nx_letter_free(&letter);
    }
}

/* RFC 4231 is over messages without our timestamp; this value is of
 * `printf '1764190000.{}' | openssl dgst -sha256 -hmac secret`. */
static void test_signature(void **state) {
    char out[NX_ALERT_SIGNATURE_MAX];
    (void)state;
    nx_alert_sign("secret", 6, 1764190000, "{}", 2, out);
    assert_string_equal(
        out,
        "60ed90120fea157759904b83efc04a4c8cbcf17fabb6eefa116d0a58890ff19e");
}

static void test_retry(void **state) {
    (void)state;
    int64_t before_us = 0;
    for (unsigned attempts = 1; attempts < 12; attempts++) {
        int64_t us = nx_alert_retry_us(attempts, 3);
        assert_true(us > 3 * S && us <= 600 * S);
        assert_true(us > before_us || us > 450 * S);
        before_us = us;
    }
    assert_true(nx_alert_retry_us(UINT32_MAX, 3) <= 600 * S);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_network),
        TEST(test_never_affected),
        TEST(test_lost),
        TEST(test_grouping),
        TEST(test_short),
        TEST(test_bad_to_bad),
        TEST(test_stuck),
        TEST(test_flapping),
        TEST(test_not_stored),
        TEST(test_restart),
        TEST(test_restart_clock_back),
        TEST(test_gone),
        TEST(test_ending),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_hostile_payloads),
        cmocka_unit_test(test_every_kind_takes_a_test),
        cmocka_unit_test(test_many_changes),
        cmocka_unit_test(test_no_letter),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
