#include "collector/store/io_export.h"

#include <inttypes.h>
#include <stdlib.h>

#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_zones.h"
#include "common/io_log.h"

#define BEFORE_US INT64_C(3600000000) /* of the log before the opening */
#define AFTER_US INT64_C(3600000000)  /* a clock may have been set back */
#define PART_BYTES 65536U
#define PART_BATCHES 8U
#define PART_ROUNDS 8U /* where little of the log concerns the incident */

/* Something that happens at a time of its own, not by a message. */
struct turn {
    int64_t at_us;
    enum nx_record_kind kind;
    struct nx_agent agent; /* with AGENT */
};

struct nx_export {
    struct nx_store *store;
    struct nx_incident incident;
    struct nx_engine_settings settings;
    struct turn *turns; /* by at_us */
    size_t turns_n, turns_done;
    struct nx_arena arena;
    struct nx_store_mark mark;
    struct nx_profile_mark profiles; /* of resolvers, read so far */
    struct nx_book_row page[NX_RESOLVERS_PAGE];
    size_t page_n, page_done;
    int page_err;    /* of reading them */
    int64_t last_us; /* of the last line */
    uint8_t *met;    /* by agent id: introduced */
    size_t met_n;
    struct nx_recording_lacks lacks;
    struct nx_text zones; /* lines of the opening */
    bool started;
    bool beyond;         /* the end of the incident */
    struct nx_text *out; /* of this part */
};

static void add_turn(struct nx_export *x, const struct turn *turn) {
    size_t i = x->turns_n++;
    for (; i > 0 && x->turns[i - 1].at_us > turn->at_us; i--) {
        x->turns[i] = x->turns[i - 1];
    }
    x->turns[i] = *turn;
}

/* One that is not accepted any more had been before; when is not stored. A key
 * that was rejected at once was never an agent. */
static void add_agent(struct nx_export *x, const struct nx_agent_record *r,
                      int64_t from_us) {
    struct turn turn = {r->changed_us, NX_RECORD_AGENT, r->agent};
    if (r->state == NX_AGENT_PENDING || !nx_agent_ever_accepted(r)) {
        return;
    }
    turn.agent.accepted = true;
    turn.at_us = from_us;
    if (r->state == NX_AGENT_ACCEPTED && r->changed_us > from_us) {
        turn.at_us = r->changed_us;
    }
    add_turn(x, &turn);
    if (!r->agent.accepted) {
        turn.agent.accepted = false;
        turn.at_us = r->changed_us > from_us ? r->changed_us : from_us;
        add_turn(x, &turn);
    }
}

static void add_turns(struct nx_export *x, const struct nx_export_parts *parts,
                      int64_t from_us) {
    const struct nx_incident *incident = parts->incident;
    struct turn turn = {.at_us = incident->opened_us, .kind = NX_RECORD_OPEN};
    for (size_t i = 0; i < parts->records_n; i++) {
        add_agent(x, &parts->records[i], from_us);
    }
    add_turn(x, &turn);
    if (incident->closed_us != NX_TIME_UNKNOWN) {
        turn = (struct turn){.at_us = incident->closed_us,
                             .kind = NX_RECORD_CLOSE};
        add_turn(x, &turn);
    }
}

/* Retention may have deleted the beginning, or all of it. */
static int begin_log(struct nx_export *x) {
    struct nx_store_extent log;
    int err = nx_store_log_extent(x->store, &log);
    if (err == NX_OK && !log.whole && log.from_us > x->incident.opened_us) {
        x->lacks.before_us = log.from_us;
    }
    return err;
}

/* --- what was known as it was opened --- */

static int load_zones(struct nx_export *x) {
    struct nx_ns_book book = {.zones = NULL};
    struct nx_ns_book_loading l = {&book, NX_OK};
    int err =
        nx_store_zones_then(x->store, x->incident.id, nx_ns_book_load, &l);
    for (size_t i = 0; i < book.n; i++) {
        nx_recording_write_zone(x->incident.opened_us, &book.zones[i],
                                &x->zones);
    }
    nx_ns_book_fini(&book);
    err = err == NX_OK ? l.err : err;
    return err == NX_OK && x->zones.failed ? NX_ENOMEM : err;
}

