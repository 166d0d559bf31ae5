#include "collector/infer/diagnosis.h"

#include <string.h>

#include "collector/infer/bound.h"
#include "collector/infer/confidence.h"
#include "collector/infer/denial.h"
#include "collector/infer/evidence.h"
#include "collector/infer/forecast.h"
#include "collector/infer/marks.h"
#include "collector/infer/schedule.h"

#define LOST_LOOKS 3U                       /* 5.7: unreachable ... */
#define LOST_SPAN_US (4 * NX_US_PER_S)      /* ... for longer than a visit */
#define SAME_ENTRY_US (NX_US_PER_S * 5 / 4) /* rounding, and a round trip */

void nx_diagnosis_settings_default(struct nx_diagnosis_settings *out) {
    *out = (struct nx_diagnosis_settings){
        .clear_max_share = 0.05,
        .probe_floor_us = 5 * NX_US_PER_S,
        .probe_ceiling_us = 300 * NX_US_PER_S,
        .probe_cost_s = 30.0,
        .guard_us = NX_US_PER_S / 4,
        .silent_after_us = 120 * NX_US_PER_S,
        .first_visit_n = 8,
    };
}

static void flag(struct nx_verdict *out, enum nx_flag bit) {
    out->flags |= 1U << bit;
}

static enum nx_state unknown(struct nx_verdict *out,
                             enum nx_unknown_reason reason) {
    out->unknown_reason = (uint8_t)reason;
    return NX_STATE_UNKNOWN;
}

/* After positives: enough of them, or not yet. */
static enum nx_state positive_state(const struct nx_evidence *ev,
                                    struct nx_verdict *out) {
    if (nx_is_confirmed_clear(ev)) {
        return NX_STATE_CLEAR;
    }
    if (ev->c->auth->observed && !ev->c->auth->all_ns_good) {
        return ev->lines.n > 0 ? NX_STATE_STILL_NEGATIVE_AT_AUTHORITY
                               : unknown(out, NX_UNKNOWN_INCONSISTENT);
    }
    if (ev->pos_n == 0) {
        return unknown(out, NX_UNKNOWN_NEVER_SEEN);
    }
    return NX_STATE_PARTLY_CLEAR;
}

/* What the looks since `clear` was said last have against it. */
struct doubt {
    int64_t at_us;  /* the newest that was not positive; NX_TIME_UNKNOWN */
    bool open;      /* nothing positive came after it */
    bool confirmed; /* a second in a row, or soon after; or the old entry */
    bool answered;  /* after the newest restoration */
};

/* Denied by the entry that was seen before the answers: it never went. */
static bool is_entry_seen_before(const struct nx_case *c,
                                 const struct nx_look *look) {
    int64_t end_us = look->rx_us + look->r_s * NX_US_PER_S;
    bool denied = false;

    for (const struct nx_look *old = c->looks; old < look; old++) {
        int64_t off_us = old->rx_us + old->r_s * NX_US_PER_S - end_us;
        if (denied && nx_look_is_restored(c, old)) {
            return true;
        }
        denied |= nx_kind_is_negative(old->kind) && old->r_s >= 0 &&
                  off_us < SAME_ENTRY_US && off_us > -SAME_ENTRY_US;
    }
    return false;
}

static bool is_confirming(const struct nx_case *c, const struct nx_look *look,
                          const struct doubt *doubt) {
    return doubt->open ||
           (doubt->at_us != NX_TIME_UNKNOWN &&
            look->tx_us - doubt->at_us <= NX_CONFIRM_US) ||
           (nx_kind_is_negative(look->kind) && look->r_s >= 0 &&
            is_entry_seen_before(c, look));
}

static void weigh_look(const struct nx_case *c, const struct nx_look *look,
                       bool is_new, struct doubt *doubt) {
    if (nx_look_is_restored(c, look)) {
        doubt->answered = true;
        doubt->open &= look->tx_us <= doubt->at_us;
    } else if (is_new && nx_look_breaks_row(look)) {
        doubt->confirmed |= is_confirming(c, look, doubt);
        doubt->at_us = look->tx_us;
        doubt->open = true;
    }
}

static size_t newest_weighed(const struct nx_case *c) {
    size_t n = c->looks_n;

    while (n > 0 && !nx_look_breaks_row(&c->looks[n - 1])) {
        n--;
    }
    return n - 1;
}

/* Look by look, so that it does not matter how many came at once. */
static struct doubt weigh(const struct nx_case *c) {
    struct doubt doubt = {.at_us = c->before.doubt_us,
                          .open = c->before.doubt_us != NX_TIME_UNKNOWN};
    size_t newest = newest_weighed(c);

    for (size_t i = 0; i < c->looks_n; i++) {
        const struct nx_look *look = &c->looks[i];
        bool is_new = look->rx_us > c->before.last_look_us ||
                      (i == newest && look->tx_us != doubt.at_us);
        weigh_look(c, look, is_new, &doubt);
    }
    return doubt;
}

