/* Golden tests: tests/unit/show/X.json must be shown as X.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/show.h"
#include "collector/cli/show_priv.h"
#include "collector/cli/table.h"

#define FOLDER NX_SOURCE_DIR "/tests/unit/show/"
#define MAX_BYTES (1U << 20)

static const struct nx_show plain = {.utf8 = true};

static char *read_file(const char *name) {
    char path[512];
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, MAX_BYTES);
    assert_non_null(text);
    if (f != NULL) {
        assert_true(fread(text, 1, MAX_BYTES - 1, f) < MAX_BYTES - 1);
        (void)fclose(f);
    }
    return text;
}

static json_t *read_json(const char *name) {
    json_error_t error;
    char *text = read_file(name);
    json_t *document = json_loads(text, 0, &error);
    free(text);
    assert_non_null(document);
    return document;
}

static char *show_status(const char *name, const struct nx_show *show) {
    json_t *document = read_json(name);
    struct nx_text text;
    nx_text_init(&text);
    nx_show_status(document, show, &text);
    json_decref(document);
    char *shown = nx_text_take(&text);
    assert_non_null(shown);
    return shown;
}

/* On a difference the text as it is now goes to standard error. */
static void check_golden(const char *json, const char *txt,
                         const struct nx_show *show) {
    char *shown = show_status(json, show);
    char *golden = read_file(txt);
    if (strcmp(shown, golden) != 0) {
        (void)fprintf(stderr, "%s should now be:\n%s", txt, shown);
    }
    assert_string_equal(shown, golden);
    free(shown);
    free(golden);
}

static void test_many(void **state) {
    const struct nx_show all = {.utf8 = false, .all = true};
    (void)state;
    check_golden("many.json", "many.txt", &plain);
    check_golden("many.json", "many-all.txt", &all);
}

static void test_clear(void **state) {
    (void)state;
    check_golden("clear.json", "clear.txt", &plain);
}

/* Above everything else, escaped like the rest. */
static void test_not_storing(void **state) {
    static const char banner[] = "NOT STORING  the collector takes no "
                                 "results: no space\\027 left\nincident 7";
    json_t *d = read_json("clear.json");
    struct nx_text out;
    (void)state;
    assert_int_equal(json_object_set_new(d, "storing", json_false()), 0);
    assert_int_equal(
        json_object_set_new(d, "problem", json_string("no space\x1b left")), 0);
    nx_text_init(&out);
    nx_show_status(d, &plain, &out);
    assert_memory_equal(out.bytes, banner, sizeof(banner) - 1);
    nx_text_fini(&out);
    json_decref(d);
}

static void test_nothing(void **state) {
    (void)state;
    check_golden("nothing.json", "nothing.txt", &plain);
}

/* A filter that nothing fits is not a collector without networks. */
static void test_nothing_of_some(void **state) {
    struct nx_show some = plain;
    json_t *d = read_json("nothing.json");
    struct nx_text out;
    (void)state;
    some.some = true;
    nx_text_init(&out);
    nx_show_status(d, &some, &out);
    assert_non_null(strstr(out.bytes, "networks    none has these labels"));
    nx_text_fini(&out);
    json_decref(d);
}

static void test_stuck(void **state) {
    (void)state;
    check_golden("stuck.json", "stuck.txt", &plain);
}

/* What is not known is not told as if it were. */
static void test_unknown_start(void **state) {
    json_t *d = read_json("stuck.json");
    json_t *authority = json_object_get(d, "authority");
    struct nx_text out;
    (void)state;
    assert_int_equal(
        json_object_set_new(authority, "outage_known", json_string("assumed")),
        0);
    assert_int_equal(json_object_set_new(authority, "silent", json_true()), 0);
    assert_int_equal(
        json_object_set_new(authority, "seen",
                            json_string("2026-11-20T20:10:00.000Z")),
        0);
    nx_text_init(&out);
    nx_show_incident_line(d, &out);
    nx_show_authority_line(d, &out);
    assert_non_null(strstr(
        out.bytes, "outage start not known (not before 2026-11-17 09:00:00Z)"));
    assert_null(strstr(out.bytes, "since 2"));
    assert_non_null(strstr(out.bytes, "last seen 20:10:00Z\n"));
    nx_text_fini(&out);
    assert_int_equal(
        json_object_set_new(authority, "outage_by_fills",
                            json_pack("{s:s,s:s}", "from",
                                      "2026-11-20T20:01:12.000Z", "to",
                                      "2026-11-20T20:09:30.000Z")),
        0);
    nx_text_init(&out);
    nx_show_incident_line(d, &out);
    assert_non_null(
        strstr(out.bytes, ", by fills about 20:01:12Z..20:09:30Z\n"));
    nx_text_fini(&out);
    assert_int_equal(
        json_object_set_new(authority, "outage_known", json_string("none")), 0);
    nx_text_init(&out);
    nx_show_incident_line(d, &out);
    assert_non_null(strstr(out.bytes, "   no outage seen\n"));
    nx_text_fini(&out);
    json_decref(d);
}

