#include "collector/mixture.h"

/* Weights of 12.1 and 12.4 (choices, to be learned): that a clock which may be
 * unbound's was already older than the entry; the same for a known unbound;
 * that what looks like a renewed zone clock is a chain that restarted. */
#define P_EXTEND_UNKNOWN 0.04
#define P_EXTEND_SHARED 0.25
#define P_EXTEND_CHAIN 0.15
/* A known dnsmasq shows too much after any other negative of the zone: the
 * entry may end anywhere before (resolver-facts.md 1.1). */
#define P_EARLY_RENEWED 0.40

static int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t w_us(const struct nx_evidence *ev) {
    return (int64_t)ev->w_s * NX_US_PER_S;
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

/* Convention U is the union of two families, and with looks at many phases each
 * stands at an end of it, not in its middle: an entry of the exclusive family
 * ends right after a. A tenth of the width more lets the 5 % quantile not cut
 * that end off. (The other end lies inside the late tail.) */
static void open_lower_ends(struct nx_dist *dist) {
    for (size_t i = 0; i < dist->lines_n; i++) {
        struct nx_line *line = &dist->lines[i];
        line->a_us -= (line->b_us - line->a_us) / 10;
    }
}

void nx_mixture_of_line(const struct nx_evidence *ev,
                        const struct nx_window *window,
                        const struct nx_line *last, struct nx_dist *dist) {
    if (ev->c->profile->soa_clock == NX_SOA_CLOCK_SHARED_RENEWED) {
        add_renewed(window, last, dist);
    } else {
        add_cure(ev, last, dist);
        add_extension(ev, last, dist);
    }
    if (nx_inclusive_us(ev->c->profile) > 0 &&
        ev->c->profile->conv == NX_CONV_U) {
        open_lower_ends(dist);
    }
    condition_lines(dist);
}

void nx_mixture_of_window(const struct nx_evidence *ev,
                          const struct nx_window *window,
                          const struct nx_hard *stack, struct nx_dist *dist) {
    if (ev->untrusted != NX_NO_LOOK && ev->c->profile->chain_possible) {
        const struct nx_look *look = &ev->c->looks[ev->untrusted];
        dist->extend_b_us =
            min64(nx_bracket(look, NX_CONV_F0).b_us, stack->at_us);
        dist->p_extend =
            dist->extend_b_us > window->b_us ? P_EXTEND_CHAIN : 0.0;
    }
    if (dist->from_us >= window->b_us) {
        dist->prior_b_us = window->b_us;
        outlived(dist, &dist->prior_b_us);
    }
}
