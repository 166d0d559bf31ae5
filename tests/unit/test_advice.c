/* Reason and advice: every state has both, whatever is known; and what they
 * say where much is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/status/advice.h"

#define S INT64_C(1000000)
#define NOON (INT64_C(1795176000) * S) /* 2026-11-20T12:00:00Z */

static const struct nx_advice_facts nothing = {.now_us = NOON};
static const struct nx_advice_facts all = {
    .now_us = NOON,
    .name = "www.example.com",
    .type = "A",
    .resolver = "192.0.2.53@53",
    .server = "ns2.example.net (198.51.100.2@53)",
    .serial_known = true,
    .serial = 2026112003,
    .other = "192.0.2.54@53",
    .alias = true,
    .old_servers = true,
    .aside = "192.0.2.55@53"};

static struct nx_verdict bare(unsigned state) {
    return (struct nx_verdict){.state = (uint8_t)state,
                               .last_look_us = NX_TIME_UNKNOWN};
}

static struct nx_verdict forecast(unsigned state) {
    struct nx_verdict v = bare(state);
    v.lines_n = 1;
    v.eta = (struct nx_eta){.known = true, .point_us = NOON + 600 * S - 1};
    v.hard = (struct nx_hard){NX_HARD_AUTH_WINDOW, NOON + 900 * S};
    v.last_look_us = NOON - 20 * S;
    return v;
}

static void assert_whole(const char *line) {
    assert_true(strlen(line) > 5 && strlen(line) < NX_ADVICE_MAX - 1);
    assert_null(strpbrk(line, "{}[]\n"));
    assert_null(strstr(line, "  "));
    assert_true(line[strlen(line) - 1] != ' ');
}

static void check_whole(const struct nx_verdict *v,
                        const struct nx_advice_facts *facts) {
    struct nx_advice advice;
    nx_advice_of(v, facts, &advice);
    assert_whole(advice.why);
    assert_whole(advice.todo);
}

/* Each state with each reason, bound and flag; with and without facts. */
static void test_every_state(void **state) {
    (void)state;
    for (unsigned s = 0; s < NX_STATE_N_; s++) {
        for (unsigned k = 0; k < NX_FLAG_N_; k++) {
            struct nx_verdict poor = bare(s);
            struct nx_verdict rich = forecast(s);
            poor.flags = rich.flags = 1U << k;
            poor.unknown_reason = (uint8_t)(k % (NX_UNKNOWN_GUARDED + 1));
            rich.unknown_reason = poor.unknown_reason;
            rich.hard.reason = (uint8_t)(1 + k % NX_HARD_BOGUS_CACHE);
            rich.lines_n = (uint8_t)(k % 3);
            rich.presumed_clear = k % 2 == 0;
            rich.ede = 27; /* the longest name */
            check_whole(&poor, &nothing);
            check_whole(&poor, &all);
            check_whole(&rich, &nothing);
            check_whole(&rich, &all);
            rich.hard.at_us = NOON - S;
            check_whole(&rich, &all);
        }
    }
}

static void says(const struct nx_verdict *v,
                 const struct nx_advice_facts *facts, const char *why,
                 const char *todo) {
    struct nx_advice advice;
    nx_advice_of(v, facts, &advice);
    assert_string_equal(advice.why, why);
    assert_string_equal(advice.todo, todo);
}

static void test_wait(void **state) {
    struct nx_verdict v = forecast(NX_STATE_CACHED_NXDOMAIN);
    struct nx_advice_facts facts = all;
    (void)state;
    says(&v, &all, "cached NXDOMAIN",
         "wait until 12:10:00Z, 12:15:00Z at the latest, or flush "
         "www.example.com in 192.0.2.53@53; use 192.0.2.54@53 meanwhile");
    facts.other = NULL;
    v.hard.reason = NX_HARD_NONE;
    says(&v, &facts, "cached NXDOMAIN",
         "wait until 12:10:00Z, or flush www.example.com in 192.0.2.53@53");
    v.eta.point_us += 86400 * S;
    says(&v, &facts, "cached NXDOMAIN",
         "wait until 2026-11-21T12:10:00Z, or flush www.example.com in "
         "192.0.2.53@53");
    facts.device = true;
    v.eta.known = false;
    says(&v, &facts, "the device's own cache holds the NXDOMAIN",
         "flush the device's cache");
}

