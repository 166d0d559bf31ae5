#include "collector/infer/bound.h"

#define STACK_LAYERS 2 /* section 12.4 */
/* PowerDNS Recursor's max-cache-bogus-ttl and, where that was raised,
 * max-cache-ttl, the longest defaults known: unbound has val-bogus-ttl 60, BIND
 * and Knot Resolver keep failures for seconds. */
#define BOGUS_CACHE_S 3600U
#define BOGUS_RAISED_S 86400U
#define BIND_CAP_S 10800U /* max-ncache-ttl; PowerDNS Recursor's is 3600 */
#define SHOWN_S 2U        /* a cap is measured so closely */

struct length {
    enum nx_hard_reason reason;
    int64_t us; /* after the last server was good */
};

static struct length lasts(enum nx_hard_reason reason, uint64_t s) {
    return (struct length){reason, (int64_t)s * NX_US_PER_S};
}

static uint32_t longer(uint32_t a_s, uint32_t b_s) {
    return a_s > b_s ? a_s : b_s;
}

/* Old servers go on feeding caches that know the old NS set. */
static struct length fed(const struct nx_auth_facts *auth, uint64_t s) {
    struct length length = lasts(NX_HARD_DELEGATION, s);
    length.us += nx_fed_us(auth);
    return length;
}

static bool is_ancestor(const struct nx_evidence *ev) {
    const struct nx_look *look = nx_evidence_negative(ev);

    return look != NULL && look->soa_rel == NX_SOA_ANCESTOR;
}

static bool is_validated(const struct nx_evidence *ev) {
    const struct nx_look *look = nx_evidence_negative(ev);

    return look != NULL &&
           (look->flags & (NX_LOOK_EDE_SYNTH | NX_LOOK_AD)) != 0;
}

/* Where nobody saw how caches know that zone, it may be asked again and again.
 */
static bool is_of_below(const struct nx_evidence *ev) {
    const struct nx_look *look = nx_evidence_negative(ev);

    return look != NULL && look->soa_rel == NX_SOA_BELOW;
}

/* Of the parent's denial, of what is made from its NSEC records, and of what
 * old servers gave beside: what lives longest. */
static struct length of_ancestor(const struct nx_evidence *ev) {
    uint32_t nsec_s = ev->nsec_s;
    int64_t beside_us = nx_fed_beside_us(ev);
    struct length length = nsec_s > ev->w_s
                               ? lasts(NX_HARD_NSEC_WINDOW, nsec_s)
                               : lasts(NX_HARD_DELEGATION, ev->w_s);

    return beside_us > length.us
               ? (struct length){NX_HARD_DELEGATION, beside_us}
               : length;
}

/* The table of 5.8 for a cached denial, first applicable row. */
static struct length of_entry(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    const struct nx_profile *profile = ev->c->profile;

    if (nx_is_refed(ev)) {
        return fed(auth, longer(ev->w_s, ev->nsec_s) + UINT64_C(1));
    }
    if (is_of_below(ev)) {
        return lasts(NX_HARD_NONE, 0);
    }
    if (is_ancestor(ev)) {
        return of_ancestor(ev);
    }
    if (auth->deleg_changed_ns && auth->old_servers_negative) {
        return fed(auth, longer(auth->old_w_s, ev->nsec_s));
    }
    if (ev->nsec_kept || (is_validated(ev) && ev->nsec_s > auth->w_auth_s)) {
        return lasts(NX_HARD_NSEC_WINDOW, ev->w_s);
    }
    /* Few say that they made a denial from an NSEC, and no cap holds for it. */
    if (ev->nsec_s > ev->w_s) {
        return lasts(NX_HARD_NSEC_WINDOW, ev->nsec_s);
    }
    if ((ev->w_auth_s > 0 && profile->clamp_lo_s > ev->w_auth_s) ||
        ev->ttl_raised) {
        return lasts(NX_HARD_MIN_CLAMP, ev->w_s);
    }
    if (profile->cap_hi_s > 0 && profile->cap_hi_s < ev->w_auth_s) {
        return lasts(NX_HARD_CAP, ev->w_s);
    }
    return lasts(ev->w_s > 0 ? NX_HARD_AUTH_WINDOW : NX_HARD_NONE, ev->w_s);
}

static bool has_bind_cap(const struct nx_profile *profile) {
    return profile->cap_hi_s <= BIND_CAP_S &&
           profile->cap_hi_s + SHOWN_S >= BIND_CAP_S;
}

/* Measured whole, by what PowerDNS Recursor is not: the zone's clock, TTL 0
 * shown or microseconds, BIND's cap. Any other cap may be one that its operator
 * gave it. Whoever stands above is not measured. */
