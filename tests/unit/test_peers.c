#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "collector/ingest/peers.h"

static struct nx_peer *accepted(struct nx_peers *peers, uint32_t id) {
    struct nx_peer *peer = nx_peers_make(peers, id);
    assert_non_null(peer);
    nx_peers_accept(peers, peer, true);
    return peer;
}

static void names_of_users(void **state) {
    struct nx_peers peers;
    (void)state;
    nx_peers_init(&peers);
    struct nx_peer *peer = accepted(&peers, 700);
    assert_ptr_equal(nx_peers_of_user(&peers, "700"), peer);
    assert_null(nx_peers_of_user(&peers, NULL));
    assert_null(nx_peers_of_user(&peers, ""));
    assert_null(nx_peers_of_user(&peers, "7 0"));
    assert_null(nx_peers_of_user(&peers, "-700"));
    assert_null(nx_peers_of_user(&peers, "99999999999999999999700"));
    assert_int_equal(nx_peers_spread_ms(&peers), NX_PEER_COMES_MS);
    nx_peers_accept(&peers, peer, false);
    assert_int_equal(nx_peers_spread_ms(&peers), 0);
    assert_null(nx_peers_of_user(&peers, "700"));
    assert_null(nx_peers_make(&peers, NX_PEERS_ID_MAX + 1));
    nx_peers_fini(&peers);
}

/* The end of a connection is told to whoever spoke over it last, once, and only
 * when it has no newer one. */
static void ends_of_connections(void **state) {
    struct nx_peers peers;
    (void)state;
    nx_peers_init(&peers);
    struct nx_peer *one = accepted(&peers, 1);
    struct nx_peer *two = accepted(&peers, 2);
    assert_null(nx_peers_gone(&peers, 7));
    nx_peers_connected(&peers, one, 7);
    nx_peers_connected(&peers, two, 9000);
    assert_int_equal(two->source_fd, 9000);
    assert_null(nx_peers_gone(&peers, 8));
    assert_null(nx_peers_gone(&peers, -1));
    nx_peers_connected(&peers, one, 8); /* it came back before 7 has ended */
    assert_null(nx_peers_gone(&peers, 7));
    assert_int_equal(one->source_fd, 8);
    assert_ptr_equal(nx_peers_gone(&peers, 8), one);
    assert_int_equal(one->source_fd, -1);
    assert_null(nx_peers_gone(&peers, 8));
    nx_peers_connected(&peers, two, 8); /* the number is another one's now */
    assert_ptr_equal(nx_peers_gone(&peers, 8), two);
    nx_peers_fini(&peers);
}

/* All of one agent, however many it has made. */
static void descriptors_of_an_agent(void **state) {
    struct nx_peers peers;
    (void)state;
    nx_peers_init(&peers);
    struct nx_peer *one = nx_peers_make(&peers, 1);
    struct nx_peer *two = nx_peers_make(&peers, 2);
    assert_int_equal(nx_peers_next_fd(&peers, 1, -1), -1);
    for (int fd = 5; fd < 9; fd++) {
        nx_peers_connected(&peers, one, fd);
    }
    nx_peers_connected(&peers, two, 9);
    nx_peers_connected(&peers, one, 100);
    (void)nx_peers_gone(&peers, 6);
    static const int expected[] = {5, 7, 8, 100, -1};
    int fd = -1;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        fd = nx_peers_next_fd(&peers, 1, fd);
        assert_int_equal(fd, expected[i]);
    }
    assert_int_equal(nx_peers_next_fd(&peers, 2, -1), 9);
    assert_int_equal(nx_peers_next_fd(&peers, 3, -1), -1);
    nx_peers_fini(&peers);
}

