/* Families of resolver software, as far as their habits tell them apart: what
 * outcomes teach is kept for each (nxclear-estimator(7) 5.8). Pure. */
#ifndef NX_COLLECTOR_FAMILY_H
#define NX_COLLECTOR_FAMILY_H

#include <stddef.h>

#include "collector/infer/facts.h"
#include "collector/infer/look.h"

#define NX_FAMILY_MAP(X)                                                       \
    X(UNKNOWN, "unknown")             /* nothing measured: one pool */         \
    X(NO_SOA, "no-soa")               /* its denials carry no SOA */           \
    X(BIND_LIKE, "bind-like")         /* own clock, ends at floor(t) + r */    \
    X(UNBOUND_LIKE, "unbound-like")   /* one SOA per zone, until it changes */ \
    X(DNSMASQ_LIKE, "dnsmasq-like")   /* one SOA per zone, renewed */          \
    X(KNOT_LIKE, "knot-like")         /* own clock, shows TTL 0 */             \
    X(RESOLVED_LIKE, "resolved-like") /* own clock, microseconds */

enum nx_family {
#define NX_FAMILY_ENUM_(name, text) NX_FAMILY_##name,
    NX_FAMILY_MAP(NX_FAMILY_ENUM_)
#undef NX_FAMILY_ENUM_
        NX_FAMILY_N_
};
const char *nx_family_text(unsigned family);
/* NX_FAMILY_UNKNOWN for any other text. */
enum nx_family nx_family_of_text(const char *text);

/* By what the profile says of clock and rounding, else by the looks. */
enum nx_family nx_family_of(const struct nx_profile *profile,
                            const struct nx_look *looks, size_t n);

/* What outcomes taught so far of each family (score/learn.h). */
struct nx_learnt {
    bool known; /* false: the profile's own values count */
    struct {
        double p_late, lambda_early_per_s;
    } of[NX_FAMILY_N_];
};

/* Puts them into a profile; p_late only where no canary measured it. */
void nx_learnt_apply(const struct nx_learnt *learnt, enum nx_family family,
                     struct nx_profile *profile);

/* "unknown=0.06,5.6e-06;..."; "" when not known. Exact: what is read is what
 * was written. Families that are not named have the values of "unknown".
 * Returns out (NX_LEARNT_TEXT_MAX). */
#define NX_LEARNT_TEXT_MAX 640U
char *nx_learnt_write(const struct nx_learnt *learnt, char *out);
/* NX_EMALFORMED; out untouched. */
int nx_learnt_read(const char *text, struct nx_learnt *out) NX_MUSTUSE;

#endif
