#include "collector/infer/forecast.h"

#include <string.h>

#include "collector/infer/bound.h"
#include "collector/infer/estimator.h"
#include "collector/infer/mixture.h"
#include "collector/infer/source.h"
#include "collector/infer/window.h"

#define SOON_US (3 * NX_US_PER_S)
#define SOON_ONE_US (NX_US_PER_S * 6 / 10)
#define SOON_LOG_US (1800 * NX_US_PER_S)
#define DENSE_LINES 5U
#define DENSE_US (2 * NX_US_PER_S)
#define P_PRESUMED_CLEAR 0.9 /* 7: silent agents */

/* A stale answer is given to the first query after the end, which is ours at
 * the latest: a guard after b, for one cache. */
static int64_t soon_of(const struct nx_profile *profile) {
    if (profile->soon_log) {
        return SOON_LOG_US;
    }
    if (profile->verified && profile->stale_max_s > 0 && profile->caches > 0) {
        return SOON_ONE_US + (profile->caches - 1) * NX_US_PER_S;
    }
    return SOON_US;
}

void nx_forecast_window(const struct nx_window *window,
                        const struct nx_profile *profile, uint32_t w_s,
                        int64_t from_us, struct nx_dist *out) {
    memset(out, 0, sizeof(*out));
    out->known = window->known;
    out->prior_used = true;
    out->prior_a_us = window->a_us;
    out->prior_b_us = nx_max64(window->b_us, window->a_us);
    out->p_late = profile->p_late;
    out->late_us = (int64_t)w_s * NX_US_PER_S;
    out->p_soon = profile->p_soon;
    out->soon_log = profile->soon_log;
    out->soon_us = soon_of(profile);
    out->lambda_early_per_s = profile->lambda_early_per_s;
    out->from_us = from_us;
}

/* Lines closer than two seconds on average merge by chance: how many there are
 * and where each ends is not known any more, only the band of all (5.4). */
static bool is_dense(const struct nx_line_set *set) {
    int64_t span_us = 0;

    if (set->n < DENSE_LINES) {
        return false;
    }
    span_us = set->at[set->n - 1].line.b_us - set->at[0].line.a_us;
    return span_us < (int64_t)set->n * DENSE_US;
}

/* The lines as one band [min a, max b]; as many caches as seen end in it. */
static void copy_band(const struct nx_line_set *set, struct nx_verdict *out) {
    struct nx_line band = set->at[0].line;

    for (size_t i = 1; i < set->n; i++) {
        const struct nx_line *line = &set->at[i].line;
        band.b_us = nx_max64(band.b_us, line->b_us);
        band.looks_n = (uint16_t)(band.looks_n + line->looks_n);
    }
    band.is_union = false;
    out->lines[0] = band;
    out->lines_n = 1;
}

static void copy_lines(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_line_set *set = &ev->lines;
    size_t skip = set->n > NX_LINES_MAX ? set->n - NX_LINES_MAX : 0;

    if (is_dense(set)) {
        copy_band(set, out);
        return;
    }
    for (size_t i = skip; i < set->n; i++) {
        out->lines[out->lines_n++] = set->at[i].line;
        if (set->at[i].inconsistent) {
            out->flags |= 1U << NX_FLAG_INCONSISTENT;
        }
    }
}

static const struct nx_line *last_line(const struct nx_line *lines, size_t n) {
    const struct nx_line *last = NULL;

    for (size_t i = 0; i < n; i++) {
        if (last == NULL || lines[i].b_us > last->b_us) {
            last = &lines[i];
        }
    }
    return last;
}

/* Unseen entries (5.8): caches not seen, times the share of seen ones that
 * hold the denial; and the one whose clock is the zone's. */
static double unseen(const struct nx_evidence *ev) {
    double all = ev->caches > 0 ? ev->caches : ev->chao.s_hat;
    double seen = ev->chao.s_obs;
    double nu = ev->first_untrusted != NX_NO_LOOK ? 1.0 : 0.0;

    if (all > seen && seen > 0) {
        nu += (all - seen) * (double)ev->lines.n / seen;
    }
    return nu;
}

