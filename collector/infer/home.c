#include "collector/infer/home.h"

const char *nx_home_text(unsigned home) {
    static const char *const texts[] = {
#define NX_HOME_TEXT_(name, text) text,
        NX_HOME_MAP(NX_HOME_TEXT_)
#undef NX_HOME_TEXT_
    };
    return home < NX_HOME_N_ ? texts[home] : "?";
}

static unsigned *place_of(struct nx_layer_word *word, unsigned state) {
    switch ((enum nx_state)state) {
    case NX_STATE_STILL_NEGATIVE_AT_AUTHORITY:
    case NX_STATE_RECACHED:
    case NX_STATE_ANCESTOR_NXDOMAIN:
    case NX_STATE_STALE_SERVED:
    case NX_STATE_CACHED_NXDOMAIN:
    case NX_STATE_CACHED_NODATA:
    case NX_STATE_SYNTHESIZED_NEGATIVE:
    case NX_STATE_PARTLY_CLEAR:
    case NX_STATE_POLICY_BLOCKED:
        return &word->denied_n;
    case NX_STATE_CLEAR:
        return &word->good_n;
    case NX_STATE_SERVFAIL_DNSSEC:
    case NX_STATE_SERVFAIL_OTHER:
    case NX_STATE_OLD_POSITIVE:
    case NX_STATE_REFUSED:
    case NX_STATE_UNREACHABLE:
    case NX_STATE_UNKNOWN:
    case NX_STATE_N_:
        break;
    }
    return &word->other_n;
}

void nx_home_count(struct nx_layer_word words[NX_LAYER_N], unsigned layer,
                   unsigned state) {
    if (layer < NX_LAYER_N && layer != NX_LAYER_AUTHORITY) {
        ++*place_of(&words[layer], state);
    }
}

/* What denies upstream may have handed its denial down; only where all that is
 * there answers as restored, the denial is the forwarder's own. */
static enum nx_home behind(const struct nx_layer_word *upstream) {
    if (upstream->denied_n > 0) {
        return NX_HOME_RECURSIVE;
    }
    return upstream->good_n > 0 && upstream->other_n == 0 ? NX_HOME_FORWARDER
                                                          : NX_HOME_NETWORK;
}

enum nx_home nx_home_of(const struct nx_layer_word words[NX_LAYER_N],
                        bool authority_denies) {
    const struct nx_layer_word *network = &words[NX_LAYER_NETWORK];
    if (authority_denies) {
        return NX_HOME_AUTHORITY;
    }
    if (network->denied_n > 0) {
        return behind(&words[NX_LAYER_UPSTREAM]);
    }
    /* The stub may have asked any of them: it takes all to be good. */
    return words[NX_LAYER_HOST].denied_n > 0 && network->good_n > 0 &&
                   network->other_n == 0
               ? NX_HOME_DEVICE
               : NX_HOME_NONE;
}