/* A clear target stays clear while a look that says otherwise waits for a
 * second one, NX_CONFIRM_US at most. What was seen before the newest
 * restoration says nothing about after. */
static bool is_still_clear(const struct nx_case *c, struct doubt *out) {
    *out = (struct doubt){.at_us = NX_TIME_UNKNOWN};
    if (!c->before.known || c->before.state != NX_STATE_CLEAR ||
        !c->auth->all_ns_good ||
        c->auth->restored_lo_us > c->before.last_look_us) {
        return false;
    }
    *out = weigh(c);
    if (!out->answered || out->confirmed) {
        return false;
    }
    if (out->at_us != NX_TIME_UNKNOWN &&
        c->now_us - out->at_us > NX_CONFIRM_US) {
        out->at_us = NX_TIME_UNKNOWN;
        return !out->open; /* settled, or nobody looked again */
    }
    return true;
}

/* Nothing that tells about the name yet. */
static enum nx_state mute_state(const struct nx_evidence *ev,
                                struct nx_verdict *out) {
    if (ev->miss_n > 0) {
        return unknown(out, NX_UNKNOWN_NOT_CACHED);
    }
    if (!ev->c->auth->verified) {
        return unknown(out, NX_UNKNOWN_GUARDED);
    }
    size_t n = ev->c->looks_n;
    bool odd = n > 0 && ev->c->looks[n - 1].kind == NX_KIND_OTHER;
    return unknown(out, odd ? NX_UNKNOWN_INCONSISTENT : NX_UNKNOWN_NEVER_SEEN);
}

/* One loss may be chance, and so may all of one visit, unless other sizes were
 * tried and show why. */
static bool is_out_of_reach(const struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    struct nx_sizes sizes;
    if (ev->lost_n == 0) {
        return false;
    }
    nx_evidence_sizes(c, &sizes);
    int64_t span_us = c->looks[c->looks_n - 1].rx_us -
                      c->looks[c->looks_n - ev->lost_n].tx_us;
    return (ev->lost_n >= LOST_LOOKS && span_us >= LOST_SPAN_US) ||
           sizes.limit_bytes > 0;
}

/* A resolver may keep failures with and without CD apart. Later it has a trust
 * anchor of its own. */
static bool may_be_kept(const struct nx_auth_facts *auth,
                        const struct nx_look *failure) {
    return auth->restored_hi_us == NX_TIME_UNKNOWN ||
           failure->tx_us <=
               auth->restored_hi_us + NX_FAILURE_CACHE_S * NX_US_PER_S;
}

/* Does validation fail? An answer with CD=1 does not say so where there is no
 * key at all, as long as failures of before may be kept. */
static bool is_bogus(const struct nx_evidence *ev,
                     const struct nx_look *failure) {
    const struct nx_auth_facts *auth = ev->c->auth;

    return (failure->flags & NX_LOOK_EDE_DNSSEC) != 0 ||
           (nx_evidence_twin(ev->c) == NX_TWIN_ANSWERED &&
            !(auth->no_keys && may_be_kept(auth, failure)));
}

static enum nx_state classify(const struct nx_evidence *ev,
                              struct nx_verdict *out) {
    const struct nx_look *last = NULL;
    struct doubt doubt;

    if (ev->heard && is_out_of_reach(ev)) {
        return NX_STATE_UNREACHABLE;
    }
    if (ev->last == NX_NO_LOOK) {
        return mute_state(ev, out);
    }
    last = &ev->c->looks[ev->last];
    if (is_still_clear(ev->c, &doubt)) {
        out->doubt_us = doubt.at_us;
        return NX_STATE_CLEAR;
    }
    if (doubt.confirmed) {
        flag(out, NX_FLAG_FLAPPING);
    }
    /* What was proven stays proven when the agent falls silent. */
    if (!ev->heard && !nx_is_confirmed_clear(ev)) {
        bool asked = ev->c->auth->verified || !ev->c->auth->observed;
        return unknown(out,
                       asked ? NX_UNKNOWN_AGENT_SILENT : NX_UNKNOWN_GUARDED);
    }
    if (nx_kind_is_negative(last->kind)) {
        return nx_denial_state(ev, out);
    }
    if (last->kind == NX_KIND_SERVFAIL) {
        return is_bogus(ev, last) ? NX_STATE_SERVFAIL_DNSSEC
                                  : NX_STATE_SERVFAIL_OTHER;
    }
    if (last->kind == NX_KIND_REFUSED) {
        return NX_STATE_REFUSED;
    }
    return last->kind == NX_KIND_POS_OTHER ? NX_STATE_OLD_POSITIVE
                                           : positive_state(ev, out);
}

