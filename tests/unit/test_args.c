#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/args.h"

#define S INT64_C(1000000)
#define MIDNIGHT (INT64_C(1795132800) * S) /* 2026-11-20T00:00:00Z */
#define AT(h, m, s) (MIDNIGHT + (int64_t)((h)*3600 + (m)*60 + (s)) * S)
#define NOW AT(20, 19, 6)

static struct nx_args args;
static char why[NX_ARGS_WHY_MAX];

/* Splits at spaces; "_" stands for one inside an argument. */
static int parse(const char *line) {
    static char words[1024];
    const char *argv[128];
    size_t n = 0;
    (void)snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok(words, " "); word != NULL;
         word = strtok(NULL, " ")) {
        for (char *p = word; *p != '\0'; p++) {
            *p = *p == '_' ? ' ' : *p;
        }
        argv[n++] = word;
    }
    memset(&args, 0x55, sizeof args);
    why[0] = '\0';
    return nx_args_parse(argv, n, NULL, NOW, &args, why);
}

static void parse_ok(const char *line, enum nx_command command) {
    int err = parse(line);
    if (err != 0) {
        print_error("%s: %s\n", line, why);
    }
    assert_int_equal(err, 0);
    assert_int_equal(args.command, command);
}

static void test_commands(void **state) {
    (void)state;
    parse_ok("incident list", NX_CMD_INCIDENT_LIST);
    parse_ok("incident show", NX_CMD_INCIDENT_SHOW);
    assert_int_equal(args.id, 0);
    parse_ok("incident show 7", NX_CMD_INCIDENT_SHOW);
    assert_int_equal(args.id, 7);
    parse_ok("incident close 4294967295", NX_CMD_INCIDENT_CLOSE);
    assert_int_equal(args.id, 4294967295);
    parse_ok("status", NX_CMD_STATUS);
    assert_false(args.watch);
    assert_int_equal(args.format, NX_FORMAT_TABLE);
    assert_string_equal(args.api, NX_API_DEFAULT);
    parse_ok("status 7 --watch --all", NX_CMD_STATUS);
    assert_true(args.watch && args.all);
    parse_ok("-w status -a 7", NX_CMD_STATUS);
    assert_true(args.watch && args.all && args.id == 7);
    parse_ok("status --json", NX_CMD_STATUS);
    assert_int_equal(args.format, NX_FORMAT_JSON);
    parse_ok("status --jsonl --watch", NX_CMD_STATUS);
    assert_int_equal(args.format, NX_FORMAT_JSONL);
    parse_ok("agents list", NX_CMD_AGENTS_LIST);
    parse_ok("agents ledger", NX_CMD_AGENTS_LEDGER);
    parse_ok("networks", NX_CMD_NETWORKS);
    parse_ok("resolvers", NX_CMD_RESOLVERS);
    parse_ok("networks label lyon site=lyon asn=", NX_CMD_NETWORKS_LABEL);
    assert_string_equal(args.subject, "lyon");
    assert_int_equal(args.labels_n, 2);
    assert_string_equal(args.labels[1], "asn=");
    parse_ok("score", NX_CMD_SCORE);
    assert_true(args.id == 0 && args.from_us == NX_TIME_NONE);
    parse_ok("score 7 --since 90s --to 20:19", NX_CMD_SCORE);
    assert_int_equal(args.from_us, NOW - 90 * S);
    assert_int_equal(args.to_us, AT(20, 19, 0));
    assert_int_not_equal(parse("score --since 1h --from 20:00"), 0);
    parse_ok("agents label lyon-1 weight=2", NX_CMD_AGENTS_LABEL);
    parse_ok("status --where site=lyon --where asn=64500 --group country",
             NX_CMD_STATUS);
    assert_int_equal(args.where_n, 2);
    assert_string_equal(args.group, "country");
    parse_ok("status --where resolver=192.0.2.53@53 --group resolver",
             NX_CMD_STATUS);
    assert_string_equal(args.group, "resolver");
    assert_int_not_equal(parse("status --group weight"), 0);
    assert_int_not_equal(parse("status --where resolver="), 0);
    parse_ok("agents revoke lyon-1", NX_CMD_AGENTS_REVOKE);
    assert_string_equal(args.subject, "lyon-1");
    parse_ok("help", NX_CMD_HELP);
    parse_ok("-h", NX_CMD_HELP);
    parse_ok("incident --help", NX_CMD_HELP);
    parse_ok("--version", NX_CMD_VERSION);
    parse_ok("-V", NX_CMD_VERSION);
}

