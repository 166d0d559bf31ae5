/* The prober over TCP and TLS: replies in pieces, cut, broken, without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>

#include "tests/lib/probe_bench.h"

static void tcp_half(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    uint8_t head[2] = {0, (uint8_t)s->reply.len};
    fake_write(s, head, 2);
    fake_write(s, s->reply.bytes, s->reply.len / 2);
    fake_close(s);
}

static void tcp_reset(struct fake *s, const uint8_t *q, size_t n) {
    struct linger hard = {1, 0};
    (void)setsockopt(s->conn, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    tcp_half(s, q, n);
}

static void tcp_bad_then_close(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_short_soa(s, q);
    fake_tcp(s);
    fake_close(s);
}

static void tcp_other_then_good(struct fake *s, const uint8_t *q, size_t n) {
    make_good(s, q);
    s->reply.bytes[0] ^= 1;
    fake_tcp(s);
    s->reply.len = 0; /* an empty message, too */
    fake_tcp(s);
    tcp_good(s, q, n);
}

/* One octet per turn of the loop. */
static void write_octet(evutil_socket_t fd, short what, void *arg) {
    static const struct timeval at_once = {0, 0};
    struct fake *s = arg;
    (void)fd;
    (void)what;
    static size_t at;
    uint8_t head[2] = {(uint8_t)(s->reply.len >> 8), (uint8_t)s->reply.len};
    fake_write(s, at < 2 ? head + at : s->reply.bytes + at - 2, 1);
    at++;
    if (at < s->reply.len + 2) {
        (void)event_base_once(s->base, -1, EV_TIMEOUT, write_octet, s,
                              &at_once);
    } else {
        at = 0;
    }
}

static void tcp_drip(struct fake *s, const uint8_t *q, size_t n) {
    int on = 1;
    (void)n;
    (void)setsockopt(s->conn, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on,
                     sizeof(on));
    make_good(s, q);
    write_octet(-1, 0, s);
}

/* Writes empty messages until nobody reads any more. */
static void *flood(void *arg) {
    static const uint8_t zeros[65536];
    int fd = *(const int *)arg;
    while (send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL) > 0) {
    }
    return NULL;
}

/* As many A records as 65535 octets hold. */
static void tcp_huge(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, 0);
    unsigned records = 0;
    while (s->reply.len + 16 <= 65535) {
        pkt_put(&s->reply, "\300\14\0\1\0\1\0\0\0\74\0\4\12\0", 14);
        pkt_u16(&s->reply, records++);
    }
    s->reply.bytes[6] = (uint8_t)(records >> 8);
    s->reply.bytes[7] = (uint8_t)records;
    fake_tcp(s);
}

static void repeats_over_tcp(void **state) {
    (void)state;
    server.on_udp = udp_cut;
    server.on_tcp = tcp_good;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    assert_int_equal(seen.answer.flags, NX_ANS_RA | NX_ANS_RDATA);
    assert_true(seen.answer.over_tcp);
    assert_int_equal(server.udp_n, 1);
    assert_int_equal(server.tcp_n, 1);
    assert_int_equal(seen.error, 0);
}

static void falls_back_on_the_truncated_reply(void **state) {
    (void)state;
    fake_fn *const broken[] = {tcp_close, tcp_half, tcp_bad_then_close, silent};
    server.on_udp = udp_cut;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        server.on_tcp = broken[i];
        if (broken[i] == silent) {
            assert_true(ask_until(NX_UDP, NX_ANSWERED));
        } else {
            assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
        }
        assert_int_equal(seen.answer.flags, NX_ANS_RA | NX_ANS_TC);
        assert_false(seen.answer.over_tcp);
        assert_int_equal(seen.error, 0);
        assert_int_equal(seen.obs.src_port, ntohs(server.peer.sin_port));
    }
}

static bool allowed(void *user, const struct nx_question *q) {
    unsigned *left = user;
    assert_true(nx_dname_equal(q->name, qname));
    return *left > 0 && (*left)--;
}

/* The guard closes between nx_probe_send and the connection. */
static void withholds_what_was_not_sent(void **state) {
    unsigned left = 0;
    (void)state;
    server.on_udp = udp_cut;
    server.on_tcp = tcp_good;
    nx_probe_permit(prober, allowed, &left);
    nx_probe_recheck(prober); /* nothing is under way */
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_LOCAL_ERROR);
    assert_true(seen.withheld);
    assert_int_equal(seen.error, ECANCELED);
    assert_int_equal(server.tcp_n, 0);
    /* The datagram went at once; what is cut is all there is then. */
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    assert_false(seen.withheld);
    assert_false(seen.repeated);
    assert_true((seen.answer.flags & NX_ANS_TC) != 0);
    assert_int_equal(server.udp_n, 1);
    assert_int_equal(server.tcp_n, 0);
    left = 2;
    assert_int_equal(ask(NX_UDP, TIMEOUT_MS), NX_ANSWERED);
    assert_true(seen.repeated);
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_ANSWERED);
    assert_false(seen.withheld);
    assert_int_equal(server.tcp_n, 2);
    assert_int_equal(left, 0);
    nx_probe_permit(prober, NULL, NULL);
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_ANSWERED);
}

static void speaks_tcp(void **state) {
    (void)state;
    fake_fn *const good[] = {tcp_good, tcp_drip, tcp_other_then_good};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        server.on_tcp = good[i];
        assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_ANSWERED);
        assert_int_equal(seen.answer.rdata_n, 1);
        assert_int_not_equal(seen.obs.src_port, 0);
    }
    assert_int_equal(server.udp_n, 0);
}