/* 5.8, V21: each round asks a bad server with the share of bad ones. */
static void expect_refill(const struct nx_evidence *ev,
                          struct nx_verdict *out) {
    const struct nx_auth_facts *auth = ev->c->auth;

    if (out->state != NX_STATE_STILL_NEGATIVE_AT_AUTHORITY ||
        auth->ns_total == 0 || auth->ns_negative >= auth->ns_total) {
        return;
    }
    double q = (double)auth->ns_negative / auth->ns_total;
    out->refill_negative_probability = q;
    out->extra_wait_us =
        (int64_t)((double)ev->w_s * q / (1.0 - q) * (double)NX_US_PER_S);
}

static unsigned looks_behind(const struct nx_evidence *ev,
                             const struct nx_verdict *verdict) {
    unsigned n = 0;

    for (size_t i = 0; i < verdict->lines_n; i++) {
        n += verdict->lines[i].looks_n;
    }
    if (n > 0) {
        return n;
    }
    return ev->run_n > 0 ? ev->run_n : (unsigned)ev->c->looks_n;
}

struct nx_memory nx_memory_of(const struct nx_verdict *verdict) {
    return (struct nx_memory){.known = true,
                              .state = verdict->state,
                              .doubt_us = verdict->doubt_us,
                              .last_look_us = verdict->last_look_us,
                              .next_probe_us = verdict->next_probe_us};
}

static void reset(struct nx_verdict *out) {
    memset(out, 0, sizeof(*out));
    out->denied_ratio = out->denied_upper95 = out->p_clear = -1.0;
    out->refill_negative_probability = -1.0;
    out->earliest_clear_us = NX_TIME_UNKNOWN;
    out->clear_lo_us = out->clear_hi_us = NX_TIME_UNKNOWN;
    out->last_look_us = out->doubt_us = NX_TIME_UNKNOWN;
}

/* Of more looks than are kept, the newest. */
static struct nx_case case_of(const struct nx_diagnosis_settings *settings,
                              const struct nx_look *looks, size_t looks_n,
                              const struct nx_auth_facts *auth,
                              const struct nx_profile *profile,
                              int64_t now_us) {
    size_t older_n = looks_n > NX_LOOKS_MAX ? looks_n - NX_LOOKS_MAX : 0;

    return (struct nx_case){
        .settings = settings,
        .looks = looks + older_n,
        .looks_n = looks_n - older_n,
        .auth = auth,
        .profile = profile,
        .now_us = now_us,
    };
}

/* A clear target that answers: no more needs to be known. */
static bool stays_clear(const struct nx_case *c, struct doubt *doubt) {
    return c->looks_n > 0 && c->looks[c->looks_n - 1].kind == NX_KIND_POS &&
           is_still_clear(c, doubt);
}

/* What all else is said of. */
static void find_state(const struct nx_case *c, struct nx_evidence *ev,
                       struct nx_verdict *out) {
    reset(out);
    nx_evidence_gather(c, ev);
    out->state = (uint8_t)classify(ev, out);
    if (c->looks_n > 0) {
        out->last_look_us = c->looks[c->looks_n - 1].rx_us;
    }
}

void nx_diagnose(const struct nx_diagnosis_settings *settings,
                 const struct nx_look *looks, size_t looks_n,
                 const struct nx_auth_facts *auth,
                 const struct nx_profile *profile, int64_t now_us,
                 const struct nx_verdict *before, struct nx_verdict *out) {
    struct nx_case c = case_of(settings, looks, looks_n, auth, profile, now_us);
    struct nx_evidence ev;

    if (before != NULL) { /* it may be out */
        c.before = nx_memory_of(before);
    }
    find_state(&c, &ev, out);
    nx_bound_fill(&ev, out);
    nx_forecast_fill(&ev, out);
    nx_confidence_fill(&ev, out);
    nx_marks_fill(&ev, out);
    expect_refill(&ev, out);
    if (out->basis == NX_BASIS_NONE && ev.run_n > 0) {
        out->basis = NX_BASIS_POSITIVE;
    }
    out->looks_n = (uint16_t)looks_behind(&ev, out);
    nx_schedule_fill(&ev, out);
}

enum nx_state nx_diagnose_state(const struct nx_diagnosis_settings *settings,
                                const struct nx_look *looks, size_t looks_n,
                                const struct nx_auth_facts *auth,
                                const struct nx_profile *profile,
                                int64_t now_us, struct nx_memory *memory) {
    struct nx_case c = case_of(settings, looks, looks_n, auth, profile, now_us);
    struct nx_evidence ev;
    struct nx_verdict v;
    struct doubt doubt;

    c.before = *memory;
    if (stays_clear(&c, &doubt)) {
        memory->doubt_us = doubt.at_us;
        memory->last_look_us = c.looks[c.looks_n - 1].rx_us;
        memory->next_probe_us = NX_TIME_UNKNOWN;
        return NX_STATE_CLEAR;
    }
    find_state(&c, &ev, &v);
    v.next_probe_us = NX_TIME_UNKNOWN;
    *memory = nx_memory_of(&v);
    return (enum nx_state)v.state;
}
