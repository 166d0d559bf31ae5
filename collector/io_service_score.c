/* Forecasts that were shown meet what happened: scores and lessons. */
#include "collector/io_service_priv.h"

#include <stdlib.h>
#include <string.h>

#include "collector/score/document.h"
#include "common/io_log.h"

/* Of one target at a time; the oldest ones come first. */
#define FORECASTS_MAX 4096U
#define NETWORKS_EVERY_US INT64_C(10000000)
#define NETWORKS_SLICE_US NX_SLICE_US /* others wait for the loop */
#define NETWORKS_SHARE 50 /* that work takes at most 1/SHARE of the time */

/* --- one target --- */

struct open_forecasts {
    struct nx_store_forecast *at;
    size_t n, cap;
    bool failed;
};

static void take_open(void *user, const struct nx_store_forecast *f) {
    struct open_forecasts *open = user;
    if (open->n == open->cap) {
        size_t cap = open->cap == 0 ? 8 : 2 * open->cap;
        void *grown = realloc(open->at, cap * sizeof(*open->at));
        if (grown == NULL) {
            open->failed = true;
            return;
        }
        open->at = grown;
        open->cap = cap;
    }
    open->at[open->n++] = *f;
}

/* What teaches: the first forecast that rested on a countdown, else the first.
 */
static const struct nx_store_forecast *
lesson_of(const struct open_forecasts *open) {
    for (size_t i = 0; i < open->n; i++) {
        if (open->at[i].basis == NX_BASIS_COUNTDOWN &&
            open->at[i].shape.n > 0) {
            return &open->at[i];
        }
    }
    return open->at[0].shape.n > 0 ? &open->at[0] : NULL;
}

static int score_each(struct nx_store *store, const struct open_forecasts *open,
                      const struct nx_truth *truth, const double *weights,
                      int64_t at_us) {
    int err = NX_OK;
    for (size_t i = 0; i < open->n && err == NX_OK; i++) {
        const struct nx_store_forecast *f = &open->at[i];
        struct nx_figures figures;
        bool sound = f->shape.n > 0 && weights[i] > 0;
        if (sound) {
            nx_score(&f->shape, &f->eta, truth, &figures);
        }
        err = nx_store_forecast_score(store, f->id, at_us, truth, weights[i],
                                      sound ? &figures : NULL);
    }
    return err;
}

static int learn_from(struct nx_store *store, const struct nx_store_subject *of,
                      const struct open_forecasts *open,
                      const struct nx_truth *truth) {
    const struct nx_store_forecast *f = lesson_of(open);
    struct nx_ending ending;
    if (of->agent_id == 0 || f == NULL || f->barred ||
        f->at_us >= truth->hi_us) {
        return NX_OK;
    }
    nx_score_outcome(&f->shape, f->p_late, truth, &ending);
    return nx_store_lesson_put(store, of, truth, (enum nx_family)f->family,
                               &ending);
}

static int score_open(struct nx_store *store, const struct nx_store_subject *of,
                      const struct open_forecasts *open,
                      const struct nx_truth *truth, int64_t at_us) {
    int64_t *shown_us = calloc(open->n, sizeof(*shown_us));
    double *weights = calloc(open->n, sizeof(*weights));
    int err = shown_us == NULL || weights == NULL ? NX_ENOMEM : NX_OK;
    for (size_t i = 0; i < open->n && err == NX_OK; i++) {
        shown_us[i] = open->at[i].at_us;
    }
    if (err == NX_OK) {
        nx_score_weights(shown_us, open->n, truth, weights);
        err = score_each(store, open, truth, weights, at_us);
    }
    if (err == NX_OK) {
        err = learn_from(store, of, open, truth);
    }
    free(shown_us);
    free(weights);
    return err;
}

static int score_clearing(struct nx_store *store,
                          const struct nx_store_subject *of,
                          const struct nx_truth *truth, int64_t at_us) {
    struct open_forecasts open = {.n = 0};
    if (truth->lo_us == NX_TIME_UNKNOWN || truth->hi_us < truth->lo_us) {
        return NX_OK; /* not seen denied: nothing to compare with */
    }
    int err =
        nx_store_forecasts_open(store, of, FORECASTS_MAX, take_open, &open);
    if (err == NX_OK && open.failed) {
        err = NX_ENOMEM;
    }
    if (err == NX_OK && open.n > 0) {
        err = score_open(store, of, &open, truth, at_us);
    }
    if (err == NX_OK && open.n == FORECASTS_MAX) {
        /* What is left is not to meet the next clearing. */
        err = nx_store_forecasts_turn(store, of, NX_TURN_VOID, at_us);
    }
    free(open.at);
    return err;
}