static void test_overdue(void **state) {
    struct nx_verdict v = forecast(NX_STATE_CACHED_NXDOMAIN);
    (void)state;
    v.hard.at_us = NOON - 60 * S;
    says(&v, &all,
         "NXDOMAIN is still served after 11:59:00Z, when it should have ended",
         "flush www.example.com in 192.0.2.53@53, or ask its operator why the "
         "entry outlives its TTL; use 192.0.2.54@53 meanwhile");
    v.hard_stack = (struct nx_hard){NX_HARD_STACK, NOON + 60 * S};
    says(&v, &all, "cached NXDOMAIN",
         "wait until 12:10:00Z, or flush www.example.com in 192.0.2.53@53; "
         "use 192.0.2.54@53 meanwhile");
}

/* Then nobody denies, though the bound has passed. */
static void test_no_answer_after_clear(void **state) {
    struct nx_verdict v = forecast(NX_STATE_PARTLY_CLEAR);
    (void)state;
    v.hard.at_us = NOON - 60 * S;
    v.flags = 1U << NX_FLAG_REFERRAL;
    says(&v, &all,
         "192.0.2.53@53 answers with a referral: it does not resolve names for "
         "this network",
         "let its operator allow recursion from this network, or name another "
         "resolver; use 192.0.2.54@53 meanwhile");
    v.flags = 1U << NX_FLAG_TRUNCATED;
    says(&v, &all,
         "the answers of 192.0.2.53@53 do not fit into UDP, and it gives none "
         "over TCP",
         "open TCP port 53 to 192.0.2.53@53 (RFC 7766); use 192.0.2.54@53 "
         "meanwhile");
}

static void test_fix(void **state) {
    struct nx_verdict v = bare(NX_STATE_STILL_NEGATIVE_AT_AUTHORITY);
    (void)state;
    says(&v, &all,
         "name server ns2.example.net (198.51.100.2@53) denies "
         "www.example.com",
         "fix name server ns2.example.net (198.51.100.2@53), serial "
         "2026112003; caches fill again from it until then");
    struct nx_advice_facts other = all; /* no denial: another address */
    other.differs = other.server;
    other.server = NULL;
    other.alias = false;
    says(&v, &other,
         "name server ns2.example.net (198.51.100.2@53) has another A for "
         "www.example.com than the expected one",
         "correct the record there; if it is right, open the incident again "
         "with another --expect");
    v = bare(NX_STATE_UNKNOWN);
    v.unknown_reason = NX_UNKNOWN_GUARDED;
    says(&v, &other,
         "not asked yet: name server ns2.example.net (198.51.100.2@53) has "
         "another A for www.example.com than the expected one",
         "correct the record there; if it is right, open the incident again "
         "with another --expect");
    says(&v, &nothing,
         "not asked yet: a question could plant the denial before every name "
         "server is verified good",
         "wait for the restoration to be verified");
}

static void test_name_above(void **state) {
    struct nx_verdict v = forecast(NX_STATE_ANCESTOR_NXDOMAIN);
    struct nx_advice_facts facts = all;
    (void)state;
    facts.zone = NULL;
    facts.above = "b.example.com";
    facts.name = "a.b.example.com";
    says(
        &v, &facts,
        "cached NXDOMAIN: b.example.com was denied, and with it "
        "a.b.example.com (RFC 8020)",
        "wait until 12:10:00Z, 12:15:00Z at the latest, or flush b.example.com "
        "and all below it in 192.0.2.53@53; use 192.0.2.54@53 meanwhile");
    v = bare(NX_STATE_STILL_NEGATIVE_AT_AUTHORITY);
    says(&v, &facts,
         "name server ns2.example.net (198.51.100.2@53) denies "
         "a.b.example.com; b.example.com above it was denied, too",
         "fix name server ns2.example.net (198.51.100.2@53), serial "
         "2026112003; caches fill again from it until then");
}

/* What --expect names is the only right answer, so it is no way out where name
 * servers answer by region: the guard would stay shut. */