static void test_offline(void **state) {
    (void)state;
    parse_ok("estimate", NX_CMD_ESTIMATE);
    assert_null(args.subject);
    parse_ok("estimate -", NX_CMD_ESTIMATE);
    assert_null(args.subject);
    parse_ok("estimate case.json", NX_CMD_ESTIMATE);
    assert_string_equal(args.subject, "case.json");
    parse_ok("replay r.jsonl --at 20:10 --at 2026-11-20T20:01:10Z --every 10s",
             NX_CMD_REPLAY);
    assert_string_equal(args.subject, "r.jsonl");
    assert_int_equal(args.at_n, 2);
    assert_true(args.at_us[0] == AT(20, 1, 10) &&
                args.at_us[1] == AT(20, 10, 0));
    assert_true(args.every_us == 10 * INT64_C(1000000));
    parse_ok("incident export 7", NX_CMD_INCIDENT_EXPORT);
    assert_int_equal(args.id, 7);
    assert_int_equal(parse("estimate a b"), NX_EMALFORMED);
    assert_string_equal(why, "usage: nxclear estimate [FILE]");
    assert_int_equal(parse("replay --at noon"), NX_EMALFORMED);
    assert_int_equal(parse("replay --every 0s"), NX_EMALFORMED);
    assert_string_equal(why, "--every: must be longer than nothing");
    assert_int_equal(parse("replay --every 1s --every 2s"), NX_EMALFORMED);
    assert_int_equal(parse("status --at 20:10"), NX_EMALFORMED);
    assert_string_equal(why, "--at: not an option of status");
}

static void test_open(void **state) {
    (void)state;
    parse_ok("incident open www.example.com A AAAA --expect A=192.0.2.10 "
             "--expect=AAAA=2001:db8::1 --outage 20:01..20:09 --restored auto "
             "--note bad_deploy",
             NX_CMD_INCIDENT_OPEN);
    assert_string_equal(args.subject, "www.example.com");
    assert_int_equal(args.types_n, 2);
    assert_string_equal(args.types[1], "AAAA");
    assert_int_equal(args.expect_n, 2);
    assert_string_equal(args.expect[1], "AAAA=2001:db8::1");
    assert_int_equal(args.outage_from_us, AT(20, 1, 0));
    assert_int_equal(args.outage_to_us, AT(20, 9, 0));
    assert_int_equal(args.restored_us, NX_TIME_NONE);
    assert_string_equal(args.note, "bad deploy");
    parse_ok("incident open example.com TYPE65280 --restored now-90s",
             NX_CMD_INCIDENT_OPEN);
    assert_int_equal(args.restored_us, NOW - 90 * S);
    assert_int_equal(args.outage_from_us, NX_TIME_NONE);
    assert_null(args.far);
    parse_ok("incident open example.com A --outage now-1d..22:01",
             NX_CMD_INCIDENT_OPEN);
    assert_string_equal(args.far, "22:01");
    assert_int_equal(args.far_us, AT(22, 1, 0) - 86400 * S);
    parse_ok("incident open example.com A --outage now-5m.. --restored 22:09",
             NX_CMD_INCIDENT_OPEN);
    assert_string_equal(args.far, "22:09");
    assert_null(args.note);
    /* A name that looks like an option. */
    parse_ok("incident open -- --watch A", NX_CMD_INCIDENT_OPEN);
    assert_string_equal(args.subject, "--watch");
}

