/* Which TTLs may be believed, which W counts, which lines live. */
#include "collector/infer/clockstep.h"
#include "collector/infer/evidence.h"
#include "collector/infer/origins.h"

#define LATELY_US (20 * NX_US_PER_S)
#define STALE_TTL_S 30 /* RFC 8767 section 4 */
/* Of those that make denials from NSEC records: Unbound's and PowerDNS
 * Recursor's limit of a SOA that came with a denial. None of an NSEC's. */
#define SOA_CAP_S 3600U

bool nx_serial_current(const struct nx_look *look,
                       const struct nx_auth_facts *auth) {
    return auth->serial_known && auth->serial_moves &&
           (look->flags & NX_LOOK_SERIAL) != 0 &&
           look->soa_rel == NX_SOA_APEX &&
           (int32_t)(look->soa_serial - auth->serial_restored) >= 0;
}

int64_t nx_inclusive_us(const struct nx_profile *profile) {
    bool may =
        profile->conv == NX_CONV_F0 ||
        (profile->conv == NX_CONV_U && profile->soa_clock != NX_SOA_CLOCK_OWN);

    return may ? NX_US_PER_S : 0;
}

bool nx_is_refed(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    const struct nx_look *look = nx_evidence_negative(ev);

    return auth->deleg_changed_ns && auth->old_servers_negative &&
           nx_fed_us(auth) > 0 &&
           (look == NULL || look->soa_rel == NX_SOA_APEX ||
            look->soa_rel == NX_SOA_BELOW || look->soa_rel == NX_SOA_NONE);
}

bool nx_unknown_is_forecast(const struct nx_evidence *ev, unsigned reason) {
    return reason == NX_UNKNOWN_NEVER_SEEN ||
           reason == NX_UNKNOWN_AGENT_SILENT ||
           (reason == NX_UNKNOWN_GUARDED && ev->c->auth->all_ns_good &&
            nx_is_refed(ev));
}

int64_t nx_fed_beside_us(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    const struct nx_look *look = nx_evidence_negative(ev);
    bool beside = look != NULL && look->soa_rel == NX_SOA_ANCESTOR &&
                  auth->deleg_changed_ns && auth->old_servers_negative;

    return beside ? nx_fed_us(auth) + (int64_t)auth->old_w_s * NX_US_PER_S : 0;
}

int64_t nx_single_layer_end(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    int64_t fed_us = nx_is_refed(ev) ? nx_fed_us(auth) : 0;
    /* Denials are made from NSEC records as long as those live (RFC 8198). */
    uint32_t w_s = ev->nsec_s > ev->w_s ? ev->nsec_s : ev->w_s;
    int64_t life_us = fed_us + w_s * NX_US_PER_S;
    int64_t beside_us = nx_fed_beside_us(ev);

    if (auth->restored_hi_us == NX_TIME_UNKNOWN) {
        return INT64_MAX;
    }
    life_us = life_us > beside_us ? life_us : beside_us;
    return auth->restored_hi_us + life_us + NX_US_PER_S;
}

bool nx_nsec_outlives_soa(const struct nx_evidence *ev) {
    uint32_t soa_s =
        ev->w_s < ev->c->auth->w_auth_s ? ev->w_s : ev->c->auth->w_auth_s;

    if (!ev->c->profile->verified && soa_s > SOA_CAP_S) {
        soa_s = SOA_CAP_S;
    }
    return ev->nsec_s > soa_s;
}

/* Made from local data, as unbound's zones and policies are: authoritative, but
 * of no zone. dnscache answers so from its cache as well; it knows no EDNS. */
static bool is_local_data(const struct nx_look *look) {
    return look->kind == NX_KIND_NXDOMAIN && look->soa_rel == NX_SOA_NONE &&
           (look->flags & NX_LOOK_AA) != 0 && (look->flags & NX_LOOK_EDNS) != 0;
}

enum nx_policy_sign nx_look_policy_sign(const struct nx_look *look) {
    if ((look->flags & NX_LOOK_EDE_POLICY) != 0) {
        return NX_POLICY_EDE;
    }
    if ((look->flags & NX_LOOK_SOA_ADDITIONAL) != 0) {
        return NX_POLICY_SOA_ADDITIONAL;
    }
    if (look->soa_rel == NX_SOA_QNAME) {
        return NX_POLICY_SOA_QNAME;
    }
    if (look->soa_rel == NX_SOA_FOREIGN) {
        return NX_POLICY_SOA_FOREIGN;
    }
    return is_local_data(look) ? NX_POLICY_LOCAL_DATA : NX_POLICY_NO_SIGN;
}

