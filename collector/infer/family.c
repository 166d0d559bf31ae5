#include "collector/infer/family.h"

#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
#define NX_FAMILY_TEXT_(name, text) text,
    NX_FAMILY_MAP(NX_FAMILY_TEXT_)
#undef NX_FAMILY_TEXT_
};

const char *nx_family_text(unsigned family) {
    return family < NX_FAMILY_N_ ? texts[family] : "?";
}

enum nx_family nx_family_of_text(const char *text) {
    for (unsigned i = 0; i < NX_FAMILY_N_; i++) {
        if (strcmp(texts[i], text) == 0) {
            return (enum nx_family)i;
        }
    }
    return NX_FAMILY_UNKNOWN;
}

static enum nx_family of_own_clock(enum nx_conv conv) {
    switch (conv) {
    case NX_CONV_F:
        return NX_FAMILY_BIND_LIKE;
    case NX_CONV_F0:
        return NX_FAMILY_KNOT_LIKE;
    case NX_CONV_T:
        return NX_FAMILY_RESOLVED_LIKE;
    case NX_CONV_U:
        break;
    }
    return NX_FAMILY_UNKNOWN;
}

static enum nx_family of_looks(const struct nx_look *looks, size_t n) {
    size_t denied_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (nx_kind_is_negative(looks[i].kind)) {
            if (looks[i].r_s >= 0) {
                return NX_FAMILY_UNKNOWN;
            }
            denied_n++;
        }
    }
    return denied_n > 0 ? NX_FAMILY_NO_SOA : NX_FAMILY_UNKNOWN;
}

enum nx_family nx_family_of(const struct nx_profile *profile,
                            const struct nx_look *looks, size_t n) {
    enum nx_family family = NX_FAMILY_UNKNOWN;
    switch ((enum nx_soa_clock)profile->soa_clock) {
    case NX_SOA_CLOCK_SHARED_UNTIL_CHANGE:
        return NX_FAMILY_UNBOUND_LIKE;
    case NX_SOA_CLOCK_SHARED_RENEWED:
        return NX_FAMILY_DNSMASQ_LIKE;
    case NX_SOA_CLOCK_OWN:
        family = of_own_clock((enum nx_conv)profile->conv);
        break;
    case NX_SOA_CLOCK_UNKNOWN:
        break;
    }
    return family != NX_FAMILY_UNKNOWN ? family : of_looks(looks, n);
}

void nx_learnt_apply(const struct nx_learnt *learnt, enum nx_family family,
                     struct nx_profile *profile) {
    if (!learnt->known) {
        return;
    }
    profile->lambda_early_per_s = learnt->of[family].lambda_early_per_s;
    if (profile->past_ttl == NX_PAST_TTL_UNKNOWN) {
        profile->p_late = learnt->of[family].p_late;
    }
}

char *nx_learnt_write(const struct nx_learnt *learnt, char *out) {
    size_t len = 0;
    out[0] = '\0';
    for (unsigned f = 0; learnt->known && f < NX_FAMILY_N_; f++) {
        len += (size_t)snprintf(out + len, NX_LEARNT_TEXT_MAX - len,
                                "%s%s=%.17g,%.17g", f > 0 ? ";" : "",
                                nx_family_text(f), learnt->of[f].p_late,
                                learnt->of[f].lambda_early_per_s);
    }
    return out;
}

/* A share, and a hazard of at most one a second. */
static bool sane(double p_late, double lambda_per_s) {
    return p_late > 0.0 && p_late < 1.0 && lambda_per_s > 0.0 &&
           lambda_per_s <= 1.0;
}

int nx_learnt_read(const char *text, struct nx_learnt *out) {
    struct nx_learnt learnt = {.known = true};
    const char *at = text;
    char name[20];
    double p_late = 0;
    double lambda = 0;
    int used = 0;
    while (sscanf(at, "%19[a-z-]=%25lf,%25lf%n", name, &p_late, &lambda,
                  &used) == 3) {
        enum nx_family family = nx_family_of_text(name);
        bool pool = at == text;
        if (!sane(p_late, lambda) || pool != (family == NX_FAMILY_UNKNOWN)) {
            return NX_EMALFORMED;
        }
        for (unsigned f = 0; f < NX_FAMILY_N_; f++) {
            if (pool || f == family) {
                learnt.of[f].p_late = p_late;
                learnt.of[f].lambda_early_per_s = lambda;
            }
        }
        at += used;
        at += *at == ';' ? 1 : 0;
    }
    if (at == text || *at != '\0') {
        return NX_EMALFORMED;
    }
    *out = learnt;
    return 0;
}
