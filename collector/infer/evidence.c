#include "collector/infer/evidence.h"

#include <string.h>

static bool is_lost(unsigned kind) {
    return kind == NX_KIND_TIMEOUT || kind == NX_KIND_NETERR;
}

bool nx_kind_is_telling(unsigned kind) {
    return kind == NX_KIND_POS || kind == NX_KIND_POS_OTHER ||
           nx_kind_is_negative(kind) || kind == NX_KIND_SERVFAIL ||
           kind == NX_KIND_REFUSED;
}

bool nx_look_breaks_row(const struct nx_look *look) {
    return look->kind == NX_KIND_REFERRAL || (look->flags & NX_LOOK_TC) != 0 ||
           nx_kind_is_telling(look->kind);
}

const struct nx_look *nx_evidence_negative(const struct nx_evidence *ev) {
    return ev->last_neg == NX_NO_LOOK ? NULL : &ev->c->looks[ev->last_neg];
}

bool nx_evidence_is_denied_last(const struct nx_evidence *ev) {
    int i = ev->last;

    while (i >= 0 && (ev->c->looks[i].kind == NX_KIND_REFUSED ||
                      !nx_kind_is_telling(ev->c->looks[i].kind))) {
        i--;
    }
    return i != NX_NO_LOOK && i == ev->last_neg;
}

enum nx_twin nx_evidence_twin(const struct nx_case *c) {
    for (size_t i = c->looks_n; i > 0; i--) {
        const struct nx_look *look = &c->looks[i - 1];
        if ((look->flags & NX_LOOK_CD) != 0) {
            if (look->kind == NX_KIND_POS) {
                return NX_TWIN_ANSWERED;
            }
        } else if (look->kind != NX_KIND_SERVFAIL) {
            break;
        } else if ((look->flags & NX_LOOK_TWIN_ANSWERED) != 0) {
            return NX_TWIN_ANSWERED;
        } else if ((look->flags & NX_LOOK_TWIN_FAILED) != 0) {
            return NX_TWIN_FAILED;
        }
    }
    return NX_TWIN_NONE;
}

void nx_evidence_sizes(const struct nx_case *c, struct nx_sizes *out) {
    uint8_t sized[NX_SIZES_N] = {0};
    for (size_t i = c->looks_n; i > 0 && nx_look_is_lost(&c->looks[i - 1]);
         i--) {
        for (unsigned k = 0; k < NX_SIZES_N; k++) {
            sized[k] =
                sized[k] != NX_SIZED_NONE ? sized[k] : c->looks[i - 1].sized[k];
        }
    }
    nx_sizes_judge(sized, out);
}

static void count_look(struct nx_evidence *ev, int i) {
    const struct nx_case *c = ev->c;
    const struct nx_look *look = &c->looks[i];

    ev->lost_n = is_lost(look->kind) ? ev->lost_n + 1 : 0;
    ev->miss_n += look->kind == NX_KIND_MISS ? 1U : 0U;
    if (c->auth->restored_lo_us != NX_TIME_UNKNOWN &&
        look->tx_us >= c->auth->restored_lo_us) {
        ev->after_restored_n++;
    }
    if (nx_kind_is_telling(look->kind)) {
        ev->last = i;
    }
    if (nx_kind_is_negative(look->kind)) {
        ev->first_neg = ev->first_neg == NX_NO_LOOK ? i : ev->first_neg;
        ev->last_neg = i;
        ev->first_pos = NX_NO_LOOK;
        ev->neg_n++;
        ev->policy_n += nx_look_is_policy(look) ? 1U : 0U;
    } else if (nx_look_is_restored(c, look)) {
        ev->first_pos = ev->first_pos == NX_NO_LOOK ? i : ev->first_pos;
        ev->last_pos = i;
        ev->pos_n++;
    }
}

/* One cache that answers does not deny again: where it does there are more of
 * them, one with a small share of the queries was missed, or came since. */
static unsigned caches_of(const struct nx_case *c) {
    bool answered = false;

    for (size_t i = 0; i < c->looks_n && c->profile->caches == 1; i++) {
        answered |= nx_look_is_restored(c, &c->looks[i]);
        if (answered && nx_kind_is_negative(c->looks[i].kind)) {
            return 0;
        }
    }
    return c->profile->caches;
}

/* What does not validate makes no denial from an NSEC record (RFC 8198 section
 * 5): canaries said so of one cache, and nothing since says otherwise. */
