#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "collector/engine/ns_book.h"
#include "collector/io_verify_priv.h"
#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_zones.h"
#include "common/io_clock.h"
#include "common/rfc3339.h"
#include "common/settled.h"

void nx_verify_wrong(struct nx_verify *v, const char *format, ...) {
    va_list arguments;
    bool last = !v->without && v->lines_n + 1 == NX_VERIFY_LINES_MAX;
    v->lost_n += v->without ? 1 : 0;
    v->problems_n += v->without ? 0 : 1;
    v->lines_n++;
    if (!v->without && v->lines_n > NX_VERIFY_LINES_MAX) {
        return;
    }
    va_start(arguments, format);
    fputs(v->without ? "  LOST  " : "  WRONG ", v->out);
    (void)vfprintf(v->out, format, arguments);
    fputs(last ? " (and maybe more)\n" : "\n", v->out);
    va_end(arguments);
}

void nx_verify_part(struct nx_verify *v, const char *part, unsigned before_n,
                    const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(v->out, "%-8s %s: ", part,
            v->problems_n > before_n       ? "NOT OK"
            : v->without && v->lines_n > 0 ? "not whole"
                                           : "ok");
    (void)vfprintf(v->out, format, arguments);
    fputc('\n', v->out);
    va_end(arguments);
    v->lines_n = 0;
}

int nx_verify_now(const struct nx_verify *v, int64_t *out) {
    struct nx_lead_marks marks;
    int64_t wall_us = nx_clock_wall_us();
    int err = nx_store_lead_marks(v->store, wall_us, &marks);
    if (err == NX_OK) {
        *out = wall_us + nx_lead(&marks, wall_us);
        /* All are closed: a log that went on by the old clock ends by it. */
        bool closed = marks.opened_us == NX_TIME_UNKNOWN && marks.far_n == 0;
        *out = closed && marks.received_us > *out ? marks.received_us : *out;
    }
    return err;
}

/* --- pages --- */

static void found_page(void *user, const char *text) {
    if (strcmp(text, "ok") != 0) {
        nx_verify_wrong(user, "%s", text);
    }
}

bool nx_verify_pages(struct nx_verify *v) {
    unsigned before_n = v->problems_n;
    if (nx_store_check_pages(v->store, found_page, v) != NX_OK) {
        nx_verify_wrong(v, "%s", nx_store_problem(v->store));
    }
    nx_verify_part(v, "pages", before_n, "%s",
                   v->problems_n == before_n
                       ? "every page and index"
                       : "nxclear-collector(8) says how to repair it or put a "
                         "backup in its place");
    return v->problems_n == before_n;
}

/* --- rows with a digest --- */

static void found_row(void *user, const char *text) {
    nx_verify_wrong(user, "%s", text);
}

static int check_rows(struct nx_verify *v, enum nx_store_rows which,
                      const char *part, const char *what, const char *then) {
    unsigned before_n = v->problems_n;
    uint64_t without_n = 0;
    int err = nx_store_check_rows(v->store, which, found_row, v, &without_n);
    if (err == NX_OK) {
        nx_verify_part(v, part, before_n, "%s%s", what,
                       v->problems_n == before_n ? "" : then);
    }
    return err;
}

/* --- the log --- */

struct log_check {
    struct nx_verify *v;
    struct nx_arena arena;
    uint64_t batches_n, hellos_n, results_n;
};

static const char *what_is_wrong(struct log_check *c,
                                 const struct nx_store_batch *row) {
    struct nx_up up;
    const char *why = "";
    nx_arena_reset(&c->arena);
    if (row->damaged) {
        return "it is not what was written";
    }
    if (nx_codec_unpack_up(row->payload, row->payload_len, &c->arena, &up,
                           &why) != NX_OK) {
        return why;
    }
    if (up.kind == NX_UP_HELLO) {
        c->hellos_n++;
        return row->results_n == 0 ? NULL : "a hello among the batches";
    }
    c->batches_n++;
    c->results_n += row->results_n;
    const struct nx_batch *batch = &up.u.batch;
    return batch->epoch == row->epoch &&
                   batch->first_seq + row->skip == row->first_seq &&
                   row->skip + (uint64_t)row->results_n <= batch->obs_n
               ? NULL
               : "its numbers are not those of its row";
}

static void check_message(void *user, const struct nx_store_batch *row) {
    struct log_check *c = user;
    const char *wrong = what_is_wrong(c, row);
    char at[NX_TIME_TEXT_MAX];
    if (wrong != NULL && row->results_n == 0) {
        nx_verify_wrong(c->v, "hello of agent %" PRIu32 ", received %s: %s",
                        row->agent_id, nx_time_text(row->received_us, at),
                        wrong);
    } else if (wrong != NULL) {
        nx_verify_wrong(c->v,
                        "message of agent %" PRIu32 ", epoch %016" PRIx64
                        ", results %" PRIu64 " to %" PRIu64 ", received %s: %s",
                        row->agent_id, row->epoch, row->first_seq,
                        row->first_seq + row->results_n - 1,
                        nx_time_text(row->received_us, at), wrong);
    }
}

