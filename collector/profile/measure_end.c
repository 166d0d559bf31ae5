/* Countdowns: whose clock they show, and where they end. */
#include <stdlib.h>

#include "collector/profile/measure_priv.h"

#define US_PER_S INT64_C(1000000)
#define NEAR_US (US_PER_S + US_PER_S / 2) /* two ends of one entry, rounded */
#define APART_US (4 * US_PER_S)           /* the names are asked 7 s apart */
#define SLACK_US (US_PER_S / 20)
#define FLAT_US (3 * US_PER_S)
/* Looks this close see TTL 0 if it is shown for its second. */
#define CLOSE_US (9 * US_PER_S / 10)
#define TENTH_US (NX_CANARY_PREFETCH_S / 10 * US_PER_S)
#define EARLY_S 5 /* Knot Resolver's predict (section 12.5) */
#define JUMP_S 2

static bool is_denial(const struct nx_look *look) {
    return look->kind == NX_KIND_NXDOMAIN && look->r_s >= 0;
}

static int64_t end_of(const struct nx_look *look) {
    return look->rx_us + look->r_s * US_PER_S;
}

static const struct nx_look *last_denial(const struct nx_canary_looks *looks,
                                         enum nx_canary which) {
    for (unsigned i = looks->n[which]; i > 0; i--) {
        if (is_denial(&looks->of[which][i - 1].look)) {
            return &looks->of[which][i - 1].look;
        }
    }
    return NULL;
}

static bool near(int64_t a_us, int64_t b_us) {
    return llabs(a_us - b_us) <= NEAR_US;
}

enum nx_soa_clock nx_measure_clock(const struct nx_canary_looks *looks) {
    const struct nx_look *first = &looks->of[NX_CANARY_CLOCK][0].look;
    const struct nx_look *next = &looks->of[NX_CANARY_CLOCK_NEXT][0].look;
    const struct nx_look *last = last_denial(looks, NX_CANARY_CLOCK);
    if (looks->n[NX_CANARY_CLOCK] < 2 || looks->n[NX_CANARY_CLOCK_NEXT] == 0 ||
        !is_denial(first) || !is_denial(next) || last == NULL ||
        last->tx_us < next->rx_us || next->tx_us - first->rx_us < APART_US ||
        end_of(first) < last->rx_us + US_PER_S) {
        return NX_SOA_CLOCK_UNKNOWN; /* lost, or over meanwhile */
    }
    int64_t first_us = end_of(first);
    int64_t next_us = end_of(next);
    int64_t last_us = end_of(last);
    if (near(first_us, next_us) && near(first_us, last_us)) {
        return NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    }
    if (next_us - first_us < APART_US) {
        return NX_SOA_CLOCK_UNKNOWN;
    }
    return near(first_us, last_us)  ? NX_SOA_CLOCK_OWN
           : near(next_us, last_us) ? NX_SOA_CLOCK_SHARED_RENEWED
                                    : NX_SOA_CLOCK_UNKNOWN;
}

/* The first entry, look by look. */
struct life {
    int64_t last_tx_us; /* its last look */
    int64_t after_us;   /* the first look that is not its; 0: none came */
    int64_t gap_us;     /* the longest wait between looks near the end */
    int64_t early_us;   /* the earliest end that a look claims: rx + r */
    int64_t late_us;    /* the latest: tx + r */
    int32_t first_r_s, last_r_s;
    bool zero, flat, stale;
};

/* A TTL of 1 may stand for less: systemd-resolved shows at least that. */
static void claim(struct life *life, const struct nx_look *look) {
    int64_t early_us = look->rx_us + look->r_s * US_PER_S;
    int64_t late_us = look->tx_us + look->r_s * US_PER_S;
    if (look->r_s > 1) {
        life->early_us = early_us < life->early_us ? early_us : life->early_us;
        life->late_us = late_us > life->late_us ? late_us : life->late_us;
    }
}

static void note_gap(struct life *life, const struct nx_look *look) {
    int64_t gap_us = look->tx_us - life->last_tx_us;
    if (life->last_tx_us != 0 && gap_us > life->gap_us) {
        life->gap_us = gap_us;
    }
}

static void live_on(struct life *life, const struct nx_look *look) {
    if (look->r_s <= JUMP_S) {
        note_gap(life, look);
    }
    claim(life, look);
    life->last_tx_us = look->tx_us;
    life->last_r_s = look->r_s;
    life->zero = life->zero || look->r_s == 0;
}

static void read_life(const struct nx_canary_looks *looks, struct life *life) {
    const struct nx_canary_look *of = looks->of[NX_CANARY_END];
    int64_t start_us = of[0].look.rx_us;
    *life = (struct life){.early_us = INT64_MAX,
                          .late_us = INT64_MIN,
                          .first_r_s = of[0].look.r_s};
    for (unsigned i = 0; i < looks->n[NX_CANARY_END]; i++) {
        const struct nx_look *look = &of[i].look;
        life->stale |= (look->flags & NX_LOOK_EDE_STALE) != 0;
        if (!is_denial(look) || life->after_us != 0) {
            continue;
        }
        bool again = life->last_tx_us != 0 &&
                     look->r_s >= (int64_t)life->last_r_s + JUMP_S;
        if (again) {
            /* More than a fresh denial has: stale (RFC 8767 section 4). */
            life->stale |= look->r_s >= (int64_t)life->first_r_s + JUMP_S;
            life->after_us = look->rx_us;
            note_gap(life, look);
        } else {
            live_on(life, look);
        }
    }
    life->flat = life->last_tx_us - start_us >= FLAT_US &&
                 life->last_r_s == life->first_r_s;
}

