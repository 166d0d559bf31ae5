/* Recordings: a header and records, played into an engine; what it then says
 * must be a document. */
#include <stdlib.h>
#include <string.h>

#include "collector/replay/replay.h"
#include "collector/status/status.h"
#include "tests/fuzz/replay.h"

#define LINES_MAX 64U
#define SPAN_US (INT64_C(86400) * 1000000) /* longer ones only take time */

static uint64_t memory[NX_RECORDING_ARENA_BYTES / 8];

static void look(struct nx_replay *replay) {
    uint32_t id = nx_replay_incident(replay);
    json_t *status = id == 0 ? json_null()
                             : nx_status_incident(nx_replay_engine(replay), id,
                                                  nx_replay_now_us(replay));
    char *text = json_dumps(status, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        abort();
    }
    free(text);
    json_decref(status);
}

static void feed(struct nx_replay *replay, const char *line, size_t len) {
    struct nx_json_fault fault;
    struct nx_record record;
    struct nx_arena arena;
    int64_t now_us = nx_replay_now_us(replay);
    nx_arena_init(&arena, memory, sizeof(memory));
    if (nx_recording_read(line, len, &arena, &record, &fault) == 0 &&
        (now_us == NX_TIME_UNKNOWN || record.at_us - now_us < SPAN_US) &&
        nx_replay_feed(replay, &record) == 0) {
        look(replay);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nx_recording_header header;
    struct nx_replay *replay = NULL;
    struct nx_json_fault fault;
    for (unsigned i = 0; i < LINES_MAX && size > 0; i++) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) : size;
        if (i > 0) {
            feed(replay, (const char *)data, len);
        } else if (nx_recording_read_header((const char *)data, len, &header,
                                            &fault) != 0 ||
                   nx_replay_new(&header, &replay) != 0) {
            return 0;
        }
        len += end != NULL ? 1 : 0;
        data += len;
        size -= len;
    }
    nx_replay_free(&replay);
    return 0;
}
