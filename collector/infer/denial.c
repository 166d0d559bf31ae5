#include "collector/infer/denial.h"

#include "collector/infer/source.h"

#define LATE_LOOKS 3U  /* 5.5: past every bound */
#define STALE_TTL_S 30 /* RFC 8767 section 4 */

static enum nx_state unknown(struct nx_verdict *out,
                             enum nx_unknown_reason reason) {
    out->unknown_reason = (uint8_t)reason;
    return NX_STATE_UNKNOWN;
}

static bool was_recached(const struct nx_evidence *ev) {
    return ev->c->before.known && ev->c->before.state == NX_STATE_RECACHED;
}

/* Latest end that the restoration allows, chains included when possible. Where
 * nobody saw a W it is taken to be a common one. */
static int64_t last_end(const struct nx_evidence *ev) {
    int64_t end_us = nx_single_layer_end(ev);
    uint32_t w_s = ev->w_s > 0 ? ev->w_s : NX_W_UNSEEN_S;

    if (end_us == INT64_MAX) {
        return end_us;
    }
    end_us += ev->w_s > 0 ? 0 : w_s * NX_US_PER_S;
    if (ev->c->profile->chain_possible) {
        end_us += (w_s + INT64_C(1)) * NX_US_PER_S;
    }
    return end_us;
}

/* What counted down to its end and stands still since is still that entry,
 * whatever TTL it is given. */
static bool stands_after_end(const struct nx_evidence *ev) {
    return ev->flat && ev->expired_us != NX_TIME_UNKNOWN;
}

/* 5.5, last row: denials past every bound without a countdown are made above
 * the cache. */
static bool is_made_above(const struct nx_evidence *ev) {
    unsigned late_n = 0;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        late_n += nx_kind_is_negative(look->kind) &&
                          (look->r_s < 0 || look->r_s == ev->flat_r_s) &&
                          look->tx_us > last_end(ev)
                      ? 1U
                      : 0U;
    }
    return late_n >= LATE_LOOKS && !stands_after_end(ev) &&
           (ev->flat || nx_evidence_negative(ev)->r_s < 0);
}

/* Entering needs two agreeing looks, unless an extended error says it. */
static bool is_policy(const struct nx_evidence *ev,
                      const struct nx_look *look) {
    return (look->flags & NX_LOOK_EDE_POLICY) != 0 || ev->policy_n >= 2 ||
           is_made_above(ev) || nx_source_is_singled_out(ev);
}

static bool is_stale(const struct nx_evidence *ev, const struct nx_look *look) {
    if ((look->flags & NX_LOOK_EDE_STALE) != 0) {
        return true;
    }
    if (ev->miss_n > 0 && ev->c->profile->rd0 == NX_RD0_HONOURED) {
        return true;
    }
    return stands_after_end(ev) || (ev->flat && look->r_s <= STALE_TTL_S &&
                                    look->tx_us > nx_single_layer_end(ev));
}

/* When a fill is surely newer than all that the restoration left behind: below
 * a cache that is not alone, an entry may come from another layer. */
static int64_t newest_old_fill(const struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    int64_t at_us = c->auth->restored_hi_us;
    bool stacked = c->profile->chain_possible &&
                   (c->profile->verified || ev->w_auth_s > ev->w_s);

    if (nx_is_refed(ev)) {
        at_us += nx_fed_us(c->auth);
    }
    if (stacked) {
        at_us += (int64_t)ev->w_auth_s * NX_US_PER_S;
    }
    return at_us;
}

/* Where a raised W would explain it as well (the clamp is not known, or not
 * that high), the fill must have been seen: our own query made it, or another
 * entry ended and this one followed. */
static bool is_seen_to_come(const struct nx_evidence *ev,
                            const struct nx_line_info *info) {
    const struct nx_look *first = &ev->c->looks[info->first];
    const struct nx_profile *profile = ev->c->profile;
    bool measured = profile->verified &&
                    (!ev->ttl_raised || profile->clamp_lo_s >= ev->w_s);
    bool ours =
        !ev->ttl_raised && info->r_max_s + INT64_C(1) >= (int64_t)ev->w_auth_s;

    return measured || ours ||
           (ev->expired_us != NX_TIME_UNKNOWN && first->tx_us > ev->expired_us);
}

/* A fill surely after the restoration, on a countdown that was seen to count
 * down (two agreeing looks; each further round is believed at once). The
 * inclusive family's fill is floored away by a second. Where the clock may be
 * the zone's and serials cannot tell, only what outlives every chain counts
 * (12.2, 12.4). A parent's SOA is renewed by any denial below it, each time
 * that its serial moves: it dates nothing. */
