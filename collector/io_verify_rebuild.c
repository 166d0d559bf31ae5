/* --rebuild: time passes in the log again, and what the engine tells goes where
 * it went then. */
#include <inttypes.h>
#include <stdlib.h>

#include "collector/engine/ns_book.h"
#include "collector/io_service_priv.h"
#include "collector/io_verify_priv.h"
#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_zones.h"

#define TICKS_AFTER 200U

/* An agent that was taken back at some time, and spoke before. */
struct taken_back {
    struct nx_agent agent;
    int64_t at_us;
};

struct rebuild {
    struct nx_verify *v;
    bool without; /* what cannot be had again is lost, no problem */
    struct nx_engine *engine;
    struct nx_incident *incidents; /* to be rebuilt, by the time they opened */
    size_t n, cap;
    size_t opened_n;
    struct taken_back *back;
    size_t back_n, back_cap;
    /* Of earlier incidents the log does not tell all. */
    int64_t from_us;
    struct nx_profile_mark profiles; /* of resolvers, read so far */
    struct nx_book_row page[NX_RESOLVERS_PAGE];
    size_t page_n, page_done;
    bool profiles_over;
    int err; /* the first one */
    uint64_t told_n, left_n, dropped_n;
};

static void keep(struct rebuild *r, int err) {
    r->err = r->err == NX_OK ? err : r->err;
}

/* Room for one more; NULL: none, or something failed before. */
static void *grow(struct rebuild *r, void *at, size_t n, size_t *cap,
                  size_t size) {
    size_t wanted = *cap == 0 ? 16 : 2 * *cap;
    if (r->err != NX_OK || n < *cap) {
        return r->err == NX_OK ? at : NULL;
    }
    void *grown = realloc(at, wanted * size);
    if (grown == NULL) {
        keep(r, NX_ENOMEM);
        return NULL;
    }
    *cap = wanted;
    return grown;
}

/* What an agent that was accepted again had been before is not stored. */
static void note_again(struct rebuild *r,
                       const struct nx_agent_record *record) {
    int heard = nx_store_heard_before(r->v->store, record->agent.id,
                                      record->changed_us);
    if (heard < 0) {
        keep(r, heard);
    } else if (heard > 0 && record->changed_us > r->from_us) {
        r->from_us = record->changed_us;
    }
}

static void note_back(struct rebuild *r, const struct nx_agent_record *record) {
    struct taken_back *grown =
        grow(r, r->back, r->back_n, &r->back_cap, sizeof(*grown));
    if (grown != NULL) {
        r->back = grown;
        r->back[r->back_n++] =
            (struct taken_back){record->agent, record->changed_us};
    }
}

/* One that is not accepted any more had been until then. */
static void add_agent(void *user, const struct nx_agent_record *record) {
    struct rebuild *r = user;
    struct nx_agent agent = record->agent;
    if (!nx_agent_ever_accepted(record)) {
        return;
    }
    if (record->state == NX_AGENT_ACCEPTED) {
        note_again(r, record);
    } else if (!agent.accepted) {
        note_back(r, record);
    }
    agent.accepted = true;
    keep(r, nx_engine_agent_set(r->engine, &agent));
}

static void add_incident(void *user, const struct nx_incident *incident) {
    struct rebuild *r = user;
    if (incident->opened_us < r->from_us) {
        r->left_n++; /* what it knew is more than what is left */
        return;
    }
    struct nx_incident *grown =
        grow(r, r->incidents, r->n, &r->cap, sizeof(*grown));
    if (grown != NULL) {
        r->incidents = grown;
        r->incidents[r->n++] = *incident;
    }
}

static int by_opening(const void *a, const void *b) {
    const struct nx_incident *x = a;
    const struct nx_incident *y = b;
    return (x->opened_us > y->opened_us) - (x->opened_us < y->opened_us);
}

/* --- what happened beside the log --- */

static void see_resolver(void *user, const struct nx_book_row *row) {
    struct rebuild *r = user;
    r->page[r->page_n++] = *row;
}

/* False: that was all. */
static bool next_page(struct rebuild *r) {
    int n = 1;
    r->page_n = r->page_done = 0;
    while (n > 0 && r->page_n == 0 && !r->profiles_over) {
        n = nx_store_resolvers_past(r->v->store, r->incidents[0].opened_us,
                                    INT64_MAX, &r->profiles, see_resolver, r);
        keep(r, n < 0 ? n : NX_OK);
        r->profiles_over = n <= 0;
    }
    return r->page_n > 0;
}

/* What was measured until then; what there is no room for was not known then,
 * either. */
static void measure(struct rebuild *r, int64_t at_us) {
    while ((r->page_done < r->page_n || next_page(r)) &&
           r->page[r->page_done].measured_us <= at_us) {
        int err = nx_engine_resolver_put(r->engine, &r->page[r->page_done++]);
        keep(r, err == NX_ELIMIT ? NX_OK : err);
    }
}