int nx_verify_log(struct nx_verify *v) {
    struct log_check c = {.v = v};
    struct nx_store_mark mark = {0, 0};
    unsigned before_n = v->problems_n;
    static _Alignas(16) uint8_t memory[NX_UNPACK_ARENA_BYTES];
    int more = 1;
    nx_arena_init(&c.arena, memory, sizeof(memory));
    while (more == 1) {
        more = nx_store_log(v->store, &mark, 256, check_message, &c);
    }
    nx_verify_part(v, "log", before_n,
                   "%" PRIu64 " batches with %" PRIu64 " results, %" PRIu64
                   " hellos%s",
                   c.batches_n, c.results_n, c.hellos_n,
                   v->problems_n == before_n
                       ? ""
                       : "; what is damaged is left out of the status");
    return more;
}

/* --- the ledger --- */

struct ledger_check {
    struct nx_verify *v;
    struct nx_store_extent log;
    uint64_t streams_n;
};

static uint64_t settled_n(const struct nx_stream_position *p) {
    return nx_settled_count(p->acked_seq, &p->ahead, 1, NX_SEQ_MAX);
}

static const char *unbalanced(const struct ledger_check *c,
                              const struct nx_store_stream *s) {
    const struct nx_stream_position *p = &s->position;
    if (s->damaged) {
        return "the position is not what was written";
    }
    if (!s->known) {
        return "the log has results of it, and it is not known";
    }
    if (p->received_n + p->dropped_n != settled_n(p)) {
        return "received and reported lost are not what was acknowledged";
    }
    if (s->overlaps_n > 0) {
        return "results are in the log twice";
    }
    if (s->logged_n > p->received_n) {
        return "the log has more results than were received";
    }
    if (c->log.whole && s->logged_n < p->received_n) {
        return "results that were received are not in the log";
    }
    return s->last_seq != 0 && nx_settled_count(p->acked_seq, &p->ahead,
                                                s->last_seq, s->last_seq) != 1
               ? "the log has results that were not acknowledged"
               : NULL;
}

static void check_stream(void *user, const struct nx_store_stream *stream) {
    struct ledger_check *c = user;
    const char *wrong = unbalanced(c, stream);
    c->streams_n++;
    if (wrong != NULL) {
        nx_verify_wrong(c->v,
                        "agent %" PRIu32 ", epoch %016" PRIx64
                        ": %s (acknowledged %" PRIu64 ", received %" PRIu64
                        ", lost %" PRIu64 ", in the log %" PRIu64 ")",
                        stream->agent_id, stream->epoch, wrong,
                        stream->position.acked_seq, stream->position.received_n,
                        stream->position.dropped_n, stream->logged_n);
    }
}

int nx_verify_ledger(struct nx_verify *v) {
    struct ledger_check c = {.v = v};
    unsigned before_n = v->problems_n;
    uint64_t missing_n = 0;
    int err = nx_store_log_extent(v->store, &c.log);
    if (err == NX_OK) {
        err = nx_store_log_missing(v->store, &missing_n);
    }
    if (missing_n > 0) {
        nx_verify_wrong(v, "%" PRIu64 " batches are not in the log any more",
                        missing_n);
    }
    if (err == NX_OK) {
        err = nx_store_streams(v->store, check_stream, &c);
    }
    nx_verify_part(v, "ledger", before_n, "%" PRIu64 " streams of agents",
                   c.streams_n);
    return err;
}

/* --- targets --- */

struct target_check {
    struct nx_verify *v;
    struct nx_engine *engine;
    int err;
    int64_t from_us, last_us;
    uint64_t targets_n;
};

static void add_agent(void *user, const struct nx_agent_record *record) {
    struct target_check *c = user;
    if (c->err == NX_OK && nx_agent_ever_accepted(record)) {
        c->err = nx_engine_agent_set(c->engine, &record->agent);
    }
}

static void add_resolver(void *user, const struct nx_book_row *row) {
    struct target_check *c = user;
    int err = nx_engine_resolver_put(c->engine, row);
    c->err = c->err == NX_OK ? err : c->err;
}

static void add_incident(void *user, const struct nx_incident *incident) {
    struct target_check *c = user;
    if (c->err != NX_OK || incident->closed_us != NX_TIME_UNKNOWN) {
        return;
    }
    c->err = nx_engine_incident_open(c->engine, incident);
    int64_t from_us = nx_incident_needs_from(incident);
    c->from_us = from_us < c->from_us ? from_us : c->from_us;
}

