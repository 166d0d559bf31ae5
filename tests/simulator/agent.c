#include "tests/simulator/agent.h"

#include <math.h>
#include <string.h>

#include "tests/simulator/authority.h"
#include "tests/simulator/cache.h"

#define REPORT_S 0.1 /* from a reply to the verdict */
#define TIMEOUT_S 2.0
#define IDLE_S 30.0 /* a verdict is worked out at least so often */
#define LONGEST_S 432000.0
#define LOOKS_MOST 20000U
#define DIG_S 60.0

static int64_t us(double s) {
    return (int64_t)llround(s * 1e6);
}

struct watcher {
    struct sim_world *world;
    struct sim_outcome *out;
    struct nx_diagnosis_settings settings;
    struct nx_profile profile;
    struct nx_auth_facts auth;
    struct nx_look looks[NX_LOOKS_MAX];
    size_t n;
    struct nx_verdict verdict;
    bool judged;
    double now_s, last_tx_s, report_s;
    unsigned left_n; /* looks left of the visit */
    double mark_s[SIM_HORIZON_N];
};

/* --- one look --- */

/* The collector's time of an instant, clock error included. */
static double collected(const struct sim_agent *agent, double t_s) {
    return t_s + agent->theta_error_s;
}

static void fill_look(const struct watcher *w, const struct sim_reply *reply,
                      double t_s, struct nx_look *look) {
    const struct sim_agent *agent = &w->world->agent;
    double rtt_s = agent->rtt_s;

    memset(look, 0, sizeof(*look));
    look->tx_us = us(collected(agent, t_s - rtt_s / 2));
    look->rx_us = us(collected(agent, t_s + rtt_s / 2));
    look->eps_us = (uint32_t)us(agent->eps_s);
    look->src_port = (uint16_t)(1024 + w->out->looks_n % 60000);
    look->flags = NX_LOOK_RD;
    look->r_s = reply->r_s;
    look->kind = reply->denied ? NX_KIND_NXDOMAIN : NX_KIND_POS;
    if (!reply->denied) {
        return;
    }
    look->flags |= reply->stale ? NX_LOOK_EDE_STALE : 0;
    look->soa_rel = reply->has_soa ? reply->rel : NX_SOA_NONE;
    if (reply->has_soa) {
        look->flags |= NX_LOOK_SERIAL;
        look->soa_serial = reply->serial;
        look->soa_minimum_s = w->world->authority.minimum_s;
    } else {
        look->r_s = -1;
    }
}

static void lose(struct nx_look *look) {
    look->kind = NX_KIND_TIMEOUT;
    look->rx_us = look->tx_us + us(TIMEOUT_S);
    look->r_s = -1;
    look->soa_rel = NX_SOA_NONE;
    look->flags = NX_LOOK_RD;
}

static void push(struct watcher *w, const struct nx_look *look) {
    if (w->n == NX_LOOKS_MAX) {
        memmove(w->looks, w->looks + 1, sizeof(*look) * --w->n);
    }
    w->looks[w->n++] = *look;
}

static void look(struct watcher *w) {
    struct sim_reply reply = sim_world_ask(w->world, w->now_s);
    struct nx_look one;
    double gap_s = w->now_s - w->last_tx_s;

    fill_look(w, &reply, w->now_s, &one);
    w->report_s = REPORT_S;
    if (sim_chance(&w->world->rng, w->world->agent.loss)) {
        lose(&one);
        w->report_s += TIMEOUT_S;
    }
    w->out->looks_n++;
    w->out->denied_ever |= nx_kind_is_negative(one.kind);
    if (w->now_s < w->out->start_s) {
        w->out->before_guard_n++;
    }
    if (gap_s < w->out->shortest_gap_s) {
        w->out->shortest_gap_s = gap_s;
    }
    w->last_tx_s = w->now_s;
    push(w, &one);
}

/* --- verdicts --- */

static void judge(struct watcher *w, double at_s) {
    sim_authority_facts(&w->world->authority, at_s, &w->auth);
    nx_diagnose(&w->settings, w->looks, w->n, &w->auth, &w->profile, us(at_s),
                w->judged ? &w->verdict : NULL, &w->verdict);
    w->judged = true;
    w->out->recached |= w->verdict.state == NX_STATE_RECACHED;
    if (w->verdict.state == NX_STATE_RECACHED &&
        !sim_world_fed_late(w->world)) {
        w->out->false_recached = true;
    }
}

/* now + TTL of the last reply; without a TTL, now + the zone's W. */
static double naive(const struct watcher *w, double at_s) {
    for (size_t i = w->n; i > 0; i--) {
        const struct nx_look *one = &w->looks[i - 1];
        if (nx_kind_is_negative(one->kind) && one->r_s >= 0) {
            return fmax(at_s, (double)one->rx_us * 1e-6 + one->r_s);
        }
    }
    return at_s + w->auth.w_auth_s;
}

static bool relapses_after(const struct watcher *w, double at_s) {
    double relapse_s = w->world->authority.relapse_s;

    return relapse_s < SIM_NEVER_S && at_s < relapse_s;
}

