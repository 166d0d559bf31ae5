/* What a recording lacks, it says; and whom it knows. */
#include "collector/store/io_store_retain.h"
#include "tests/lib/export_bench.h"
#include "tests/lib/sql.h"

static struct nx_record end_of(struct bench *b, struct nx_text *recording) {
    struct nx_record record;
    struct nx_json_fault fault;
    struct nx_arena arena;
    (void)export_all(b, recording);
    char *line = recording->bytes + recording->len - 1;
    while (line > recording->bytes && line[-1] != '\n') {
        line--;
    }
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    assert_int_equal(
        nx_recording_read(line, strlen(line) - 1, &arena, &record, &fault), 0);
    assert_int_equal(record.kind, NX_RECORD_END);
    return record;
}

static void test_whole(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    const struct nx_record end = end_of(b, &recording);
    assert_true(nx_record_is_whole_end(&end));
    assert_int_equal(end.at_us, T0 + 36 * S);
    nx_text_fini(&recording);
}

/* Retention has deleted it. */
static void test_retired(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    struct nx_store_retention pass = {.log_before_us = T0 + 86400 * S,
                                      .now_us = T0 + 90000 * S};
    live(b);
    b->incident.closed_us = T0 + 60 * S;
    while (nx_store_retain(b->store, &pass, 64) == 1) {
    }
    const struct nx_record end = end_of(b, &recording);
    assert_false(nx_record_is_whole_end(&end));
    assert_int_equal(end.u.lacks.before_us, T0 + 86400 * S);
    nx_text_fini(&recording);
}

static void test_damaged(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    sql_run(b->path,
            "UPDATE batch SET payload = zeroblob(3) WHERE batch_id IN (2, 3)");
    const struct nx_record end = end_of(b, &recording);
    assert_false(nx_record_is_whole_end(&end));
    assert_int_equal(end.u.lacks.before_us, NX_TIME_UNKNOWN);
    assert_int_equal(end.u.lacks.damaged_n, 2);
    nx_text_fini(&recording);
}

/* A key that was rejected was never an agent; one that was one before is none
 * any more; what was accepted after the close is no part of it. */
static void test_whom_it_knows(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    b->incident.closed_us = T0 + 60 * S;
    b->records[0].state = NX_AGENT_REJECTED;
    b->records[0].agent.accepted = false;
    b->records[0].changed_us = T0 + 40 * S;
    b->records[1].state = NX_AGENT_REJECTED;
    b->records[1].agent.accepted = false;
    b->records[1].agent.network[0] = '\0';
    b->records[1].agent.name[0] = '\0';
    b->records[2].changed_us = T0 + 86400 * S;
    const struct nx_record end = end_of(b, &recording);
    assert_true(end.at_us <= T0 + 60 * S);
    assert_int_equal(count_of(recording.bytes, "\"kind\":\"agent\""), 3);
    assert_int_equal(count_of(recording.bytes, "\"accepted\":false"), 1);
    assert_null(strstr(recording.bytes, "\"network\":\"\""));
    struct nx_replay *replay = play(b, recording.bytes);
    nx_replay_free(&replay);
    nx_text_fini(&recording);
}

/* Accepted while somebody reads the recording: it ends before that. */
static void test_agent_that_came_meanwhile(void **state) {
    struct bench *b = *state;
    struct nx_text recording;
    live(b);
    sql_run(b->path,
            "UPDATE hello SET agent_id = 9, digest = NULL WHERE hello_id = 4");
    const struct nx_record end = end_of(b, &recording);
    assert_true(nx_record_is_whole_end(&end));
    assert_true(end.at_us < T0 + 31 * S);
    struct nx_replay *replay = play(b, recording.bytes);
    nx_replay_free(&replay);
    nx_text_fini(&recording);
}

static void test_audit(void **state) {
    struct bench *b = *state;
    b->incident.audit = true;
    live(b);
    char *text = status_of(b->engine, T0 + 36 * S);
    assert_null(strstr(text, "192.0.2.2@53"));
    free(text);
    assert_same(b, T0 + 40 * S);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retired, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whom_it_knows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_agent_that_came_meanwhile, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_audit, setup, teardown),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
