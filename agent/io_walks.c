#include "agent/io_walks.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plan/witness.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define BUSY_WAIT_US 20000 /* the prober is full */

_Static_assert(NX_GUARD_WORDS_MAX >= NX_WALKS_MAX * (NX_WALK_TYPES_MAX + 1U),
               "the guard must hold what the walks deny: types and name");

_Static_assert(NX_WALK_LEFT_MAX >= NX_WALKS_LEFT_MAX + NX_DENIERS_MAX,
               "who left and who denied is asked");

_Static_assert(NX_WITNESS_TYPES_MAX >= NX_WALK_TYPES_MAX,
               "what the walks ask is heard");

struct job {
    struct job *next;
    struct nx_walks *walks;
    struct nx_walk *walk;
    struct event *on_wait;
    struct nx_walk_query query; /* taken from the walk, not sent yet */
    bool have_query;
    bool dead; /* forgotten; freed with its last query */
    unsigned inflight;
    bool round_open; /* its end has not been judged */
    uint64_t audit;  /* what the last one was wanted for */
    struct nx_witness witness;
    uint8_t name[NX_DNAME_MAX];
};

struct nx_walks {
    struct event_base *base;
    struct nx_prober *prober;
    struct nx_ratelimit *limit;
    struct nx_walks_settings settings;
    struct nx_walks_handler handler;
    struct job *jobs;
    size_t jobs_n; /* not dead */
    struct flight *flights;
};

/* A query under way. */
struct flight {
    struct flight *next;
    struct job *job;
    uint32_t id;
    bool observe;
    bool left;
};

static void pump(struct job *job);

/* --- jobs --- */

static void on_wait(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    pump(arg);
}

static void job_free(struct job *job) {
    nx_walk_free(&job->walk);
    if (job->on_wait != NULL) {
        event_free(job->on_wait);
    }
    free(job);
}

static void remove_job(struct job *job) {
    struct job **at = &job->walks->jobs;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    job_free(job);
}

static struct job *job_new(struct nx_walks *walks, const uint8_t *name) {
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return NULL;
    }
    job->walks = walks;
    memcpy(job->name, name, nx_dname_len(name));
    job->on_wait = evtimer_new(walks->base, on_wait, job);
    if (job->on_wait == NULL ||
        nx_walk_new(walks->settings.hints, name, &job->walk) != NX_OK) {
        job_free(job);
        return NULL;
    }
    job->next = walks->jobs;
    walks->jobs = job;
    walks->jobs_n++;
    return job;
}

static struct job *find_job(const struct nx_walks *walks, const uint8_t *name) {
    struct job *job = walks->jobs;
    while (job != NULL && (job->dead || !nx_dname_equal(job->name, name))) {
        job = job->next;
    }
    return job;
}

static void tell(void *user, uint16_t qtype, enum nx_guard_word word) {
    const struct job *job = user;
    job->walks->handler.own(job->walks->handler.user, job->name, qtype, word,
                            job->witness.begun_us);
}

/* --- queries --- */

static void report_delegation(struct job *job) {
    struct nx_delegation delegation;
    if (nx_walk_delegation(job->walk, &delegation)) {
        job->walks->handler.delegation(job->walks->handler.user, &delegation);
    }
}

static void give_result(struct job *job, uint32_t id, const struct nx_obs *obs,
                        const uint8_t *msg, size_t msg_len) {
    nx_walk_result(job->walk, id, obs, msg, msg_len, nx_clock_mono_us());
    report_delegation(job);
}

static struct flight *flight_new(struct job *job) {
    struct flight *flight = malloc(sizeof(*flight));
    if (flight != NULL) {
        *flight = (struct flight){job->walks->flights, job, job->query.id,
                                  job->query.observe, job->query.left};
        job->walks->flights = flight;
    }
    return flight;
}

static void flight_free(struct nx_walks *walks, struct flight *flight) {
    struct flight **at = &walks->flights;
    while (*at != flight) {
        at = &(*at)->next;
    }
    *at = flight->next;
    free(flight);
}

static bool is_own_question(const struct job *job,
                            const struct nx_question *q) {
    bool own = false;
    for (size_t i = 0; i < job->witness.types_n; i++) {
        own = own || job->witness.types[i].qtype == q->qtype;
    }
    return own && nx_dname_equal(q->name, job->name);
}