/* Brackets hold the clock's error at its worst; the mass lies inside. */
static void narrow(const struct nx_evidence *ev, struct nx_line *line) {
    const struct nx_look *look = nx_evidence_negative(ev);
    int64_t less_us = look != NULL ? (int64_t)look->eps_us : 0;

    less_us = nx_min64(less_us, (line->b_us - line->a_us) / 4);
    line->a_us += less_us;
    line->b_us -= less_us;
}

/* Of a band, each cache has a line of its own. */
static void take_lines(const struct nx_evidence *ev, struct nx_verdict *out) {
    size_t n = is_dense(&ev->lines) ? ev->lines.n : out->lines_n;

    n = n < NX_LINES_MAX ? n : NX_LINES_MAX;
    out->dist.lines_n = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        out->dist.lines[i] = out->lines[out->lines_n == n ? i : 0];
        narrow(ev, &out->dist.lines[i]);
    }
}

static void dist_of_lines(const struct nx_evidence *ev,
                          const struct nx_window *window,
                          struct nx_verdict *out) {
    struct nx_dist *dist = &out->dist;
    const struct nx_line *last = last_line(out->lines, out->lines_n);

    nx_forecast_window(window, ev->c->profile, ev->w_likely_s, dist->from_us,
                       dist);
    dist->known = true;
    dist->prior_used = false;
    nx_window_caps(ev, 0, dist);
    dist->nu = window->known ? unseen(ev) : 0.0;
    take_lines(ev, out);
    nx_mixture_of_line(ev, window, last, dist);
    nx_dist_prune(dist);
    nx_dist_condition(dist);
    out->basis = NX_BASIS_COUNTDOWN;
}

/* No countdown, or one that is the zone's. */
static void dist_of_window(const struct nx_evidence *ev,
                           const struct nx_window *window,
                           struct nx_verdict *out) {
    struct nx_window whole = *window;
    struct nx_dist *dist = &out->dist;
    int64_t from_us = dist->from_us;

    whole.b_us += nx_inclusive_us(ev->c->profile);
    nx_forecast_window(&whole, ev->c->profile, ev->w_likely_s, from_us, dist);
    out->basis = NX_BASIS_PRIOR;
    if (!whole.known) {
        return;
    }
    nx_window_caps(ev, nx_inclusive_us(ev->c->profile), dist);
    nx_mixture_of_window(ev, &whole, &out->hard_stack, dist);
    if (ev->last_neg != NX_NO_LOOK) {
        nx_dist_condition(dist);
    }
}

/* 5.7: SERVFAIL is cached 300 s at most after the last real failure; by the one
 * that keeps what is bogus for longer, only when that is over. */
static void dist_of_failure(const struct nx_evidence *ev,
                            struct nx_verdict *out) {
    int64_t now_us = ev->c->now_us;
    int64_t usual_us = nx_bound_usual_us(ev, out);
    for (size_t i = 0; i < ev->lines.n; i++) { /* what else is cached */
        int64_t end_us = ev->lines.at[i].line.b_us;
        usual_us = end_us > usual_us ? end_us : usual_us;
    }
    struct nx_window window = {
        .known = out->hard.reason != NX_HARD_NONE && out->hard.at_us > now_us,
        .a_us = now_us,
        .b_us = usual_us > now_us ? usual_us : out->hard.at_us,
    };

    nx_forecast_window(&window, ev->c->profile, ev->w_s, ev->c->now_us,
                       &out->dist);
    out->basis = NX_BASIS_PRIOR;
}

/* The wrong RRset counts down like any other entry. BIND renews it when a
 * client asks in its last seconds. */
static void dist_of_old_positive(const struct nx_evidence *ev,
                                 struct nx_verdict *out) {
    struct nx_line_set set;
    struct nx_line_rule rule = {.conv = (enum nx_conv)ev->c->profile->conv};
    uint8_t picked[NX_LOOKS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        if (ev->c->looks[i].kind == NX_KIND_POS_OTHER &&
            ev->c->looks[i].r_s >= 0) {
            picked[n++] = (uint8_t)i;
        }
    }
    nx_lines_build(ev->c->looks, picked, n, &rule, &set);
    if (set.n == 0) {
        return;
    }
    out->lines_n = 1;
    out->lines[0] = set.at[set.n - 1].line;
    out->dist.known = true;
    out->dist.lines_n = 1;
    out->dist.lines[0] = out->lines[0];
    out->dist.from_us = ev->c->looks[set.at[set.n - 1].last].rx_us;
    nx_mixture_of_old_answer(ev, &out->lines[0], &out->dist);
    out->basis = NX_BASIS_COUNTDOWN;
}