/* Can this TTL be a cache's countdown at all? */
static bool is_countdown(const struct nx_evidence *ev,
                         const struct nx_look *look) {
    uint32_t cap_s = ev->c->profile->display_cap_s;

    return nx_kind_is_negative(look->kind) && look->r_s >= 0 &&
           !(cap_s > 0 && look->r_s >= (int32_t)cap_s) &&
           !ev->c->profile->never_decrements &&
           !(ev->flat && look->r_s == ev->flat_r_s) &&
           (look->flags & NX_LOOK_EDE_STALE) == 0 && !nx_look_is_policy(look);
}

static uint32_t largest_minimum(const struct nx_case *c) {
    uint32_t most_s = 0;

    for (size_t i = 0; i < c->looks_n; i++) {
        const struct nx_look *look = &c->looks[i];
        if (nx_kind_is_negative(look->kind) && look->soa_rel == NX_SOA_APEX &&
            look->soa_minimum_s > most_s) {
            most_s = look->soa_minimum_s;
        }
    }
    return most_s;
}

static uint32_t largest_shown(const struct nx_evidence *ev) {
    int32_t most_s = 0;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        if (is_countdown(ev, look) && look->r_s > most_s) {
            most_s = look->r_s;
        }
    }
    return (uint32_t)most_s;
}

/* A server that does not clip the SOA's TTL makes some keep the denial for that
 * and others for MINIMUM; and a denial with another MINIMUM than the audit saw
 * is of another version of the zone, or of another server, whose W may have
 * been as long. What bounds all of them. */
static uint32_t version_w(const struct nx_evidence *ev, uint32_t w_s) {
    const struct nx_auth_facts *auth = ev->c->auth;
    uint32_t minimum_s = largest_minimum(ev->c);

    w_s = auth->w_wire_s > w_s ? auth->w_wire_s : w_s;
    bool other = auth->soa_minimum_s > 0 ? minimum_s != auth->soa_minimum_s
                                         : largest_shown(ev) > w_s;
    return other && minimum_s > w_s ? minimum_s : w_s;
}

/* The authority's W for the zone that denies: the parent's when it does; the
 * NSEC's where a validator may synthesize from it (RFC 8198, 9077). */
static uint32_t authority_w(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    const struct nx_look *look = nx_evidence_negative(ev);
    uint32_t w_s = auth->w_auth_s;

    if (look != NULL && look->soa_rel == NX_SOA_ANCESTOR) {
        /* A parent that the audit never saw deny: at most as it says itself. */
        return auth->parent_w_s > 0 ? auth->parent_w_s : look->soa_minimum_s;
    }
    if (look != NULL && look->soa_rel == NX_SOA_BELOW) {
        return nx_is_refed(ev) && auth->old_w_s > look->soa_minimum_s
                   ? auth->old_w_s
                   : look->soa_minimum_s;
    }
    if (look != NULL && ev->nsec_s > w_s &&
        (look->flags & (NX_LOOK_EDE_SYNTH | NX_LOOK_AD)) != 0) {
        return ev->nsec_s;
    }
    if (look != NULL && look->soa_rel == NX_SOA_NONE &&
        auth->parent_w_s > w_s) {
        return auth->parent_w_s; /* nothing says whose denial it is */
    }
    if (nx_is_refed(ev) && auth->old_w_s > 0) {
        return auth->old_w_s;
    }
    return w_s > 0 ? version_w(ev, w_s) : largest_minimum(ev->c);
}

/* BIND's cap does not hold for what it makes from an NSEC (RFC 8198): in a
 * signed zone a TTL above the cap may be one of those. */
static bool is_nsec_kept(const struct nx_evidence *ev, uint32_t shown_s) {
    const struct nx_profile *profile = ev->c->profile;

    return profile->cap_hi_s > 0 && shown_s > profile->cap_hi_s &&
           ev->nsec_s >= shown_s;
}

/* A canary-measured cap that a TTL may not show, as with systemd-resolved's
 * first answer (12.7): the entry then ends that much before. Where there are
 * several caches it may be another one's cap; and who counts whole seconds was
 * seen to show what it keeps: there a longer TTL says that the cap was raised
 * since. */
static bool is_cap_hidden(const struct nx_evidence *ev) {
    const struct nx_profile *profile = ev->c->profile;
    bool whole = profile->conv == NX_CONV_F || profile->conv == NX_CONV_F0;

    return profile->verified && profile->caches == 1 && !whole &&
           profile->cap_hi_s > 0 && profile->cap_hi_s < ev->w_auth_s &&
           !ev->nsec_kept;
}

