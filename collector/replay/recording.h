/* A recording: everything that the engine was told about one incident, as JSON
 * lines in the order of arrival (nxclear-recording(5)). Written by the
 * collector from its log, read by `nxclear replay`: with the same events at the
 * same times the same engine says the same. Pure.
 *
 * The first line is the header; each other one is a record with `at`, the
 * collector's time. */
#ifndef NX_COLLECTOR_RECORDING_H
#define NX_COLLECTOR_RECORDING_H

#include "collector/engine/engine.h"
#include "collector/engine/ns_book.h"
#include "collector/replay/json_in.h"
#include "common/text.h"

#define NX_RECORDING_FORMAT 2            /* 1: had no zones; is read, too */
#define NX_RECORDING_LINE_MAX (8U << 20) /* bytes */
#define NX_RECORDING_ARENA_BYTES (8U << 20)

enum nx_record_kind {
    NX_RECORD_AGENT,
    NX_RECORD_HELLO,
    NX_RECORD_BATCH,
    NX_RECORD_PROFILE,
    NX_RECORD_RESOLVER,
    NX_RECORD_ZONE,
    NX_RECORD_OPEN,
    NX_RECORD_CLOSE,
    NX_RECORD_END,
};
const char *nx_record_kind_text(unsigned kind);

/* --- writing: appends a line; a failure is left in the text --- */

void nx_recording_write_header(const struct nx_incident *incident,
                               const struct nx_engine_settings *settings,
                               struct nx_text *out);
void nx_recording_write_agent(int64_t at_us, const struct nx_agent *agent,
                              struct nx_text *out);
void nx_recording_write_hello(int64_t at_us, uint32_t agent_id,
                              const struct nx_hello *hello,
                              struct nx_text *out);
/* The settings alone, as the header has them: to be kept with an incident. */
void nx_recording_write_settings(const struct nx_engine_settings *settings,
                                 struct nx_text *out);
/* obs[skip..] that concern the incident. Without any, and without delegations,
 * only where the agent could not tell the collector's time: then the batch is
 * a reading of its clock. */
void nx_recording_write_batch(int64_t at_us, uint32_t agent_id,
                              const struct nx_batch *batch, size_t skip,
                              const struct nx_incident *incident,
                              struct nx_text *out);
/* What was measured of a resolver (row->measured), from now on. */
void nx_recording_write_resolver(int64_t at_us, const struct nx_book_row *row,
                                 struct nx_text *out);
/* Who served the zone before the incident was opened. */
void nx_recording_write_zone(int64_t at_us, const struct nx_ns_book_zone *zone,
                             struct nx_text *out);
/* OPEN, CLOSE: the incident was. */
void nx_recording_write_turn(int64_t at_us, enum nx_record_kind kind,
                             struct nx_text *out);

/* What a recording lacks up to its end. */
struct nx_recording_lacks {
    int64_t before_us;  /* what was received before is not stored any more;
                           NX_TIME_UNKNOWN: it is */
    uint64_t damaged_n; /* stored messages that were left out */
};
void nx_recording_write_end(int64_t at_us,
                            const struct nx_recording_lacks *lacks,
                            struct nx_text *out);

/* --- reading --- */

struct nx_record {
    enum nx_record_kind kind;
    int64_t at_us;
    uint32_t agent_id; /* AGENT, HELLO, BATCH */
    union {
        struct nx_agent agent;
        struct nx_hello hello;
        struct nx_batch batch;
        struct nx_profile profile;
        struct nx_book_row resolver;
        const struct nx_ns_book_zone *zone;
        struct nx_recording_lacks lacks; /* END */
    } u;
};

/* It is the end, and nothing is missing before it. */
bool nx_record_is_whole_end(const struct nx_record *record);

struct nx_recording_header {
    struct nx_incident incident;
    struct nx_engine_settings settings;
};

/* line: without its line feed. NX_EMALFORMED with fault->why (path in the
 * line, or what the JSON parser says). */
int nx_recording_read_header(const char *line, size_t len,
                             struct nx_recording_header *out,
                             struct nx_json_fault *fault) NX_MUSTUSE;

/* What nx_recording_write_settings wrote. NX_EMALFORMED: it did not. */
int nx_recording_read_settings(const char *text, size_t len,
                               struct nx_engine_settings *out) NX_MUSTUSE;

/* *out points into the arena, which is not reset here. */
int nx_recording_read(const char *line, size_t len, struct nx_arena *arena,
                      struct nx_record *out,
                      struct nx_json_fault *fault) NX_MUSTUSE;

#endif