/* Those of now where nobody kept others, or not as this version writes them. */
static int load_settings(struct nx_export *x) {
    struct nx_text text;
    nx_text_init(&text);
    int err = nx_store_incident_settings(x->store, x->incident.id, &text);
    if (err == NX_OK) {
        err = nx_recording_read_settings(text.bytes, text.len, &x->settings);
    }
    nx_text_fini(&text);
    return err == NX_ENOTFOUND || err == NX_EMALFORMED ? NX_OK : err;
}

int nx_export_new(const struct nx_export_parts *parts, struct nx_export **out) {
    struct nx_export *x = calloc(1, sizeof(*x));
    if (x == NULL) {
        return NX_ENOMEM;
    }
    for (size_t i = 0; i < parts->records_n; i++) {
        size_t past = (size_t)parts->records[i].agent.id + 1;
        x->met_n = past > x->met_n ? past : x->met_n;
    }
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    nx_arena_init(&x->arena, memory, NX_UNPACK_ARENA_BYTES);
    x->turns = calloc(2 * parts->records_n + 2, sizeof(*x->turns));
    x->met = calloc(x->met_n + 1, 1);
    if (memory == NULL || x->turns == NULL || x->met == NULL) {
        nx_export_free(&x);
        return NX_ENOMEM;
    }
    x->store = parts->store;
    x->incident = *parts->incident;
    x->settings = *parts->settings;
    nx_text_init(&x->zones);
    int64_t from_us = x->incident.opened_us - BEFORE_US;
    x->last_us = from_us;
    x->lacks.before_us = NX_TIME_UNKNOWN;
    x->profiles.measured_us = x->incident.opened_us - NX_PROFILE_AGED_US;
    add_turns(x, parts, from_us);
    int err = nx_store_mark_at(x->store, from_us, &x->mark);
    if (err == NX_OK) {
        err = begin_log(x);
    }
    if (err == NX_OK) {
        err = load_zones(x);
    }
    if (err == NX_OK) {
        err = load_settings(x);
    }
    if (err != NX_OK) {
        nx_export_free(&x);
        return err;
    }
    *out = x;
    return NX_OK;
}

void nx_export_free(struct nx_export **export) {
    struct nx_export *x = *export;
    if (x != NULL) {
        nx_text_fini(&x->zones);
        free(x->arena.base);
        free(x->turns);
        free(x->met);
        free(x);
        *export = NULL;
    }
}

/* --- turns --- */

static void write_turn(struct nx_export *x, const struct turn *turn) {
    if (turn->kind == NX_RECORD_AGENT) {
        nx_recording_write_agent(turn->at_us, &turn->agent, x->out);
        x->met[turn->agent.id] = 1;
    } else {
        if (turn->kind == NX_RECORD_OPEN && x->zones.len > 0) {
            nx_text_bytes(x->out, x->zones.bytes, x->zones.len);
        }
        nx_recording_write_turn(turn->at_us, turn->kind, x->out);
    }
    x->last_us = turn->at_us > x->last_us ? turn->at_us : x->last_us;
}

/* --- what was measured of resolvers --- */

static void see_resolver(void *user, const struct nx_book_row *row) {
    struct nx_export *x = user;
    x->page[x->page_n++] = *row;
}

static int64_t end_of(const struct nx_export *x) {
    return x->incident.closed_us != NX_TIME_UNKNOWN ? x->incident.closed_us
                                                    : INT64_MAX;
}

/* The next one; NULL: there is none. */
static const struct nx_book_row *next_resolver(struct nx_export *x) {
    if (x->page_done == x->page_n && x->page_err == NX_OK) {
        x->page_n = x->page_done = 0;
        int n =
            nx_store_resolvers_past(x->store, x->incident.opened_us, end_of(x),
                                    &x->profiles, see_resolver, x);
        x->page_err = n > 0 ? NX_OK : n < 0 ? n : NX_ENOTFOUND;
    }
    return x->page_done < x->page_n ? &x->page[x->page_done] : NULL;
}

/* What was measured before the recording begins is told at its begin. */
static void resolvers_until(struct nx_export *x, int64_t at_us) {
    const struct nx_book_row *row = NULL;
    while ((row = next_resolver(x)) != NULL && row->measured_us <= at_us) {
        int64_t told_us =
            row->measured_us > x->last_us ? row->measured_us : x->last_us;
        nx_recording_write_resolver(told_us, row, x->out);
        x->last_us = told_us;
        x->page_done++;
    }
}