/* A TTL above what was taken for the longest: of an NSEC, which has no cap; or
 * of a cache with another cap than the one that was measured, or with one that
 * was raised, as high as any. */
static uint32_t w_above(const struct nx_evidence *ev, uint32_t shown_s) {
    const struct nx_profile *profile = ev->c->profile;
    bool other =
        profile->verified && profile->cap_hi_s > 0 && ev->w_auth_s > shown_s;

    if (ev->nsec_kept) {
        return ev->nsec_s;
    }
    return other ? ev->w_auth_s : shown_s;
}

/* A flat TTL that is no stale one is a W that the resolver gives. */
static uint32_t flat_w(const struct nx_evidence *ev) {
    const struct nx_look *look = nx_evidence_negative(ev);
    bool is_w = ev->flat && !ev->capped && ev->flat_r_s > STALE_TTL_S &&
                look != NULL && !nx_look_is_policy(look);

    return is_w ? (uint32_t)ev->flat_r_s : 0;
}

/* Where the cap is not known, W may be any of the usual ones (3.1). */
static void find_likely_w(struct nx_evidence *ev, uint32_t shown_s) {
    const struct nx_profile *profile = ev->c->profile;
    double sum_s = 0.0;

    ev->caps_n = 0;
    ev->w_likely_s = ev->w_s;
    if (profile->verified || profile->w_eff_s > 0 || profile->cap_hi_s > 0 ||
        flat_w(ev) > 0) {
        return;
    }
    ev->caps_n = nx_usual_caps(ev->w_s, shown_s, ev->caps);
    for (size_t i = 0; i < ev->caps_n; i++) {
        sum_s += ev->caps[i].weight * ev->caps[i].w_s;
    }
    ev->w_likely_s = ev->caps_n > 0 ? (uint32_t)sum_s : ev->w_s;
}

/* W_eff (5.1). A TTL above it means that the resolver raised it, or that the
 * authority's W was not seen. */
static void find_w(struct nx_evidence *ev) {
    const struct nx_profile *profile = ev->c->profile;
    uint32_t shown_s = largest_shown(ev);
    uint32_t w_s = 0;

    ev->w_auth_s = w_s = authority_w(ev);
    /* A floor alone does not make a W that nobody saw. */
    if (w_s > 0 && w_s < profile->clamp_lo_s) {
        w_s = profile->clamp_lo_s;
    }
    if (profile->cap_hi_s > 0 && w_s > profile->cap_hi_s) {
        w_s = profile->cap_hi_s;
    }
    w_s = profile->w_eff_s > 0 ? profile->w_eff_s : w_s;
    ev->ttl_raised =
        ev->w_auth_s > 0 && shown_s > ev->w_auth_s && ev->nsec_s < shown_s;
    ev->nsec_kept = is_nsec_kept(ev, shown_s);
    if (shown_s > w_s && !is_cap_hidden(ev)) {
        w_s = w_above(ev, shown_s);
    }
    if (!profile->verified && profile->w_eff_s == 0 && flat_w(ev) > 0) {
        w_s = flat_w(ev);
    }
    ev->w_s = w_s;
    find_likely_w(ev, shown_s);
}

/* Section 12.1: with a clock that is, or may be, the zone's, a serial at or
 * past the restored one (or, where serials stand still, a fill after the
 * restoration; so with a parent, whose serial moves all the while) shows the
 * age of somebody else's answer. Past the end of a single layer only a chain is
 * left, whose TTL is its own. */
static bool is_untrusted(const struct nx_evidence *ev,
                         const struct nx_look *look, int64_t newest_us) {
    const struct nx_auth_facts *auth = ev->c->auth;
    int64_t fill_us = look->tx_us - (int64_t)look->eps_us +
                      (look->r_s - 2 - (int64_t)ev->w_s) * NX_US_PER_S;

    if (ev->c->profile->soa_clock == NX_SOA_CLOCK_OWN ||
        (look->soa_rel != NX_SOA_APEX && look->soa_rel != NX_SOA_ANCESTOR &&
         look->soa_rel != NX_SOA_BELOW) ||
        auth->restored_hi_us == NX_TIME_UNKNOWN ||
        newest_us > nx_single_layer_end(ev) + (int64_t)look->eps_us) {
        return false;
    }
    if (look->soa_rel == NX_SOA_APEX && auth->serial_known &&
        auth->serial_moves) {
        return nx_serial_current(look, auth);
    }
    /* A raised W would explain it, too. */
    return fill_us > auth->restored_hi_us &&
           (look->soa_rel == NX_SOA_APEX || !ev->ttl_raised);
}