static void test_declared(void **state) {
    (void)state;
    check_golden("declared.json", "declared.txt", &plain);
}

/* Why and what to do, under the table: of the first networks, or of all. */
static void test_advice(void **state) {
    const struct nx_show all = {.utf8 = true, .all = true};
    (void)state;
    check_golden("advice.json", "advice.txt", &plain);
    check_golden("advice.json", "advice-all.txt", &all);
}

/* Only printable ASCII, line feeds and our own U+00B1 get to a terminal. */
static void assert_safe(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool ours = c == '\n' || c == 0xc2 || c == 0xb1;
        assert_true(ours || (c >= 0x20 && c <= 0x7e));
    }
}

static void test_hostile(void **state) {
    (void)state;
    char *shown = show_status("hostile.json", &plain);
    assert_safe(shown);
    assert_non_null(strstr(shown, "\\027[2J\\027]0;owned\\007\\194\\155"));
    assert_non_null(strstr(shown, "\\127\\013\\010"));
    free(shown);
    check_golden("hostile.json", "hostile.txt", &plain);
}

static void test_hostile_json(void **state) {
    (void)state;
    json_t *document = read_json("hostile.json");
    struct nx_text text;
    nx_text_init(&text);
    nx_show_json(document, false, &text);
    nx_show_status_jsonl(document, &text);
    assert_false(text.failed);
    assert_safe(text.bytes);
    assert_null(strstr(text.bytes, "\xc2"));
    assert_non_null(strstr(text.bytes, "\\u001B[2J"));
    assert_non_null(strstr(text.bytes, "\\u007f"));
    /* The escapes must not have changed what it says. */
    json_t *again = json_loads(text.bytes, JSON_DISABLE_EOF_CHECK, NULL);
    assert_true(json_equal(document, again));
    json_decref(again);
    json_decref(document);
    nx_text_fini(&text);
}

static void test_jsonl(void **state) {
    (void)state;
    json_t *document = read_json("many.json");
    struct nx_text text;
    size_t rows = 0;
    nx_text_init(&text);
    nx_show_status_jsonl(document, &text);
    for (char *line = strtok(text.bytes, "\n"); line != NULL;
         line = strtok(NULL, "\n")) {
        json_t *row = json_loads(line, 0, NULL);
        assert_int_equal(nx_doc_number(row, "incident"), 7);
        assert_non_null(nx_doc_text(row, "network"));
        assert_non_null(nx_doc_text(row, "now"));
        assert_null(json_object_get(row, "targets"));
        json_decref(row);
        rows++;
    }
    assert_int_equal(rows, 41);
    nx_text_fini(&text);
    json_decref(document);
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++) {
        n++;
    }
    return n;
}

static void test_colour(void **state) {
    const struct nx_show colour = {.utf8 = true, .colour = true};
    (void)state;
    char *shown = show_status("stuck.json", &colour);
    assert_int_equal(count(shown, "\033[31mpolicy-blocked\033[0m"), 1);
    assert_int_equal(count(shown, "\033[33munknown\033[0m"), 1);
    assert_int_equal(count(shown, "\033["), 2 * count(shown, "\033[0m"));
    free(shown);
    shown = show_status("hostile.json", &colour);
    assert_int_equal(count(shown, "\033["), 2 * count(shown, "\033[0m"));
    assert_null(strstr(shown, "\033[2J"));
    free(shown);
}

