#include "collector/infer/source.h"

#define KNOWN_LOOKS 3U /* before: by several source ports, all caches */
#define SLACK_US (2 * NX_US_PER_S)

static bool is_authoritative(const struct nx_look *look) {
    const unsigned both = NX_LOOK_AA | NX_LOOK_EDNS; /* dnscache has no EDNS */
    bool of_zone =
        look->kind == NX_KIND_POS_OTHER ||
        (nx_kind_is_negative(look->kind) &&
         (look->soa_rel == NX_SOA_APEX || look->soa_rel == NX_SOA_BELOW) &&
         !nx_look_is_policy(look));
    return of_zone && look->r_s >= 0 && (look->flags & both) == both;
}

static bool is_at_display_cap(const struct nx_evidence *ev,
                              const struct nx_look *look) {
    uint32_t cap_s = ev->c->profile->display_cap_s;
    return cap_s > 0 && look->r_s == (int32_t)cap_s;
}

bool nx_source_is_own_zone(const struct nx_evidence *ev) {
    const struct nx_look *looks = ev->c->looks;
    unsigned n = 0;
    int64_t oldest_us = 0;

    if (ev->last == NX_NO_LOOK || !is_authoritative(&looks[ev->last]) ||
        ev->c->profile->never_decrements ||
        is_at_display_cap(ev, &looks[ev->last])) {
        return false;
    }
    for (int i = ev->last; i >= 0; i--) {
        if (looks[i].kind != looks[ev->last].kind ||
            looks[i].r_s != looks[ev->last].r_s ||
            !is_authoritative(&looks[i])) {
            break;
        }
        oldest_us = looks[i].tx_us;
        n++;
    }
    return n >= NX_FLAT_LOOKS &&
           looks[ev->last].tx_us - oldest_us >= NX_FLAT_SPAN_US;
}

bool nx_canary_resolves(const struct nx_evidence *ev) {
    const struct nx_look *looks = ev->c->looks;

    return ev->first_neg != NX_NO_LOOK && ev->c->profile->canary_us > 0 &&
           ev->c->profile->canary_us >= looks[ev->first_neg].rx_us;
}

/* Who may have made the denial, and does it keep the SOA? */
static bool keeps_soa_itself(const struct nx_profile *profile) {
    bool kept = profile->soa_clock == NX_SOA_CLOCK_OWN ||
                profile->soa_clock == NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    return profile->verified && kept && profile->caches == 1 &&
           !profile->chain_possible && !profile->rewrites_nxdomain;
}

/* Do the servers' denials have an SOA, all of them, and no others are asked? */
static bool servers_show_soa(const struct nx_auth_facts *auth) {
    return auth->observed && auth->all_ns_good && auth->w_auth_s > 0 &&
           auth->restored_hi_us != NX_TIME_UNKNOWN && !auth->deleg_changed_ns &&
           !auth->held && !auth->above_denied;
}

/* The denials that canary names were resolved beside may not be kept any more.
 */
static bool was_blocked(const struct nx_case *c) {
    return c->before.known && c->before.state == NX_STATE_POLICY_BLOCKED;
}

/* Nothing but NXDOMAIN without SOA, for a while, and the servers do not send
 * such. */
static bool is_bare(const struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    int64_t oldest_us = 0;
    unsigned n = 0;

    if (!servers_show_soa(c->auth) || ev->pos_n > 0) {
        return false;
    }
    for (size_t i = c->looks_n; i > 0; i--) {
        const struct nx_look *look = &c->looks[i - 1];
        if (!nx_kind_is_negative(look->kind)) {
            continue;
        }
        if (look->kind != NX_KIND_NXDOMAIN || look->soa_rel != NX_SOA_NONE ||
            (look->flags & NX_LOOK_CNAME) != 0) {
            return false;
        }
        if (look->tx_us > c->auth->restored_hi_us) {
            oldest_us = look->tx_us;
            n++;
        }
    }
    return n >= NX_FLAT_LOOKS &&
           c->looks[ev->last_neg].tx_us - oldest_us >= NX_FLAT_SPAN_US;
}

bool nx_source_is_singled_out(const struct nx_evidence *ev) {
    return keeps_soa_itself(ev->c->profile) && is_bare(ev) &&
           (nx_canary_resolves(ev) || was_blocked(ev->c));
}

bool nx_source_wants_canary(const struct nx_evidence *ev) {
    const struct nx_profile *profile = ev->c->profile;
    return (!profile->verified || keeps_soa_itself(profile)) && is_bare(ev) &&
           !nx_canary_resolves(ev) && !was_blocked(ev->c);
}

/* The latest end of an entry with another answer that was made before the
 * restoration: by the longest TTL that such an answer showed. */
static int64_t old_end_us(const struct nx_evidence *ev) {
    int64_t most_s = ev->c->auth->positive_ttl_s;
    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        if (look->kind == NX_KIND_POS_OTHER && look->r_s > most_s) {
            most_s = look->r_s;
        }
    }
    return ev->c->auth->restored_hi_us + most_s * NX_US_PER_S;
}

bool nx_source_is_renewed(const struct nx_evidence *ev) {
    int64_t restored_us = ev->c->auth->restored_hi_us;
    int64_t end_us = INT64_MIN; /* of all entries seen so far */
    unsigned n = 0;

    for (size_t i = 0; i < ev->c->looks_n; i++) {
        const struct nx_look *look = &ev->c->looks[i];
        if (look->kind != NX_KIND_POS_OTHER || look->r_s < 0) {
            continue;
        }
        int64_t ends_us = look->rx_us + look->r_s * NX_US_PER_S;
        if (n >= KNOWN_LOOKS && restored_us != NX_TIME_UNKNOWN &&
            end_us > restored_us && look->tx_us > end_us + SLACK_US &&
            ends_us > old_end_us(ev) + SLACK_US) {
            return true; /* not another cache's, seen for the first time */
        }
        end_us = ends_us > end_us ? ends_us : end_us;
        n++;
    }
    return false;
}
