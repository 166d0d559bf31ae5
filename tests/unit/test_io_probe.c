/* The prober against name servers that behave well, badly, or not at all. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/lib/probe_bench.h"

static void udp_other_id(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    s->reply.bytes[0] ^= 1;
    fake_udp(s);
}

static void udp_other_question(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    s->reply.bytes[13] ^= 1;
    fake_udp(s);
}

static void udp_echo(struct fake *s, const uint8_t *q, size_t n) {
    s->reply.len = 0;
    pkt_put(&s->reply, q, n);
    fake_udp(s);
}

static void udp_short(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    s->reply.len = 11;
    fake_udp(s);
}

static void udp_elsewhere(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    fake_udp_from_elsewhere(s);
}

static void udp_short_soa(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_short_soa(s, q);
    fake_udp(s);
}

static void udp_junk(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    pkt_put(&s->reply, "junkjunk", 8);
    fake_udp(s);
}

static void udp_loop(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, 0);
    s->reply.bytes[7] = 1;
    size_t at = s->reply.len;
    pkt_u16(&s->reply, 0xc000U | (unsigned)at);
    pkt_put(&s->reply, "\0\1\0\1\0\0\0\1\0\4\300\0\2\1", 14);
    fake_udp(s);
}

static void udp_junk_then_good(struct fake *s, const uint8_t *q, size_t n) {
    udp_short(s, q, n);
    udp_other_id(s, q, n);
    udp_junk(s, q, n);
    udp_good(s, q, n);
}

static void udp_three(struct fake *s, const uint8_t *q, size_t n) {
    for (int i = 0; i < 3; i++) {
        udp_good(s, q, n);
    }
}

static void udp_control(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, NX_RCODE_NXDOMAIN);
    pkt_target(&s->reply, PKT_ANSWER, "example.com.", NX_TYPE_CNAME, 1,
               "\\027[31m\\000\\013\\010<script>.example.net.");
    fake_udp(s);
}

static void udp_refused(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, NX_RCODE_REFUSED);
    fake_udp(s);
}

static void reads_an_answer(void **state) {
    (void)state;
    server.on_udp = udp_good;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    assert_int_equal(seen.answer.flags, NX_ANS_RA | NX_ANS_RDATA);
    assert_int_equal(seen.answer.rdata_n, 1);
    assert_int_equal(seen.obs.answer_ttl_s, 300);
    assert_int_equal(seen.obs.src_port, ntohs(server.peer.sin_port));
    assert_int_equal(seen.msg_len, server.reply.len);
}

/* Replies that never count, and how the query ends that saw only them. */
static void does_not_believe_others(void **state) {
    (void)state;
    static const struct {
        fake_fn *reply;
        unsigned outcome;
    } rows[] = {
        {udp_other_id, NX_TIMEOUT},  {udp_other_question, NX_TIMEOUT},
        {udp_echo, NX_TIMEOUT},      {udp_short, NX_TIMEOUT},
        {udp_elsewhere, NX_TIMEOUT}, {silent, NX_TIMEOUT},
        {udp_short_soa, NX_INVALID}, {udp_junk, NX_INVALID},
        {udp_loop, NX_INVALID},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        server.on_udp = rows[i].reply;
        unsigned before_n = server.udp_n;
        if (rows[i].outcome == NX_TIMEOUT) {
            assert_int_equal(ask_seen(NX_UDP, &server.udp_n), NX_TIMEOUT);
        } else {
            assert_true(ask_until(NX_UDP, rows[i].outcome));
        }
        assert_true(seen.obs.rx_mono_us - seen.obs.tx_mono_us >=
                    SHORT_MS * 500); /* the loop counts from its turn */
        assert_true(server.udp_n > before_n);
    }
}

static void waits_for_the_right_reply(void **state) {
    (void)state;
    server.on_udp = udp_junk_then_good;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
}

static void takes_duplicates_once(void **state) {
    (void)state;
    server.on_udp = udp_three;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(seen.calls, 1);
}

static void keeps_control_characters(void **state) {
    (void)state;
    server.on_udp = udp_control;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    assert_string_equal(seen.denied,
                        "\\027[31m\\000\\013\\010<script>.example.net.");
}

static void tells_refused_from_timeout(void **state) {
    (void)state;
    struct nx_question q = question(NX_UDP);
    uint16_t port = 0;
    /* Nobody else's, and of nobody who would listen to us. */
    int tcp = fake_bind(SOCK_STREAM, INADDR_LOOPBACK, &port);
    int udp = fake_bind(SOCK_DGRAM, INADDR_LOOPBACK, &port);
    const struct sockaddr_in other = {.sin_family = AF_INET,
                                      .sin_port = htons(server.port),
                                      .sin_addr.s_addr =
                                          htonl(INADDR_LOOPBACK)};
    assert_true(tcp >= 0 && udp >= 0);
    assert_int_equal(
        connect(udp, (const struct sockaddr *)&other, sizeof(other)), 0);
    q.to.port = port;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_CONN_REFUSED);
    assert_int_equal(seen.error, ECONNREFUSED);
    q.to.transport = NX_TCP;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_CONN_REFUSED);
    assert_int_equal(seen.error, ECONNREFUSED);
    assert_int_equal(close(tcp) + close(udp), 0);
}