static void dist_of_entry(const struct nx_evidence *ev,
                          struct nx_verdict *out) {
    struct nx_window window = nx_is_refed(ev)
                                  ? nx_window_refed(ev)
                                  : nx_window_of(ev, nx_evidence_w_us(ev));
    const struct nx_look *look = nx_evidence_negative(ev);

    out->prior_known = window.known;
    out->prior_a_us = window.a_us;
    out->prior_b_us = window.b_us;
    out->dist.from_us = look != NULL ? look->rx_us : ev->c->now_us;
    if (out->lines_n > 0) {
        dist_of_lines(ev, &window, out);
    } else if (ev->w_s > 0 && (look == NULL || ev->last == ev->last_neg ||
                               nx_evidence_is_denied_last(ev))) {
        dist_of_window(ev, &window, out);
    }
}

static void take_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_line *last = last_line(out->lines, out->lines_n);

    if (last != NULL) {
        out->fill_known = true;
        out->fill_exact = ev->c->profile->verified &&
                          ev->c->profile->soa_clock == NX_SOA_CLOCK_OWN &&
                          !ev->ttl_raised;
        out->fill_lo_us = last->a_us - nx_evidence_w_us(ev);
        out->fill_hi_us = last->b_us - nx_evidence_w_us(ev);
    }
}

static void take_earliest(const struct nx_evidence *ev,
                          struct nx_verdict *out) {
    const struct nx_line *last = last_line(out->lines, out->lines_n);

    if (last != NULL) {
        out->earliest_clear_us = last->a_us;
    } else if (ev->capped) {
        out->earliest_clear_us =
            nx_bracket(nx_evidence_negative(ev), NX_CONV_F).a_us;
    }
}

/* What it held before it fell silent goes on to count down. */
static void dist_of_silent(const struct nx_evidence *ev,
                           struct nx_verdict *out) {
    if (nx_evidence_is_denied_last(ev)) {
        dist_of_entry(ev, out);
        out->basis = out->dist.known ? NX_BASIS_LAST_SEEN : out->basis;
    }
}

static void distribute(const struct nx_evidence *ev, struct nx_verdict *out) {
    switch ((enum nx_state)out->state) {
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
        dist_of_failure(ev, out);
        break;
    case NX_STATE_OLD_POSITIVE:
        if (!nx_source_is_own_zone(ev) && !nx_source_is_renewed(ev)) {
            dist_of_old_positive(ev, out);
        }
        break;
    case NX_STATE_UNKNOWN:
        if (nx_unknown_is_forecast(ev, out->unknown_reason)) {
            dist_of_entry(ev, out);
        }
        break;
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_PARTLY_CLEAR:
        dist_of_entry(ev, out);
        break;
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_RECACHED:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_POLICY_BLOCKED:
    case NX_STATE_CLEAR:
    case NX_STATE_N_:
        break;
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
        dist_of_silent(ev, out);
        break;
    }
}

void nx_forecast_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    if (out->state != NX_STATE_CLEAR && out->state != NX_STATE_POLICY_BLOCKED) {
        copy_lines(ev, out);
        take_fill(ev, out);
        take_earliest(ev, out);
    }
    distribute(ev, out);
    nx_dist_eta(&out->dist, &out->eta);
    if (out->dist.known) {
        out->p_clear = nx_dist_cdf(&out->dist, ev->c->now_us);
    }
    if (out->unknown_reason == NX_UNKNOWN_AGENT_SILENT) {
        out->basis = out->dist.known ? NX_BASIS_LAST_SEEN : out->basis;
        out->presumed_clear = out->p_clear > P_PRESUMED_CLEAR;
    }
}
