#include "collector/infer/schedule.h"

#include <math.h>

#include "collector/infer/confidence.h"

#define US_PER_S NX_US_PER_S
#define ROUTINE_LOOKS 40U
#define BETWEEN_LOOKS 18
#define P_RENEWED_LIKELY 0.1 /* the entry may be gone before its countdown */

int64_t nx_schedule_interval(const struct nx_diagnosis_settings *settings,
                             int64_t left_us) {
    double left_s = left_us > 0 ? (double)left_us * 1e-6 : 0.0;
    double raw_s = sqrt(2.0 * settings->probe_cost_s * left_s);
    int64_t raw_us = (int64_t)llround(raw_s * 1e6);

    return nx_max64(settings->probe_floor_us,
                    nx_min64(raw_us, settings->probe_ceiling_us));
}

/* The longest interval where nothing is counted down. */
static int64_t blind(int64_t left_us) {
    return nx_max64(NX_BLIND_MIN_US,
                    nx_min64(left_us / NX_BLIND_LOOKS, NX_BLIND_MAX_US));
}

/* Intervals count from the newest look: a verdict worked out again because time
 * passed must not put the next one off. */
static int64_t base(const struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    int64_t rx_us = c->looks_n > 0 ? c->looks[c->looks_n - 1].rx_us : c->now_us;

    return nx_min64(rx_us, c->now_us);
}

/* 5 s, 10 s, 20 s, ... (first 5) up to the ceiling. */
static int64_t backoff(const struct nx_evidence *ev, int64_t first_us,
                       unsigned times) {
    int64_t us = first_us;

    for (unsigned i = 1; i < times && us < ev->c->settings->probe_ceiling_us;
         i++) {
        us *= 2;
    }
    return base(ev) + nx_min64(us, ev->c->settings->probe_ceiling_us);
}

/* 5 s, 10 s, 20 s, ...: as long again as the row of failures has lasted; the
 * looks of one visit are one failure. */
static int64_t after_failure(const struct nx_evidence *ev) {
    const struct nx_diagnosis_settings *settings = ev->c->settings;
    int64_t lasted_us = 0;

    for (size_t i = ev->c->looks_n; i > 0; i--) {
        const struct nx_look *look = &ev->c->looks[i - 1];
        if (look->kind != NX_KIND_SERVFAIL) {
            break;
        }
        lasted_us = base(ev) - look->tx_us;
    }
    return base(ev) + nx_max64(5 * US_PER_S,
                               nx_min64(lasted_us, settings->probe_ceiling_us));
}

/* Negative looks since the last line ended: a resolver that serves first and
 * refreshes after gives one such answer (3.4). */
static unsigned denials_after_end(const struct nx_evidence *ev) {
    unsigned n = 0;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        n += nx_kind_is_negative(look->kind) && look->tx_us > ev->expired_us
                 ? 1U
                 : 0U;
    }
    return ev->expired_us == NX_TIME_UNKNOWN ? 0 : n;
}

/* A TTL above all that the authority gives that has come just now: only looks
 * over NX_FLAT_SPAN_US tell a countdown from a stale answer that stands still.
 */
static bool is_raised_anew(const struct nx_evidence *ev) {
    unsigned n = 0;
    int64_t since_us = INT64_MAX;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        if (nx_kind_is_negative(look->kind) &&
            look->r_s > (int64_t)ev->w_auth_s) {
            n++;
            since_us = nx_min64(since_us, look->tx_us);
        }
    }
    return ev->ttl_raised && n > 0 &&
           (n < NX_FLAT_LOOKS || base(ev) - since_us < NX_FLAT_SPAN_US);
}

static int64_t guard(const struct nx_evidence *ev) {
    const struct nx_look *look = nx_evidence_negative(ev);

    return ev->c->settings->guard_us +
           (look != NULL ? (int64_t)look->eps_us : 0);
}

/* The next instant at which the line may be seen to end: where the family is
 * not known, a second before its b too. */
static int64_t line_end(const struct nx_evidence *ev,
                        const struct nx_line *line) {
    int64_t at_us = line->b_us + guard(ev);

    if (line->is_union && at_us - US_PER_S > ev->c->now_us) {
        return at_us - US_PER_S;
    }
    return at_us;
}

/* An entry whose clock is not known to be its own may end before its countdown:
 * looks in between see it within a fraction of what was left. */
