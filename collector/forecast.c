#include "collector/forecast.h"

#include <string.h>

#include "collector/estimator.h"

/* Weights of 12.1 and 12.4 (choices, to be learned): that a clock which may be
 * unbound's was already older than the entry; the same for a known unbound;
 * that what looks like a renewed zone clock is a chain that restarted. */
#define P_EXTEND_UNKNOWN 0.04
#define P_EXTEND_SHARED 0.25
#define P_EXTEND_CHAIN 0.15
/* A known dnsmasq shows too much after any other negative of the zone: the
 * entry may end anywhere before (resolver-facts.md 1.1). */
#define P_EARLY_RENEWED 0.40
#define P_PRESUMED_CLEAR 0.9 /* 7: silent agents */

static int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t w_us(const struct nx_evidence *ev) {
    return (int64_t)ev->w_s * NX_US_PER_S;
}

void nx_forecast_window(const struct nx_window *window,
                        const struct nx_profile *profile, uint32_t w_s,
                        int64_t from_us, struct nx_dist *out) {
    memset(out, 0, sizeof(*out));
    out->known = window->known;
    out->prior_used = true;
    out->prior_a_us = max64(window->a_us, from_us);
    out->prior_b_us = max64(window->b_us, out->prior_a_us);
    out->p_late = profile->p_late;
    out->late_us = (int64_t)w_s * NX_US_PER_S;
    out->lambda_early_per_s = profile->lambda_early_per_s;
    out->from_us = from_us;
}

/* 5.6: a positive look in the outage moves its start for the one cache. */
static int64_t outage_lo(const struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    int64_t lo_us = c->auth->outage_lo_us;

    for (size_t i = 0; i < c->looks_n && c->profile->caches == 1; i++) {
        if (c->looks[i].kind == NX_KIND_POS &&
            c->looks[i].tx_us < c->auth->restored_lo_us) {
            lo_us = max64(lo_us, c->looks[i].tx_us);
        }
    }
    return lo_us;
}

/* 5.6 with its tightenings; [a, b] as the law of fills gives it, without the
 * second of the inclusive family. */
static struct nx_window window_of(const struct nx_evidence *ev) {
    const struct nx_look *looks = ev->c->looks;
    struct nx_window window =
        nx_prior(outage_lo(ev), ev->c->auth->restored_hi_us, w_us(ev));
    bool single = ev->c->profile->caches == 1 ||
                  (ev->c->profile->caches == 0 && ev->lines.n == 0);

    if (!window.known || ev->first_neg == NX_NO_LOOK || !single) {
        return window;
    }
    window.b_us = min64(window.b_us, looks[ev->first_neg].rx_us + w_us(ev));
    window.a_us = max64(window.a_us, ev->floor_us);
    if (ev->capped) {
        const struct nx_look *look = nx_evidence_negative(ev);
        window.a_us = max64(window.a_us, nx_bracket(look, NX_CONV_F).a_us);
    }
    window.b_us = max64(window.a_us, window.b_us);
    return window;
}

