#include "collector/infer/confidence.h"

#include <math.h>

#define LOOKS_IN_ALL 14U /* 1 - 0.05^(1/14) = 0.19 */
#define EARLY_LOOKS 8U
#define BLIND_LOOKS 12U /* where no countdown told caches apart */
#define ONE_CACHE_LOOKS 3U
#define SHORT_TTL_S 30
#define MEDIUM_TTL_S 300
#define MISSED 0.01 /* of caches that were not seen */
#define MISSED_MIXED 1e-3
#define MISSED_ALIVE 1e-4
#define LATELY_US (20 * NX_US_PER_S)
#define RATIO_LOOKS 16U /* newest looks that tell the share denied now */

static unsigned max_n(unsigned a, unsigned b) {
    return a > b ? a : b;
}

/* Surely not ended yet, if nothing but its TTL ends it. */
static bool is_line_alive(const struct nx_evidence *ev) {
    if (ev->cut_us > ev->c->now_us) {
        return true;
    }
    for (size_t i = 0; i < ev->lines.n; i++) {
        if (ev->lines.at[i].line.a_us > ev->c->now_us) {
            return true;
        }
    }
    return false;
}

/* Tries that all miss a cache with that share of the queries with p. */
static unsigned to_exclude(double share, double p) {
    return share < 0.999 ? (unsigned)ceil(log(p) / log(1.0 - share)) : 1U;
}

static double looks_before_row(const struct nx_evidence *ev) {
    return (double)(ev->neg_n + ev->pos_n - ev->run_n);
}

/* Tries that would have met each live line. A flush is rare, and every visit is
 * another chance to miss a line: so hardly a doubt must be left. */
static unsigned early_needed(const struct nx_evidence *ev) {
    double least = 1.0;

    for (size_t i = 0; i < ev->lines.n; i++) {
        double share =
            (ev->lines.at[i].line.looks_n + 0.5) / (looks_before_row(ev) + 1.0);
        least = share < least ? share : least;
    }
    return max_n(to_exclude(least, MISSED_ALIVE), EARLY_LOOKS);
}

static unsigned rest_of(unsigned all, unsigned had) {
    return all > had ? all - had : 0;
}

/* Many looks, one countdown, no answer in between: one cache. */
static bool is_one_cache(const struct nx_evidence *ev) {
    return ev->lines_seen_n == 1 && ev->neg_n >= EARLY_LOOKS &&
           ev->pos_n == ev->run_n;
}

/* Loads are unequal (5.9): the least used of K caches may get half of an equal
 * share. */
static unsigned of_caches(double caches) {
    return caches > 1.5 ? to_exclude(0.5 / caches, MISSED) : 1U;
}

/* The more of the caches that denied and of those that answer now; at least
 * two. */
static double estimated_caches(const struct nx_evidence *ev) {
    bool ended = ev->lines_seen_n > 0 && ev->lines.n == 0;
    double denied = ended ? ev->chao.s_hat - 1.0 : ev->chao.s_hat;
    double answering = ev->answering.s_hat + (double)ev->lines.n;

    return fmax(2.0, fmax(denied, answering));
}

/* Their number is known (canary). It may have grown since, and one with a small
 * share is missed: where a countdown says that an entry lives, it has to be
 * seen gone as often as it was seen there, up to what a flush takes anywhere.
 */
static unsigned needed_of_known(const struct nx_evidence *ev) {
    unsigned caches = ev->caches;

    if (is_line_alive(ev)) {
        unsigned n = max_n(of_caches(caches), early_needed(ev));
        return caches == 1 && ev->neg_n < n ? ev->neg_n : n;
    }
    if (ev->lines_seen_n >= caches) {
        return nx_probes_to_reach(caches); /* all were seen to end */
    }
    if (ev->answering.s_obs >= caches) {
        return 1; /* all of them answer */
    }
    return of_caches(caches);
}

/* Denials that no countdown ended: only that they stay away says that they are
 * over. Where answers came before the last denial too, each visit is a chance
 * to miss. */