static int64_t in_between(const struct nx_evidence *ev, int64_t left_us) {
    int64_t most_us = ev->c->settings->probe_ceiling_us;

    if (ev->c->profile->soa_clock == NX_SOA_CLOCK_OWN) {
        return most_us;
    }
    return nx_max64(most_us / 6, nx_min64(left_us / BETWEEN_LOOKS, most_us));
}

static int64_t at_line(const struct nx_evidence *ev,
                       const struct nx_verdict *verdict) {
    int64_t now_us = ev->c->now_us;
    int64_t at_us = INT64_MAX;
    int64_t last_us = INT64_MIN;
    const struct nx_dist *dist = &verdict->dist;

    for (size_t i = 0; i < verdict->lines_n; i++) {
        at_us = nx_min64(at_us, line_end(ev, &verdict->lines[i]));
        last_us = nx_max64(last_us, line_end(ev, &verdict->lines[i]));
    }
    at_us = nx_min64(at_us, base(ev) + in_between(ev, last_us - base(ev)));
    /* Before the last one the state stays: such ends need no haste. */
    at_us = nx_max64(at_us, nx_min64(last_us, base(ev) + NX_BLIND_MAX_US / 2));
    if (dist->p_renewed > P_RENEWED_LIKELY && dist->renewed_a_us < now_us) {
        at_us = nx_min64(at_us, base(ev) + blind(last_us - base(ev)));
    }
    if (dist->known && dist->p_early > 0 &&
        nx_profile_early_us(ev->c->profile, nx_evidence_w_us(ev)) > 0 &&
        dist->early_b_us + US_PER_S > now_us) {
        at_us = nx_min64(at_us, dist->early_a_us + 3 * US_PER_S);
    }
    return nx_max64(at_us, now_us);
}

/* The first window of the prior opens. */
static int64_t window_opens(const struct nx_dist *dist) {
    int64_t at_us = dist->caps_n > 0 ? INT64_MAX : dist->prior_a_us;

    for (size_t i = 0; i < dist->caps_n; i++) {
        at_us = nx_min64(at_us, dist->caps[i].a_us);
    }
    return at_us;
}

/* Nothing to count down to: often enough to see the end soon, ever less often
 * when denials go on past all that was expected. */
static int64_t at_prior(const struct nx_evidence *ev,
                        const struct nx_verdict *verdict) {
    const struct nx_diagnosis_settings *settings = ev->c->settings;
    int64_t from_us = base(ev);
    const struct nx_dist *dist = &verdict->dist;
    int64_t left_us = 0;

    if (!dist->known) {
        left_us = ev->last_neg != NX_NO_LOOK
                      ? from_us - ev->c->looks[ev->first_neg].tx_us
                      : 0;
    } else if (from_us < window_opens(dist)) {
        return nx_min64(window_opens(dist) + guard(ev),
                        from_us + settings->probe_ceiling_us);
    } else {
        left_us = dist->prior_b_us - from_us;
    }
    return from_us +
           nx_min64(nx_schedule_interval(settings, left_us), blind(left_us));
}

/* Until the record is fetched anew, or surely without a denial. */
static int64_t at_fetch(const struct nx_evidence *ev) {
    const struct nx_look *first = &ev->c->looks[ev->first_pos];
    int64_t anew_us = first->rx_us + (first->r_s + INT64_C(1)) * US_PER_S;
    int64_t nsec_us = nx_clear_after_nsec_us(ev);
    int64_t at_us = nx_max64(
        nx_min64(anew_us, base(ev) + ev->c->settings->probe_ceiling_us),
        base(ev) + NX_BLIND_MAX_US / 2);

    return nsec_us != NX_TIME_UNKNOWN
               ? nx_min64(at_us, nx_max64(nsec_us + guard(ev),
                                          base(ev) + 2 * US_PER_S))
               : at_us;
}

static int64_t at_negative(const struct nx_evidence *ev,
                           const struct nx_verdict *verdict) {
    const struct nx_look *look = nx_evidence_negative(ev);
    int64_t at_us =
        verdict->lines_n > 0 ? at_line(ev, verdict) : at_prior(ev, verdict);

    if (ev->last_pos != NX_NO_LOOK && ev->last == ev->last_pos &&
        verdict->lines_n == 0) {
        return at_fetch(ev);
    }
    if (ev->last == ev->last_neg && is_raised_anew(ev)) {
        return nx_min64(at_us, base(ev) + NX_FLAT_SPAN_US);
    }
    if (look != NULL && look->r_s <= 30 && ev->last == ev->last_neg) {
        unsigned n = denials_after_end(ev);
        if (n == 1) {
            return nx_min64(at_us, base(ev) + 2 * US_PER_S);
        }
        if (n == 2) {
            return nx_min64(at_us, base(ev) + 35 * US_PER_S);
        }
    }
    return at_us;
}

