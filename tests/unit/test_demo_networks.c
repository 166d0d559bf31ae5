/* The seven kinds of network of deploy/demo in virtual time: models of the
 * resolvers as measured (nxclear-estimator(7) 10 and 12), looked at as the
 * schedule says, with nothing known of their software. Forecast, interval and
 * the time until `clear` against the model's own end, over many seeds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/infer/diagnosis.h"

#define W_S 45
#define OUTAGE_S 100.0
#define RESTORED_S 125.0
#define VERIFIED_S 127.0
#define FORECAST_S (VERIFIED_S + 10.0)
#define LOOK_GAP_S 0.53 /* the agent's own minimum is 0.5 s */
#define RUNS 200

struct cache {
    double fill_s;
    int w_s;
    bool inclusive; /* TTL 0 is shown for a second (Unbound, Knot Resolver) */
    bool predict;   /* Knot Resolver: a query near the end refreshes */
    bool cured;
};

struct network {
    const char *name;
    struct cache caches[2];
    unsigned caches_n;
    unsigned turn; /* round robin */
};

static uint64_t SEED;

static double uniform(double a, double b) {
    SEED = SEED * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return a + (b - a) * (double)(SEED >> 11) / 9007199254740992.0;
}

static int64_t us(double s) {
    return (int64_t)llround(s * 1e6);
}

static int rest(const struct cache *cache, double t_s) {
    return (int)(floor(cache->fill_s) + cache->w_s - floor(t_s));
}

/* Remaining TTL of the denial, -1 when the record is given. */
static int ask_cache(struct cache *cache, double t_s) {
    int r = rest(cache, t_s);

    if (cache->cured || r < (cache->inclusive ? 0 : 1)) {
        return -1;
    }
    cache->cured = cache->predict && (r - 5) * 100 < cache->w_s;
    return r;
}

static int ask(struct network *network, double t_s) {
    return ask_cache(&network->caches[network->turn++ % network->caches_n],
                     t_s);
}

/* First instant from which a client that asks every 100 ms sees no denial. */
static double truth(const struct network *network) {
    double end_s = 0;

    for (unsigned i = 0; i < network->caches_n; i++) {
        struct cache cache = network->caches[i];
        double t_s = uniform(RESTORED_S, RESTORED_S + 0.1);
        while (ask_cache(&cache, t_s) >= 0) {
            t_s += 0.1;
        }
        end_s = t_s > end_s ? t_s : end_s;
    }
    return end_s;
}

static void make_networks(struct network *out) {
    static const struct network KINDS[7] = {
        {"unbound", {{.inclusive = true}}, 1, 0},
        {"named", {{.inclusive = false}}, 1, 0},
        {"pdns_recursor", {{.inclusive = false}}, 1, 0},
        {"kresd predict", {{.inclusive = true, .predict = true}}, 1, 0},
        {"dnsmasq over unbound", {{.inclusive = true}}, 1, 0},
        {"dnsdist over two unbounds",
         {{.inclusive = true}, {.inclusive = true}},
         2,
         0},
        {"unbound, cap 20 s", {{.inclusive = true, .w_s = 20}}, 1, 0},
    };

    memcpy(out, KINDS, sizeof(KINDS));
    for (unsigned i = 0; i < 7; i++) {
        for (unsigned j = 0; j < 2; j++) {
            struct cache *cache = &out[i].caches[j];
            bool capped = cache->w_s == 20;
            cache->w_s = capped ? 20 : W_S;
            cache->fill_s = capped ? uniform(RESTORED_S - 4, RESTORED_S - 1)
                                   : uniform(OUTAGE_S + 2, RESTORED_S - 1);
        }
    }
    out[5].caches[1].fill_s = out[5].caches[0].fill_s + uniform(3, 6);
    if (out[5].caches[1].fill_s > RESTORED_S) {
        out[5].caches[1].fill_s -= 12;
    }
}

static struct nx_auth_facts facts(void) {
    return (struct nx_auth_facts){
        .outage_lo_us = us(OUTAGE_S),
        .restored_lo_us = us(RESTORED_S - 1),
        .restored_hi_us = us(RESTORED_S),
        .observed = true,
        .all_ns_good = true,
        .verified = true,
        .serial_moves = true,
        .serial_known = true,
        .serial_restored = 3,
        .w_auth_s = W_S,
        .ns_total = 2,
    };
}

static struct nx_look look_at(struct network *network, double t_s,
                              unsigned port) {
    int r = ask(network, t_s);

    return (struct nx_look){
        .tx_us = us(t_s - 0.0004),
        .rx_us = us(t_s + 0.0004),
        .eps_us = 500,
        .r_s = r >= 0 ? r : 900 - (int)floor(t_s),
        .soa_serial = 2,
        .soa_minimum_s = W_S,
        .src_port = (uint16_t)port,
        .flags = r >= 0 ? NX_LOOK_RD | NX_LOOK_SERIAL : NX_LOOK_RD,
        .kind = r >= 0 ? NX_KIND_NXDOMAIN : NX_KIND_POS,
        .soa_rel = r >= 0 ? NX_SOA_APEX : NX_SOA_NONE,
    };
}

struct result {
    double truth_s, cleared_s;
    struct nx_eta eta;
    unsigned looks_n;
    bool premature;
};

