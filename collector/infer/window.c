#include "collector/infer/window.h"

#define P_POPULAR 0.4
#define POPULAR_US (60 * NX_US_PER_S)

/* 5.6: a positive look in the outage moves its start for the one cache. */
static int64_t outage_lo(const struct nx_evidence *ev) {
    const struct nx_case *c = ev->c;
    int64_t lo_us = c->auth->outage_lo_us;

    for (size_t i = 0; i < c->looks_n && ev->caches == 1; i++) {
        if (c->looks[i].kind == NX_KIND_POS &&
            c->looks[i].tx_us < c->auth->restored_lo_us) {
            lo_us = nx_max64(lo_us, c->looks[i].tx_us);
        }
    }
    return lo_us;
}

struct nx_window nx_window_of(const struct nx_evidence *ev, int64_t life_us) {
    const struct nx_look *looks = ev->c->looks;
    struct nx_window window =
        nx_prior(outage_lo(ev), ev->c->auth->restored_hi_us, life_us);
    bool single = ev->caches == 1 || (ev->caches == 0 && ev->lines.n == 0);

    if (!window.known || ev->first_neg == NX_NO_LOOK || !single) {
        return window;
    }
    window.b_us = nx_min64(window.b_us, looks[ev->first_neg].rx_us + life_us);
    window.a_us = nx_max64(window.a_us, ev->floor_us);
    if (ev->capped) {
        const struct nx_look *look = nx_evidence_negative(ev);
        window.a_us = nx_max64(window.a_us, nx_bracket(look, NX_CONV_F).a_us);
    }
    window.b_us = nx_max64(window.a_us, window.b_us);
    return window;
}

struct nx_window nx_window_refed(const struct nx_evidence *ev) {
    const struct nx_auth_facts *auth = ev->c->auth;
    struct nx_window window =
        nx_prior(auth->outage_lo_us, auth->restored_hi_us, nx_fed_us(auth));

    window.b_us += nx_evidence_w_us(ev);
    return window;
}

/* Flapping (5.7): each bad interval filled its own entries, the longer the
 * more. Those that ended before the restoration are over. */
static void take_intervals(const struct nx_evidence *ev, int64_t more_us,
                           struct nx_dist *dist) {
    const struct nx_auth_facts *auth = ev->c->auth;
    struct nx_window all = nx_window_of(ev, nx_evidence_w_us(ev));
    double sum = 0.0;

    for (size_t i = 0; i < auth->bad_n && i < NX_BAD_MAX; i++) {
        int64_t from_us = auth->bad[i].from_us;
        int64_t to_us = auth->bad[i].to_us;
        dist->caps[dist->caps_n] = (struct nx_cap_window){
            .weight = (double)(to_us - from_us),
            .a_us = nx_max64(
                nx_max64(from_us + nx_evidence_w_us(ev), auth->restored_hi_us),
                ev->floor_us),
            .b_us = nx_min64(to_us + nx_evidence_w_us(ev), all.b_us) + more_us};
        if (dist->caps[dist->caps_n].b_us > dist->caps[dist->caps_n].a_us &&
            to_us > from_us) {
            sum += dist->caps[dist->caps_n++].weight;
        }
    }
    for (size_t i = 0; i < dist->caps_n; i++) {
        dist->caps[i].weight /= sum;
    }
}

/* 5.6: where the outage was shorter than W, the fills of a popular name follow
 * the end of its record. How popular it is, is not known. */
static void take_popular(const struct nx_evidence *ev, int64_t more_us,
                         struct nx_dist *dist) {
    const struct nx_auth_facts *auth = ev->c->auth;
    int64_t opens_us = auth->outage_lo_us + nx_evidence_w_us(ev);
    struct nx_window all = nx_window_of(ev, nx_evidence_w_us(ev));
    int64_t b_us =
        opens_us + POPULAR_US + (int64_t)auth->positive_ttl_s * NX_US_PER_S;

    if (auth->positive_ttl_s == 0 || auth->outage_lo_us == NX_TIME_UNKNOWN ||
        opens_us <= auth->restored_hi_us || b_us >= all.b_us ||
        b_us <= all.a_us) {
        return;
    }
    dist->caps_n = 2;
    dist->caps[0] =
        (struct nx_cap_window){1.0 - P_POPULAR, all.a_us, all.b_us + more_us};
    dist->caps[1] = (struct nx_cap_window){P_POPULAR, all.a_us, b_us + more_us};
}

void nx_window_caps(const struct nx_evidence *ev, int64_t more_us,
                    struct nx_dist *dist) {
    if (ev->c->auth->bad_n > 1 && !nx_is_refed(ev)) {
        take_intervals(ev, more_us, dist);
        return;
    }
    if (ev->caps_n == 0 && !nx_is_refed(ev)) {
        take_popular(ev, more_us, dist);
    }
    for (size_t i = 0; i < ev->caps_n && !nx_is_refed(ev); i++) {
        struct nx_window window =
            nx_window_of(ev, (int64_t)ev->caps[i].w_s * NX_US_PER_S);
        dist->caps[dist->caps_n++] = (struct nx_cap_window){
            ev->caps[i].weight, window.a_us, window.b_us + more_us};
    }
}