static void test_an_answer_for_a_region(void **state) {
    struct nx_verdict v = bare(NX_STATE_OLD_POSITIVE);
    (void)state;
    v.flags |= 1U << NX_FLAG_UNLIKE_SERVERS;
    says(&v, &all, "192.0.2.53@53 gives what no name server was seen to give",
         "flush www.example.com in 192.0.2.53@53; if its answer is right, run "
         "an agent in the role authority in that region, or a canary zone; "
         "only where name servers give one answer everywhere, open the "
         "incident again with it as --expect; use 192.0.2.54@53 meanwhile");
}

static void test_a_failure_that_is_kept(void **state) {
    struct nx_verdict v = bare(NX_STATE_SERVFAIL_OTHER);
    (void)state;
    v.flags = 1U << NX_FLAG_CD_ANSWERED;
    v.hard = (struct nx_hard){NX_HARD_FAILURE_CACHE_300, NOON + 60 * S};
    says(
        &v, &all,
        "192.0.2.53@53 fails to resolve www.example.com (SERVFAIL), but not "
        "with CD=1: the zone has no DS, so this is a failure that is kept",
        "wait until 12:01:00Z, or flush www.example.com in 192.0.2.53@53; then "
        "check that 192.0.2.53@53 reaches every name server; use 192.0.2.54@53 "
        "meanwhile");
}

/* A resolver that fails beside a name server that does not serve the zone. */
static void test_a_lame_server_is_named(void **state) {
    struct nx_verdict v = bare(NX_STATE_SERVFAIL_OTHER);
    struct nx_advice_facts facts = nothing;
    (void)state;
    facts.name = all.name;
    facts.resolver = all.resolver;
    facts.lame = "ns3.example.com (192.0.2.13@53)";
    says(&v, &facts,
         "192.0.2.53@53 fails to resolve www.example.com (SERVFAIL); the name "
         "server ns3.example.com (192.0.2.13@53) does not serve the zone",
         "check that 192.0.2.53@53 reaches every name server");
}

/* Rule 1: the servers of the set are good, those that left it deny. */
static void test_old_servers_hold_looks_back(void **state) {
    struct nx_verdict v = bare(NX_STATE_UNKNOWN);
    struct nx_advice_facts facts = nothing;
    (void)state;
    v.unknown_reason = NX_UNKNOWN_GUARDED;
    facts.name = all.name;
    facts.gone = "example.com";
    facts.denier = "192.0.2.12@53";
    says(&v, &facts,
         "not asked yet: a question could plant the denial, and name server "
         "192.0.2.12@53 says that example.com does not exist",
         "have name server 192.0.2.12@53 put right");
    facts.gone = facts.denier = NULL;
    facts.looks_us = facts.now_us + 600 * INT64_C(1000000);
    says(&v, &facts,
         "not asked yet: name servers that left the NS set deny "
         "www.example.com, and caches may ask them until 12:10:00Z",
         "take the zone off the old name servers, or correct it there; else "
         "looks begin at 12:10:00Z");
    facts.looks_us = facts.now_us; /* it settles */
    says(&v, &facts,
         "not asked yet: a question could plant the denial before every name "
         "server is verified good",
         "wait for the restoration to be verified");
}

/* Nobody audits the server that still denies, but its serial is seen. */
static void test_find(void **state) {
    struct nx_verdict v = bare(NX_STATE_RECACHED);
    struct nx_advice_facts facts = all;
    (void)state;
    facts.server = NULL;
    v.serial_known = true;
    v.serial = 2026112002;
    says(&v, &facts,
         "denied again after the restoration, although all audited name "
         "servers are good; the denial has serial 2026112002",
         "find the name server that 192.0.2.53@53 asks (an old copy or "
         "delegation, serial 2026112002), fix it, then flush www.example.com "
         "there; if it asks none, it does not reach them and extends its old "
         "entry; use 192.0.2.54@53 meanwhile");
}