static void keep(struct watcher *w, enum sim_horizon horizon) {
    struct sim_forecast *f = &w->out->forecasts[horizon];

    judge(w, w->mark_s[horizon]);
    f->at_s = w->mark_s[horizon];
    f->state = w->verdict.state;
    f->basis = w->verdict.basis;
    /* A forecast holds while the authority stays good: a relapse voids it. */
    f->known = w->verdict.eta.known && w->out->denied_ever &&
               w->verdict.state != NX_STATE_CLEAR &&
               !relapses_after(w, f->at_s);
    f->eta = w->verdict.eta;
    f->dist = w->verdict.dist;
    f->hard = w->verdict.hard;
    f->hard_stack = w->verdict.hard_stack;
    f->naive_s = naive(w, f->at_s);
    if (horizon == SIM_FIRST) {
        w->out->countdown = f->basis == NX_BASIS_COUNTDOWN;
    }
}

static void keep_due(struct watcher *w, double until_s) {
    for (unsigned i = 0; i < SIM_HORIZON_N; i++) {
        if (w->mark_s[i] > w->now_s && w->mark_s[i] <= until_s) {
            keep(w, (enum sim_horizon)i);
        }
    }
}

/* --- the loop --- */

/* When to look next: the verdict's time, the agent's own minimum, and not
 * while it is cut off. */
static double next_look(struct watcher *w) {
    const struct sim_agent *agent = &w->world->agent;
    double at_s = SIM_NEVER_S;

    if (w->left_n > 0) {
        at_s = w->last_tx_s + agent->gap_s;
    } else if (w->verdict.next_probe_us != NX_TIME_UNKNOWN) {
        at_s = (double)w->verdict.next_probe_us * 1e-6;
        at_s = fmax(at_s, w->last_tx_s + agent->gap_s);
    }
    at_s = fmax(at_s, w->now_s);
    if (at_s >= agent->offline_from_s && at_s < agent->offline_to_s) {
        at_s = agent->offline_to_s;
    }
    return at_s;
}

/* Until the next look, verdicts are renewed as time passes. */
static bool wait(struct watcher *w) {
    double at_s = next_look(w);

    if (at_s > w->now_s + IDLE_S) {
        keep_due(w, w->now_s + IDLE_S);
        w->now_s += IDLE_S;
        judge(w, w->now_s);
        return false;
    }
    keep_due(w, at_s);
    w->now_s = at_s;
    return true;
}

static void visit(struct watcher *w) {
    if (w->left_n == 0) {
        w->left_n = w->verdict.visit_n;
    }
    look(w);
    w->left_n = w->left_n > 0 ? w->left_n - 1 : 0;
    judge(w, w->now_s + w->report_s);
}

static void set_up(struct watcher *w, struct sim_world *world,
                   struct sim_outcome *out) {
    memset(w, 0, sizeof(*w));
    memset(out, 0, sizeof(*out));
    w->world = world;
    w->out = out;
    nx_diagnosis_settings_default(&w->settings);
    sim_profile(world, &w->profile);
    out->start_s = sim_authority_verified_s(&world->authority);
    out->shortest_gap_s = SIM_NEVER_S;
    w->now_s = out->start_s + sim_uniform(&world->rng, 0, 1);
    w->last_tx_s = -SIM_NEVER_S;
    w->mark_s[SIM_FIRST] = out->start_s + 10;
    w->mark_s[SIM_MIDDLE] =
        fmax(out->start_s + 30,
             world->authority.good_s + world->authority.w_s / 2.0);
    judge(w, w->now_s);
}

void sim_play(struct sim_world *world, struct sim_outcome *out) {
    struct watcher w;

    set_up(&w, world, out);
    while (w.verdict.state != NX_STATE_CLEAR &&
           w.now_s < out->start_s + LONGEST_S && out->looks_n < LOOKS_MOST) {
        if (wait(&w)) {
            visit(&w);
        }
    }
    out->cleared = w.verdict.state == NX_STATE_CLEAR;
    out->clear_s = w.now_s + w.report_s;
    out->first_good_s = w.verdict.clear_hi_us != NX_TIME_UNKNOWN
                            ? (double)w.verdict.clear_hi_us * 1e-6
                            : out->clear_s;
    out->restored_hi_s = (double)w.auth.restored_hi_us * 1e-6;
    out->truth_s =
        sim_world_finish(world, out->cleared ? out->clear_s : SIM_NEVER_S);
    out->premature = out->cleared && out->clear_s < out->truth_s;
}

void sim_play_dig(struct sim_world *world, double start_s,
                  struct sim_dig *out) {
    double t_s = start_s;

    memset(out, 0, sizeof(*out));
    for (;;) {
        out->looks_n++;
        out->clear_s = t_s;
        if (!sim_world_ask(world, t_s).denied || t_s > start_s + LONGEST_S) {
            break;
        }
        t_s += DIG_S;
    }
    out->truth_s = sim_world_finish(world, out->clear_s);
    out->premature = out->clear_s < out->truth_s;
}