struct watcher {
    struct nx_look looks[NX_LOOKS_MAX];
    size_t n;
    unsigned asked_n;
    struct nx_verdict verdict;
};

static void watch(struct watcher *w, const struct nx_look *look, double now_s) {
    struct nx_diagnosis_settings settings;
    struct nx_profile profile;
    struct nx_auth_facts auth = facts();

    nx_diagnosis_settings_default(&settings);
    nx_profile_default(&profile);
    if (look != NULL) {
        if (w->n == NX_LOOKS_MAX) {
            memmove(w->looks, w->looks + 1, sizeof(*look) * --w->n);
        }
        w->looks[w->n++] = *look;
        w->asked_n++;
    }
    nx_diagnose(&settings, w->looks, w->n, &auth, &profile, us(now_s),
                w->asked_n > 0 ? &w->verdict : NULL, &w->verdict);
}

/* Plays one network until it is clear, or for three minutes. */
static void play(struct network *network, struct result *out) {
    struct watcher w = {0};
    double t_s = VERIFIED_S + uniform(0, 1);

    out->truth_s = truth(network);
    out->cleared_s = HUGE_VAL;
    watch(&w, NULL, t_s);
    while (t_s < VERIFIED_S + 180 && out->cleared_s >= HUGE_VAL) {
        double next_s = (double)w.verdict.next_probe_us * 1e-6;
        next_s = next_s < t_s + LOOK_GAP_S ? t_s + LOOK_GAP_S : next_s;
        if (t_s < FORECAST_S && next_s >= FORECAST_S) {
            watch(&w, NULL, FORECAST_S);
            out->eta = w.verdict.eta;
        }
        t_s = next_s;
        struct nx_look look = look_at(network, t_s, 2000 + w.asked_n);
        watch(&w, &look, t_s + 0.1);
        if (w.verdict.state == NX_STATE_CLEAR) {
            out->cleared_s = t_s + 0.1;
        }
    }
    out->looks_n = w.asked_n;
    out->premature = out->cleared_s < out->truth_s;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

struct tally {
    double error_s[RUNS], delay_s[RUNS], width_s[RUNS];
    unsigned n, inside_n, premature_n, looks_n;
};

static void add(struct tally *tally, const struct result *result) {
    const struct nx_eta *eta = &result->eta;

    assert_true(eta->known);
    tally->error_s[tally->n] =
        fabs((double)eta->point_us * 1e-6 - result->truth_s);
    tally->delay_s[tally->n] = result->cleared_s - result->truth_s;
    tally->width_s[tally->n] = (double)(eta->hi50_us - eta->lo50_us) * 1e-6;
    tally->inside_n += us(result->truth_s) >= eta->lo90_us &&
                               us(result->truth_s) <= eta->hi90_us
                           ? 1U
                           : 0U;
    tally->premature_n += result->premature ? 1U : 0U;
    tally->looks_n += result->looks_n;
    tally->n++;
}

static double median(double *values, unsigned n) {
    qsort(values, n, sizeof(*values), compare);
    return values[n / 2];
}

static void check_kind(const char *name, unsigned kind, struct tally *tally) {
    double error_s = median(tally->error_s, tally->n);
    double delay_s = median(tally->delay_s, tally->n);
    double width_s = median(tally->width_s, tally->n);

    print_message("# %-26s error %.2f s, 50 %% width %.2f s, inside %u/%u, "
                  "clear after %.1f s (most %.1f), premature %u, looks %u\n",
                  name, error_s, width_s, tally->inside_n, tally->n, delay_s,
                  tally->delay_s[tally->n - 1], tally->premature_n,
                  tally->looks_n / tally->n);
    assert_true(width_s < 2.0);
    assert_true(tally->inside_n * 10 >= tally->n * 9);
    assert_true(tally->delay_s[tally->n - 1] <= 20.0);
    assert_true(tally->premature_n * 50 <= tally->n);
    if (kind != 3) { /* nobody can know of the cure before it happens */
        assert_true(error_s <= 1.0);
    }
}

static void test_seven_networks(void **state) {
    static struct tally tallies[7];
    struct network networks[7];
    unsigned good_runs = 0;

    (void)state;
    memset(tallies, 0, sizeof(tallies));
    for (unsigned run = 0; run < RUNS; run++) {
        double errors[7];
        unsigned inside = 0;
        SEED = run + 1;
        uniform(0, 1);
        make_networks(networks);
        for (unsigned i = 0; i < 7; i++) {
            struct result result = {0};
            play(&networks[i], &result);
            add(&tallies[i], &result);
            errors[i] = tallies[i].error_s[run];
            inside += us(result.truth_s) >= result.eta.lo90_us &&
                              us(result.truth_s) <= result.eta.hi90_us
                          ? 1U
                          : 0U;
        }
        good_runs += median(errors, 7) <= 1.0 && inside >= 6 ? 1U : 0U;
    }
    print_message("# runs that meet the goal: %u of %u\n", good_runs, RUNS);
    for (unsigned i = 0; i < 7; i++) {
        check_kind(networks[i].name, i, &tallies[i]);
    }
    assert_true(good_runs * 100 >= RUNS * 98);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_seven_networks),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