static void test_exit(void **state) {
    (void)state;
    static const struct {
        const char *outlook;
        int code;
    } rows[] = {{"clear", 0},   {"waiting", 1}, {"stuck", 2},
                {"unknown", 3}, {"bogus", 3},   {NULL, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *d = json_pack("{s:s*}", "outlook", rows[i].outlook);
        assert_int_equal(nx_show_exit(d), rows[i].code);
        json_decref(d);
    }
    assert_int_equal(nx_show_exit(NULL), 3);
}

static void test_score(void **state) {
    static const char document[] =
        "{\"targets\":{\"overall\":{\"forecasts\":9,\"clearings\":7.0,"
        "\"median_error_s\":0.5,\"error90_s\":120.4,\"coverage50\":0.52,"
        "\"coverage90\":0.611,\"met90\":0.98,\"width90_s\":30.25,\"crps_s\":1."
        "0},"
        "\"verified\":null,\"states\":[]},\"networks\":{\"overall\":null},"
        "\"open\":1,\"unresolved\":2,\"complete\":true,\"learnt\":[{\"family\":"
        "\"unknown\",\"outcomes\":7,\"p_late\":{\"prior\":0.06,\"learnt\":0."
        "055}"
        ",\"early_per_hour\":{\"prior\":0.02,\"learnt\":0.019}}]}";
    json_t *d = json_loads(document, 0, NULL);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    nx_show_score(d, &plain, &text);
    assert_string_equal(
        text.bytes,
        "STATE  PROFILE  CLEARED  FORECASTS  ERROR  90 % OF ERRORS  IN 50 %  "
        "IN 90 %  MET 90 %   WIDTH   CRPS\n"
        "all    any            7          9  0.5 s           120 s     52 %  "
        "   61 %      98 %  30.2 s  1.0 s\n"
        "\n"
        "not scored  1 resolvers of open incidents, 2 that nobody saw clear\n"
        "learnt      unknown, 7 outcomes: late 5.5 % (prior 6.0 %), early "
        "0.019 per hour (prior 0.020)\n");
    nx_text_fini(&text);
    json_decref(d);
    nx_show_score(NULL, &plain, &text);
    assert_memory_equal(text.bytes, "no forecast has been scored\n", 28);
    nx_text_fini(&text);
}

static void test_opened(void **state) {
    (void)state;
    json_t *incident =
        json_loads("{\"id\":7,\"name\":\"www.example.com.\",\"types\":"
                   "[\"A\",\"AAAA\"]}",
                   0, NULL);
    json_t *status = json_loads(
        "{\"networks\":[{\"network\":\"a\",\"targets\":["
        "{\"agent\":\"x\",\"resolver\":\"192.0.2.1@53\",\"type\":\"A\"},"
        "{\"agent\":\"x\",\"resolver\":\"192.0.2.1@53\",\"type\":\"AAAA\"},"
        "{\"agent\":\"x\",\"resolver\":\"192.0.2.2@53\",\"type\":\"A\"},"
        "{\"agent\":\"y\",\"resolver\":\"192.0.2.2@53\",\"type\":\"A\"}]}]}",
        0, NULL);
    struct nx_text text;
    nx_text_init(&text);
    nx_show_opened(incident, status, &text);
    assert_string_equal(text.bytes, "incident 7 opened: www.example.com A "
                                    "AAAA, 1 network, 3 resolvers\n");
    nx_text_fini(&text);
    nx_show_opened(incident, NULL, &text);
    assert_string_equal(text.bytes,
                        "incident 7 opened: www.example.com A AAAA\n");
    nx_text_fini(&text);
    (void)json_object_set_new(incident, "outage",
                              json_pack("{s:s,s:s}", "from",
                                        "2026-11-19T22:01:00.000Z", "to",
                                        "2026-11-19T22:09:00.000Z"));
    (void)json_object_set_new(incident, "restored",
                              json_string("2026-11-19T22:09:30.000Z"));
    nx_show_opened(incident, NULL, &text);
    assert_string_equal(text.bytes,
                        "incident 7 opened: www.example.com A AAAA\n"
                        "outage from 2026-11-19T22:01:00.000Z\n"
                        "outage to   2026-11-19T22:09:00.000Z\n"
                        "restored    2026-11-19T22:09:30.000Z\n");
    nx_text_fini(&text);
    json_decref(incident);
    json_decref(status);
}

/* The table as wide as a terminal: names are cut, then columns left out. */
static void test_narrow(void **state) {
    static const unsigned widths[] = {100, 80, 60};
    static const char *const there[] = {"BASIS", "CLEARS", "CLEARS"};
    static const char *const gone[] = {"no such", "SEEN", "90 %"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct nx_show show = {.utf8 = true, .columns = widths[i]};
        char *shown = show_status("many.json", &show);
        char *table = strstr(shown, "\nNETWORK");
        assert_non_null(table);
        assert_non_null(strstr(table, there[i]));
        assert_null(strstr(table, gone[i]));
        assert_non_null(strstr(table, "20:31:10 (in 12:04)"));
        size_t line = strcspn(table + 1, "\n");
        assert_true(i == 2 || line <= widths[i]);
        free(shown);
    }
}

static void test_long_name_is_cut(void **state) {
    static const struct nx_column columns[] = {{"NETWORK", false},
                                               {"STATE", false}};
    const struct nx_fit fit = {.width = 22, .utf8 = true, .least = 8};
    struct nx_table *table = nx_table_new(columns, 2);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    nx_table_row(table);
    nx_table_cell(table, "a-very-long-network", NX_PLAIN);
    nx_table_cell(table, "unknown", NX_PLAIN);
    nx_table_fit(table, &fit);
    nx_table_render(table, false, &text);
    assert_string_equal(text.bytes, "NETWORK        STATE\n"
                                    "a-very-long-\xe2\x80\xa6  unknown\n");
    nx_text_fini(&text);
    nx_table_free(&table);
}

static bool same(const char *a, const char *b) {
    json_t *x = json_loads(a, 0, NULL);
    json_t *y = json_loads(b, 0, NULL);
    assert_non_null(x);
    assert_non_null(y);
    bool is = nx_show_same_subject(x, y);
    json_decref(x);
    json_decref(y);
    return is;
}

static void test_same_subject(void **state) {
    static const char *const one =
        "{\"id\":1,\"name\":\"a.\",\"types\":[\"A\",\"AAAA\"],\"closed\":null}";
    (void)state;
    assert_true(same(one, "{\"id\":2,\"name\":\"a.\",\"types\":[\"AAAA\"]}"));
    assert_false(same(one, "{\"id\":1,\"name\":\"a.\",\"types\":[\"A\"]}"));
    assert_false(same(one, "{\"id\":2,\"name\":\"b.\",\"types\":[\"A\"]}"));
    assert_false(same(one, "{\"id\":2,\"name\":\"a.\",\"types\":[\"MX\"]}"));
    assert_false(same("{\"id\":1,\"name\":\"a.\",\"types\":[\"A\"],\"closed\":"
                      "\"2026-11-20T20:19:00Z\"}",
                      "{\"id\":2,\"name\":\"a.\",\"types\":[\"A\"]}"));
}

static void check_ended(const char *status, bool time_is_up,
                        const char *wanted) {
    json_t *document = json_loads(status, 0, NULL);
    struct nx_text text;
    assert_non_null(document);
    nx_text_init(&text);
    nx_show_ended(document, time_is_up, &text);
    assert_string_equal(text.bytes, wanted);
    nx_text_fini(&text);
    json_decref(document);
}

static void test_ended(void **state) {
    (void)state;
    check_ended(
        "{\"outlook\":\"waiting\",\"networks\":[1],\"summary\":{\"states\":"
        "{\"clear\":2,\"cached-nodata\":1}}}",
        true, "time is up; waiting: 2 clear, 1 cached-nodata");
    check_ended("{\"outlook\":\"stuck\",\"authority\":{\"state\":\"partly\","
                "\"good\":1,\"total\":2}}",
                false,
                "no prospect any more; stuck: not restored, 1/2 name servers "
                "good");
    check_ended("{\"outlook\":\"unknown\",\"networks\":[],\"incident\":"
                "{\"closed\":\"2026-11-20T20:19:00Z\"}}",
                false,
                "the incident is closed; unknown: no network is watched");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_start),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_not_storing),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_nothing_of_some),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_declared),
        cmocka_unit_test(test_advice),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_hostile_json),
        cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_colour),
        cmocka_unit_test(test_exit),
        cmocka_unit_test(test_score),
        cmocka_unit_test(test_opened),
        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_long_name_is_cut),
        cmocka_unit_test(test_same_subject),
        cmocka_unit_test(test_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
