/* A store that gets messages, an engine that gets the same, and recordings of
 * both: for test_io_export*.c. */
#ifndef NX_TESTS_EXPORT_BENCH_H
#define NX_TESTS_EXPORT_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/replay/replay.h"
#include "collector/status/status.h"
#include "collector/store/io_export.h"
#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_zones.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define T0 (INT64_C(1800000000) * S)
#define THETA (500000 * S - T0) /* agents' monotonic clocks minus ours */
#define AGENTS_N 3U             /* lyon, oslo, audit */
#define AUDIT 3U

static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t other[] = "\5other\7example\3net";
static const uint8_t apex[] = "\7example\3com";

struct bench {
    char folder[64];
    char path[96];
    struct nx_store *store;
    struct nx_engine_settings settings;
    struct nx_engine *engine;
    struct nx_incident incident;
    struct nx_agent_record records[AGENTS_N];
    int64_t ticked_us;
    uint64_t seq[AGENTS_N + 1];
    uint8_t bytes[NX_MSG_MAX_BYTES];
    uint64_t memory[NX_UNPACK_ARENA_BYTES / 8];
};

static inline int setup(void **state) {
    static const char *const names[] = {"lyon", "oslo", "audit"};
    static struct bench b;
    char why[NX_STORE_WHY_MAX];
    const struct nx_store_options plain = {.check = false};
    memset(&b, 0, sizeof(b));
    strcpy(b.folder, "/tmp/nx-test-export-XXXXXX");
    assert_non_null(mkdtemp(b.folder));
    (void)snprintf(b.path, sizeof(b.path), "%s/nxclear.db", b.folder);
    assert_int_equal(nx_store_open(b.path, &plain, &b.store, why, sizeof(why)),
                     0);
    nx_engine_settings_default(&b.settings);
    b.settings.settle_us = 10 * S;
    assert_int_equal(nx_engine_new(&b.settings, &b.engine), 0);
    for (uint32_t i = 0; i < AGENTS_N; i++) {
        struct nx_agent_record *r = &b.records[i];
        r->agent = (struct nx_agent){
            .id = i + 1, .authority = i + 1 == AUDIT, .accepted = true};
        strcpy(r->agent.name, names[i]);
        strcpy(r->agent.network, names[i]);
        r->state = NX_AGENT_ACCEPTED;
        r->changed_us = T0 - 86400 * S;
        assert_int_equal(nx_engine_agent_set(b.engine, &r->agent), 0);
    }
    b.incident = (struct nx_incident){.id = 7,
                                      .opened_us = T0 + 1,
                                      .closed_us = NX_TIME_UNKNOWN,
                                      .outage_from_us = T0 - 300 * S,
                                      .outage_to_us = NX_TIME_UNKNOWN,
                                      .restored_us = NX_TIME_UNKNOWN,
                                      .items_n = 1};
    memcpy(b.incident.items[0].name, www, sizeof(www));
    b.incident.items[0].qtype = NX_TYPE_A;
    assert_int_equal(nx_incident_expect(&b.incident.items[0], "192.0.2.10"), 0);
    b.ticked_us = T0;
    *state = &b;
    return 0;
}

static inline int teardown(void **state) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct bench *b = *state;
    nx_engine_free(&b->engine);
    nx_store_close(&b->store);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", b->path, suffixes[i]);
        (void)unlink(path);
    }
    return rmdir(b->folder);
}

/* --- what the collector does with a message --- */

static inline void pass(struct bench *b, int64_t at_us) {
    while (b->ticked_us + S / 2 < at_us) {
        b->ticked_us += S / 2;
        nx_engine_tick(b->engine, b->ticked_us, NULL);
    }
}

static inline struct nx_clock_sample clock_at(int64_t at_us) {
    return (struct nx_clock_sample){.mono_us = at_us + THETA,
                                    .wall_us = at_us,
                                    .offset_us = THETA,
                                    .offset_error_us = 1000,
                                    .offset_known = true};
}

static inline void says_hello(struct bench *b, uint32_t agent,
                              unsigned resolvers_n, int64_t at_us) {
    struct nx_endpoint resolvers[4];
    struct nx_arena arena;
    size_t len = 0;
    for (unsigned i = 0; i < resolvers_n; i++) {
        resolvers[i] =
            (struct nx_endpoint){.address = {192, 0, 2, (uint8_t)(i + 1)},
                                 .address_len = 4,
                                 .port = 53,
                                 .layer = NX_LAYER_NETWORK};
    }
    const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                   .software = "test",
                                   .epoch = UINT64_MAX - agent,
                                   .next_seq = 1,
                                   .clock = clock_at(at_us),
                                   .resolvers = resolvers,
                                   .resolvers_n = resolvers_n};
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    assert_int_equal(
        nx_codec_pack_hello(&hello, &arena, b->bytes, sizeof(b->bytes), &len),
        0);
    assert_int_equal(nx_store_begin(b->store), 0);
    assert_int_equal(
        nx_store_hello_append(b->store, agent, at_us, b->bytes, len), 0);
    assert_int_equal(nx_store_commit(b->store), 0);
    if (at_us > b->ticked_us) {
        pass(b, at_us);
    }
    assert_int_equal(nx_engine_hello(b->engine, agent, &hello, at_us), 0);
}

