/* A collector as the tests of the guard need one: it has the right key, and
 * sends plans that no collector should.
 *
 *   plan_server KEYFILE ENDPOINT
 *
 * Acknowledges all that an agent sends. Reads commands from standard input, one
 * a line:
 *
 *   plan REVISION NAME VERIFIED EPOCH RD0   one task: A of NAME, each second,
 *                                           every resolver; to the agent that
 *                                           spoke last
 *
 *   siblings REVISION ZONE              one task: a sibling label of ZONE, each
 *                                       second, every resolver
 *
 *   canary REVISION NAME WHOLE      one task: A of a canary name, each second,
 *                                   every resolver; 0: the message is cut short
 *
 *   attack REVISION ADDRESS             NX_PLAN_TASKS_MAX tasks: names in and
 *                                       outside of example.com, every
 *                                       resolver or ADDRESS, too often and as
 *                                       often as may be, ANY and AXFR
 *
 *   keys REVISION N                     N plans without tasks, each with
 * another next key
 *
 * Prints "hello REVISION" for each hello. Ends with its standard input. */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "common/codec.h"
#include "common/dname.h"
#include "common/io_keys.h"
#include "common/rrtype.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/command_line.h"

#define LINE_MAX_BYTES 512U
#define ID_MAX_BYTES 64U
#define ATTACK_NAMES 1998U /* a multiple of the kinds of tasks */

static void *router;
static uint8_t agent_id[ID_MAX_BYTES];
static size_t agent_id_len;
static uint8_t own_key[NX_KEY_BYTES];

static void send_down(const uint8_t *bytes, size_t len) {
    if (zmq_send(router, agent_id, agent_id_len, ZMQ_SNDMORE) < 0 ||
        zmq_send(router, bytes, len, 0) < 0) {
        perror("plan_server: send");
    }
}

static void send_ack(uint64_t epoch, uint64_t acked_seq, uint64_t echo) {
    uint8_t bytes[128];
    size_t len = 0;
    const struct nx_ack ack = {
        .epoch = epoch, .acked_seq = acked_seq, .echo = echo};
    if (nx_codec_pack_ack(&ack, bytes, sizeof(bytes), &len) == NX_OK) {
        send_down(bytes, len);
    }
}

static void take(const struct nx_up *up) {
    switch (up->kind) {
    case NX_UP_HELLO:
        printf("hello %" PRIu64 "\n", up->u.hello.plan_revision);
        fflush(stdout);
        send_ack(up->u.hello.epoch, up->u.hello.next_seq - 1, 0);
        break;
    case NX_UP_BATCH:
        send_ack(up->u.batch.epoch,
                 up->u.batch.first_seq + up->u.batch.obs_n - 1,
                 up->u.batch.first_seq);
        break;
    }
}

static void receive(void) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    static _Alignas(16) uint8_t memory[NX_UNPACK_ARENA_BYTES];
    struct nx_arena arena;
    struct nx_up up;
    const char *why = "";
    int id_len = zmq_recv(router, agent_id, sizeof(agent_id), 0);
    int len = zmq_recv(router, bytes, sizeof(bytes), 0);
    nx_arena_init(&arena, memory, sizeof(memory));
    agent_id_len = id_len > 0 ? (size_t)id_len : 0;
    if (len < 0 || (size_t)len > sizeof(bytes) ||
        nx_codec_unpack_up(bytes, (size_t)len, &arena, &up, &why) != NX_OK) {
        fprintf(stderr, "plan_server: not a message: %s\n", why);
        return;
    }
    take(&up);
}

/* whole: else its last octet is missing. */
static bool send_task(uint64_t revision, const char *text, struct nx_task *task,
                      bool whole) {
    static uint8_t bytes[4096];
    uint8_t name[NX_DNAME_MAX];
    size_t len = 0;
    const struct nx_plan plan = {
        .revision = revision, .valid_s = 3600, .tasks = task, .tasks_n = 1};
    task->kind = NX_TASK_RESOLVER;
    task->name = name;
    task->qtype = NX_TYPE_A;
    task->interval_ms = 1000;
    task->visit_n = 1;
    if (nx_dname_parse(text, name) != NX_OK ||
        nx_codec_pack_plan(&plan, nx_test_scratch(), bytes, sizeof(bytes),
                           &len) != NX_OK) {
        return false;
    }
    send_down(bytes, whole ? len : len - 1);
    return true;
}

static bool send_plan(const char *line) {
    char text[256];
    uint64_t revision = 0;
    uint64_t epoch = 0;
    unsigned verified = 0;
    unsigned rd0 = 0;
    if (sscanf(line, "plan %" SCNu64 " %255s %u %" SCNu64 " %u", &revision,
               text, &verified, &epoch, &rd0) != 5) {
        return false;
    }
    struct nx_task task = {.rd0 = rd0 != 0,
                           .authority_verified = verified != 0,
                           .authority_epoch = epoch};
    return send_task(revision, text, &task, true);
}