static void hear(struct job *job, const struct nx_obs *obs, bool left) {
    const struct nx_question *q = obs->question;
    if (q->qtype == NX_TYPE_DS && !is_own_question(job, q) &&
        nx_walk_has(job->walk, &q->to)) {
        return;
    }
    nx_witness_hear(&job->witness, job->name, obs, nx_walk_apex(job->walk),
                    left, tell, job);
}

/* A name server that may not be asked from here (allow_private): for the guard
 * it is one that does not answer. */
static void hear_nothing(struct job *job) {
    static const struct nx_answer silence = {.outcome = NX_TIMEOUT};
    struct nx_question question;
    const struct nx_obs obs = {.question = &question, .answer = &silence};
    nx_walk_question(&job->query, &question);
    hear(job, &obs, job->query.left);
}

static void on_result(void *user, const struct nx_probe_result *result) {
    struct flight *flight = user;
    struct job *job = flight->job;
    const uint32_t id = flight->id;
    const bool observe = flight->observe;
    const bool left = flight->left;
    flight_free(job->walks, flight);
    job->inflight--;
    if (result->repeated) {
        nx_ratelimit_charge(job->walks->limit, &result->obs.question->to,
                            nx_clock_mono_us());
    }
    if (job->dead) {
        if (job->inflight == 0) {
            remove_job(job);
        }
        return;
    }
    if (observe) {
        job->walks->handler.observed(job->walks->handler.user, &result->obs);
        hear(job, &result->obs, left);
    }
    give_result(job, id, &result->obs, result->msg, result->msg_len);
    pump(job);
}

/* 0 when it is under way, else how long to wait. */
static int64_t try_send(struct job *job) {
    struct nx_walks *walks = job->walks;
    int64_t wait_us = 0;
    if (nx_probe_inflight(walks->prober) >= walks->settings.inflight_max) {
        return BUSY_WAIT_US;
    }
    if (nx_ratelimit_take(walks->limit, &job->query.to,
                          &walks->settings.server_rate, nx_clock_mono_us(),
                          &wait_us) != NX_RATE_GO) {
        return wait_us;
    }
    struct flight *flight = flight_new(job);
    if (flight == NULL) {
        return BUSY_WAIT_US;
    }
    struct nx_question question;
    nx_walk_question(&job->query, &question);
    if (nx_probe_send(walks->prober, &question, walks->settings.timeout_ms,
                      on_result, flight) != NX_OK) {
        flight_free(walks, flight);
        return BUSY_WAIT_US;
    }
    job->inflight++;
    return 0;
}

/* The delegation is known when the first observed query is: report it first. */
static bool next_query(struct job *job) {
    bool more = nx_walk_next(job->walk, &job->query);
    report_delegation(job);
    return more;
}

/* Sends as much as walk, buckets and prober give. */
static void pump(struct job *job) {
    const struct nx_walks *walks = job->walks;
    while (job->have_query || next_query(job)) {
        job->have_query = true;
        if (!walks->settings.allow_private &&
            nx_endpoint_is_private(&job->query.to)) {
            job->have_query = false;
            if (job->query.observe) {
                hear_nothing(job);
            }
            give_result(job, job->query.id, NULL, NULL, 0);
            continue;
        }
        int64_t wait_us = try_send(job);
        if (wait_us > 0) {
            const struct timeval tv = {wait_us / 1000000, wait_us % 1000000};
            (void)evtimer_add(job->on_wait, &tv);
            return;
        }
        job->have_query = false;
    }
    if (job->round_open && !nx_walk_busy(job->walk)) {
        const struct nx_witness_walk walk = {
            .arrived = nx_walk_arrived(job->walk),
            .unasked_n = nx_walk_unasked(job->walk)};
        nx_witness_end(&job->witness, &walk, tell, job);
        job->round_open = false;
    }
}

/* --- the plan's wishes --- */

static bool matters(const void *user, const struct nx_endpoint *at) {
    return nx_walk_lists(user, at);
}

/* Beside the servers that left those of zones above that denied the name: the
 * walk itself meets one of them by chance. */
