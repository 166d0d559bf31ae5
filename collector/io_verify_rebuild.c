/* --rebuild: time passes in the log again, and what the engine tells goes where
 * it went then. */
#include <inttypes.h>
#include <stdlib.h>

#include "collector/io_service_priv.h"
#include "collector/io_verify_priv.h"
#include "common/io_clock.h"

#define TICKS_AFTER 200U

struct rebuild {
    struct nx_verify *v;
    struct nx_engine *engine;
    struct nx_incident *incidents; /* to be rebuilt, by the time they opened */
    size_t n, cap;
    size_t opened_n;
    bool whole;
    int64_t log_from_us;
    int err; /* the first one */
    uint64_t told_n, left_n;
};

static void keep(struct rebuild *r, int err) {
    r->err = r->err == NX_OK ? err : r->err;
}

static void add_agent(void *user, const struct nx_agent_record *record) {
    struct rebuild *r = user;
    keep(r, nx_engine_agent_set(r->engine, &record->agent));
}

static void add_incident(void *user, const struct nx_incident *incident) {
    struct rebuild *r = user;
    if (!r->whole && incident->opened_us < r->log_from_us) {
        r->left_n++; /* what it knew is more than what is left */
        return;
    }
    if (r->n == r->cap) {
        size_t cap = r->cap == 0 ? 16 : 2 * r->cap;
        struct nx_incident *grown = realloc(r->incidents, cap * sizeof(*grown));
        if (grown == NULL) {
            keep(r, NX_ENOMEM);
            return;
        }
        r->incidents = grown;
        r->cap = cap;
    }
    r->incidents[r->n++] = *incident;
}

static int by_opening(const void *a, const void *b) {
    const struct nx_incident *x = a;
    const struct nx_incident *y = b;
    return (x->opened_us > y->opened_us) - (x->opened_us < y->opened_us);
}

/* What was opened and closed by then. */
static void pass(void *user, int64_t at_us) {
    struct rebuild *r = user;
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

static void on_transition(void *user, uint32_t incident_id, uint32_t agent_id,
                          const struct nx_question *question, int64_t at_us,
                          unsigned from_state, const struct nx_verdict *verdict,
                          int64_t since_us) {
    struct rebuild *r = user;
    (void)from_state;
    r->told_n++;
    keep(r, nx_score_target_told(r->v->store, incident_id, agent_id, question,
                                 verdict, since_us, at_us));
}

static void on_authority(void *user, uint32_t incident_id, unsigned item,
                         const struct nx_auth_facts *facts, int64_t at_us) {
    struct rebuild *r = user;
    keep(r,
         nx_store_authority_put(r->v->store, incident_id, item, facts, at_us));
}

static int gather(struct rebuild *r) {
    int err = nx_store_log_begin(r->v->store, &r->whole, &r->log_from_us);
    if (err == NX_OK) {
        err = nx_store_agents(r->v->store, add_agent, r);
    }
    if (err == NX_OK) {
        err = nx_store_incidents(r->v->store, add_incident, r);
    }
    if (err == NX_OK) {
        err = r->err;
    }
    if (err == NX_OK && r->n > 0) {
        qsort(r->incidents, r->n, sizeof(*r->incidents), by_opening);
    }
    for (size_t i = 0; err == NX_OK && i < r->n; i++) {
        err = nx_store_derived_drop(r->v->store, r->incidents[i].id);
    }
    return err;
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
                            .now_us = nx_clock_wall_us(),
                            .every_us = r->v->conf->engine.evaluate_every_us,
                            .sink = &sink,
                            .pass = pass,
                            .user = r};
    int err = gather(r);
    if (err == NX_OK && r->n > 0) {
        log.from_us = nx_incident_needs_from(&r->incidents[0]);
        err = nx_refold(&log);
    }
    if (err == NX_OK && r->n > 0 && log.last_us != NX_TIME_UNKNOWN) {
        end(r, &log);
    }
    return err == NX_OK ? r->err : err;
}

static int rebuild(struct nx_verify *v) {
    struct rebuild r = {.v = v};
    const struct nx_engine_settings settings = nx_verify_settings(v);
    if (!nx_verify_pages(v)) {
        return NX_OK; /* it is said */
    }
    int err = nx_engine_new(&settings, &r.engine);
    if (err == NX_OK) {
        err = make(&r);
    }
    if (err == NX_OK) {
        fprintf(v->out,
                "rebuilt  %zu incidents, %" PRIu64 " verdicts told; %" PRIu64
                " incidents left as they are: their log is not all there\n",
                r.n, r.told_n, r.left_n);
        err = nx_verify_targets(v);
    }
    nx_engine_free(&r.engine);
    free(r.incidents);
    return err;
}

int nx_rebuild(const struct nx_collector_conf *conf, FILE *out,
               unsigned *problems_n, char *why, size_t why_cap) {
    const struct nx_store_options options = {.check = false};
    struct nx_verify v = {.conf = conf, .out = out};
    int err = nx_store_open(conf->store_path, &options, &v.store, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    err = nx_store_begin(v.store);
    if (err == NX_OK) {
        err = rebuild(&v);
    }
    if (err == NX_OK && v.problems_n == 0) {
        err = nx_store_commit(v.store);
    }
    if (err != NX_OK) {
        const char *problem = nx_store_problem(v.store);
        nx_verify_wrong(&v, "%s",
                        problem[0] != '\0' ? problem : nx_strerror(err));
    }
    nx_store_rollback(v.store);
    nx_store_close(&v.store);
    fprintf(out, "%s: %s\n", conf->store_path,
            v.problems_n == 0 ? "rebuilt" : "NOT rebuilt, all is as it was");
    *problems_n = v.problems_n;
    return NX_OK;
}
