/* Caps and floor as names below a zone in use show them. */
#include "collector/profile/measure_priv.h"

#define US_PER_S INT64_C(1000000)
#define SOON_US (5 * US_PER_S)

static bool below_w(const struct nx_canary_looks *looks, int64_t kept_s) {
    return kept_s >= 0 && kept_s + NX_UNFAIR_S < (int64_t)looks->w_s;
}

/* The type may have been asked for not long before, by another network's run
 * (there are few for private use): a NODATA that shows less than NXDOMAIN may
 * be what is left of that. */
static void take_sibling_nodata(const struct nx_canary_looks *looks,
                                int64_t nxdomain_s, struct nx_measured *m) {
    int64_t kept_s = nx_measure_kept(looks, NX_CANARY_NODATA, NX_KIND_NODATA);
    if (below_w(looks, kept_s) && kept_s + NX_UNFAIR_S >= nxdomain_s) {
        m->nodata_cap_s = (uint32_t)kept_s;
    }
}

/* The one SOA that the last run saw was over just before this run's first look,
 * so what that shows was fetched since: within SOON_US of the cap. A serial
 * that changed brings a new SOA at any time; and no SOA shows more than the
 * cap. */
static bool soa_is_new(const struct nx_look *first,
                       const struct nx_measured *before, int64_t kept_s) {
    return before != NULL && before->soa_over_us != 0 &&
           first->tx_us >= before->soa_over_us &&
           first->tx_us - before->soa_over_us <= SOON_US &&
           (first->flags & NX_LOOK_SERIAL) != 0 &&
           first->soa_serial == before->soa_serial &&
           kept_s + SOON_US / US_PER_S + NX_UNFAIR_S >=
               (int64_t)before->nxdomain_shown_s;
}

/* What an earlier run saw of the cap holds while nothing speaks against it. */
static void keep_cap(const struct nx_measured *before, int64_t before_us,
                     int64_t kept_s, struct nx_measured *m) {
    if (before == NULL || before->sibling_w_s != m->sibling_w_s ||
        before->nxdomain_cap_s == NX_NOT_MEASURED ||
        before->soa_clock != m->soa_clock ||
        kept_s > (int64_t)before->nxdomain_cap_s + NX_UNFAIR_S) {
        return;
    }
    int64_t seen_us =
        before->cap_seen_us != 0 ? before->cap_seen_us : before_us;
    if (m->shown_us - seen_us <= NX_PROFILE_AGED_US) {
        m->nxdomain_cap_s = before->nxdomain_cap_s;
        m->cap_seen_us = seen_us;
    }
}

/* No cap was seen, for what was shown may be what is left of a SOA. */
static void note_soa(const struct nx_look *first, int64_t kept_s,
                     struct nx_measured *m) {
    m->nxdomain_shown_s = (uint32_t)kept_s;
    if ((first->flags & NX_LOOK_SERIAL) != 0 && first->r_s >= 0) {
        m->soa_serial = first->soa_serial;
        m->soa_over_us = first->rx_us + (first->r_s + INT64_C(1)) * US_PER_S;
    }
}

static void take_shared_cap(const struct nx_canary_looks *looks,
                            const struct nx_measured *before, int64_t before_us,
                            int64_t kept_s, struct nx_measured *m) {
    const struct nx_look *first = &looks->of[NX_CANARY_CAP][0].look;
    if (m->caches_seen == 1 && soa_is_new(first, before, kept_s)) {
        m->nxdomain_cap_s = (uint32_t)kept_s;
        m->cap_seen_us = first->rx_us;
    } else {
        note_soa(first, kept_s, m);
        keep_cap(before, before_us, kept_s, m);
    }
}

/* A fresh name's own TTL. */
static void take_own_cap(const struct nx_canary_looks *looks, int64_t kept_s,
                         struct nx_measured *m) {
    if (m->caches_seen == 1 && below_w(looks, kept_s)) {
        m->nxdomain_cap_s = (uint32_t)kept_s;
    }
    if (m->caches_seen == 1) {
        take_sibling_nodata(looks, kept_s, m);
    }
}

void nx_measure_sibling_caps(const struct nx_canary_looks *looks,
                             const struct nx_measured *before,
                             int64_t before_us, struct nx_measured *m) {
    const struct nx_look *first = &looks->of[NX_CANARY_CAP][0].look;
    int64_t kept_s = nx_measure_kept(looks, NX_CANARY_CAP, NX_KIND_NXDOMAIN);
    bool one = m->caches_seen <= 1 && below_w(looks, kept_s);
    m->sibling_w_s = looks->w_s;
    m->shown_us = first->rx_us;
    m->nxdomain_shown_s = NX_NOT_MEASURED;
    m->nodata_shown_s = NX_NOT_MEASURED;
    if (kept_s > (int64_t)looks->w_s + NX_UNFAIR_S) {
        m->floor_s = (uint32_t)kept_s;
    }
    switch ((enum nx_soa_clock)m->soa_clock) {
    case NX_SOA_CLOCK_OWN:
    case NX_SOA_CLOCK_SHARED_RENEWED:
        take_own_cap(looks, kept_s, m);
        break;
    case NX_SOA_CLOCK_SHARED_UNTIL_CHANGE:
        if (one) {
            take_shared_cap(looks, before, before_us, kept_s, m);
        }
        break;
    case NX_SOA_CLOCK_UNKNOWN: /* it may have ended meanwhile */
        if (one) {
            note_soa(first, kept_s, m);
        }
        break;
    }
}