static int64_t at_state(const struct nx_evidence *ev,
                        const struct nx_verdict *verdict) {
    const struct nx_look *look = nx_evidence_negative(ev);
    int64_t from_us = base(ev);

    switch ((enum nx_state)verdict->state) {
    case NX_STATE_UNREACHABLE:
        return backoff(ev, 15 * US_PER_S, ev->lost_n > 2 ? ev->lost_n - 2 : 1);
    case NX_STATE_POLICY_BLOCKED:
    case NX_STATE_REFUSED:
        return from_us + 900 * US_PER_S;
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
        return after_failure(ev);
    case NX_STATE_STALE_SERVED:
        return from_us + ev->c->settings->guard_us +
               (look != NULL && look->r_s > 30 ? look->r_s : 30) * US_PER_S;
    case NX_STATE_CLEAR:
        return from_us + ev->c->settings->probe_ceiling_us;
    case NX_STATE_UNKNOWN:
        return from_us + (verdict->unknown_reason == NX_UNKNOWN_INCONSISTENT
                              ? 2 * US_PER_S
                              : ev->c->settings->probe_floor_us);
    case NX_STATE_RECACHED:
    case NX_STATE_OLD_POSITIVE:
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_PARTLY_CLEAR:
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_N_:
        break;
    }
    return at_negative(ev, verdict);
}

/* A row of positives is followed at once, unless positives came before the
 * last denial too: several caches, so the next line's end decides. */
static bool is_row_promising(const struct nx_evidence *ev,
                             const struct nx_verdict *verdict) {
    return verdict->state == NX_STATE_PARTLY_CLEAR && ev->run_n > 0 &&
           ev->run_n < nx_positives_needed(ev) &&
           (verdict->lines_n == 0 || ev->pos_n == ev->run_n ||
            ev->expired_unverified);
}

static uint16_t visit(unsigned n) {
    return (uint16_t)(n < 1 ? 1 : n < NX_VISIT_MAX ? n : NX_VISIT_MAX);
}

/* Is the next visit one in the middle of a long wait, after many like it? Where
 * entries are filled again, each look that is denied says enough. */
static bool is_routine(const struct nx_evidence *ev,
                       const struct nx_verdict *verdict, int64_t at_us) {
    if (nx_is_refed(ev)) {
        return true;
    }
    for (size_t i = 0; i < verdict->lines_n; i++) {
        if (verdict->lines[i].b_us <= at_us + US_PER_S) {
            return false;
        }
    }
    return verdict->lines_n > 0 && ev->c->looks_n >= ROUTINE_LOOKS;
}

static unsigned usual_visit(const struct nx_evidence *ev,
                            const struct nx_verdict *verdict) {
    double caches = ev->caches > 0 ? ev->caches : ev->chao.s_hat;

    return is_routine(ev, verdict, verdict->next_probe_us)
               ? 1
               : nx_probes_to_reach(caches);
}

void nx_schedule_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    unsigned first_n = ev->c->settings->first_visit_n;
    int64_t soon_us = ev->c->now_us;

    out->next_probe_us = NX_TIME_UNKNOWN;
    out->visit_n = 0;
    if (!ev->c->auth->verified) {
        return;
    }
    if (ev->c->looks_n > 0) {
        int64_t last_us = ev->c->looks[ev->c->looks_n - 1].tx_us;
        soon_us = nx_max64(soon_us, last_us + NX_VISIT_GAP_US);
    }
    if (ev->after_restored_n < first_n) {
        out->next_probe_us = soon_us;
        out->visit_n = visit(first_n - ev->after_restored_n);
    } else if (is_row_promising(ev, out)) {
        out->next_probe_us = soon_us;
        out->visit_n = visit(nx_positives_needed(ev) - ev->run_n);
    } else {
        out->next_probe_us = out->doubt_us != NX_TIME_UNKNOWN
                                 ? base(ev) + 2 * US_PER_S
                                 : at_state(ev, out);
        out->next_probe_us = nx_max64(out->next_probe_us, ev->c->now_us);
        out->visit_n = visit(usual_visit(ev, out));
    }
}