static void reads_64_kib_over_tcp(void **state) {
    (void)state;
    server.on_tcp = tcp_huge;
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_ANSWERED);
    assert_true(seen.msg_len > 65500);
    assert_int_equal(seen.answer.rdata_n, 0); /* NX_REPLY_RECORDS_MAX */
    assert_int_equal(seen.answer.flags, NX_ANS_TC);
}

static void tells_how_tcp_failed(void **state) {
    (void)state;
    server.on_tcp = tcp_close;
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_CONN_CLOSED);
    server.on_tcp = tcp_half;
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_CONN_CLOSED);
    server.on_tcp = tcp_reset;
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_CONN_CLOSED);
    assert_int_equal(seen.error, ECONNRESET);
    server.on_tcp = tcp_bad_then_close;
    assert_int_equal(ask(NX_TCP, TIMEOUT_MS), NX_INVALID);
    server.on_tcp = silent;
    assert_int_equal(ask(NX_TCP, SHORT_MS), NX_TIMEOUT);
}

/* The loop stays alive, and the query ends in its time. */
static int flooded;
static pthread_t flooder;

static void tcp_flood(struct fake *s, const uint8_t *q, size_t n) {
    (void)q;
    (void)n;
    flooded = dup(s->conn);
    (void)fcntl(flooded, F_SETFL, 0); /* the flood blocks, in its thread */
    assert_int_equal(pthread_create(&flooder, NULL, flood, &flooded), 0);
}

static void stands_a_flood_over_tcp(void **state) {
    (void)state;
    server.on_tcp = tcp_flood;
    alarm(300); /* a loop that never ends has no other end */
    assert_int_equal(ask_seen(NX_TCP, &server.tcp_n), NX_TIMEOUT);
    alarm(0);
    (void)shutdown(flooded, SHUT_RDWR);
    (void)pthread_join(flooder, NULL);
    (void)close(flooded);
}

/* The guard closes while a handshake is under way. */
static void withholds_what_waits_for_tls(void **state) {
    (void)state;
    unsigned left = 1;
    uint8_t name[NX_DNAME_MAX];
    struct nx_question q = question(NX_TLS);
    assert_int_equal(nx_dname_parse("dot.example.net", name), 0);
    q.to.server_name = name;
    assert_int_equal(nx_probe_add_tls(prober, &q.to, NULL), 0);
    server.on_tcp = silent;
    nx_probe_permit(prober, allowed, &left);
    assert_int_equal(send_it(&q, TIMEOUT_MS), 0);
    nx_probe_recheck(prober); /* it may still go */
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(seen.calls, 0);
    nx_probe_recheck(prober);
    assert_int_equal(seen.calls, 0); /* never from there */
    assert_int_equal(event_base_dispatch(base), 0);
    assert_int_equal(seen.calls, 1);
    assert_true(seen.withheld);
    assert_int_equal(nx_probe_inflight(prober), 0);
}

/* Balancers pin a connection to a backend: no two questions share one. */
static void has_a_tls_connection_for_each_question(void **state) {
    (void)state;
    uint8_t name[NX_DNAME_MAX];
    struct nx_question q = question(NX_TLS);
    assert_int_equal(nx_dname_parse("dot.example.net", name), 0);
    q.to.server_name = name;
    assert_int_equal(nx_probe_add_tls(prober, &q.to, NULL), 0);
    server.on_tcp = silent;
    assert_int_equal(send_it(&q, TIMEOUT_MS), 0);
    assert_int_equal(send_it(&q, TIMEOUT_MS), 0);
    while (server.conns_n < 2 && seen.calls == 0) {
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    assert_int_equal(server.conns_n, 2);
}

/* No TLS server here: how each failure is told. */
static void tells_how_tls_failed(void **state) {
    (void)state;
    uint8_t name[NX_DNAME_MAX];
    struct nx_question q = question(NX_TLS);
    assert_int_equal(nx_dname_parse("dot.example.net", name), 0);
    q.to.server_name = name;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_LOCAL_ERROR); /* not added */
    assert_int_equal(nx_probe_add_tls(prober, &q.to, NULL), 0);
    server.on_tcp = tcp_close; /* what it takes for a query is a hello */
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_TLS_FAILED);
    unsigned before = server.tcp_n;
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_TLS_FAILED);
    assert_true(server.tcp_n > before); /* really tried again */
    server.on_tcp = silent;
    assert_int_equal(ask_for(&q, SHORT_MS), NX_TIMEOUT);
    q.to.port = 1;
    assert_int_equal(nx_probe_add_tls(prober, &q.to, NULL), 0);
    assert_int_equal(ask_for(&q, TIMEOUT_MS), NX_CONN_REFUSED);
    assert_int_equal(seen.error, ECONNREFUSED);
    q.to.port = server.port;
    assert_int_equal(send_it(&q, TIMEOUT_MS), 0);
    nx_probe_clear_tls(prober); /* while one is under way */
    while (nx_probe_inflight(prober) > 0) {
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
    assert_int_equal(seen.answer.outcome, NX_LOCAL_ERROR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(repeats_over_tcp),
        TEST(falls_back_on_the_truncated_reply),
        TEST(withholds_what_was_not_sent),
        TEST(speaks_tcp),
        TEST(reads_64_kib_over_tcp),
        TEST(tells_how_tcp_failed),
        TEST(stands_a_flood_over_tcp),
        TEST(withholds_what_waits_for_tls),
        TEST(has_a_tls_connection_for_each_question),
        TEST(tells_how_tls_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
