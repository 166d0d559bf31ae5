/* The child that calls getaddrinfo: this program, which plays it, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/dns/io_lookup.h"
#include "agent/dns/lookup.h"
#include "common/rrtype.h"

#define LONG_MS 120000U /* for what ends by itself */
#define SHORT_MS 200U   /* for what must run into it */

extern char **environ;

static struct event_base *base;
static struct nx_lookup *lookup;
static struct {
    unsigned calls;
    uint8_t outcome;
    uint16_t rcode;
    uint8_t rdata[64];
    uint16_t rdata_len;
    int64_t took_us;
} seen;

/* --- the child --- */

static unsigned open_fds(void) {
    unsigned n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    return folder != NULL ? n - 3 : 255; /* ".", ".." and its own */
}

/* What it was given, as an address: descriptors, variables. */
static int show_surroundings(void) {
    struct nx_lookup_reply reply = {0};
    uint8_t variables = 0;
    while (environ[variables] != NULL) {
        variables++;
    }
    const uint8_t address[4] = {
        (uint8_t)open_fds(), variables,
        strcmp(environ[0], "LOCALDOMAIN=.") == 0 ? 1 : 0, 0};
    nx_lookup_add(&reply, address, 4);
    return write(1, &reply, sizeof(reply)) == sizeof(reply) ? 0 : 1;
}

static int child(const char *name, const char *family) {
    if (strncmp(name, "hangs", 5) == 0) {
        return pause();
    }
    if (strncmp(name, "shows", 5) == 0) {
        return show_surroundings();
    }
    if (strncmp(name, "says-little", 11) == 0) {
        return write(1, "?", 1) == 1 ? 0 : 1;
    }
    return strncmp(name, "dies", 4) == 0 ? 1 : nx_lookup_child(name, family);
}

/* --- the parent --- */

static int setup(void **state) {
    (void)state;
    base = event_base_new();
    memset(&seen, 0, sizeof(seen));
    return nx_lookup_new(base, NULL, &lookup);
}

static int teardown(void **state) {
    (void)state;
    nx_lookup_free(&lookup);
    event_base_free(base);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* all are reaped */
    assert_int_equal(errno, ECHILD);
    return 0;
}

static void on_result(void *user, const struct nx_probe_result *r) {
    (void)user;
    seen.calls++;
    seen.outcome = r->obs.answer->outcome;
    seen.rcode = r->obs.answer->rcode;
    seen.rdata_len = r->obs.answer->rdata_len;
    seen.took_us = r->obs.rx_mono_us - r->obs.tx_mono_us;
    if (seen.rdata_len > 0 && seen.rdata_len <= sizeof(seen.rdata)) {
        memcpy(seen.rdata, r->obs.answer->rdata, seen.rdata_len);
    }
}

static int start(const char *text, uint16_t qtype, unsigned timeout_ms) {
    uint8_t name[NX_DNAME_MAX];
    struct nx_question q = {.name = name, .qtype = qtype, .flags = NX_Q_RD};
    nx_system_endpoint(&q.to);
    assert_int_equal(nx_dname_parse(text, name), NX_OK);
    return nx_lookup_start(lookup, &q, timeout_ms, on_result, NULL);
}

/* Until the child has gone. */
static void run(void) {
    while (nx_lookup_busy(lookup)) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

static void test_surroundings(void **state) {
    static const uint8_t want[] = {0, 4, 3, 1, 1, 0};
    (void)state;
    int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    assert_true(leaked >= 3);
    assert_int_equal(setenv("SECRET", "1", 1), 0);
    assert_int_equal(start("shows.example.com", NX_TYPE_A, LONG_MS), NX_OK);
    assert_non_null(nx_lookup_question(lookup));
    run();
    (void)close(leaked);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.outcome, NX_ANSWERED);
    assert_int_equal(seen.rdata_len, sizeof(want));
    assert_memory_equal(seen.rdata, want, sizeof(want));
    assert_null(nx_lookup_question(lookup));
}

static void test_timeout(void **state) {
    (void)state;
    assert_int_equal(start("hangs.example.com", NX_TYPE_A, SHORT_MS), NX_OK);
    run();
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.outcome, NX_TIMEOUT);
    assert_true(seen.took_us >= SHORT_MS * INT64_C(1000));
}

static void test_one_at_a_time(void **state) {
    (void)state;
    assert_int_equal(start("hangs.example.com", NX_TYPE_A, SHORT_MS), NX_OK);
    assert_int_equal(start("shows.example.com", NX_TYPE_A, LONG_MS), NX_EAGAIN);
    run();
    assert_int_equal(seen.calls, 1);
    assert_int_equal(start("shows.example.com", NX_TYPE_A, LONG_MS), NX_OK);
    run();
    assert_int_equal(seen.calls, 2);
}

static void test_abandon(void **state) {
    (void)state;
    assert_int_equal(start("hangs.example.com", NX_TYPE_A, LONG_MS), NX_OK);
    nx_lookup_abandon(lookup);
    assert_null(nx_lookup_question(lookup));
    run();
    assert_int_equal(seen.calls, 0);
    assert_int_equal(start("hangs.example.com", NX_TYPE_A, LONG_MS), NX_OK);
    /* ... and the teardown ends one that hangs. */
}

static void test_bad_children(void **state) {
    static const char *const names[] = {"dies.example.com",
                                        "says-little.example.com"};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(start(names[i], NX_TYPE_A, LONG_MS), NX_OK);
        run();
        assert_int_equal(seen.calls, i + 1);
        assert_int_equal(seen.outcome, NX_LOCAL_ERROR);
    }
    nx_lookup_free(&lookup);
    assert_int_equal(nx_lookup_new(base, "/nonexistent/program", &lookup),
                     NX_OK);
    assert_int_equal(start("shows.example.com", NX_TYPE_A, LONG_MS), NX_EIO);
    assert_false(nx_lookup_busy(lookup));
    assert_int_equal(seen.calls, 2);
}

/* Nothing is asked that would mean something else to the system. */
static void test_names(void **state) {
    static const char *const names[] = {"printer", "a\\032b.example.com",
                                        "-x.example.com", "\\$x.example.com"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(start(names[i], NX_TYPE_A, LONG_MS), NX_EIO);
    }
    assert_int_equal(start("shows.example.com", NX_TYPE_MX, LONG_MS), NX_EIO);
    assert_false(nx_lookup_busy(lookup));
}

/* The real one. What it says depends on this machine's resolvers (.invalid has
 * no address anywhere, RFC 6761), but it says something. */
static void test_getaddrinfo(void **state) {
    (void)state;
    assert_int_equal(start("nxclear.invalid", NX_TYPE_AAAA, LONG_MS), NX_OK);
    run();
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.rdata_len, 0);
    assert_int_equal(seen.outcome, NX_ANSWERED);
    assert_true(seen.rcode == NX_RCODE_NXDOMAIN ||
                seen.rcode == NX_RCODE_SERVFAIL);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(test_surroundings), TEST(test_timeout), TEST(test_one_at_a_time),
        TEST(test_abandon),      TEST(test_names),   TEST(test_bad_children),
        TEST(test_getaddrinfo),
    };
    if (argc == NX_LOOKUP_ARGC && strcmp(argv[1], NX_LOOKUP_ARGUMENT) == 0) {
        _exit(child(argv[2], argv[3]));
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