static bool may_be_powerdns(const struct nx_profile *profile) {
    bool other = profile->soa_clock == NX_SOA_CLOCK_SHARED_UNTIL_CHANGE ||
                 (profile->soa_clock == NX_SOA_CLOCK_OWN &&
                  (profile->conv == NX_CONV_F0 || profile->conv == NX_CONV_T ||
                   has_bind_cap(profile)));
    return !profile->verified || profile->chain_possible || !other;
}

/* What is bogus is kept for its TTL, with that limit, which does not show: so
 * the TTLs make the bound where they are longer, known or not. */
static uint32_t bogus_kept_s(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    uint32_t ttl_s =
        auth->positive_ttl_s > 0 ? auth->positive_ttl_s : BOGUS_RAISED_S;

    if (!may_be_powerdns(ev->c->profile)) {
        return NX_FAILURE_CACHE_S;
    }
    ttl_s = longer(ttl_s, longer(auth->w_auth_s, auth->w_nsec_s));
    ttl_s = ttl_s < BOGUS_RAISED_S ? ttl_s : BOGUS_RAISED_S;
    return longer(ttl_s, BOGUS_CACHE_S);
}

static bool is_unlike(const struct nx_evidence *ev) {
    return ev->last != NX_NO_LOOK &&
           (ev->c->looks[ev->last].flags & NX_LOOK_UNLIKE_SERVERS) != 0;
}

static struct length of_state(const struct nx_evidence *ev,
                              const struct nx_verdict *verdict) {
    uint32_t stale_s = ev->c->profile->stale_max_s;

    switch ((enum nx_state)verdict->state) {
    case NX_STATE_SERVFAIL_DNSSEC:
        return lasts(may_be_powerdns(ev->c->profile)
                         ? NX_HARD_BOGUS_CACHE
                         : NX_HARD_FAILURE_CACHE_300,
                     bogus_kept_s(ev));
    case NX_STATE_SERVFAIL_OTHER:
        return lasts(NX_HARD_FAILURE_CACHE_300, NX_FAILURE_CACHE_S);
    case NX_STATE_STALE_SERVED:
        return lasts(stale_s > 0 ? NX_HARD_STALE_MAX : NX_HARD_NONE,
                     (uint64_t)ev->w_s + stale_s);
    case NX_STATE_UNKNOWN:
        if (!nx_unknown_is_forecast(ev, verdict->unknown_reason)) {
            break;
        }
        return of_entry(ev);
    case NX_STATE_REFUSED: /* whatever they may hold */
    case NX_STATE_UNREACHABLE:
        return of_entry(ev);
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_PARTLY_CLEAR:
        return of_entry(ev);
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_RECACHED:
    case NX_STATE_POLICY_BLOCKED:
    case NX_STATE_CLEAR:
    case NX_STATE_N_:
        break;
    case NX_STATE_OLD_POSITIVE: /* in place of a denial, maybe */
        return is_unlike(ev) ? of_entry(ev) : lasts(NX_HARD_NONE, 0);
    }
    return lasts(NX_HARD_NONE, 0);
}

/* 12.4: a second layer restarts the clock, or has a higher cap than the one
 * whose TTL is seen. */
static void add_stack(const struct nx_evidence *ev, int64_t from_us,
                      struct nx_verdict *out) {
    const struct nx_auth_facts *auth = ev->c->auth;
    bool beside = nx_fed_beside_us(ev) > 0;
    int64_t fed_us = nx_is_refed(ev) || beside ? nx_fed_us(auth) : 0;
    uint64_t w_s = beside ? longer(ev->w_s, auth->old_w_s) : ev->w_s;
    uint64_t longest_s =
        longer(longer(ev->w_auth_s, (uint32_t)w_s), ev->nsec_s);

    out->hard_stack.reason = NX_HARD_STACK;
    out->hard_stack.at_us =
        from_us + fed_us +
        (int64_t)(w_s + longest_s + STACK_LAYERS) * NX_US_PER_S;
}

/* When the row of failures began that lasts. */
static int64_t failing_since(const struct nx_evidence *ev) {
    int64_t since_us = NX_TIME_UNKNOWN;

    for (size_t i = ev->c->looks_n; i > 0; i--) {
        const struct nx_look *look = &ev->c->looks[i - 1];
        if (look->kind == NX_KIND_SERVFAIL) {
            since_us = look->rx_us;
        } else if (nx_kind_is_telling(look->kind) &&
                   (look->flags & NX_LOOK_CD) == 0) {
            break;
        }
    }
    return since_us;
}

/* One that is younger than what the restoration left is a failure of its own.
 */