int nx_score_target_told(struct nx_store *store, uint32_t incident_id,
                         uint32_t agent_id, const struct nx_question *question,
                         const struct nx_verdict *verdict, int64_t since_us,
                         int64_t at_us) {
    const struct nx_store_subject of = {
        .incident_id = incident_id, .agent_id = agent_id, .question = question};
    enum nx_store_turn turn = NX_TURN_NONE;
    int err = nx_store_target_put(store, incident_id, agent_id, question,
                                  verdict, since_us, at_us, &turn);
    if (err == NX_OK) {
        err = nx_store_forecasts_turn(store, &of, turn, at_us);
    }
    if (err == NX_OK && verdict->state == NX_STATE_CLEAR) {
        const struct nx_truth truth = {verdict->clear_lo_us,
                                       verdict->clear_hi_us};
        err = score_clearing(store, &of, &truth, at_us);
    }
    return err;
}

/* --- networks --- */

struct networks {
    struct nx_service *service;
    uint32_t incident_id;
    int64_t now_us;
    int err; /* the first one */
};

static double member_cdf(const void *user, int64_t at_us) {
    const struct nx_rollup_member *member = user;
    return 1.0 - nx_rollup_share(member, 1, at_us);
}

static int put_network(struct networks *w,
                       const struct nx_status_shown *shown) {
    const struct nx_store_subject of = {.incident_id = w->incident_id,
                                        .network = shown->network};
    const struct nx_rollup *r = shown->rollup;
    if (shown->cleared) {
        const struct nx_truth truth = {shown->clear_lo_us, shown->clear_hi_us};
        return score_clearing(w->service->store, &of, &truth, w->now_us);
    }
    if (r->state == NX_STATE_STILL_NEGATIVE_AT_AUTHORITY) {
        return nx_store_forecasts_turn(w->service->store, &of, NX_TURN_VOID,
                                       w->now_us);
    }
    if (!r->eta.known) {
        return NX_OK;
    }
    struct nx_store_forecast f = {.at_us = w->now_us,
                                  .state = r->state,
                                  .basis = r->basis,
                                  .verified = shown->verified,
                                  .eta = r->eta,
                                  .hard = r->hard};
    const struct nx_rollup_member alone = {
        .targets = shown->targets, .targets_n = shown->targets_n, .weight = 1};
    nx_shape_of_cdf(member_cdf, &alone, shown->span_lo_us, shown->span_hi_us,
                    NULL, 0, &f.shape);
    return nx_store_network_forecast_put(w->service->store, &of, &f);
}

static void see_network(void *user, const struct nx_status_shown *shown) {
    struct networks *w = user;
    if (w->err == NX_OK) {
        w->err = put_network(w, shown);
    }
}

int nx_service_network_put(struct nx_service *service, uint32_t incident_id,
                           const char *network, bool judged, int64_t now_us) {
    struct networks w = {
        .service = service, .incident_id = incident_id, .now_us = now_us};
    int err = nx_status_shown(service->engine, incident_id, network, judged,
                              now_us, see_network, &w);
    return err != NX_OK ? err : w.err;
}

/* --- networks, a few at a time --- */

/* Of all open incidents. */
struct nx_networks_pass {
    size_t at, n, cap;
    bool failed;
    const struct nx_incident *adding; /* whose networks */
    struct pass_step {
        uint32_t incident_id;
        char network[NX_TEXT_LABEL_MAX];
    } * steps;
};

static void add_step(void *user, const struct nx_agent_view *view) {
    struct nx_networks_pass *pass = user;
    const struct nx_agent *agent = view->agent;
    const struct pass_step *last =
        pass->n > 0 ? &pass->steps[pass->n - 1] : NULL;
    if (!nx_agent_counts(agent, pass->adding) ||
        (last != NULL && last->incident_id == pass->adding->id &&
         strcmp(last->network, agent->network) == 0)) {
        return;
    }
    if (pass->n == pass->cap) {
        size_t cap = pass->cap == 0 ? 64 : 2 * pass->cap;
        void *grown = realloc(pass->steps, cap * sizeof(*pass->steps));
        if (grown == NULL) {
            pass->failed = true;
            return;
        }
        pass->steps = grown;
        pass->cap = cap;
    }
    struct pass_step *step = &pass->steps[pass->n++];
    step->incident_id = pass->adding->id;
    memcpy(step->network, agent->network, sizeof(step->network));
}

void nx_service_networks_forget(struct nx_service *service) {
    if (service->networks != NULL) {
        free(service->networks->steps);
        free(service->networks);
        service->networks = NULL;
    }
}

static int begin_pass(struct nx_service *service) {
    const struct nx_incident **incidents = NULL;
    size_t n = nx_engine_incidents(service->engine, &incidents);
    struct nx_networks_pass *pass = calloc(1, sizeof(*pass));
    service->networks = pass;
    for (size_t i = 0; i < n && pass != NULL; i++) {
        if (incidents[i]->closed_us == NX_TIME_UNKNOWN &&
            !incidents[i]->audit) {
            pass->adding = incidents[i];
            pass->failed |=
                nx_engine_agents_of(service->engine, NULL, add_step, pass) != 0;
        }
    }
    if (pass == NULL || pass->failed) {
        nx_service_networks_forget(service);
        return NX_ENOMEM;
    }
    service->networks_told = false; /* what is told from now on: next time */
    service->networks_us = 0;
    return NX_OK;
}

