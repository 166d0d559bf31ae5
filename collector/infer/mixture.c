#include "collector/infer/mixture.h"

#include <assert.h>

#include "collector/infer/window.h"

/* Weights of 12.1 and 12.4, tuned on calibration seeds of tests/simulator: that
 * a clock which may be unbound's was already older than the entry; the same for
 * a known unbound; that what looks like a renewed zone clock is a chain that
 * restarted. */
#define P_INCLUSIVE 0.44 /* 12.3: Unbound to 1.24, Knot Resolver, chains */
#define P_BETWEEN 0.18
#define P_EXTEND_UNKNOWN 0.0385 /* 0.035 of all, with the usual others */
#define P_EXTEND_SHARED 0.10
#define P_EXTEND_CHAIN 0.25
/* The same for a chain whose front was measured. */
#define P_ABOVE 0.14
#define P_ABOVE_HIGHER 0.38
#define P_ABOVE_AGAIN 0.60
/* A denial is made from NSEC records that outlive its SOA (RFC 8198): by those
 * that validate, while other denials renew the SOA; likely where that was seen.
 */
#define P_NSEC 0.35
#define P_NSEC_RENEWED 0.65
#define ABOVE_US (3600 * NX_US_PER_S) /* the commonest cap */
/* A dnsmasq shows too much after any other negative of the zone: the entry may
 * end anywhere before (12.1). Known, or possible. */
#define P_RENEWED 0.40
#define P_RENEWED_UNKNOWN 0.0215  /* 0.02 of all, with the usual cure */
#define P_RENEWED_FLOOR 0.35      /* a shared clock, one of the two */
#define CURE_US (3 * NX_US_PER_S) /* the look that cures comes inside */
/* BIND, a quarter of all (9.1), renews positive data 2 s before the end. */
#define P_PREFETCH 0.20
#define PREFETCH_US (2 * NX_US_PER_S)

/* 12.5; see estimator.h. Where the software is not known, names worth an
 * incident are asked so often that the cure comes as the window opens. A look
 * inside the window cures by itself, so a second one still negative refutes it.
 */