static void take_back(struct rebuild *r, int64_t at_us) {
    for (size_t i = 0; i < r->back_n; i++) {
        if (r->back[i].at_us <= at_us) {
            keep(r, nx_engine_agent_set(r->engine, &r->back[i].agent));
            r->back[i--] = r->back[--r->back_n];
        }
    }
}

static void open_and_close(struct rebuild *r, int64_t at_us) {
    while (r->opened_n < r->n && r->incidents[r->opened_n].opened_us <= at_us) {
        struct nx_incident incident = r->incidents[r->opened_n++];
        incident.closed_us = NX_TIME_UNKNOWN;
        keep(r, nx_engine_incident_open(r->engine, &incident));
    }
    for (size_t i = 0; i < r->opened_n; i++) {
        const struct nx_incident *known =
            nx_engine_incident(r->engine, r->incidents[i].id);
        int64_t closed_us = r->incidents[i].closed_us;
        if (known != NULL && known->closed_us == NX_TIME_UNKNOWN &&
            closed_us != NX_TIME_UNKNOWN && closed_us <= at_us) {
            keep(r, nx_engine_incident_close(r->engine, r->incidents[i].id,
                                             closed_us));
        }
    }
}

static void pass(void *user, int64_t at_us) {
    struct rebuild *r = user;
    measure(r, at_us);
    take_back(r, at_us);
    open_and_close(r, at_us);
}

/* A server that was known at the first opening, as it was then: later sightings
 * come from the log. */
static void see_server(void *user, const uint8_t *apex,
                       const struct nx_ns_server *server) {
    struct rebuild *r = user;
    struct nx_ns_server then = *server;
    int64_t at_us = r->incidents[0].opened_us;
    if (server->since_us > at_us) {
        return;
    }
    then.seen_us = server->seen_us < at_us ? server->seen_us : at_us;
    then.gone_us = server->gone_us > at_us ? NX_TIME_UNKNOWN : server->gone_us;
    if (then.until_us > then.seen_us + NX_NS_BOOK_KEPT_US) {
        then.until_us = then.seen_us + NX_NS_BOOK_KEPT_US;
    }
    struct nx_ns_book_loading l = {nx_engine_ns_book(r->engine), NX_OK};
    nx_ns_book_load(&l, apex, &then);
    keep(r, l.err);
}

/* --- what is told --- */

/* An error may have ended the transaction: nothing more may be written. */
static void on_transition(void *user, uint32_t incident_id, uint32_t agent_id,
                          const struct nx_question *question, int64_t at_us,
                          unsigned from_state, const struct nx_verdict *verdict,
                          int64_t since_us) {
    struct rebuild *r = user;
    (void)from_state;
    if (r->err != NX_OK) {
        return;
    }
    r->told_n++;
    keep(r, nx_score_target_told(r->v->store, incident_id, agent_id, question,
                                 verdict, since_us, at_us));
}

static void on_authority(void *user, uint32_t incident_id, unsigned item,
                         const struct nx_auth_facts *facts, int64_t at_us) {
    struct rebuild *r = user;
    if (r->err == NX_OK) {
        keep(r, nx_store_authority_put(r->v->store, incident_id, item, facts,
                                       at_us));
    }
}

/* --- all --- */

static int gather(struct rebuild *r, int64_t now_us) {
    struct nx_store_extent log;
    int err = nx_store_log_extent(r->v->store, &log);
    if (err != NX_OK) {
        return err;
    }
    r->from_us = log.whole ? INT64_MIN : log.from_us;
    err = nx_store_agents(r->v->store, add_agent, r);
    if (err == NX_OK) {
        err = nx_store_incidents(r->v->store, add_incident, r);
    }
    if (err == NX_OK) {
        err = nx_store_damaged_drop(r->v->store, &r->dropped_n);
    }
    if (err != NX_OK || r->err != NX_OK || r->n == 0) {
        return err != NX_OK ? err : r->err;
    }
    qsort(r->incidents, r->n, sizeof(*r->incidents), by_opening);
    r->profiles.measured_us = r->incidents[0].opened_us - NX_PROFILE_AGED_US;
    err = nx_store_zones(r->v->store, now_us, see_server, r);
    for (size_t i = 0; err == NX_OK && i < r->n; i++) {
        err = nx_store_derived_drop(r->v->store, r->incidents[i].id);
    }
    return err == NX_OK ? r->err : err;
}

/* So that all targets are judged after the last message, however many. */
static void end(struct rebuild *r, const struct nx_refold *log) {
    for (unsigned i = 1; i <= TICKS_AFTER; i++) {
        int64_t at_us = log->last_us + log->every_us * i;
        at_us = at_us < log->now_us ? at_us : log->now_us;
        pass(r, at_us);
        nx_engine_tick(r->engine, at_us, log->sink);
    }
}