static void test_enrol(void **state) {
    (void)state;
    parse_ok("enrol create --network hq --name hq-1 --role authority --expires "
             "2h",
             NX_CMD_ENROL_CREATE);
    assert_string_equal(args.network, "hq");
    assert_string_equal(args.name, "hq-1");
    assert_int_equal(args.expires_us, INT64_C(7200000000));
    parse_ok("enrol list --jsonl", NX_CMD_ENROL_LIST);
    parse_ok("enrol revoke 3", NX_CMD_ENROL_REVOKE);
    assert_int_equal(args.id, 3);
    parse_ok("agents reject -bcdefgh", NX_CMD_AGENTS_REJECT);
    parse_ok("agents quarantine lyon-1", NX_CMD_AGENTS_QUARANTINE);
    parse_ok("agents release lyon-1", NX_CMD_AGENTS_RELEASE);
    parse_ok("agents log --json", NX_CMD_AGENTS_LOG);
    assert_int_equal(parse("enrol create"), NX_EMALFORMED);
    assert_int_equal(parse("enrol revoke x"), NX_EMALFORMED);
    assert_int_equal(parse("agents log --expires 1h"), NX_EMALFORMED);
}

static void test_tokens(void **state) {
    (void)state;
    parse_ok("tokens create grafana --scope read --network lyon,oslo "
             "--expires 1d --token-file /etc/t",
             NX_CMD_TOKENS_CREATE);
    assert_string_equal(args.subject, "grafana");
    assert_string_equal(args.scope, "read");
    assert_string_equal(args.network, "lyon,oslo");
    assert_string_equal(args.token_file, "/etc/t");
    assert_int_equal(args.expires_us, INT64_C(86400000000));
    parse_ok("tokens create ops", NX_CMD_TOKENS_CREATE);
    assert_null(args.scope);
    assert_int_equal(args.expires_us, NX_TIME_NONE);
    parse_ok("tokens list --json", NX_CMD_TOKENS_LIST);
    parse_ok("tokens revoke grafana --api https://nx.example",
             NX_CMD_TOKENS_REVOKE);
    assert_int_equal(parse("tokens create x --scope all"), NX_EMALFORMED);
    assert_int_equal(parse("tokens create x --expires 0"), NX_EMALFORMED);
    assert_int_equal(parse("tokens create"), NX_EMALFORMED);
    assert_int_equal(parse("agents list --scope read"), NX_EMALFORMED);
}

static void test_agents(void **state) {
    (void)state;
    parse_ok("agents accept abcdef --network lyon", NX_CMD_AGENTS_ACCEPT);
    assert_string_equal(args.subject, "abcdef");
    assert_string_equal(args.network, "lyon");
    assert_null(args.name);
    assert_null(args.role);
    /* A Z85 key may begin with "-". */
    parse_ok("agents accept --network lyon --name lyon-1 --role authority -- "
             "-bcdef",
             NX_CMD_AGENTS_ACCEPT);
    assert_string_equal(args.subject, "-bcdef");
    assert_string_equal(args.name, "lyon-1");
    assert_string_equal(args.role, "authority");
    /* A whole key cannot be meant as an option. */
    parse_ok("agents accept -q:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7 "
             "--network lyon",
             NX_CMD_AGENTS_ACCEPT);
    assert_int_equal(strlen(args.subject), 40);
    /* Nor its first characters, where a key is expected. */
    parse_ok("agents accept -q:rM> --network lyon", NX_CMD_AGENTS_ACCEPT);
    assert_string_equal(args.subject, "-q:rM>");
    parse_ok("agents revoke -abcdefg", NX_CMD_AGENTS_REVOKE);
    assert_string_equal(args.subject, "-abcdefg");
    assert_int_equal(parse("agents revoke -abcd"), NX_EMALFORMED);
    assert_int_equal(parse("agents accept --netwerk lyon"), NX_EMALFORMED);
    assert_string_equal(why, "--netwerk: no such option");
    assert_int_equal(parse("agents list -abcdef"), NX_EMALFORMED);
    assert_int_equal(parse("networks 7"), NX_EMALFORMED);
    assert_string_equal(why, "usage: nxclear networks");
}

static void test_wait(void **state) {
    (void)state;
    parse_ok("wait 7 --timeout 2h", NX_CMD_WAIT);
    assert_int_equal(args.timeout_us, 7200 * S);
    assert_int_equal(args.patience_us, 7200 * S); /* the outage lasts */
    parse_ok("wait --timeout=90 --patience 1h30m", NX_CMD_WAIT);
    assert_int_equal(args.timeout_us, 90 * S);
    assert_int_equal(args.patience_us, 5400 * S);
    parse_ok("wait", NX_CMD_WAIT);
    assert_int_equal(args.timeout_us, NX_TIME_NONE);
    assert_int_equal(args.patience_us, 300 * S);
    parse_ok("wait --patience 1m --timeout 2h", NX_CMD_WAIT);
    assert_int_equal(args.patience_us, 60 * S);
}