static void test_delegation(void **state) {
    struct nx_verdict v = forecast(NX_STATE_ANCESTOR_NXDOMAIN);
    struct nx_advice_facts facts = all;
    (void)state;
    v.hard.reason = NX_HARD_DELEGATION;
    says(&v, &facts,
         "a name above www.example.com is denied: its delegation was lost, and "
         "the old one may be cached",
         "wait until 12:10:00Z; let the old name servers answer as the new "
         "ones until 12:15:00Z, or flush the zone in 192.0.2.53@53; use "
         "192.0.2.54@53 meanwhile");
    facts.old_servers = false;
    says(&v, &facts,
         "a name above www.example.com is denied: its delegation was lost",
         "wait until 12:10:00Z, 12:15:00Z at the latest, or flush the zone "
         "above in 192.0.2.53@53; use 192.0.2.54@53 meanwhile");
}

/* Of a zone between the audited one and the name. */
static void test_zone_below(void **state) {
    static const char why[] =
        " of zone sub.example.com, which the audited delegation does not lead "
        "to: an old delegation, or another view";
    static const char todo[] =
        "flush sub.example.com in 192.0.2.53@53; if it comes back, find the "
        "name servers of sub.example.com that are asked there";
    char whole[2][512];
    struct nx_verdict v = forecast(NX_STATE_CACHED_NXDOMAIN);
    struct nx_advice_facts facts = all;
    (void)state;
    facts.zone = "sub.example.com";
    facts.other = NULL;
    v.hard.reason = NX_HARD_NONE;
    (void)snprintf(whole[0], sizeof(whole[0]), "cached NXDOMAIN%s", why);
    (void)snprintf(whole[1], sizeof(whole[1]), "wait until 12:10:00Z, or %s",
                   todo);
    says(&v, &facts, whole[0], whole[1]);
    v = bare(NX_STATE_CACHED_NODATA);
    (void)snprintf(whole[0], sizeof(whole[0]), "cached NODATA%s", why);
    (void)snprintf(whole[1], sizeof(whole[1]), "wait, or %s", todo);
    says(&v, &facts, whole[0], whole[1]);
    facts.server = facts.differs = NULL;
    v = bare(NX_STATE_RECACHED);
    says(&v, &facts,
         "denied again after the restoration, by zone sub.example.com, which "
         "the audited delegation does not lead to: an old delegation, or "
         "another view",
         "find the name servers of sub.example.com that 192.0.2.53@53 asks, "
         "let them answer as the zone's or go, then flush sub.example.com "
         "there");
}

static void test_links_and_zones(void **state) {
    struct nx_verdict v = forecast(NX_STATE_CACHED_NXDOMAIN);
    struct nx_advice_facts facts = all;
    (void)state;
    facts.other = NULL;
    facts.link = "cdn.example.com";
    says(&v, &facts,
         "cached NXDOMAIN of cdn.example.com, which www.example.com is an "
         "alias of",
         "wait until 12:10:00Z, 12:15:00Z at the latest, or flush "
         "cdn.example.com in 192.0.2.53@53");
    v = bare(NX_STATE_UNKNOWN);
    v.unknown_reason = NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED;
    facts.link = "cdn.example.net";
    facts.zone = "example.net";
    says(&v, &facts,
         "www.example.com is an alias: what is denied is cdn.example.net, by "
         "zone example.net, which is not watched",
         "open an incident for cdn.example.net");
    v = forecast(NX_STATE_ANCESTOR_NXDOMAIN);
    facts.link = NULL;
    facts.old_servers = false;
    facts.zone = "com";
    facts.apex = "example.com";
    says(&v, &facts,
         "zone com denies example.com, and with it www.example.com: the "
         "delegation was lost",
         "wait until 12:10:00Z, 12:15:00Z at the latest, or flush example.com "
         "in 192.0.2.53@53");
}

static void test_sources(void **state) {
    struct nx_verdict v = bare(NX_STATE_RECACHED);
    struct nx_advice_facts facts = all;
    (void)state;
    facts.other = NULL;
    v.flags = 1U << NX_FLAG_OWN_ZONE;
    v.serial_known = true;
    v.serial = 7;
    says(&v, &facts,
         "192.0.2.53@53 answers from a zone of its own, which denies "
         "www.example.com (serial 7): another view, or an old copy; waiting "
         "does not help",
         "put www.example.com into that zone, or let 192.0.2.53@53 load it "
         "again; if it hands the questions on to a server of the zone, mend "
         "that one");
    v = bare(NX_STATE_UNREACHABLE);
    v.flags = 1U << NX_FLAG_SIZE_LIMITED;
    v.size_limit_bytes = 512;
    says(&v, &facts,
         "answers of 192.0.2.53@53 above 512 octets do not reach this network "
         "over UDP; over TCP they do",
         "let large UDP replies and their fragments through to this network, "
         "or let 192.0.2.53@53 send at most 512 octets (EDNS)");
}