static bool send_siblings(const char *line) {
    char zone[256];
    char text[300];
    uint64_t revision = 0;
    if (sscanf(line, "siblings %" SCNu64 " %255s", &revision, zone) != 2) {
        return false;
    }
    struct nx_task task = {
        .first_after_ms = 100, .canary = true, .sibling = true};
    snprintf(text, sizeof(text), "c01234567.%s", zone);
    return send_task(revision, text, &task, true);
}

static bool send_canary(const char *line) {
    char text[256];
    uint64_t revision = 0;
    unsigned whole = 0;
    if (sscanf(line, "canary %" SCNu64 " %255s %u", &revision, text, &whole) !=
        3) {
        return false;
    }
    struct nx_task task = {.canary = true};
    return send_task(revision, text, &task, whole != 0);
}

/* One task of each kind, again and again; some names come twice. */
static void attack_task(size_t i, const struct nx_endpoint *victim,
                        struct nx_task *task) {
    static uint8_t names[ATTACK_NAMES][NX_DNAME_MAX];
    char text[64];
    size_t kind = i % 6;
    uint8_t *name = names[i % ATTACK_NAMES];
    snprintf(text, sizeof(text), "n%zu.%s", i % ATTACK_NAMES,
             kind == 0 ? "example.net" : "example.com");
    if (nx_dname_parse(text, name) != NX_OK) {
        abort();
    }
    *task = (struct nx_task){.kind = NX_TASK_RESOLVER,
                             .name = name,
                             .qtype = kind == 1   ? 255 /* ANY */
                                      : kind == 2 ? 252 /* AXFR */
                                                  : NX_TYPE_A,
                             .interval_ms = kind == 3 ? 1 : 1000,
                             .visit_n = 1,
                             .authority_verified = true,
                             .authority_epoch = 7};
    if (kind == 4) {
        task->has_endpoint = true;
        task->endpoint = *victim;
    }
}

static bool send_attack(const char *line) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    static struct nx_task tasks[NX_PLAN_TASKS_MAX];
    struct nx_endpoint victim;
    char text[64];
    uint64_t revision = 0;
    size_t len = 0;
    if (sscanf(line, "attack %" SCNu64 " %63s", &revision, text) != 2 ||
        nx_endpoint_parse(text, &victim) != NX_OK) {
        return false;
    }
    for (size_t i = 0; i < NX_PLAN_TASKS_MAX; i++) {
        attack_task(i, &victim, &tasks[i]);
    }
    const struct nx_plan plan = {.revision = revision,
                                 .valid_s = 3600,
                                 .tasks = tasks,
                                 .tasks_n = NX_PLAN_TASKS_MAX};
    if (nx_codec_pack_plan(&plan, nx_test_scratch(), bytes, sizeof(bytes),
                           &len) != NX_OK) {
        return false;
    }
    send_down(bytes, len);
    return true;
}

static bool send_keys(const char *line) {
    static uint8_t bytes[4096];
    uint64_t revision = 0;
    unsigned n = 0;
    size_t len = 0;
    if (sscanf(line, "keys %" SCNu64 " %u", &revision, &n) != 2) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        struct nx_plan plan = {
            .revision = revision + i, .valid_s = 3600, .keys.n = 2};
        memcpy(plan.keys.list[0], own_key, sizeof(own_key));
        memcpy(plan.keys.list[1], own_key, sizeof(own_key));
        memcpy(plan.keys.list[1], &i, sizeof(i));
        if (nx_codec_pack_plan(&plan, nx_test_scratch(), bytes, sizeof(bytes),
                               &len) != NX_OK) {
            return false;
        }
        send_down(bytes, len);
    }
    return true;
}

static void serve(void) {
    char line[LINE_MAX_BYTES];
    zmq_pollitem_t items[2] = {{.socket = router, .events = ZMQ_POLLIN},
                               {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
    while (zmq_poll(items, 2, -1) >= 0) {
        if (items[0].revents != 0) {
            receive();
        }
        if (items[1].revents == 0) {
            continue;
        }
        if (!nx_test_read_line(line, sizeof(line))) {
            return;
        }
        if (!send_plan(line) && !send_siblings(line) && !send_canary(line) &&
            !send_attack(line) && !send_keys(line)) {
            fprintf(stderr, "plan_server: not a command: %s\n", line);
        }
    }
}

int main(int argc, char **argv) {
    const int on = 1;
    const int linger = 0;
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    if (argc != 3 || nx_keys_read(argv[1], &keys, why, sizeof(why)) != NX_OK ||
        nx_z85_key_parse(keys.public_key, own_key) != NX_OK) {
        fprintf(stderr, "plan_server: wants KEYFILE ENDPOINT\n");
        return 64;
    }
    void *zmq = zmq_ctx_new();
    router = zmq_socket(zmq, ZMQ_ROUTER);
    if (zmq_setsockopt(router, ZMQ_LINGER, &linger, sizeof(linger)) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SERVER, &on, sizeof(on)) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys.secret_key,
                       NX_KEY_TEXT_MAX) != 0 ||
        zmq_bind(router, argv[2]) != 0) {
        perror("plan_server");
        return 1;
    }
    serve();
    zmq_close(router);
    zmq_ctx_term(zmq);
    return 0;
}
