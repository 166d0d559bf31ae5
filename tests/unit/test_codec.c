/* Messages that are no batches: bytes and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/codec.h"

static uint8_t scratch_block[1U << 20];
static uint8_t unpack_block[NX_UNPACK_ARENA_BYTES];
static uint8_t message[NX_MSG_MAX_BYTES];

static int unpack(const uint8_t *bytes, size_t len, struct nx_up *up,
                  const char **why) {
    struct nx_arena arena;
    nx_arena_init(&arena, unpack_block, sizeof(unpack_block));
    return nx_codec_unpack_up(bytes, len, &arena, up, why);
}

static void hello_round_trips(void **state) {
    struct nx_arena scratch;
    struct nx_endpoint resolvers[2];
    struct nx_up up;
    size_t len = 0;
    (void)state;
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &resolvers[0]), 0);
    assert_int_equal(nx_endpoint_parse("2001:db8::53/tls", &resolvers[1]), 0);
    struct nx_hello hello = {.protocol = NX_PROTOCOL,
                             .software = "nxclear-agent 0.1",
                             .epoch = 9,
                             .next_seq = 1,
                             .clock = {.mono_us = 5, .wall_us = 6},
                             .resolvers = resolvers,
                             .resolvers_n = 2,
                             .authority_role = true,
                             .resolver_rate_mqps = 5000,
                             .plan_revision = 3,
                             .produced = 10,
                             .dropped = 2,
                             .spool_bytes = UINT64_C(5) << 32,
                             .keys = {.list = {{1, 2}, {3}}, .n = 2}};
    nx_arena_init(&scratch, scratch_block, sizeof(scratch_block));
    assert_int_equal(
        nx_codec_pack_hello(&hello, &scratch, message, sizeof(message), &len),
        0);
    assert_int_equal(unpack(message, len, &up, NULL), 0);
    assert_int_equal(up.kind, NX_UP_HELLO);
    assert_string_equal(up.u.hello.software, hello.software);
    assert_int_equal(up.u.hello.resolvers_n, 2);
    assert_true(nx_endpoint_equal(&up.u.hello.resolvers[1], &resolvers[1]));
    assert_true(up.u.hello.authority_role);
    assert_int_equal(up.u.hello.spool_bytes, hello.spool_bytes);
    assert_int_equal(up.u.hello.keys.n, 2);
    assert_memory_equal(up.u.hello.keys.list, hello.keys.list,
                        sizeof(hello.keys.list));
    hello.software = "esc \033[31m";
    assert_int_equal(
        nx_codec_pack_hello(&hello, &scratch, message, sizeof(message), &len),
        0);
    const char *why = NULL;
    assert_int_equal(unpack(message, len, &up, &why), NX_EMALFORMED);
    assert_string_equal(why, "software: not printable ASCII");
}

static void plan_round_trips(void **state) {
    struct nx_arena arena;
    struct nx_down down;
    uint8_t name[NX_DNAME_MAX];
    size_t len = 0;
    (void)state;
    assert_int_equal(nx_dname_parse("www.example.com", name), 0);
    struct nx_task tasks[3] = {{.kind = NX_TASK_AUTHORITY,
                                .name = name,
                                .qtype = 1,
                                .interval_ms = 5000,
                                .visit_n = 1,
                                .audit = 7},
                               {.kind = NX_TASK_RESOLVER,
                                .name = name,
                                .qtype = 28,
                                .has_endpoint = true,
                                .first_after_ms = 12,
                                .interval_ms = 30000,
                                .visit_n = 8,
                                .visit_gap_ms = 730,
                                .authority_verified = true,
                                .authority_epoch = 4},
                               {.kind = NX_TASK_RESOLVER,
                                .name = name,
                                .qtype = 1,
                                .interval_ms = 5000,
                                .visit_n = 1,
                                .canary = true,
                                .rd0 = true,
                                .nsid = true,
                                .chaos = true,
                                .ad = true,
                                .sibling = true,
                                .cd = true}};
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &tasks[1].endpoint), 0);
    struct nx_plan plan = {.revision = 12,
                           .valid_s = 60,
                           .spread_ms = 20000,
                           .tasks = tasks,
                           .tasks_n = 3,
                           .keys = {.list = {{7}, {8, 9}, {10}}, .n = 3}};
    nx_arena_init(&arena, scratch_block, sizeof(scratch_block));
    assert_int_equal(
        nx_codec_pack_plan(&plan, &arena, message, sizeof(message), &len), 0);
    assert_int_equal(nx_codec_unpack_down(message, len, &arena, &down, NULL),
                     0);
    assert_int_equal(down.kind, NX_DOWN_PLAN);
    assert_int_equal(down.u.plan.tasks_n, 3);
    assert_int_equal(down.u.plan.spread_ms, 20000);
    assert_int_equal(down.u.plan.keys.n, 3);
    assert_memory_equal(down.u.plan.keys.list, plan.keys.list,
                        sizeof(plan.keys.list));
    assert_false(down.u.plan.tasks[0].has_endpoint);
    assert_int_equal(down.u.plan.tasks[0].audit, 7);
    const struct nx_task *task = &down.u.plan.tasks[1];
    assert_true(nx_dname_equal(task->name, name));
    assert_true(nx_endpoint_equal(&task->endpoint, &tasks[1].endpoint));
    assert_int_equal(task->visit_gap_ms, 730);
    assert_true(task->authority_verified);
    assert_false(task->canary || task->rd0 || task->nsid || task->chaos ||
                 task->ad || task->cd);
    assert_true(down.u.plan.tasks[2].canary && down.u.plan.tasks[2].rd0 &&
                down.u.plan.tasks[2].nsid && down.u.plan.tasks[2].chaos &&
                down.u.plan.tasks[2].ad && down.u.plan.tasks[2].cd);
}

static void ack_round_trips(void **state) {
    struct nx_arena arena;
    struct nx_down down;
    size_t len = 0;
    (void)state;
    nx_arena_init(&arena, scratch_block, sizeof(scratch_block));
    struct nx_ack ack = {.epoch = 1,
                         .acked_seq = 2,
                         .echo = 3,
                         .received_us = -4,
                         .sent_us = 5,
                         .ahead = {{{4, 9}, {11, 11}}, 2},
                         .refused_crc = 0xfedcba98,
                         .keep = true,
                         .dropped_known = true,
                         .dropped_n = 0};
    assert_int_equal(nx_codec_pack_ack(&ack, message, sizeof(message), &len),
                     0);
    assert_int_equal(nx_codec_unpack_down(message, len, &arena, &down, NULL),
                     0);
    assert_int_equal(down.kind, NX_DOWN_ACK);
    assert_memory_equal(&down.u.ack, &ack, sizeof(ack));
    ack.ahead.runs[0].from_seq = 3; /* touches what is acknowledged */
    assert_int_equal(nx_codec_pack_ack(&ack, message, sizeof(message), &len),
                     NX_ELIMIT);
}

static void foreign_bytes_are_refused(void **state) {
    struct nx_up up;
    const char *why = NULL;
    (void)state;
    assert_int_equal(unpack((const uint8_t *)"", 0, &up, &why), NX_EMALFORMED);
    assert_string_equal(why, "a kind of message not known here");
    assert_int_equal(unpack((const uint8_t *)"GET / HTTP/1.1", 14, &up, &why),
                     NX_EMALFORMED);
    assert_string_equal(why, "not a message from an agent");
    assert_int_equal(unpack(message, NX_MSG_MAX_BYTES + 1, &up, &why),
                     NX_ELIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_round_trips),
        cmocka_unit_test(plan_round_trips),
        cmocka_unit_test(ack_round_trips),
        cmocka_unit_test(foreign_bytes_are_refused),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
