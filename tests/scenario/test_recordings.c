/* Every story once more: what its engine is told is recorded, the recording is
 * played into another engine, and both must say the same at the same times.
 * The linker puts our functions in front of the engine's (--wrap). */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/replay/replay.h"
#include "collector/status/status.h"
#include "tests/scenario/story.h"

#define STORIES_MAX 100U
#define SAMPLES_MAX 4000U
#define SAMPLE_US (5 * US_PER_S)

static struct {
    bool on; /* a story is playing */
    struct nx_text header, lines;
    struct nx_incident incident;
    int64_t tick_us;
    struct {
        int64_t at_us;
        char *document;
    } samples[SAMPLES_MAX];
    size_t samples_n;
} tape;

/* A story acts after the tick of the instant, a replay before it. */
static int64_t after_tick(int64_t at_us) {
    return at_us == tape.tick_us ? at_us + 1 : at_us;
}

int __real_nx_engine_new(const struct nx_engine_settings *settings,
                         struct nx_engine **out);
int __wrap_nx_engine_new(const struct nx_engine_settings *settings,
                         struct nx_engine **out);
int __real_nx_engine_agent_set(struct nx_engine *engine,
                               const struct nx_agent *agent);
int __wrap_nx_engine_agent_set(struct nx_engine *engine,
                               const struct nx_agent *agent);
int __real_nx_engine_hello(struct nx_engine *engine, uint32_t agent_id,
                           const struct nx_hello *hello, int64_t received_us);
int __wrap_nx_engine_hello(struct nx_engine *engine, uint32_t agent_id,
                           const struct nx_hello *hello, int64_t received_us);
int __real_nx_engine_batch(struct nx_engine *engine, uint32_t agent_id,
                           const struct nx_batch *batch, size_t skip,
                           int64_t received_us);
int __wrap_nx_engine_batch(struct nx_engine *engine, uint32_t agent_id,
                           const struct nx_batch *batch, size_t skip,
                           int64_t received_us);
int __real_nx_engine_incident_open(struct nx_engine *engine,
                                   const struct nx_incident *incident);
int __wrap_nx_engine_incident_open(struct nx_engine *engine,
                                   const struct nx_incident *incident);
int __real_nx_engine_incident_close(struct nx_engine *engine, uint32_t id,
                                    int64_t at_us);
int __wrap_nx_engine_incident_close(struct nx_engine *engine, uint32_t id,
                                    int64_t at_us);
void __real_nx_engine_tick(struct nx_engine *engine, int64_t now_us,
                           const struct nx_engine_sink *sink);
void __wrap_nx_engine_tick(struct nx_engine *engine, int64_t now_us,
                           const struct nx_engine_sink *sink);

static struct nx_engine_settings live_settings;

int __wrap_nx_engine_new(const struct nx_engine_settings *settings,
                         struct nx_engine **out) {
    live_settings = *settings;
    return __real_nx_engine_new(settings, out);
}

int __wrap_nx_engine_agent_set(struct nx_engine *engine,
                               const struct nx_agent *agent) {
    if (tape.on) {
        nx_recording_write_agent(after_tick(tape.tick_us), agent, &tape.lines);
    }
    return __real_nx_engine_agent_set(engine, agent);
}

int __wrap_nx_engine_hello(struct nx_engine *engine, uint32_t agent_id,
                           const struct nx_hello *hello, int64_t received_us) {
    if (tape.on) {
        nx_recording_write_hello(after_tick(received_us), agent_id, hello,
                                 &tape.lines);
    }
    return __real_nx_engine_hello(engine, agent_id, hello, received_us);
}

int __wrap_nx_engine_batch(struct nx_engine *engine, uint32_t agent_id,
                           const struct nx_batch *batch, size_t skip,
                           int64_t received_us) {
    if (tape.on && tape.incident.id != 0) {
        nx_recording_write_batch(received_us, agent_id, batch, skip,
                                 &tape.incident, &tape.lines);
    }
    return __real_nx_engine_batch(engine, agent_id, batch, skip, received_us);
}

int __wrap_nx_engine_incident_open(struct nx_engine *engine,
                                   const struct nx_incident *incident) {
    if (tape.on) {
        tape.incident = *incident;
        nx_recording_write_header(incident, &live_settings, &tape.header);
        nx_recording_write_turn(after_tick(incident->opened_us), NX_RECORD_OPEN,
                                &tape.lines);
    }
    return __real_nx_engine_incident_open(engine, incident);
}