static int put_one(struct nx_service *service, int64_t now_us) {
    struct nx_networks_pass *pass = service->networks;
    const struct pass_step *step = &pass->steps[pass->at++];
    const struct nx_incident *incident =
        nx_engine_incident(service->engine, step->incident_id);
    if (incident == NULL || incident->closed_us != NX_TIME_UNKNOWN) {
        return NX_OK; /* closed meanwhile: that took care of its networks */
    }
    return nx_service_network_put(service, step->incident_id, step->network,
                                  true, now_us);
}

void nx_service_networks_later(struct nx_service *service, int64_t now_us) {
    service->networks_due_us =
        nx_time_later(service->networks_due_us, now_us + NETWORKS_EVERY_US);
}

int nx_service_networks_some(struct nx_service *service, int64_t now_us) {
    int64_t from_us = nx_clock_mono_us();
    int err = service->networks != NULL ? NX_OK : begin_pass(service);
    while (err == NX_OK && service->networks->at < service->networks->n &&
           nx_clock_mono_us() - from_us < NETWORKS_SLICE_US) {
        err = put_one(service, now_us);
    }
    service->networks_us += nx_clock_mono_us() - from_us;
    if (err == NX_OK && service->networks->at < service->networks->n) {
        return NX_EAGAIN;
    }
    int64_t pause_us = service->networks_us * NETWORKS_SHARE;
    service->networks_due_us =
        now_us + (pause_us > NETWORKS_EVERY_US ? pause_us : NETWORKS_EVERY_US);
    service->networks_told |= err != NX_OK;
    nx_service_networks_forget(service);
    return err;
}

/* --- what was learnt, and the document --- */

struct lessons {
    struct nx_lesson *at;
    size_t n;
};

static void take_lesson(void *user, const struct nx_lesson *lesson) {
    struct lessons *lessons = user;
    if (lessons->n < NX_LEARN_OUTCOMES_MAX) {
        lessons->at[lessons->n++] = *lesson;
    }
}

static int learn(struct nx_service *service, struct nx_learning *out) {
    struct lessons lessons = {
        .at = malloc(NX_LEARN_OUTCOMES_MAX * sizeof(*lessons.at))};
    if (lessons.at == NULL) {
        return NX_ENOMEM;
    }
    int err = nx_store_lessons(service->store, NX_LEARN_OUTCOMES_MAX,
                               take_lesson, &lessons);
    if (err == NX_OK) {
        err = nx_learn(lessons.at, lessons.n, out);
    }
    free(lessons.at);
    return err;
}

int nx_service_learnt(struct nx_service *service, struct nx_learnt *out) {
    struct nx_learning learning;
    int err = learn(service, &learning);
    if (err == NX_OK) {
        nx_learning_means(&learning, out);
    }
    return err;
}

static void take_score(void *user, const struct nx_tally_row *row) {
    struct nx_tally *tally = user;
    nx_tally_add(tally, row);
}

/* What is not scored yet takes as long to be counted as there are targets. */
static int scores(struct nx_service *service, const struct nx_store_period *in,
                  bool with_unscored, json_t **out) {
    struct nx_score_document d = {.now_us = nx_service_now_us(service),
                                  .from_us = in->from_us,
                                  .to_us = in->to_us,
                                  .incident_id = in->incident_id};
    struct nx_store_unscored unscored = {0, 0};
    nx_tally_init(&d.tally);
    int err = nx_store_scores(service->store, in, take_score, &d.tally);
    if (err == NX_OK && with_unscored) {
        err = nx_store_unscored(service->store, &unscored);
    }
    if (err == NX_OK) {
        err = learn(service, &d.learning);
    }
    d.open_n = unscored.open_n;
    d.unresolved_n = unscored.unresolved_n;
    json_t *made = err == NX_OK ? nx_score_json(&d) : NULL;
    nx_tally_fini(&d.tally);
    if (err == NX_OK && made == NULL) {
        err = NX_ENOMEM;
    }
    if (err == NX_OK) {
        *out = made;
    }
    return err;
}

int nx_service_scores(struct nx_service *service,
                      const struct nx_store_period *in, json_t **out) {
    return scores(service, in, true, out);
}

#define OF_LATE_US (INT64_C(30) * 86400 * 1000000)
#define FRESH_US INT64_C(60000000)

const json_t *nx_service_score_of_late(struct nx_service *service) {
    int64_t now_us = nx_service_now_us(service);
    const struct nx_store_period in = {now_us - OF_LATE_US, now_us + 1, 0};
    json_t *fresh = NULL;
    if (service->score != NULL && !service->score_stale &&
        now_us - service->score_at_us < FRESH_US) {
        return service->score;
    }
    if (scores(service, &in, false, &fresh) != NX_OK) {
        return NULL;
    }
    json_decref(service->score);
    service->score = fresh;
    service->score_at_us = now_us;
    service->score_stale = false;
    return service->score;
}