/* The audit will never end well: waiting for it is no advice. */
static void test_alias(void **state) {
    struct nx_verdict v = bare(NX_STATE_UNKNOWN);
    (void)state;
    v.unknown_reason = NX_UNKNOWN_GUARDED;
    says(&v, &all,
         "not asked: www.example.com is an alias out of its zone, and whether "
         "its target is restored is not known",
         "open the incident for the target of the alias, or give --restored");
}

static void test_silence(void **state) {
    struct nx_verdict v = forecast(NX_STATE_UNKNOWN);
    (void)state;
    v.unknown_reason = NX_UNKNOWN_AGENT_SILENT;
    says(&v, &nothing,
         "the agent is silent since 11:59:40Z; by its last forecast this "
         "clears at 12:10:00Z",
         "bring the agent back, or check by hand: silence is no all-clear");
    v.presumed_clear = true;
    says(&v, &nothing,
         "the agent is silent since 11:59:40Z; by its last forecast this is "
         "clear",
         "bring the agent back, or check by hand");
}

static void test_policy(void **state) {
    struct nx_verdict v = bare(NX_STATE_POLICY_BLOCKED);
    (void)state;
    says(&v, &all,
         "192.0.2.53@53 blocks www.example.com by policy; waiting does not "
         "help",
         "ask the operator of 192.0.2.53@53 to lift the block, with these "
         "answers as evidence; use 192.0.2.54@53 meanwhile");
    v.ede = 15;
    v.flags = 1U << NX_FLAG_CANARY_RESOLVES;
    says(&v, &all,
         "192.0.2.53@53 blocks www.example.com by policy: canary names resolve "
         "there meanwhile; waiting does not help; EDE 15 (Blocked)",
         "ask the operator of 192.0.2.53@53 to lift the block, with these "
         "answers as evidence; use 192.0.2.54@53 meanwhile");
}

/* What the answers themselves say of it, of whatever state; a code that is not
 * known by its number. */
static void test_extended_errors(void **state) {
    static const struct {
        unsigned state, ede;
        const char *end;
    } ROWS[] = {
        {NX_STATE_SERVFAIL_DNSSEC, 9, "(DNSSEC); EDE 9 (DNSKEY Missing)"},
        {NX_STATE_SERVFAIL_OTHER, 22,
         "(SERVFAIL); EDE 22 (No Reachable Authority)"},
        {NX_STATE_REFUSED, 18, "answer; EDE 18 (Prohibited)"},
        {NX_STATE_POLICY_BLOCKED, 65535, "help; EDE 65535"},
        {NX_STATE_POLICY_BLOCKED, 0, "help"},
    };
    struct nx_advice advice;
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct nx_verdict v = bare(ROWS[i].state);
        v.ede = (uint16_t)ROWS[i].ede;
        nx_advice_of(&v, &nothing, &advice);
        size_t n = strlen(advice.why);
        assert_true(n > strlen(ROWS[i].end));
        assert_string_equal(advice.why + n - strlen(ROWS[i].end), ROWS[i].end);
    }
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_every_state),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_overdue),
        cmocka_unit_test(test_no_answer_after_clear),
        cmocka_unit_test(test_fix),
        cmocka_unit_test(test_old_servers_hold_looks_back),
        cmocka_unit_test(test_an_answer_for_a_region),
        cmocka_unit_test(test_a_lame_server_is_named),
        cmocka_unit_test(test_a_failure_that_is_kept),
        cmocka_unit_test(test_name_above),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_alias),
        cmocka_unit_test(test_zone_below),
        cmocka_unit_test(test_links_and_zones),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_delegation),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_extended_errors),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