static void add_cure(const struct nx_evidence *ev, const struct nx_line *last,
                     struct nx_dist *dist) {
    const struct nx_profile *profile = ev->c->profile;
    int64_t early_us = nx_profile_early_us(profile, nx_evidence_w_us(ev));
    int64_t opens_us = last->a_us - early_us;
    unsigned inside_n = 0;

    if (profile->p_early <= 0 || early_us == 0 || dist->from_us >= last->a_us) {
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
    dist->early_a_us = nx_max64(opens_us - NX_US_PER_S, dist->from_us);
    dist->early_b_us = nx_max64(opens_us + (profile->verified ? CURE_US : 0),
                                dist->from_us + NX_US_PER_S / 1000);
}

static void add_renewed(const struct nx_evidence *ev,
                        const struct nx_window *window,
                        const struct nx_line *last, struct nx_dist *dist) {
    uint8_t clock = ev->c->profile->soa_clock;
    int64_t a_us =
        window->known ? nx_max64(window->a_us, dist->from_us) : dist->from_us;

    if (a_us >= last->a_us || clock == NX_SOA_CLOCK_OWN ||
        clock == NX_SOA_CLOCK_SHARED_UNTIL_CHANGE) {
        return;
    }
    dist->renewed_a_us = a_us;
    dist->p_renewed =
        clock == NX_SOA_CLOCK_UNKNOWN ? P_RENEWED_UNKNOWN : P_RENEWED;
}

/* Below another cache, what ends is fetched again from there, where the entry
 * may be younger, live longer (a higher cap), or be another cache's. A fill
 * after the restoration shows that it was so already. */
static void add_chain(const struct nx_evidence *ev, const struct nx_line *last,
                      struct nx_dist *dist) {
    int64_t restored_us = ev->c->auth->restored_hi_us;
    int64_t above_us = nx_min64((int64_t)ev->w_auth_s * NX_US_PER_S,
                                nx_max64(nx_evidence_w_us(ev), ABOVE_US));
    bool raised = ev->c->profile->clamp_lo_s > ev->w_auth_s;
    bool higher = ev->w_auth_s > ev->w_s || raised;

    above_us = raised ? above_us + nx_evidence_w_us(ev)
                      : nx_max64(above_us, nx_evidence_w_us(ev));
    dist->extend_a_us = last->b_us;
    dist->extend_b_us = restored_us + above_us + NX_US_PER_S;
    if (dist->extend_b_us > last->b_us) {
        dist->p_extend = !higher ? P_ABOVE
                         : last->a_us - nx_evidence_w_us(ev) > restored_us
                             ? P_ABOVE_AGAIN
                             : P_ABOVE_HIGHER;
    }
}

/* 12.1: the entry lives to its own fill + W if somebody renewed the SOA; that
 * takes a serial that moves. */
static void add_extension(const struct nx_evidence *ev,
                          const struct nx_line *last, struct nx_dist *dist) {
    int64_t end_us = nx_single_layer_end(ev);
    uint8_t clock = ev->c->profile->soa_clock;

    if (ev->c->profile->verified && ev->c->profile->chain_possible) {
        add_chain(ev, last, dist);
        return;
    }
    if (clock != NX_SOA_CLOCK_UNKNOWN &&
        (clock != NX_SOA_CLOCK_SHARED_UNTIL_CHANGE ||
         !ev->c->auth->serial_moves)) {
        return;
    }
    end_us = nx_min64(end_us, ev->c->looks[ev->first_neg].rx_us +
                                  nx_evidence_w_us(ev) + NX_US_PER_S);
    if (end_us > last->b_us) {
        dist->p_extend =
            clock == NX_SOA_CLOCK_UNKNOWN ? P_EXTEND_UNKNOWN : P_EXTEND_SHARED;
        dist->extend_a_us = last->b_us;
        dist->extend_b_us = end_us;
    }
}

/* To the end of the NSEC records, which were fetched with the denial, or with
 * one before it. */
static bool add_nsec(const struct nx_evidence *ev, int64_t after_us,
                     struct nx_dist *dist) {
    struct nx_window window =
        nx_window_of(ev, (int64_t)ev->nsec_s * NX_US_PER_S);
    const struct nx_look *look = nx_evidence_negative(ev);
    bool renewed = ev->untrusted != NX_NO_LOOK ||
                   (look != NULL && nx_serial_current(look, ev->c->auth));

    window.b_us += nx_inclusive_us(ev->c->profile);
    /* Where W is theirs already, so is what was read. */
    if (ev->nsec_s <= ev->w_s || !nx_nsec_outlives_soa(ev) || !window.known ||
        window.b_us <= after_us) {
        return false;
    }
    double p = renewed ? P_NSEC_RENEWED : P_NSEC;
    dist->p_renewed *= 1.0 - p; /* this explains the SOA first */
    dist->p_extend = p / (1.0 - dist->p_renewed);
    dist->extend_a_us = nx_max64(window.a_us, after_us);
    dist->extend_b_us = window.b_us;
    return true;
}

/* The cached NS set was read during the outage, so it lives to some moment of
 * the window [outage + TTL, restoration + TTL], and after the fill of what was
 * seen; what ends before that moment is filled again. */
static void add_refill(const struct nx_evidence *ev, const struct nx_line *last,
                       struct nx_dist *dist) {
    const struct nx_auth_facts *auth = ev->c->auth;
    struct nx_window ns =
        nx_prior(auth->outage_lo_us, auth->restored_hi_us, nx_fed_us(auth));
    int64_t a_us = nx_max64(ns.a_us, last->a_us - nx_evidence_w_us(ev));

    if (!ns.known || ns.b_us <= a_us || ns.b_us <= last->b_us) {
        return;
    }
    double before = last->b_us <= a_us ? 0.0
                                       : (double)(last->b_us - a_us) /
                                             (double)(ns.b_us - a_us);
    dist->p_extend = 1.0 - before;
    dist->p_early = dist->p_renewed = 0.0;
    dist->extend_a_us = nx_max64(last->b_us, a_us);
    dist->extend_b_us = ns.b_us + nx_evidence_w_us(ev);
    double n = (double)dist->lines_n + dist->nu;
    dist->extend_n = n < UINT8_MAX ? (uint8_t)n : UINT8_MAX;
}

/* Each weight above is that of what it tells if nothing before it came: a cure,
 * then a renewed clock, then an extension. Of the whole they are less, and
 * never more than all. */
static void take_turns(struct nx_dist *dist) {
    double left = 1.0 - dist->p_early;

    dist->p_renewed *= left;
    left -= dist->p_renewed;
    dist->p_extend *= left;
    assert(left >= 0.0 && dist->p_extend <= left);
}

void nx_mixture_of_line(const struct nx_evidence *ev,
                        const struct nx_window *window,
                        const struct nx_line *last, struct nx_dist *dist) {
    dist->p_inclusive = P_INCLUSIVE; /* these two count for unions only */
    dist->p_between = P_BETWEEN;
    add_cure(ev, last, dist);
    add_renewed(ev, window, last, dist);
    if (nx_is_refed(ev)) {
        add_refill(ev, last, dist);
    } else if (!add_nsec(ev, last->b_us, dist)) {
        add_extension(ev, last, dist);
    }
    take_turns(dist);
}

/* The floor holds for unbound's clock, not for dnsmasq's (12.1). */
static void add_below_floor(const struct nx_evidence *ev,
                            struct nx_dist *dist) {
    const struct nx_auth_facts *auth = ev->c->auth;
    struct nx_window open = nx_prior(auth->outage_lo_us, auth->restored_hi_us,
                                     nx_evidence_w_us(ev));
    int64_t a_us = nx_max64(open.a_us, dist->from_us);

    if (ev->c->profile->soa_clock == NX_SOA_CLOCK_UNKNOWN &&
        ev->floor_us != NX_TIME_UNKNOWN && a_us < dist->prior_a_us) {
        dist->renewed_a_us = a_us;
        dist->p_renewed = P_RENEWED_FLOOR;
    }
}

void nx_mixture_of_old_answer(const struct nx_evidence *ev,
                              const struct nx_line *line,
                              struct nx_dist *dist) {
    dist->p_inclusive = P_INCLUSIVE;
    dist->p_between = P_BETWEEN;
    if (!ev->c->profile->verified && line->a_us - PREFETCH_US > dist->from_us) {
        dist->p_early = P_PREFETCH;
        dist->early_a_us = line->a_us - PREFETCH_US;
        dist->early_b_us = line->a_us - PREFETCH_US + NX_US_PER_S;
    }
}

void nx_mixture_of_window(const struct nx_evidence *ev,
                          const struct nx_window *window,
                          const struct nx_hard *stack, struct nx_dist *dist) {
    add_below_floor(ev, dist);
    if (!nx_is_refed(ev) && add_nsec(ev, ev->floor_us, dist)) {
        take_turns(dist);
        return;
    }
    if (ev->untrusted != NX_NO_LOOK && ev->c->profile->chain_possible) {
        const struct nx_look *look = &ev->c->looks[ev->untrusted];
        dist->extend_a_us = window->b_us;
        dist->extend_b_us =
            nx_min64(nx_bracket(look, NX_CONV_F0).b_us, stack->at_us);
        dist->p_extend =
            dist->extend_b_us > window->b_us ? P_EXTEND_CHAIN : 0.0;
    }
    take_turns(dist);
}