static inline void sends(struct bench *b, uint32_t agent,
                         const struct nx_batch *batch, size_t skip,
                         int64_t at_us) {
    struct nx_arena arena;
    size_t len = 0;
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    assert_int_equal(
        nx_codec_pack_batch(batch, &arena, b->bytes, sizeof(b->bytes), &len),
        0);
    const struct nx_store_batch row = {.agent_id = agent,
                                       .epoch = batch->epoch,
                                       .first_seq = batch->first_seq + skip,
                                       .results_n =
                                           (uint32_t)(batch->obs_n - skip),
                                       .skip = (uint32_t)skip,
                                       .received_us = at_us,
                                       .payload = b->bytes,
                                       .payload_len = len};
    assert_int_equal(nx_store_begin(b->store), 0);
    assert_int_equal(nx_store_batch_append(b->store, &row), 0);
    assert_int_equal(nx_store_commit(b->store), 0);
    if (at_us > b->ticked_us) {
        pass(b, at_us);
    }
    assert_int_equal(nx_engine_batch(b->engine, agent, batch, skip, at_us), 0);
}

/* Two observations of one question, two seconds and a moment ago; with skip 1
 * the first is known already. */
static inline void saw(struct bench *b, uint32_t agent,
                       const struct nx_question *question,
                       const struct nx_answer *answer, uint32_t ttl_s,
                       size_t skip, const struct nx_delegation *d,
                       int64_t at_us) {
    struct nx_obs obs[2];
    for (unsigned i = 0; i < 2; i++) {
        int64_t tx_us = at_us + THETA - (i == 0 ? 2 * S : 10000);
        obs[i] = (struct nx_obs){.question = question,
                                 .answer = answer,
                                 .tx_mono_us = tx_us,
                                 .rx_mono_us = tx_us + 3000,
                                 .soa_ttl_s = ttl_s + (i == 0 ? 2 : 0),
                                 .answer_ttl_s = ttl_s,
                                 .src_port = (uint16_t)(2000 + b->seq[agent])};
    }
    const struct nx_batch batch = {.epoch = UINT64_MAX - agent,
                                   .first_seq = 1 + b->seq[agent],
                                   .clock = clock_at(at_us),
                                   .delegations = d,
                                   .delegations_n = d != NULL ? 1 : 0,
                                   .questions = question,
                                   .questions_n = 1,
                                   .answers = answer,
                                   .answers_n = 1,
                                   .obs = obs,
                                   .obs_n = 2};
    b->seq[agent] += 2;
    sends(b, agent, &batch, skip, at_us);
}

static const uint8_t restored[] = {0, 4, 192, 0, 2, 10};
static const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                     .rdata = restored,
                                     .rdata_len = sizeof(restored),
                                     .rdata_n = 1};
static const struct nx_answer no = {.rcode = NX_RCODE_NXDOMAIN,
                                    .flags = NX_ANS_SOA | NX_ANS_RA,
                                    .soa_owner = apex,
                                    .soa_serial = 1,
                                    .soa_minimum_s = 900,
                                    .ede = {22},
                                    .ede_n = 1,
                                    .nsid = (const uint8_t *)"ns",
                                    .nsid_len = 2};

static inline void resolver_denies(struct bench *b, uint32_t agent,
                                   uint32_t ttl_s, size_t skip, int64_t at_us) {
    const struct nx_question q = {.name = www,
                                  .qtype = NX_TYPE_A,
                                  .flags = NX_Q_RD,
                                  .to = {.address = {192, 0, 2, 1},
                                         .address_len = 4,
                                         .port = 53,
                                         .layer = NX_LAYER_NETWORK}};
    saw(b, agent, &q, &no, ttl_s, skip, NULL, at_us);
}

/* About a name that is not of the incident. */
static inline void asks_other(struct bench *b, uint32_t agent, int64_t at_us) {
    const struct nx_question q = {.name = other,
                                  .qtype = NX_TYPE_A,
                                  .flags = NX_Q_RD,
                                  .to = {.address = {192, 0, 2, 1},
                                         .address_len = 4,
                                         .port = 53,
                                         .layer = NX_LAYER_NETWORK}};
    saw(b, agent, &q, &yes, 60, 0, NULL, at_us);
}

