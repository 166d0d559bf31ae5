/* The prober against name servers that behave well, badly, or not at all. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/dns/io_probe.h"
#include "common/io_clock.h"
#include "tests/lib/fake_server.h"

#define TIMEOUT_MS 60000U /* for what ends by itself */
#define SHORT_MS 200U     /* for what must run into it */
#define LONGEST_MS 60000U /* ... on a machine that is busy */

static struct event_base *base;
static struct nx_prober *prober;
static struct fake server;
static uint8_t qname[NX_DNAME_MAX];

/* What the callback was told, copied. */
static struct {
    unsigned calls;
    struct nx_obs obs;
    struct nx_answer answer;
    char denied[NX_DNAME_TEXT_MAX];
    int error;
    size_t msg_len;
    bool withheld, repeated;
} seen;

static int setup(void **state) {
    (void)state;
    base = event_base_new();
    fake_start(&server, base);
    memset(&seen, 0, sizeof(seen));
    return nx_probe_new(base, 8, &prober) |
           nx_dname_parse("example.com", qname);
}

static int teardown(void **state) {
    (void)state;
    nx_probe_free(&prober);
    fake_stop(&server);
    event_base_free(base);
    return 0;
}

static void on_result(void *user, const struct nx_probe_result *r) {
    (void)user;
    seen.calls++;
    seen.obs = r->obs;
    seen.answer = *r->obs.answer;
    seen.error = r->error_errno;
    seen.msg_len = r->msg_len;
    seen.withheld = r->withheld;
    seen.repeated = r->repeated;
    if (r->obs.answer->denied_name != NULL) {
        (void)nx_dname_text(r->obs.answer->denied_name, seen.denied);
    }
    assert_int_equal(r->msg != NULL,
                     r->obs.answer->outcome == NX_ANSWERED ? 1 : 0);
    (void)event_base_loopbreak(base);
}

static struct nx_question question(uint8_t transport) {
    struct nx_question q = {.name = qname,
                            .qtype = NX_TYPE_A,
                            .flags = NX_Q_RD,
                            .to = {.address = {127, 0, 0, 1},
                                   .address_len = 4,
                                   .transport = transport,
                                   .layer = NX_LAYER_NETWORK,
                                   .port = server.port}};
    return q;
}

static int send_it(const struct nx_question *q, unsigned timeout_ms) {
    return nx_probe_send(prober, q, timeout_ms, on_result, NULL);
}

/* Asks and waits; returns the outcome. */
static unsigned ask_for(const struct nx_question *q, unsigned timeout_ms) {
    unsigned before = seen.calls;
    assert_int_equal(send_it(q, timeout_ms), 0);
    assert_int_equal(seen.calls, before); /* never from nx_probe_send */
    assert_int_equal(event_base_dispatch(base), 0);
    assert_int_equal(seen.calls, before + 1);
    assert_true(seen.obs.rx_mono_us >= seen.obs.tx_mono_us);
    assert_true(seen.obs.rx_mono_us <= nx_clock_mono_us());
    assert_int_equal(nx_probe_inflight(prober), 0);
    return seen.answer.outcome;
}

static unsigned ask(uint8_t transport, unsigned timeout_ms) {
    struct nx_question q = question(transport);
    return ask_for(&q, timeout_ms);
}

/* Asks until the server has seen it, with more time each time: a machine may be
 * too busy for any. Returns the last outcome. */
static unsigned ask_seen(uint8_t transport, const unsigned *seen_n) {
    unsigned before_n = *seen_n;
    unsigned outcome = NX_TIMEOUT;
    for (unsigned ms = SHORT_MS; *seen_n == before_n && ms <= LONGEST_MS;
         ms *= 4) {
        outcome = ask(transport, ms);
    }
    assert_true(*seen_n > before_n);
    return outcome;
}

/* The same until the outcome is this one. */
static bool ask_until(uint8_t transport, unsigned outcome) {
    unsigned ms = SHORT_MS;
    while (ask(transport, ms) != outcome && ms < LONGEST_MS) {
        ms *= 4;
    }
    return seen.answer.outcome == outcome;
}

/* Replies. */

static void make_good(struct fake *s, const uint8_t *q) {
    fake_begin(s, q, PKT_RD | PKT_RA);
    pkt_address(&s->reply, PKT_ANSWER, "example.com.", 300, "192.0.2.1");
}

static void udp_good(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    fake_udp(s);
}

static void tcp_good(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    fake_tcp(s);
}

static void silent(struct fake *s, const uint8_t *q, size_t n) {
    (void)s;
    (void)q;
    (void)n;
}

static void udp_cut(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    fake_begin(s, q, PKT_RA | PKT_TC);
    fake_udp(s);
}

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

static void make_short_soa(struct fake *s, const uint8_t *q) {
    fake_begin(s, q, NX_RCODE_NXDOMAIN);
    pkt_soa(&s->reply, PKT_AUTHORITY, "example.com.", 60, 1, 60);
    s->reply.len -= 7;
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

static void tcp_half(struct fake *s, const uint8_t *q, size_t n) {
    (void)n;
    make_good(s, q);
    uint8_t head[2] = {0, (uint8_t)s->reply.len};
    fake_write(s, head, 2);
    fake_write(s, s->reply.bytes, s->reply.len / 2);
    fake_close(s);
}

static void tcp_close(struct fake *s, const uint8_t *q, size_t n) {
    (void)q;
    (void)n;
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

/* Tests. */

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
        cmocka_unit_test_setup_teardown(reads_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_believe_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(waits_for_the_right_reply, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(takes_duplicates_once, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_control_characters, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tells_refused_from_timeout, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(repeats_over_tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(falls_back_on_the_truncated_reply,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(withholds_what_was_not_sent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(speaks_tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_64_kib_over_tcp, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_how_tcp_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(stands_a_flood_over_tcp, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keeps_asking_who_failed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(uses_the_kernels_time, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_port_and_id, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_what_is_under_way, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(says_so_without_descriptors, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ends_silently, setup, teardown),
        cmocka_unit_test_setup_teardown(speaks_ipv6, setup, teardown),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test_setup_teardown(does_not_grow, setup, teardown),
#endif
        cmocka_unit_test_setup_teardown(withholds_what_waits_for_tls, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tells_how_tls_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_unreachable, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