static void set_left(struct job *job, const struct nx_endpoint *left,
                     size_t n) {
    struct nx_endpoint all[NX_WALK_LEFT_MAX];
    n = n < NX_WALKS_LEFT_MAX ? n : NX_WALKS_LEFT_MAX;
    for (size_t i = 0; i < n; i++) {
        all[i] = left[i];
    }
    n += nx_witness_deniers(&job->witness, matters, job->walk, all + n,
                            NX_WALK_LEFT_MAX - n);
    nx_walk_set_left(job->walk, all, n);
}

int nx_walks_round(struct nx_walks *walks, const uint8_t *name,
                   const uint16_t *types, size_t types_n,
                   const struct nx_endpoint *left, size_t left_n,
                   uint64_t audit) {
    struct job *job = find_job(walks, name);
    if (job == NULL && walks->jobs_n >= NX_WALKS_MAX) {
        return NX_ELIMIT;
    }
    job = job != NULL ? job : job_new(walks, name);
    if (job == NULL) {
        return NX_ENOMEM;
    }
    if (nx_walk_busy(job->walk) || job->have_query) {
        return NX_EAGAIN;
    }
    types_n = types_n < NX_WALK_TYPES_MAX ? types_n : NX_WALK_TYPES_MAX;
    const int64_t now_us = nx_clock_mono_us();
    nx_witness_begin(&job->witness, types, types_n, now_us, tell, job);
    set_left(job, left, left_n);
    if (job->audit != audit) { /* whoever asks wants to know it, too */
        job->audit = audit;
        nx_walk_set_audit(job->walk, walks->settings.audit);
    }
    int err = nx_walk_start(job->walk, types, types_n, now_us);
    if (err == NX_OK) {
        job->round_open = true;
        report_delegation(job);
        pump(job);
    }
    return err;
}

static void retire(struct job *job) {
    job->walks->jobs_n--;
    job->dead = true;
    (void)evtimer_del(job->on_wait);
    if (job->inflight == 0) {
        remove_job(job);
    }
}

static void forget(struct job *job) {
    nx_witness_forget(&job->witness, tell, job);
    retire(job);
}

/* A new walk in place of the old one, which ends without a word: what it saw
 * denied stays denied (rule 1) until the new one knows better. */
static void renew(struct job *job) {
    struct job *fresh = job_new(job->walks, job->name);
    if (fresh != NULL) {
        fresh->witness = job->witness;
        if (fresh->witness.deniers.n > 0) {
            nx_walk_doubt(fresh->walk);
        }
    }
    retire(job);
}

void nx_walks_keep(struct nx_walks *walks, const struct nx_planner *planner) {
    struct job *next = NULL;
    for (struct job *job = walks->jobs; job != NULL; job = next) {
        uint16_t type = 0;
        next = job->next;
        if (job->dead) {
            continue;
        }
        if (planner == NULL ||
            nx_planner_authority_types(planner, job->name, &type, 1) == 0) {
            forget(job);
        }
    }
}

void nx_walks_reload(struct nx_walks *walks,
                     const struct nx_walks_settings *settings) {
    struct job *next = NULL;
    walks->settings = *settings;
    for (struct job *job = walks->jobs; job != NULL; job = next) {
        next = job->next;
        if (!job->dead) {
            renew(job);
        }
    }
}

int nx_walks_new(struct event_base *base, struct nx_prober *prober,
                 struct nx_ratelimit *limit,
                 const struct nx_walks_settings *settings,
                 const struct nx_walks_handler *handler,
                 struct nx_walks **out) {
    struct nx_walks *walks = calloc(1, sizeof(*walks));
    if (walks == NULL) {
        return NX_ENOMEM;
    }
    walks->base = base;
    walks->prober = prober;
    walks->limit = limit;
    walks->settings = *settings;
    walks->handler = *handler;
    *out = walks;
    return NX_OK;
}

void nx_walks_free(struct nx_walks **out) {
    struct nx_walks *walks = *out;
    if (walks != NULL) {
        while (walks->flights != NULL) {
            flight_free(walks, walks->flights);
        }
        while (walks->jobs != NULL) {
            remove_job(walks->jobs);
        }
        free(walks);
        *out = NULL;
    }
}