static bool is_recached_line(const struct nx_evidence *ev,
                             const struct nx_line_info *info) {
    const struct nx_case *c = ev->c;
    int64_t fill_us = info->line.a_us - nx_evidence_w_us(ev);
    bool counted = info->r_max_s != info->r_min_s;

    if ((!counted && !was_recached(ev)) || ev->clock_step ||
        !is_seen_to_come(ev, info)) {
        return false;
    }
    if (c->profile->conv == NX_CONV_F0) {
        fill_us -= NX_US_PER_S;
    }
    if (c->profile->soa_clock != NX_SOA_CLOCK_OWN &&
        c->looks[info->last].soa_rel == NX_SOA_ANCESTOR) {
        return false;
    }
    if (c->profile->soa_clock != NX_SOA_CLOCK_OWN &&
        (!c->auth->serial_moves ||
         c->looks[info->last].soa_rel == NX_SOA_BELOW ||
         nx_serial_current(&c->looks[info->last], c->auth))) {
        return info->line.a_us > last_end(ev);
    }
    return fill_us > newest_old_fill(ev);
}

/* A denial made from an NSEC of before has the SOA of now, with its serial and
 * TTL (RFC 8198). */
static bool may_be_from_nsec(const struct nx_evidence *ev,
                             const struct nx_look *look) {
    const struct nx_auth_facts *auth = ev->c->auth;

    return ev->nsec_s > 0 && look->tx_us <= nx_single_layer_end(ev) &&
           (!auth->serial_moves || nx_serial_current(look, auth));
}

static bool is_recached(const struct nx_evidence *ev,
                        const struct nx_look *look) {
    if (ev->c->auth->restored_hi_us == NX_TIME_UNKNOWN ||
        may_be_from_nsec(ev, look)) {
        return false;
    }
    if (ev->c->profile->soa_clock == NX_SOA_CLOCK_OWN &&
        nx_serial_current(look, ev->c->auth)) {
        return true;
    }
    for (size_t i = 0; i < ev->lines.n; i++) {
        if (is_recached_line(ev, &ev->lines.at[i])) {
            return true;
        }
    }
    return false;
}

/* A name above it was denied, in the name of the same zone: the SOA does not
 * tell it (RFC 8020 appendix A), the audit does. Of an alias it is the target
 * that is denied. */
static bool is_below_denied(const struct nx_evidence *ev,
                            const struct nx_look *look) {
    return ev->c->auth->ancestor_denied && look->kind == NX_KIND_NXDOMAIN &&
           look->soa_rel != NX_SOA_TARGET && look->soa_rel != NX_SOA_BELOW &&
           (look->flags & NX_LOOK_CNAME) == 0;
}

/* Denials that waiting ends: which kind. */
static enum nx_state cached_state(const struct nx_evidence *ev,
                                  const struct nx_look *look) {
    if ((look->flags & NX_LOOK_EDE_SYNTH) != 0) {
        return NX_STATE_SYNTHESIZED_NEGATIVE;
    }
    if (look->soa_rel == NX_SOA_ANCESTOR || is_below_denied(ev, look)) {
        return NX_STATE_ANCESTOR_NXDOMAIN;
    }
    if (ev->pos_n > 0) {
        return NX_STATE_PARTLY_CLEAR;
    }
    return look->kind == NX_KIND_NODATA ? NX_STATE_CACHED_NODATA
                                        : NX_STATE_CACHED_NXDOMAIN;
}

enum nx_state nx_denial_state(const struct nx_evidence *ev,
                              struct nx_verdict *out) {
    const struct nx_look *look = nx_evidence_negative(ev);

    if (ev->c->auth->observed && ev->c->auth->all_ns_good &&
        nx_source_is_own_zone(ev)) {
        return NX_STATE_RECACHED; /* and again with every question */
    }
    if (is_policy(ev, look)) {
        return NX_STATE_POLICY_BLOCKED;
    }
    if (look->soa_rel == NX_SOA_TARGET || !ev->c->auth->observed) {
        return unknown(out, NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED);
    }
    if (!ev->c->auth->all_ns_good) {
        return NX_STATE_STILL_NEGATIVE_AT_AUTHORITY;
    }
    if (nx_look_is_policy(look)) {
        return unknown(out, NX_UNKNOWN_INCONSISTENT);
    }
    if (is_stale(ev, look)) {
        return NX_STATE_STALE_SERVED;
    }
    if (is_recached(ev, look)) {
        return NX_STATE_RECACHED;
    }
    return cached_state(ev, look);
}