static int64_t failures_from(const struct nx_evidence *ev, int64_t length_us) {
    int64_t since_us = failing_since(ev);
    int64_t from_us = ev->c->auth->restored_hi_us;

    return since_us > from_us + length_us ? since_us : from_us;
}

static bool is_of_entry(enum nx_hard_reason reason) {
    return reason == NX_HARD_AUTH_WINDOW || reason == NX_HARD_CAP ||
           reason == NX_HARD_MIN_CLAMP || reason == NX_HARD_NSEC_WINDOW;
}

/* What fails for a DS or DNSKEY set that was replaced goes on failing while a
 * cache holds that set, and its last failure is kept (RFC 9520 section 3.2; or
 * what failed is).
 * Where nobody watched the sets at the restoration, they may have been
 * replaced. */
static void outlast_keys(const struct nx_evidence *ev, struct nx_hard *hard) {
    const struct nx_auth_facts *auth = ev->c->auth;
    int64_t until_us = auth->keys_until_us;
    int64_t ttl_us = (int64_t)auth->keys_ttl_s * NX_US_PER_S;

    if (ttl_us > 0 && auth->restored_hi_us + ttl_us > until_us) {
        until_us = auth->restored_hi_us + ttl_us;
    }
    until_us += bogus_kept_s(ev) * NX_US_PER_S;
    if ((ttl_us > 0 || auth->keys_until_us > 0) && until_us > hard->at_us) {
        *hard = (struct nx_hard){NX_HARD_DNSSEC_KEYS, until_us};
    }
}

static bool is_failure(const struct nx_verdict *verdict) {
    return verdict->state == NX_STATE_SERVFAIL_DNSSEC ||
           verdict->state == NX_STATE_SERVFAIL_OTHER;
}

static struct nx_hard of_failure(const struct nx_evidence *ev,
                                 const struct nx_verdict *verdict) {
    struct length length = of_state(ev, verdict);
    struct nx_hard hard = {
        .reason = (uint8_t)length.reason,
        .at_us = failures_from(ev, length.us) + length.us,
    };

    if (verdict->state == NX_STATE_SERVFAIL_DNSSEC) {
        outlast_keys(ev, &hard);
    }
    return hard;
}

int64_t nx_bound_usual_us(const struct nx_evidence *ev,
                          const struct nx_verdict *verdict) {
    int64_t more_us = (int64_t)(bogus_kept_s(ev) - NX_FAILURE_CACHE_S);

    if (verdict->hard.reason == NX_HARD_NONE) {
        return NX_TIME_UNKNOWN;
    }
    return of_failure(ev, verdict).at_us -
           (verdict->state == NX_STATE_SERVFAIL_DNSSEC ? more_us * NX_US_PER_S
                                                       : 0);
}

static struct nx_hard of_length(const struct nx_evidence *ev,
                                const struct length *length) {
    bool inclusive = is_of_entry(length->reason) ||
                     (length->reason == NX_HARD_DELEGATION && !nx_is_refed(ev));

    return (struct nx_hard){
        .reason = (uint8_t)length->reason,
        .at_us = ev->c->auth->restored_hi_us + length->us +
                 (inclusive ? nx_inclusive_us(ev->c->profile) : 0),
    };
}

/* Another cache behind this address, or another layer, may fail while the one
 * that denied goes on holding its denial. */
static bool may_hide_denial(const struct nx_evidence *ev) {
    return nx_evidence_negative(ev) != NULL &&
           (ev->caches != 1 || ev->c->profile->chain_possible);
}

/* An entry that lives refutes a bound before its end. */
static void outlast_lines(const struct nx_evidence *ev, struct nx_hard *hard) {
    for (size_t i = 0; i < ev->lines.n && hard->reason != NX_HARD_NONE; i++) {
        int64_t b_us = ev->lines.at[i].line.b_us;
        hard->at_us = b_us > hard->at_us ? b_us : hard->at_us;
    }
}

void nx_bound_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    int64_t from_us = ev->c->auth->restored_hi_us;
    struct length length = of_state(ev, out);

    if (from_us == NX_TIME_UNKNOWN || length.reason == NX_HARD_NONE) {
        return;
    }
    out->hard = is_failure(out) ? of_failure(ev, out) : of_length(ev, &length);
    if (is_failure(out) && may_hide_denial(ev)) {
        length = of_entry(ev);
        struct nx_hard hidden = of_length(ev, &length);
        out->hard = hidden.at_us > out->hard.at_us ? hidden : out->hard;
    }
    if (ev->c->profile->chain_possible &&
        (is_of_entry(length.reason) || is_ancestor(ev) || nx_is_refed(ev))) {
        add_stack(ev, from_us, out);
    }
    outlast_lines(ev, &out->hard);
    outlast_lines(ev, &out->hard_stack);
}