/* Does the rule "ends between from and to" agree with what was seen? */
static bool agrees(const struct life *life, int64_t from_us, int64_t to_us) {
    return to_us + SLACK_US >= life->last_tx_us &&
           from_us - SLACK_US <= life->after_us;
}

/* Estimator.md 3.3: F ends within (t+r-1, t+r] of each look, F0 and T within
 * (t+r, t+r+1]; TTL 0 is F0's alone. */
static enum nx_conv conv_of(const struct life *life) {
    if (life->flat || life->after_us == 0 || life->gap_us > CLOSE_US) {
        return NX_CONV_U;
    }
    if (life->zero) {
        return NX_CONV_F0;
    }
    bool f = agrees(life, life->late_us - US_PER_S, life->early_us);
    bool t = agrees(life, life->late_us, life->early_us + US_PER_S);
    return f == t ? NX_CONV_U : f ? NX_CONV_F : NX_CONV_T;
}

/* A new entry while the old one had seconds to live. */
static bool cured_early(const struct life *life) {
    return life->after_us != 0 && life->last_r_s >= JUMP_S &&
           life->after_us < life->late_us - US_PER_S - SLACK_US;
}

/* A look in the last tenth, and the next one, after the end: nobody else asks
 * for this name, so an entry that is older than that look was fetched because
 * of the first. */
static enum nx_early early_between(const struct nx_look *inside,
                                   const struct nx_look *after) {
    int64_t apart_us = after->tx_us - inside->tx_us;
    int64_t age_s = NX_CANARY_PREFETCH_S - (int64_t)after->r_s;
    if (!is_denial(inside) || !is_denial(after) ||
        inside->r_s > NX_CANARY_PREFETCH_S / 10 || apart_us < TENTH_US) {
        return NX_EARLY_UNKNOWN;
    }
    if (age_s <= 1) { /* rounded */
        return NX_EARLY_NEVER;
    }
    bool asked_once = after->rx_us - after->tx_us < US_PER_S / 2;
    return asked_once && age_s * US_PER_S <= apart_us + US_PER_S
               ? NX_EARLY_SEEN
               : NX_EARLY_UNKNOWN;
}

/* Unbound's prefetch begins with the last tenth. */
static enum nx_early early_in_tenth(const struct nx_canary_looks *looks) {
    const struct nx_canary_look *of = looks->of[NX_CANARY_PREFETCH];
    unsigned n = looks->n[NX_CANARY_PREFETCH];
    enum nx_early early = NX_EARLY_UNKNOWN;
    if (n == 0 || !is_denial(&of[0].look) ||
        of[0].look.r_s > NX_CANARY_PREFETCH_S ||
        of[0].look.r_s + NX_UNFAIR_S < NX_CANARY_PREFETCH_S) {
        return NX_EARLY_UNKNOWN; /* no such zone, a cap, another name's SOA */
    }
    for (unsigned i = 1; i < n && early == NX_EARLY_UNKNOWN; i++) {
        early = early_between(&of[i - 1].look, &of[i].look);
    }
    return early;
}

void nx_measure_end(const struct nx_canary_looks *looks, unsigned caches_seen,
                    struct nx_profile *profile) {
    struct life life;
    bool alone =
        caches_seen <= 1; /* or it may be another one's younger entry */
    if (looks->n[NX_CANARY_END] == 0 ||
        !is_denial(&looks->of[NX_CANARY_END][0].look)) {
        return;
    }
    read_life(looks, &life);
    if (looks->sibling && life.first_r_s + INT64_C(1) < (int64_t)looks->w_s) {
        return; /* what was left of a SOA: what comes after it has more */
    }
    bool early = cured_early(&life);
    profile->never_decrements = life.flat;
    profile->conv = early ? NX_CONV_U : (uint8_t)conv_of(&life);
    enum nx_early tenth = alone ? early_in_tenth(looks) : NX_EARLY_UNKNOWN;
    bool prefetch = tenth == NX_EARLY_SEEN && !early;
    /* Not excluded unless an end was seen that came when it was due; the last
     * tenth opens before it. */
    profile->early_window_s =
        profile->conv != NX_CONV_U || prefetch ? 0 : (uint32_t)EARLY_S;
    if ((early && alone) || tenth == NX_EARLY_SEEN) {
        profile->early_seen = NX_EARLY_SEEN;
    } else if (profile->early_window_s == 0) {
        profile->early_seen = (uint8_t)tenth;
    }
    if (life.stale) {
        profile->past_ttl = NX_PAST_TTL_SERVED;
    } else if (profile->conv != NX_CONV_U) {
        profile->past_ttl = NX_PAST_TTL_NEVER;
    }
}