static int make(struct rebuild *r) {
    const struct nx_engine_sink sink = {
        .user = r, .transition = on_transition, .authority = on_authority};
    struct nx_refold log = {.store = r->v->store,
                            .engine = r->engine,
                            .from_us = INT64_MIN,
                            .every_us = r->v->conf->engine.evaluate_every_us,
                            .sink = &sink,
                            .pass = pass,
                            .user = r};
    int err = nx_verify_now(r->v, &log.now_us);
    if (err == NX_OK) {
        err = gather(r, log.now_us);
    }
    if (err != NX_OK || r->n == 0) {
        return err;
    }
    log.from_us = nx_incident_needs_from(&r->incidents[0]);
    err = nx_refold(&log);
    if (err == NX_OK && log.last_us != NX_TIME_UNKNOWN) {
        end(r, &log);
    }
    if (log.damaged_n > 0 && r->v->lost_n == 0) {
        nx_verify_wrong(r->v, "%" PRIu64 " messages of the log are damaged",
                        log.damaged_n);
    }
    if (log.strangers_n > 0) { /* what they led to would be gone */
        r->v->without = r->without;
        nx_verify_wrong(r->v,
                        "%" PRIu64 " messages of the log are of agents that "
                        "are not known",
                        log.strangers_n);
        r->v->without = false;
    }
    if (log.ahead_n > 0) {
        nx_verify_wrong(r->v,
                        "%" PRIu64 " messages of the log were received later "
                        "than now: is the clock right?",
                        log.ahead_n);
    }
    return err == NX_OK ? r->err : err;
}

/* Good tables are not made anew from a log that lacks something. */
static int look_first(struct nx_verify *v, bool without_damaged) {
    if (!nx_verify_pages(v)) {
        return NX_OK; /* it is said */
    }
    v->without = without_damaged;
    int err = nx_verify_log(v);
    if (err == NX_OK) {
        err = nx_verify_ledger(v);
    }
    v->without = false;
    if (v->problems_n > 0) {
        fputs("         --rebuild --without-damaged goes on with what is "
              "left\n",
              v->out);
    }
    return err;
}

static int report(const struct rebuild *r) {
    fprintf(r->v->out,
            "rebuilt  %zu incidents, %" PRIu64 " verdicts told; %" PRIu64
            " incidents left as they are: their log is not all there, or it is "
            "not known what an agent was then\n",
            r->n, r->told_n, r->left_n);
    if (r->dropped_n > 0) {
        fprintf(r->v->out,
                "deleted  %" PRIu64 " damaged forecasts of whole networks: "
                "nothing makes them anew\n",
                r->dropped_n);
    }
    return nx_verify_targets(r->v);
}

static int rebuild(struct nx_verify *v, bool without_damaged) {
    struct rebuild r = {.v = v, .without = without_damaged};
    const struct nx_engine_settings settings = nx_verify_settings(v);
    int err = look_first(v, without_damaged);
    if (err != NX_OK || v->problems_n > 0) {
        return err;
    }
    err = nx_engine_new(&settings, &r.engine);
    if (err == NX_OK) {
        err = make(&r);
    }
    if (err == NX_OK && v->problems_n == 0) {
        err = report(&r);
    }
    nx_engine_free(&r.engine);
    free(r.incidents);
    free(r.back);
    return err;
}

static int rebuild_store(const struct nx_collector_conf *conf,
                         bool without_damaged, FILE *out, unsigned *problems_n,
                         char *why, size_t why_cap) {
    const struct nx_store_options options = {.existing = true};
    struct nx_verify v = {.conf = conf, .out = out};
    int err = nx_store_open(conf->store_path, &options, &v.store, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    err = nx_store_begin(v.store);
    if (err == NX_OK) {
        err = rebuild(&v, without_damaged);
    }
    if (err == NX_OK && v.problems_n == 0) {
        err = nx_store_commit(v.store);
    }
    if (err != NX_OK) {
        nx_verify_wrong(&v, "%s", nx_store_reason(v.store, err));
    }
    nx_store_rollback(v.store);
    nx_store_close(&v.store);
    fprintf(out, "%s: %s\n", conf->store_path,
            v.problems_n > 0 ? "NOT rebuilt, all is as it was"
            : v.lost_n > 0   ? "rebuilt, without what is lost"
                             : "rebuilt");
    *problems_n = v.problems_n;
    return NX_OK;
}

int nx_rebuild(const struct nx_collector_conf *conf, FILE *out,
               unsigned *problems_n, char *why, size_t why_cap) {
    return rebuild_store(conf, false, out, problems_n, why, why_cap);
}

int nx_rebuild_without_damaged(const struct nx_collector_conf *conf, FILE *out,
                               unsigned *problems_n, char *why,
                               size_t why_cap) {
    return rebuild_store(conf, true, out, problems_n, why, why_cap);
}
