/* An agent as the tests of faults need one: it sends what it is told, right or
 * wrong, and says what the collector acknowledges.
 *
 *   fault_client KEYFILE ENDPOINT SERVER_KEY
 *
 * Reads commands from standard input, one a line:
 *
 *   hello EPOCH
 *   batch EPOCH FIRST N GAP_FROM   one batch; GAP_FROM 0: no gap record
 *   wait MS                        reads until nothing has come for so long,
 *                                  prints "waited ACKS EPOCH ACKED"
 *   stream EPOCH N ACKED GOAL      batches of N results from ACKED + 1 on, what
 *                                  is not acknowledged again and again, until
 *                                  GOAL is; then "streamed ACKED". Each ack
 *                                  that says more prints "acked ACKED" before.
 *                                  Ends early when another command comes.
 *   crowd N                        N more connections of its key, which try
 *                                  again each half a second until they are let
 *                                  in
 *
 * Ends with its standard input. */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io_clock.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/command_line.h"

#define LINE_MAX_BYTES 256U
#define CROWD_MAX 256U
#define CROWD_AGAIN_MS 500
#define AHEAD_BATCHES 40U    /* sent and not acknowledged, at most */
#define AGAIN_US 200000      /* no ack for so long: go back, ... */
#define AGAIN_MAX_US 3200000 /* ... each time after twice as long */

static struct nx_test_client client;
static struct nx_test_client crowd[CROWD_MAX];
static void *zmq;
static char **arguments;
static uint64_t said_seq;

static bool readable(int wait_ms, bool *command) {
    zmq_pollitem_t items[2] = {{.socket = client.socket, .events = ZMQ_POLLIN},
                               {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
    (void)zmq_poll(items, 2, wait_ms);
    *command = items[1].revents != 0;
    return items[0].revents != 0;
}

static void say_ack(void) {
    if (client.ack.acked_seq > said_seq) {
        said_seq = client.ack.acked_seq;
        printf("acked %" PRIu64 "\n", said_seq);
        fflush(stdout);
    }
}

static void do_wait(int ms) {
    unsigned before = client.acks_n;
    zmq_pollitem_t item = {.socket = client.socket, .events = ZMQ_POLLIN};
    while (zmq_poll(&item, 1, ms) > 0) {
        nx_test_client_read(&client);
    }
    printf("waited %u %" PRIu64 " %" PRIu64 "\n", client.acks_n - before,
           client.ack.epoch, client.ack.acked_seq);
    fflush(stdout);
}

static void do_stream(uint64_t n, uint64_t acked_seq, uint64_t goal) {
    uint64_t next = acked_seq + 1;
    int64_t patience_us = AGAIN_US;
    int64_t again_us = nx_clock_mono_us() + patience_us;
    bool command = false;
    client.ack.epoch = client.epoch;
    client.ack.acked_seq = said_seq = acked_seq;
    while (client.ack.acked_seq < goal && !command) {
        uint64_t before = client.ack.acked_seq;
        bool more = next <= goal && next < before + AHEAD_BATCHES * n;
        if (more) {
            nx_test_client_batch(&client, next, n, 0);
            next += n;
        }
        if (readable(more ? 0 : 20, &command)) {
            nx_test_client_read(&client);
            say_ack();
        }
        if (client.ack.acked_seq != before) {
            patience_us = AGAIN_US;
            again_us = nx_clock_mono_us() + patience_us;
        } else if (nx_clock_mono_us() > again_us) {
            next = before + 1;
            patience_us =
                2 * patience_us < AGAIN_MAX_US ? 2 * patience_us : AGAIN_MAX_US;
            again_us = nx_clock_mono_us() + patience_us;
        }
    }
    printf("streamed %" PRIu64 "\n", client.ack.acked_seq);
    fflush(stdout);
}

static void do_crowd(uint64_t n) {
    for (uint64_t i = 0; i < n && i < CROWD_MAX; i++) {
        crowd[i].keys = client.keys;
        crowd[i].handshake_ms = CROWD_AGAIN_MS;
        nx_test_client_connect(&crowd[i], zmq, arguments[2], arguments[3]);
    }
}

static bool obey(const char *line) {
    uint64_t a = 0;
    uint64_t b = 0;
    uint64_t c = 0;
    uint64_t d = 0;
    if (sscanf(line, "hello %" SCNu64, &a) == 1) {
        client.epoch = a;
        nx_test_client_hello(&client, NX_PROTOCOL);
    } else if (sscanf(line,
                      "batch %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &a,
                      &b, &c, &d) == 4) {
        client.epoch = a;
        nx_test_client_batch(&client, b, (size_t)c, d);
    } else if (sscanf(line, "wait %" SCNu64, &a) == 1) {
        do_wait((int)a);
    } else if (sscanf(line,
                      "stream %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &a,
                      &b, &c, &d) == 4) {
        client.epoch = a;
        do_stream(b, c, d);
    } else if (sscanf(line, "crowd %" SCNu64, &a) == 1) {
        do_crowd(a);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    char line[LINE_MAX_BYTES];
    char why[NX_KEYS_WHY_MAX];
    if (argc != 4 || nx_keys_read(argv[1], &client.keys, why, sizeof(why))) {
        fprintf(stderr, "fault_client: wants KEYFILE ENDPOINT SERVER_KEY\n");
        return 64;
    }
    zmq = zmq_ctx_new();
    arguments = argv;
    nx_test_client_connect(&client, zmq, argv[2], argv[3]);
    while (nx_test_read_line(line, sizeof(line))) {
        if (!obey(line)) {
            fprintf(stderr, "fault_client: not a command: %s\n", line);
            return 64;
        }
    }
    nx_test_client_close(&client);
    for (unsigned i = 0; i < CROWD_MAX; i++) {
        nx_test_client_close(&crowd[i]);
    }
    zmq_ctx_term(zmq);
    return 0;
}