static void keeps_asking_who_failed(void **state) {
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        server.on_udp = udp_refused;
        assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
        assert_int_equal(seen.answer.rcode, NX_RCODE_REFUSED);
        server.on_udp = silent;
        assert_int_equal(ask_seen(NX_UDP, &server.udp_n), NX_TIMEOUT);
        server.on_tcp = silent;
        assert_int_equal(ask_seen(NX_TCP, &server.tcp_n), NX_TIMEOUT);
    }
    assert_in_range(server.udp_n, 20, 30);
    assert_in_range(server.tcp_n, 10, 15);
    server.on_udp = udp_good;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
}

static void uses_the_kernels_time(void **state) {
    (void)state;
    const struct timespec busy = {1, 0};
    struct nx_question q = question(NX_UDP);
    server.on_udp = udp_good;
    assert_int_equal(send_it(&q, TIMEOUT_MS), 0);
    while (server.udp_n == 0) {
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    int64_t replied_us = nx_clock_mono_us();
    (void)nanosleep(&busy, NULL); /* the reply waits in the socket */
    while (seen.calls == 0) {
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    assert_true(nx_clock_mono_us() - replied_us >= 1000000);
    assert_true(seen.obs.rx_mono_us - replied_us < 500000);
}

static void changes_port_and_id(void **state) {
    (void)state;
    uint16_t first_port = 0;
    unsigned same = 0;
    server.on_udp = udp_good;
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
        first_port = i == 0 ? seen.obs.src_port : first_port;
        same += seen.obs.src_port == first_port;
    }
    assert_true(same < 4);
}

static void bounds_what_is_under_way(void **state) {
    (void)state;
    struct nx_question q = question(NX_UDP);
    server.on_udp = silent;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(send_it(&q, SHORT_MS), 0);
    }
    assert_int_equal(nx_probe_inflight(prober), 8);
    assert_int_equal(send_it(&q, SHORT_MS), NX_EAGAIN);
    while (seen.calls < 8) {
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    assert_int_equal(ask(NX_UDP, SHORT_MS), NX_TIMEOUT);
}

static void says_so_without_descriptors(void **state) {
    (void)state;
    struct rlimit old;
    struct nx_question q = question(NX_UDP);
    server.on_udp = udp_good;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit none = {0, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_LOCAL_ERROR);
    assert_int_equal(seen.error, EMFILE);
    q.to.transport = NX_TCP;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_LOCAL_ERROR);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    q.to.transport = NX_UDP;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_ANSWERED);
}

static void ends_silently(void **state) {
    (void)state;
    struct nx_question q = question(NX_UDP);
    struct nx_question t = question(NX_TCP);
    server.on_udp = udp_good;
    server.on_tcp = tcp_good;
    assert_int_equal(send_it(&q, TIMEOUT_MS), 0);
    assert_int_equal(send_it(&t, TIMEOUT_MS), 0);
    nx_probe_free(&prober);
    assert_null(prober);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(seen.calls, 0);
}

/* A namespace without any route; as the last test, for there is no way back. */
static void tells_unreachable(void **state) {
    (void)state;
    struct nx_question q = question(NX_UDP);
    if (unshare(CLONE_NEWNET) != 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        skip();
    }
    static const uint8_t far[4] = {203, 0, 113, 1};
    memcpy(q.to.address, far, sizeof(far));
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_UNREACHABLE);
    assert_int_equal(seen.error, ENETUNREACH);
    q.to.transport = NX_TCP;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_UNREACHABLE);
}

static void speaks_ipv6(void **state) {
    (void)state;
    struct nx_question q = question(NX_UDP);
    static const uint8_t loopback[16] = {[15] = 1};
    memcpy(q.to.address, loopback, 16);
    q.to.address_len = 16;
    (void)ask_for(&q, TIMEOUT_MS);
    if (seen.answer.outcome == NX_LOCAL_ERROR ||
        seen.answer.outcome == NX_UNREACHABLE) {
        skip(); /* no IPv6 here */
    }
    assert_int_equal(seen.answer.outcome, NX_CONN_REFUSED);
}

#ifndef __SANITIZE_ADDRESS__
static void does_not_grow(void **state) {
    (void)state;
    fake_fn *const udp[] = {udp_good, udp_cut, udp_refused};
    server.on_tcp = tcp_good;
    size_t before = 0;
    int fd_before = -1;
    for (unsigned i = 0; i < 3000; i++) {
        if (i == 300) {
            before = mallinfo2().uordblks;
            fd_before = dup(0);
            (void)close(fd_before);
        }
        server.on_udp = udp[i % 3];
        assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    }
    fake_close(&server);
    assert_true(mallinfo2().uordblks <= before);
    int fd_after = dup(0);
    (void)close(fd_after);
    assert_true(fd_after <= fd_before);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_an_answer),
        TEST(does_not_believe_others),
        TEST(waits_for_the_right_reply),
        TEST(takes_duplicates_once),
        TEST(keeps_control_characters),
        TEST(tells_refused_from_timeout),
        TEST(keeps_asking_who_failed),
        TEST(uses_the_kernels_time),
        TEST(changes_port_and_id),
        TEST(bounds_what_is_under_way),
        TEST(says_so_without_descriptors),
        TEST(ends_silently),
        TEST(speaks_ipv6),
#ifndef __SANITIZE_ADDRESS__
        TEST(does_not_grow),
#endif
        TEST(tells_unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