int __wrap_nx_engine_incident_close(struct nx_engine *engine, uint32_t id,
                                    int64_t at_us) {
    if (tape.on) {
        nx_recording_write_turn(after_tick(at_us), NX_RECORD_CLOSE,
                                &tape.lines);
    }
    return __real_nx_engine_incident_close(engine, id, at_us);
}

static char *document_of(struct nx_engine *engine, int64_t at_us) {
    json_t *status = nx_status_incident(engine, WORLD_INCIDENT, at_us);
    assert_non_null(status);
    char *text = json_dumps(status, JSON_INDENT(1));
    json_decref(status);
    assert_non_null(text);
    return text;
}

void __wrap_nx_engine_tick(struct nx_engine *engine, int64_t now_us,
                           const struct nx_engine_sink *sink) {
    __real_nx_engine_tick(engine, now_us, sink);
    if (!tape.on) {
        return;
    }
    tape.tick_us = now_us;
    if (tape.incident.id != 0 && now_us % SAMPLE_US == 0) {
        assert_true(tape.samples_n < SAMPLES_MAX);
        tape.samples[tape.samples_n].at_us = now_us;
        tape.samples[tape.samples_n++].document = document_of(engine, now_us);
    }
}

/* --- playing it --- */

static size_t compared_n;

static void compare_until(struct nx_replay *replay, size_t *i, int64_t at_us) {
    while (*i < tape.samples_n && tape.samples[*i].at_us < at_us) {
        int64_t sample_us = tape.samples[*i].at_us;
        assert_int_equal(nx_replay_until(replay, sample_us), 0);
        char *text = document_of(nx_replay_engine(replay), sample_us);
        assert_string_equal(text, tape.samples[*i].document);
        free(text);
        compared_n++;
        (*i)++;
    }
}

static void replay_tape(void) {
    static uint64_t memory[NX_RECORDING_ARENA_BYTES / 8];
    struct nx_recording_header header;
    struct nx_json_fault fault;
    struct nx_replay *replay = NULL;
    struct nx_record record;
    struct nx_arena arena;
    size_t i = 0;
    assert_false(tape.header.failed || tape.lines.failed);
    if (nx_recording_read_header(tape.header.bytes, tape.header.len - 1,
                                 &header, &fault) != 0) {
        fail_msg("%s", fault.why);
    }
    assert_int_equal(nx_replay_new(&header, &replay), 0);
    nx_arena_init(&arena, memory, sizeof(memory));
    for (const char *line = tape.lines.bytes; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        nx_arena_reset(&arena);
        if (nx_recording_read(line, len, &arena, &record, &fault) != 0) {
            fail_msg("%s in %.*s", fault.why, (int)len, line);
        }
        compare_until(replay, &i, record.at_us);
        assert_int_equal(nx_replay_feed(replay, &record), 0);
        line += len + 1;
    }
    compare_until(replay, &i, INT64_MAX);
    assert_int_equal(nx_replay_incident(replay), WORLD_INCIDENT);
    nx_replay_free(&replay);
}

static void test_round_trip(void **state) {
    FILE *quiet = fopen("/dev/null", "w");
    assert_non_null(quiet);
    memset(&tape, 0, sizeof(tape));
    tape.on = true;
    compared_n = 0;
    assert_int_equal(story_play(*state, quiet), 0);
    tape.on = false;
    (void)fclose(quiet);
    replay_tape();
    assert_true(compared_n > 5);
    assert_int_equal(compared_n, tape.samples_n);
    for (size_t i = 0; i < tape.samples_n; i++) {
        free(tape.samples[i].document);
    }
    nx_text_fini(&tape.header);
    nx_text_fini(&tape.lines);
}

int main(void) {
    static struct CMUnitTest tests[STORIES_MAX];
    size_t n = 0;
    glob_t stories = {0};
    if (glob(NX_SOURCE_DIR "/tests/scenario/*.story", 0, NULL, &stories) != 0) {
        return 1;
    }
    for (; n < stories.gl_pathc && n < STORIES_MAX; n++) {
        tests[n] =
            (struct CMUnitTest){.name = strrchr(stories.gl_pathv[n], '/') + 1,
                                .test_func = test_round_trip,
                                .initial_state = stories.gl_pathv[n]};
    }
    int failed = _cmocka_run_group_tests("recordings", tests, n, NULL, NULL);
    globfree(&stories);
    return failed;
}