static void turns_until(struct nx_export *x, int64_t at_us) {
    while (x->turns_done < x->turns_n &&
           x->turns[x->turns_done].at_us <= at_us) {
        resolvers_until(x, x->turns[x->turns_done].at_us);
        write_turn(x, &x->turns[x->turns_done++]);
    }
    if (at_us != INT64_MAX) {
        resolvers_until(x, at_us);
    }
}

/* An agent speaks before its turn when it was accepted again, as something
 * else: then it has been that from now on, and stays so at its turn. */
static void introduce(struct nx_export *x, uint32_t agent_id, int64_t at_us) {
    for (size_t i = x->turns_done; i < x->turns_n; i++) {
        if (x->turns[i].kind == NX_RECORD_AGENT &&
            x->turns[i].agent.id == agent_id) {
            struct turn early = x->turns[i];
            early.at_us = at_us;
            write_turn(x, &early);
            return;
        }
    }
}

/* --- messages --- */

/* False: nobody knows it. One that was accepted since the recording began ends
 * it. */
static bool is_met(struct nx_export *x, uint32_t agent_id, int64_t at_us) {
    if (agent_id >= x->met_n) {
        x->beyond = true;
        return false;
    }
    if (x->met[agent_id] == 0) {
        introduce(x, agent_id, at_us);
    }
    return x->met[agent_id] != 0;
}

/* What concerns the time before the opening, and what comes after the end, is
 * left out, but for hellos: resolvers stay known. */
static void write_message(struct nx_export *x, const struct nx_store_batch *row,
                          const struct nx_up *up) {
    if (up->kind == NX_UP_HELLO) {
        nx_recording_write_hello(row->received_us, row->agent_id, &up->u.hello,
                                 x->out);
    } else if (row->received_us >= x->incident.opened_us ||
               !up->u.batch.clock.offset_known) {
        nx_recording_write_batch(row->received_us, row->agent_id, &up->u.batch,
                                 row->skip, &x->incident, x->out);
    }
    x->last_us = row->received_us > x->last_us ? row->received_us : x->last_us;
}

static void see_message(void *user, const struct nx_store_batch *row) {
    struct nx_export *x = user;
    struct nx_up up;
    const char *why = "";
    int64_t closed_us = x->incident.closed_us;
    if (x->beyond) {
        return;
    }
    if (closed_us != NX_TIME_UNKNOWN && row->received_us > closed_us) {
        x->beyond |= row->received_us > closed_us + AFTER_US;
        return;
    }
    nx_arena_reset(&x->arena);
    int err = row->damaged ? NX_EMALFORMED
                           : nx_codec_unpack_up(row->payload, row->payload_len,
                                                &x->arena, &up, &why);
    if (err != NX_OK) {
        x->lacks.damaged_n++;
        nx_log(NX_LOG_WARN,
               "recording of incident %" PRIu32
               ": a stored message is damaged and left out %s",
               x->incident.id, why);
        return;
    }
    turns_until(x, row->received_us);
    if (is_met(x, row->agent_id, row->received_us)) {
        write_message(x, row, &up);
    }
}

static int start(struct nx_export *x) {
    x->started = true;
    nx_recording_write_header(&x->incident, &x->settings, x->out);
    turns_until(x, x->last_us);
    return nx_store_hellos_before(x->store, &x->mark, see_message, x);
}

/* All that is stored has been read, or is beyond the end. */
static int finish(struct nx_export *x) {
    turns_until(x, end_of(x));
    resolvers_until(x, end_of(x));
    nx_recording_write_end(x->last_us, &x->lacks, x->out);
    int err = x->page_err != NX_ENOTFOUND ? x->page_err : NX_OK;
    return err != NX_OK ? err : x->out->failed ? NX_ENOMEM : 0;
}

int nx_export_next(struct nx_export *x, struct nx_text *out) {
    x->out = out;
    if (x->page_err == NX_ENOTFOUND) { /* there may be new ones */
        x->page_err = NX_OK;
    }
    int err = x->started ? NX_OK : start(x);
    int more = 1;
    for (unsigned i = 0; err == NX_OK && more == 1 && !x->beyond &&
                         i < PART_ROUNDS && out->len < PART_BYTES;
         i++) {
        more = nx_store_log(x->store, &x->mark, PART_BATCHES, see_message, x);
        if (more < 0) {
            return more;
        }
    }
    if (err != NX_OK || out->failed) {
        return err != NX_OK ? err : NX_ENOMEM;
    }
    return more == 0 || x->beyond ? finish(x) : 1;
}