static size_t pick(struct nx_evidence *ev, uint8_t *picked) {
    const struct nx_case *c = ev->c;
    const struct nx_look *newest = nx_evidence_negative(ev);
    size_t n = 0;

    for (size_t i = 0; i < c->looks_n && newest != NULL; i++) {
        const struct nx_look *look = &c->looks[i];
        if (!is_countdown(ev, look)) {
            continue;
        }
        if (is_untrusted(ev, look, newest->tx_us)) {
            ev->untrusted = (int)i;
            if (ev->first_untrusted == NX_NO_LOOK) {
                ev->first_untrusted = (int)i;
            }
            continue;
        }
        picked[n++] = (uint8_t)i;
    }
    return n;
}

static int64_t hidden_cap_us(const struct nx_evidence *ev) {
    if (!is_cap_hidden(ev) || largest_shown(ev) <= ev->c->profile->cap_hi_s) {
        return 0;
    }
    return (int64_t)(ev->w_auth_s - ev->c->profile->cap_hi_s) * NX_US_PER_S;
}

/* Did a later look find the entry gone or replaced? */
static bool is_over(const struct nx_evidence *ev,
                    const struct nx_line_info *info) {
    const struct nx_case *c = ev->c;

    for (size_t i = info->last + 1U; i < c->looks_n; i++) {
        const struct nx_look *look = &c->looks[i];
        bool negative = nx_kind_is_negative(look->kind);
        if (!negative && look->kind != NX_KIND_POS) {
            continue;
        }
        if (look->tx_us > info->line.b_us || ev->caches == 1) {
            return true;
        }
    }
    return false;
}

/* The zone's clock was renewed after this line: its TTL was the old SOA's
 * (section 12.1). */
static bool is_demoted(const struct nx_evidence *ev,
                       const struct nx_line_info *info) {
    return ev->first_untrusted != NX_NO_LOOK &&
           info->last < ev->first_untrusted;
}

/* unbound: the entry is no older than the SOA that was shown. dnsmasq: it is no
 * younger, so nothing follows. */
static void raise_floor(struct nx_evidence *ev,
                        const struct nx_line_info *info) {
    if (ev->floor_us < info->line.a_us &&
        ev->c->profile->soa_clock != NX_SOA_CLOCK_SHARED_RENEWED) {
        ev->floor_us = info->line.a_us;
    }
}

static void note_end(struct nx_evidence *ev, const struct nx_line_info *info) {
    if (info->line.b_us > ev->expired_us) {
        ev->expired_us = info->line.b_us;
    }
    if (ev->caches == 1 && info->line.a_us > ev->cut_us) {
        ev->cut_us = info->line.a_us;
    }
}

static void keep_live(struct nx_evidence *ev) {
    struct nx_line_set *set = &ev->lines;
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const struct nx_line_info *info = &set->at[i];
        if (is_demoted(ev, info)) {
            raise_floor(ev, info);
            continue;
        }
        if (is_over(ev, info)) {
            note_end(ev, info);
            continue;
        }
        ev->expired_unverified |= info->line.b_us < ev->c->now_us;
        set->at[n++] = *info;
    }
    set->n = n;
}

static void find_lines(struct nx_evidence *ev) {
    uint8_t picked[NX_LOOKS_MAX];
    uint16_t counts[NX_LOOKS_MAX + 1];
    size_t n = pick(ev, picked);
    size_t caches_n = 0;
    struct nx_line_rule rule = {
        .conv = (enum nx_conv)ev->c->profile->conv,
        .by_serial = ev->c->auth->serial_moves,
        .shift_us = hidden_cap_us(ev),
    };

    nx_lines_build(ev->c->looks, picked, n, &rule, &ev->lines);
    ev->clock_step = nx_step_restart(ev->c->looks, &ev->lines);
    caches_n = nx_origins_of_lines(&ev->lines, ev->w_s, NX_US_PER_S, counts);
    counts[caches_n] = (uint16_t)ev->pos_n;
    nx_chao_estimate(counts, caches_n + 1, &ev->chao);
    ev->lines_seen_n = (unsigned)caches_n;
    keep_live(ev);
}

/* Of lately: an origin that was seen long ago may have gone. */
static void find_answering(struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    size_t first = c->looks_n;

    for (size_t i = 0; i < c->looks_n && ev->last_pos != NX_NO_LOOK; i++) {
        if (c->looks[i].tx_us > c->looks[ev->last_pos].tx_us - LATELY_US) {
            first = i;
            break;
        }
    }
    nx_origins_count(c->looks, first, c->looks_n, &ev->answering);
}

void nx_evidence_countdown(struct nx_evidence *ev) {
    find_w(ev);
    find_lines(ev);
    find_answering(ev);
}
