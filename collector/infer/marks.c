#include "collector/infer/marks.h"

#include "collector/infer/confidence.h"
#include "collector/infer/source.h"

#define EDE_CACHED 13U /* of a failure */

static void flag(struct nx_verdict *out, enum nx_flag bit) {
    out->flags |= 1U << bit;
}

/* 6: our own query made the entry. */
static bool is_planted(const struct nx_evidence *ev,
                       const struct nx_line_info *info) {
    const struct nx_look *look = &ev->c->looks[info->first];
    int64_t restored_us = ev->c->auth->restored_hi_us;
    int64_t w_us = nx_evidence_w_us(ev);

    return (look->flags & NX_LOOK_RD) != 0 && ev->w_s > 0 &&
           (restored_us == NX_TIME_UNKNOWN || look->tx_us < restored_us) &&
           (int64_t)look->r_s >= (int64_t)ev->w_s - 1 &&
           info->line.a_us - w_us <= look->rx_us &&
           info->line.b_us - w_us >= look->tx_us;
}

static void flag_looks(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_look *look = nx_evidence_negative(ev);

    if (look == NULL || out->state == NX_STATE_CLEAR) {
        return;
    }
    if (look->soa_rel == NX_SOA_NONE) {
        flag(out, NX_FLAG_NO_SOA);
    }
    if (nx_serial_current(look, ev->c->auth) &&
        ev->c->profile->soa_clock == NX_SOA_CLOCK_OWN) {
        flag(out, NX_FLAG_SERIAL_CURRENT);
    }
    if (ev->untrusted != NX_NO_LOOK) {
        flag(out, NX_FLAG_SHARED_SOA);
    }
    if (ev->clock_step) {
        flag(out, NX_FLAG_RESOLVER_CLOCK_STEP);
    }
    if (ev->ttl_raised) {
        flag(out, NX_FLAG_TTL_RAISED);
    }
    if (ev->capped || ev->flat) {
        flag(out,
             ev->capped ? NX_FLAG_DISPLAY_CAPPED : NX_FLAG_NON_DECREMENTING);
    }
}

static void flag_lines(const struct nx_evidence *ev, struct nx_verdict *out) {
    for (size_t i = 0; i < ev->lines.n; i++) {
        if (is_planted(ev, &ev->lines.at[i])) {
            flag(out, NX_FLAG_OBSERVER_PLANTED);
        }
    }
    if (ev->expired_unverified && out->state != NX_STATE_CLEAR) {
        flag(out, NX_FLAG_LINE_EXPIRED_UNVERIFIED);
    }
    if (out->state == NX_STATE_PARTLY_CLEAR && ev->lines.n > 0) {
        flag(out, NX_FLAG_MIXED);
    }
}

/* 5.12: cleared before its countdown, flush, restart or refresh. */
static void flag_early(const struct nx_evidence *ev, struct nx_verdict *out) {
    uint8_t picked[NX_LOOKS_MAX];
    struct nx_line_set set;
    struct nx_line_rule rule = {.conv = (enum nx_conv)ev->c->profile->conv};

    if (out->clear_hi_us == NX_TIME_UNKNOWN ||
        ev->c->looks[ev->last_neg].r_s < 0 || ev->flat) {
        return;
    }
    picked[0] = (uint8_t)ev->last_neg;
    nx_lines_build(ev->c->looks, picked, 1, &rule, &set);
    if (set.at[0].line.a_us > out->clear_hi_us) {
        flag(out, NX_FLAG_EARLY_CLEAR);
        out->earliest_clear_us = set.at[0].line.a_us;
    }
}

static void take_serial(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_look *look = nx_evidence_negative(ev);

    if (look != NULL && look->soa_rel == NX_SOA_APEX) {
        out->serial_known = (look->flags & NX_LOOK_SERIAL) != 0;
        out->serial = look->soa_serial;
    }
}

static void flag_twin(const struct nx_evidence *ev, struct nx_verdict *out) {
    enum nx_twin twin = nx_evidence_twin(ev->c);
    if (twin != NX_TWIN_NONE && (out->state == NX_STATE_SERVFAIL_DNSSEC ||
                                 out->state == NX_STATE_SERVFAIL_OTHER)) {
        flag(out,
             twin == NX_TWIN_ANSWERED ? NX_FLAG_CD_ANSWERED : NX_FLAG_CD_FAILS);
    }
}

/* The newest answer comes from no cache, and no server either. */
static void flag_hosts_file(const struct nx_evidence *ev,
                            struct nx_verdict *out) {
    size_t n = ev->c->looks_n;
    if (n > 0 && (ev->c->looks[n - 1].flags & NX_LOOK_HOSTS_FILE) != 0) {
        flag(out, NX_FLAG_HOSTS_FILE);
    }
}