static bool is_blind(const struct nx_evidence *ev) {
    return ev->neg_n > 0 &&
           (ev->lines_seen_n == 0 || ev->untrusted == ev->last_neg);
}

static unsigned needed_blind(const struct nx_evidence *ev) {
    double share = (ev->neg_n + 0.5) / (looks_before_row(ev) + 1.0);
    double p = ev->pos_n > ev->run_n ? MISSED_MIXED : MISSED;
    unsigned n = max_n(to_exclude(share, p), BLIND_LOOKS);

    return max_n(n, to_exclude(1.0 / estimated_caches(ev), MISSED));
}

/* Criterion 2; a denial past the bound, or a countdown, refutes it. */
static bool is_past_bound(const struct nx_evidence *ev) {
    int64_t end_us = nx_single_layer_end(ev);

    return ev->w_s > 0 && ev->c->now_us > end_us && !is_line_alive(ev) &&
           (ev->last_neg == NX_NO_LOOK ||
            ev->c->looks[ev->last_neg].tx_us <= end_us);
}

static unsigned needed_unbounded(const struct nx_evidence *ev) {
    double caches = estimated_caches(ev);
    unsigned rest = rest_of(LOOKS_IN_ALL, ev->neg_n);

    if (is_past_bound(ev)) {
        return nx_probes_to_reach(ev->caches > 0 ? ev->caches : caches);
    }
    if (ev->caches > 0) {
        return needed_of_known(ev);
    }
    if (is_line_alive(ev)) {
        return max_n(early_needed(ev), rest);
    }
    if (nx_is_refed(ev)) { /* one record ended, another one may come */
        return max_n(of_caches(caches), rest);
    }
    if (is_blind(ev)) {
        return max_n(needed_blind(ev), rest);
    }
    if (is_one_cache(ev)) {
        return ONE_CACHE_LOOKS;
    }
    if (caches < 2.5) {
        return max_n(nx_probes_to_reach(caches), rest);
    }
    if (ev->neg_n >= EARLY_LOOKS && caches < 4.5) {
        return max_n(to_exclude(1.0 / caches, MISSED), rest);
    }
    return max_n(of_caches(caches), rest);
}

/* Surely fetched after the restoration? */
static bool is_fetched_anew(const struct nx_evidence *ev,
                            const struct nx_look *look) {
    const struct nx_auth_facts *auth = ev->c->auth;
    int64_t ttl_s = auth->positive_ttl_s;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *other = &ev->c->looks[i];
        if (other->kind == NX_KIND_POS && other->r_s > ttl_s) {
            ttl_s = other->r_s;
        }
    }
    return auth->positive_ttl_s > 0 && look->r_s >= 0 &&
           look->tx_us + (look->r_s - 1 - ttl_s) * NX_US_PER_S >=
               auth->restored_hi_us;
}

/* Below several caches, a record that soon ends is worth waiting for: the next
 * one may be another's. Longer where nothing was denied, so nobody waits. */
static int32_t worth_waiting_s(const struct nx_evidence *ev) {
    return ev->neg_n == 0 ? MEDIUM_TTL_S : SHORT_TTL_S;
}

/* One cached record says nothing about what is fetched after it, where old
 * servers or the other caches of a lower layer may be asked then. */
static bool is_older_record(const struct nx_evidence *ev) {
    const struct nx_profile *profile = ev->c->profile;
    bool layers = profile->verified && profile->chain_possible;
    const struct nx_look *first = NULL;
    const struct nx_look *last = NULL;
    int64_t anew_us = 0;

    if ((!nx_is_refed(ev) && !layers) || ev->first_pos == NX_NO_LOOK ||
        ev->c->now_us > nx_single_layer_end(ev)) {
        return false;
    }
    first = &ev->c->looks[ev->first_pos];
    last = &ev->c->looks[ev->last_pos];
    anew_us = first->rx_us + first->r_s * NX_US_PER_S;
    if (first->r_s <= 0 || last->tx_us > anew_us) {
        return false;
    }
    return !is_fetched_anew(ev, last) ||
           (layers && first->r_s <= worth_waiting_s(ev));
}

