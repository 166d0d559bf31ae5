/* What was measured, in words. */
#include "collector/profile/measure.h"

const char *nx_soa_clock_text(unsigned clock) {
    switch ((enum nx_soa_clock)clock) {
    case NX_SOA_CLOCK_UNKNOWN:
        break;
    case NX_SOA_CLOCK_OWN:
        return "own";
    case NX_SOA_CLOCK_SHARED_UNTIL_CHANGE:
        return "shared-until-change";
    case NX_SOA_CLOCK_SHARED_RENEWED:
        return "shared-renewed";
    }
    return "unknown";
}

const char *nx_conv_text(unsigned conv) {
    switch ((enum nx_conv)conv) {
    case NX_CONV_U:
        break;
    case NX_CONV_F:
        return "F";
    case NX_CONV_F0:
        return "F0";
    case NX_CONV_T:
        return "T";
    }
    return "unknown";
}

const char *nx_rd0_text(unsigned rd0) {
    switch ((enum nx_rd0)rd0) {
    case NX_RD0_UNKNOWN:
        break;
    case NX_RD0_HONOURED:
        return "honoured";
    case NX_RD0_REFUSED:
        return "refused";
    case NX_RD0_BYPASSES:
        return "bypasses";
    case NX_RD0_RECURSES:
        return "recurses";
    }
    return "unknown";
}

const char *nx_chain_text(unsigned chain) {
    switch ((enum nx_chain)chain) {
    case NX_CHAIN_UNKNOWN:
        break;
    case NX_CHAIN_OWN:
        return "own-address";
    case NX_CHAIN_OTHER:
        return "other-address";
    }
    return "unknown";
}

const char *nx_past_ttl_text(unsigned past_ttl) {
    switch ((enum nx_past_ttl)past_ttl) {
    case NX_PAST_TTL_UNKNOWN:
        break;
    case NX_PAST_TTL_NEVER:
        return "never";
    case NX_PAST_TTL_SERVED:
        return "served";
    }
    return "unknown";
}

const char *nx_who_text(unsigned who) {
    switch ((enum nx_who)who) {
    case NX_WHO_UNKNOWN:
        break;
    case NX_WHO_TOLD:
        return "told";
    case NX_WHO_NOTHING:
        return "nothing";
    case NX_WHO_REFUSED:
        return "refused";
    }
    return "unknown";
}

const char *nx_bogus_text(unsigned bogus) {
    switch ((enum nx_bogus)bogus) {
    case NX_BOGUS_UNKNOWN:
        break;
    case NX_BOGUS_FAILED:
        return "servfail";
    case NX_BOGUS_ANSWERED:
        return "answered";
    }
    return "unknown";
}

const char *nx_ede_text(unsigned ede) {
    switch ((enum nx_ede)ede) {
    case NX_EDE_UNKNOWN:
        break;
    case NX_EDE_YES:
        return "yes";
    case NX_EDE_NO:
        return "no";
    }
    return "unknown";
}

const char *nx_validates_text(unsigned validates) {
    switch ((enum nx_validates)validates) {
    case NX_VALIDATES_UNKNOWN:
        break;
    case NX_VALIDATES_SAID:
        return "said";
    case NX_VALIDATES_NOT_SAID:
        return "not-said";
    }
    return "unknown";
}