static void copy_lines(const struct nx_evidence *ev, struct nx_verdict *out) {
    size_t skip = ev->lines.n > NX_LINES_MAX ? ev->lines.n - NX_LINES_MAX : 0;

    for (size_t i = skip; i < ev->lines.n; i++) {
        out->lines[out->lines_n++] = ev->lines.at[i].line;
        if (ev->lines.at[i].inconsistent) {
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
    double all =
        ev->c->profile->caches > 0 ? ev->c->profile->caches : ev->chao.s_hat;
    double seen = ev->chao.s_obs;
    double nu = ev->first_untrusted != NX_NO_LOOK ? 1.0 : 0.0;

    if (all > seen && seen > 0) {
        nu += (all - seen) * (double)ev->lines.n / seen;
    }
    return nu;
}

/* 12.5; see estimator.h. A look inside the window cures by itself, so the mass
 * then stands at that look; a second one still negative refutes it. */
static void add_cure(const struct nx_evidence *ev, const struct nx_line *last,
                     struct nx_dist *dist) {
    const struct nx_profile *profile = ev->c->profile;
    int64_t opens_us = last->a_us -
                       (int64_t)profile->early_window_s * NX_US_PER_S -
                       w_us(ev) / 100;
    unsigned inside_n = 0;

    if (profile->p_early <= 0 || profile->early_window_s == 0 ||
        dist->from_us >= last->a_us) {
        return;
    }
    for (size_t i = 0; i < ev->c->looks_n; i++) {
        inside_n += nx_kind_is_negative(ev->c->looks[i].kind) &&
                            ev->c->looks[i].tx_us > opens_us + NX_US_PER_S
                        ? 1U
                        : 0U;
    }
    if (inside_n >= 2) {
        return;
    }
    dist->p_early = profile->p_early;
    dist->early_a_us = max64(opens_us - NX_US_PER_S, dist->from_us);
    dist->early_b_us = max64(opens_us, dist->from_us);
}

static void add_renewed(const struct nx_window *window,
                        const struct nx_line *last, struct nx_dist *dist) {
    int64_t a_us =
        window->known ? max64(window->a_us, dist->from_us) : dist->from_us;

    if (a_us < last->a_us) {
        dist->p_early = P_EARLY_RENEWED;
        dist->early_a_us = a_us;
        dist->early_b_us = last->a_us;
    }
}

/* 12.1: the entry lives to its own fill + W if somebody renewed the SOA. */
static void add_extension(const struct nx_evidence *ev,
                          const struct nx_line *last, struct nx_dist *dist) {
    int64_t end_us = nx_single_layer_end(ev);
    uint8_t clock = ev->c->profile->soa_clock;

    if (clock != NX_SOA_CLOCK_UNKNOWN &&
        clock != NX_SOA_CLOCK_SHARED_UNTIL_CHANGE) {
        return;
    }
    end_us = min64(end_us,
                   ev->c->looks[ev->first_neg].rx_us + w_us(ev) + NX_US_PER_S);
    if (end_us > last->b_us) {
        dist->p_extend =
            clock == NX_SOA_CLOCK_UNKNOWN ? P_EXTEND_UNKNOWN : P_EXTEND_SHARED;
        dist->extend_b_us = end_us;
    }
}

/* What is left of the weights when the last negative look came at a share
 * `left` of the core. */
static void reweight(struct nx_dist *dist, double left) {
    double late = dist->p_late;
    double ext = (1.0 - late) * dist->p_extend;
    double all = 0.0;

    left *= (1.0 - late) * (1.0 - dist->p_extend);
    all = left + ext + late;
    dist->known = all > 0;
    if (dist->known) {
        dist->p_late = late / all;
        dist->p_extend = left + ext > 0 ? ext / (left + ext) : 0.0;
    }
}

/* The core ended before the last negative look: only the tails are left. */
static void outlived(struct nx_dist *dist, int64_t *b_us) {
    int64_t end_us = *b_us + dist->late_us;

    *b_us = dist->from_us;
    dist->late_us = end_us - dist->from_us;
    if (dist->extend_b_us <= dist->from_us) {
        dist->p_extend = 0;
    }
    if (dist->late_us <= 0) {
        dist->p_late = 0;
    }
    dist->p_early = 0;
    reweight(dist, 0.0);
}

static void condition_lines(struct nx_dist *dist) {
    struct nx_line *last = NULL;

    for (size_t i = 0; i < dist->lines_n; i++) {
        struct nx_line *line = &dist->lines[i];
        if (last == NULL || line->b_us > last->b_us) {
            last = line;
        }
    }
    if (last != NULL && dist->from_us >= last->b_us) {
        outlived(dist, &last->b_us);
    } else if (last != NULL && dist->from_us > last->a_us) {
        reweight(dist, (double)(last->b_us - dist->from_us) /
                           (double)(last->b_us - last->a_us));
    }
    for (size_t i = 0; i < dist->lines_n; i++) {
        struct nx_line *line = &dist->lines[i];
        line->a_us = min64(max64(line->a_us, dist->from_us), line->b_us);
    }
}

static void dist_of_lines(const struct nx_evidence *ev,
                          const struct nx_window *window,
                          struct nx_verdict *out) {
    struct nx_dist *dist = &out->dist;
    const struct nx_line *last = last_line(out->lines, out->lines_n);

    nx_forecast_window(window, ev->c->profile, ev->w_s, dist->from_us, dist);
    dist->known = true;
    dist->prior_used = false;
    dist->prior_a_us = window->a_us;
    dist->nu = window->known ? unseen(ev) : 0.0;
    dist->lines_n = out->lines_n;
    memcpy(dist->lines, out->lines, sizeof(dist->lines));
    if (ev->c->profile->soa_clock == NX_SOA_CLOCK_SHARED_RENEWED) {
        add_renewed(window, last, dist);
    } else {
        add_cure(ev, last, dist);
        add_extension(ev, last, dist);
    }
    condition_lines(dist);
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
    nx_forecast_window(&whole, ev->c->profile, ev->w_s, from_us, dist);
    out->basis = NX_BASIS_PRIOR;
    if (!whole.known) {
        return;
    }
    if (ev->untrusted != NX_NO_LOOK && ev->c->profile->chain_possible) {
        const struct nx_look *look = &ev->c->looks[ev->untrusted];
        dist->extend_b_us =
            min64(nx_bracket(look, NX_CONV_F0).b_us, out->hard_stack.at_us);
        dist->p_extend = dist->extend_b_us > whole.b_us ? P_EXTEND_CHAIN : 0.0;
    }
    if (from_us >= whole.b_us) {
        dist->prior_b_us = whole.b_us;
        outlived(dist, &dist->prior_b_us);
    }
}

/* 5.7: SERVFAIL is cached 300 s at most after the last real failure. */
static void dist_of_failure(const struct nx_evidence *ev,
                            struct nx_verdict *out) {
    struct nx_window window = {
        .known =
            out->hard.reason != NX_HARD_NONE && out->hard.at_us > ev->c->now_us,
        .a_us = ev->c->now_us,
        .b_us = out->hard.at_us,
    };

    nx_forecast_window(&window, ev->c->profile, ev->w_s, ev->c->now_us,
                       &out->dist);
    out->basis = NX_BASIS_PRIOR;
}

/* The wrong RRset counts down like any other entry. */
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
    out->dist.from_us = out->lines[0].a_us;
    out->basis = NX_BASIS_COUNTDOWN;
}

static void dist_of_entry(const struct nx_evidence *ev,
                          struct nx_verdict *out) {
    struct nx_window window = window_of(ev);
    const struct nx_look *look = nx_evidence_negative(ev);

    out->prior_known = window.known;
    out->prior_a_us = window.a_us;
    out->prior_b_us = window.b_us;
    out->dist.from_us = look != NULL ? look->rx_us : ev->c->now_us;
    if (out->lines_n > 0) {
        dist_of_lines(ev, &window, out);
    } else if (ev->w_s > 0 && (look == NULL || ev->last == ev->last_neg)) {
        dist_of_window(ev, &window, out);
    }
}

static void take_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_line *last = last_line(out->lines, out->lines_n);

    if (last != NULL) {
        out->fill_known = true;
        out->fill_lo_us = last->a_us - w_us(ev);
        out->fill_hi_us = last->b_us - w_us(ev);
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

static void distribute(const struct nx_evidence *ev, struct nx_verdict *out) {
    switch ((enum nx_state)out->state) {
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
        dist_of_failure(ev, out);
        break;
    case NX_STATE_OLD_POSITIVE:
        dist_of_old_positive(ev, out);
        break;
    case NX_STATE_UNKNOWN:
        if (out->unknown_reason == NX_UNKNOWN_NEVER_SEEN ||
            out->unknown_reason == NX_UNKNOWN_AGENT_SILENT) {
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
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
    case NX_STATE_CLEAR:
    case NX_STATE_N_:
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