static uint32_t nsec_of(const struct nx_evidence *ev) {
    const unsigned validated = NX_LOOK_AD | NX_LOOK_EDE_SYNTH |
                               NX_LOOK_EDE_DNSSEC | NX_LOOK_TWIN_ANSWERED;
    const struct nx_case *c = ev->c;
    bool never = c->profile->never_validates && ev->caches == 1;

    for (size_t i = 0; i < c->looks_n && never; i++) {
        never = (c->looks[i].flags & validated) == 0;
    }
    return never ? 0 : c->auth->w_nsec_s;
}

/* Source ports of at most NX_LOOKS_MAX looks; 0: no port. */
#define PORTS_ROOM (2U * NX_LOOKS_MAX)
_Static_assert((PORTS_ROOM & (PORTS_ROOM - 1U)) == 0, "a power of two");

/* A fixed 5-tuple is pinned by balancers and says nothing new (5.9). */
static bool add_port(uint16_t ports[PORTS_ROOM], uint16_t port) {
    unsigned at = port % PORTS_ROOM;

    while (port != 0 && ports[at] != 0 && ports[at] != port) {
        at = (at + 1U) % PORTS_ROOM;
    }
    bool is_new = port == 0 || ports[at] == 0;
    ports[at] = port != 0 ? port : ports[at];
    return is_new;
}

/* Another failure in the row starts it again. */
static void count_run(struct nx_evidence *ev) {
    uint16_t ports[PORTS_ROOM] = {0};

    for (int i = ev->first_pos; i != NX_NO_LOOK && i < (int)ev->c->looks_n;
         i++) {
        const struct nx_look *look = &ev->c->looks[i];
        if (nx_look_is_restored(ev->c, look)) {
            ev->run_n += add_port(ports, look->src_port) ? 1U : 0U;
        } else if (nx_look_breaks_row(look)) {
            ev->run_n = 0;
        }
    }
}

/* Fresh looks are younger than two minutes, or than twice the interval that
 * was asked for (5.7). */
static bool heard_lately(const struct nx_case *c) {
    int64_t span_us = c->settings->silent_after_us;

    if (c->looks_n == 0 || c->settings->agent_away) {
        return false;
    }
    if (c->before.known && c->before.next_probe_us != NX_TIME_UNKNOWN &&
        c->before.last_look_us != NX_TIME_UNKNOWN) {
        int64_t asked_us =
            2 * (c->before.next_probe_us - c->before.last_look_us);
        int64_t most_us = 2 * c->settings->probe_ceiling_us;
        asked_us = asked_us < most_us ? asked_us : most_us;
        span_us = asked_us > span_us ? asked_us : span_us;
    }
    return c->looks[c->looks_n - 1].rx_us >= c->now_us - span_us;
}

/* 5.5: the newest negative looks, if they show one TTL for longer than a
 * countdown does: a second, and the last one of systemd-resolved two. The eight
 * looks of a first visit are enough. */
static void find_flat(struct nx_evidence *ev) {
    const struct nx_look *looks = ev->c->looks;
    const struct nx_look *newest = nx_evidence_negative(ev);
    int64_t oldest_us = 0;
    unsigned n = 0;

    if (newest == NULL || newest->r_s < 0) {
        return;
    }
    for (int i = ev->last_neg; i >= 0; i--) {
        if (!nx_kind_is_negative(looks[i].kind)) {
            continue;
        }
        if (looks[i].r_s != newest->r_s) {
            break;
        }
        oldest_us = looks[i].tx_us;
        n++;
    }
    ev->capped = ev->c->profile->display_cap_s > 0 &&
                 newest->r_s == (int32_t)ev->c->profile->display_cap_s;
    ev->flat =
        ev->c->profile->never_decrements ||
        (n >= NX_FLAT_LOOKS && newest->tx_us - oldest_us >= NX_FLAT_SPAN_US);
    ev->flat_r_s = newest->r_s;
}

void nx_evidence_gather(const struct nx_case *c, struct nx_evidence *out) {
    size_t n = c->looks_n < NX_LOOKS_MAX ? c->looks_n : NX_LOOKS_MAX;

    memset(out, 0, offsetof(struct nx_evidence, lines));
    out->c = c;
    out->last = out->last_neg = out->first_neg = NX_NO_LOOK;
    out->first_pos = out->last_pos = NX_NO_LOOK;
    out->untrusted = out->first_untrusted = NX_NO_LOOK;
    out->floor_us = out->expired_us = out->cut_us = NX_TIME_UNKNOWN;
    out->heard = heard_lately(c);
    for (size_t i = 0; i < n; i++) {
        count_look(out, (int)i);
    }
    count_run(out);
    find_flat(out);
    out->caches = caches_of(c);
    out->nsec_s = nsec_of(out);
    nx_evidence_countdown(out);
}