/* Of silence the log says nothing: idle agents are heard without it. */
static void check_target(void *user, const struct nx_target_past *past) {
    struct target_check *c = user;
    unsigned state = NX_STATE_UNKNOWN;
    int64_t at_us =
        past->changed_us > c->last_us ? past->changed_us : c->last_us;
    c->targets_n++;
    if (past->state == NX_STATE_UNKNOWN ||
        nx_engine_state_at(c->engine, past, at_us, &state) != NX_OK ||
        state == NX_STATE_UNKNOWN || state == past->state) {
        return;
    }
    char resolver[NX_ENDPOINT_TEXT_MAX];
    nx_verify_wrong(c->v,
                    "incident %" PRIu32 ", agent %" PRIu32
                    ", resolver %s: the table says %s, the log %s",
                    past->incident_id, past->agent_id,
                    nx_endpoint_text(&past->question.to, resolver),
                    nx_state_text(past->state), nx_state_text(state));
}

/* What a start loads before the log. */
static int load(struct nx_verify *v, struct target_check *c, int64_t now_us) {
    struct nx_ns_book_loading zones = {nx_engine_ns_book(c->engine), NX_OK};
    int err = nx_store_agents(v->store, add_agent, c);
    if (err == NX_OK) {
        err = nx_store_resolvers(v->store, now_us, add_resolver, c);
    }
    if (err == NX_OK) {
        err = nx_store_zones(v->store, now_us, nx_ns_book_load, &zones);
        err = err == NX_OK ? zones.err : err;
    }
    if (err == NX_OK) {
        err = nx_store_incidents(v->store, add_incident, c);
    }
    return err == NX_OK ? c->err : err;
}

static int fold_and_compare(struct nx_verify *v, struct target_check *c) {
    struct nx_refold log = {.store = v->store,
                            .engine = c->engine,
                            .every_us = v->conf->engine.evaluate_every_us};
    int err = nx_verify_now(v, &log.now_us);
    if (err == NX_OK) {
        err = load(v, c, log.now_us);
    }
    log.from_us = c->from_us;
    if (err == NX_OK) {
        err = nx_refold(&log);
    }
    c->last_us = log.last_us;
    if (log.strangers_n > 0 && v->lost_n == 0) {
        nx_verify_wrong(v,
                        "%" PRIu64 " messages of the log are of agents that "
                        "are not known, and left out of the status",
                        log.strangers_n);
    }
    return err == NX_OK ? nx_store_targets(v->store, check_target, c) : err;
}

struct nx_engine_settings nx_verify_settings(const struct nx_verify *v) {
    struct nx_engine_settings settings = v->conf->engine;
    settings.presence = false;
    settings.canary.on = false;
    return settings;
}

int nx_verify_targets(struct nx_verify *v) {
    struct target_check c = {.v = v, .from_us = INT64_MAX};
    const struct nx_engine_settings settings = nx_verify_settings(v);
    unsigned before_n = v->problems_n;
    int err = nx_engine_new(&settings, &c.engine);
    if (err == NX_OK) {
        err = fold_and_compare(v, &c);
    }
    nx_engine_free(&c.engine);
    nx_verify_part(v, "targets", before_n, "%" PRIu64 " of open incidents%s",
                   c.targets_n,
                   v->problems_n == before_n
                       ? ""
                       : "; a collector that starts puts them right, or "
                         "nxclear-collector --rebuild");
    return err;
}

/* --- all --- */

static int look(struct nx_verify *v) {
    bool pages = nx_verify_pages(v);
    int err = check_rows(v, NX_STORE_ROWS_TRUSTED, "rows",
                         "agents, streams, incidents, resolvers, who is let in",
                         "; no start until nxclear-collector(8) is followed");
    if (err == NX_OK) {
        err = check_rows(v, NX_STORE_ROWS_TOLD, "history",
                         "closed incidents, changes, forecasts, alerts, the "
                         "audit log",
                         "; these are not shown, nor anything made of them: "
                         "nxclear-collector(8)");
    }
    if (!pages) {
        return NX_OK; /* it is said */
    }
    if (err == NX_OK) {
        err = nx_verify_log(v);
    }
    if (err == NX_OK) {
        err = nx_verify_ledger(v);
    }
    return err == NX_OK ? nx_verify_targets(v) : err;
}

int nx_verify(const struct nx_collector_conf *conf, FILE *out,
              unsigned *problems_n, char *why, size_t why_cap) {
    const struct nx_store_options options = {.read_only = true};
    struct nx_verify v = {.conf = conf, .out = out};
    int err = nx_store_open(conf->store_path, &options, &v.store, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    err = nx_store_snapshot(v.store);
    if (err == NX_OK) {
        err = look(&v);
    }
    if (err != NX_OK) {
        nx_verify_wrong(&v, "%s", nx_store_reason(v.store, err));
    }
    nx_store_rollback(v.store);
    nx_store_close(&v.store);
    fprintf(out, "%s: %s\n", conf->store_path,
            v.problems_n == 0 ? "ok" : "NOT OK");
    *problems_n = v.problems_n;
    return NX_OK;
}
