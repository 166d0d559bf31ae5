#include "tests/simulator/score.h"

#include <math.h>
#include <string.h>

#include "collector/infer/estimator.h"

#define LEVELS 40

static double seconds(int64_t us) {
    return (double)us * 1e-6;
}

/* Continuous ranked probability score by its quantile form: the mean of twice
 * the pinball losses. */
static double crps(const struct nx_dist *dist, double truth_s) {
    double sum = 0.0;

    for (unsigned i = 0; i < LEVELS; i++) {
        double u = (i + 0.5) / LEVELS;
        double q_s = seconds(nx_dist_quantile(dist, u));
        sum += 2.0 * ((truth_s <= q_s ? 1.0 : 0.0) - u) * (q_s - truth_s);
    }
    return sum / LEVELS;
}

static void score_models(const struct sim_world *world,
                         const struct sim_outcome *o,
                         const struct sim_forecast *f, struct sim_score *out) {
    struct nx_dist without_late = f->dist;
    struct nx_dist without_unseen = f->dist;
    double truth_s = o->truth_s;

    without_late.p_late = 0;
    without_unseen.nu = 0;
    out->crps_s[SIM_OURS] = crps(&f->dist, truth_s);
    out->crps_s[SIM_WITHOUT_LATE] = crps(&without_late, truth_s);
    out->crps_s[SIM_WITHOUT_UNSEEN] = crps(&without_unseen, truth_s);
    out->crps_s[SIM_NOW_MINIMUM] =
        fabs(f->at_s + world->authority.minimum_s - truth_s);
    out->crps_s[SIM_NOW_TTL] = fabs(f->naive_s - truth_s);
    out->crps_s[SIM_RESTORED_W] =
        fabs(o->restored_hi_s + world->authority.w_s - truth_s);
}

static void score(const struct sim_world *world, const struct sim_outcome *o,
                  unsigned horizon, struct sim_score *out) {
    const struct sim_forecast *f = &o->forecasts[horizon];
    const struct nx_eta *eta = &f->eta;
    double truth_s = o->truth_s;

    memset(out, 0, sizeof(*out));
    out->horizon = (uint8_t)horizon;
    out->state = f->state;
    out->basis = f->basis;
    out->error_s = seconds(eta->point_us) - truth_s;
    out->pit = nx_dist_cdf(&f->dist, (int64_t)llround(truth_s * 1e6));
    out->in50 =
        truth_s >= seconds(eta->lo50_us) && truth_s <= seconds(eta->hi50_us);
    out->in90 =
        truth_s >= seconds(eta->lo90_us) && truth_s <= seconds(eta->hi90_us);
    out->width50_s = seconds(eta->hi50_us - eta->lo50_us);
    out->width90_s = seconds(eta->hi90_us - eta->lo90_us);
    out->hard_known = f->hard.reason != NX_HARD_NONE;
    out->hard_broken = out->hard_known && truth_s > seconds(f->hard.at_us) &&
                       (f->hard_stack.reason == NX_HARD_NONE ||
                        truth_s > seconds(f->hard_stack.at_us));
    score_models(world, o, f, out);
}

/* What was drawn against the rules of the bound. */
static bool explains(const struct sim_world *world) {
    enum sim_class what = world->caches[0].habits.what;

    return what == SIM_STALE || what == SIM_HIDDEN ||
           (what == SIM_RAISED && !world->verified) ||
           world->authority.hidden_share > 0 || world->agent.wrong_eps;
}

static void describe(const struct sim_world *world, struct sim_result *out) {
    out->verified = world->verified;
    out->chain = world->caches[0].up_n > 0;
    out->explained = explains(world);
    out->software = (uint8_t)world->caches[0].software;
    out->what = (uint8_t)world->caches[0].habits.what;
    out->incident = (uint8_t)world->authority.incident;
    out->caches_n = world->front_n;
    out->w_s = world->authority.w_s;
}

void sim_run(uint64_t seed, uint64_t index, struct sim_result *out) {
    struct sim_world world;
    struct sim_world again;

    memset(out, 0, sizeof(*out));
    sim_draw(&world, seed, index);
    again = world;
    describe(&world, out);
    sim_play(&world, &out->outcome);
    sim_play_dig(&again, out->outcome.start_s, &out->dig);
    for (unsigned i = 0; i < SIM_HORIZON_N; i++) {
        out->scored[i] = out->outcome.forecasts[i].known;
        if (out->scored[i]) {
            score(&world, &out->outcome, i, &out->scores[i]);
        }
    }
}