static inline void audit(struct bench *b, const struct nx_answer *answer,
                         int64_t at_us) {
    const struct nx_endpoint at = {.address = {198, 51, 100, 1},
                                   .address_len = 4,
                                   .port = 53,
                                   .layer = NX_LAYER_AUTHORITY};
    const struct nx_delegation d = {.name = www,
                                    .apex = apex,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .glue = NX_GLUE_DIFFERS,
                                    .at_mono_us = at_us + THETA - 3 * S};
    const struct nx_question q = {.name = www, .qtype = NX_TYPE_A, .to = at};
    saw(b, AUDIT, &q, answer, 900, 0, &d, at_us);
}

/* --- the recording --- */

static inline char *status_of(struct nx_engine *engine, int64_t at_us) {
    json_t *status = nx_status_incident(engine, 7, at_us);
    assert_non_null(status);
    char *text = json_dumps(status, JSON_INDENT(1));
    json_decref(status);
    assert_non_null(text);
    return text;
}

/* All parts; their number. */
static inline unsigned export_all(struct bench *b, struct nx_text *out) {
    const struct nx_export_parts parts = {.store = b->store,
                                          .incident = &b->incident,
                                          .settings = &b->settings,
                                          .records = b->records,
                                          .records_n = AGENTS_N};
    struct nx_export *export = NULL;
    unsigned n = 0;
    int more = 1;
    assert_int_equal(nx_export_new(&parts, &export), 0);
    nx_text_init(out);
    while (more == 1) {
        struct nx_text part;
        nx_text_init(&part);
        more = nx_export_next(export, &part);
        if (part.len > 0) {
            nx_text_bytes(out, part.bytes, part.len);
        }
        nx_text_fini(&part);
        n++;
    }
    assert_int_equal(more, 0);
    nx_export_free(&export);
    assert_null(export);
    return n;
}

static inline struct nx_replay *play(struct bench *b, const char *text) {
    struct nx_recording_header header;
    struct nx_replay *replay = NULL;
    struct nx_json_fault fault;
    struct nx_record record = {.kind = NX_RECORD_OPEN};
    struct nx_arena arena;
    size_t len = strcspn(text, "\n");
    assert_int_equal(nx_recording_read_header(text, len, &header, &fault), 0);
    assert_int_equal(nx_replay_new(&header, &replay), 0);
    nx_arena_init(&arena, b->memory, sizeof(b->memory));
    for (text += len + 1; *text != '\0'; text += len + 1) {
        len = strcspn(text, "\n");
        nx_arena_reset(&arena);
        if (nx_recording_read(text, len, &arena, &record, &fault) != 0) {
            fail_msg("%s: %.*s", fault.why, (int)len, text);
        }
        assert_int_equal(nx_replay_feed(replay, &record), 0);
    }
    assert_int_equal(record.kind, NX_RECORD_END);
    return replay;
}

static inline void assert_same(struct bench *b, int64_t at_us) {
    struct nx_text recording;
    (void)export_all(b, &recording);
    struct nx_replay *replay = play(b, recording.bytes);
    pass(b, at_us + 1);
    assert_int_equal(nx_replay_until(replay, at_us), 0);
    char *live = status_of(b->engine, at_us);
    char *played = status_of(nx_replay_engine(replay), at_us);
    assert_string_equal(live, played);
    free(live);
    free(played);
    nx_replay_free(&replay);
    nx_text_fini(&recording);
}

/* Hellos of days ago, an open incident, authority, caches. */
static inline void live(struct bench *b) {
    says_hello(b, 1, 4, T0 - 200000 * S); /* not the last one */
    says_hello(b, 1, 2, T0 - 100000 * S);
    says_hello(b, 2, 1, T0 - 50000 * S);
    asks_other(b, 1, T0 - 10 * S);
    assert_int_equal(nx_engine_incident_open(b->engine, &b->incident), 0);
    audit(b, &no, T0 + 6 * S);
    audit(b, &yes, T0 + 12 * S);
    audit(b, &yes, T0 + 18 * S);
    audit(b, &yes, T0 + 24 * S);
    resolver_denies(b, 1, 800, 0, T0 + 30 * S);
    says_hello(b, 2, 3, T0 + 31 * S);
    resolver_denies(b, 1, 795, 1, T0 + 35 * S);
    resolver_denies(b, 2, 500, 0, T0 + 36 * S);
}

static inline unsigned count_of(const char *text, const char *part) {
    unsigned n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        n++;
    }
    return n;
}

#endif