unsigned nx_positives_needed(const struct nx_evidence *ev) {
    unsigned n = needed_unbounded(ev);
    unsigned most = nx_positives_required(ev->c->settings->clear_max_share);

    return n < most ? n : most;
}

/* Does a record that was seen lately end before, in one of the caches? */
static bool is_fetched_before(const struct nx_evidence *ev, int64_t end_us) {
    const struct nx_look *last = &ev->c->looks[ev->last_pos];

    for (int i = ev->first_pos; i <= ev->last_pos; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        if (look->kind == NX_KIND_POS &&
            last->tx_us - look->tx_us <= LATELY_US &&
            look->tx_us + look->r_s * NX_US_PER_S <= end_us) {
            return true;
        }
    }
    return false;
}

/* A cache has its record to its end, whatever NSEC records it has; what is
 * fetched before the end of those may be a denial. */
static bool may_be_denied_anew(const struct nx_evidence *ev) {
    int64_t end_us = nx_single_layer_end(ev);

    return end_us != INT64_MAX && nx_nsec_outlives_soa(ev) &&
           ev->c->looks[ev->last_pos].tx_us <= end_us &&
           is_fetched_before(ev, end_us);
}

static bool is_row_enough(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;

    return (auth->all_ns_good || !auth->observed) && ev->run_n > 0 &&
           ev->run_n >= nx_positives_needed(ev) && !is_older_record(ev);
}

bool nx_is_confirmed_clear(const struct nx_evidence *ev) {
    return is_row_enough(ev) && !may_be_denied_anew(ev);
}

int64_t nx_clear_after_nsec_us(const struct nx_evidence *ev) {
    return is_row_enough(ev) && may_be_denied_anew(ev) ? nx_single_layer_end(ev)
                                                       : NX_TIME_UNKNOWN;
}

/* Smoothed share of the newest looks (7). */
static double ratio_of_looks(const struct nx_evidence *ev) {
    unsigned n = 0;
    unsigned denied = 0;

    for (size_t i = ev->c->looks_n; i > 0 && n < RATIO_LOOKS; i--) {
        unsigned kind = ev->c->looks[i - 1].kind;
        if (nx_kind_is_negative(kind)) {
            denied++;
            n++;
        } else if (kind == NX_KIND_POS) {
            n++;
        }
    }
    return (denied + 0.5) / (n + 1.0);
}

/* The share is a share of queries asked now: after the last line has ended
 * only the row of positives counts. */
static double ratio_of(const struct nx_evidence *ev,
                       const struct nx_verdict *verdict) {
    switch ((enum nx_state)verdict->state) {
    case NX_STATE_CLEAR:
    case NX_STATE_OLD_POSITIVE:
        return 0.0;
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
        return -1.0;
    case NX_STATE_UNKNOWN:
        return verdict->dist.known ? 1.0 - verdict->p_clear : -1.0;
    case NX_STATE_PARTLY_CLEAR:
        return ev->lines.n == 0 && ev->run_n > 0 ? 0.5 / (ev->run_n + 1.0)
                                                 : ratio_of_looks(ev);
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_RECACHED:
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_POLICY_BLOCKED:
        return ev->pos_n > 0 ? ratio_of_looks(ev) : 1.0;
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
    case NX_STATE_N_:
        break;
    }
    return 1.0;
}

void nx_confidence_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_look *looks = ev->c->looks;

    out->denied_ratio = ratio_of(ev, out);
    out->positives_in_row = (uint16_t)ev->run_n;
    if (ev->run_n > 0) {
        out->denied_upper95 = nx_denied_upper95(ev->run_n);
    }
    if (out->state == NX_STATE_CLEAR && ev->last_neg != NX_NO_LOOK &&
        ev->first_pos != NX_NO_LOOK) {
        out->clear_lo_us = looks[ev->last_neg].tx_us;
        out->clear_hi_us = looks[ev->first_pos].rx_us;
    }
}