/* The newest answer may be another one than the restored record. */
static void flag_any_answer(const struct nx_evidence *ev,
                            struct nx_verdict *out) {
    size_t n = ev->c->looks_n;
    if (n > 0 && (ev->c->looks[n - 1].flags & NX_LOOK_DATA_WITHHELD) != 0) {
        flag(out, NX_FLAG_DATA_WITHHELD);
    }
    if (n > 0 && (ev->c->looks[n - 1].flags & NX_LOOK_NOT_COMPARED) != 0) {
        flag(out, NX_FLAG_NOT_COMPARED);
    }
}

/* The newest answer did not fit, and there is no TCP to fetch it by. */
static void flag_truncated(const struct nx_evidence *ev,
                           struct nx_verdict *out) {
    size_t n = ev->c->looks_n;
    if (n > 0 && (ev->c->looks[n - 1].flags & NX_LOOK_TC) != 0) {
        flag(out, NX_FLAG_TRUNCATED);
    }
}

/* The newest answer names other servers: who gives it does not resolve. It is
 * no denial (RFC 2308 section 2.2: a NODATA without SOA has no NS set). */
static void flag_referral(const struct nx_evidence *ev,
                          struct nx_verdict *out) {
    size_t n = ev->c->looks_n;
    if (n > 0 && ev->c->looks[n - 1].kind == NX_KIND_REFERRAL) {
        flag(out, NX_FLAG_REFERRAL);
    }
}

/* Larger answers do not come over UDP; nor by TCP where it is blocked too. */
static void flag_sizes(const struct nx_evidence *ev, struct nx_verdict *out) {
    struct nx_sizes sizes;
    nx_evidence_sizes(ev->c, &sizes);
    out->size_limit_bytes = sizes.limit_bytes;
    if (sizes.limit_bytes > 0) {
        flag(out, sizes.tcp ? NX_FLAG_SIZE_LIMITED : NX_FLAG_SIZE_BLOCKED);
    }
}

/* No cache that waiting clears; or an answer made in place of a denial. */
static void flag_source(const struct nx_evidence *ev, struct nx_verdict *out) {
    bool other = out->state == NX_STATE_OLD_POSITIVE;
    if ((other || out->state == NX_STATE_RECACHED) &&
        nx_source_is_own_zone(ev)) {
        flag(out, NX_FLAG_OWN_ZONE);
    }
    if (other && nx_source_is_renewed(ev)) {
        flag(out, NX_FLAG_RENEWED);
    }
    if (other && ev->c->profile->rewrites_nxdomain) {
        flag(out, NX_FLAG_REWRITTEN);
    }
    if (other && ev->last != NX_NO_LOOK &&
        (ev->c->looks[ev->last].flags & NX_LOOK_UNLIKE_SERVERS) != 0) {
        flag(out, NX_FLAG_UNLIKE_SERVERS);
    }
}

/* Of the newest looks that are alike. "Cached Error" hides what the error was
 * that was cached. */
static void take_ede(const struct nx_evidence *ev, struct nx_verdict *out) {
    const struct nx_look *looks = ev->c->looks;

    if (out->state == NX_STATE_CLEAR || out->state == NX_STATE_UNREACHABLE ||
        !ev->heard) {
        return;
    }
    for (int i = ev->last; i >= 0 && (out->ede == 0 || out->ede == EDE_CACHED);
         i--) {
        if (!nx_kind_is_telling(looks[i].kind)) {
            continue;
        }
        if (looks[i].kind != looks[ev->last].kind) {
            break;
        }
        out->ede = looks[i].ede != 0 ? looks[i].ede : out->ede;
    }
}

/* What no cache makes, and the resolver works: it is about this name. */
static void flag_canary(const struct nx_evidence *ev, struct nx_verdict *out) {
    if (out->state == NX_STATE_POLICY_BLOCKED && nx_canary_resolves(ev)) {
        flag(out, NX_FLAG_CANARY_RESOLVES);
    }
}

/* It answers, and is not called clear for this alone. */
static void flag_nsec(const struct nx_evidence *ev, struct nx_verdict *out) {
    if (out->state == NX_STATE_PARTLY_CLEAR && ev->last == ev->last_pos &&
        nx_clear_after_nsec_us(ev) != NX_TIME_UNKNOWN) {
        flag(out, NX_FLAG_NSEC_ALIVE);
    }
}

void nx_marks_fill(const struct nx_evidence *ev, struct nx_verdict *out) {
    flag_looks(ev, out);
    flag_lines(ev, out);
    flag_early(ev, out);
    flag_twin(ev, out);
    flag_hosts_file(ev, out);
    flag_any_answer(ev, out);
    flag_truncated(ev, out);
    flag_referral(ev, out);
    flag_sizes(ev, out);
    flag_source(ev, out);
    flag_canary(ev, out);
    flag_nsec(ev, out);
    out->wants_canary = nx_source_wants_canary(ev);
    take_serial(ev, out);
    take_ede(ev, out);
}