static void test_api(void **state) {
    const char *const status[] = {"status"};
    const char *const given[] = {"status", "--api", "unix:/run/x.sock"};
    (void)state;
    assert_int_equal(
        nx_args_parse(status, 1, "http://127.0.0.1:8053", NOW, &args, why), 0);
    assert_string_equal(args.api, "http://127.0.0.1:8053");
    assert_int_equal(
        nx_args_parse(given, 3, "http://127.0.0.1:8053", NOW, &args, why), 0);
    assert_string_equal(args.api, "unix:/run/x.sock");
    assert_int_equal(nx_args_parse(status, 1, "", NOW, &args, why), 0);
    assert_string_equal(args.api, NX_API_DEFAULT);
    assert_int_equal(nx_args_parse(status, 1, "ftp://x", NOW, &args, why),
                     NX_EMALFORMED);
    assert_non_null(strstr(why, "NXCLEAR_API"));
}

static void test_refused(void **state) {
    static const char *const rows[][2] = {
        {"", "no command given"},
        {"frobnicate", "frobnicate: no such command"},
        {"help frobnicate", "frobnicate: no such command"},
        {"networks label lyon site=a site=b", "site=b: site is given twice"},
        {"incident", "incident: needs one of open, list, show, close"},
        {"agents", "agents: needs one of list, ledger, accept, "},
        {"incident frob",
         "incident frob: not one of open, list, show, close, export"},
        {"incident open example.com", "usage: nxclear incident open NAME"},
        {"incident open example.com ANY", "ANY: not a record type"},
        {"incident open example.com A --expect 192.0.2.1", "--expect: not"},
        {"incident open example.com A --expect A=", "--expect: not"},
        {"incident open example.com A --expect =x", "--expect: not"},
        {"incident open example.com A --expect ABCDEFGHIJKLMNO=x",
         "--expect: not"},
        {"incident open example.com A --outage 20:01", "--outage: not"},
        {"incident open example.com A --outage 25:01..20:00", "no such time"},
        {"incident open example.com A --outage now..now-5m",
         "--outage: ends before it begins"},
        {"incident open example.com A --restored yesterday", "--restored:"},
        {"incident open example.com A --watch", "--watch: not an option"},
        {"incident open example.com A --note", "--note: needs a value"},
        {"incident open example.com A --note a --note b", "given twice"},
        {"incident open e A A A A A A A A A A A A A A A A A A",
         "too many arguments"},
        {"incident close", "usage: nxclear incident close ID"},
        {"incident close x", "x: not a number"},
        {"incident close 0", "0: not a number"},
        {"incident close 4294967296", "not a number"},
        {"incident close 99999999999999999999", "not a number"},
        {"incident list 7", "usage: nxclear incident list"},
        {"status 1 2", "usage: nxclear status [ID]"},
        {"status --json --jsonl", "exclude each other"},
        {"status --json=yes", "--json: takes no value"},
        {"status --frob", "--frob: no such option"},
        {"status -x", "-x: no such option"},
        {"status --timeout 5", "--timeout: not an option of status"},
        {"tokens list --network x", "--network: not an option of tokens list"},
        {"wait --timeout soon", "--timeout: not a duration"},
        {"wait --json", "--json: not an option of wait"},
        {"agents accept abcdef", "needs --network"},
        {"agents accept abcdef --network x --role boss", "--role: neither"},
        {"agents revoke", "usage: nxclear agents revoke WHO"},
        {"status --api tcp:1", "--api: neither"},
        {"status --api unix:", "--api: neither"},
        {"\033[2J", "\\027[2J: no such command"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int err = parse(rows[i][0]);
        if (err != NX_EMALFORMED || strstr(why, rows[i][1]) == NULL) {
            print_error("'%s' gave %d '%s'\n", rows[i][0], err, why);
        }
        assert_int_equal(err, NX_EMALFORMED);
        assert_non_null(strstr(why, rows[i][1]));
    }
}

static void test_untouched(void **state) {
    struct nx_args before;
    (void)state;
    assert_int_equal(parse("status --frob"), NX_EMALFORMED);
    memset(&before, 0x55, sizeof before);
    assert_memory_equal(&args, &before, sizeof args);
}

/* Of a line being written: whom to ask. What stands at the cursor is not read
 * yet. */
static void test_complete(void **state) {
    (void)state;
    parse_ok("complete -- --api unix:/x explain ly", NX_CMD_COMPLETE);
    assert_string_equal(args.api, "unix:/x");
    assert_int_equal(args.words_n, 4);
    parse_ok("complete -- --api=http://x explain ly", NX_CMD_COMPLETE);
    assert_string_equal(args.api, "http://x");
    parse_ok("complete -- --api un", NX_CMD_COMPLETE);
    assert_int_equal(args.words_n, 2);
    parse_ok("complete -- --api un explain ly", NX_CMD_COMPLETE);
    assert_int_equal(args.words_n, 0);
}

static void test_word(void **state) {
    static const char *const line[] = {"--frob", "status", "agents"};
    (void)state;
    assert_string_equal(nx_args_word(line, 3), "status");
    assert_null(nx_args_word(line, 1));
}

static void test_help(void **state) {
    (void)state;
    const char *help = nx_args_help();
    size_t column = 0;
    for (const char *p = help; *p != '\0'; p++) {
        column = *p == '\n' ? 0 : column + 1;
        assert_true(column < 80);
    }
    assert_non_null(strstr(help, NX_API_DEFAULT));
}

/* Of a command: its lines, and what is said of all. */
static void test_help_of(void **state) {
    static const struct {
        const char *word, *has, *has_not;
    } rows[] = {
        {"status", "  status [ID] [-w|--watch]", "explain"},
        {"status", "           [--where KEY=VALUE]...", "--patience"},
        {"status", "  --token-file FILE\n                 with", "agents"},
        {"agents", "  agents label NAME", "enrol create"},
        {"network", "  networks label", "\t"}, /* no such one: all */
        {"", "  incident open", "\t"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nx_text help;
        nx_args_help_of(rows[i].word, &help);
        assert_non_null(strstr(help.bytes, rows[i].has));
        assert_non_null(strstr(help.bytes, "  -h, --help"));
        const char *commands = strstr(help.bytes, "\n  ");
        assert_null(strstr(commands, rows[i].has_not));
        nx_text_fini(&help);
    }
    parse_ok("help", NX_CMD_HELP);
    assert_null(args.subject);
    parse_ok("help score", NX_CMD_HELP);
    assert_string_equal(args.subject, "score");
    parse_ok("wait --help", NX_CMD_HELP);
    assert_string_equal(args.subject, "wait");
}

/* Every option of the help is in nxclear(1). */
static void test_manual(void **state) {
    static char manual[65536];
    (void)state;
    FILE *f = fopen(NX_SOURCE_DIR "/deploy/man/nxclear.1", "r");
    assert_non_null(f);
    manual[fread(manual, 1, sizeof manual - 1, f)] = '\0';
    (void)fclose(f);
    size_t n = 0;
    for (const char *p = nx_args_help(); (p = strstr(p, "--")) != NULL; n++) {
        char macro[40];
        p += 2;
        (void)snprintf(macro, sizeof macro, "Fl Fl %.*s",
                       (int)strspn(p, "abcdefghijklmnopqrstuvwxyz-"), p);
        if (strstr(manual, macro) == NULL) {
            print_error("nxclear(1) lacks %s\n", macro);
        }
        assert_non_null(strstr(manual, macro));
    }
    assert_true(n > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands), cmocka_unit_test(test_offline),
        cmocka_unit_test(test_open),     cmocka_unit_test(test_agents),
        cmocka_unit_test(test_tokens),   cmocka_unit_test(test_enrol),
        cmocka_unit_test(test_wait),     cmocka_unit_test(test_api),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_untouched),
        cmocka_unit_test(test_help),     cmocka_unit_test(test_help_of),
        cmocka_unit_test(test_manual),   cmocka_unit_test(test_complete),
        cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
