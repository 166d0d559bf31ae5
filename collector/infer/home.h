/* Where the denial lives that a network's users get: in the device, in the
 * network's forwarder, in the recursive resolver behind it, or at the zone's
 * own name servers. Decided from what is answered in each layer. Pure. */
#ifndef NX_COLLECTOR_HOME_H
#define NX_COLLECTOR_HOME_H

#include "collector/infer/verdict.h"
#include "common/obs.h"

/* In order of reach, widest first. */
#define NX_HOME_MAP(X)                                                         \
    X(AUTHORITY, "authority") /* a name server of the zone denies */           \
    X(RECURSIVE, "recursive") /* the resolver behind the forwarder denies */   \
    X(FORWARDER,                                                               \
      "forwarder")        /* ... answers as restored: the forwarder does */    \
    X(NETWORK, "network") /* one of the two; what is behind is unseen */       \
    X(DEVICE, "device")   /* its resolvers answer as restored */               \
    X(NONE, "none")       /* no denial is seen, or not where */

enum nx_home {
#define NX_HOME_ENUM_(name, text) NX_HOME_##name,
    NX_HOME_MAP(NX_HOME_ENUM_)
#undef NX_HOME_ENUM_
        NX_HOME_N_
};
const char *nx_home_text(unsigned home);

/* What the endpoints of one layer say of one question. */
struct nx_layer_word {
    unsigned denied_n; /* a denial is served, be it from a cache or by policy */
    unsigned good_n;   /* proven to answer as restored */
    unsigned other_n;  /* anything else: failures, old answers, not asked */
};

/* Adds the state of one endpoint (enum nx_state, enum nx_layer). Name servers
 * are not counted: nx_home_of takes their word apart. */
void nx_home_count(struct nx_layer_word words[NX_LAYER_N], unsigned layer,
                   unsigned state);

/* authority_denies: some name server does, by the audit. */
enum nx_home nx_home_of(const struct nx_layer_word words[NX_LAYER_N],
                        bool authority_denies);

#endif
