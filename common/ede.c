#include "common/ede.h"

#include <stdio.h>

/* As dig names them, and what was registered since. */
const char *nx_ede_name(unsigned code) {
    static const char *const NAMES[] = {
        "Other",
        "Unsupported DNSKEY Algorithm",
        "Unsupported DS Digest Type",
        "Stale Answer",
        "Forged Answer",
        "DNSSEC Indeterminate",
        "DNSSEC Bogus",
        "Signature Expired",
        "Signature Not Yet Valid",
        "DNSKEY Missing",
        "RRSIGs Missing",
        "No Zone Key Bit Set",
        "NSEC Missing",
        "Cached Error",
        "Not Ready",
        "Blocked",
        "Censored",
        "Filtered",
        "Prohibited",
        "Stale NXDOMAIN Answer",
        "Not Authoritative",
        "Not Supported",
        "No Reachable Authority",
        "Network Error",
        "Invalid Data",
        "Signature Expired before Valid",
        "Too Early",
        "Unsupported NSEC3 Iterations Value",
        "Unable to conform to policy",
        "Synthesized",
    };
    return code < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[code] : NULL;
}

const char *nx_ede_write(unsigned code, char *out) {
    const char *name = nx_ede_name(code);
    if (name != NULL) {
        (void)snprintf(out, NX_EDE_TEXT_MAX, "EDE %u (%s)", code, name);
    } else {
        (void)snprintf(out, NX_EDE_TEXT_MAX, "EDE %u", code);
    }
    return out;
}