/* Of more than it may have, the one that was silent longest goes. */
static void too_many_connections(void **state) {
    struct nx_peers peers;
    (void)state;
    nx_peers_init(&peers);
    struct nx_peer *one = nx_peers_make(&peers, 1);
    struct nx_peer *two = nx_peers_make(&peers, 2);
    for (int fd = 5; fd < 5 + (int)NX_PEER_CONNECTIONS; fd++) {
        assert_int_equal(nx_peers_connected(&peers, one, fd), -1);
    }
    assert_int_equal(nx_peers_connected(&peers, one, 5), -1); /* spoke again */
    assert_int_equal(nx_peers_connected(&peers, two, 50), -1);
    assert_int_equal(nx_peers_connected(&peers, one, 20), 6);
    (void)nx_peers_gone(&peers, 6);
    (void)nx_peers_gone(&peers, 7);
    assert_int_equal(nx_peers_connected(&peers, one, 21), -1);
    assert_int_equal(nx_peers_connected(&peers, two, 8), -1); /* again used */
    assert_int_equal(nx_peers_connected(&peers, one, 22), -1);
    assert_int_equal(nx_peers_connected(&peers, one, 23), 5);
    nx_peers_fini(&peers);
}

static void nobody_speaks(void **state) {
    struct nx_peers peers;
    (void)state;
    nx_peers_init(&peers);
    struct nx_peer *one = nx_peers_make(&peers, 1);
    for (int fd = 5; fd < 9; fd++) {
        nx_peers_accepted(&peers, fd, 100 + fd);
    }
    nx_peers_spoke(&peers, 6);
    (void)nx_peers_connected(&peers, one, 6);
    assert_null(nx_peers_gone(&peers, 7));
    nx_peers_spoke(&peers, -1);
    nx_peers_spoke(&peers, NX_PEERS_FD_MAX);
    assert_int_equal(nx_peers_next_mute(&peers, -1, 105), -1);
    assert_int_equal(nx_peers_next_mute(&peers, -1, 200), 5);
    assert_int_equal(nx_peers_next_mute(&peers, 5, 200), 8);
    assert_int_equal(nx_peers_next_mute(&peers, 8, 200), -1);
    nx_peers_fini(&peers);
}

static void descriptors_out_of_bounds(void **state) {
    struct nx_peers peers;
    (void)state;
    nx_peers_init(&peers);
    struct nx_peer *one = accepted(&peers, 1);
    nx_peers_connected(&peers, one, -1);
    nx_peers_connected(&peers, one, NX_PEERS_FD_MAX);
    assert_int_equal(peers.fds_cap, 0);
    assert_null(nx_peers_gone(&peers, NX_PEERS_FD_MAX));
    nx_peers_connected(&peers, one, NX_PEERS_FD_MAX - 1);
    assert_ptr_equal(nx_peers_gone(&peers, NX_PEERS_FD_MAX - 1), one);
    nx_peers_fini(&peers);
}

/* Ten different messages that are refused are no misbehaviour, one that comes
 * ten times more is. */
static void refused_messages(void **state) {
    struct nx_peer peer = {.agent_id = 1};
    (void)state;
    for (uint32_t crc = 1; crc <= 3 * NX_PEER_BAD_MAX; crc++) {
        assert_false(nx_peer_refused(&peer, crc, 5));
    }
    for (unsigned i = 0; i < NX_PEER_BAD_MAX - 1; i++) {
        assert_false(nx_peer_refused(&peer, 3 * NX_PEER_BAD_MAX, 5));
    }
    assert_false(nx_peer_ignored(&peer, 5));
    assert_true(nx_peer_refused(&peer, 3 * NX_PEER_BAD_MAX, 5));
    assert_true(nx_peer_ignored(&peer, 5));
    assert_false(nx_peer_ignored(&peer, 5 + NX_PEER_IGNORE_US));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_users),
        cmocka_unit_test(ends_of_connections),
        cmocka_unit_test(descriptors_of_an_agent),
        cmocka_unit_test(too_many_connections),
        cmocka_unit_test(nobody_speaks),
        cmocka_unit_test(descriptors_out_of_bounds),
        cmocka_unit_test(refused_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
